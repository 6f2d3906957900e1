//! Settings and tokens in the administration API, and where the API is.

use mapae::domain::scope::Scope;
use serde_json::json;

use crate::admin_api::{Api, EVERY_SCOPE};
use crate::support::{Reply, Server, both, http};

/// A request for the description at this address.
async fn described(base: &str) -> Reply {
    let url = format!("{base}/admin/api/v1/openapi.json");
    Reply::of(http().get(url).send().await.expect("an answer")).await
}

both! {
    async fn the_settings_in_force_are_shown_with_where_they_come_from_and_without_secrets(database) {
        let settings = [("mail.url", "smtps://me:hunter2-canary@mail.example.com"), ("mail.from", "a@example.com"), ("admin.proof_age", "10m")];
        let server = Server::start_with(&database, &settings).await;
        let api = Api::machine(&server, "robot", "admin:audit:read").await;
        let reply = api.get("/settings").await.ok();
        assert!(!reply.text.contains("hunter2"), "{}", reply.text);
        let items = reply.json()["items"].as_array().unwrap().clone();
        let named = |key: &str| items.iter().find(|one| one["key"] == key).unwrap_or_else(|| panic!("{key}")).clone();
        let age = named("admin.proof_age");
        assert_eq!((&age["value"], &age["source"], &age["default"], &age["env"]), (&json!("10m"), &json!("flag"), &json!("15m"), &json!("MAPAE_ADMIN_PROOF_AGE")));
        assert_eq!(named("token.access_lifetime")["source"], "default");
        assert_eq!(named("issuer")["value"], server.issuer());
        // The last of the declarations is there, too.
        named("telemetry.otlp_endpoint");
    }

    async fn the_api_is_on_the_admin_listener_or_nowhere_if_the_setting_says_so(database) {
        for (place, main, beside) in [("main", 200, 404), ("admin", 404, 200), ("off", 404, 404)] {
            let server = Server::start_with(&database, &[("admin.api", place)]).await;
            let admin = format!("http://{}", server.inner.admin_address().expect("an admin listener"));
            let statuses = [described(server.issuer()).await, described(&admin).await];
            assert_eq!(statuses.map(|reply| reply.status.as_u16()), [main, beside], "{place}");
            let mut api = Api::machine(&server, "robot", "admin:users:read").await;
            assert_eq!(api.get("/users").await.status, main, "{place}");
            api.base = admin.clone();
            let listed = api.get("/users").await;
            assert_eq!(listed.status, beside, "{place}");
            if beside == 200 {
                assert!(!listed.header("x-request-id").is_empty());
                "none".clone_into(&mut api.token);
                assert_eq!(api.get("/users").await.status, 401);
                assert_eq!(described(&admin).await.json()["servers"][0]["url"], "/");
            }
            let metrics = Reply::of(http().get(format!("{admin}/metrics")).send().await.unwrap()).await;
            assert_eq!(metrics.status, 200);
            // Nothing else of the server is there.
            let metadata = Reply::of(http().get(format!("{admin}/.well-known/openid-configuration")).send().await.unwrap()).await;
            assert_eq!(metadata.status, 404);
        }
    }

    async fn what_a_token_would_say_is_shown_and_why_one_is_refused(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let alice = server.alice().await;
        let app = server.client("app", |client| {
            client.metadata.scope = Scope::parse("openid email read").unwrap();
            client.metadata.audiences = vec!["https://api.example.com".to_owned()];
        }).await;
        let asked = |body| { let api = &api; async move { api.post("/clients/app/token-preview", body).await } };
        let shown = asked(json!({ "user": alice, "scope": "openid email", "audience": "https://api.example.com" })).await.ok().json();
        assert_eq!((&shown["access_token"]["sub"], &shown["access_token"]["scope"]), (&json!(alice), &json!("email openid")));
        assert!(shown["access_token"]["aud"].to_string().contains("https://api.example.com"), "{shown}");
        assert!(shown["userinfo"]["email"].is_string() && shown["bytes"]["access_token"].as_u64() > Some(100), "{shown}");
        assert!(asked(json!({ "user": alice, "scope": "read" })).await.ok().json()["id_token"].is_null());
        for (body, status) in [
            (json!({ "user": "nobody" }), 404),
            (json!({ "user": alice, "scope": "a\"b" }), 422),
            (json!({ "user": alice, "audience": "https://other.example.com" }), 422),
            (json!({ "username": "alice" }), 400),
        ] {
            assert_eq!(asked(body.clone()).await.status, status, "{body}");
        }
        assert_eq!(api.post("/clients/nobody/token-preview", json!({ "user": alice })).await.status, 404);
        // Who sees people alone, or clients alone, sees no tokens.
        for scope in ["admin:users", "admin:clients"] {
            let half = Api::machine(&server, scope.split(':').next_back().unwrap(), scope).await;
            assert_eq!(half.post("/clients/app/token-preview", json!({ "user": alice })).await.status, 403);
            assert_eq!(half.post("/tokens/explain", json!({ "token": "x" })).await.status, 403);
        }

        let (access, refresh) = app.password("openid read").await.pair();
        let explained = |token: &str| { let (api, body) = (&api, json!({ "token": token, "resource": "https://api.example.com" })); async move { api.post("/tokens/explain", body).await.ok() } };
        let good = explained(&access).await;
        assert_eq!((&good.json()["good"], good.json().get("reason")), (&json!(true), None), "{}", good.text);
        assert!(!good.text.contains(&access));
        let refused = explained(&refresh).await.json();
        assert_eq!((&refused["good"], &refused["reason"]), (&json!(false), &json!("token_is_refresh_token")));
        app.revoke(&access).await;
        let refused = explained(&access).await.json();
        assert_eq!(refused["good"], false, "{refused}");
        assert!(refused["steps"].as_array().unwrap().iter().any(|step| step["check"] == "revoked" && step["good"] == false), "{refused}");
        assert_eq!(api.post("/tokens/explain", json!({ "token": " " })).await.status, 422);
    }
}
