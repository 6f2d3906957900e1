//! A provider that lies, at the token endpoint. Security cases S116, S117, S120, S127.

use super::lies::FORGOTTEN;
use super::traces::{Traces, refusals};
use super::with_idp;
use crate::support::upstream::{CLIENT_ID, Evil, Lie};
use crate::support::{App, Reply, Server, both, decode_claims};
use mapae::domain::grant_type::GrantType;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const NONCE: &str = "a-nonce-of-the-app";

/// An app that presents tokens of providers.
async fn native(server: &Server) -> App {
    let grants = [GrantType::TokenExchange, GrantType::JwtBearer].to_vec();
    server.client("native", |client| client.metadata.grant_types = grants).await
}

/// RFC 8693 §2.1.
async fn exchange(app: &App, token: &str) -> Reply {
    app.token(&[
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", ID_TOKEN),
        ("subject_issuer", "idp"),
        ("nonce", NONCE),
        ("scope", "openid email"),
    ])
    .await
}

/// RFC 7523 §2.1.
async fn bearer(app: &App, token: &str) -> Reply {
    let fields = [("grant_type", BEARER), ("assertion", token), ("nonce", NONCE)];
    app.token(&[&fields[..], &[("scope", "openid email")]].concat()).await
}

async fn present(app: &App, grant: &str, token: &str) -> Reply {
    if grant == EXCHANGE { exchange(app, token).await } else { bearer(app, token).await }
}

/// Why an id token is refused that is not as it should be; nothing of what concerns no id token, or
/// is harmless in it.
fn reason(lie: Lie) -> Option<&'static str> {
    match lie {
        Lie::IssOfAnother => Some("wrong_issuer"),
        Lie::AudOfAnother | Lie::AudOfMany => Some("wrong_audience"),
        Lie::AzpOfAnother => Some("wrong_azp"),
        Lie::NonceWrong | Lie::NonceMissing => Some("wrong_nonce"),
        Lie::Expired => Some("expired"),
        Lie::IatAhead => Some("issued_ahead"),
        Lie::SubEmpty | Lie::SubMissing => Some("malformed_token"),
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
        | Lie::Crit => Some("bad_signature"),
        Lie::JwksHuge | Lie::JwksRedirect => Some("malformed_answer"),
        // There is no access token beside it to which the hash could belong.
        Lie::AtHashWrong
        | Lie::EmailVerifiedMissing
        | Lie::EmailVerifiedFalse
        | Lie::EmailVerifiedText
        | Lie::EmailVerifiedNumber
        | Lie::IdTokenMissing
        | Lie::TokenNever
        | Lie::TokenHuge
        | Lie::TokenRedirect
        | Lie::TokenNoJson
        | Lie::TokenFault
        | Lie::TokenHtml
        | Lie::TokenBomb
        | Lie::JwksNever
        | Lie::DiscoveryIssuer
        | Lie::DiscoveryWithoutJwks
        | Lie::DiscoveryNoJson
        | Lie::DiscoveryFault
        | Lie::CallbackIssWrong
        | Lie::CallbackIssMissing
        | Lie::UserinfoOfAnother => None,
    }
}

