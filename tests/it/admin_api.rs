//! The administration API: who may do what, and what a change needs.

use mapae::admin::authority::May;
use mapae::admin::roles;
use mapae::admin::users::Who;
use mapae::domain::admin_right::{AdminRight, Rights};
use mapae::domain::admin_role::AdminRole;
use mapae::domain::scope::Scope;
use mapae::domain::urls::template;
use mapae::web::admin_api::description;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{App, Reply, Server, both, http};

pub(crate) const EVERY_SCOPE: &str =
    "admin:users admin:clients admin:providers admin:keys admin:audit:read openid";

/// A client that may ask for these scopes of the API.
pub(crate) async fn registered(server: &Server, id: &str, scope: &str) -> App {
    let audience = format!("{}/admin/api", server.issuer());
    server
        .client(id, |client| {
            client.metadata.audiences = vec![audience];
            client.metadata.scope = Scope::parse(scope).expect("a scope");
        })
        .await
}

/// Somebody who calls the API.
pub(crate) struct Api {
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Api {
    /// A client with a token of its own.
    pub(crate) async fn machine(server: &Server, id: &str, scope: &str) -> Self {
        let app = registered(server, id, scope).await;
        let of_api = scope.trim_end_matches(" openid");
        let asked = [("grant_type", "client_credentials"), ("scope", of_api)];
        let token = app.token(&asked).await.ok().text("access_token");
        Self { base: app.base, token }
    }

    /// A person with this role, through a client that may ask for every scope.
    pub(crate) async fn person(
        server: &Server,
        app: &App,
        name: &str,
        role: Option<AdminRole>,
    ) -> Self {
        server.user(name, Some("a long enough password")).await;
        if let Some(role) = role {
            grant(server, name, role).await;
        }
        let asked = [
            ("grant_type", "password"),
            ("username", name),
            ("password", "a long enough password"),
            ("scope", EVERY_SCOPE),
        ];
        let token = app.token(&asked).await.ok().text("access_token");
        Self { base: app.base.clone(), token }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        seen: Option<&str>,
        body: Option<Value>,
    ) -> Reply {
        let url = format!("{}/admin/api/v1{path}", self.base);
        let mut request = http().request(method, url).bearer_auth(&self.token);
        if let Some(seen) = seen {
            request = request.header("if-match", seen);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Reply::of(request.send().await.expect("an answer")).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, None, Some(body)).await
    }
}

pub(crate) async fn grant(server: &Server, name: &str, role: AdminRole) {
    let store = &server.inner.services().store;
    roles::grant(&May::operator(), store, server.now(), Who::Name(name), role)
        .await
        .expect("granted");
}

pub(crate) fn etag(reply: &Reply) -> String {
    reply.header("etag").to_owned()
}

/// Every operation of the API: method, path with ids that nobody has, and the rights that it needs.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("GET", "/users", "read people"),
    ("POST", "/users", "change people"),
    ("GET", "/users/{id}", "read people"),
    ("PATCH", "/users/{id}", "change people"),
    ("DELETE", "/users/{id}", "change people"),
    ("POST", "/users/{id}/disable", "change people"),
    ("POST", "/users/{id}/enable", "change people"),
    ("POST", "/users/{id}/logout", "change people"),
    ("POST", "/users/{id}/reset-mfa", "change people"),
    ("POST", "/users/{id}/recover", "change people"),
    ("PUT", "/users/{id}/password", "change people"),
    ("GET", "/users/{id}/overview", "read people"),
    ("GET", "/users/find", "read people"),
    ("GET", "/users/export", "read people"),
    ("POST", "/users/import", "change people"),
    ("POST", "/invitations", "change people"),
    ("GET", "/groups", "read people"),
    ("POST", "/groups", "change people"),
    ("GET", "/groups/{id}", "read people"),
    ("DELETE", "/groups/{id}", "change people"),
    ("GET", "/groups/{id}/members", "read people"),
    ("PUT", "/groups/{id}/members/{user}", "change people"),
    ("DELETE", "/groups/{id}/members/{user}", "change people"),
    ("GET", "/sessions", "read people"),
    ("DELETE", "/sessions/{sid}", "change people"),
    ("GET", "/roles", "read people"),
    ("GET", "/users/{id}/roles", "read people"),
    ("PUT", "/users/{id}/roles/{role}", "grant roles"),
    ("DELETE", "/users/{id}/roles/{role}", "grant roles"),
    ("GET", "/clients", "read clients"),
    ("POST", "/clients", "change clients"),
    ("GET", "/clients/{id}", "read clients"),
    ("PATCH", "/clients/{id}", "change clients"),
    ("DELETE", "/clients/{id}", "change clients"),
    ("POST", "/clients/{id}/disable", "change clients"),
    ("POST", "/clients/{id}/enable", "change clients"),
    ("GET", "/clients/{id}/secrets", "read clients"),
    ("POST", "/clients/{id}/secrets", "change secrets"),
    ("DELETE", "/clients/{id}/secrets/{secret}", "change secrets"),
    ("GET", "/clients/{id}/roles", "read clients"),
    ("POST", "/clients/{id}/roles", "change clients"),
    ("GET", "/clients/{id}/roles/{role}", "read clients"),
    ("DELETE", "/clients/{id}/roles/{role}", "change clients"),
    ("GET", "/clients/{id}/roles/{role}/holders", "read people"),
    ("PUT", "/clients/{id}/roles/{role}/holders/{user}", "change people"),
    ("DELETE", "/clients/{id}/roles/{role}/holders/{user}", "change people"),
    ("GET", "/scopes", "read clients"),
    ("POST", "/scopes", "change clients"),
    ("GET", "/scopes/{name}", "read clients"),
    ("PATCH", "/scopes/{name}", "change clients"),
    ("DELETE", "/scopes/{name}", "change clients"),
    ("GET", "/attributes", "read clients"),
    ("POST", "/attributes", "change clients"),
    ("GET", "/attributes/{name}", "read clients"),
    ("PATCH", "/attributes/{name}", "change clients"),
    ("DELETE", "/attributes/{name}", "change clients"),
    ("GET", "/resources", "read clients"),
    ("POST", "/resources", "change clients"),
    ("GET", "/resources/{id}", "read clients"),
    ("PATCH", "/resources/{id}", "change clients"),
    ("DELETE", "/resources/{id}", "change clients"),
    ("GET", "/providers", "read providers"),
    ("POST", "/providers", "change providers"),
    ("GET", "/providers/{slug}", "read providers"),
    ("PATCH", "/providers/{slug}", "change providers"),
    ("POST", "/providers/{slug}/check", "change providers"),
    ("DELETE", "/providers/{slug}", "change providers"),
    ("POST", "/providers/{slug}/disable", "change providers"),
    ("POST", "/providers/{slug}/enable", "change providers"),
    ("GET", "/keys", "read keys"),
    ("GET", "/keys/fetchers", "read keys"),
    ("POST", "/keys/rotate", "change keys"),
    ("DELETE", "/keys/{kid}", "change keys"),
    ("GET", "/audit", "read the audit"),
    ("GET", "/settings", "read settings"),
    ("POST", "/clients/{id}/token-preview", "read people, read clients"),
    ("POST", "/tokens/explain", "read people, read clients"),
    ("POST", "/tokens/inspect", "read people, read clients"),
    ("POST", "/tokens/revoke", "change people"),
    ("POST", "/tokens/revoke-issued-before", "change keys"),
    ("GET", "/scim-tokens", "read clients"),
    ("POST", "/scim-tokens", "change secrets"),
    ("GET", "/scim-tokens/{id}", "read clients"),
    ("DELETE", "/scim-tokens/{id}", "change secrets"),
    ("GET", "/registration-tokens", "read clients"),
    ("POST", "/registration-tokens", "change clients"),
    ("GET", "/registration-tokens/{id}", "read clients"),
    ("DELETE", "/registration-tokens/{id}", "change clients"),
    ("GET", "/webhooks", "read clients"),
    ("POST", "/webhooks", "change clients"),
    ("GET", "/webhooks/{id}", "read clients"),
    ("DELETE", "/webhooks/{id}", "change clients"),
    ("POST", "/webhooks/{id}/secret", "change secrets"),
    ("POST", "/webhooks/{id}/replay", "change clients"),
    ("POST", "/webhooks/replay", "change clients"),
];

