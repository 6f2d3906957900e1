//! What the verbs of the command line do, in the administration API.

use serde_json::{Value, json};

use crate::admin_api::{Api, EVERY_SCOPE};
use crate::support::{Mailbox, Reply, Server, both, http};

/// A creation with this `Idempotency-Key`.
async fn keyed(api: &Api, key: &str, path: &str, content_type: &str, body: &str) -> Reply {
    let url = format!("{}/admin/api/v1{path}", api.base);
    let request = http().post(url).bearer_auth(&api.token).header("idempotency-key", key);
    let request = request.header("content-type", content_type).body(body.to_owned());
    Reply::of(request.send().await.expect("an answer")).await
}

both! {
    async fn a_person_is_invited_by_mail_or_by_a_link_that_is_shown_once(database) {
        let mails = Mailbox::new();
        let server = Server::start_with(&database, &[("mail.url", &mails.url())]).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        server.web_app("shop", |_| {}).await;
        let invited = api.post("/invitations", json!({ "email": "hana@example.com", "client": "shop" })).await;
        assert_eq!(invited.status, 201, "{}", invited.text);
        assert_eq!(invited.json(), json!({ "mailed_to": "hana@example.com" }));
        assert!(mails.first_to("hana@example.com").await.link().contains("/sign-up/invitation?secret="));

        let body = json!({ "email": "bora@example.com", "print": true }).to_string();
        let printed = keyed(&api, "k1", "/invitations", "application/json", &body).await;
        assert_eq!(printed.status, 201, "{}", printed.text);
        let mut browser = server.browser();
        assert!(browser.open(&printed.text("link")).await.reply.status.is_success());
        assert_eq!(mails.letters().len(), 1);
        let again = keyed(&api, "k1", "/invitations", "application/json", &body).await;
        assert_eq!((again.status.as_u16(), again.json()), (201, json!({})));
        let other = keyed(&api, "k1", "/invitations", "application/json", "{\"email\":\"c@example.com\"}").await;
        assert_eq!(other.json()["reason"], "idempotency_key_reused");

        let made = json!({ "username": "minji", "email": "minji@example.com", "email_verified": true });
        assert_eq!(api.post("/users", made).await.status, 201);
        for (body, status) in [
            (json!({ "email": "Minji@Example.com" }), 409),
            (json!({ "email": "nowhere" }), 422),
            (json!({ "email": "new@example.com", "client": "nobody" }), 404),
            (json!({ "address": "new@example.com" }), 400),
        ] {
            assert_eq!(api.post("/invitations", body.clone()).await.status, status, "{body}");
        }
        let events = api.get("/audit?kind=invitation.made").await.ok().json();
        let actors: Vec<&Value> = events["items"].as_array().unwrap().iter().map(|one| &one["actor"]).collect();
        assert_eq!(actors, ["client:robot", "client:robot"]);
        assert_eq!(events["items"][1]["client"], "shop");
    }
}

both! {
    async fn a_token_is_shown_and_ended_and_what_is_older_ends_for_everybody(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (access, refresh) = app.password("openid").await.pair();
        for (token, kind, active) in [(&*access, "access_token", true), (&*refresh, "refresh_token", true), ("x", "unknown", false)] {
            let shown = api.post("/tokens/inspect", json!({ "token": token })).await.ok().json();
            assert_eq!((&shown["kind"], &shown["active"]), (&json!(kind), &json!(active)), "{shown}");
        }
        for revoked in [true, false] {
            let ended = api.post("/tokens/revoke", json!({ "token": refresh })).await.ok().json();
            assert_eq!(ended, json!({ "revoked": revoked }));
        }
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        assert_eq!(api.post("/tokens/revoke", json!({ "token": " " })).await.status, 422);
        let events = api.get("/audit?kind=family.revoked").await.ok().json();
        assert_eq!(events["items"][0]["actor"], "client:robot");
        assert!(events["items"][0]["request_id"].is_string(), "{events}");

        let (_, old) = app.password("openid").await.pair();
        server.advance(100);
        let between = server.now().now();
        server.advance(100);
        let (_, new) = app.password("openid").await.pair();
        let path = "/tokens/revoke-issued-before";
        let future = server.now().now() + chrono::Duration::minutes(1);
        let refused = api.post(path, json!({ "issued_before": future })).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["reason"]), (422, &json!("admin_invalid")));
        assert_eq!(api.post(path, json!({})).await.status, 400);
        // Nothing is as old as that.
        let none = api.post(path, json!({ "issued_before": "-262143-01-01T00:00:00Z" })).await;
        assert!(none.status == 400 || none.ok().json()["families"] == 0);
        app.refresh(&old).await.ok();
        let ended = api.post(path, json!({ "issued_before": between })).await.ok().json();
        assert_eq!(ended["families"], 1, "{ended}");
        app.refresh(&old).await.refused(400, "invalid_grant");
        app.refresh(&new).await.ok();
        let auditor = Api::machine(&server, "auditor", EVERY_SCOPE).await;
        let events = auditor.get("/audit?kind=everything.revoked").await.ok().json();
        assert_eq!(events["items"][0]["actor"], "client:robot");
    }
}
