//! Id tokens for several audiences, as Zitadel makes them: OpenID Connect Core §3.1.3.7.

use serde_json::{Value, json};

use super::native::{ID_TOKEN, present};
use super::row_counts::{RowCounts, refusals, shows_notice, sign_in_at_provider_with};
use super::table;
use crate::support::upstream::{CLIENT_ID, Oidc};
use crate::support::{Server, both};
use mapae::domain::grant_type::GrantType;

/// A project, whose tokens are for all of its apps; and another app of it, which is ours as well.
const MORE: &str = "[[social.audience]]\nid = \"project\"\n\
                    [[social.audience]]\nid = \"android\"\nclients = [\"native\"]\n";

fn for_all(claims: &mut Value) {
    claims["aud"] = json!(["project", CLIENT_ID, "android"]);
    claims["azp"] = json!(CLIENT_ID);
}

both! {
    async fn core_3_1_3_7_configured_audiences_may_stand_beside_ours_in_the_browser(database) {
        let idp = Oidc::start().await;
        let table = table("idp", "oidc", idp.base(), MORE);
        let server = Server::start_social(&database, &table).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        idp.follows(server.now());
        sign_in_at_provider_with(&server, &app, "idp", &idp, for_all).await.authorization_response().code();
        let evidence = server.evidence().await;
        let before = RowCounts::of(&evidence).await;
        for (aud, azp, reason) in [
            (json!(["project", CLIENT_ID, "stranger"]), json!(CLIENT_ID), "wrong_audience"),
            (json!(["project", "android"]), json!(CLIENT_ID), "wrong_audience"),
            (json!("project"), json!(CLIENT_ID), "wrong_audience"),
            // Who got the token must be us, not an app beside us.
            (json!([CLIENT_ID, "android"]), json!("android"), "wrong_azp"),
            (json!([CLIENT_ID, "project"]), json!("project"), "wrong_azp"),
            (json!([CLIENT_ID, "project"]), json!(null), "wrong_azp"),
        ] {
            server.advance(61);
            let change = |claims: &mut Value| {
                claims["aud"] = aud.clone();
                claims["azp"] = azp.clone();
            };
            let page = sign_in_at_provider_with(&server, &app, "idp", &idp, change).await;
            shows_notice(&page, "idp", "failed");
            let last = refusals(&evidence).await.pop();
            assert_eq!(last, Some(format!("idp: {reason}")), "{aud} {azp}");
        }
        assert_eq!(RowCounts::of(&evidence).await, before);
    }

    async fn core_3_1_3_7_an_audience_of_no_client_counts_for_nobody_by_itself(database) {
        let idp = Oidc::start().await;
        let table = table("idp", "oidc", idp.base(), MORE);
        let server = Server::start_social(&database, &table).await;
        idp.follows(server.now());
        let grants = vec![GrantType::TokenExchange];
        let native = server.client("native", |client| client.metadata.grant_types.clone_from(&grants)).await;
        let other = server.client("other", |client| client.metadata.grant_types = grants).await;
        let token = |aud: Value, azp: &str| {
            idp.id_token_with(CLIENT_ID, None, |claims| {
                claims["aud"] = aud;
                claims["azp"] = json!(azp);
                claims["jti"] = uuid::Uuid::new_v4().to_string().into();
            })
        };
        let scope = [("scope", "openid")];
        for good in [
            token(json!(["project", CLIENT_ID]), CLIENT_ID),
            token(json!(["project", "android"]), "android"),
            token(json!(["project", CLIENT_ID, "android"]), "android"),
        ] {
            present(&native, ID_TOKEN, &good, &scope).await.ok();
        }
        present(&other, ID_TOKEN, &token(json!(["project", CLIENT_ID]), CLIENT_ID), &scope)
            .await
            .ok();
        for bad in [
            token(json!("project"), "project"),
            token(json!(["project", CLIENT_ID]), "project"),
            token(json!(["project", CLIENT_ID, "stranger"]), CLIENT_ID),
        ] {
            present(&native, ID_TOKEN, &bad, &scope).await.refused(400, "invalid_grant");
        }
        // What counts for one client of ours does not count for another one, beside ours either.
        for bad in [
            token(json!(["project", "android"]), "android"),
            token(json!([CLIENT_ID, "android"]), CLIENT_ID),
        ] {
            present(&other, ID_TOKEN, &bad, &scope).await.refused(400, "invalid_grant");
        }
    }
}