both! {
    async fn s116_s117_no_grant_takes_an_id_token_that_lies(database) {
        let evil = Evil::start().await;
        let (server, _) = with_idp(&database, evil.base(), "").await;
        evil.follows(server.now());
        let app = native(&server).await;
        let evidence = server.evidence().await;
        let mut expected = Vec::new();
        let mut lies = 0;
        for lie in Lie::ALL {
            let Some(reason) = reason(*lie) else { continue };
            lies += 1;
            evil.tells(*lie);
            for (grant, names_it) in [(EXCHANGE, true), (BEARER, *lie != Lie::IssOfAnother)] {
                server.advance(FORGOTTEN);
                let token = evil.id_token(CLIENT_ID, Some(NONCE));
                present(&app, grant, &token).await.refused(400, "invalid_grant");
                // An assertion names its issuer itself: that of nobody is not refused by anybody.
                expected.extend(names_it.then(|| format!("idp: {reason}")));
                assert_eq!(refusals(&evidence).await, expected, "{lie:?} {grant}");
                assert_eq!(Traces::of(&evidence).await, Traces::NONE, "{lie:?} {grant}");
            }
        }
        assert_eq!(lies, 28);
        assert_eq!(evil.canary().count(), 0);
        let refused = evidence.events_of("federation.refused").await;
        assert!(refused.iter().all(|event| event.client.as_deref() == Some("native")));
        // The truth is believed by both, in the same way.
        evil.tells(None);
        for (grant, id) in [(EXCHANGE, 1), (BEARER, 2)] {
            server.advance(FORGOTTEN);
            evil.change(|person| {
                person.id = id.to_string();
                person.email = None;
            });
            let token = evil.id_token(CLIENT_ID, Some(NONCE));
            let reply = present(&app, grant, &token).await;
            let claims = decode_claims(&reply.ok().text("id_token"));
            assert_eq!(claims["amr"], serde_json::json!(["fed", "idp"]));
        }
        let traces = Traces::of(&evidence).await;
        assert_eq!((traces.accounts, traces.families), (2, 2));
    }

    async fn s117_s128_a_provider_with_bad_metadata_is_unavailable_at_token(database) {
        let evil = Evil::start().await;
        let (server, _) = with_idp(&database, evil.base(), "").await;
        evil.follows(server.now());
        let app = native(&server).await;
        let evidence = server.evidence().await;
        let mut expected = Vec::new();
        for (lie, status, error, reason) in [
            (Lie::DiscoveryIssuer, 503, "temporarily_unavailable", "misconfigured"),
            (Lie::DiscoveryWithoutJwks, 503, "temporarily_unavailable", "misconfigured"),
            (Lie::DiscoveryFault, 503, "temporarily_unavailable", "unavailable"),
            (Lie::DiscoveryNoJson, 400, "invalid_grant", "malformed_answer"),
        ] {
            evil.tells(lie);
            let token = evil.id_token(CLIENT_ID, Some(NONCE));
            let reply = exchange(&app, &token).await;
            reply.refused(status, error);
            assert_eq!(reply.header("retry-after").is_empty(), status == 400, "{lie:?}");
            server.advance(61);
            let reply = bearer(&app, &evil.id_token(CLIENT_ID, Some(NONCE))).await;
            reply.refused(status, error);
            server.advance(61);
            expected.extend(vec![format!("idp: {reason}"); 2]);
            assert_eq!(refusals(&evidence).await, expected, "{lie:?}");
        }
        assert_eq!(Traces::of(&evidence).await, Traces::NONE);
        assert_eq!(evil.count("/jwks"), 0);
    }

    async fn s120_an_address_that_no_provider_proves_is_nobodys_at_token(database) {
        let evil = Evil::start().await;
        let (server, _) = with_idp(&database, evil.base(), "").await;
        evil.follows(server.now());
        let app = native(&server).await;
        let owner = server.alice().await;
        let evidence = server.evidence().await;
        evidence
            .run("UPDATE account SET email = 'mina@example.com', email_key = 'mina@example.com'")
            .await;
        let lies = [
            Lie::EmailVerifiedMissing,
            Lie::EmailVerifiedFalse,
            Lie::EmailVerifiedText,
            Lie::EmailVerifiedNumber,
        ];
        for (number, lie) in lies.into_iter().enumerate() {
            for (grant, id) in [(EXCHANGE, 100 + number), (BEARER, 200 + number)] {
                evil.tells(lie);
                evil.change(|person| person.id = id.to_string());
                let token = evil.id_token(CLIENT_ID, Some(NONCE));
                let reply = present(&app, grant, &token).await;
                let person = app.userinfo(&reply.ok().text("access_token")).await.ok().json();
                assert_ne!(person["sub"], owner.as_str(), "{lie:?} {grant}");
                assert_eq!(person["email_verified"], false, "{lie:?} {grant}");
            }
        }
        let traces = Traces::of(&evidence).await;
        assert_eq!((traces.accounts, traces.identities), (9, 8));
        let linked = format!("SELECT count(*) AS n FROM identity WHERE user_id = '{owner}'");
        assert_eq!(evidence.count(&linked).await, 0);
    }
}
