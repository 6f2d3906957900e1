//! Pushed authorization requests, RFC 9126.

use futures_util::future::join_all;
use mapae::domain::client::{AuthMethod, ClientKind};
use mapae::domain::scope::Scope;

use crate::support::{App, Browser, CALLBACK, Page, Reply, STATE, Server, both};

/// Brings a person to the consent page of a pushed request.
async fn until_consent(browser: &mut Browser, url: &str) -> Page {
    let login = browser.open(url).await;
    let consent = browser.sign_in(&login).await;
    assert!(consent.has("consent-allow"), "{consent:?}");
    consent
}

async fn pushed(app: &App, changes: &[(&str, &str)]) -> Reply {
    let reply = app.push(changes).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply
}

const ROWS: &str = "SELECT count(*) AS n FROM pushed_request";

both! {
    async fn rfc9126_2_2_a_request_that_was_pushed_brings_one_code(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let reply = pushed(&app, &[]).await;
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.json()["expires_in"], 60);
        let request_uri = reply.text("request_uri");
        let secret = request_uri.strip_prefix("urn:ietf:params:oauth:request_uri:").unwrap();
        assert!(secret.len() >= 43, "{secret}");
        assert_eq!(server.evidence().await.count(ROWS).await, 1);

        let (url, mut browser) = (app.pushed_url(&reply), server.browser());
        // RFC 9126 §4: what stands beside it does not count.
        let beside = format!("{url}&state=other&redirect_uri=https%3A%2F%2Fevil.example&scope=admin&nonce=x");
        assert!(browser.open(&beside).await.has("login-submit"));
        // Loading it again before the end works.
        let consent = until_consent(&mut browser, &url).await;
        let again = browser.open(&url).await;
        assert!(again.has("consent-allow"), "{again:?}");
        let heard = browser.consent(&consent, "allow").await.authorization_response();
        assert_eq!((heard.get("state"), heard.get("iss")), (STATE, server.issuer()));
        app.exchange(&heard.code()).await.ok();
        // It is used up: in the same browser, on the other page that is open, and in another browser.
        browser.get(&url).await.is_error("invalid_request_uri");
        browser.consent(&again, "allow").await.error_response("invalid_request_uri");
        server.browser().get(&url).await.is_error("invalid_request_uri");
    }

    async fn rfc9126_4_a_request_uri_is_good_for_sixty_seconds_and_the_person_takes_their_time(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let (slow, late) = (pushed(&app, &[]).await, pushed(&app, &[]).await);
        let mut browser = server.browser();
        server.advance(59);
        let login = browser.open(&app.pushed_url(&slow)).await;
        server.advance(1);
        browser.get(&app.pushed_url(&late)).await.is_error("invalid_request_uri");
        browser.get(&app.pushed_url(&slow)).await.is_error("invalid_request_uri");
        server.advance(20 * 60);
        let consent = browser.sign_in(&login).await;
        let heard = browser.consent(&consent, "allow").await.authorization_response();
        app.exchange(&heard.code()).await.ok();
    }

    async fn rfc9126_2_2_a_request_uri_belongs_to_the_client_that_pushed(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let other = server.web_app("other", |_| {}).await;
        let reply = pushed(&app, &[]).await;
        server.browser().get(&other.pushed_url(&reply)).await.is_error("invalid_request_uri");
        let made_up = app.pushed_url(&reply).replace("mapae_pr_", "mapae_pr_x");
        server.browser().get(&made_up).await.is_error("invalid_request_uri");
        // The browser may bring it by POST as well.
        let body = [("client_id", "app"), ("request_uri", &reply.text("request_uri"))];
        let mut browser = server.browser();
        let page = browser.post("/authorize", &body).await;
        assert!(browser.follow(page).await.has("login-submit"));
        // What is registered now counts.
        server.change("app", |client| client.metadata.redirect_uris = vec!["https://app.example.com/new".to_owned()]).await;
        server.browser().get(&app.pushed_url(&reply)).await.is_error("invalid_request_uri");
    }

    async fn rfc9126_2_parallel_completions_bring_one_code(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let url = app.pushed_url(&pushed(&app, &[]).await);
        let mut waiting = Vec::new();
        for _ in 0..6 {
            let mut browser = server.browser();
            let consent = until_consent(&mut browser, &url).await;
            waiting.push((browser, consent));
        }
        let answers = waiting.iter_mut().map(|(browser, consent)| browser.consent(consent, "allow"));
        let heard: Vec<_> = join_all(answers).await.iter().map(Page::authorization_response).collect();
        let codes: Vec<_> = heard.iter().filter(|heard| !heard.get("code").is_empty()).collect();
        assert_eq!(codes.len(), 1, "{heard:?}");
        assert_eq!(heard.iter().filter(|heard| heard.get("error") == "invalid_request_uri").count(), 5);
        app.exchange(&codes[0].code()).await.ok();
    }

    /// A browser that is told twice to send the form drops the first answer, which has the code.
    async fn rfc9126_2_a_second_click_gets_an_answer_too(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let url = app.pushed_url(&pushed(&app, &[]).await);
        let mut browser = server.browser();
        let consent = until_consent(&mut browser, &url).await;
        browser.consent(&consent, "allow").await.authorization_response().code();
        let code = browser.consent(&consent, "allow").await.authorization_response().code();
        app.exchange(&code).await.ok();
        browser.get(&url).await.is_error("invalid_request_uri");
    }

    async fn rfc9126_2_a_person_who_says_no_uses_it_up(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let url = app.pushed_url(&pushed(&app, &[]).await);
        let mut browser = server.browser();
        let consent = until_consent(&mut browser, &url).await;
        browser.consent(&consent, "deny").await.error_response("access_denied");
        browser.get(&url).await.is_error("invalid_request_uri");
    }

    /// S141, and conformance 2.7: everything that is refused at `/authorize` is refused here.
    async fn rfc9126_2_3_what_is_wrong_is_told_to_the_client_at_once(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        server.client("other", |client| client.metadata.scope = Scope::parse("admin").unwrap()).await;
        let long = "x".repeat(5000);
        for (changes, error) in [
            (vec![("request_uri", "urn:ietf:params:oauth:request_uri:mapae_pr_x")], "invalid_request"),
            (vec![("request_uri", "https://rp.example/request")], "invalid_request"),
            (vec![("redirect_uri", "")], "invalid_request"),
            (vec![("redirect_uri", "https://evil.example/callback")], "invalid_request"),
            (vec![("response_type", "")], "invalid_request"),
            (vec![("response_type", "code id_token")], "unsupported_response_type"),
            (vec![("response_type", "token")], "unsupported_response_type"),
            (vec![("response_mode", "web_message")], "invalid_request"),
            (vec![("scope", "openid admin")], "invalid_scope"),
            (vec![("resource", "https://elsewhere.example")], "invalid_target"),
            (vec![("code_challenge_method", "plain")], "invalid_request"),
            (vec![("code_challenge", ""), ("code_challenge_method", ""), ("nonce", "")], "invalid_request"),
            (vec![("prompt", "none login")], "invalid_request"),
            (vec![("max_age", "-1")], "invalid_request"),
            (vec![("claims", "{")], "invalid_request"),
            (vec![("state", &long)], "invalid_request"),
        ] {
            app.push(&changes).await.refused(400, error);
        }
        App { secret: Some("mapae_cs_wrong".to_owned()), ..app.clone() }.push(&[]).await.refused(401, "invalid_client");
        let body = format!("state={}", "x".repeat(70_000));
        let large = server.http.post(server.url("/par")).basic_auth("app", app.secret.as_ref())
            .header("content-type", "application/x-www-form-urlencoded").body(body);
        Reply::of(large.send().await.unwrap()).await.refused(413, "invalid_request");
        assert_eq!(server.evidence().await.count(ROWS).await, 0);
    }

    /// S143
    async fn rfc9126_5_who_must_push_is_refused_at_the_authorization_endpoint(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |client| client.metadata.require_pushed_authorization_requests = true).await;
        let free = server.web_app("free", |_| {}).await;
        let heard = server.browser().get(&app.authorization_url(&[])).await;
        assert_eq!(heard.error_response("invalid_request").get("state"), STATE);
        let foreign = app.authorization_url(&[("request_uri", "https://rp.example/request")]);
        server.browser().get(&foreign).await.error_response("request_uri_not_supported");
        assert!(server.browser().open(&app.pushed_url(&pushed(&app, &[]).await)).await.has("login-submit"));
        assert!(server.browser().open(&free.authorization_url(&[])).await.has("login-submit"));
        assert_eq!(free.metadata().await["require_pushed_authorization_requests"], false);

        let server = Server::start_with(&database, &[("par.required", "true")]).await;
        let app = server.web_app("strict", |_| {}).await;
        server.browser().get(&app.authorization_url(&[])).await.error_response("invalid_request");
        assert!(server.browser().open(&app.pushed_url(&pushed(&app, &[]).await)).await.has("login-submit"));
        assert_eq!(app.metadata().await["require_pushed_authorization_requests"], true);
    }

    async fn rfc9126_2_a_public_client_may_push_as_much_as_one_address_may(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("spa", |client| {
            client.kind = ClientKind::Public;
            client.metadata.token_endpoint_auth_method = AuthMethod::None;
        }).await;
        let first = pushed(&app, &[("redirect_uri", CALLBACK)]).await;
        assert!(server.browser().open(&app.pushed_url(&first)).await.has("login-submit"));
        let replies = join_all((0..130).map(|_| app.push(&[]))).await;
        let refused: Vec<_> = replies.iter().filter(|reply| reply.status != 201).collect();
        assert_eq!(refused.len(), 11);
        refused[0].refused(429, "temporarily_unavailable");
        assert_eq!(refused[0].header("retry-after"), "1");
        server.advance(1);
        pushed(&app, &[]).await;
        // Whoever proves who they are is not bounded by it.
        let own = server.web_app("own", |_| {}).await;
        pushed(&own, &[]).await;
    }
}
