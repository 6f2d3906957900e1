//! People who are away at a provider: what their browser keeps for them, and what of it is theirs.

use mapae::domain::client::TokenAlg;
use reqwest::header::SET_COOKIE;

use super::fixtures::known;
use super::row_counts::{RowCounts, approved_at_provider, shows_notice};
use super::{table, with_idp};
use crate::support::upstream::{Callback, Oidc};
use crate::support::{
    App, Binary, Browser, CALLBACK, Cli, ClientArguments, Database, PASSWORD, Page, Server, both,
    http,
};

/// A server with the providers `one` and `two`, and an app.
async fn with_two(database: &Database) -> (Oidc, Oidc, Server, App) {
    let (one, two) = (Oidc::start().await, Oidc::start().await);
    let tables =
        [table("one", "oidc", one.base(), ""), table("two", "oidc", two.base(), "")].concat();
    let server = Server::start_social(database, &tables).await;
    one.follows(server.now());
    two.follows(server.now());
    two.change(|person| person.email = Some("two@example.com".to_owned()));
    let app = server.web_app("app", |client| client.metadata.first_party = true).await;
    (one, two, server, app)
}

/// Presses the button of a provider, whose person says yes.
async fn approved(browser: &mut Browser, page: &Page, slug: &str, idp: &Oidc) -> Callback {
    let left = browser.start_upstream_login(page, slug).await;
    idp.approve(left.location().unwrap_or_else(|| panic!("sent away: {left:?}")))
}

/// The cookies of a browser in which these were changed.
fn changed(browser: &Browser, change: impl Fn(&str, &str) -> Option<String>) -> Browser {
    let mut other = browser.clone();
    for name in browser.away() {
        match change(&name, &browser.cookies[&name]) {
            Some(value) => other.cookies.insert(name, value),
            None => other.cookies.remove(&name),
        };
    }
    other
}

