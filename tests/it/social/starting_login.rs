//! Which providers exist, and which addresses start a login at them: security cases S126, S155,
//! S156.

use super::row_counts::{RowCounts, approved_at_provider, is_gone, shows_notice};
use super::{table, with_idp};
use crate::support::upstream::Oidc;
use crate::support::{AuthorizationResponse, Browser, Page, Server, both, chromium, form};
use mapae::domain::provider::Slug;

/// The origins that forms of a page may lead to.
fn form_action(page: &Page) -> Vec<String> {
    let policy = page.reply.header("content-security-policy");
    let directive =
        policy.split(';').map(str::trim).find_map(|one| one.strip_prefix("form-action"));
    let sources = directive.unwrap_or_else(|| panic!("form-action in {policy}"));
    sources.split_whitespace().map(str::to_owned).collect()
}

/// Presses a button that may not be there.
async fn press(browser: &mut Browser, page: &Page, path: &str) -> Page {
    let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
    browser.post(path, &[("interaction", &interaction), ("csrf", &csrf)]).await
}

both! {
    /// Chromium holds a form to its policy through every redirect that follows, and a provider may send
    /// people through other sites: it is a page that leads there.
    async fn s155_s156_a_page_leads_from_the_button_to_the_provider(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let mut browser = chromium(server.browser());
        let page = browser.open(&app.authorization_url(&[])).await;
        assert_eq!(form_action(&page), ["'self'"]);
        let left = browser.start_upstream_login(&page, "idp").await;
        assert_eq!((left.reply.status.as_u16(), left.location()), (200, None));
        assert_eq!(form_action(&left), ["'self'"]);
        assert!(left.redirect_target().starts_with(&idp.url("/authorize?")), "{}", left.redirect_target());
        let arrived = browser.complete_upstream_login(&idp.approve(&left.redirect_target())).await;
        assert!(AuthorizationResponse::at(&arrived.redirect_target()).code().len() > 43);
        // A hint leads there as well.
        let mut browser = chromium(server.browser());
        let left = browser.open(&app.authorization_url(&[("idp_hint", "idp")])).await;
        assert!(left.redirect_target().starts_with(&idp.url("/authorize?")), "{}", left.redirect_target());
    }

    async fn s126_no_address_but_its_own_leads_to_a_provider(database) {
        let (idp, off, theirs) = (Oidc::start().await, Oidc::start().await, Oidc::start().await);
        let tables = [
            table("idp", "oidc", idp.base(), ""),
            table("off", "oidc", off.base(), "disabled = true"),
            table("theirs", "oidc", theirs.base(), "allowed_clients = [\"another\"]"),
        ];
        let server = Server::start_social(&database, &tables.concat()).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        assert!(page.has("login-with-idp") && !page.has("login-with-theirs"));
        for slug in ["off", "theirs", "unknown", "IDP", "Idp", "idp.", "-idp", "idp%20", "%20idp"]
            .into_iter()
            .chain(["idp%00", "idp%0a", "%2e%2e%2fidp", "..%2fwith%2fidp", "idp%2f..%2fidp"])
            .chain(["idp%3fx=1", "idp%23x", "idp;x", "idp%2f", "%69dp%2f", "i%CC%88dp", "%FF"])
            .chain(["idp,idp", "*", "{provider}", "callback", "0", &"a".repeat(33)])
        {
            let gone = press(&mut browser, &page, &format!("/login/with/{slug}")).await;
            let status = gone.reply.status.as_u16();
            match gone.location() {
                Some(location) => assert!(location.ends_with("&note=unknown"), "{slug}: {gone:?}"),
                None => assert!(matches!(status, 400 | 404), "{slug}: {status}"),
            }
            let back = browser.get(&format!("/login/callback/{slug}?state=s&code=c")).await;
            assert!(matches!(back.reply.status.as_u16(), 400 | 404), "{slug}: {back:?}");
            // One that is there and may not be used here is as good as any for an unknown `state`.
            let is_there = ["off", "theirs", "%69dp%2f"].contains(&slug);
            if !is_there && Slug::parse(slug).is_some() {
                back.is_error("unknown_provider");
                assert_eq!(back.reply.status, 404, "{slug}");
                let posted = browser.post(&format!("/login/callback/{slug}"), &[("state", "s")]).await;
                browser.clone().follow(posted).await.is_error("unknown_provider");
            }
        }
        for slug in ["off", "theirs", "unknown"] {
            let gone = press(&mut browser, &page, &format!("/login/with/{slug}")).await;
            assert_eq!(gone.reply.status, 303, "{slug}");
            let page = browser.follow(gone).await;
            is_gone(&page);
            assert!(page.has("login-with-idp") && page.has("login-submit"), "{slug}");
        }
        for path in ["/login/with/", "/login/with", "/login/with/idp/", "/login/with/idp/x"] {
            let gone = press(&mut browser, &page, path).await;
            assert_eq!(gone.reply.status, 404, "{path}");
        }
        // Nobody is sent away by a link, or by the form of somebody else.
        browser.get("/login/with/idp").await.is_error("unknown_interaction");
        let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
        for fields in [
            vec![("interaction", interaction.as_str())],
            vec![("interaction", interaction.as_str()), ("csrf", "x")],
            vec![("csrf", csrf.as_str())],
        ] {
            let gone = browser.post("/login/with/idp", &fields).await;
            assert!(gone.reply.status.is_client_error(), "{}", form(&fields));
        }
        let mut other = server.browser();
        other.open(&app.authorization_url(&[])).await;
        press(&mut other, &page, "/login/with/idp").await.is_error("wrong_browser");
        let fields = [("interaction", interaction.as_str()), ("csrf", &csrf)];
        let mut foreign = browser.clone().saying("origin", "https://evil.example");
        foreign.post("/login/with/idp", &fields).await.is_error("forbidden");
        // Not one of them was called.
        for provider in [&idp, &off, &theirs] {
            assert!(provider.asked().is_empty(), "{:?}", provider.asked());
        }
        assert_eq!(RowCounts::of(&server.evidence().await).await, RowCounts::NONE);
    }

    async fn s126_who_comes_back_from_a_provider_that_is_off_does_not_come_in(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let (mut browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
        // The provider is turned off meanwhile.
        server.rewrite(&table("idp", "oidc", idp.base(), "disabled = true"));
        let server = server.restart().await;
        let back = format!("/login/callback/idp?{}", callback.fields.encoded());
        let back = server.url(&back);
        let gone = browser.get(&back).await;
        assert!(gone.location().unwrap().ends_with("&provider=idp&note=unknown"), "{gone:?}");
        assert_eq!(idp.count("/token"), 0);
        assert_eq!(RowCounts::of(&server.evidence().await).await, RowCounts::NONE);
    }

    /// A provider for one app alone is not there for another one, on the way back neither.
    async fn s126_a_provider_of_one_app_is_unknown_to_the_others(database) {
        let idp = Oidc::start().await;
        let more = "allowed_clients = [\"app\"]";
        let (server, app) = with_idp(&database, idp.base(), more).await;
        idp.follows(server.now());
        let other = server.web_app("other", |client| client.metadata.first_party = true).await;
        let page = server.browser().open(&other.authorization_url(&[])).await;
        assert!(!page.has("login-with-idp"));
        let hinted = other.authorization_url(&[("idp_hint", "idp")]);
        assert!(server.browser().open(&hinted).await.has("login-submit"));
        assert!(idp.asked().is_empty());
        let (mut browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
        shows_notice(&browser.complete_upstream_login(&callback.with("code", "x")).await, "idp", "failed");
    }
}