fn path(template: &str) -> String {
    template
        .replace("{id}", "nobody")
        .replace("{sid}", "nobody")
        .replace("{user}", "nobody")
        .replace("{name}", "nobody")
        .replace("{secret}", "nobody")
        .replace("{role}", "auditor")
        .replace("{slug}", "nobody")
        .replace("{kid}", "nobody")
}

#[test]
fn the_table_of_operations_has_every_operation_of_the_description() {
    let api = serde_json::to_value(description()).expect("JSON");
    let mut described = Vec::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        let path = path.strip_prefix("/admin/api/v1").expect("below the API");
        let methods = item.as_object().expect("operations").keys();
        described.extend(methods.map(|method| (method.to_uppercase(), path.to_owned())));
    }
    let mut listed: Vec<_> = OPERATIONS
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    for (_, path) in &described {
        let route = format!("/admin/api/v1{path}");
        // The log and the metrics name a route by its template.
        assert_eq!(template(&route, ""), Some(&*route));
    }
    described.sort();
    listed.sort();
    assert_eq!(described, listed);
    // OpenAPI 3.1 §4.8.10: the id of an operation is its own.
    let every = api["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|item| item.as_object().expect("operations").values());
    let ids: Vec<_> =
        every.map(|operation| operation["operationId"].as_str().expect("an id")).collect();
    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
}

