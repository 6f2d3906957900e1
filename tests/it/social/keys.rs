//! A provider changes its keys. Security case S117.

use super::row_counts::{RowCounts, refusals, shows_notice, sign_in_at_provider};
use super::with_idp;
use crate::support::both;
use crate::support::upstream::{CLIENT_ID, Defect, FaultyProvider, Oidc};
use mapae::domain::grant_type::GrantType;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

both! {
    async fn core_10_1_1_a_new_key_is_fetched_once_and_an_old_one_goes(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let grants = vec![GrantType::TokenExchange];
        let native = server.client("native", |client| client.metadata.grant_types = grants).await;
        let exchange = async |token: &str| {
            let fields = [("grant_type", EXCHANGE), ("subject_token_type", ID_TOKEN)];
            let more = [("subject_token", token), ("subject_issuer", "idp")];
            native.token(&[fields, more].concat()).await
        };
        sign_in_at_provider(&server, &app, "idp", &idp).await.authorization_response().code();
        sign_in_at_provider(&server, &app, "idp", &idp).await.authorization_response().code();
        assert_eq!(idp.count("/jwks"), 1);
        let old = [1, 2].map(|number| {
            let jti = number.to_string();
            idp.id_token_with(CLIENT_ID, None, |claims| claims["jti"] = jti.into())
        });
        idp.rotate();
        sign_in_at_provider(&server, &app, "idp", &idp).await.authorization_response().code();
        sign_in_at_provider(&server, &app, "idp", &idp).await.authorization_response().code();
        assert_eq!(idp.count("/jwks"), 2, "once for the new key");
        exchange(&old[0]).await.ok();
        assert_eq!(idp.count("/jwks"), 2);
        // The old key is withdrawn: who signed with it has signed nothing.
        server.advance(10);
        idp.rotate();
        idp.forget_old_keys();
        sign_in_at_provider(&server, &app, "idp", &idp).await.authorization_response().code();
        assert_eq!(idp.count("/jwks"), 3);
        let evidence = server.evidence().await;
        let before = RowCounts::of(&evidence).await;
        exchange(&old[1]).await.refused(400, "invalid_grant");
        assert_eq!(refusals(&evidence).await, ["idp: bad_signature"]);
        assert_eq!(RowCounts::of(&evidence).await, before);
    }

    /// Else anybody could have this server call a provider as often as they like.
    async fn s117_a_key_that_nobody_knows_is_not_looked_for_by_every_token(database) {
        let faulty = FaultyProvider::start().await;
        let (server, app) = with_idp(&database, faulty.base(), "").await;
        faulty.follows(server.now());
        sign_in_at_provider(&server, &app, "idp", &faulty).await.authorization_response().code();
        let evidence = server.evidence().await;
        let before = RowCounts::of(&evidence).await;
        let mut fetched = 1;
        assert_eq!(faulty.count("/jwks"), fetched);
        let without_key = [Defect::KidUnknown, Defect::SignedByAnother, Defect::KidToEncrypt];
        for defect in without_key.into_iter().chain([Defect::SignatureBroken]) {
            faulty.has_defect(defect);
            server.advance(10);
            fetched += 1;
            for _ in 0..5 {
                shows_notice(&sign_in_at_provider(&server, &app, "idp", &faulty).await, "idp", "failed");
                assert_eq!(faulty.count("/jwks"), fetched, "{defect:?}");
            }
            server.advance(9);
            shows_notice(&sign_in_at_provider(&server, &app, "idp", &faulty).await, "idp", "failed");
            assert_eq!(faulty.count("/jwks"), fetched, "{defect:?}");
            server.advance(1);
            shows_notice(&sign_in_at_provider(&server, &app, "idp", &faulty).await, "idp", "failed");
            fetched += 1;
            assert_eq!(faulty.count("/jwks"), fetched, "{defect:?}");
        }
        // What no key could make good is not looked for at all.
        for defect in [Defect::AlgNone, Defect::KeyedByPem, Defect::AudOfAnother, Defect::Expired, Defect::Crit] {
            faulty.has_defect(defect);
            server.advance(10);
            shows_notice(&sign_in_at_provider(&server, &app, "idp", &faulty).await, "idp", "failed");
            assert_eq!(faulty.count("/jwks"), fetched, "{defect:?}");
        }
        assert_eq!(RowCounts::of(&evidence).await, before);
        faulty.has_defect(None);
        sign_in_at_provider(&server, &app, "idp", &faulty).await.authorization_response().code();
        assert_eq!(faulty.count("/jwks"), fetched);
    }
}
