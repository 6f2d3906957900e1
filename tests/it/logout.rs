//! RP-Initiated Logout: conformance 2.5 and 3.6, security cases S133, S134, S137.

use mapae::domain::session::SessionId;
use mapae::store::sessions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::held_proofs::{PATIENT, wait_for};
use crate::support::{
    App, Browser, Database, PASSWORD, Page, STATE, Server, both, eventually, form, postgres_or_skip,
};
use crate::throttle::begin;

const BYE: &str = "https://app.example.com/bye?x=1";

async fn app(server: &Server, id: &str) -> App {
    server
        .web_app(id, |client| {
            client.metadata.first_party = true;
            client.metadata.post_logout_redirect_uris = vec![BYE.to_owned()];
        })
        .await
}

/// A browser in which Alice is signed in, and the id token of that.
async fn signed_in(server: &Server, app: &App) -> (Browser, String) {
    let mut browser = server.browser();
    let code = browser.code(app).await;
    (browser, app.exchange(&code).await.ok().text("id_token"))
}

async fn logout(browser: &mut Browser, fields: &[(&str, &str)]) -> Page {
    browser.open(&format!("/logout?{}", form(fields))).await
}

async fn is_signed_in(browser: &Browser, app: &App) -> bool {
    let page = browser.clone().get(&app.authorization_url(&[("prompt", "none")])).await;
    page.authorization_response().get("error").is_empty()
}

async fn confirm(browser: &mut Browser, page: &Page, answer: &str) -> Page {
    let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
    let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("answer", answer)];
    let page = browser.post("/logout/confirm", &fields).await;
    browser.follow(page).await
}

