//! A provider with a defect, in the browser. Security cases S116, S117, S120, S128.

use super::row_counts::{DISCOVERY, RowCounts, refusals, shows_notice, sign_in_at_provider};
use super::with_idp;
use crate::support::upstream::{Answer, Defect, FaultyProvider};
use crate::support::{App, both, decode_claims};

/// What becomes of whoever comes by a defect.
pub(super) enum Outcome {
    /// They come in, with an address that nobody proved.
    Unproven,
    /// Nobody leaves for such a provider.
    Stays,
    /// They are refused: the word on the page, and the reason of the audit.
    Refused(&'static str, &'static str),
    /// The same, in its own time: another test.
    Slow,
}

/// In the browser.
fn outcome_of(defect: Defect) -> Outcome {
    let failed = |reason| Outcome::Refused("failed", reason);
    match defect {
        // Core §5.1: neither a text nor a number is the boolean that proves an address.
        Defect::EmailVerifiedMissing
        | Defect::EmailVerifiedFalse
        | Defect::EmailVerifiedText
        | Defect::EmailVerifiedNumber => Outcome::Unproven,
        Defect::DiscoveryIssuer
        | Defect::DiscoveryWithoutJwks
        | Defect::DiscoveryNoJson
        | Defect::DiscoveryFault => Outcome::Stays,
        Defect::TokenNever | Defect::JwksNever => Outcome::Slow,
        Defect::IssOfAnother | Defect::CallbackIssWrong | Defect::CallbackIssMissing => {
            failed("wrong_issuer")
        }
        Defect::AudOfAnother | Defect::AudOfMany => failed("wrong_audience"),
        Defect::AzpOfAnother => failed("wrong_azp"),
        Defect::NonceWrong | Defect::NonceMissing => failed("wrong_nonce"),
        Defect::Expired => failed("expired"),
        Defect::IatAhead => failed("issued_ahead"),
        Defect::AtHashWrong => failed("wrong_at_hash"),
        Defect::SubEmpty | Defect::SubMissing => failed("malformed_token"),
        Defect::SignatureBroken
        | Defect::SignatureEmpty
        | Defect::SignedByAnother
        | Defect::JwkEmbedded
        | Defect::Jku
        | Defect::X5u
        | Defect::AlgNone
        | Defect::AlgNoneCapital
        | Defect::AlgNoneMixed
        | Defect::KeyedByPem
        | Defect::KeyedByJwk
        | Defect::KeyedByClientSecret
        | Defect::KidUnknown
        | Defect::KidToEncrypt
        | Defect::KidDuplicate
        | Defect::Crit => failed("bad_signature"),
        Defect::IdTokenMissing
        | Defect::TokenHuge
        | Defect::TokenRedirect
        | Defect::TokenNoJson
        | Defect::TokenHtml
        | Defect::TokenBomb
        | Defect::JwksHuge
        | Defect::JwksRedirect => failed("malformed_answer"),
        Defect::TokenFault => Outcome::Refused("unavailable", "unavailable"),
        Defect::UserinfoOfAnother => failed("wrong_subject"),
    }
}

/// Longer than anything that a provider says of itself is kept.
pub(super) const FORGOTTEN: i64 = 2 * 86_400;

/// The claims of the person whom an app learns of.
pub(super) async fn person(app: &App, code: &str) -> serde_json::Value {
    let tokens = app.exchange(code).await.ok();
    let mut person = app.userinfo(&tokens.text("access_token")).await.ok().json();
    person["amr"] = decode_claims(&tokens.text("id_token"))["amr"].clone();
    person
}

