//! Nothing is written for a browser that has proven nothing: its interaction travels with it,
//! encrypted.

use crate::social::table;
use crate::support::upstream::Oidc;
use crate::support::{App, Evidence, PASSWORD, Server, both, form};

/// The rows that stand for what people are in the middle of.
async fn rows(evidence: &Evidence) -> [i64; 2] {
    let count = async |table| evidence.count(&format!("SELECT count(*) AS n FROM {table}")).await;
    [count("interaction").await, count("browser").await]
}

fn pairs(request: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.as_bytes()).into_owned().collect()
}

async fn post_request(server: &Server, path: &str, request: &str) -> crate::support::Page {
    let pairs = pairs(request);
    let fields: Vec<_> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    server.browser().post(path, &fields).await
}

/// How many rows all the tables have that a stranger could fill.
async fn all_rows(evidence: &Evidence) -> i64 {
    let mut rows = 0;
    for table in [
        "interaction",
        "browser",
        "session",
        "account",
        "family",
        "used_assertion",
        "authorization_code",
    ] {
        rows += evidence.count(&format!("SELECT count(*) AS n FROM {table}")).await;
    }
    rows
}

async fn first_party(server: &Server) -> App {
    server.web_app("app", |client| client.metadata.first_party = true).await
}

both! {
    async fn nothing_is_written_before_somebody_proves_something(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let evidence = server.evidence().await;
        let long = "s".repeat(4096);
        let request = app.authorization_request(&[("state", &long)]);
        for _ in 0..3 {
            assert_eq!(post_request(&server, "/authorize", &request).await.reply.status, 303);
            assert_eq!(post_request(&server, "/logout", &form(&[("state", &long)])).await.reply.status, 303);
        }
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[("state", &long)])).await;
        assert!(login.has("login-submit"));
        let handle = login.hidden("interaction");
        assert!(browser.open(&format!("/login?interaction={handle}&lang=ko")).await.has("login-submit"));
        let wrong = browser.sign_in_as(&login, "alice", "wrong").await;
        assert!(wrong.has("password-problem"));
        let fields = [("interaction", login.hidden("interaction")), ("csrf", login.hidden("csrf"))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        browser.post("/login/cancel", &fields).await.error_response("access_denied");
        assert!(server.browser().open("/account").await.has("login-submit"));
        assert!(server.browser().open("/logout").await.reply.text.contains("You’re signed out"));
        assert_eq!(rows(&evidence).await, [0, 0]);
        // With the proof it is written, and goes on.
        let heard = browser.sign_in_as(&wrong, "alice", PASSWORD).await.authorization_response();
        assert_eq!(heard.get("state"), long);
        app.exchange(&heard.code()).await.ok();
        assert_eq!(rows(&evidence).await, [1, 1]);
        // Whoever is signed in and needs a page does not make anybody write either.
        server.advance(1);
        browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        browser.open(&app.authorization_url(&[("prompt", "select_account")])).await;
        let question = browser.open(&format!("/logout?{}", form(&[("state", &long)]))).await;
        assert!(question.has("logout-confirm"));
        assert_eq!(rows(&evidence).await, [1, 1]);
    }

    /// Nobody but us can make or change what a browser carries, and it is that browser's.
    async fn what_a_browser_carries_is_ours_and_its_own(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let handle = login.hidden("interaction");
        assert!(!handle.contains("app.example.com"));
        let path = |handle: &str| format!("/login?interaction={handle}");
        for at in [2, 20, 40, handle.len() / 2, handle.len() - 2] {
            let mut turned = handle.clone().into_bytes();
            turned[at] = if turned[at] == b'A' { b'B' } else { b'A' };
            let turned = String::from_utf8(turned).unwrap();
            browser.get(&path(&turned)).await.is_error("unknown_interaction");
        }
        for bad in ["s.", "s.AAAA", &handle[2..], &handle[..handle.len() - 6], &format!("{handle}AAAA")] {
            browser.get(&path(bad)).await.is_error("unknown_interaction");
        }
        // Another server with the same clock and another key.
        let elsewhere = Server::start(&database).await;
        elsewhere.browser().get(&path(&handle)).await.is_error("unknown_interaction");
        // Another browser.
        server.browser().get(&path(&handle)).await.is_error("wrong_browser");
        let mut other = server.browser();
        other.open(&app.authorization_url(&[])).await;
        other.get(&path(&handle)).await.is_error("wrong_browser");
        other.sign_in(&login).await.is_error("wrong_browser");
        // It is over when it is over, and when it is done.
        browser.sign_in(&login).await.authorization_response().code();
        browser.get(&path(&handle)).await.is_error("already_done");
        server.advance(1);
        let late = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        server.advance(1800);
        browser.get(&path(&late.hidden("interaction"))).await.is_error("expired");
        // A restart changes nothing.
        let open = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        let cookies = browser.cookies.clone();
        let server = server.restart().await;
        let mut same = server.browser();
        same.cookies = cookies;
        let again = same.get(&path(&open.hidden("interaction"))).await;
        assert!(again.has("login-submit"), "{}", again.reply.text);
    }

    /// Whoever leaves for a provider has proven nothing yet, and whoever comes back with a code that the
    /// provider never gave has not either. However many do, from the address of somebody honest too,
    /// nothing is written of them and nobody gives way.
    async fn a_flood_of_people_who_leave_writes_nothing_and_keeps_nobody_out(database) {
        let idp = Oidc::start().await;
        let settings = [("outbound.allow_private", "true"), ("trusted_proxies", "127.0.0.1")];
        let server = Server::start_of(&database, &settings, &table("idp", "oidc", idp.base(), "")).await;
        idp.follows(server.now());
        let app = first_party(&server).await;
        let evidence = server.evidence().await;
        let from = |address| server.browser().saying("x-forwarded-for", address);
        let mut honest = from("192.0.2.1");
        let login = honest.open(&app.authorization_url(&[])).await;
        let left = honest.start_upstream_login(&login, "idp").await;
        let callback = idp.approve(left.location().expect("sent away"));
        let mut stranger = from("192.0.2.1");
        for number in 0..150 {
            // Some with the same page again and again, some each in a browser of their own.
            if number % 3 == 0 {
                stranger = from("192.0.2.1");
            }
            let wish = if number % 2 == 0 { ("prompt", "login") } else { ("idp_hint", "idp") };
            let page = stranger.open(&app.authorization_url(&[wish])).await;
            let left = match page.location() {
                Some(_) => page,
                None => stranger.start_upstream_login(&page, "idp").await,
            };
            let left = left.location().expect("sent away");
            if number % 10 == 0 {
                let forged = idp.approve(left).with("code", "never-given");
                let back = stranger.complete_upstream_login(&forged).await;
                assert!(back.url.ends_with("note=failed"), "{back:?}");
            }
        }
        assert_eq!(all_rows(&evidence).await, 0);
        // What the operator reads of it is a row a minute for each place.
        assert_eq!(evidence.events_of("federation.refused").await.len(), 1);
        honest.complete_upstream_login(&callback).await.authorization_response().code();
        assert!(all_rows(&evidence).await > 0);
    }

    /// Two issuers on one host, at two ports or two paths, have one jar.
    async fn two_issuers_on_one_host_have_cookies_of_their_own(database) {
        let (one, two) = (Server::start(&database).await, Server::start(&database).await);
        let mut jar = std::collections::BTreeMap::new();
        for _ in 0..2 {
            for server in [&one, &two] {
                let mut browser = server.browser();
                browser.cookies = jar;
                let page = browser.open("/account").await;
                let account = if page.has("login-submit") {
                    if server.evidence().await.count("SELECT count(*) AS n FROM account").await == 0 {
                        server.alice().await;
                    }
                    browser.sign_in(&page).await
                } else {
                    page
                };
                assert!(account.has("account-sign-out"));
                let spoken = browser.open("/account?lang=ko").await;
                assert_eq!(spoken.language(), "ko");
                jar = browser.cookies;
            }
        }
        // Of each a cookie, the language, the last way in and whom the browser is known to; nobody
        // signed in twice.
        assert_eq!(jar.len(), 8, "{jar:?}");
        for server in [&one, &two] {
            let events = server.evidence().await.events_of("session.started").await;
            assert_eq!(events.len(), 1);
        }
    }
}
