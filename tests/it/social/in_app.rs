//! Browsers that are part of other apps: which providers work there, and how a person leaves them.

use super::fixtures::rows;
use super::table;
use crate::support::upstream::Google;
use crate::support::{Browser, PASSWORD, Page, STATE, Server, both};

const ANDROID: &str = "Mozilla/5.0 (Linux; Android 15; SM-S928N Build/AP3A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22A3354";
const DESK: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Where nobody is.
const NOWHERE: &str = "http://127.0.0.1:1";

fn tables(google: &str) -> String {
    let presets = ["kakao", "naver", "line", "facebook"];
    let others = presets.map(|preset| table(preset, preset, NOWHERE, ""));
    [table("google", "google", google, ""), others.concat()].concat()
}

async fn start(database: &crate::support::Database, google: &str) -> Server {
    Server::start_social(database, &tables(google)).await
}

/// The buttons of providers, in their order.
fn offered(page: &Page) -> Vec<&str> {
    let behind = page.reply.text.split("id=\"login-with-").skip(1);
    behind.map(|rest| rest.split('"').next().unwrap()).collect()
}

/// Where the way out leads, if there is a link.
fn way_out(page: &Page) -> Option<String> {
    let (_, behind) = page.reply.text.split_once("id=\"login-way-out\" href=\"")?;
    Some(behind.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&"))
}

/// The address that a person opens in their own browser: what the link says, or what they copy.
fn address(page: &Page) -> String {
    let Some(link) = way_out(page) else { return page.value_of("login-address") };
    assert!(!page.has("login-address"), "a link is enough");
    if let Some(encoded) = link.strip_prefix("kakaotalk://web/openExternal?") {
        let mut named = url::form_urlencoded::parse(encoded.as_bytes());
        return named.next().expect("an address").1.into_owned();
    }
    if let Some(rest) = link.strip_prefix("intent://") {
        let (rest, intent) = rest.split_once("#Intent;scheme=").expect("an intent");
        return format!("{}://{rest}", intent.split(';').next().unwrap());
    }
    link.strip_suffix("&openExternalBrowser=1").expect("a link of LINE").to_owned()
}

fn with(user_agent: &str, server: &Server) -> Browser {
    server.browser().saying("user-agent", user_agent)
}

both! {
    async fn what_works_in_the_browser_of_an_app_comes_first(database) {
        let settings = [("outbound.allow_private", "true"), ("issuer", "https://id.example.com")];
        let server = Server::start_of(&database, &settings, &tables(NOWHERE)).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        for (user_agent, first, way) in [
            (format!("{ANDROID};KAKAOTALK 2410850"), "kakao", "kakaotalk"),
            (format!("{IPHONE} KAKAOTALK 10.8.5"), "kakao", "kakaotalk"),
            (format!("{ANDROID} NAVER(inapp; search; 2000; 12.8.50)"), "naver", "intent"),
            (format!("{IPHONE} NAVER(inapp; search; 2000; 12.8.50)"), "naver", ""),
            (format!("{IPHONE} Safari Line/14.16.0"), "line", "line"),
            (format!("{ANDROID} Line/14.16.0/IAB"), "line", "line"),
            (format!("{ANDROID} DaumApps/6.9.8 DaumDevice/mobile"), "kakao", "intent"),
            (format!("{ANDROID} Instagram 351.0.0.41.106 Android"), "facebook", "intent"),
            (format!("{IPHONE} Instagram 351.0.0.41.106"), "facebook", ""),
            (format!("{IPHONE} [FBAN/FBIOS;FBAV/485.1.0.45.110]"), "facebook", ""),
            (format!("{ANDROID} [FB_IAB/FB4A;FBAV/483.0.0.55.74;]"), "facebook", "intent"),
            (ANDROID.to_owned(), "kakao", "intent"),
            (IPHONE.to_owned(), "kakao", ""),
        ] {
            let mut browser = with(&user_agent, &server);
            let page = browser.open(&app.authorization_url(&[])).await;
            let mut expected = vec!["kakao", "naver", "line", "facebook"];
            expected.retain(|slug| *slug != first);
            expected.insert(0, first);
            assert_eq!(offered(&page), expected, "{user_agent}");
            assert!(page.has("login-submit"), "a password works everywhere");
            let without = "Google sign-in doesn’t work inside this app.";
            assert!(page.reply.text.contains(without), "{user_agent}");
            // Who wants to stay signed in stays, whatever they press.
            let (_, form) = page.reply.text.split_once("action=\"/login\"").expect("a form");
            let form = form.split("</form>").next().unwrap();
            assert!(form.contains("name=\"keep\"") && form.contains("id=\"login-submit\""));
            assert!(form.contains(&format!("id=\"login-with-{first}\"")), "{user_agent}");
            let address = address(&page);
            let interaction = page.hidden("interaction");
            let here = address.strip_prefix("https://").expect("an address");
            let begins = format!("id.example.com/login/elsewhere?interaction={interaction}&pass=");
            assert!(here.starts_with(&begins), "{here}");
            let encoded: String = url::form_urlencoded::byte_serialize(address.as_bytes()).collect();
            let expected = match way {
                "kakaotalk" => Some(format!("kakaotalk://web/openExternal?url={encoded}")),
                "line" => Some(format!("{address}&openExternalBrowser=1")),
                "intent" => Some(format!(
                    "intent://{here}#Intent;scheme=https;action=android.intent.action.VIEW;\
                     category=android.intent.category.BROWSABLE;end"
                )),
                _ => None,
            };
            assert_eq!(way_out(&page), expected, "{user_agent}");
        }
        for user_agent in [DESK, &format!("{IPHONE} Version/18.0 Safari/604.1")] {
            let mut browser = with(user_agent, &server);
            let page = browser.open(&app.authorization_url(&[])).await;
            assert_eq!(offered(&page), ["google", "kakao", "naver", "line", "facebook"]);
            assert!(way_out(&page).is_none() && !page.has("login-address"));
        }
    }

    /// Where nothing works, nothing is offered but the way out.
    async fn an_only_way_in_that_works_elsewhere_alone_is_taken_there(database) {
        let google = table("google", "google", NOWHERE, "only = true");
        let server = Server::start_social(&database, &google).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let page = with(ANDROID, &server).open(&app.authorization_url(&[])).await;
        assert!(offered(&page).is_empty() && !page.has("password") && !page.has("login-submit"));
        assert!(way_out(&page).is_some() && !page.reply.text.contains("<details"));
        // Where everything works, nothing else is claimed.
        let kakao = table("kakao", "kakao", NOWHERE, "");
        let server = Server::start_social(&database, &kakao).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let page = with(ANDROID, &server).open(&app.authorization_url(&[])).await;
        assert!(way_out(&page).is_some() && !page.reply.text.contains("work inside this app"));
    }

    /// No session moves: whoever opens the address begins anew, and ends at the app.
    async fn the_way_out_begins_afresh(database) {
        let server = start(&database, NOWHERE).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut inside = with(&format!("{IPHONE} KAKAOTALK 10.8.5"), &server);
        let page = inside.open(&app.authorization_url(&[])).await;
        let mut outside = with(DESK, &server);
        let first = outside.get(&address(&page)).await;
        assert!(first.reply.header("set-cookie").starts_with("__Host-mapae"));
        let login = outside.follow(first).await;
        assert!(login.has("login-submit") && login.has("login-with-google"));
        assert_ne!(login.hidden("interaction"), page.hidden("interaction"));
        assert_ne!(login.hidden("csrf"), page.hidden("csrf"));
        assert!(outside.cookie().is_some() && outside.cookie() != inside.cookie());
        assert_eq!(rows(&server).await[2], 0, "nobody is signed in");
        // What belongs to the one browser is nothing in the other.
        outside.clone().sign_in(&page).await.is_error("wrong_browser");
        inside.clone().sign_in(&login).await.is_error("wrong_browser");
        let heard = outside.sign_in(&login).await.authorization_response();
        assert_eq!(heard.get("state"), STATE);
        app.exchange(&heard.code()).await.ok();
        // Who stayed behind is nobody, and may still sign in there.
        inside.get(&app.authorization_url(&[("prompt", "none")])).await.error_response("login_required");
        inside.sign_in(&page).await.authorization_response().code();
        assert_eq!(rows(&server).await[2], 2);
        // Who has come to see their account comes to it.
        let mut inside = with(ANDROID, &server);
        let page = inside.open("/account").await;
        let mut outside = with(DESK, &server);
        let login = outside.open(&address(&page)).await;
        assert!(outside.sign_in(&login).await.has("account-sign-out"));
    }

    async fn whoever_is_signed_in_out_there_is_used(database) {
        let server = start(&database, NOWHERE).await;
        let alice = server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut outside = with(DESK, &server);
        outside.code(&app).await;
        let mut inside = with(ANDROID, &server);
        let page = inside.open(&app.authorization_url(&[("nonce", "another")])).await;
        let cookie = outside.cookie().map(str::to_owned);
        let heard = outside.get(&address(&page)).await.authorization_response();
        assert_eq!(heard.get("state"), STATE);
        let tokens = app.exchange(&heard.code()).await.ok();
        let claims = crate::support::decode_claims(&tokens.text("id_token"));
        assert_eq!((&claims["sub"], &claims["nonce"]), (&alice.into(), &"another".into()));
        assert_eq!(outside.cookie(), cookie.as_deref());
        // Where the app wants them to prove themselves they do.
        let page = inside.open(&app.authorization_url(&[("prompt", "login")])).await;
        server.advance(1);
        assert!(outside.open(&address(&page)).await.has("login-submit"));
        // Who signs in inside meanwhile is not whom the others see.
        let page = inside.open(&app.authorization_url(&[])).await;
        inside.sign_in_as(&page, "bob", PASSWORD).await.authorization_response().code();
        assert!(!outside.open("/account").await.reply.text.contains("bob"));
    }

    async fn what_is_over_is_over_elsewhere_too(database) {
        let server = start(&database, NOWHERE).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let (mut done, mut late) = (with(ANDROID, &server), with(ANDROID, &server));
        let page = done.open(&app.authorization_url(&[])).await;
        let ended = address(&page);
        done.sign_in(&page).await.authorization_response().code();
        let expired = address(&late.open(&app.authorization_url(&[])).await);
        let before = rows(&server).await;
        let mut outside = with(DESK, &server);
        outside.get(&ended).await.is_error("already_done");
        server.advance(1800);
        outside.get(&expired).await.is_error("expired");
        assert_eq!(rows(&server).await, before);
        // The name of an interaction alone moves nothing.
        let open = late.open(&app.authorization_url(&[])).await.hidden("interaction");
        let before = rows(&server).await;
        let named = format!("?interaction={open}");
        let forged = format!("{named}&pass={}", open.as_str());
        for unknown in
            ["?interaction=x", "?interaction=", "", "?interaction=%00", &named, &forged]
        {
            let path = format!("/login/elsewhere{unknown}");
            outside.get(&path).await.is_error("unknown_interaction");
        }
        assert_eq!(rows(&server).await, before);
        assert_eq!(outside.cookie(), None);
        // Of an app that is gone nothing begins.
        let page = late.open(&app.authorization_url(&[])).await;
        server.change("app", |client| client.disabled_at = Some(server.now().now())).await;
        assert!(outside.get(&address(&page)).await.reply.status.is_client_error());
    }

    /// What an app wishes for is kept for where it works.
    async fn a_hint_waits_for_a_browser_in_which_it_works(database) {
        let google = Google::start().await;
        let server = start(&database, google.base()).await;
        google.follows(server.now());
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut inside = with(ANDROID, &server);
        let page = inside.open(&app.authorization_url(&[("idp_hint", "google")])).await;
        assert!(page.has("login-submit") && !page.has("login-with-google"));
        let mut outside = with(DESK, &server);
        let away = outside.open(&address(&page)).await;
        let location = away.location().unwrap().to_owned();
        assert!(location.starts_with(google.base()), "{location}");
        let heard = outside.complete_upstream_login(&google.approve(&location)).await.authorization_response();
        assert_eq!(heard.get("state"), STATE);
        app.exchange(&heard.code()).await.ok();
    }
}
