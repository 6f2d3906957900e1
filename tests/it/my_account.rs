//! My account: its pages, devices and apps. Security cases S134, S138.

use crate::support::{App, Browser, PASSWORD, Page, Server, both};
use mapae::admin::authority::May;
use mapae::admin::users::Target;

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/126.0.0.0 Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";

pub(crate) async fn first_party(server: &Server) -> App {
    server.web_app("app", |client| client.metadata.first_party = true).await
}

/// Sends a form of an account page.
pub(crate) async fn send(
    browser: &mut Browser,
    account: &Page,
    path: &str,
    more: &[(&str, &str)],
) -> Page {
    browser.send_account(account, path, more).await
}

/// Somebody signed in at an app: their browser, and the tokens that the app has.
pub(crate) async fn signed_in(server: &Server, app: &App) -> (Browser, String, String) {
    let mut browser = server.browser();
    let code = browser.code(app).await;
    let (access, refresh) = app.exchange(&code).await.pair();
    (browser, access, refresh)
}

pub(crate) async fn is_signed_in(browser: &Browser, app: &App) -> bool {
    let page = browser.clone().get(&app.authorization_url(&[("prompt", "none")])).await;
    page.authorization_response().get("error").is_empty()
}

/// How many devices the page shows.
pub(crate) fn devices(account: &Page) -> usize {
    (1..100).take_while(|number| account.has(&format!("device-end-{number}"))).count()
}