both! {
    async fn what_a_browser_keeps_of_a_login_is_for_that_login_and_that_browser(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let evidence = server.evidence().await;
        let (browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
        let (other, of_other) = approved_at_provider(&server, &app, "idp", &idp).await;
        let others = other.cookies[&other.away()[0]].clone();
        assert!(others.len() < 1300, "what most apps ask for is short: {} bytes", others.len());
        let handle_of = |value: &str| value.splitn(4, '.').nth(3).unwrap().to_owned();
        // With the name of the login, what another browser is in the middle of.
        let planted = |_: &str, value: &str| Some(value.replace(&handle_of(value), &handle_of(&others)));
        for (what, mut made, expected) in [
            ("thrown away", changed(&browser, |_, _| None), "unknown_interaction"),
            ("cut", changed(&browser, |_, value| Some(value[..value.len() - 9].to_owned())), "unknown_interaction"),
            ("turned", changed(&browser, |_, value| Some(value.replace(".s.", ".s.AAAA"))), "unknown_interaction"),
            ("another version", changed(&browser, |_, value| Some(value.replace(".s.", ".t."))), "unknown_interaction"),
            ("of another login", changed(&browser, |_, _| Some(others.clone())), "unknown_interaction"),
            ("renamed", changed(&browser, planted), "unknown_interaction"),
            ("of no browser", { let mut made = browser.clone(); made.forget(); made }, "wrong_browser"),
            ("of another browser", other.clone(), "wrong_browser"),
        ] {
            let page = made.get(&callback.url()).await;
            assert_eq!(page.error_code(), expected, "{what}");
            page.is_error(expected);
        }
        assert_eq!(idp.count("/token"), 0, "nobody's code was redeemed");
        assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE);
        assert_eq!(evidence.count("SELECT count(*) AS n FROM used_assertion").await, 0);
        // None of that took it from the one to whom it belongs.
        for (mut browser, callback) in [(browser, callback), (other, of_other)] {
            browser.complete_upstream_login(&callback).await.authorization_response().code();
            assert_eq!(browser.away(), Vec::<String>::new(), "and it is gone from the browser");
        }
    }

    /// The answer that let somebody in does not do so twice, whatever their browser keeps. One that let
    /// nobody in is no secret of anybody's.
    async fn s118_who_keeps_the_cookies_of_a_login_comes_in_once(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let evidence = server.evidence().await;
        let (browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
        let mut asked = 0;
        for (wrong, note, is_asked) in [
            (callback.clone().with("error", "access_denied"), "cancelled", false),
            (callback.clone().with("code", "another"), "failed", true),
            (callback.clone().without("code"), "failed", false),
            (callback.clone().with("code", "another"), "failed", true),
        ] {
            let mut kept = browser.clone();
            shows_notice(&kept.complete_upstream_login(&wrong).await, "idp", note);
            asked += usize::from(is_asked);
            assert_eq!(idp.count("/token"), asked);
            // In a browser that forgets what it is told to forget it is over.
            kept.get(&callback.url()).await.is_error("unknown_interaction");
        }
        assert_eq!(evidence.count("SELECT count(*) AS n FROM used_assertion").await, 0);
        let mut first = browser.clone();
        first.complete_upstream_login(&callback).await.authorization_response().code();
        let before = RowCounts::of(&evidence).await;
        let sign_in = first.cookies.clone();
        for mut again in [browser.clone(), { let mut both = browser.clone(); both.cookies.extend(sign_in); both }] {
            for answer in [callback.clone(), callback.clone().with("code", "another")] {
                let page = again.get(&answer.url()).await;
                assert!(["unknown_interaction", "wrong_browser"].contains(&page.error_code()), "{page:?}");
            }
        }
        assert_eq!(idp.count("/token"), asked + 1);
        assert_eq!(RowCounts::of(&evidence).await, before);
    }

    async fn two_tabs_are_at_two_providers_at_once(database) {
        let (one, two, server, app) = with_two(&database).await;
        // Two requests of the app, and one request whose page was opened twice.
        for is_one_request in [false, true] {
            for is_first_back_first in [true, false] {
                let mut browser = server.browser();
                let first = browser.open(&app.authorization_url(&[("state", "first")])).await;
                let second = if is_one_request {
                    browser.open(&first.url).await
                } else {
                    browser.open(&app.authorization_url(&[("state", "second")])).await
                };
                let at_one = approved(&mut browser, &first, "one", &one).await;
                let at_two = approved(&mut browser, &second, "two", &two).await;
                let (early, late) = if is_first_back_first { (at_one, at_two) } else { (at_two, at_one) };
                browser.complete_upstream_login(&early).await.authorization_response().code();
                let late = browser.complete_upstream_login(&late).await;
                if is_one_request {
                    late.is_error("already_done");
                } else {
                    late.authorization_response().code();
                }
            }
        }
    }

    async fn who_goes_back_and_takes_another_provider_may_still_come_by_either(database) {
        let (one, two, server, app) = with_two(&database).await;
        for comes_by_the_first in [true, false] {
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            let at_one = approved(&mut browser, &page, "one", &one).await;
            // The button of the browser shows the same page.
            let page = browser.open(&page.url).await;
            let at_two = approved(&mut browser, &page, "two", &two).await;
            let taken = if comes_by_the_first { &at_one } else { &at_two };
            browser.complete_upstream_login(taken).await.authorization_response().code();
        }
        // Who was sent away by the app comes back to a page.
        let mut browser = server.browser();
        let sent = browser.get(&app.authorization_url(&[("idp_hint", "one")])).await;
        let address = browser.url(sent.location().expect("the page"));
        let away = browser.get(&address).await;
        assert!(away.location().expect("sent away").starts_with(&one.url("/authorize?")));
        let page = browser.get(&address).await;
        assert!(page.has("login-with-one") && page.has("login-submit"), "{page:?}");
        let at_two = approved(&mut browser, &page, "two", &two).await;
        browser.complete_upstream_login(&at_two).await.authorization_response().code();
    }

    async fn what_an_app_asks_for_at_length_comes_along_as_long_as_it_fits(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        server.alice().await;
        let state = "s".repeat(4096);
        let long = [("state", &*state), ("nonce", &"n".repeat(512)), ("login_hint", &"h".repeat(512))];
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&long)).await;
        let left = browser.start_upstream_login(&page, "idp").await;
        let given = left.reply.headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap());
        let given: Vec<_> = given.collect();
        assert_eq!(given.len(), 4, "three pieces, and where the ring goes on");
        for line in given {
            let pair = line.split(';').next().unwrap();
            assert!(pair.len() < 4096, "{}", pair.len());
            let path = if pair.starts_with("__Host-") { "; Path=/;" } else { "; Path=/login/callback;" };
            for part in [path, "; Secure", "; HttpOnly", "; SameSite=Lax", "; Max-Age=600"] {
                assert!(line.contains(part), "{part} in {line}");
            }
            assert!(!line.contains(&"s".repeat(20)) && !line.contains("app.example.com"), "{line}");
        }
        assert!(left.location().unwrap().len() < 2000, "a hint of 512 bytes, and a short state");
        // The page is there for who goes back, with its own length and all these cookies.
        assert!(browser.open(&page.url).await.has("login-with-idp"));
        let heard = browser.complete_upstream_login(&idp.approve(left.location().unwrap())).await;
        assert_eq!(heard.authorization_response().get("state"), state);
        // What is longer stays with the ways that need no provider.
        let acr = format!("{{\"id_token\":{{\"acr\":{{\"value\":\"{}\"}}}}}}", "a".repeat(4000));
        let longer = [&long[..], &[("claims", &*acr)]].concat();
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&longer)).await;
        let page = browser.cannot_start_upstream_login(&page, "idp").await;
        assert_eq!(browser.away(), Vec::<String>::new());
        let heard = browser.sign_in(&page).await.authorization_response();
        assert_eq!((heard.get("state"), heard.get("error")), (&*state, ""));
    }

    /// Whoever connects a provider, and whoever proves again who they are, comes back in the same way.
    async fn who_is_signed_in_leaves_without_a_row_as_well(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        server.alice().await;
        let evidence = server.evidence().await;
        let interactions = async || evidence.count("SELECT count(*) AS n FROM interaction").await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        let account = browser.sign_in(&login).await;
        let before = interactions().await;
        let fields = [("session", account.hidden("session")), ("csrf", account.hidden("csrf")), ("provider", "idp".to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let away = browser.post("/account/providers/link", &fields).await;
        assert_eq!(interactions().await, before);
        let callback = idp.approve(away.location().expect("sent away"));
        let account = browser.complete_upstream_login(&callback).await;
        assert!(account.reply.text.contains("The account is connected."), "{}", account.reply.text);
        assert_eq!(interactions().await, before);
        browser.get(&callback.url()).await.is_error("unknown_interaction");
        // Again, by the provider that it is connected with now.
        server.advance(60);
        let page = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        let left = browser.start_upstream_login(&page, "idp").await;
        assert_eq!(interactions().await, before);
        let arrived = browser.complete_upstream_login(&idp.approve(left.location().unwrap())).await;
        arrived.authorization_response().code();
        assert_eq!(interactions().await, before + 1);
    }

    async fn what_a_provider_vouched_for_is_written(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        idp.change(|person| person.email = Some("mina@example.com".to_owned()));
        known(&server, "mina", "mina@example.com", true).await;
        let evidence = server.evidence().await;
        let interactions = async || evidence.count("SELECT count(*) AS n FROM interaction").await;
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        assert!(page.hidden("interaction").starts_with("s."));
        let callback = approved(&mut browser, &page, "idp", &idp).await;
        assert_eq!(interactions().await, 0);
        let page = browser.complete_upstream_login(&callback).await;
        assert!(page.reply.text.contains("already has an account here"), "{}", page.reply.text);
        assert_eq!(interactions().await, 1);
        assert!(!page.hidden("interaction").starts_with("s."));
        // It goes on from there, by a provider too.
        let heard = browser.sign_in_as(&page, "mina", PASSWORD).await;
        heard.authorization_response().code();
        assert_eq!(interactions().await, 1);
    }

    /// Nothing of a login is known to one server alone, and no signing key has to do with it.
    async fn who_is_away_comes_back_to_a_server_that_started_again(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let (mut browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
        let server = server.restart().await;
        server.inner.services().keyring.rotate(TokenAlg::ALL, true).await.unwrap();
        let back = server.url(&format!("/login/callback/idp?{}", callback.fields.encoded()));
        browser.get(&back).await.authorization_response().code();
    }

    async fn who_left_from_one_replica_comes_back_to_another_and_once(database) {
        let Database::Postgres { .. } = database else { return };
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let replica = server.another().await;
        let (browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
        let path = format!("/login/callback/idp?{}", callback.fields.encoded());
        let there = format!("http://{}{path}", replica.address());
        browser.clone().get(&there).await.authorization_response().code();
        for again in [&there, &path] {
            let page = browser.clone().get(again).await;
            assert!(["unknown_interaction", "wrong_browser"].contains(&page.error_code()), "{page:?}");
        }
        assert_eq!(idp.count("/token"), 1);
        replica.stop().await;
    }
}

/// Under another master key nobody's `state` is one of ours: they begin anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_master_key_ends_the_logins_that_are_under_way() {
    let idp = Oidc::start().await;
    let mut cli = Cli::new(&Database::Sqlite).await;
    let file = cli.folder.path().join("mapae.toml");
    std::fs::write(&file, table("idp", "oidc", idp.base(), "")).unwrap();
    cli.set("MAPAE_CONFIG", file.to_str().unwrap());
    cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
    let mut binary: Binary = cli.serve().await;
    let arguments = ClientArguments::confidential(&["authorization_code"]).first_party();
    let arguments = arguments.with("--redirect-uri", CALLBACK).with("--scope", "openid");
    let app = binary.register("web", &arguments).await;
    let url = app.authorization_url(&[("scope", "openid")]);
    let leaves = async || {
        let mut browser = Browser::new(&app.base, &http());
        let page = browser.open(&url).await;
        let callback = approved(&mut browser, &page, "idp", &idp).await;
        (browser, callback)
    };
    let (mut early, before) = leaves().await;
    binary.cli(&["key", "rewrap"], None).await;
    binary.kill().await;
    binary.restart().await;
    early.get(&before.url()).await.is_error("unknown_interaction");
    assert_eq!(idp.count("/token"), 0);
    let (mut late, after) = leaves().await;
    late.complete_upstream_login(&after).await.authorization_response().code();
}
