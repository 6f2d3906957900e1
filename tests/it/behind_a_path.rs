//! An issuer at a path of its host, behind a proxy: every URL has the path, and no URL is made from
//! what a request claims (S080).

use crate::support::{App, AuthorizationResponse, Browser, PASSWORD, Page, Server, both};

const ISSUER: &str = "https://id.example.com/tenant";

/// A browser in front of the proxy.
fn browser(server: &Server) -> Browser {
    let local = format!("http://{}", server.inner.address());
    Browser::new(&local, &server.http).saying("origin", "https://id.example.com")
}

async fn send(browser: &mut Browser, page: &Page, path: &str, more: &[(&str, &str)]) -> Page {
    let (csrf, interaction) = (page.hidden("csrf"), page.field("interaction"));
    let session = page.field("session");
    let mut fields = vec![("csrf", csrf.as_str())];
    fields.extend(interaction.as_deref().map(|id| ("interaction", id)));
    fields.extend(session.as_deref().map(|id| ("session", id)));
    fields.extend(more);
    let page = browser.post(path, &fields).await;
    browser.follow(page).await
}

/// That every address on the page is below the path.
#[track_caller]
fn is_below(page: &Page) {
    let html = &page.reply.text;
    for attribute in [" href=\"", " src=\"", " action=\""] {
        for value in html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
            let elsewhere =
                value.starts_with("https://app.example.com") || value.starts_with(['#', '?']);
            assert!(value.starts_with("/tenant/") || elsewhere, "{value} in {}", page.url);
        }
    }
    assert!(!html.contains("evil.example"));
    assert!(page.reply.header("strict-transport-security").starts_with("max-age=63072000"));
}

both! {
    async fn every_page_works_below_the_path_of_the_issuer(database) {
        let server = Server::start_with(&database, &[("issuer", ISSUER)]).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let app = App { base: format!("http://{}/tenant", server.inner.address()), ..app };
        let mut browser = browser(&server)
            .saying("x-forwarded-host", "evil.example")
            .saying("x-forwarded-proto", "http")
            .saying("host", "evil.example");
        let request = app.authorization_url(&[]);
        let sent = browser.get(&request).await;
        assert!(sent.location().unwrap().starts_with("/tenant/login?interaction="));
        assert!(sent.reply.header("set-cookie").contains("; Path=/; Secure"));
        let login = browser.follow(sent).await;
        is_below(&login);
        let consent = send(&mut browser, &login, "/tenant/login", &[("username", "alice"), ("password", PASSWORD)]).await;
        is_below(&consent);
        let answer = send(&mut browser, &consent, "/tenant/consent", &[("answer", "allow")]).await;
        // A form whose browser names its origin is answered by a page.
        is_below(&answer);
        let heard = AuthorizationResponse::at(&answer.redirect_target());
        assert_eq!(heard.get("iss"), ISSUER);
        let tokens = app.exchange(&heard.code()).await.ok();
        assert_eq!(crate::support::decode_claims(&tokens.text("id_token"))["iss"], ISSUER);
        app.userinfo(&tokens.text("access_token")).await.ok();
        let account = browser.open("/tenant/account").await;
        is_below(&account);
        let removed = send(&mut browser, &account, "/tenant/account/apps/remove", &[("client", "app")]).await;
        assert!(removed.has("account-sign-out"));
        let chooser = browser.open(&app.authorization_url(&[("prompt", "select_account")])).await;
        assert!(chooser.has("account-1"));
        is_below(&chooser);
        let logout = browser.open("/tenant/logout").await;
        is_below(&logout);
        let signed_out = send(&mut browser, &logout, "/tenant/logout/confirm", &[("answer", "yes")]).await;
        assert!(signed_out.reply.text.contains("You’re signed out"));
        is_below(&signed_out);
        is_below(&browser.get("/tenant/nothing").await);
        assert!(browser.open("/tenant/account").await.has("login-submit"));
        // Files, too; and nothing is served beside the path.
        let css = login.reply.text.split("href=\"").filter_map(|rest| rest.split('"').next());
        let css = css.into_iter().find(|path| path.contains(".css")).unwrap();
        assert_eq!(browser.get(css).await.reply.status, 200);
        for beside in ["/login", "/account", "/authorize", css.trim_start_matches("/tenant")] {
            assert_eq!(browser.get(beside).await.reply.status, 404, "{beside}");
        }
    }

    /// S063: the origin of our forms is that of the issuer, whatever the connection looks like.
    async fn s063_forms_come_from_the_origin_of_the_issuer(database) {
        let server = Server::start_with(&database, &[("issuer", ISSUER)]).await;
        server.alice().await;
        let local = format!("http://{}", server.inner.address());
        for (origin, is_ours) in [
            ("https://id.example.com", true),
            ("http://id.example.com", false),
            ("https://id.example.com:8443", false),
            ("https://id.example.com.evil.example", false),
            (local.as_str(), false),
        ] {
            let mut browser = browser(&server).saying("origin", origin);
            let login = browser.open("/tenant/account").await;
            let page = send(&mut browser, &login, "/tenant/login", &[("username", "alice"), ("password", PASSWORD)]).await;
            assert_eq!(page.has("account-sign-out"), is_ours, "{origin}");
            assert_eq!(page.reply.status == 403, !is_ours, "{origin}");
        }
    }
}