both! {
    async fn s116_s117_s128_whoever_comes_by_a_lie_is_refused_and_leaves_nothing(database) {
        let faulty = FaultyProvider::start().await;
        let (server, app) = with_idp(&database, faulty.base(), "").await;
        faulty.follows(server.now());
        // Without a name in the id token userinfo is asked too.
        faulty.change(|person| person.name = None);
        let evidence = server.evidence().await;
        let mut expected = Vec::new();
        for defect in Defect::ALL {
            let Outcome::Refused(note, reason) = outcome_of(*defect) else { continue };
            server.advance(FORGOTTEN);
            faulty.has_defect(*defect);
            let page = sign_in_at_provider(&server, &app, "idp", &faulty).await;
            shows_notice(&page, "idp", note);
            expected.push(format!("idp: {reason}"));
            assert_eq!(refusals(&evidence).await, expected, "{defect:?}");
            assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE, "{defect:?}");
        }
        assert_eq!(expected.len(), Defect::ALL.len() - 10);
        assert_eq!(faulty.canary().count(), 0);
        let refused = evidence.events_of("federation.refused").await;
        assert!(refused.iter().all(|event| event.client.as_deref() == Some("app")));
        assert!(refused.iter().all(|event| event.user.is_none() && event.address.is_some()));
        // The truth is believed, in the same way and at the same place.
        server.advance(FORGOTTEN);
        faulty.has_defect(None);
        sign_in_at_provider(&server, &app, "idp", &faulty).await.authorization_response().code();
        let made = RowCounts { accounts: 1, identities: 1, sessions: 1, codes: 1, ..RowCounts::NONE };
        assert_eq!(RowCounts::of(&evidence).await, made);
    }

    async fn s117_s119_nobody_leaves_for_a_provider_whose_metadata_is_not_its_own(database) {
        let faulty = FaultyProvider::start().await;
        let (server, app) = with_idp(&database, faulty.base(), "").await;
        faulty.follows(server.now());
        for defect in Defect::ALL {
            let Outcome::Stays = outcome_of(*defect) else { continue };
            faulty.has_defect(*defect);
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            let page = browser.cannot_start_upstream_login(&page, "idp").await;
            // Once it is honest the very same page leads there.
            faulty.has_defect(None);
            let callback = browser.start_upstream_login(&page, "idp").await;
            let callback = faulty.approve(callback.location().expect("sent away"));
            browser.complete_upstream_login(&callback).await.authorization_response().code();
            server.advance(FORGOTTEN);
        }
        assert_eq!(faulty.canary().count(), 0);
    }

    async fn s120_an_address_that_the_provider_does_not_prove_is_nobodys(database) {
        let faulty = FaultyProvider::start().await;
        let (server, app) = with_idp(&database, faulty.base(), "").await;
        faulty.follows(server.now());
        let owner = server.alice().await;
        let evidence = server.evidence().await;
        evidence
            .run("UPDATE account SET email = 'mina@example.com', email_key = 'mina@example.com'")
            .await;
        let defects = Defect::ALL.iter().filter(|defect| matches!(outcome_of(**defect), Outcome::Unproven));
        for (number, defect) in defects.enumerate() {
            faulty.has_defect(*defect);
            faulty.change(|person| person.id = format!("{}", 100 + number));
            let code = sign_in_at_provider(&server, &app, "idp", &faulty).await.authorization_response().code();
            let scope = [("scope", "openid email")];
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&scope)).await;
            let again = browser.sign_in_by(&page, "idp", &faulty).await.authorization_response().code();
            let person = person(&app, &again).await;
            assert_ne!(person["sub"], owner.as_str(), "{defect:?}");
            assert_eq!(person["email_verified"], false, "{defect:?}");
            let first = decode_claims(&app.exchange(&code).await.ok().text("id_token"));
            assert_eq!(first["sub"], person["sub"]);
        }
        let row_counts = RowCounts::of(&evidence).await;
        assert_eq!((row_counts.accounts, row_counts.identities), (5, 4));
        let linked = format!("SELECT count(*) AS n FROM identity WHERE user_id = '{owner}'");
        assert_eq!(evidence.count(&linked).await, 0);
        // Whom the provider vouches for is asked to prove the account, and is not let in either.
        faulty.has_defect(None);
        faulty.change(|person| person.id = 200.to_string());
        let page = sign_in_at_provider(&server, &app, "idp", &faulty).await;
        assert!(page.has("login-submit") && !page.has("login-with-idp"));
        assert_eq!(RowCounts::of(&evidence).await, row_counts);
    }
}

both! {
    /// 307 and 308 would carry the code and the secret on.
    async fn s119_no_redirect_of_a_provider_is_followed(database) {
        let faulty = FaultyProvider::start().await;
        let (server, app) = with_idp(&database, faulty.base(), "").await;
        faulty.follows(server.now());
        faulty.change(|person| person.name = None);
        let evidence = server.evidence().await;
        for status in [301, 302, 303, 307, 308] {
            let away = Answer::redirect(status, faulty.canary().url());
            for path in ["/token", "/jwks"] {
                server.advance(FORGOTTEN);
                faulty.answers_with(path, away.clone());
                shows_notice(&sign_in_at_provider(&server, &app, "idp", &faulty).await, "idp", "failed");
                faulty.answers_normally();
            }
            server.advance(FORGOTTEN);
        }
        assert_eq!(refusals(&evidence).await, vec!["idp: malformed_answer"; 10]);
        assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE);
        // Userinfo is not needed: nobody goes where it leads either.
        for status in [301, 302, 303, 307, 308] {
            faulty.answers_with("/userinfo", Answer::redirect(status, faulty.canary().url()));
            sign_in_at_provider(&server, &app, "idp", &faulty).await.authorization_response().code();
        }
        faulty.answers_normally();
        // Nor on the way there.
        let (server, app) = with_idp(&database, faulty.base(), "").await;
        for status in [301, 302, 303, 307, 308] {
            faulty.answers_with(DISCOVERY, Answer::redirect(status, faulty.canary().url()));
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            browser.cannot_start_upstream_login(&page, "idp").await;
        }
        assert!(faulty.count(DISCOVERY) >= 10);
        assert_eq!(faulty.canary().count(), 0);
    }
}
