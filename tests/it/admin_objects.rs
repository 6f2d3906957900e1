//! Roles at clients, scopes, attributes, secrets and providers in the administration API.

use reqwest::Method;
use serde_json::json;

use crate::admin_api::{Api, EVERY_SCOPE, etag};
use crate::support::upstream::{CLIENT_ID, CLIENT_SECRET, Oidc};
use crate::support::{App, Reply, Server, both, http};

async fn delete(api: &Api, path: &str, seen: Option<&str>) -> u16 {
    api.send(Method::DELETE, path, seen, None).await.status.as_u16()
}

both! {
    async fn a_role_at_a_client_is_given_and_taken(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        server.client("urn:shop", |_| {}).await;
        let bora = server.user("bora", None).await;
        let roles = "/clients/urn%3Ashop/roles";
        let made = api.post(roles, json!({ "name": "편집 a/b" })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = made.header("location").split_once("/v1").expect("a path of the API").1.to_owned();
        assert_eq!(api.get(&path).await.ok().json(), made.json());
        assert_eq!(api.post(roles, json!({ "name": "편집 a/b" })).await.status, 409);
        assert_eq!(api.post(roles, json!({ "name": "a:b" })).await.status, 422);
        assert_eq!(api.post("/clients/nobody/roles", json!({ "name": "a" })).await.status, 404);
        assert_eq!(api.get(roles).await.ok().json()["items"], json!([made.json()]));

        let holder = format!("{path}/holders/{bora}");
        assert_eq!(api.send(Method::PUT, &holder, None, None).await.status, 204);
        let shown = api.get(&format!("/users/{bora}")).await.ok().json();
        assert_eq!(shown["client_roles"], json!(["urn:shop:편집 a/b"]));
        let holders = api.get(&format!("{path}/holders")).await.ok().json();
        assert_eq!(holders["items"][0]["username"], "bora");
        assert_eq!(delete(&api, &holder, None).await, 204);
        assert_eq!(api.get(&format!("{path}/holders")).await.ok().json()["items"], json!([]));
        assert_eq!(api.send(Method::PUT, &format!("{path}/holders/nobody"), None, None).await.status, 404);

        assert_eq!(delete(&api, &path, None).await, 428);
        assert_eq!(delete(&api, &path, Some("\"other\"")).await, 412);
        assert_eq!(delete(&api, &path, Some(&etag(&made))).await, 204);
        assert_eq!(api.get(&path).await.status, 404);
    }

    async fn the_words_of_a_scope_change_in_one_language_and_stay_in_the_other(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let made = api.post("/scopes", json!({ "name": "orders:read", "texts": { "en": "See orders", "ko": "주문 보기" } })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = "/scopes/orders:read";
        assert_eq!(etag(&api.get(path).await.ok()), etag(&made));
        let change = |seen: Option<String>, texts| {
            let api = &api;
            async move { api.send(Method::PATCH, path, seen.as_deref(), Some(json!({ "texts": texts }))).await }
        };
        assert_eq!(change(None, json!({ "en": "x" })).await.status, 428);
        let changed = change(Some(etag(&made)), json!({ "en": "See your orders" })).await.ok();
        assert_eq!(changed.json()["texts"], json!({ "en": "See your orders", "ko": "주문 보기" }));
        assert_eq!(change(Some(etag(&made)), json!({ "en": "late" })).await.status, 412);
        for bad in [json!({ "fr": "voir" }), json!({}), json!({ "en": "" }), json!({ "en": "x".repeat(201) })] {
            assert_eq!(change(Some("*".to_owned()), bad.clone()).await.status, 422, "{bad}");
        }
        assert_eq!(api.get(path).await.ok().json(), changed.json());
        assert_eq!(api.post("/scopes", json!({ "name": "openid", "texts": { "en": "x" } })).await.status, 422);
        let events = api.get("/audit?kind=scope.updated").await.ok().json();
        assert_eq!(events["items"][0]["before"]["texts"]["en"], "See orders");
        assert_eq!(events["items"].as_array().unwrap().len(), 1);
        assert_eq!(delete(&api, path, Some(&etag(&made))).await, 412);
        assert_eq!(delete(&api, path, Some(&etag(&changed))).await, 204);
        assert_eq!(api.get(path).await.status, 404);
        assert_eq!(api.get("/scopes").await.ok().json()["items"], json!([]));
    }

    async fn a_declared_attribute_takes_values_of_its_type(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        for (name, kind) in [("team", "string"), ("level", "integer"), ("on_call", "boolean"), ("since", "date")] {
            let made = api.post("/attributes", json!({ "name": name, "type": kind, "scope": "hr" })).await;
            assert_eq!(made.status, 201, "{}", made.text);
        }
        assert_eq!(api.post("/attributes", json!({ "name": "a", "type": "colour", "scope": "hr" })).await.status, 422);
        assert_eq!(api.post("/attributes", json!({ "name": "team", "type": "string", "scope": "hr" })).await.status, 409);
        let page = api.get("/attributes?limit=3").await.ok().json();
        assert_eq!((page["items"][0]["name"].as_str(), page["next"].as_str()), (Some("level"), Some("since")));
        let made = api.post("/users", json!({ "username": "bora" })).await;
        let path = format!("/users/{}", made.text("id"));
        let values = json!({ "team": "디자인", "level": 3, "on_call": true, "since": "2026-11-28" });
        let changed = api.send(Method::PATCH, &path, Some(&etag(&made)), Some(json!({ "attributes": values }))).await.ok();
        assert_eq!(changed.json()["attributes"], values);
        assert_eq!(api.get(&path).await.ok().json()["attributes"], values);
        for bad in [json!({ "level": "much" }), json!({ "on_call": 1 }), json!({ "team": "" }), json!({ "team": [1] }), json!({ "since": "today" })] {
            let refused = api.send(Method::PATCH, &path, Some("*"), Some(json!({ "attributes": bad }))).await;
            assert_eq!(refused.status, 422, "{bad} {}", refused.text);
        }
        let unknown = api.send(Method::PATCH, &path, Some("*"), Some(json!({ "attributes": { "none": 1 } }))).await;
        assert_eq!(unknown.status, 404, "{}", unknown.text);
        let changed = api.send(Method::PATCH, &path, Some(&etag(&changed)), Some(json!({ "attributes": { "team": null } }))).await.ok();
        assert!(changed.json()["attributes"].get("team").is_none());
        let level = api.get("/attributes/level").await.ok();
        let words = json!({ "editable": true, "texts": { "en": "Your level" } });
        let changed = api.send(Method::PATCH, "/attributes/level", Some(&etag(&level)), Some(words.clone())).await.ok();
        assert_eq!((&changed.json()["editable"], &changed.json()["texts"]["en"]), (&json!(true), &json!("Your level")));
        assert_eq!(api.send(Method::PATCH, "/attributes/level", Some(&etag(&level)), Some(words)).await.status, 412);
        assert_eq!(api.send(Method::PATCH, "/attributes/level", Some("*"), Some(json!({ "texts": { "tlh": "x" } }))).await.status, 422);
        assert_eq!(api.send(Method::PATCH, "/attributes/level", Some("*"), Some(json!({ "type": "string" }))).await.status, 400);
        assert_eq!(delete(&api, "/attributes/level", Some(&etag(&level))).await, 412);
        let level = api.get("/attributes/level").await.ok();
        assert_eq!(delete(&api, "/attributes/level", Some("\"x\"")).await, 412);
        assert_eq!(delete(&api, "/attributes/level", Some(&etag(&level))).await, 204);
        assert_eq!(api.get(&path).await.ok().json()["attributes"], json!({ "on_call": true, "since": "2026-11-28" }));
    }

    async fn secrets_of_a_client_overlap_and_are_dropped_one_by_one(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let app = server.client("app", |_| {}).await;
        let first = app.secret.clone().unwrap();
        let made = api.post("/clients/app/secrets", json!({ "overlap": "24h" })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let second = made.text("client_secret");
        let list = api.get("/clients/app/secrets").await.ok();
        assert_eq!(etag(&list), etag(&made));
        let items = list.json()["items"].clone();
        assert_eq!((items[0]["id"].as_str(), items[1]["expires_at"].is_string()), (Some(&*made.text("id")), true));
        assert!(!list.text.contains(&first) && !list.text.contains(&second));
        let is_taken = async |secret: &str| {
            server.forget_clients();
            let (id, base, http) = (app.id.clone(), app.base.clone(), app.http.clone());
            let by = App { secret: Some(secret.to_owned()), id, base, http };
            by.token(&[("grant_type", "client_credentials")]).await.status == 200
        };
        assert!(is_taken(&first).await && is_taken(&second).await);
        let old = format!("/clients/app/secrets/{}", items[1]["id"].as_str().unwrap());
        let new = format!("/clients/app/secrets/{}", items[0]["id"].as_str().unwrap());
        assert_eq!(delete(&api, &old, None).await, 428);
        assert_eq!(delete(&api, &old, Some("\"x\"")).await, 412);
        assert_eq!(delete(&api, &old, Some(&etag(&list))).await, 204);
        assert!(!is_taken(&first).await && is_taken(&second).await);
        // The last one stays, and one that is not there is unknown.
        assert_eq!([delete(&api, &new, Some("*")).await, delete(&api, &old, Some("*")).await], [409, 404]);
        assert_eq!(api.post("/clients/app/secrets", json!({ "overlap": "soon" })).await.status, 422);
        // Without an overlap the others end at once, and the secret is shown once.
        let again = |key: &str| http().post(format!("{}/admin/api/v1/clients/app/secrets", api.base)).bearer_auth(&api.token).header("idempotency-key", key).json(&json!({})).send();
        let made = Reply::of(again("k").await.unwrap()).await;
        let third = made.text("client_secret");
        let repeated = Reply::of(again("k").await.unwrap()).await;
        assert_eq!((repeated.status.as_u16(), &repeated.json()["id"]), (201, &made.json()["id"]));
        assert!(!repeated.text.contains(&third), "{}", repeated.text);
        assert!(!is_taken(&second).await && is_taken(&third).await);
    }

    async fn a_provider_is_added_changed_and_checked_and_its_secret_is_never_read_back(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let new = json!({
            "slug": "kakao",
            "metadata": { "preset": "kakao", "client_id": "rest-key", "name": "카카오" },
            "credential": { "client_secret": "very-secret-1" },
        });
        let made = api.post("/providers", new.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert!(made.json()["redirect_uri"].as_str().unwrap().ends_with("/login/callback/kakao"), "{}", made.text);
        let shown = api.get("/providers/kakao").await.ok();
        assert_eq!((etag(&shown), shown.json()), (etag(&made), made.json()));
        assert_eq!(api.post("/providers", new).await.status, 409);
        for bad in [
            json!({ "slug": "K", "metadata": { "preset": "kakao", "client_id": "a" }, "credential": { "client_secret": "s" } }),
            json!({ "slug": "k", "metadata": { "preset": "kako", "client_id": "a" }, "credential": { "client_secret": "s" } }),
            json!({ "slug": "k", "metadata": { "preset": "kakao", "client_id": "a" } }),
            json!({ "slug": "k", "metadata": { "preset": "kakao", "client_id": "a" }, "credential": { "team_id": "s" } }),
            json!({ "slug": "k", "metadata": { "preset": "oidc", "client_id": "a" }, "credential": { "client_secret": "s" } }),
        ] {
            let refused = api.post("/providers", bad.clone()).await;
            assert_eq!((refused.status.as_u16(), &refused.json()["reason"]), (422, &json!("admin_invalid")), "{bad} {}", refused.text);
        }
        let change = |seen: Option<String>, body| {
            let api = &api;
            async move { api.send(Method::PATCH, "/providers/kakao", seen.as_deref(), Some(body)).await }
        };
        let body = json!({ "metadata": { "client_id": "other-key", "name": null }, "credential": { "client_secret": "very-secret-2" } });
        assert_eq!(change(None, body.clone()).await.status, 428);
        let changed = change(Some(etag(&shown)), body.clone()).await.ok();
        assert_eq!(changed.json()["metadata"]["client_id"], "other-key");
        assert!(changed.json()["metadata"].get("name").is_none_or(serde_json::Value::is_null));
        assert_eq!(change(Some(etag(&shown)), body).await.status, 412);
        assert_eq!(change(Some("*".to_owned()), json!({ "metadata": { "preset": "naver" } })).await.status, 422);
        assert_eq!(change(Some("*".to_owned()), json!({ "metadata": { "allowed_clients": ["nobody"] } })).await.status, 422);
        let nobody = api.send(Method::PATCH, "/providers/none", Some("*"), Some(json!({}))).await;
        assert_eq!(nobody.status, 404, "{}", nobody.text);
        // Turning off needs what was seen, too.
        let off = |seen: Option<String>| {
            let api = &api;
            async move { api.send(Method::POST, "/providers/kakao/disable", seen.as_deref(), None).await.status.as_u16() }
        };
        assert_eq!([off(None).await, off(Some(etag(&shown))).await, off(Some(etag(&changed))).await], [428, 412, 204]);
        let all = api.get("/providers").await.ok();
        assert_eq!(all.json()["items"][0]["disabled"], true);
        let audit = api.get("/audit").await.ok();
        for reply in [&made, &shown, &changed, &all, &audit] {
            assert!(!reply.text.contains("very-secret"), "{}", reply.text);
        }
        assert_eq!(delete(&api, "/providers/kakao", Some(&etag(&changed))).await, 412);
        assert_eq!(delete(&api, "/providers/kakao", Some("*")).await, 204);
        assert_eq!(api.get("/providers/kakao").await.status, 404);
        assert_eq!(api.post("/providers/kakao/check", json!({})).await.status, 404);
    }

    async fn a_check_asks_the_provider_with_the_credential_that_was_given(database) {
        let idp = Oidc::start().await;
        let server = Server::start_with(&database, &[("outbound.allow_private", "true")]).await;
        let api = Api::machine(&server, "robot", "admin:providers").await;
        let metadata = json!({ "preset": "oidc", "issuer": idp.base(), "client_id": CLIENT_ID });
        let credential = json!({ "client_secret": CLIENT_SECRET });
        let made = api.post("/providers", json!({ "slug": "idp", "metadata": metadata, "credential": credential })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let found = api.post("/providers/idp/check", json!({})).await.ok();
        assert_eq!((&found.json()["good"], found.json().get("problem")), (&json!(true), None), "{}", found.text);
        let other = json!({ "credential": { "client_secret": "another secret" } });
        api.send(Method::PATCH, "/providers/idp", Some("*"), Some(other)).await.ok();
        let found = api.post("/providers/idp/check", json!({})).await.ok();
        assert_eq!(found.json()["good"], false);
        assert!(found.text.contains("invalid_client") && !found.text.contains("another secret"), "{}", found.text);
    }

    async fn a_provider_that_gives_groups_is_for_who_may_put_people_into_groups(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let narrow = Api::machine(&server, "narrow", "admin:providers").await;
        let provider = |map: &str| json!({
            "slug": "idp",
            "metadata": {
                "preset": "oidc", "issuer": "https://id.example.com", "client_id": CLIENT_ID,
                "group_claim": "groups", "group_map": [map],
            },
            "credential": { "client_secret": CLIENT_SECRET },
        });
        api.post("/groups", json!({ "name": "developers" })).await;
        let refused = narrow.post("/providers", provider("eng=developers")).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["reason"]), (403, &json!("admin_forbidden")), "{}", refused.text);
        for bad in ["eng=nobodies", "eng", "eng="] {
            assert_eq!(api.post("/providers", provider(bad)).await.status, 422, "{bad}");
        }
        let made = api.post("/providers", provider("eng=developers")).await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert_eq!(made.json()["metadata"]["group_map"], json!(["eng=developers"]));
        // Another issuer could say whatever it likes.
        let change = async |api: &Api, metadata| {
            let change = json!({ "metadata": metadata });
            api.send(Method::PATCH, "/providers/idp", Some("*"), Some(change)).await.status.as_u16()
        };
        let elsewhere = json!({ "issuer": "https://elsewhere.example.com" });
        assert_eq!(change(&narrow, elsewhere.clone()).await, 403);
        assert_eq!(change(&narrow, json!({ "group_map": ["*=developers"] })).await, 403);
        assert_eq!(change(&narrow, json!({ "group_map": [] })).await, 200);
        assert_eq!(change(&narrow, elsewhere).await, 200);
    }

    async fn a_token_of_a_connector_is_shown_once_and_needs_the_rights_that_it_gives(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let made = api.post("/scim-tokens", json!({ "name": "entra", "expires": "365d" })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = made.header("location").split_once("/v1").expect("a path of the API").1.to_owned();
        let token = made.text("token");
        let shown = api.get(&path).await.ok();
        assert!(!shown.text.contains(&token) && shown.json()["expires_at"].is_string(), "{}", shown.text);
        assert_eq!(api.get("/scim-tokens").await.ok().json()["items"], json!([shown.json()]));
        let users = async || {
            let sent = http().get(server.url("/scim/v2/Users")).bearer_auth(&token).send().await.unwrap();
            sent.status().as_u16()
        };
        assert_eq!(users().await, 200);
        assert_eq!(delete(&api, &path, None).await, 428);
        assert_eq!(delete(&api, &path, Some("\"other\"")).await, 412);
        assert_eq!(users().await, 200);
        assert_eq!(delete(&api, &path, Some(&etag(&made))).await, 204);
        assert_eq!(users().await, 401);
        assert_eq!(delete(&api, &path, Some(&etag(&made))).await, 404);
        for bad in [json!({ "name": "" }), json!({ "name": "a", "expires": "soon" }), json!({ "name": "a", "expires": "0s" })] {
            assert_eq!(api.post("/scim-tokens", bad.clone()).await.status, 422, "{bad}");
        }
        // Whoever may not change people makes nothing that does.
        let clients = Api::machine(&server, "clients", "admin:clients").await;
        let refused = clients.post("/scim-tokens", json!({ "name": "okta" })).await;
        assert_eq!(refused.status, 403, "{}", refused.text);
        assert_eq!(api.get("/scim-tokens").await.ok().json()["items"], json!([]));
        let kinds = ["scim_token.created", "scim_token.revoked"];
        let evidence = server.evidence().await;
        for kind in kinds {
            assert_eq!(evidence.events_of(kind).await.len(), 1, "{kind}");
        }
    }

    async fn a_registration_token_is_shown_once_listed_without_it_and_ended_at_once(database) {
        let server = Server::start_with(&database, &[("registration.mode", "token")]).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let asked = json!({ "name": "partner", "lifetime": "1h", "uses": 3 });
        let create = async |body: &serde_json::Value| {
            let url = format!("{}/admin/api/v1/registration-tokens", api.base);
            let request = http().post(url).bearer_auth(&api.token).header("idempotency-key", "one").json(body);
            Reply::of(request.send().await.unwrap()).await
        };
        let made = create(&asked).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = made.header("location").split_once("/v1").expect("a path of the API").1.to_owned();
        let token = made.text("token");
        // The same request once more makes nothing and says nothing of the token.
        let again = create(&asked).await;
        assert_eq!((again.status.as_u16(), &again.json()["id"]), (201, &made.json()["id"]));
        assert!(!again.text.contains(&token) && again.json().get("token").is_none(), "{}", again.text);
        let shown = api.get(&path).await.ok();
        assert!(!shown.text.contains(&token), "{}", shown.text);
        assert_eq!((&shown.json()["name"], &shown.json()["uses_left"]), (&json!("partner"), &json!(3)));
        assert_eq!(api.get("/registration-tokens").await.ok().json()["items"], json!([shown.json()]));

        let register = async || {
            let document = json!({ "redirect_uris": ["https://app.example.com/cb"] });
            let request = http().post(server.url("/register")).bearer_auth(&token).json(&document);
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!(register().await, 201);
        assert_eq!(api.get(&path).await.ok().json()["uses_left"], 2);
        assert_eq!(delete(&api, &path, None).await, 428);
        assert_eq!(delete(&api, &path, Some("\"other\"")).await, 412);
        assert_eq!(register().await, 201);
        // A registration meanwhile keeps nobody from ending it.
        assert_eq!(delete(&api, &path, Some(&etag(&made))).await, 204);
        assert_eq!(register().await, 401);
        assert_eq!(delete(&api, &path, Some(&etag(&made))).await, 404);
        assert_eq!(api.get(&path).await.status, 404);
        for bad in [
            json!({ "name": "" }), json!({ "name": "a\nb" }), json!({ "lifetime": "soon" }), json!({ "lifetime": "0s" }),
            json!({ "uses": 0 }), json!({ "uses": 10_001 }),
        ] {
            assert_eq!(api.post("/registration-tokens", bad.clone()).await.status, 422, "{bad}");
        }
        // One registration and a day, unless the request says otherwise.
        let usual = api.post("/registration-tokens", json!({})).await;
        assert_eq!((usual.status.as_u16(), &usual.json()["uses_left"]), (201, &json!(1)), "{}", usual.text);
        assert!(usual.json().get("name").is_none());
        let evidence = server.evidence().await;
        for (kind, number) in [("registration_token.created", 2), ("registration_token.revoked", 1)] {
            assert_eq!(evidence.events_of(kind).await.len(), number, "{kind}");
        }
        // The command line speaks of the same.
        let cli = server.cli().await;
        let listed = cli.json(&["client", "registration-tokens"], None).await;
        assert_eq!(listed["tokens"][0]["id"], usual.json()["id"]);
        let id = usual.text("id");
        cli.json(&["client", "revoke-registration-token", "--id", &id], None).await;
        assert_eq!(cli.run(&["client", "revoke-registration-token", "--id", &id], None).await.code, 1);
        assert_eq!(cli.json(&["client", "registration-tokens"], None).await["tokens"], json!([]));
        let named = cli.json(&["client", "registration-token", "--name", "x", "--uses", "2", "--json"], None).await;
        assert_eq!((&named["name"], &named["uses_left"]), (&json!("x"), &json!(2)));
    }
}
