//! A provider that lies, in the browser. Security cases S116, S117, S120, S128.

use super::traces::{DISCOVERY, Traces, is_noted, refusals, visit};
use super::with_idp;
use crate::support::upstream::{Answer, Evil, Lie};
use crate::support::{App, both, decode_claims};

/// What becomes of whoever comes by a lie.
pub(super) enum Fate {
    /// They come in, with an address that nobody proved.
    Unproven,
    /// Nobody leaves for such a provider.
    Stays,
    /// They are refused: the word on the page, and the reason of the audit.
    Refused(&'static str, &'static str),
    /// The same, in its own time: another proof.
    Slow,
}

/// In the browser.
fn fate(lie: Lie) -> Fate {
    let failed = |reason| Fate::Refused("failed", reason);
    match lie {
        // Core §5.1: neither a text nor a number is the boolean that proves an address.
        Lie::EmailVerifiedMissing
        | Lie::EmailVerifiedFalse
        | Lie::EmailVerifiedText
        | Lie::EmailVerifiedNumber => Fate::Unproven,
        Lie::DiscoveryIssuer
        | Lie::DiscoveryWithoutJwks
        | Lie::DiscoveryNoJson
        | Lie::DiscoveryFault => Fate::Stays,
        Lie::TokenNever | Lie::JwksNever => Fate::Slow,
        Lie::IssOfAnother | Lie::CallbackIssWrong | Lie::CallbackIssMissing => {
            failed("wrong_issuer")
        }
        Lie::AudOfAnother | Lie::AudOfMany => failed("wrong_audience"),
        Lie::AzpOfAnother => failed("wrong_azp"),
        Lie::NonceWrong | Lie::NonceMissing => failed("wrong_nonce"),
        Lie::Expired => failed("expired"),
        Lie::IatAhead => failed("issued_ahead"),
        Lie::AtHashWrong => failed("wrong_at_hash"),
        Lie::SubEmpty | Lie::SubMissing => failed("malformed_token"),
        Lie::SignatureBroken
        | Lie::SignatureEmpty
        | Lie::SignedByAnother
        | Lie::JwkEmbedded
        | Lie::Jku
        | Lie::X5u
        | Lie::AlgNone
        | Lie::AlgNoneCapital
        | Lie::AlgNoneMixed
        | Lie::KeyedByPem
        | Lie::KeyedByJwk
        | Lie::KeyedByClientSecret
        | Lie::KidUnknown
        | Lie::KidToEncrypt
        | Lie::KidDuplicate
        | Lie::Crit => failed("bad_signature"),
        Lie::IdTokenMissing
        | Lie::TokenHuge
        | Lie::TokenRedirect
        | Lie::TokenNoJson
        | Lie::TokenHtml
        | Lie::TokenBomb
        | Lie::JwksHuge
        | Lie::JwksRedirect => failed("malformed_answer"),
        Lie::TokenFault => Fate::Refused("unavailable", "unavailable"),
        Lie::UserinfoOfAnother => failed("wrong_subject"),
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
        let evil = Evil::start().await;
        let (server, app) = with_idp(&database, evil.base(), "").await;
        evil.follows(server.now());
        // Without a name in the id token userinfo is asked too.
        evil.change(|person| person.name = None);
        let evidence = server.evidence().await;
        let mut expected = Vec::new();
        for lie in Lie::ALL {
            let Fate::Refused(note, reason) = fate(*lie) else { continue };
            server.advance(FORGOTTEN);
            evil.tells(*lie);
            let page = visit(&server, &app, "idp", &evil).await;
            is_noted(&page, "idp", note);
            expected.push(format!("idp: {reason}"));
            assert_eq!(refusals(&evidence).await, expected, "{lie:?}");
            assert_eq!(Traces::of(&evidence).await, Traces::NONE, "{lie:?}");
        }
        assert_eq!(expected.len(), Lie::ALL.len() - 10);
        assert_eq!(evil.canary().count(), 0);
        let refused = evidence.events_of("federation.refused").await;
        assert!(refused.iter().all(|event| event.client.as_deref() == Some("app")));
        assert!(refused.iter().all(|event| event.user.is_none() && event.address.is_some()));
        // The truth is believed, in the same way and at the same place.
        server.advance(FORGOTTEN);
        evil.tells(None);
        visit(&server, &app, "idp", &evil).await.heard().code();
        let made = Traces { accounts: 1, identities: 1, sessions: 1, codes: 1, ..Traces::NONE };
        assert_eq!(Traces::of(&evidence).await, made);
    }

    async fn s117_s119_nobody_leaves_for_a_provider_whose_metadata_is_not_its_own(database) {
        let evil = Evil::start().await;
        let (server, app) = with_idp(&database, evil.base(), "").await;
        evil.follows(server.now());
        for lie in Lie::ALL {
            let Fate::Stays = fate(*lie) else { continue };
            evil.tells(*lie);
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            let page = browser.cannot_leave(&page, "idp").await;
            // Once it is honest the very same page leads there.
            evil.tells(None);
            let callback = browser.leave(&page, "idp").await;
            let callback = evil.approve(callback.location().expect("sent away"));
            browser.come_back(&callback).await.heard().code();
            server.advance(FORGOTTEN);
        }
        assert_eq!(evil.canary().count(), 0);
    }

    async fn s120_an_address_that_the_provider_does_not_prove_is_nobodys(database) {
        let evil = Evil::start().await;
        let (server, app) = with_idp(&database, evil.base(), "").await;
        evil.follows(server.now());
        let owner = server.alice().await;
        let evidence = server.evidence().await;
        evidence
            .run("UPDATE account SET email = 'mina@example.com', email_key = 'mina@example.com'")
            .await;
        let lies = Lie::ALL.iter().filter(|lie| matches!(fate(**lie), Fate::Unproven));
        for (number, lie) in lies.enumerate() {
            evil.tells(*lie);
            evil.change(|person| person.id = format!("{}", 100 + number));
            let code = visit(&server, &app, "idp", &evil).await.heard().code();
            let scope = [("scope", "openid email")];
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&scope)).await;
            let again = browser.sign_in_by(&page, "idp", &evil).await.heard().code();
            let person = person(&app, &again).await;
            assert_ne!(person["sub"], owner.as_str(), "{lie:?}");
            assert_eq!(person["email_verified"], false, "{lie:?}");
            let first = decode_claims(&app.exchange(&code).await.ok().text("id_token"));
            assert_eq!(first["sub"], person["sub"]);
        }
        let traces = Traces::of(&evidence).await;
        assert_eq!((traces.accounts, traces.identities), (5, 4));
        let linked = format!("SELECT count(*) AS n FROM identity WHERE user_id = '{owner}'");
        assert_eq!(evidence.count(&linked).await, 0);
        // Whom the provider vouches for is asked to prove the account, and is not let in either.
        evil.tells(None);
        evil.change(|person| person.id = 200.to_string());
        let page = visit(&server, &app, "idp", &evil).await;
        assert!(page.has("login-submit") && !page.has("login-with-idp"));
        assert_eq!(Traces::of(&evidence).await, traces);
    }
}

