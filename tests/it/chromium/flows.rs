//! Whole flows of people: in both languages, with and without scripts.

use mapae::domain::client::Client;
use thirtyfour::{By, Key};

use super::Deployment;
use super::driver::{Chromium, ENGLISH, KOREAN, Preferences, Window};
use crate::device_grants;
use crate::support::{AuthorizationResponse, PASSWORD, Server, eventually, form};

/// From the app through every page and back; the window is signed in then.
async fn whole_journey(chromium: &Chromium, preferences: Preferences) {
    let deployment = Deployment::start().await;
    let window = chromium.window(preferences).await;
    window.goto(&deployment.request(&[])).await;
    window.sees("login-submit").await;
    assert_eq!(window.language().await, preferences.language);
    window.signs_in("alice", "wrong").await;
    let problem = window.sees("password-problem").await.text().await.unwrap();
    let is_korean = problem.chars().any(|c| ('가'..='힣').contains(&c));
    assert_eq!(is_korean, preferences.language == "ko", "{problem}");
    let username = window.sees("username").await.prop("value").await.unwrap();
    assert_eq!(username.as_deref(), Some("alice"), "what was typed stays");
    window.signs_in("alice", PASSWORD).await;
    window.sees("consent-allow").await;
    assert!(window.text().await.contains("Post station"));
    window.follows("consent-allow").await;
    // S156: the policy of the form lets the last redirect through.
    let here = window.arrives_at(&format!("{}?code=", deployment.place.callback())).await;
    let tokens = deployment.exchange(&AuthorizationResponse::at(&here).code()).await.ok();
    // Signed in and allowed: no page is shown any more.
    window.goto(&deployment.request(&[("state", "again")])).await;
    window.arrives_at(&format!("{}?code=", deployment.place.callback())).await;
    let out = [
        ("id_token_hint", tokens.text("id_token")),
        ("post_logout_redirect_uri", deployment.place.bye()),
        ("state", "bye".to_owned()),
    ];
    let out: Vec<_> = out.iter().map(|(name, value)| (*name, value.as_str())).collect();
    window.goto(&deployment.server.url(&format!("/logout?{}", form(&out)))).await;
    window.arrives_at(&format!("{}?state=bye", deployment.place.bye())).await;
    window.goto(&deployment.request(&[])).await;
    window.sees("login-submit").await;
    window.kept_every_policy().await;
    window.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_journey_in_english_and_korean_with_scripts_and_without() {
    let Some(chromium) = Chromium::start().await else { return };
    for language in ["en", "ko"] {
        for scripts in [true, false] {
            Box::pin(whole_journey(&chromium, Preferences { language, scripts })).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn form_post_and_fragment_arrive_with_scripts_and_without() {
    let Some(chromium) = Chromium::start().await else { return };
    let deployment = Deployment::start().await;
    for scripts in [true, false] {
        let window = chromium.window(Preferences { scripts, ..ENGLISH }).await;
        window.goto(&deployment.request(&[("response_mode", "form_post")])).await;
        window.signs_in("alice", PASSWORD).await;
        if scripts {
            window.follows("consent-allow").await;
        } else {
            // The consent of the first round is remembered; the form waits for a click.
            let button = window.driver.find(By::Css("noscript button, form button")).await;
            button.expect("a button").click().await.unwrap();
        }
        let posted = window.sees("posted").await.text().await.unwrap();
        let code = posted.lines().find_map(|line| line.strip_prefix("code=")).expect("a code");
        deployment.exchange(code).await.ok();
        window.goto(&deployment.request(&[("response_mode", "fragment")])).await;
        let here = window.arrives_at(&format!("{}#code=", deployment.place.callback())).await;
        deployment.exchange(&AuthorizationResponse::at(&here).code()).await.ok();
        window.kept_every_policy().await;
        window.closes().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turning_back_and_saying_no_reach_the_app() {
    let Some(chromium) = Chromium::start().await else { return };
    let deployment = Deployment::start().await;
    let window = chromium.window(KOREAN).await;
    let denied = format!("{}?error=access_denied", deployment.place.callback());
    window.goto(&deployment.request(&[])).await;
    window.follows("login-cancel").await;
    window.arrives_at(&denied).await;
    window.goto(&deployment.request(&[])).await;
    window.signs_in("alice", PASSWORD).await;
    window.follows("consent-deny").await;
    window.arrives_at(&denied).await;
    // Who goes back sees the page again, and is told kindly that it is done.
    window.driver.back().await.unwrap();
    eventually("a page of ours", async || {
        window.has("consent-allow").await || window.has("error-code").await
    })
    .await;
    if window.has("consent-allow").await {
        window.follows("consent-allow").await;
    }
    assert_eq!(window.sees("error-code").await.text().await.unwrap(), "already_done");
    window.kept_every_policy().await;
    window.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tabs_double_clicks_and_old_pages_are_no_trouble() {
    let Some(chromium) = Chromium::start().await else { return };
    let deployment = Deployment::start().await;
    deployment.server.change("app", |client| client.metadata.first_party = true).await;
    let window = chromium.window(ENGLISH).await;
    let callback = format!("{}?code=", deployment.place.callback());
    // Two tabs: the second signs in, the first goes on.
    window.goto(&deployment.request(&[("state", "one")])).await;
    window.sees("login-submit").await;
    let first = window.driver.window().await.unwrap();
    let second = window.driver.new_tab().await.unwrap();
    window.driver.switch_to_window(second).await.unwrap();
    window.goto(&deployment.request(&[("state", "two")])).await;
    window.signs_in("alice", PASSWORD).await;
    assert!(window.arrives_at(&callback).await.contains("state=two"));
    window.driver.switch_to_window(first).await.unwrap();
    window.signs_in("alice", PASSWORD).await;
    assert!(window.arrives_at(&callback).await.contains("state=one"));
    // Two clicks in a row arrive, once.
    deployment.server.advance(60);
    window.goto(&deployment.request(&[("prompt", "login")])).await;
    window.types("password", PASSWORD).await;
    let submit = window.sees("login-submit").await;
    window.driver.action_chain().double_click_element(&submit).perform().await.unwrap();
    let here = window.arrives_at(&callback).await;
    deployment.exchange(&AuthorizationResponse::at(&here).code()).await.ok();
    // A page that was left open for too long.
    deployment.server.advance(60);
    window.goto(&deployment.request(&[("prompt", "login")])).await;
    window.types("password", PASSWORD).await;
    deployment.server.advance(31 * 60);
    window.follows("login-submit").await;
    assert_eq!(window.sees("error-code").await.text().await.unwrap(), "expired");
    window.kept_every_policy().await;
    window.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_in_one_browser_choose() {
    let Some(chromium) = Chromium::start().await else { return };
    let deployment = Deployment::start().await;
    deployment.server.user("bob", Some(PASSWORD)).await;
    deployment.server.change("app", |client| client.metadata.first_party = true).await;
    let window = chromium.window(KOREAN).await;
    let callback = format!("{}?code=", deployment.place.callback());
    window.goto(&deployment.request(&[])).await;
    window.signs_in("alice", PASSWORD).await;
    window.arrives_at(&callback).await;
    window.goto(&deployment.request(&[("prompt", "select_account")])).await;
    window.follows("account-other").await;
    window.signs_in("bob", PASSWORD).await;
    window.arrives_at(&callback).await;
    for number in ["account-1", "account-2"] {
        window.goto(&deployment.request(&[])).await;
        window.follows(number).await;
        window.arrives_at(&callback).await;
    }
    window.kept_every_policy().await;
    window.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_can_be_reached_by_keyboard() {
    let Some(chromium) = Chromium::start().await else { return };
    let deployment = Deployment::start().await;
    let window = chromium.window(ENGLISH).await;
    window.goto(&deployment.request(&[])).await;
    window.sees("login-submit").await;
    reaches(&window, &["username", "password", "keep", "login-submit", "login-cancel", "lang-ko"])
        .await;
    window.types("username", "alice").await;
    window.types("password", PASSWORD).await;
    window.presses(Key::Enter).await;
    window.sees("consent-allow").await;
    reaches(&window, &["consent-allow", "consent-deny", "lang-ko"]).await;
    window.sees("consent-allow").await.focus().await.unwrap();
    window.presses(Key::Enter).await;
    window.arrives_at(&format!("{}?code=", deployment.place.callback())).await;
    lets_a_television_in(&deployment.server, &window).await;
    window.kept_every_policy().await;
    window.closes().await;
}

/// RFC 8628 §3.3: the code that a television shows is typed and allowed.
async fn lets_a_television_in(server: &Server, window: &Window) {
    let named = |client: &mut Client| "Television".clone_into(&mut client.metadata.client_name);
    let television = device_grants::television(server, named).await;
    let codes = device_grants::codes(&television).await;
    let code = codes.text("user_code");
    window.goto(&server.url("/device")).await;
    window.sees("user-code-submit").await;
    reaches(window, &["user-code", "user-code-submit"]).await;
    window.types("user-code", &code.to_lowercase()).await;
    window.presses(Key::Enter).await;
    assert_eq!(window.sees("device-code").await.text().await.unwrap(), code);
    assert!(window.text().await.contains("Television"));
    reaches(window, &["device-allow", "device-deny"]).await;
    window.sees("device-allow").await.focus().await.unwrap();
    window.presses(Key::Enter).await;
    window.sees("device-allowed").await;
    device_grants::poll(&television, &codes).await.ok();
}

/// That the Tab key comes to each of these.
async fn reaches(window: &Window, ids: &[&str]) {
    let mut visited = vec![window.focus().await];
    for _ in 0..20 {
        window.presses(Key::Tab).await;
        visited.push(window.focus().await);
    }
    for id in ids {
        assert!(visited.iter().any(|visited| visited == id), "{id} is not among {visited:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_language_that_is_chosen_stays_and_errors_are_pages() {
    let Some(chromium) = Chromium::start().await else { return };
    let deployment = Deployment::start().await;
    let window = chromium.window(ENGLISH).await;
    window.goto(&deployment.request(&[("ui_locales", "en")])).await;
    window.follows("lang-ko").await;
    window.sees("login-submit").await;
    assert_eq!(window.language().await, "ko");
    window.signs_in("alice", PASSWORD).await;
    window.sees("consent-allow").await;
    assert_eq!(window.language().await, "ko");
    for (change, code) in [
        (("client_id", "nobody"), "unknown_client"),
        (("redirect_uri", "https://evil.example/"), "invalid_redirect_uri"),
    ] {
        window.goto(&deployment.app.authorization_url(&[change])).await;
        assert_eq!(window.sees("error-code").await.text().await.unwrap(), code);
        assert_eq!(window.language().await, "ko");
    }
    // Without a hint the person is asked, and may stay.
    window.goto(&deployment.server.url("/logout")).await;
    window.follows("logout-stay").await;
    window.goto(&deployment.server.url("/logout")).await;
    window.follows("logout-confirm").await;
    window.sees("signed-out-again").await;
    window.goto(&deployment.server.url("/account")).await;
    window.sees("login-submit").await;
    // The cookie of http on loopback is the one of https.
    let cookies = window.driver.get_all_cookies().await.unwrap();
    assert!(cookies.iter().any(|cookie| cookie.name.starts_with("__Host-mapae-")), "{cookies:?}");
    window.kept_every_policy().await;
    window.closes().await;
}
