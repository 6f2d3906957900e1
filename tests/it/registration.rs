//! Apps that register themselves: RFC 7591, RFC 7592, security case S147.

use futures_util::future::join_all;
use mapae::admin::authority::May;
use mapae::admin::registration_tokens::{self, NewRegistrationToken};
use mapae::admin::{client_roles, clients};
use mapae::domain::client::SubjectType;
use mapae::domain::client_metadata::ClientChange;
use serde_json::{Map, Value, json};

use crate::admin_api::{Api, EVERY_SCOPE};
use crate::client_keys::{ASSERTION, Signer, set};
use crate::console::owner;
use crate::support::{
    App, CALLBACK, CHALLENGE, Page, Published, Publisher, Reply, Server, both, eventually, form,
};

const OPEN: &[(&str, &str)] = &[("registration.mode", "open")];
const BY_TOKEN: &[(&str, &str)] = &[("registration.mode", "token")];

fn document(changes: &Value) -> Value {
    let mut document = json!({
        "client_name": "Notes", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "scope": "openid offline_access",
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    document
}

async fn call(
    server: &Server,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Reply {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = server.http.request(method, server.url(path));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    Reply::of(request.send().await.unwrap()).await
}

async fn register(server: &Server, token: Option<&str>, changes: &Value) -> Reply {
    call(server, "POST", "/register", token, Some(&document(changes))).await
}

async fn token(server: &Server, uses: u32) -> String {
    let (store, may) = (&server.inner.services().store, May::operator());
    let new = NewRegistrationToken { name: None, lifetime: chrono::Duration::hours(1), uses };
    let made = registration_tokens::create(&may, store, server.now(), new);
    made.await.unwrap().1.expose().to_owned()
}

fn app(server: &Server, registered: &Reply) -> App {
    App {
        id: registered.text("client_id"),
        secret: registered.json()["client_secret"].as_str().map(str::to_owned),
        base: server.issuer().to_owned(),
        http: server.http.clone(),
    }
}

fn path(registered: &Reply) -> String {
    format!("/register/{}", registered.text("client_id"))
}

both! {
    async fn rfc7591_3_nobody_registers_where_it_is_off(database) {
        let server = Server::start(&database).await;
        register(&server, None, &json!({})).await.refused(404, "not_found");
        for method in ["GET", "PUT", "DELETE"] {
            assert_eq!(call(&server, method, "/register/x", Some("x"), Some(&json!({}))).await.status, 404, "{method}");
        }
        let any = server.client("any", |_| {}).await;
        assert!(any.metadata().await.get("registration_endpoint").is_none());
    }

    async fn rfc7591_3_1_an_app_that_registered_itself_signs_people_in_and_always_asks(database) {
        let server = Server::start_with(&database, OPEN).await;
        server.alice().await;
        let registered = register(&server, None, &json!({ "client_uri": "https://notes.example", "contacts": ["a@notes.example"], "x-unknown": 1 })).await;
        assert_eq!(registered.status, 201, "{}", registered.text);
        assert!(registered.header("cache-control").contains("no-store"));
        let answer = registered.json();
        for (name, value) in [
            ("client_name", json!("Notes")), ("redirect_uris", json!([CALLBACK])), ("response_types", json!(["code"])),
            ("grant_types", json!(["authorization_code", "refresh_token"])), ("scope", json!("offline_access openid")),
            ("token_endpoint_auth_method", json!("none")), ("contacts", json!(["a@notes.example"])),
        ] {
            assert_eq!(answer[name], value, "{name}");
        }
        assert!(answer.get("client_secret").is_none() && answer.get("client_secret_expires_at").is_none());
        assert!(answer.get("first_party").is_none() && answer.get("x-unknown").is_none());
        assert_eq!(answer["registration_client_uri"], json!(server.url(&path(&registered))));
        let app = app(&server, &registered);
        assert_eq!(app.metadata().await["registration_endpoint"], json!(server.url("/register")));
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[("scope", "openid offline_access")])).await;
        let page = browser.sign_in(&page).await;
        assert!(page.has("consent-allow"), "{}", page.reply.text);
        let code = browser.consent(&page, "allow").await.authorization_response().code();
        let (_, refresh) = app.exchange(&code).await.ok().pair();
        app.refresh(&refresh).await.ok();
    }

    async fn rfc7591_3_a_token_is_good_for_so_many_registrations_and_for_so_long(database) {
        let server = Server::start_with(&database, BY_TOKEN).await;
        assert_eq!(register(&server, None, &json!({})).await.status, 401);
        register(&server, Some("mapae_it_x"), &json!({})).await.refused(401, "invalid_token");
        let once = token(&server, 1).await;
        // What is refused spends nothing.
        register(&server, Some(&once), &json!({ "grant_types": ["password"], "response_types": null })).await.refused(400, "invalid_client_metadata");
        let nothing = json!({});
        let replies = join_all((0..8).map(|_| register(&server, Some(&once), &nothing))).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
        replies.iter().filter(|reply| reply.status != 201).for_each(|reply| reply.refused(401, "invalid_token"));
        let twice = token(&server, 2).await;
        for status in [201, 201, 401] {
            assert_eq!(register(&server, Some(&twice), &json!({})).await.status, status);
        }
        let short = token(&server, 1).await;
        server.advance(3600);
        register(&server, Some(&short), &json!({})).await.refused(401, "invalid_token");
    }

    async fn rfc6750_3_1_whoever_shows_no_token_is_told_of_no_error(database) {
        let server = Server::start_with(&database, BY_TOKEN).await;
        let once = token(&server, 1).await;
        let path = path(&register(&server, Some(&once), &json!({})).await);
        let whole = document(&json!({}));
        for (method, path) in [
            ("POST", "/register"), ("GET", path.as_str()), ("PUT", path.as_str()), ("DELETE", path.as_str()),
            ("GET", "/register/nobody"),
        ] {
            for other in [None, Some("Bearer"), Some("Basic eDp5")] {
                let request = server.http.request(method.parse().unwrap(), server.url(path));
                let mut request = request.header("content-type", "application/json").body(whole.to_string());
                if let Some(other) = other {
                    request = request.header("authorization", other);
                }
                let reply = Reply::of(request.send().await.unwrap()).await;
                let told = (reply.status.as_u16(), reply.header("www-authenticate"), reply.text.as_str());
                assert_eq!(told, (401, "Bearer realm=\"mapae\"", ""), "{method} {path} {other:?}");
            }
            let wrong = call(&server, method, path, Some("x"), Some(&whole)).await;
            wrong.refused(401, "invalid_token");
            assert!(wrong.header("www-authenticate").contains("error=\"invalid_token\""), "{method} {path}");
        }
    }

    async fn s147_each_line_is_refused_for_one_reason(database) {
        let server = Server::start_with(&database, &[
            ("registration.mode", "open"), ("registration.per_address", "off"),
            ("registration.grants", "authorization_code,refresh_token,client_credentials"),
        ]).await;
        let key = set(&[&Signer::new("1")]);
        let mut private = key.clone();
        private["keys"][0]["d"] = json!("AAAA");
        let many = json!({ "keys": vec![json!({ "kty": "x" }); 33] });
        for (changes, error) in [
            (json!({ "redirect_uris": null }), "invalid_client_metadata"),
            (json!({ "redirect_uris": [] }), "invalid_client_metadata"),
            (json!({ "redirect_uris": ["javascript:alert(1)"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["data:text/html,x"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["vbscript:x"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["file:///etc/passwd"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["blob:https://app.example/x"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["http://app.example/cb"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["https://app.example/cb#x"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["https://app.example/*"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["https://a:b@app.example/cb"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["/cb"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["app:/cb"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["com.example.app:/cb"], "token_endpoint_auth_method": "client_secret_basic" }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["http://127.0.0.1/cb"], "application_type": "web" }), "invalid_redirect_uri"),
            (json!({ "post_logout_redirect_uris": ["http://app.example"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": vec!["https://app.example/cb"; 33] }), "invalid_client_metadata"),
            (json!({ "grant_types": ["password"], "response_types": null }), "invalid_client_metadata"),
            (json!({ "grant_types": ["urn:ietf:params:oauth:grant-type:jwt-bearer"], "response_types": null }), "invalid_client_metadata"),
            (json!({ "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"], "response_types": null }), "invalid_client_metadata"),
            (json!({ "grant_types": ["implicit"] }), "invalid_client_metadata"),
            (json!({ "grant_types": ["client_credentials"], "response_types": null }), "invalid_client_metadata"),
            (json!({ "response_types": ["token"] }), "invalid_client_metadata"),
            (json!({ "scope": "openid orders:write" }), "invalid_client_metadata"),
            (json!({ "scope": "admin:users" }), "invalid_client_metadata"),
            (json!({ "token_endpoint_auth_method": "client_secret_jwt" }), "invalid_client_metadata"),
            (json!({ "token_endpoint_auth_method": "private_key_jwt" }), "invalid_client_metadata"),
            (json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": key, "jwks_uri": "https://app.example/jwks" }), "invalid_client_metadata"),
            (json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://app.example/jwks" }), "invalid_client_metadata"),
            (json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://127.0.0.1/jwks" }), "invalid_client_metadata"),
            // Keys that it does not authenticate by.
            (json!({ "jwks": key, "jwks_uri": "https://app.example/jwks" }), "invalid_client_metadata"),
            (json!({ "jwks_uri": "http://app.example/jwks" }), "invalid_client_metadata"),
            (json!({ "jwks_uri": "https://127.0.0.1/jwks" }), "invalid_client_metadata"),
            (json!({ "jwks": private }), "invalid_client_metadata"),
            (json!({ "jwks": many }), "invalid_client_metadata"),
            (json!({ "jwks": {} }), "invalid_client_metadata"),
            (json!({ "jwks": "keys" }), "invalid_client_metadata"),
            (json!({ "logo_uri": "javascript:alert(1)" }), "invalid_client_metadata"),
            (json!({ "logo_uri": "https://169.254.169.254/latest" }), "invalid_client_metadata"),
            (json!({ "backchannel_logout_uri": "https://10.0.0.1/x" }), "invalid_client_metadata"),
            (json!({ "policy_uri": "ftp://app.example" }), "invalid_client_metadata"),
            (json!({ "client_name": "x".repeat(101) }), "invalid_client_metadata"),
            (json!({ "client_name": "Bank\u{202e}knaB" }), "invalid_client_metadata"),
            (json!({ "software_statement": "eyJ" }), "invalid_software_statement"),
        ] {
            let reply = register(&server, None, &changes).await;
            assert_eq!((reply.status.as_u16(), reply.text("error")), (400, error.to_owned()), "{changes} {}", reply.text);
        }
        // The body itself.
        for (content_type, body) in [("application/json", "[]"), ("application/json", "{"), ("text/plain", "{}"), ("application/json", "{\"client_name\":\"\\u0000\"}")] {
            let request = server.http.post(server.url("/register")).header("content-type", content_type).body(body);
            Reply::of(request.send().await.unwrap()).await.refused(400, "invalid_client_metadata");
        }
        // What an operator alone sets is nothing to an app.
        let greedy = json!({ "first_party": true, "resource_servers": ["https://api.example"], "allowed_origins": ["https://evil.example"], "trust_user_ip": true });
        let reply = register(&server, None, &greedy).await;
        let kept = mapae::store::clients::list_all(&*server.inner.services().store).await.unwrap();
        let kept = kept.iter().find(|client| client.id.as_str() == reply.text("client_id")).unwrap();
        assert!(!kept.metadata.first_party && kept.metadata.resource_servers.is_empty() && kept.metadata.allowed_origins.is_empty());
    }

    async fn rfc7591_2_an_app_keeps_keys_that_it_does_not_authenticate_by(database) {
        let private = ("outbound.allow_private", "true");
        let (server, publisher) = (Server::start_with(&database, &[OPEN[0], private]).await, Publisher::start().await);
        let (cli, key, other) = (server.cli().await, Signer::new("1"), Signer::new("2"));
        publisher.publish("/jwks", Published::json(&set(&[&key])));
        let (jwks, jwks_uri) = (json!({ "jwks": set(&[&key]) }), json!({ "jwks_uri": publisher.url("/jwks") }));
        for (method, keys) in [
            ("client_secret_basic", &jwks), ("none", &jwks), ("client_secret_post", &jwks_uri), ("none", &jwks_uri),
        ] {
            let mut changes = keys.clone();
            changes["token_endpoint_auth_method"] = json!(method);
            let registered = register(&server, None, &changes).await;
            assert_eq!(registered.status, 201, "{changes} {}", registered.text);
            let (path, access) = (path(&registered), registered.text("registration_access_token"));
            let mut whole = call(&server, "GET", &path, Some(&access), None).await.ok().json();
            for (name, value) in keys.as_object().unwrap() {
                assert_eq!((&registered.json()[name], &whole[name]), (value, value), "{changes}");
            }
            // They verify the requests that it signs, and it need not sign any.
            let app = app(&server, &registered);
            let now = server.now().now().timestamp();
            let claims = json!({
                "iss": app.id, "client_id": app.id, "aud": server.issuer(), "nbf": now, "exp": now + 60,
                "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid", "state": "s",
                "code_challenge": CHALLENGE, "code_challenge_method": "S256",
            });
            let signed_by = |key: &Signer| {
                let object = key.sign("oauth-authz-req+jwt", &claims);
                format!("{}/authorize?{}", app.base, form(&[("client_id", app.id.as_str()), ("request", &object)]))
            };
            assert!(server.browser().open(&signed_by(&key)).await.has("login-submit"), "{changes}");
            server.browser().open(&signed_by(&other)).await.is_error("invalid_request_object");
            assert!(server.browser().open(&app.authorization_url(&[])).await.has("login-submit"), "{changes}");
            // An operator can change such an app, and the app can take its keys away.
            cli.json(&["client", "update", "--id", &app.id, "--name", "Their notes"], None).await;
            let replaced = call(&server, "PUT", &path, Some(&access), Some(&whole)).await.ok();
            let access = replaced.text("registration_access_token");
            for (name, value) in keys.as_object().unwrap() {
                assert_eq!(&replaced.json()[name], value, "{changes}");
                whole.as_object_mut().unwrap().remove(name);
            }
            let replaced = call(&server, "PUT", &path, Some(&access), Some(&whole)).await.ok().json();
            assert!(keys.as_object().unwrap().keys().all(|name| replaced.get(name).is_none()), "{replaced}");
        }
        // Keys for another purpose, which this server does not know.
        let sealing = json!({ "kty": "OKP", "crv": "X25519", "use": "enc", "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08" });
        let sealing = json!({ "keys": [sealing] });
        let registered = register(&server, None, &json!({ "jwks": sealing })).await;
        assert_eq!((registered.status.as_u16(), &registered.json()["jwks"]), (201, &sealing), "{}", registered.text);
    }

    async fn rfc7591_2_keys_of_an_app_of_another_method_authenticate_nobody(database) {
        let grants = ("registration.grants", "authorization_code,refresh_token,client_credentials");
        let server = Server::start_with(&database, &[OPEN[0], grants]).await;
        let key = Signer::new("1");
        let alone = json!({ "grant_types": ["client_credentials"], "response_types": null, "redirect_uris": null,
            "scope": null, "jwks": set(&[&key]) });
        for (method, status) in [
            ("private_key_jwt", 200), ("client_secret_basic", 401), ("client_secret_post", 401), ("none", 401),
        ] {
            let mut changes = if method == "none" { json!({ "jwks": set(&[&key]) }) } else { alone.clone() };
            changes["token_endpoint_auth_method"] = json!(method);
            let registered = register(&server, None, &changes).await;
            assert_eq!(registered.status, 201, "{changes} {}", registered.text);
            let app = App { secret: None, ..app(&server, &registered) };
            let assertion = key.assertion(&server, &app.id);
            let fields = [("grant_type", "client_credentials"), ASSERTION, ("client_assertion", &assertion)];
            let reply = app.token(&fields).await;
            assert_eq!(reply.status, status, "{method} {}", reply.text);
            if status == 401 {
                reply.refused(401, "invalid_client");
            }
        }
    }

    async fn s147_hosts_are_those_that_the_operator_lists(database) {
        let server = Server::start_with(&database, &[("registration.mode", "open"), ("registration.redirect_hosts", "*.corp.example,localhost")]).await;
        for (uri, status) in [
            ("https://a.corp.example/cb", 201), ("http://127.0.0.1/cb", 201), ("https://corp.example.evil.example/cb", 400),
            ("https://app.example/cb", 400), ("com.example.app:/cb", 400),
        ] {
            let reply = register(&server, None, &json!({ "redirect_uris": [uri] })).await;
            assert_eq!(reply.status, status, "{uri} {}", reply.text);
            if status == 400 {
                reply.refused(400, "invalid_redirect_uri");
            }
        }
    }

    async fn rfc7592_2_an_app_reads_replaces_and_deletes_its_own_registration(database) {
        let server = Server::start_with(&database, OPEN).await;
        server.alice().await;
        let secret = json!({ "token_endpoint_auth_method": "client_secret_basic" });
        let registered = register(&server, None, &secret).await;
        assert_eq!(registered.json()["client_secret_expires_at"], json!(0));
        let (path, access, old) = (path(&registered), registered.text("registration_access_token"), app(&server, &registered));
        let other = register(&server, None, &secret).await;
        for wrong in [Some("x"), Some(other.text("registration_access_token").as_str()), old.secret.as_deref()] {
            for method in ["GET", "PUT", "DELETE"] {
                call(&server, method, &path, wrong, Some(&json!({}))).await.refused(401, "invalid_token");
            }
        }
        call(&server, "GET", "/register/nobody", Some(&access), None).await.refused(401, "invalid_token");
        let read = call(&server, "GET", &path, Some(&access), None).await.ok();
        assert_eq!(read.text("client_name"), "Notes");
        assert!(read.json().get("client_secret").is_none());

        let mut browser = server.browser();
        let page = browser.open(&old.authorization_url(&[("scope", "openid offline_access"), ("prompt", "consent")])).await;
        let page = browser.sign_in(&page).await;
        let code = browser.consent(&page, "allow").await.authorization_response().code();
        let (_, refresh) = old.exchange(&code).await.ok().pair();

        let mut changed = document(&secret);
        changed["client_name"] = json!("Better notes");
        for bad in [json!({}), json!({ "client_id": "x" }), json!({ "client_id": old.id, "client_secret": "x" }), json!({ "client_id": old.id, "token_endpoint_auth_method": "none" })] {
            let mut asked = changed.clone();
            asked.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
            call(&server, "PUT", &path, Some(&access), Some(&asked)).await.refused(400, "invalid_client_metadata");
        }
        changed["client_id"] = json!(old.id);
        changed["client_secret"] = json!(old.secret);
        let mut more = changed.clone();
        more["scope"] = json!("openid orders:write");
        call(&server, "PUT", &path, Some(&access), Some(&more)).await.refused(400, "invalid_client_metadata");
        let replaced = call(&server, "PUT", &path, Some(&access), Some(&changed)).await.ok();
        assert_eq!(replaced.text("client_name"), "Better notes");
        let new = app(&server, &replaced);
        assert_ne!(new.secret, old.secret);
        // The one before is good for a while, for an app that did not get the answer.
        let (_, refresh) = old.refresh(&refresh).await.ok().pair();
        let (_, refresh) = new.refresh(&refresh).await.ok().pair();
        let newer = replaced.text("registration_access_token");
        for good in [&access, &newer] {
            call(&server, "GET", &path, Some(good), None).await.ok();
        }
        server.advance(3600);
        call(&server, "GET", &path, Some(&access), None).await.refused(401, "invalid_token");
        server.advance(23 * 3600);
        old.refresh(&refresh).await.refused(401, "invalid_client");
        let (access_token, refresh) = new.refresh(&refresh).await.ok().pair();

        assert_eq!(call(&server, "DELETE", &path, Some(&newer), None).await.status, 204);
        server.forget_clients();
        new.refresh(&refresh).await.refused(401, "invalid_client");
        other_userinfo(&server, &access_token).await;
        call(&server, "GET", &path, Some(&newer), None).await.refused(401, "invalid_token");
        let kinds = ["client.created", "client.updated", "client.deleted"];
        let evidence = server.evidence().await;
        for kind in kinds {
            assert!(!evidence.events_of(kind).await.is_empty(), "{kind}");
        }
    }

    async fn rfc7592_2_2_an_app_gets_nothing_back_that_an_operator_took(database) {
        let server = Server::start_with(&database, OPEN).await;
        let registered = register(&server, None, &json!({ "scope": "openid profile offline_access" })).await;
        let (path, access, id) = (path(&registered), registered.text("registration_access_token"), registered.text("client_id"));
        let services = server.inner.services();
        let members = json!({ "scope": "openid", "audiences": ["https://api.example"] }).as_object().unwrap().clone();
        let rules = (&services.url, &services.lifetimes);
        clients::update(&May::operator(), &services.store, server.now(), rules, clients::Target::of(&id), &ClientChange(members)).await.unwrap();
        let mut whole = document(&json!({ "scope": "openid profile" }));
        whole["client_id"] = json!(id);
        call(&server, "PUT", &path, Some(&access), Some(&whole)).await.refused(400, "invalid_client_metadata");
        whole.as_object_mut().unwrap().remove("scope");
        let replaced = call(&server, "PUT", &path, Some(&access), Some(&whole)).await.ok();
        assert_eq!(replaced.text("scope"), "openid");
        let kept = mapae::store::clients::list_all(&*services.store).await.unwrap();
        let kept = kept.iter().find(|client| client.id.as_str() == id).unwrap();
        assert_eq!(kept.metadata.audiences, ["https://api.example"]);
    }

    async fn rfc7592_2_2_an_app_loosens_nothing_that_an_operator_demands(database) {
        let grants = ("registration.grants", "authorization_code,refresh_token,client_credentials");
        let server = Server::start_with(&database, &[OPEN[0], grants]).await;
        let every = ["authorization_code", "refresh_token", "client_credentials"];
        let own = json!({ "grant_types": every, "token_endpoint_auth_method": "client_secret_basic" });
        let registered = register(&server, None, &own).await;
        let (id, path) = (registered.text("client_id"), path(&registered));
        let cli = server.cli().await;
        let update = ["client", "update", "--id", &id, "--grant", "authorization_code",
            "--dpop-bound-access-tokens", "true", "--require-pushed-authorization-requests", "true"];
        assert_eq!(cli.run(&update, None).await.code, 0);
        let mut whole = document(&own);
        whole["client_id"] = json!(id);
        let access = registered.text("registration_access_token");
        let replaced = call(&server, "PUT", &path, Some(&access), Some(&whole)).await.ok().json();
        assert_eq!(replaced["grant_types"], json!(["authorization_code"]));
        assert_eq!(replaced["dpop_bound_access_tokens"], json!(true));
        assert_eq!(replaced["require_pushed_authorization_requests"], json!(true));
    }

    async fn core_8_1_an_app_stays_in_the_sector_that_an_operator_gave_it(database) {
        let private = ("outbound.allow_private", "true");
        let (server, publisher) = (Server::start_with(&database, &[OPEN[0], private]).await, Publisher::start().await);
        let registered = register(&server, None, &json!({})).await;
        let (id, path, access) = (registered.text("client_id"), path(&registered), registered.text("registration_access_token"));
        let mut whole = document(&json!({ "redirect_uris": ["https://elsewhere.example/cb"] }));
        whole["client_id"] = json!(id);
        // Without a document the host is the sector.
        server.change(&id, |client| client.metadata.subject_type = SubjectType::Pairwise).await;
        call(&server, "PUT", &path, Some(&access), Some(&whole)).await.refused(400, "invalid_client_metadata");
        let sector = publisher.url("/uris.json");
        server.change(&id, |client| client.metadata.sector_identifier_uri = Some(sector)).await;
        publisher.publish("/uris.json", Published::json(&json!([CALLBACK])));
        let refused = call(&server, "PUT", &path, Some(&access), Some(&whole)).await;
        refused.refused(400, "invalid_client_metadata");
        assert!(refused.text.contains("does not list"), "{}", refused.text);
        publisher.publish("/uris.json", Published::json(&json!([CALLBACK, "https://elsewhere.example/cb"])));
        call(&server, "PUT", &path, Some(&access), Some(&whole)).await.ok();
    }

    async fn rfc9700_4_11_2_nobody_is_sent_anywhere_by_an_app_that_nobody_checked(database) {
        let server = Server::start_with(&database, OPEN).await;
        server.alice().await;
        let app = app(&server, &register(&server, None, &json!({})).await);
        for (changes, code) in [
            (("prompt", "none"), "login_required"), (("response_type", "token"), "unsupported_response_type"),
            (("max_age", "x"), "invalid_request"),
        ] {
            let page = server.browser().open(&app.authorization_url(&[changes])).await;
            page.is_error(code);
            let callback = url::Url::parse(CALLBACK).unwrap();
            assert!(page.reply.text.contains(callback.host_str().unwrap()), "{}", page.reply.text);
        }
        // What a person says goes to the app.
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        let page = browser.sign_in(&page).await;
        assert_eq!(browser.consent(&page, "deny").await.authorization_response().get("error"), "access_denied");
        // An operator's own app gets its error.
        let own = server.web_app("own", |_| {}).await;
        let page = server.browser().open(&own.authorization_url(&[("prompt", "none")])).await;
        assert_eq!(page.authorization_response().get("error"), "login_required");
    }

    async fn rfc9700_4_11_2_nobody_is_signed_out_to_an_app_that_nobody_checked(database) {
        const BYE: &str = "https://evil.example/bye";
        let server = Server::start_with(&database, OPEN).await;
        server.alice().await;
        let app = app(&server, &register(&server, None, &json!({ "post_logout_redirect_uris": [BYE] })).await);
        let fields = [("client_id", app.id.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s")];
        let path = format!("/logout?{}", form(&fields));
        let leads_by_link = |page: &Page| {
            assert_eq!((page.reply.status.as_u16(), page.location()), (200, None), "{}", page.reply.text);
            assert!(page.reply.header("refresh").is_empty() && page.has("signed-out-back"), "{}", page.reply.text);
        };
        leads_by_link(&server.browser().open(&path).await);
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        let page = browser.sign_in(&page).await;
        let code = browser.consent(&page, "allow").await.authorization_response().code();
        let hint = app.exchange(&code).await.ok().text("id_token");
        // The hint proves the person, who need not have done anything for it.
        leads_by_link(&browser.open(&format!("{path}&{}", form(&[("id_token_hint", &hint)]))).await);
        // Whoever presses the button goes where the app says.
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        browser.sign_in(&page).await;
        let page = browser.open(&path).await;
        let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
        let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("answer", "yes")];
        let page = browser.post("/logout/confirm", &fields).await;
        assert!(browser.follow(page).await.location().is_some_and(|to| to.starts_with(BYE)));
    }

    async fn s147_changes_and_guesses_are_counted(database) {
        let server = Server::start_with(&database, OPEN).await;
        let registered = register(&server, None, &json!({})).await;
        let path = path(&registered);
        let mut last = 0;
        for _ in 0..140 {
            last = call(&server, "GET", &path, Some("x"), None).await.status.as_u16();
        }
        assert_eq!(last, 429);
        server.advance(3600);
        let mut access = registered.text("registration_access_token");
        let mut whole = document(&json!({}));
        whole["client_id"] = json!(registered.text("client_id"));
        for _ in 0..60 {
            access = call(&server, "PUT", &path, Some(&access), Some(&whole)).await.ok().text("registration_access_token");
        }
        call(&server, "PUT", &path, Some(&access), Some(&whole)).await.refused(429, "temporarily_unavailable");
        call(&server, "GET", &path, Some(&access), None).await.ok();
        assert_eq!(call(&server, "DELETE", &path, Some(&access), None).await.status, 204);
    }

    async fn s147_what_strangers_say_of_themselves_fills_no_disk(database) {
        let server = Server::start_with(&database, OPEN).await;
        server.client("own", |_| {}).await;
        let long = format!("https://notes.example/{}", "x".repeat(491));
        register(&server, None, &json!({ "redirect_uris": [long] })).await.refused(400, "invalid_client_metadata");
        let many: Vec<_> = (0..20).map(|number| format!("{}{number}", &long[..500])).collect();
        register(&server, None, &json!({ "redirect_uris": many })).await.refused(400, "invalid_client_metadata");
        let registered = register(&server, None, &json!({})).await;
        let (id, path) = (registered.text("client_id"), path(&registered));
        let mut whole = document(&json!({ "redirect_uris": many[..10], "client_name": "Others" }));
        whole["client_id"] = json!(id);
        let access = registered.text("registration_access_token");
        let access = call(&server, "PUT", &path, Some(&access), Some(&whole)).await.ok().text("registration_access_token");
        let evidence = server.evidence().await;
        let details = async |kind: &str| {
            evidence.column(&format!("SELECT detail FROM audit_event WHERE kind = '{kind}' AND actor = 'app:{id}'"), "detail").await
        };
        assert_eq!(details("client.created").await, ["Notes"]);
        assert_eq!(details("client.updated").await, ["client_name redirect_uris"]);
        let of_apps = "FROM audit_event WHERE actor LIKE 'app:%'";
        let changes = format!("SELECT count(*) AS n FROM audit_change WHERE event_id IN (SELECT id {of_apps})");
        assert_eq!(evidence.count(&changes).await, 0);
        assert_eq!(call(&server, "DELETE", &path, Some(&access), None).await.status, 204);
        // What is left goes as soon as nobody needs it.
        evidence.run("UPDATE revision SET value = value + 30000 WHERE name = 'clients'").await;
        server.advance(31 * 86_400);
        let server = server.restart().await;
        let evidence = server.evidence().await;
        eventually("nothing is left of the app", async || {
            let changed = evidence.column("SELECT client_id FROM client_change", "client_id").await;
            changed == ["own"] && evidence.count(&format!("SELECT count(*) AS n {of_apps}")).await == 0
        }).await;
        let own = "SELECT count(*) AS n FROM audit_event WHERE kind = 'client.created'";
        assert_eq!(evidence.count(own).await, 1);
    }

    async fn rfc7592_2_3_a_deletion_that_stopped_half_way_is_asked_for_again(database) {
        let server = Server::start_with(&database, OPEN).await;
        let services = server.inner.services();
        let (store, may) = (&services.store, May::operator());
        for by_operator in [false, true] {
            let registered = register(&server, None, &json!({})).await;
            let (path, access) = (path(&registered), registered.text("registration_access_token"));
            let id = registered.text("client_id");
            if by_operator {
                clients::set_enabled(&may, store, server.now(), clients::Target::of(&id), false).await.unwrap();
            } else {
                let tx = store.begin(server.now().now()).await.unwrap();
                let client = mapae::domain::client::ClientId::parse(&id).unwrap();
                mapae::store::clients::set_disabled(&tx, &client, Some(tx.now())).await.unwrap();
                tx.commit().await.unwrap();
            }
            call(&server, "GET", &path, Some(&access), None).await.refused(401, "invalid_token");
            let status = call(&server, "DELETE", &path, Some(&access), None).await.status;
            assert_eq!(status, if by_operator { 401 } else { 204 });
        }
    }

    async fn s147_no_operator_makes_such_an_app_their_own_by_mistake(database) {
        let server = Server::start_with(&database, OPEN).await;
        let id = register(&server, None, &json!({})).await.text("client_id");
        let services = server.inner.services();
        let (store, may) = (&services.store, May::operator());
        for change in [
            json!({ "first_party": true }), json!({ "trust_user_ip": true }), json!({ "scope": "admin:users" }),
            json!({ "grant_types": ["password"] }), json!({ "resource_servers": ["https://api.example"] }),
            json!({ "signup": "open" }), json!({ "claims": [{ "claim": "tenant", "value": "x" }] }),
        ] {
            let members: Map<String, Value> = change.as_object().unwrap().clone();
            let changed = clients::update(&may, store, server.now(), (&services.url, &services.lifetimes), clients::Target::of(&id), &ClientChange(members)).await;
            assert!(changed.is_err(), "{change}");
        }
        assert!(client_roles::create(&May::operator(), store, server.now(), &id, "admin").await.is_err());
        let cli = server.cli().await;
        let listed = cli.json(&["client", "list", "--json"], None).await;
        let listed = listed["clients"].as_array().unwrap().iter().find(|one| one["client_id"] == json!(id)).cloned().unwrap();
        assert_eq!(listed["registered_by"], "itself");
        let made = cli.json(&["client", "registration-token", "--json"], None).await;
        assert!(made["token"].as_str().unwrap().starts_with("mapae_it_"));
    }

    async fn rfc7591_3_operators_see_by_which_token_an_app_came(database) {
        let server = Server::start_with(&database, OPEN).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let (cli, mut console) = (server.cli().await, owner(&server).await);
        let given = token(&server, 1).await;
        let listed = cli.json(&["client", "registration-tokens"], None).await;
        let id = &listed["tokens"][0]["id"];
        assert!(id.is_string(), "{listed}");
        let registered = register(&server, Some(&given), &json!({})).await;
        assert_eq!(registered.status, 201, "{}", registered.text);
        let (app, stranger) = (registered.text("client_id"), register(&server, None, &json!({})).await.text("client_id"));
        // The app may replace what it says of itself, and an operator may change it.
        let whole = document(&json!({ "client_id": app }));
        let access = registered.text("registration_access_token");
        let replaced = call(&server, "PUT", &path(&registered), Some(&access), Some(&whole)).await;
        assert_eq!(replaced.status, 200, "{}", replaced.text);
        assert!(!replaced.text.contains(id.as_str().unwrap()), "it is no matter of the app");
        cli.json(&["client", "update", "--id", &app, "--name", "Their notes"], None).await;
        assert_eq!(&cli.json(&["client", "show", "--id", &app], None).await["registration_token"], id);
        assert!(cli.json(&["client", "show", "--id", &stranger], None).await.get("registration_token").is_none());
        assert_eq!(&api.get(&format!("/clients/{app}")).await.ok().json()["registration_token"], id);
        let page = console.open(&format!("/admin/apps/{app}")).await;
        assert!(page.reply.text.contains(id.as_str().unwrap()), "{}", page.reply.text);
        let events = api.get(&format!("/audit?kind=client.created&client={app}")).await.ok().json();
        assert_eq!(events["items"][0]["after"], json!({ "registration_token": id }), "{events}");
    }

    async fn s147_one_address_registers_only_so_many(database) {
        let server = Server::start_with(&database, OPEN).await;
        for _ in 0..20 {
            assert_eq!(register(&server, None, &json!({})).await.status, 201);
        }
        let refused = register(&server, None, &json!({})).await;
        refused.refused(429, "temporarily_unavailable");
        assert_eq!(refused.header("retry-after"), "180");
        // Whoever has a token was let in by an operator.
        let token = token(&server, 1).await;
        assert_eq!(register(&server, Some(&token), &json!({})).await.status, 201);
        server.advance(180);
        assert_eq!(register(&server, None, &json!({})).await.status, 201);
    }

    async fn s147_an_app_that_nobody_uses_goes(database) {
        let grants = ("registration.grants", "authorization_code,refresh_token,client_credentials");
        let server = Server::start_with(&database, &[OPEN[0], grants]).await;
        server.alice().await;
        server.client("own", |_| {}).await;
        let unused = register(&server, None, &json!({})).await;
        // What an app gets for itself is no use by anybody.
        let alone = json!({ "grant_types": ["client_credentials"], "response_types": null, "redirect_uris": null,
            "token_endpoint_auth_method": "client_secret_basic", "scope": null });
        let alone = register(&server, None, &alone).await;
        assert_eq!(alone.status, 201, "{}", alone.text);
        app(&server, &alone).token(&[("grant_type", "client_credentials")]).await.ok();
        let used = register(&server, None, &json!({})).await;
        let used = app(&server, &used);
        let mut browser = server.browser();
        let page = browser.open(&used.authorization_url(&[])).await;
        let page = browser.sign_in(&page).await;
        let code = browser.consent(&page, "allow").await.authorization_response().code();
        used.exchange(&code).await.ok();
        // One that never got a token goes after a day.
        server.advance(2 * 86_400);
        let server = server.restart().await;
        let evidence = server.evidence().await;
        let clients = async || {
            let mut ids = evidence.column("SELECT id FROM client", "id").await;
            ids.sort();
            ids
        };
        let mut kept = vec!["own".to_owned(), used.id.clone()];
        kept.sort();
        eventually("the unused app is gone", async || clients().await == kept).await;
        assert!(!kept.contains(&unused.text("client_id")));
    }

    async fn what_an_app_gets_for_itself_is_a_use_where_operators_let_each_one_in(database) {
        let settings = [("registration.mode", "token"), ("registration.grants", "client_credentials")];
        let server = Server::start_with(&database, &settings).await;
        let alone = json!({ "grant_types": ["client_credentials"], "response_types": null, "redirect_uris": null,
            "token_endpoint_auth_method": "client_secret_basic", "scope": null });
        let invited = token(&server, 2).await;
        let used = register(&server, Some(&invited), &alone).await;
        let unused = register(&server, Some(&invited), &alone).await;
        app(&server, &used).token(&[("grant_type", "client_credentials")]).await.ok();
        server.advance(2 * 86_400);
        let server = server.restart().await;
        let evidence = server.evidence().await;
        let clients = async || evidence.column("SELECT id FROM client", "id").await;
        eventually("the unused app is gone", async || clients().await == [used.text("client_id")]).await;
        assert_ne!(used.text("client_id"), unused.text("client_id"));
    }

    async fn scripts_of_any_origin_may_register(database) {
        let server = Server::start_with(&database, OPEN).await;
        let preflight = server.http.request(reqwest::Method::OPTIONS, server.url("/register"))
            .header("origin", "https://inspector.example").header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,mcp-protocol-version");
        let preflight = Reply::of(preflight.send().await.unwrap()).await;
        assert_eq!((preflight.status.as_u16(), preflight.header("access-control-allow-origin")), (204, "*"));
        assert_eq!(preflight.header("access-control-allow-headers"), "content-type,mcp-protocol-version");
        let reply = register(&server, None, &json!({})).await;
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert!(!reply.headers.contains_key("access-control-allow-credentials"));
    }

    async fn rfc7591_2_an_operator_writes_metadata_in_the_same_words(database) {
        let server = Server::start(&database).await;
        let cli = server.cli().await;
        let file = cli.folder.path().join("app.json");
        let create = async |document: &Value, more: &[&str]| {
            std::fs::write(&file, document.to_string()).unwrap();
            let file = file.display().to_string();
            let mut arguments = vec!["client", "create", "--id", "app", "--metadata", &file, "--json"];
            arguments.extend(more);
            cli.run(&arguments, None).await
        };
        for bad in [json!([]), json!({ "redirect_uri": CALLBACK }), json!({ "software_statement": "x" }), json!({ "response_types": ["token"] })] {
            assert_eq!(create(&bad, &[]).await.code, 2, "{bad}");
        }
        let document = document(&json!({ "contacts": ["ops@notes.example"], "tos_uri": "https://notes.example/tos", "first_party": true, "application_type": "web", "x": null }));
        let said = create(&document, &["--name", "Renamed"]).await;
        assert_eq!(said.code, 0, "{}", said.err);
        let shown = cli.json(&["client", "show", "--id", "app", "--json"], None).await;
        assert_eq!((&shown["client_name"], &shown["kind"], &shown["first_party"]), (&json!("Renamed"), &json!("public"), &json!(true)));
        assert_eq!((&shown["contacts"], &shown["registered_by"]), (&json!(["ops@notes.example"]), &json!("operator")));
    }

    async fn what_client_show_prints_registers_the_same_client_again(database) {
        let server = Server::start(&database).await;
        let cli = server.cli().await;
        let web = ["--kind", "confidential", "--grant", "authorization_code", "--grant", "refresh_token", "--redirect-uri", CALLBACK];
        let machine = ["--kind", "confidential", "--grant", "client_credentials", "--audience", "https://api.example.com", "--access-lifetime", "1m"];
        let native = ["--kind", "public", "--grant", "authorization_code", "--redirect-uri", "http://127.0.0.1/cb", "--signup", "closed"];
        let refresh = ["--scope", "openid offline_access", "--refresh-policy", "static", "--claim", "tenant=acme"];
        for (id, arguments) in [("web", [&web[..], &refresh].concat()), ("machine", machine.to_vec()), ("native", native.to_vec())] {
            let start = ["client", "create", "--id", id, "--name", id];
            cli.json(&[&start[..], &arguments].concat(), None).await;
            let shown = cli.json(&["client", "show", "--id", id], None).await;
            let file = cli.folder.path().join("shown.json");
            std::fs::write(&file, shown.to_string()).unwrap();
            let (file, copy) = (file.display().to_string(), format!("{id}-2"));
            let said = cli.run(&["client", "create", "--id", &copy, "--metadata", &file], None).await;
            assert_eq!(said.code, 0, "{said:?}");
            assert!(said.err.contains("not taken over: client_id, created_at, registered_by"), "{said:?}");
            let mut again = cli.json(&["client", "show", "--id", &copy], None).await;
            assert_eq!(again["client_id"], copy.as_str());
            for own in ["client_id", "created_at"] {
                again[own] = shown[own].clone();
            }
            assert_eq!(again, shown);
        }
        let file = cli.folder.path().join("wrong.json");
        for wrong in [json!({ "kind": "secret" }), json!({ "kind": 7 }), json!({ "client_ids": "x" }), json!({ "client_secret": "x" })] {
            std::fs::write(&file, wrong.to_string()).unwrap();
            let file = file.display().to_string();
            let said = cli.run(&["client", "create", "--id", "x", "--name", "x", "--metadata", &file], None).await;
            assert_eq!(said.code, 2, "{wrong} {said:?}");
        }
    }
}

/// A token of an app that is gone is good nowhere.
async fn other_userinfo(server: &Server, token: &str) {
    let asked = server.http.get(server.url("/userinfo")).bearer_auth(token);
    Reply::of(asked.send().await.unwrap()).await.refused(401, "invalid_token");
}