both! {
    async fn an_account_is_shown_to_whom_it_belongs(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        // Nobody is signed in: they sign in, without an app, and come to their account.
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        assert!(login.has("login-submit") && !login.has("login-cancel"));
        let account = browser.sign_in(&login).await;
        assert!(account.has("account-sign-out") && account.reply.text.contains("alice"));
        assert!(browser.open("/account/security").await.has("current-password"));
        assert_eq!(devices(&browser.open("/account/devices").await), 1);
        // Who has no password has none to change.
        let issuer = server.inner.services();
        server.evidence().await.run("UPDATE account SET password_hash = NULL").await;
        let account = browser.open("/account/security").await;
        assert!(account.has("account-sign-out") && !account.has("current-password"));
        // A disabled account is nobody's.
        mapae::admin::users::disable(&May::operator(), &issuer.store, server.now(), Target::named("alice")).await.unwrap();
        assert!(browser.open("/account").await.has("login-submit"));
    }

    /// S138
    async fn s138_a_device_is_signed_out_from_another(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = first_party(&server).await;
        let mut phone = server.browser().saying("user-agent", FIREFOX);
        let (access, refresh) = app.exchange(&phone.code(&app).await).await.pair();
        server.advance(60);
        let mut records = server.browser().saying("user-agent", CHROME);
        records.code(&app).await;
        let account = records.open("/account/devices").await;
        assert_eq!(devices(&account), 2);
        for shown in ["Chrome", "Windows", "Firefox", "Linux", "127.0.0.1"] {
            assert!(account.reply.text.contains(shown), "{shown}");
        }
        // The names of devices are no secrets, and no keys to other people's.
        let (own, other) = (account.value_of("device-end-1"), account.value_of("device-end-2"));
        let mut bobs = server.browser();
        let login = bobs.open("/account").await;
        let his = bobs.sign_in_as(&login, "bob", PASSWORD).await;
        for foreign in [own.as_str(), other.as_str(), "x", "%00", ""] {
            let page = send(&mut bobs, &his, "/account/devices/end", &[("device", foreign)]).await;
            assert_eq!(page.reply.status, 303, "{foreign}");
        }
        assert!(is_signed_in(&phone, &app).await && is_signed_in(&records, &app).await);
        let page = send(&mut records, &account, "/account/devices/end", &[("device", &other)]).await;
        assert_eq!(devices(&records.follow(page).await), 1);
        assert!(!is_signed_in(&phone, &app).await && is_signed_in(&records, &app).await);
        assert!(!app.is_active(&access).await);
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        // The same form again ends nothing more.
        let page = send(&mut records, &account, "/account/devices/end", &[("device", &other)]).await;
        assert_eq!(page.reply.status, 303);
        assert_eq!(server.evidence().await.events_of("session.ended").await.len(), 1);
        // This one, too: signed out here, with another cookie.
        let before = records.clone();
        let page = send(&mut records, &account, "/account/devices/end", &[("device", &own)]).await;
        assert_eq!((page.reply.status.as_u16(), page.reply.header("cache-control")), (200, "no-store"));
        assert!(!is_signed_in(&records, &app).await && !is_signed_in(&before, &app).await);
    }

    /// S134, S138
    async fn s138_signing_out_everywhere_ends_everything(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let (mut here, here_access, _) = signed_in(&server, &app).await;
        let (there, _, there_refresh) = signed_in(&server, &app).await;
        let offline = [("scope", "openid offline_access"), ("prompt", "consent")];
        let code = here.get(&app.authorization_url(&offline)).await.authorization_response().code();
        let (offline_access, offline) = app.exchange(&code).await.pair();
        let in_flight = here.code(&app).await;
        let account = here.open("/account").await;
        let page = send(&mut here, &account, "/account/devices/end", &[("device", "all")]).await;
        assert_eq!(page.reply.status, 200);
        assert!(!is_signed_in(&here, &app).await && !is_signed_in(&there, &app).await);
        for access in [here_access, offline_access] {
            assert!(!app.is_active(&access).await);
            assert_eq!(app.userinfo(&access).await.status, 401);
        }
        for refresh in [there_refresh, offline] {
            app.refresh(&refresh).await.refused(400, "invalid_grant");
        }
        app.exchange(&in_flight).await.refused(400, "invalid_grant");
        let ended = server.evidence().await.events_of("user.logged_out").await;
        assert!(ended.len() == 1 && ended[0].address.is_some());
        // The page that was left open leads to the sign-in.
        let page = send(&mut here, &account, "/account/sign-out", &[]).await;
        assert_eq!(page.location(), Some("/account"));
        assert!(here.follow(page).await.has("login-submit"));
    }

    async fn an_app_that_is_removed_has_nothing_and_asks_again(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.web_app("app", |client| "The Shop".clone_into(&mut client.metadata.client_name)).await;
        let other = server.web_app("other", |_| {}).await;
        let (mut browser, access, _) = signed_in(&server, &app).await;
        let offline = [("scope", "openid email offline_access"), ("prompt", "consent")];
        let code = browser.arrive(&app.authorization_url(&offline)).await.authorization_response().code();
        let (offline_access, offline) = app.exchange(&code).await.pair();
        let (others, _) = other.exchange(&browser.code(&other).await).await.pair();
        let in_flight = browser.code(&app).await;
        let account = browser.open("/account/apps").await;
        assert!(account.reply.text.contains("The Shop") && account.reply.text.contains("app.example.com"));
        let numbers: Vec<_> = (1..=2).map(|number| format!("app-remove-{number}")).collect();
        let named: Vec<_> = numbers.iter().map(|id| account.value_of(id)).collect();
        assert_eq!(named, ["other", "app"], "by name, without case");
        assert!(!account.has("app-remove-3"));
        let page = send(&mut browser, &account, "/account/apps/remove", &[("client", "app")]).await;
        let account = browser.follow(page).await;
        assert_eq!(account.value_of("app-remove-1"), "other");
        assert!(!account.has("app-remove-2"));
        assert!(!app.is_active(&access).await && !app.is_active(&offline_access).await);
        app.refresh(&offline).await.refused(400, "invalid_grant");
        app.exchange(&in_flight).await.refused(400, "invalid_grant");
        assert!(other.is_active(&others).await);
        browser.get(&app.authorization_url(&[("prompt", "none")])).await.error_response("consent_required");
        assert!(browser.open(&app.authorization_url(&[])).await.has("consent-allow"));
        // What is not there cannot be removed, and is no event.
        for client in ["app", "nobody", "", "마패"] {
            let page = send(&mut browser, &account, "/account/apps/remove", &[("client", client)]).await;
            assert_eq!(page.reply.status, 303);
        }
        let removed = server.evidence().await.events_of("consent.withdrawn").await;
        assert!(removed.len() == 1 && removed[0].user.as_deref() == Some(sub.as_str()));
        assert_eq!(removed[0].client.as_deref(), Some("app"));
    }

    async fn the_list_of_apps_shows_the_resources_that_a_person_allowed(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| {
            client.metadata.audiences = ["https://one.example", "https://two.example"].map(str::to_owned).to_vec();
        })
        .await;
        let (mut browser, _, _) = signed_in(&server, &app).await;
        let account = browser.open("/account/apps").await;
        assert!(!account.reply.text.contains("one.example"));
        // RFC 8707 §2: what was consented to, and what is open.
        let asked = app.authorization_url(&[("resource", "https://one.example"), ("prompt", "consent")]);
        app.exchange(&browser.arrive(&asked).await.authorization_response().code()).await.pair();
        let account = browser.open("/account/apps").await;
        assert!(account.reply.text.contains("https://one.example"));
        assert!(!account.reply.text.contains("two.example"));
        // An own app is not asked for consent: what is open says what it may do.
        server.change("app", |client| client.metadata.first_party = true).await;
        let asked = app.authorization_url(&[("resource", "https://two.example")]);
        app.exchange(&browser.arrive(&asked).await.authorization_response().code()).await.pair();
        let account = browser.open("/account/apps").await;
        assert!(account.reply.text.contains("https://one.example"));
        assert!(account.reply.text.contains("https://two.example"));
    }

    async fn two_people_in_one_browser_have_an_account_each(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        server.advance(1);
        let login = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        let another = format!("/login?interaction={}&another=1", login.hidden("interaction"));
        let login = browser.open(&another).await;
        browser.sign_in_as(&login, "bob", PASSWORD).await.authorization_response().code();
        // Whose account?
        let chooser = browser.open("/account").await;
        let session = chooser.value_of("account-1");
        let (interaction, csrf) = (chooser.hidden("interaction"), chooser.hidden("csrf"));
        let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("session", &session)];
        let page = browser.post("/select-account", &fields).await;
        let account = browser.follow(page).await;
        assert_eq!(account.hidden("session"), session);
        assert!(account.has("other-1"));
        let other = browser.open(&format!("/account?session={}", chooser.value_of("account-2"))).await;
        assert_ne!(other.hidden("session"), session);
        // The form of one account is no form of the other.
        let fields = [("csrf", account.hidden("csrf")), ("session", other.hidden("session"))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        browser.post("/account/sign-out", &fields).await.is_error("forbidden");
        // Signing out signs out one of them.
        let page = send(&mut browser, &account, "/account/sign-out", &[]).await;
        assert_eq!(page.reply.status, 200);
        let left = browser.open("/account").await;
        assert_eq!(left.hidden("session"), other.hidden("session"));
        assert!(!left.has("other-1"));
    }
}