both! {
    async fn rp_initiated_logout_2_a_hint_that_proves_the_person_signs_them_out(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, "app").await;
        for (expired, state) in [(false, Some(STATE)), (true, Some("s")), (false, None)] {
            let (mut browser, hint) = signed_in(&server, &app).await;
            if expired {
                server.advance(3600);
            }
            let mut fields = vec![("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE)];
            fields.extend(state.map(|state| ("state", state)));
            let before = browser.clone();
            let page = logout(&mut browser, &fields).await;
            assert_eq!(page.reply.status, 303);
            // Nothing but `state` is added.
            let expected = state.map_or(BYE.to_owned(), |state| format!("{BYE}&{}", form(&[("state", state)])));
            assert_eq!(page.location(), Some(expected.as_str()));
            assert!(!is_signed_in(&browser, &app).await && !is_signed_in(&before, &app).await);
            assert!(browser.open(&app.authorization_url(&[])).await.has("login-submit"));
        }
    }

    async fn rp_initiated_logout_3_1_only_a_registered_uri_is_redirected_to(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, "app").await;
        let other = server.web_app("other", |client| client.metadata.first_party = true).await;
        let (mut browser, hint) = signed_in(&server, &app).await;
        for uri in [
            "https://app.example.com/other",
            "https://app.example.com/bye?x=1&foo=bar",
            "https://app.example.com/bye",
            "https://evil.example/",
            "javascript:alert(1)",
            "//evil.example",
        ] {
            for named in [("id_token_hint", hint.as_str()), ("client_id", app.id.as_str())] {
                logout(&mut browser, &[named, ("post_logout_redirect_uri", uri)]).await.is_error("invalid_request");
            }
        }
        // Another client's URI, an unknown client, and a URI of nobody.
        for named in [("client_id", "other"), ("client_id", "unknown"), ("x", "y")] {
            logout(&mut browser, &[named, ("post_logout_redirect_uri", BYE)]).await.is_error("invalid_request");
        }
        let both = [("id_token_hint", hint.as_str()), ("client_id", "other")];
        logout(&mut browser, &both).await.is_error("invalid_request");
        assert!(is_signed_in(&browser, &app).await && is_signed_in(&browser, &other).await);
    }

    async fn rp_initiated_logout_2_a_hint_must_be_an_id_token_of_ours(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, "app").await;
        let elsewhere = Server::start(&database).await;
        elsewhere.alice().await;
        let (_, foreign) = signed_in(&elsewhere, &self::app(&elsewhere, "app").await).await;
        let (mut browser, hint) = signed_in(&server, &app).await;
        let access = app.exchange(&browser.code(&app).await).await.ok().text("access_token");
        let payload = hint.split('.').nth(1).unwrap();
        let modified = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
        for bad in [foreign.as_str(), &modified, &access, "nonsense"] {
            let fields = [("id_token_hint", bad), ("post_logout_redirect_uri", BYE), ("state", "s")];
            logout(&mut browser, &fields).await.is_error("invalid_request");
        }
        assert!(is_signed_in(&browser, &app).await);
    }

    /// No page can sign anybody out: without a hint that proves the person they are asked.
    async fn s133_without_a_hint_the_person_is_asked(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, "app").await;
        let (mut browser, _) = signed_in(&server, &app).await;
        for fields in [
            vec![],
            vec![("state", "s")],
            vec![("client_id", "app"), ("post_logout_redirect_uri", BYE), ("state", "s")],
        ] {
            let page = logout(&mut browser, &fields).await;
            assert!(page.has("logout-confirm"), "{page:?}");
            assert!(is_signed_in(&browser, &app).await);
        }
        let page = logout(&mut browser, &[]).await;
        let stayed = confirm(&mut browser, &page, "no").await;
        assert_eq!(stayed.reply.status, 200);
        assert!(is_signed_in(&browser, &app).await);
        confirm(&mut browser, &page, "yes").await.is_error("already_done");
        let page = logout(&mut browser, &[("state", "s")]).await;
        let out = confirm(&mut browser, &page, "yes").await;
        assert_eq!((out.reply.status.as_u16(), out.location()), (200, None));
        assert!(out.reply.text.contains("You’re signed out"));
        assert!(!is_signed_in(&browser, &app).await);
        // Nobody is signed in any more: nobody is asked.
        assert!(logout(&mut browser, &[]).await.reply.text.contains("You’re signed out"));
        let fields = [("client_id", "app"), ("post_logout_redirect_uri", BYE), ("state", "s")];
        let back = logout(&mut browser, &fields).await;
        assert_eq!(back.location(), Some(format!("{BYE}&state=s").as_str()));
        // With a client's URI the answer of the page leads there.
        let (mut browser, _) = signed_in(&server, &app).await;
        let page = logout(&mut browser, &fields).await;
        let policy = page.reply.header("content-security-policy").to_owned();
        assert!(policy.contains("form-action 'self';"), "{policy}");
        assert_eq!(confirm(&mut browser, &page, "yes").await.location(), Some(format!("{BYE}&state=s").as_str()));
    }

    /// An image, a frame or a script of another page signs nobody out, even with a hint.
    async fn s133_only_a_navigation_signs_out(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, "app").await;
        let (browser, hint) = signed_in(&server, &app).await;
        let path = format!("/logout?{}", form(&[("id_token_hint", &hint)]));
        for (mode, dest) in [("no-cors", "image"), ("navigate", "iframe"), ("cors", "empty"), ("navigate", "frame")] {
            let mut lured = browser.clone().saying("sec-fetch-mode", mode).saying("sec-fetch-dest", dest);
            assert!(lured.open(&path).await.has("logout-confirm"), "{mode} {dest}");
            assert!(is_signed_in(&browser, &app).await);
        }
        let mut going = browser.clone().saying("sec-fetch-mode", "navigate").saying("sec-fetch-dest", "document");
        assert!(going.open(&path).await.reply.text.contains("You’re signed out"));
        assert!(!is_signed_in(&browser, &app).await);
    }

    async fn rp_initiated_logout_2_a_request_by_post_comes_back_by_get(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, "app").await;
        let (mut browser, hint) = signed_in(&server, &app).await;
        let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s")];
        // A cross-site POST brings no cookies.
        let posted = server.browser().saying("origin", "https://app.example.com").post("/logout", &fields).await;
        assert_eq!(posted.reply.status, 303);
        assert!(is_signed_in(&browser, &app).await);
        let back = posted.location().unwrap().to_owned();
        assert!(!back.contains(&hint), "the hint does not travel in a URL");
        assert_eq!(browser.open(&back).await.location(), Some(format!("{BYE}&state=s").as_str()));
        assert!(!is_signed_in(&browser, &app).await);
        let wrong = [("post_logout_redirect_uri", "https://evil.example")];
        server.browser().post("/logout", &wrong).await.is_error("invalid_request");
    }

    /// S134: what was granted in the session ends with it, but for `offline_access`.
    async fn core_11_signing_out_ends_what_was_granted_in_the_session(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, "app").await;
        let other = self::app(&server, "other").await;
        let (mut browser, hint) = signed_in(&server, &app).await;
        let (access, refresh) = app.exchange(&browser.code(&app).await).await.pair();
        let (_, theirs) = other.exchange(&browser.code(&other).await).await.pair();
        let offline = [("scope", "openid offline_access")];
        let code = browser.get(&app.authorization_url(&offline)).await.authorization_response().code();
        let (_, offline) = app.exchange(&code).await.pair();
        let in_flight = browser.code(&app).await;
        // Elsewhere the same person stays signed in.
        let (elsewhere, _) = signed_in(&server, &app).await;
        logout(&mut browser, &[("id_token_hint", &hint)]).await;
        assert!(!app.is_active(&access).await);
        assert_eq!(app.userinfo(&access).await.status, 401);
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        other.refresh(&theirs).await.refused(400, "invalid_grant");
        app.exchange(&in_flight).await.refused(400, "invalid_grant");
        app.refresh(&offline).await.ok();
        assert!(is_signed_in(&elsewhere, &app).await);
    }

    async fn a_hint_signs_out_whom_it_names_and_nobody_else(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = app(&server, "app").await;
        let (mut browser, hint) = signed_in(&server, &app).await;
        server.advance(1);
        let login = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        let login = browser.open(&format!("/login?interaction={}&another=1", login.hidden("interaction"))).await;
        browser.sign_in_as(&login, "bob", PASSWORD).await.authorization_response().code();
        let mut bobs = server.browser();
        let login = bobs.open(&app.authorization_url(&[])).await;
        bobs.sign_in_as(&login, "bob", PASSWORD).await.authorization_response().code();
        // Alice's hint proves nothing about Bob: he is asked.
        assert!(logout(&mut bobs, &[("id_token_hint", &hint)]).await.has("logout-confirm"));
        // Where both are signed in it signs out Alice alone.
        logout(&mut browser, &[("id_token_hint", &hint)]).await;
        let code = browser.get(&app.authorization_url(&[("prompt", "none")])).await.authorization_response().code();
        let access = app.exchange(&code).await.ok().text("access_token");
        let userinfo_of_bob = app.userinfo(&access).await.ok().json();
        assert!(userinfo_of_bob["sub"] != crate::support::decode_claims(&hint)["sub"]);
        // Without one the question is about everybody in the browser.
        let login = browser.open(&app.authorization_url(&[("prompt", "select_account")])).await;
        let login = browser.open(&format!("/login?interaction={}&another=1", login.hidden("interaction"))).await;
        browser.sign_in(&login).await.authorization_response().code();
        let page = logout(&mut browser, &[]).await;
        confirm(&mut browser, &page, "yes").await;
        assert!(!is_signed_in(&browser, &app).await);
        assert!(browser.open(&app.authorization_url(&[])).await.has("login-submit"));
    }

    async fn a_sign_out_that_fails_ends_nothing_and_is_never_said_to_be_done(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, "app").await;
        let (mut browser, _) = signed_in(&server, &app).await;
        let page = logout(&mut browser, &[]).await;
        let evidence = server.evidence().await;
        let (breaks, mends) = match database {
            Database::Sqlite => (
                &["CREATE TRIGGER breaks BEFORE DELETE ON session BEGIN SELECT RAISE(ABORT, 'broken'); END"][..],
                "DROP TRIGGER breaks",
            ),
            Database::Postgres { .. } => (
                &[
                    "CREATE FUNCTION break_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''broken''; END'",
                    "CREATE TRIGGER breaks BEFORE DELETE ON session FOR EACH ROW EXECUTE FUNCTION break_it()",
                ][..],
                "DROP TRIGGER breaks ON session",
            ),
        };
        for sql in breaks {
            evidence.run(sql).await;
        }
        for _ in 0..2 {
            let failed = confirm(&mut browser, &page, "yes").await;
            assert!(failed.reply.status.is_server_error(), "{failed:?}");
            assert!(!failed.reply.text.contains("You’re signed out"), "{failed:?}");
            assert!(is_signed_in(&browser, &app).await);
        }
        evidence.run(mends).await;
        let mut before = browser.clone();
        let out = confirm(&mut browser, &page, "yes").await;
        assert!(out.reply.text.contains("You’re signed out"), "{out:?}");
        for browser in [&mut browser, &mut before] {
            assert!(!is_signed_in(browser, &app).await);
            assert!(browser.open("/account").await.has("login-submit"));
        }
        assert_eq!(evidence.events_of("session.ended").await.len(), 1);
    }

    async fn a_second_click_signs_out_who_has_signed_in_again(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, "app").await;
        let (mut browser, _) = signed_in(&server, &app).await;
        let page = logout(&mut browser, &[]).await;
        for _ in 0..2 {
            browser.code(&app).await;
            assert!(is_signed_in(&browser, &app).await);
            let out = confirm(&mut browser, &page, "yes").await;
            assert!(out.reply.text.contains("You’re signed out"), "{out:?}");
            assert!(!is_signed_in(&browser, &app).await);
        }
        // Much later it is no second click.
        browser.code(&app).await;
        server.advance(31);
        confirm(&mut browser, &page, "yes").await.is_error("already_done");
        assert!(is_signed_in(&browser, &app).await);
    }
}

