//! Signing in by an OpenID provider in a browser.

use super::with_idp;
use crate::support::both;
use crate::support::upstream::Oidc;

both! {
    async fn core_3_1_a_person_signs_in_by_a_provider(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[("scope", "openid profile email")])).await;
        let arrived = browser.sign_in_by(&page, "idp", &idp).await;
        let tokens = app.exchange(&arrived.authorization_response().code()).await.ok();
        let claims = crate::support::decode_claims(&tokens.text("id_token"));
        assert_eq!(claims["amr"], serde_json::json!(["fed", "idp"]));
        assert_eq!(claims["idp"], "idp");
        let person = app.userinfo(&tokens.text("access_token")).await.ok().json();
        assert_eq!(person["email"], idp.person().email.unwrap().as_str());
        assert_eq!(person["email_verified"], true);
        // The next time it is the same account.
        let mut another = server.browser();
        let page = another.open(&app.authorization_url(&[])).await;
        let arrived = another.sign_in_by(&page, "idp", &idp).await;
        let tokens = app.exchange(&arrived.authorization_response().code()).await.ok();
        let again = crate::support::decode_claims(&tokens.text("id_token"));
        assert_eq!(again["sub"], claims["sub"]);
    }
}