both! {
    /// 307 and 308 would carry the code and the secret on.
    async fn s119_no_redirect_of_a_provider_is_followed(database) {
        let evil = Evil::start().await;
        let (server, app) = with_idp(&database, evil.base(), "").await;
        evil.follows(server.now());
        evil.change(|person| person.name = None);
        let evidence = server.evidence().await;
        for status in [301, 302, 303, 307, 308] {
            let away = Answer::redirect(status, evil.canary().url());
            for path in ["/token", "/jwks"] {
                server.advance(FORGOTTEN);
                evil.misbehaves(path, away.clone());
                is_noted(&visit(&server, &app, "idp", &evil).await, "idp", "failed");
                evil.behaves();
            }
            server.advance(FORGOTTEN);
        }
        assert_eq!(refusals(&evidence).await, vec!["idp: malformed_answer"; 10]);
        assert_eq!(Traces::of(&evidence).await, Traces::NONE);
        // Userinfo is not needed: nobody goes where it leads either.
        for status in [301, 302, 303, 307, 308] {
            evil.misbehaves("/userinfo", Answer::redirect(status, evil.canary().url()));
            visit(&server, &app, "idp", &evil).await.heard().code();
        }
        evil.behaves();
        // Nor on the way there.
        let (server, app) = with_idp(&database, evil.base(), "").await;
        for status in [301, 302, 303, 307, 308] {
            evil.misbehaves(DISCOVERY, Answer::redirect(status, evil.canary().url()));
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            browser.cannot_leave(&page, "idp").await;
        }
        assert!(evil.count(DISCOVERY) >= 10);
        assert_eq!(evil.canary().count(), 0);
    }
}
