//! Values of a provider that must not be stored, and addresses of a provider that must not be
//! called.

use serde_json::{Value, json};

use super::fixtures::{exchange, exchanger};
use super::row_counts::{DISCOVERY, RowCounts, refusals, shows_notice, sign_in_at_provider};
use super::with_idp;
use crate::support::upstream::{Answer, Oidc};
use crate::support::{both, http};

both! {
    /// Postgres keeps no NUL: such a subject is refused before anybody asks for it.
    async fn core_2_a_subject_with_control_characters_is_none(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let native = exchanger(&server).await;
        for subject in ["a\u{0}b", "a\nb", "\u{7f}"] {
            let answer = exchange(&native, "idp", &idp, |claims| claims["sub"] = json!(subject));
            answer.await.refused(400, "invalid_grant");
            idp.change(|person| subject.clone_into(&mut person.id));
            shows_notice(&sign_in_at_provider(&server, &app, "idp", &idp).await, "idp", "failed");
            server.advance(61);
        }
        let evidence = server.evidence().await;
        assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE);
        let every = refusals(&evidence).await;
        assert!(every.iter().all(|one| one == "idp: malformed_token"), "{every:?}");
    }

    /// Metadata that names an address of a cloud's credentials, at an issuer that may be called.
    async fn metadata_leads_to_no_address_that_may_not_be_called(database) {
        let idp = Oidc::start().await;
        // Without an address in the id token userinfo is asked.
        idp.change(|person| person.email = None);
        let honest: Value = http().get(idp.url(DISCOVERY)).send().await.unwrap().json().await.unwrap();
        for member in ["token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            for forbidden in ["https://169.254.169.254/latest", "https://[fe80::1]/", "http://10.1.2.3/"] {
                let (server, app) = with_idp(&database, idp.base(), "").await;
                idp.follows(server.now());
                let mut metadata = honest.clone();
                metadata[member] = json!(forbidden);
                idp.answers_with(DISCOVERY, Answer::json(200, &metadata));
                shows_notice(&sign_in_at_provider(&server, &app, "idp", &idp).await, "idp", "unavailable");
                // Nothing was sent: that is said of what may not be called, and of nothing else.
                let evidence = server.evidence().await;
                let every = refusals(&evidence).await;
                assert_eq!(every, ["idp: misconfigured"], "{member} {forbidden}");
                assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE, "{member} {forbidden}");
            }
        }
    }

    /// Nothing waits for somebody who never comes back; what was used once is forgotten in its time.
    async fn states_and_assertions_that_were_used_are_forgotten_in_time(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let native = exchanger(&server).await;
        super::row_counts::left(&server, &app, "idp").await;
        let evidence = server.evidence().await;
        let rows = async || {
            evidence.count("SELECT count(*) AS n FROM used_assertion").await
        };
        assert_eq!(rows().await, 0);
        exchange(&native, "idp", &idp, |_| {}).await.ok();
        sign_in_at_provider(&server, &app, "idp", &idp).await.authorization_response().code();
        assert_eq!(rows().await, 2);
        server.advance(2 * 86_400);
        let _server = server.restart().await;
        crate::support::eventually("they are forgotten", async || rows().await == 0).await;
    }
}