both! {
    async fn every_operation_is_open_to_exactly_the_roles_and_scopes_that_have_its_right(database) {
        let server = Server::start(&database).await;
        let app = registered(&server, "console", EVERY_SCOPE).await;
        let mut callers = Vec::new();
        for role in AdminRole::ALL {
            let api = Api::person(&server, &app, role.as_str(), Some(*role)).await;
            callers.push((role.as_str().to_owned(), role.rights(), api));
        }
        callers.push(("nobody".into(), Rights::default(), Api::person(&server, &app, "nobody", None).await));
        for scope in mapae::domain::admin_right::AdminScope::ALL {
            let id = scope.as_str().replace(':', "-");
            let rights = scope.rights().of_machine();
            callers.push((id.clone(), rights, Api::machine(&server, &id, scope.as_str()).await));
        }
        for (method, template, needed) in OPERATIONS {
            let needed: Rights = needed.split(", ").map(|right| right.parse::<AdminRight>().expect("a right")).collect();
            for (name, rights, api) in &callers {
                // No If-Match, no body, ids of nobody: whoever may, hears of that and nothing else.
                let method: Method = method.parse().expect("a method");
                let reply = api.send(method.clone(), &path(template), None, None).await;
                let refused = reply.status == 403 && reply.json()["reason"] == "admin_scope_missing";
                assert_eq!(refused, !rights.includes(needed), "{name} {method} {template}: {}", reply.text);
                if refused {
                    let challenge = reply.header("www-authenticate");
                    assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
                    assert!(challenge.contains("scope=\"admin:"), "{challenge}");
                }
            }
            // Without a token, and with one for another audience.
            let anonymous = http().request(method.parse().unwrap(), format!("{}/admin/api/v1{}", app.base, path(template)));
            let reply = Reply::of(anonymous.send().await.unwrap()).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["reason"]), (401, &json!("access_token_missing")), "{template}");
            assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"mapae\"");
        }
    }
}

both! {
    async fn rfc9068_4_a_token_for_another_audience_is_refused(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |client| {
            client.metadata.audiences = vec!["https://api.example.com".to_owned()];
            client.metadata.scope = Scope::parse(EVERY_SCOPE).unwrap();
        }).await;
        let token = app.token(&[("grant_type", "client_credentials")]).await.ok().text("access_token");
        let api = Api { base: app.base, token };
        let reply = api.get("/users").await;
        assert_eq!((reply.status.as_u16(), &reply.json()["reason"]), (401, &json!("access_token_invalid")));
    }
}

