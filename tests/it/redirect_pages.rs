//! The way from one of our forms to an app. Chromium applies the content security policy of the
//! page to every redirect after a form, so a page of ours redirects instead. Security case S156.

use mapae::domain::client::{AuthMethod, ClientKind};
use mapae::domain::grant_type::GrantType;

use crate::support::{AuthorizationResponse, CALLBACK, PASSWORD, Page, Server, both, chromium};

/// What the app hears by a page that goes on by itself.
#[track_caller]
fn authorization_response(page: &Page) -> AuthorizationResponse {
    assert_eq!((page.reply.status.as_u16(), page.location()), (200, None), "{page:?}");
    let policy = page.reply.header("content-security-policy");
    assert!(
        policy.contains("form-action 'self';") && policy.contains("script-src 'none'"),
        "{policy}"
    );
    AuthorizationResponse::at(&page.redirect_target())
}

both! {
    async fn s156_what_a_form_brings_about_goes_on_by_a_page(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let own = server.web_app("own", |client| client.metadata.first_party = true).await;
        let bye = "https://app.example.com/bye";
        let app = server.web_app("app", |client| client.metadata.post_logout_redirect_uris = vec![bye.to_owned()]).await;
        let mut browser = chromium(server.browser());
        // Signing in, and again.
        let login = browser.open(&own.authorization_url(&[])).await;
        let first = authorization_response(&browser.sign_in(&login).await);
        own.exchange(&first.code()).await.ok();
        server.advance(1);
        let login = browser.open(&own.authorization_url(&[("prompt", "login")])).await;
        authorization_response(&browser.sign_in(&login).await).code();
        // Choosing an account.
        let chooser = browser.open(&own.authorization_url(&[("prompt", "select_account")])).await;
        let (interaction, csrf) = (chooser.hidden("interaction"), chooser.hidden("csrf"));
        let session = chooser.sessions().remove(0);
        let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("session", &session)];
        authorization_response(&browser.post("/select-account", &fields).await).code();
        // Allowing and denying.
        let consent = browser.open(&app.authorization_url(&[])).await;
        assert_eq!(authorization_response(&browser.consent(&consent, "deny").await).get("error"), "access_denied");
        let consent = browser.open(&app.authorization_url(&[])).await;
        authorization_response(&browser.consent(&consent, "allow").await).code();
        // By fragment, too.
        let consent = browser.open(&app.authorization_url(&[("prompt", "consent"), ("response_mode", "fragment")])).await;
        let page = browser.consent(&consent, "allow").await;
        authorization_response(&page).code();
        assert!(page.redirect_target().starts_with(&format!("{CALLBACK}#code=")));
        // Turning back.
        server.advance(1);
        let login = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        let fields = [("interaction", login.hidden("interaction")), ("csrf", login.hidden("csrf"))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(authorization_response(&browser.post("/login/cancel", &fields).await).get("error"), "access_denied");
        // Who needs no page of ours is redirected at once.
        browser.get(&app.authorization_url(&[])).await.authorization_response().code();
        // Signing out.
        let logout = browser.open(&format!("/logout?client_id=app&state=s&post_logout_redirect_uri={bye}")).await;
        let fields = [("interaction", logout.hidden("interaction")), ("csrf", logout.hidden("csrf")), ("answer", "yes".to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let out = browser.post("/logout/confirm", &fields).await;
        assert_eq!(out.redirect_target(), format!("{bye}?state=s"));
    }

    /// A browser that is too old to say what it fetches names the origin of a form; a program does not.
    async fn s156_what_says_nothing_of_itself_is_redirected(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let own = server.web_app("own", |client| client.metadata.first_party = true).await;
        for (origin, is_page) in [(Some(server.issuer()), true), (None, false)] {
            let mut browser = server.browser();
            let login = browser.open(&own.authorization_url(&[])).await;
            let mut browser = match origin {
                Some(origin) => browser.saying("origin", origin),
                None => browser,
            };
            let (interaction, csrf) = (login.hidden("interaction"), login.hidden("csrf"));
            let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("username", "alice"), ("password", PASSWORD)];
            let page = browser.post("/login", &fields).await;
            assert_eq!(page.reply.status.as_u16(), if is_page { 200 } else { 303 });
            if is_page { authorization_response(&page).code() } else { page.authorization_response().code() };
        }
    }

    /// RFC 8252 §7.1: an app beside the browser is reached from the page as well.
    async fn rfc8252_7_1_a_private_use_scheme_is_gone_on_to(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("native", |client| {
            client.kind = ClientKind::Public;
            client.metadata.token_endpoint_auth_method = AuthMethod::None;
            client.metadata.grant_types = vec![GrantType::AuthorizationCode];
            client.metadata.redirect_uris = vec!["com.example.app:/cb".to_owned()];
        })
        .await;
        let mut browser = chromium(server.browser());
        let login = browser.open(&app.authorization_url(&[("redirect_uri", "com.example.app:/cb")])).await;
        let consent = browser.sign_in(&login).await;
        let page = browser.consent(&consent, "allow").await;
        assert!(page.redirect_target().starts_with("com.example.app:/cb?code="), "{}", page.redirect_target());
        authorization_response(&page).code();
    }
}
