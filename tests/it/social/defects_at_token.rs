//! A provider with a defect, at the token endpoint. Security cases S116, S117, S120, S127.

use super::defects::FORGOTTEN;
use super::row_counts::{RowCounts, refusals};
use super::with_idp;
use crate::support::upstream::{CLIENT_ID, Defect, FaultyProvider};
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
fn reason(defect: Defect) -> Option<&'static str> {
    match defect {
        Defect::IssOfAnother => Some("wrong_issuer"),
        Defect::AudOfAnother | Defect::AudOfMany => Some("wrong_audience"),
        Defect::AzpOfAnother => Some("wrong_azp"),
        Defect::NonceWrong | Defect::NonceMissing => Some("wrong_nonce"),
        Defect::Expired => Some("expired"),
        Defect::IatAhead => Some("issued_ahead"),
        Defect::SubEmpty | Defect::SubMissing => Some("malformed_token"),
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
        | Defect::Crit => Some("bad_signature"),
        Defect::JwksHuge | Defect::JwksRedirect => Some("malformed_answer"),
        // There is no access token beside it to which the hash could belong.
        Defect::AtHashWrong
        | Defect::EmailVerifiedMissing
        | Defect::EmailVerifiedFalse
        | Defect::EmailVerifiedText
        | Defect::EmailVerifiedNumber
        | Defect::IdTokenMissing
        | Defect::TokenNever
        | Defect::TokenHuge
        | Defect::TokenRedirect
        | Defect::TokenNoJson
        | Defect::TokenFault
        | Defect::TokenHtml
        | Defect::TokenBomb
        | Defect::JwksNever
        | Defect::DiscoveryIssuer
        | Defect::DiscoveryWithoutJwks
        | Defect::DiscoveryNoJson
        | Defect::DiscoveryFault
        | Defect::CallbackIssWrong
        | Defect::CallbackIssMissing
        | Defect::UserinfoOfAnother => None,
    }
}

both! {
    async fn s116_s117_no_grant_takes_an_id_token_that_lies(database) {
        let faulty = FaultyProvider::start().await;
        let (server, _) = with_idp(&database, faulty.base(), "").await;
        faulty.follows(server.now());
        let app = native(&server).await;
        let evidence = server.evidence().await;
        let mut expected = Vec::new();
        let mut defects = 0;
        for defect in Defect::ALL {
            let Some(reason) = reason(*defect) else { continue };
            defects += 1;
            faulty.has_defect(*defect);
            for (grant, names_it) in [(EXCHANGE, true), (BEARER, *defect != Defect::IssOfAnother)] {
                server.advance(FORGOTTEN);
                let token = faulty.id_token(CLIENT_ID, Some(NONCE));
                present(&app, grant, &token).await.refused(400, "invalid_grant");
                // An assertion names its issuer itself: that of nobody is not refused by anybody.
                expected.extend(names_it.then(|| format!("idp: {reason}")));
                assert_eq!(refusals(&evidence).await, expected, "{defect:?} {grant}");
                assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE, "{defect:?} {grant}");
            }
        }
        assert_eq!(defects, 28);
        assert_eq!(faulty.canary().count(), 0);
        let refused = evidence.events_of("federation.refused").await;
        assert!(refused.iter().all(|event| event.client.as_deref() == Some("native")));
        // The truth is believed by both, in the same way.
        faulty.has_defect(None);
        for (grant, id) in [(EXCHANGE, 1), (BEARER, 2)] {
            server.advance(FORGOTTEN);
            faulty.change(|person| {
                person.id = id.to_string();
                person.email = None;
            });
            let token = faulty.id_token(CLIENT_ID, Some(NONCE));
            let reply = present(&app, grant, &token).await;
            let claims = decode_claims(&reply.ok().text("id_token"));
            assert_eq!(claims["amr"], serde_json::json!(["fed", "idp"]));
        }
        let row_counts = RowCounts::of(&evidence).await;
        assert_eq!((row_counts.accounts, row_counts.families), (2, 2));
    }

    async fn s117_s128_a_provider_with_bad_metadata_is_unavailable_at_token(database) {
        let faulty = FaultyProvider::start().await;
        let (server, _) = with_idp(&database, faulty.base(), "").await;
        faulty.follows(server.now());
        let app = native(&server).await;
        let evidence = server.evidence().await;
        let mut expected = Vec::new();
        for (defect, status, error, reason) in [
            (Defect::DiscoveryIssuer, 503, "temporarily_unavailable", "misconfigured"),
            (Defect::DiscoveryWithoutJwks, 503, "temporarily_unavailable", "misconfigured"),
            (Defect::DiscoveryFault, 503, "temporarily_unavailable", "unavailable"),
            (Defect::DiscoveryNoJson, 400, "invalid_grant", "malformed_answer"),
        ] {
            faulty.has_defect(defect);
            let token = faulty.id_token(CLIENT_ID, Some(NONCE));
            let reply = exchange(&app, &token).await;
            reply.refused(status, error);
            assert_eq!(reply.header("retry-after").is_empty(), status == 400, "{defect:?}");
            server.advance(61);
            let reply = bearer(&app, &faulty.id_token(CLIENT_ID, Some(NONCE))).await;
            reply.refused(status, error);
            server.advance(61);
            expected.extend(vec![format!("idp: {reason}"); 2]);
            assert_eq!(refusals(&evidence).await, expected, "{defect:?}");
        }
        assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE);
        assert_eq!(faulty.count("/jwks"), 0);
    }

    async fn s120_an_address_that_no_provider_proves_is_nobodys_at_token(database) {
        let faulty = FaultyProvider::start().await;
        let (server, _) = with_idp(&database, faulty.base(), "").await;
        faulty.follows(server.now());
        let app = native(&server).await;
        let owner = server.alice().await;
        let evidence = server.evidence().await;
        evidence
            .run("UPDATE account SET email = 'mina@example.com', email_key = 'mina@example.com'")
            .await;
        let defects = [
            Defect::EmailVerifiedMissing,
            Defect::EmailVerifiedFalse,
            Defect::EmailVerifiedText,
            Defect::EmailVerifiedNumber,
        ];
        for (number, defect) in defects.into_iter().enumerate() {
            for (grant, id) in [(EXCHANGE, 100 + number), (BEARER, 200 + number)] {
                faulty.has_defect(defect);
                faulty.change(|person| person.id = id.to_string());
                let token = faulty.id_token(CLIENT_ID, Some(NONCE));
                let reply = present(&app, grant, &token).await;
                let person = app.userinfo(&reply.ok().text("access_token")).await.ok().json();
                assert_ne!(person["sub"], owner.as_str(), "{defect:?} {grant}");
                assert_eq!(person["email_verified"], false, "{defect:?} {grant}");
            }
        }
        let row_counts = RowCounts::of(&evidence).await;
        assert_eq!((row_counts.accounts, row_counts.identities), (9, 8));
        let linked = format!("SELECT count(*) AS n FROM identity WHERE user_id = '{owner}'");
        assert_eq!(evidence.count(&linked).await, 0);
    }
}