/// Whoever closes a shared computer right after the click is signed out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_out_goes_on_when_the_browser_goes_away() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start_with(&database, &PATIENT).await;
    server.alice().await;
    let app = app(&server, "app").await;
    let (mut browser, _) = signed_in(&server, &app).await;
    let session = SessionId::from_stored(browser.open("/account/devices").await.hidden("session"));
    let page = logout(&mut browser, &[]).await;
    let store = &server.inner.services().store;
    let tx = store.begin(server.now().now()).await.expect("a transaction");
    assert!(sessions::lock(&tx, &session).await.expect("locked").is_some());
    let jar = browser.cookies.iter().map(|(name, value)| format!("{name}={value}"));
    let head = format!("cookie: {}\r\n", jar.collect::<Vec<_>>().join("; "));
    let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
    let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("answer", "yes")];
    let mut connection = begin(&server, "/logout/confirm", &head, &fields).await;
    wait_for(&server, &database, 1).await;
    // The server hangs up as soon as it sees that the browser did.
    connection.shutdown().await.expect("hung up");
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.expect("the end");
    assert_eq!(answer, b"", "nobody was there to be answered");
    tx.abandon().await;
    let evidence = server.evidence().await;
    let open = "SELECT count(*) AS n FROM session";
    eventually("the session is over", async || evidence.count(open).await == 0).await;
    assert!(!is_signed_in(&browser, &app).await);
}