both! {
    async fn a_change_needs_the_version_that_was_seen_and_the_audit_tells_who_changed_what(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let made = api.post("/users", json!({ "username": "bora", "email": "bora@example.com", "claims": { "name": "Bora" } })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let person = made.json();
        let path = format!("/users/{}", person["id"].as_str().unwrap());
        assert!(made.header("location").ends_with(&format!("/admin/api/v1{path}")));
        let seen = etag(&made);
        assert_eq!(etag(&api.get(&path).await.ok()), seen);

        let change = json!({ "name": "Bora Kim" });
        let without = api.send(Method::PATCH, &path, None, Some(change.clone())).await;
        assert_eq!((without.status.as_u16(), &without.json()["reason"]), (428, &json!("admin_version_missing")));
        let changed = api.send(Method::PATCH, &path, Some(&seen), Some(change.clone())).await.ok();
        assert_eq!(changed.json()["claims"]["name"], "Bora Kim");
        assert_ne!(etag(&changed), seen);
        // The version before it is not there any more.
        let late = api.send(Method::PATCH, &path, Some(&seen), Some(json!({ "name": "Other" }))).await;
        assert_eq!((late.status.as_u16(), &late.json()["reason"]), (412, &json!("admin_changed")));
        assert_eq!(api.get(&path).await.json()["claims"]["name"], "Bora Kim");

        let events = api.get(&format!("/audit?user={}&kind=user.updated", person["id"].as_str().unwrap())).await.ok().json();
        let slip = api.get("/audit?kind=user.updatd").await;
        assert!(slip.status == 400 && slip.text.contains("did you mean user.updated?"), "{}", slip.text);
        let event = &events["items"][0];
        assert_eq!(event["actor"], "client:robot");
        assert_eq!((&event["before"], &event["after"]), (&json!({ "claims": { "name": "Bora" } }), &json!({ "claims": { "name": "Bora Kim" } })));
        assert_eq!(event["request_id"], changed.header("x-request-id"));
        assert!(!events.to_string().contains("password"));

        let gone = api.send(Method::DELETE, &path, Some(&etag(&changed)), None).await;
        assert_eq!(gone.status, 204, "{}", gone.text);
        assert_eq!(api.get(&path).await.status, 404);
        // What the change replaced went with the person; who did it and when stays.
        let events = api.get(&format!("/audit?user={}", person["id"].as_str().unwrap())).await.ok().text;
        assert!(events.contains("user.updated") && !events.contains("Bora"), "{events}");
    }
}

both! {
    async fn of_two_changes_at_once_that_saw_the_same_one_counts(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let made = api.post("/users", json!({ "username": "bora" })).await;
        let (path, seen) = (format!("/users/{}", made.json()["id"].as_str().unwrap()), etag(&made));
        let change = |name: &str| api.send(Method::PATCH, &path, Some(&seen), Some(json!({ "name": name })));
        let answers = futures_util::future::join_all(["a", "b", "c", "d"].map(change)).await;
        let mut statuses: Vec<_> = answers.iter().map(|reply| reply.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412, 412, 412]);
    }
}

both! {
    async fn nobody_does_to_a_person_or_gives_what_is_beyond_their_own_rights(database) {
        let server = Server::start(&database).await;
        let app = registered(&server, "console", EVERY_SCOPE).await;
        let support = Api::person(&server, &app, "helper", Some(AdminRole::Support)).await;
        let admin = Api::person(&server, &app, "manager", Some(AdminRole::Admin)).await;
        let robot = Api::machine(&server, "robot", "admin:users").await;
        let owner = Api::person(&server, &app, "boss", Some(AdminRole::Owner)).await;
        let found = owner.get("/users?search=boss").await.ok().json();
        let id = found["items"][0]["id"].as_str().expect("an id").to_owned();
        let password = json!({ "password": "another long password" });
        for api in [&support, &admin, &robot] {
            for (method, path, body) in [
                (Method::PUT, format!("/users/{id}/password"), Some(password.clone())),
                (Method::POST, format!("/users/{id}/recover"), None),
                (Method::POST, format!("/users/{id}/reset-mfa"), None),
                (Method::POST, format!("/users/{id}/logout"), None),
                (Method::POST, format!("/users/{id}/disable"), None),
                (Method::DELETE, format!("/users/{id}"), None),
                (Method::PATCH, format!("/users/{id}"), Some(json!({ "email": "thief@example.com", "email_verified": true }))),
            ] {
                let reply = api.send(method, &path, Some("*"), body).await;
                assert_eq!((reply.status.as_u16(), &reply.json()["reason"]), (403, &json!("admin_forbidden")), "{path}: {}", reply.text);
            }
        }
        // An admin makes admins, and no owner.
        let someone = server.user("someone", None).await;
        let to = |role: &str| format!("/users/{someone}/roles/{role}");
        assert_eq!(admin.send(Method::PUT, &to("owner"), None, None).await.status, 403);
        assert_eq!(robot.send(Method::PUT, &to("admin"), None, None).await.status, 403);
        assert_eq!(admin.send(Method::PUT, &to("admin"), None, None).await.status, 204);
        assert_eq!(owner.send(Method::PUT, &to("owner"), None, None).await.status, 204);
        assert_eq!(owner.send(Method::DELETE, &to("owner"), None, None).await.status, 204);
        // The last owner stays.
        let last = owner.send(Method::DELETE, &format!("/users/{id}/roles/owner"), None, None).await;
        assert_eq!((last.status.as_u16(), &last.json()["reason"]), (409, &json!("admin_conflict")), "{}", last.text);
        let disabled = owner.send(Method::POST, &format!("/users/{id}/disable"), Some("*"), None).await;
        assert_eq!(disabled.status, 409, "{}", disabled.text);
    }
}

