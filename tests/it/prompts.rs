//! Which page a person sees before an app gets its answer: OpenID Connect Core §3.1.2.1, §3.1.2.3,
//! §3.1.2.6, §5.5, §11.

use serde_json::json;

use crate::support::{App, Browser, PASSWORD, Server, both, decode_claims};

/// The id token that comes of a request that is answered at once.
async fn id_token(browser: &mut Browser, app: &App, changes: &[(&str, &str)]) -> serde_json::Value {
    let code = browser.get(&app.authorization_url(changes)).await.authorization_response().code();
    decode_claims(&app.exchange(&code).await.ok().text("id_token"))
}

both! {
    /// conformance 3.2-8 and 3.2-18
    async fn core_3_1_2_6_prompt_none_shows_no_page_and_changes_no_cookie(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let silent = app.authorization_url(&[("prompt", "none")]);
        let mut browser = server.browser();
        browser.get(&silent).await.error_response("login_required");
        assert!(browser.cookies.is_empty());
        let login = browser.open(&app.authorization_url(&[])).await;
        browser.get(&silent).await.error_response("login_required");
        let consent = browser.sign_in(&login).await;
        assert!(consent.has("consent-allow"));
        browser.get(&silent).await.error_response("consent_required");
        browser.consent(&consent, "allow").await;
        let cookie = browser.cookie().map(str::to_owned);
        browser.get(&silent).await.authorization_response().code();
        assert_eq!(browser.cookie().map(str::to_owned), cookie);
        // In form_post the error is posted.
        let posted = [("prompt", "none"), ("response_mode", "form_post")];
        let page = server.browser().get(&app.authorization_url(&posted)).await;
        assert_eq!(page.hidden("error"), "login_required");
    }

    /// conformance 3.2-8: `prompt=login` asks again, and asks once.
    async fn core_3_1_2_1_prompt_login_asks_again_and_auth_time_moves(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        let before = id_token(&mut browser, &app, &[]).await;
        server.advance(5);
        let login = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        assert!(login.has("login-submit"));
        assert_eq!(login.field("username").as_deref(), Some("alice"));
        let code = browser.sign_in(&login).await.authorization_response().code();
        let after = decode_claims(&app.exchange(&code).await.ok().text("id_token"));
        assert_eq!(after["sub"], sub.as_str());
        assert!(after["auth_time"].as_i64() > before["auth_time"].as_i64());
        server.advance(5);
        // auth_time is the moment of the proof, not of the single sign-on.
        let silent = id_token(&mut browser, &app, &[("prompt", "none")]).await;
        assert_eq!(silent["auth_time"], after["auth_time"]);
    }

    /// conformance 3.2-9
    async fn core_3_1_2_1_max_age_asks_again_once_it_is_exceeded(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        let first = id_token(&mut browser, &app, &[("max_age", "15000")]).await;
        server.advance(2);
        let second = id_token(&mut browser, &app, &[("max_age", "10000")]).await;
        assert!(first["auth_time"].is_i64());
        assert_eq!(first["auth_time"], second["auth_time"]);
        let silent = app.authorization_url(&[("max_age", "1"), ("prompt", "none")]);
        browser.get(&silent).await.error_response("login_required");
        for age in ["1", "0"] {
            let login = browser.open(&app.authorization_url(&[("max_age", age)])).await;
            let code = browser.sign_in(&login).await.authorization_response().code();
            let claims = decode_claims(&app.exchange(&code).await.ok().text("id_token"));
            assert!(claims["auth_time"].as_i64() >= first["auth_time"].as_i64().map(|at| at + 2));
            server.advance(2);
        }
    }

    /// conformance 3.2-10
    async fn core_3_1_2_1_an_id_token_hint_names_the_person_and_nobody_else_will_do(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let other = server.web_app("other", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        let code = browser.code(&app).await;
        let hint = app.exchange(&code).await.ok().text("id_token");
        // Long expired, and still a hint.
        server.advance(3600);
        let silent = [("prompt", "none"), ("id_token_hint", hint.as_str())];
        assert_eq!(id_token(&mut browser, &app, &silent).await["sub"], sub.as_str());
        assert_eq!(id_token(&mut browser, &other, &silent).await["sub"], sub.as_str());
        let mut bobs = server.browser();
        let login = bobs.open(&app.authorization_url(&[])).await;
        bobs.sign_in_as(&login, "bob", PASSWORD).await.authorization_response().code();
        bobs.get(&app.authorization_url(&silent)).await.error_response("login_required");
        // With a page they may still become the one who is meant; nobody else is taken instead.
        let login = bobs.open(&app.authorization_url(&[("id_token_hint", &hint)])).await;
        let page = bobs.sign_in_as(&login, "bob", PASSWORD).await;
        page.error_response("login_required");
        let login = bobs.open(&app.authorization_url(&[("id_token_hint", &hint)])).await;
        bobs.sign_in(&login).await.authorization_response().code();
        // S106, S111: what we did not sign, or signed as something else, is no hint.
        let (head, rest) = hint.split_once('.').unwrap();
        let (payload, signature) = rest.split_once('.').unwrap();
        let access = app.exchange(&browser.code(&app).await).await.ok().text("access_token");
        for forged in [
            format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}."),
            format!("{head}.{payload}."),
            format!("{head}.{payload}x.{signature}"),
            format!("{hint}.x"),
            access,
        ] {
            let changes = [("id_token_hint", forged.as_str())];
            browser.get(&app.authorization_url(&changes)).await.error_response("invalid_request");
        }
    }

    async fn core_3_1_2_1_two_people_in_one_browser_choose(database) {
        let server = Server::start(&database).await;
        let alice = server.alice().await;
        let bob = server.user("bob", Some(PASSWORD)).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        server.advance(1);
        let login = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        let login = browser.open(&format!("/login?interaction={}&another=1", login.hidden("interaction"))).await;
        browser.sign_in_as(&login, "bob", PASSWORD).await.authorization_response().code();
        // Two people: who is meant?
        let silent = app.authorization_url(&[("prompt", "none")]);
        browser.get(&silent).await.error_response("account_selection_required");
        for (number, sub) in [(1, &bob), (2, &alice)] {
            let chooser = browser.open(&app.authorization_url(&[])).await;
            assert!(chooser.has("account-1") && chooser.has("account-2") && chooser.has("account-other"));
            let session = chooser.reply.text.split("<button").find(|tag| tag.contains(&format!("id=\"account-{number}\""))).unwrap();
            let session = session.split("value=\"").nth(1).unwrap().split('"').next().unwrap();
            let (interaction, csrf) = (chooser.hidden("interaction"), chooser.hidden("csrf"));
            let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("session", session)];
            let code = browser.post("/select-account", &fields).await.authorization_response().code();
            let claims = decode_claims(&app.exchange(&code).await.ok().text("id_token"));
            assert_eq!(claims["sub"], sub.as_str());
        }
        // A hint spares them the choice; wishing to choose brings it back.
        for (hint, sub) in [("bob", &bob), ("ALICE", &alice)] {
            assert_eq!(id_token(&mut browser, &app, &[("login_hint", hint)]).await["sub"], sub.as_str());
        }
        let both = [("prompt", "select_account"), ("login_hint", "bob")];
        assert!(browser.open(&app.authorization_url(&both)).await.has("account-other"));
        // Somebody else: the sign-in page, though two are signed in.
        let chooser = browser.open(&app.authorization_url(&[])).await;
        let (interaction, csrf) = (chooser.hidden("interaction"), chooser.hidden("csrf"));
        let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("session", "")];
        let page = browser.post("/select-account", &fields).await;
        assert!(browser.follow(page).await.has("login-submit"));
        // A session of another browser cannot be chosen.
        let mut stranger = server.browser();
        let login = stranger.open(&app.authorization_url(&[])).await;
        let (interaction, csrf) = (login.hidden("interaction"), login.hidden("csrf"));
        let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("session", "0190f9a4-0000-7000-8000-000000000000")];
        let page = stranger.post("/select-account", &fields).await;
        assert!(stranger.follow(page).await.has("login-submit"));
    }

    /// conformance 3.2-12, 3.4-3: single claims, where they were asked for and nowhere else.
    async fn core_5_5_claims_that_are_asked_for_by_name(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let claims = json!({
            "userinfo": { "name": { "essential": true }, "unheard_of": null },
            "id_token": { "preferred_username": null, "phone_number": null },
        });
        let claims = [("claims", claims.to_string())];
        let claims = [(claims[0].0, claims[0].1.as_str())];
        let tokens = app.exchange(&browser.arrive(&app.authorization_url(&claims)).await.authorization_response().code()).await.ok();
        let id_token = decode_claims(&tokens.text("id_token"));
        assert_eq!(id_token["preferred_username"], "alice");
        assert!(id_token.get("name").is_none() && id_token.get("phone_number").is_none());
        let info = app.userinfo(&tokens.text("access_token")).await.ok().json();
        assert_eq!(info, json!({ "sub": sub, "name": "Alice" }));
        // A refresh changes nothing about that.
        let (access, _) = app.refresh(&tokens.text("refresh_token")).await.pair();
        assert_eq!(app.userinfo(&access).await.ok().json()["name"], "Alice");
        // By scope they are at userinfo alone.
        let by_scope = [("scope", "openid profile email")];
        let tokens = app.exchange(&browser.arrive(&app.authorization_url(&by_scope)).await.authorization_response().code()).await.ok();
        let id_token = decode_claims(&tokens.text("id_token"));
        assert!(id_token.get("name").is_none() && id_token.get("email").is_none());
        let info = app.userinfo(&tokens.text("access_token")).await.ok().json();
        assert_eq!((info["name"].as_str(), info["email_verified"].as_bool()), (Some("Alice"), Some(true)));
    }

    /// conformance 3.2-11
    async fn core_5_5_1_1_acr_is_promised_or_refused(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        assert_eq!(id_token(&mut browser, &app, &[("acr_values", "2 1")]).await["acr"], "1");
        let essential = r#"{"id_token":{"acr":{"essential":true,"values":["2","1"]}}}"#;
        assert_eq!(id_token(&mut browser, &app, &[("claims", essential)]).await["acr"], "1");
        let unmet = r#"{"id_token":{"acr":{"essential":true,"values":["2"]}}}"#;
        let page = browser.get(&app.authorization_url(&[("claims", unmet)])).await;
        page.error_response("unmet_authentication_requirements");
        // The one `sub` that will do.
        let theirs = format!(r#"{{"id_token":{{"sub":{{"value":"{sub}"}}}}}}"#);
        assert_eq!(id_token(&mut browser, &app, &[("claims", &theirs)]).await["sub"], sub.as_str());
        let other = r#"{"id_token":{"sub":{"value":"somebody"}}}"#;
        let silent = [("claims", other), ("prompt", "none")];
        browser.get(&app.authorization_url(&silent)).await.error_response("login_required");
    }

    /// conformance 3.5-1
    async fn core_11_offline_access_needs_a_yes(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let first_party = server.web_app("own", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        let mut granted = async |app: &App, prompt: &str| {
            let changes = [("scope", "openid offline_access"), ("prompt", prompt)];
            let code = browser.arrive(&app.authorization_url(&changes)).await.authorization_response().code();
            app.exchange(&code).await.ok().text("scope")
        };
        assert_eq!(granted(&app, "").await, "openid");
        assert_eq!(granted(&app, "consent").await, "offline_access openid");
        // What was allowed before is not enough: the person is asked each time.
        assert_eq!(granted(&app, "").await, "openid");
        assert_eq!(granted(&first_party, "").await, "offline_access openid");
    }
}
