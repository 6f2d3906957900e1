//! Browser sessions: security cases S063 to S075, and what people do with tabs and with the back
//! button.

use chrono::Duration;
use mapae::admin::authority::May;
use mapae::admin::users::Target;

use crate::support::{App, Browser, PASSWORD, Page, Server, both, form};

async fn first_party(server: &Server) -> App {
    first_party_called(server, "app").await
}

async fn first_party_called(server: &Server, id: &str) -> App {
    server.web_app(id, |client| client.metadata.first_party = true).await
}

/// Whether the browser is still known as somebody.
async fn is_signed_in(browser: &Browser, app: &App) -> bool {
    let mut looking = browser.clone();
    let page = looking.get(&app.authorization_url(&[("prompt", "none")])).await;
    page.authorization_response().get("error").is_empty()
}

async fn submit(browser: &mut Browser, page: &Page, more: &[(&str, &str)]) -> Page {
    let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
    let mut fields = vec![("interaction", interaction.as_str()), ("csrf", csrf.as_str())];
    fields.extend([("username", "alice"), ("password", PASSWORD)]);
    fields.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    fields.extend(more);
    browser.post("/login", &fields).await
}

both! {
    /// S067
    async fn s067_every_cookie_is_bound_to_this_host_and_hidden_from_scripts(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let first = browser.get(&app.authorization_url(&[])).await;
        let login = browser.open(first.location().unwrap()).await;
        let spoken = browser.open(&format!("/login?interaction={}&lang=ko", login.hidden("interaction"))).await;
        let done = submit(&mut browser, &login, &[]).await;
        for page in [&first, &spoken, &done] {
            let cookie = page.reply.header("set-cookie");
            assert!(cookie.starts_with("__Host-mapae"), "{cookie}");
            for attribute in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
                assert!(cookie.contains(attribute), "{cookie}");
            }
            assert!(!cookie.to_ascii_lowercase().contains("domain"), "{cookie}");
        }
        // 256 bits, and only their hash is kept.
        let cookie = browser.cookie().unwrap().to_owned();
        assert_eq!(cookie.trim_start_matches("mapae_bt_").len(), 43);
        assert!(!done.reply.header("set-cookie").contains("Max-Age"), "it ends with the browser");
        let mut other = server.browser();
        let login = other.open(&app.authorization_url(&[])).await;
        let done = submit(&mut other, &login, &[("keep", "1")]).await;
        let cookie = done.reply.header("set-cookie");
        assert!(cookie.contains(&format!("Max-Age={}", Duration::days(90).num_seconds())), "{cookie}");
    }

    /// S066: whoever planted or saw a cookie from before has nothing.
    async fn s066_the_cookie_changes_at_every_sign_in(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let mut attacker = browser.clone();
        browser.sign_in(&login).await.authorization_response().code();
        assert_ne!(browser.cookie(), attacker.cookie());
        assert!(is_signed_in(&browser, &app).await && !is_signed_in(&attacker, &app).await);
        attacker.get("/account").await;
        assert!(attacker.open("/account").await.has("login-submit"));
        // Proving oneself again changes it again.
        server.advance(1);
        let before = browser.clone();
        let login = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        browser.sign_in(&login).await.authorization_response().code();
        assert!(is_signed_in(&browser, &app).await && !is_signed_in(&before, &app).await);
        // A cookie that we never gave is no cookie.
        for bad in ["x", "", "mapae_bt_", &"x".repeat(8000)] {
            let mut stranger = server.browser();
            stranger.cookies.insert(browser.cookie_name().unwrap(), bad.to_owned());
            assert!(stranger.open(&app.authorization_url(&[])).await.has("login-submit"));
        }
    }

    /// S069
    async fn s069_a_session_ends_when_it_idles_and_at_its_absolute_end(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        server.advance(2 * 3600 - 1);
        assert!(is_signed_in(&browser, &app).await);
        // That was a use.
        server.advance(2 * 3600 - 1);
        assert!(is_signed_in(&browser, &app).await);
        server.advance(2 * 3600);
        assert!(!is_signed_in(&browser, &app).await);
        let mut busy = server.browser();
        busy.code(&app).await;
        for _ in 0..11 {
            server.advance(3600);
            assert!(is_signed_in(&busy, &app).await);
        }
        server.advance(3600);
        assert!(!is_signed_in(&busy, &app).await);
        // Kept: for weeks.
        let mut kept = server.browser();
        let login = kept.open(&app.authorization_url(&[])).await;
        submit(&mut kept, &login, &[("keep", "1")]).await.authorization_response().code();
        server.advance(29 * 86_400);
        assert!(is_signed_in(&kept, &app).await);
        server.advance(31 * 86_400);
        assert!(!is_signed_in(&kept, &app).await);
    }

    /// Core §11: without `offline_access` a refresh token ends with the session, and its use is a
    /// use of the session.
    async fn core_11_a_refresh_token_ends_with_the_session(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let bound = app.exchange(&browser.code(&app).await).await.ok().text("refresh_token");
        let offline = [("scope", "openid offline_access"), ("prompt", "consent")];
        let offline = browser.get(&app.authorization_url(&offline)).await.authorization_response().code();
        let offline = app.exchange(&offline).await.ok().text("refresh_token");
        let mut refresh = bound;
        for _ in 0..5 {
            server.advance(3600 + 1800);
            (_, refresh) = app.refresh(&refresh).await.pair();
        }
        assert!(is_signed_in(&browser, &app).await, "refreshes kept it alive");
        assert!(app.is_active(&refresh).await);
        server.advance(2 * 3600);
        assert!(!app.is_active(&refresh).await, "introspection says what /token says");
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        let (_, offline) = app.refresh(&offline).await.pair();
        assert!(!is_signed_in(&browser, &app).await);
        server.advance(20 * 86_400);
        app.refresh(&offline).await.ok();
        // The absolute end of the session is the end of what is bound to it.
        let mut browser = server.browser();
        let mut refresh = app.exchange(&browser.code(&app).await).await.ok().text("refresh_token");
        for _ in 0..11 {
            server.advance(3600);
            (_, refresh) = app.refresh(&refresh).await.pair();
        }
        server.advance(3600);
        app.refresh(&refresh).await.refused(400, "invalid_grant");
    }

    /// Two tabs, each with a request of its own.
    async fn two_tabs_do_not_disturb_each_other(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let one = browser.open(&app.authorization_url(&[("state", "one")])).await;
        let two = browser.open(&app.authorization_url(&[("state", "two")])).await;
        assert_ne!(one.hidden("interaction"), two.hidden("interaction"));
        // The second one signs in; the first form is still good, though the cookie has changed.
        assert_eq!(submit(&mut browser, &two, &[]).await.authorization_response().get("state"), "two");
        assert_eq!(submit(&mut browser, &one, &[]).await.authorization_response().get("state"), "one");
        server.advance(1);
        // A tab that is looked at again after the other signed in goes on by itself.
        let three = browser.open(&app.authorization_url(&[("state", "three"), ("max_age", "0")])).await;
        let four = browser.open(&app.authorization_url(&[("state", "four"), ("max_age", "0")])).await;
        submit(&mut browser, &four, &[]).await.authorization_response().code();
        let again = browser.open(&format!("/login?interaction={}", three.hidden("interaction"))).await;
        assert_eq!(again.authorization_response().get("state"), "three");
    }

    async fn a_second_click_is_answered_like_the_first(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        // The browser throws the first answer away, its new cookie too: the second one has it again.
        let mut second = browser.clone();
        let consent = browser.sign_in(&login).await;
        assert!(consent.has("consent-allow"));
        let same = second.sign_in(&login).await;
        assert!(same.has("consent-allow"), "{}", same.reply.text);
        assert_eq!(second.cookie(), browser.cookie());
        second.consent(&same, "allow").await.authorization_response().code();
        server.advance(1);
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let mut second = browser.clone();
        submit(&mut browser, &login, &[]).await.authorization_response().code();
        let code = submit(&mut second, &login, &[]).await.authorization_response().code();
        app.exchange(&code).await.ok();
        assert_eq!(second.cookie(), browser.cookie());
        assert!(is_signed_in(&second, &app).await);
        submit(&mut second, &login, &[("password", "wrong")]).await;
        // For the same person alone, and not for long.
        server.user("bob", Some(PASSWORD)).await;
        submit(&mut second, &login, &[("username", "bob")]).await.is_error("already_done");
        server.advance(31);
        submit(&mut second, &login, &[]).await.is_error("already_done");
        let mut stranger = server.browser();
        submit(&mut stranger, &login, &[]).await.is_error("wrong_browser");
        // Whoever signed in again since has another cookie: none is given for the old one.
        let login = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        let mut old = browser.clone();
        submit(&mut browser, &login, &[]).await.authorization_response().code();
        server.advance(1);
        let again = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        submit(&mut browser, &again, &[]).await.authorization_response().code();
        submit(&mut old, &login, &[]).await.is_error("already_done");
        assert!(is_signed_in(&browser, &app).await);
    }

    /// Both clicks are on their way before either is answered.
    async fn two_clicks_at_once_have_one_answer(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (own, asking) = (first_party(&server).await, server.web_app("asking", |_| {}).await);
        for app in [&own, &asking] {
            let mut browser = server.browser();
            let login = browser.open(&app.authorization_url(&[])).await;
            let mut clicks = [browser.clone(), browser.clone(), browser.clone()];
            let answers = clicks.iter_mut().map(|click| submit(click, &login, &[]));
            let answers = futures_util::future::join_all(answers).await;
            for (click, answer) in clicks.iter_mut().zip(answers) {
                assert_eq!(answer.reply.status, 303, "{}", answer.reply.text);
                let page = click.follow(answer).await;
                let is_answered = page.has("consent-allow") || !page.authorization_response().code().is_empty();
                assert!(is_answered && is_signed_in(click, &own).await);
            }
            let cookies: std::collections::BTreeSet<_> = clicks.iter().map(Browser::cookie).collect();
            assert_eq!(cookies.len(), 1, "whichever answer the browser keeps is good");
        }
    }

    async fn a_second_click_on_any_other_form_is_answered_like_the_first(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = server.web_app("app", |_| {}).await;
        let own = first_party_called(&server, "own").await;
        let mut browser = server.browser();
        browser.code(&app).await;
        // Allowing, and denying.
        let asking = app.authorization_url(&[("prompt", "consent")]);
        let consent = browser.open(&asking).await;
        browser.consent(&consent, "allow").await.authorization_response().code();
        browser.consent(&consent, "allow").await.authorization_response().code();
        browser.consent(&consent, "deny").await.is_error("already_done");
        let consent = browser.open(&asking).await;
        browser.consent(&consent, "deny").await.error_response("access_denied");
        browser.consent(&consent, "deny").await.error_response("access_denied");
        browser.consent(&consent, "allow").await.is_error("already_done");
        server.advance(31);
        browser.consent(&consent, "deny").await.is_error("already_done");
        // Choosing an account.
        let login = browser.open(&own.authorization_url(&[("prompt", "login")])).await;
        let another = browser.open(&format!("/login?interaction={}&another=1", login.hidden("interaction"))).await;
        browser.sign_in_as(&another, "bob", PASSWORD).await.authorization_response().code();
        let chooser = browser.open(&own.authorization_url(&[])).await;
        let (interaction, csrf) = (chooser.hidden("interaction"), chooser.hidden("csrf"));
        let sessions = chooser.sessions();
        let choice = |session| [("interaction", interaction.as_str()), ("csrf", csrf.as_str()), ("session", session)];
        browser.post("/select-account", &choice(&sessions[0])).await.authorization_response().code();
        browser.post("/select-account", &choice(&sessions[0])).await.authorization_response().code();
        browser.post("/select-account", &choice(&sessions[1])).await.is_error("already_done");
        server.advance(31);
        browser.post("/select-account", &choice(&sessions[0])).await.is_error("already_done");
        // Signing out: the second click shows the cookie from before.
        let logout = browser.open("/logout").await;
        let (interaction, csrf) = (logout.hidden("interaction"), logout.hidden("csrf"));
        let answer = |yes| [("interaction", interaction.as_str()), ("csrf", csrf.as_str()), ("answer", yes)];
        let mut second = browser.clone();
        for browser in [&mut browser, &mut second] {
            let out = browser.post("/logout/confirm", &answer("yes")).await;
            assert!(out.reply.text.contains("You’re signed out"), "{}", out.reply.text);
        }
        assert!(!is_signed_in(&second, &own).await);
        second.post("/logout/confirm", &answer("no")).await.is_error("wrong_browser");
        // Staying.
        browser.code(&own).await;
        let logout = browser.open("/logout").await;
        let (interaction, csrf) = (logout.hidden("interaction"), logout.hidden("csrf"));
        let answer = |yes| [("interaction", interaction.as_str()), ("csrf", csrf.as_str()), ("answer", yes)];
        for _ in 0..2 {
            assert_eq!(browser.post("/logout/confirm", &answer("no")).await.reply.status, 200);
        }
        assert!(is_signed_in(&browser, &own).await);
        server.advance(31);
        browser.post("/logout/confirm", &answer("no")).await.is_error("already_done");
    }

    async fn the_back_button_and_a_page_that_was_left_open_get_a_kind_answer(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        browser.sign_in(&login).await.authorization_response().code();
        let back = browser.get(&format!("/login?interaction={}", login.hidden("interaction"))).await;
        back.is_error("already_done");
        assert!(back.reply.text.contains("https://app.example.com/"), "a way back to the app");
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        server.advance(30 * 60);
        let expired = submit(&mut browser, &login, &[]).await;
        expired.is_error("expired");
        assert_eq!(expired.reply.status, 410);
        for unknown in ["/login", "/login?interaction=x", "/consent?interaction=%00", "/select-account?interaction=%27"] {
            browser.get(unknown).await.is_error("unknown_interaction");
        }
        // Without cookies nothing goes on, and the page says so.
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        browser.cookies.clear();
        submit(&mut browser, &login, &[]).await.is_error("wrong_browser");
    }

    /// conformance 3.2-17
    async fn rfc6749_4_1_2_1_who_turns_back_or_says_no_is_heard(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        assert!(login.has("login-cancel"));
        let (interaction, csrf) = (login.hidden("interaction"), login.hidden("csrf"));
        let fields = [("interaction", interaction.as_str()), ("csrf", &csrf)];
        // Nobody had proven anything, and nothing was written: a second no is a no again.
        browser.post("/login/cancel", &fields).await.error_response("access_denied");
        browser.post("/login/cancel", &fields).await.error_response("access_denied");
        let login = browser.open(&app.authorization_url(&[("response_mode", "form_post")])).await;
        let consent = browser.sign_in(&login).await;
        assert!(consent.has("consent-deny"));
        let denied = browser.consent(&consent, "deny").await;
        assert_eq!(denied.hidden("error"), "access_denied");
        // Nothing was allowed.
        assert!(browser.open(&app.authorization_url(&[])).await.has("consent-allow"));
        let kinds: Vec<_> = server.evidence().await.events_of("consent.denied").await;
        assert!(kinds.len() == 1 && kinds[0].user.is_some() && kinds[0].client.as_deref() == Some("app"));
    }

    /// S071, S028, S029: unknown, wrong and disabled are one answer, and one window with the grant.
    async fn s071_the_page_says_nothing_about_who_exists(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        server.user("disabled", Some(PASSWORD)).await;
        server.user("federated", None).await;
        let issuer = server.inner.services();
        mapae::admin::users::disable(&May::operator(), &issuer.store, server.now(), Target::named("disabled")).await.unwrap();
        let app = server.web_app("app", |_| {}).await;
        // An app of the person's own device comes from where they are.
        let native = server.public_client("native").await;
        let mut seen = std::collections::BTreeSet::new();
        for (name, password) in [("alice", "wrong"), ("nobody", PASSWORD), ("disabled", PASSWORD), ("federated", PASSWORD), ("NO/body ", "x")] {
            let mut browser = server.browser();
            let login = browser.open(&app.authorization_url(&[])).await;
            let page = browser.sign_in_as(&login, name, password).await;
            assert_eq!(page.reply.status, 400);
            let mut text = page.reply.text.replace(&page.hidden("interaction"), "I").replace(&page.hidden("csrf"), "C");
            text = text.replace(name.trim_end(), "N").replace("N ", "N");
            seen.insert(text);
        }
        assert_eq!(seen.len(), 1, "{seen:#?}");
        // Ten failures of one account from one address, wherever they were made.
        for n in 0..8 {
            if n % 2 == 0 {
                native.password_as("alice", "wrong", "openid").await.refused(400, "invalid_grant");
            } else {
                let mut browser = server.browser();
                let login = browser.open(&app.authorization_url(&[])).await;
                assert_eq!(browser.sign_in_as(&login, "alice", "wrong").await.reply.status, 400);
            }
        }
        native.password_as("alice", "wrong", "openid").await.refused(400, "invalid_grant");
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let page = browser.sign_in(&login).await;
        assert_eq!(page.reply.status, 429);
        assert!(!page.reply.header("retry-after").is_empty() && page.has("login-submit"));
        native.password("openid").await.refused(429, "temporarily_unavailable");
        server.advance(301);
        assert!(browser.sign_in(&page).await.has("consent-allow"));
    }

    /// S064
    async fn s064_credentials_never_travel_in_a_query(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let (interaction, csrf) = (login.hidden("interaction"), login.hidden("csrf"));
        let query = form(&[("interaction", &interaction), ("csrf", &csrf), ("username", "alice"), ("password", PASSWORD)]);
        let page = browser.open(&format!("/login?{query}")).await;
        assert!(page.has("login-submit") && !page.reply.text.contains(PASSWORD));
        browser.post(&format!("/login?{query}"), &[]).await.is_error("unknown_interaction");
        for path in ["/login/cancel", "/account/password", "/account/sign-out", "/account/devices/end", "/account/apps/remove", "/account/apps/stop", "/account/apps/allow"] {
            browser.get(path).await.is_error("method_not_allowed");
        }
    }
}