both! {
    async fn nobody_deletes_a_group_that_somebody_with_more_rights_is_in(database) {
        let server = Server::start(&database).await;
        let app = registered(&server, "console", EVERY_SCOPE).await;
        let support = Api::person(&server, &app, "helper", Some(AdminRole::Support)).await;
        let robot = Api::machine(&server, "robot", "admin:users").await;
        let owner = Api::person(&server, &app, "boss", Some(AdminRole::Owner)).await;
        let someone = server.user("someone", None).await;
        let id = async |name: &str| {
            let found = owner.get(&format!("/users?search={name}")).await.ok().json();
            found["items"][0]["id"].as_str().expect("an id").to_owned()
        };
        let (boss, helper) = (id("boss").await, id("helper").await);
        let made = owner.post("/groups", json!({ "name": "staff" })).await;
        let group = format!("/groups/{}", made.text("id"));
        let member = |id: &str| format!("{group}/members/{id}");
        for id in [&boss, &helper, &someone] {
            assert_eq!(owner.send(Method::PUT, &member(id), None, None).await.status, 204);
        }
        for api in [&support, &robot] {
            for path in [member(&boss), group.clone()] {
                let reply = api.send(Method::DELETE, &path, Some("*"), None).await;
                assert_eq!((reply.status.as_u16(), &reply.json()["reason"]), (403, &json!("admin_forbidden")), "{path}: {}", reply.text);
                assert!(reply.text.contains("boss"), "{}", reply.text);
            }
        }
        let members = owner.get(&format!("{group}/members")).await.ok().json();
        assert_eq!(members["items"].as_array().map(Vec::len), Some(3), "{members}");
        // Without the owner it is a group of people whom they may change.
        assert_eq!(owner.send(Method::DELETE, &member(&boss), None, None).await.status, 204);
        assert_eq!(support.send(Method::DELETE, &group, Some("*"), None).await.status, 204);
        // An owner deletes a group with owners in it.
        let made = owner.post("/groups", json!({ "name": "owners" })).await;
        let group = format!("/groups/{}", made.text("id"));
        let member = format!("{group}/members/{boss}");
        assert_eq!(owner.send(Method::PUT, &member, None, None).await.status, 204);
        assert_eq!(owner.send(Method::DELETE, &group, Some("*"), None).await.status, 204);
    }
}

both! {
    async fn a_client_gets_no_scope_of_the_api_that_its_maker_lacks(database) {
        let server = Server::start(&database).await;
        let robot = Api::machine(&server, "robot", "admin:clients").await;
        registered(&server, "keeper", "admin:keys").await;
        let with = |scope: &str| json!({ "id": "made", "metadata": { "scope": scope, "grant_types": ["client_credentials"] } });
        let refused = robot.post("/clients", with("admin:keys")).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["reason"]), (403, &json!("admin_forbidden")), "{}", refused.text);
        let made = robot.post("/clients", with("admin:clients:read read")).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let secret = made.text("client_secret");
        assert!(!secret.is_empty());
        // No secret is read back.
        let shown = robot.get("/clients/made").await.ok();
        assert!(!shown.text.contains(&secret) && shown.json()["client_secret"].is_null());
        let widened = robot.send(Method::PATCH, "/clients/made", Some(&etag(&made)), Some(json!({ "metadata": { "scope": "admin:users" } }))).await;
        assert_eq!(widened.status, 403, "{}", widened.text);
        // Whoever has the secret of a client has its scopes.
        for (method, path) in [(Method::DELETE, "/clients/keeper"), (Method::POST, "/clients/keeper/disable")] {
            assert_eq!(robot.send(method, path, Some("*"), None).await.status, 403, "{path}");
        }
        assert_eq!(robot.post("/clients/keeper/secrets", json!({})).await.status, 403);
        let again = robot.post("/clients", with("read")).await;
        assert_eq!((again.status.as_u16(), &again.json()["reason"]), (409, &json!("admin_conflict")));
        let bad = robot.post("/clients", json!({ "id": "bad", "metadata": { "grant_types": ["no such"] } })).await;
        assert_eq!((bad.status.as_u16(), &bad.json()["reason"]), (422, &json!("admin_invalid")), "{}", bad.text);
    }
}

