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
