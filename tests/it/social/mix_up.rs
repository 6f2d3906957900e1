//! Two providers, one of them an attacker: security case S119, RFC 9700 §4.4, RFC 9207.

use serde_json::{Value, json};

use super::row_counts::{DISCOVERY, RowCounts, approved_at_provider, left, refusals, shows_notice};
use super::table;
use crate::support::upstream::{Answer, Oidc, PersonAnswer};
use crate::support::{App, Database, Server, both};

/// A server with the providers `honest` and `attacker`.
async fn two(database: &Database) -> (Oidc, Oidc, Server, App) {
    let (honest, attacker) = (Oidc::start().await, Oidc::start().await);
    let tables = [
        table("honest", "oidc", honest.base(), ""),
        table("attacker", "oidc", attacker.base(), ""),
    ];
    let server = Server::start_social(database, &tables.concat()).await;
    let app = server.web_app("app", |client| client.metadata.first_party = true).await;
    honest.follows(server.now());
    attacker.follows(server.now());
    (honest, attacker, server, app)
}

/// What a provider says of itself.
async fn metadata(server: &Server, idp: &Oidc) -> Value {
    let url = idp.url(DISCOVERY);
    let text = server.http.get(url).send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap()
}

both! {
    async fn s119_an_answer_at_the_address_of_another_provider_is_none(database) {
        let (honest, attacker, server, app) = two(&database).await;
        let evidence = server.evidence().await;
        let (mut browser, callback) = approved_at_provider(&server, &app, "honest", &honest).await;
        let mut moved = callback.clone();
        moved.uri = server.url("/login/callback/attacker");
        let named = moved.clone().with("iss", attacker.base());
        for made in [moved.clone(), named, moved.without("iss")] {
            browser.get(&made.url()).await.is_error("unknown_interaction");
            server.advance(61);
        }
        assert_eq!(refusals(&evidence).await, vec!["attacker: mixed_up"; 3]);
        assert_eq!((honest.count("/token"), attacker.count("/token")), (0, 0));
        assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE);
        // It is still good where it belongs.
        browser.complete_upstream_login(&callback).await.authorization_response().code();
    }

    /// The attacker sends the person on to the honest provider, to get its code.
    async fn s119_rfc9207_2_4_the_code_of_an_honest_provider_never_reaches_an_attacker(database) {
        let (honest, attacker, server, app) = two(&database).await;
        let evidence = server.evidence().await;
        let mut defect = metadata(&server, &attacker).await;
        defect["authorization_endpoint"] = json!(honest.url("/authorize"));
        attacker.answers_with(DISCOVERY, Answer::json(200, &defect));
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        let left = browser.start_upstream_login(&page, "attacker").await;
        let location = left.location().expect("sent away").to_owned();
        // A provider that knows our redirect URI does not send anybody to another one.
        honest.redirects_only_to(&[&server.url("/login/callback/honest")]);
        assert!(honest.sign_in_at_provider(&location, PersonAnswer::Yes).is_err());
        // One that does not look names itself.
        honest.redirects_only_to(&[&server.url("/login/callback/attacker")]);
        let callback = honest.approve(&location);
        shows_notice(&browser.complete_upstream_login(&callback).await, "attacker", "failed");
        assert_eq!(refusals(&evidence).await, ["attacker: wrong_issuer"]);
        assert_eq!((honest.count("/token"), attacker.count("/token")), (0, 0));
        assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE);
    }

    /// Where `iss` is promised it must be there, and wherever it is it must be right.
    async fn rfc9207_2_4_an_issuer_in_the_answer_is_compared_as_it_is_written(database) {
        let (honest, _, server, app) = two(&database).await;
        let evidence = server.evidence().await;
        let base = honest.base().to_owned();
        let upper = base.replace("http", "HTTP");
        for promised in [true, false] {
            let mut document = metadata(&server, &honest).await;
            document["authorization_response_iss_parameter_supported"] = json!(promised);
            honest.answers_with(DISCOVERY, Answer::json(200, &document));
            server.advance(2 * 86_400);
            for iss in [&format!("{base}/"), &upper, "https://another.example", "null"] {
                let before = refusals(&evidence).await.len();
                let (mut browser, callback) = approved_at_provider(&server, &app, "honest", &honest).await;
                let page = browser.complete_upstream_login(&callback.with("iss", iss)).await;
                shows_notice(&page, "honest", "failed");
                assert_eq!(refusals(&evidence).await.len(), before + 1, "{iss}");
                server.advance(61);
            }
            let asked = honest.count("/token");
            let (mut browser, callback) = approved_at_provider(&server, &app, "honest", &honest).await;
            let page = browser.complete_upstream_login(&callback.without("iss")).await;
            server.advance(61);
            let (mut browser, location) = left(&server, &app, "honest").await;
            let turned_back = honest.cancel(&location).without("iss");
            let heard = if promised { "failed" } else { "cancelled" };
            shows_notice(&browser.complete_upstream_login(&turned_back).await, "honest", heard);
            server.advance(61);
            if promised {
                shows_notice(&page, "honest", "failed");
                assert_eq!(honest.count("/token"), asked);
                assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE);
            } else {
                page.authorization_response().code();
            }
        }
        let reasons = refusals(&evidence).await;
        assert_eq!(reasons, vec!["honest: wrong_issuer"; 10]);
    }

    async fn s122_the_same_sub_at_two_providers_is_two_people(database) {
        let (honest, attacker, server, app) = two(&database).await;
        attacker.change(|person| person.email = None);
        let mut subjects = Vec::new();
        for (slug, idp) in [("honest", &honest), ("attacker", &attacker)] {
            let (mut browser, callback) = approved_at_provider(&server, &app, slug, idp).await;
            let code = browser.complete_upstream_login(&callback).await.authorization_response().code();
            let token = app.exchange(&code).await.ok().text("id_token");
            subjects.push(crate::support::decode_claims(&token)["sub"].clone());
        }
        assert_ne!(subjects[0], subjects[1]);
    }
}