both! {
    async fn rfc9470_3_a_dangerous_change_needs_a_proof_that_is_not_old(database) {
        let server = Server::start(&database).await;
        let app = registered(&server, "console", EVERY_SCOPE).await;
        server.user("boss", Some("a long enough password")).await;
        grant(&server, "boss", AdminRole::Owner).await;
        let asked = [
            ("grant_type", "password"),
            ("username", "boss"),
            ("password", "a long enough password"),
            ("scope", EVERY_SCOPE),
        ];
        let (token, refresh) = app.token(&asked).await.pair();
        let mut owner = Api { base: app.base.clone(), token };
        // There is no such key: who may, hears of that.
        let dropped = owner.send(Method::DELETE, "/keys/nobody", None, None).await;
        assert_eq!(dropped.json()["reason"], "admin_conflict", "{}", dropped.text);
        // A refresh gives another token, and proves nothing about the person.
        server.advance(16 * 60);
        owner.token = app.refresh(&refresh).await.ok().text("access_token");
        let dropped = owner.send(Method::DELETE, "/keys/nobody", None, None).await;
        assert_eq!((dropped.status.as_u16(), &dropped.json()["reason"]), (401, &json!("admin_proof_old")));
        let challenge = dropped.header("www-authenticate");
        assert!(challenge.contains("error=\"insufficient_user_authentication\""), "{challenge}");
        assert!(challenge.contains("max_age=\"900\""), "{challenge}");
        // Nor does what brings the same by another way: a client with these scopes, a secret, a
        // credential, the password of somebody with a role.
        let boss = owner.get("/users?search=boss").await.ok().json()["items"][0]["id"].clone();
        let boss = format!("/users/{}", boss.as_str().unwrap());
        let grants = json!(["client_credentials"]);
        let keys = json!({ "metadata": { "jwks": { "keys": [] } } });
        let panel = json!({ "grant_types": ["authorization_code"], "scope": "admin:keys", "redirect_uris": ["https://panel.example.com/cb"] });
        for (method, path, body) in [
            (Method::POST, "/clients", json!({ "id": "secret", "metadata": { "grant_types": grants, "scope": "read",
                "token_endpoint_auth_method": "client_secret" } })),
            (Method::POST, "/clients", json!({ "id": "panel", "kind": "public", "metadata": panel })),
            (Method::POST, "/clients", json!({ "id": "keys", "metadata": { "grant_types": grants, "scope": "read",
                "jwks_uri": "https://keys.example.com/jwks.json" } })),
            (Method::POST, "/clients", json!({ "id": "certificate", "metadata": { "grant_types": grants, "scope": "read",
                "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=own",
                "resource_servers": ["https://api.example.com"] } })),
            (Method::PATCH, "/clients/console", json!({ "metadata": { "tls_client_auth_subject_dn": "CN=other" } })),
            (Method::PATCH, "/clients/console", json!({ "metadata": { "tls_client_auth_san_dns": "other.example.com" } })),
            (Method::PATCH, "/clients/console", json!({ "metadata": { "resource_servers": ["https://api.example.com"] } })),
            (Method::PATCH, "/clients/console", keys),
            (Method::PUT, &format!("{boss}/password"), json!({ "password": "another long password" })),
            (Method::POST, &format!("{boss}/recover"), json!({})),
            (Method::POST, &format!("{boss}/reset-mfa"), json!({})),
            (Method::POST, "/tokens/revoke-issued-before", json!({ "issued_before": "2020-01-01T00:00:00Z" })),
        ] {
            let reply = owner.send(method, path, Some("*"), Some(body)).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["reason"]), (401, &json!("admin_proof_old")), "{path}: {}", reply.text);
            assert!(reply.header("www-authenticate").contains("max_age=\"900\""));
        }
        // What is not dangerous is still possible.
        owner.get("/keys").await.ok();
        let public = json!({ "id": "spa", "kind": "public", "metadata": { "grant_types": ["authorization_code"],
            "redirect_uris": ["https://spa.example.com/cb"] } });
        assert_eq!(owner.post("/clients", public).await.status, 201);
        owner.post("/users", json!({ "username": "new" })).await;
        assert!(owner.get("/users?search=new").await.ok().text.contains("\"new\""));
    }
}

