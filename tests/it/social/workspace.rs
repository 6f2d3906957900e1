//! Google Workspace: who belongs to a domain, and who only has an e-mail address there. Security
//! case S129.

use serde_json::{Value, json};

use super::fixtures::{by, refusals};
use super::native::{ACCESS_TOKEN, ID_TOKEN, native_app, present};
use super::table;
use crate::support::upstream::{CLIENT_ID, Google};
use crate::support::{Server, both};

both! {
    async fn s129_an_address_at_a_domain_does_not_belong_to_it(database) {
        let google = Google::start().await;
        let corp = table("google", "google", google.base(), "allowed_domains = [\"corp.example\"]");
        let mail = table("mail", "google", google.base(), "allowed_domains = [\"gmail.com\"]");
        let server = Server::start_social(&database, &[corp, mail].concat()).await;
        google.follows(server.now());
        let app = native_app(&server, "native").await;
        let web = server.web_app("web", |client| client.metadata.first_party = true).await;
        for (email, hosted, comes_in) in [
            ("leaver@corp.example", Value::Null, false),
            ("leaver@corp.example", json!("elsewhere.example"), false),
            ("leaver@corp.example", json!(["corp.example"]), false),
            ("mina@gmail.com", Value::Null, false),
            ("mina@corp.example", json!("corp.example"), true),
        ] {
            google.change(|person| {
                (person.email, person.email_verified) = (Some(email.to_owned()), true);
            });
            let token = google.id_token_with(CLIENT_ID, None, |claims| {
                claims["hd"] = hosted.clone();
            });
            let reply = present(&app, ID_TOKEN, &token, &[("subject_issuer", "google")]).await;
            if comes_in {
                reply.ok();
            } else {
                reply.refused(400, "invalid_grant");
            }
        }
        // The mail of this domain is Google's own.
        for (email, comes_in) in [("suni@gmail.com", true), ("suni@corp.example", false)] {
            google.change(|person| person.email = Some(email.to_owned()));
            let token = google.id_token(CLIENT_ID, Some(email));
            let reply = present(&app, ID_TOKEN, &token, &[("subject_issuer", "mail")]).await;
            assert_eq!(reply.status.is_success(), comes_in, "{email}: {}", reply.text);
        }
        // Nothing of an access token tells.
        let token = google.access_token_for(CLIENT_ID);
        let reply = present(&app, ACCESS_TOKEN, &token, &[("subject_issuer", "google")]).await;
        reply.refused(400, "invalid_grant");
        assert_eq!(google.count("/tokeninfo"), 0);
        // In the browser neither.
        google.change(|person| person.email = Some("leaver@corp.example".to_owned()));
        let page = by(&mut server.browser(), &web, "google", &google).await;
        assert!(page.reply.text.contains("can’t be used here"), "{}", page.reply.text);
        let mut written = refusals(&server).await;
        written.sort();
        let google = "google: domain_not_allowed";
        assert_eq!(written, [google, google, "mail: domain_not_allowed"], "native and web");
    }
}