both! {
    async fn lists_are_read_page_by_page(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        for name in ["ant", "bee", "cat", "dog", "eel"] {
            server.user(name, None).await;
        }
        let mut names = Vec::new();
        let mut after = String::new();
        loop {
            let page = api.get(&format!("/users?limit=2{after}")).await.ok().json();
            names.extend(page["items"].as_array().unwrap().iter().map(|one| one["username"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        names.sort();
        assert_eq!(names, ["ant", "bee", "cat", "dog", "eel"]);
        for bad in ["/users?limit=0", "/users?limit=201", "/users?limit=x", "/users?after=nonsense", "/users?colour=red", "/clients?limit=0", "/audit?after=x", "/audit?since=yesterday"] {
            let reply = api.get(bad).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["reason"]), (400, &json!("admin_query_malformed")), "{bad}: {}", reply.text);
        }
    }
}

both! {
    async fn a_session_at_an_app_is_listed_and_ended(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let alice = server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (_, refresh) = app.password("openid").await.pair();
        let listed = api.get(&format!("/sessions?user={alice}")).await.ok().json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        assert_eq!(listed["items"][0]["client"], "app");
        let path = format!("/sessions/{}", listed["items"][0]["id"].as_str().unwrap());
        assert_eq!(api.send(Method::DELETE, &path, None, None).await.status, 204);
        assert_eq!(app.refresh(&refresh).await.status, 400);
        assert_eq!(api.send(Method::DELETE, &path, None, None).await.status, 404);
        assert_eq!(api.get(&format!("/sessions?user={alice}")).await.ok().json()["items"], json!([]));
    }
}

both! {
    async fn resources_are_registered_changed_and_deleted(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", "admin:clients").await;
        let id = "https://api.example.com/v1";
        let made = api.post("/resources", json!({ "id": id, "metadata": { "scope": "read write" } })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let place = made.header("location").split("/admin/api/v1").nth(1).unwrap().to_owned();
        assert_eq!(place, "/resources/https%3A%2F%2Fapi.example.com%2Fv1");
        let seen = api.get(&place).await;
        assert_eq!((&seen.json()["id"], &seen.json()["metadata"]["scope"]), (&json!(id), &json!("read write")));
        let change = json!({ "metadata": { "access_lifetime": 60, "scope": null } });
        let changed = api.send(Method::PATCH, &place, Some(&etag(&seen)), Some(change.clone())).await.ok();
        assert_eq!(changed.json()["metadata"]["access_lifetime"], 60);
        assert_eq!(changed.json()["metadata"]["scope"], "");
        let stale = api.send(Method::PATCH, &place, Some(&etag(&seen)), Some(change)).await;
        assert_eq!(stale.status, 412);
        for bad in [json!({ "unknown": 1 }), json!({ "access_lifetime": 100_000 })] {
            let reply = api.send(Method::PATCH, &place, Some("*"), Some(json!({ "metadata": bad }))).await;
            assert_eq!(reply.status, 422, "{}", reply.text);
        }
        for (id, status) in [("api", 422), (id, 409)] {
            assert_eq!(api.post("/resources", json!({ "id": id })).await.status, status);
        }
        for number in 0..3 {
            api.post("/resources", json!({ "id": format!("urn:{number}") })).await;
        }
        let first = api.get("/resources?limit=2").await.json();
        assert_eq!(first["items"][0]["id"], id);
        let rest = api.get(&format!("/resources?after={}", first["next"].as_str().unwrap())).await.json();
        assert_eq!((rest["items"].as_array().unwrap().len(), rest.get("next")), (2, None));
        let deleted = api.send(Method::DELETE, &place, Some(&etag(&changed)), None).await;
        assert_eq!(deleted.status, 204);
        assert_eq!(api.get(&place).await.status, 404);
    }

    async fn keys_are_listed_rotated_and_dropped(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let before = api.get("/keys").await.ok().json()["items"].as_array().unwrap().len();
        let made = api.post("/keys/rotate", json!({ "alg": "ES256" })).await.ok().json();
        assert_eq!(made["items"].as_array().unwrap().len(), 1);
        let kid = made["items"][0]["kid"].as_str().unwrap().to_owned();
        let keys = api.get("/keys").await.ok();
        assert_eq!(keys.json()["items"].as_array().unwrap().len(), before + 1);
        assert!(!keys.text.contains("\"d\""));
        assert_eq!(api.send(Method::DELETE, &format!("/keys/{kid}"), None, None).await.status, 204);
        assert_eq!(api.get("/keys").await.ok().json()["items"].as_array().unwrap().len(), before);
        assert_eq!(api.post("/keys/rotate", json!({ "alg": "HS256" })).await.status, 422);
        // Who fetched them.
        let url = server.url("/.well-known/jwks.json");
        for agent in ["orders-api", "billing-api"] {
            http().get(&url).header("user-agent", agent).send().await.unwrap();
        }
        let services = server.inner.services();
        services.key_fetchers.write(&services.store, services.clock.now()).await.expect("written");
        let first = api.get("/keys/fetchers?limit=1").await.ok().json();
        let kids: Vec<_> = api.get("/keys").await.json()["items"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
        assert_eq!((&first["items"][0]["agent"], first["items"].as_array().unwrap().len()), (&json!("billing-api"), 1));
        assert!(first["items"][0]["last"].is_string(), "{first}");
        assert!(kids.iter().all(|kid| first["items"][0]["kids"].as_array().unwrap().contains(kid)), "{first} {kids:?}");
        let rest = api.get(&format!("/keys/fetchers?after={}", first["next"].as_str().unwrap())).await.ok().json();
        assert_eq!((&rest["items"][0]["agent"], rest["items"].as_array().unwrap().len()), (&json!("orders-api"), 1));
    }
}

both! {
    async fn a_creation_with_a_key_happens_once_and_its_secret_is_shown_once(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let asked = |key: &str, path: &str, body: Value| {
            let url = format!("{}/admin/api/v1{path}", api.base);
            http().post(url).bearer_auth(&api.token).header("idempotency-key", key).json(&body).send()
        };
        let body = json!({ "id": "made", "metadata": { "scope": "read" } });
        let first = Reply::of(asked("k1", "/clients", body.clone()).await.unwrap()).await;
        assert_eq!(first.status, 201, "{}", first.text);
        let secret = first.text("client_secret");
        let second = Reply::of(asked("k1", "/clients", body.clone()).await.unwrap()).await;
        assert_eq!(second.status, 201, "{}", second.text);
        assert!(!second.text.contains(&secret), "{}", second.text);
        assert_eq!((second.header("location"), etag(&second)), (first.header("location"), etag(&first)));
        assert_eq!(second.json()["id"], "made");
        // Another body, or another operation, is another request.
        for (path, body) in [("/clients", json!({ "id": "other" })), ("/users", json!({ "username": "made" }))] {
            let other = Reply::of(asked("k1", path, body).await.unwrap()).await;
            assert_eq!((other.status.as_u16(), &other.json()["reason"]), (422, &json!("idempotency_key_reused")));
        }
        // The key of one caller says nothing about that of another.
        let stranger = Api::machine(&server, "stranger", EVERY_SCOPE).await;
        let url = format!("{}/admin/api/v1/clients", stranger.base);
        let other = http().post(url).bearer_auth(&stranger.token).header("idempotency-key", "k1").json(&body);
        let other = Reply::of(other.send().await.unwrap()).await;
        assert_eq!((other.status.as_u16(), &other.json()["reason"]), (409, &json!("admin_conflict")));
        // What was refused may be asked for again.
        let refused = Reply::of(asked("k2", "/users", json!({ "username": "a b" })).await.unwrap()).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        let made = Reply::of(asked("k2", "/users", json!({ "username": "ab" })).await.unwrap()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        // What was kept of an answer goes with the person whom it tells of.
        let path = format!("/users/{}", made.text("id"));
        assert_eq!(api.send(Method::DELETE, &path, Some("*"), None).await.status, 204);
        let other = Reply::of(asked("k2", "/users", json!({ "username": "ab" })).await.unwrap()).await;
        assert_eq!(other.status, 201, "{}", other.text);
        assert_ne!(other.text("id"), made.text("id"));
        // Of many at once one makes it.
        let body = json!({ "username": "many" });
        let all = futures_util::future::join_all((0..6).map(|_| asked("k3", "/users", body.clone()))).await;
        for answer in all {
            let reply = Reply::of(answer.unwrap()).await;
            let waits = reply.status == 409 && reply.json()["reason"] == "idempotency_key_in_use";
            assert!(reply.status == 201 || waits, "{}", reply.text);
        }
        let found = api.get("/users?search=many").await.ok().json();
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
    }
}
