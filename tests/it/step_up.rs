//! How strong a sign-in is, and what an app asks for: OpenID Connect Core §2, §3.1.2.1, §5.5.1.1,
//! RFC 8176, RFC 9470.

use mapae::domain::authentication::Acr;
use serde_json::{Value, json};

use crate::support::{App, Browser, PASSWORD, Page, Server, both, decode_claims};

async fn first_party(server: &Server) -> App {
    server.web_app("app", |client| client.metadata.first_party = true).await
}

/// The claims of both tokens.
async fn claims(app: &App, page: &Page) -> (Value, Value) {
    let reply = app.exchange(&page.authorization_response().code()).await.ok();
    (decode_claims(&reply.text("id_token")), decode_claims(&reply.text("access_token")))
}

async fn skip(browser: &mut Browser, page: &Page) -> Page {
    let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
    let fields = [("interaction", interaction.as_str()), ("csrf", &csrf)];
    let page = browser.post("/login/second-factor/skip", &fields).await;
    browser.follow(page).await
}

const ESSENTIAL: &str = r#"{"id_token":{"acr":{"essential":true,"values":["2"]}}}"#;

both! {
    async fn core_2_acr_amr_and_auth_time_are_in_both_tokens_and_a_refresh_keeps_them(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let authenticator = server.browser().enroll(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let asked = browser.sign_in(&login).await;
        let first = server.now().now().timestamp();
        server.advance(20);
        let page = browser.second_factor(&asked, &[("code", &authenticator.code(&server, 0))]).await;
        let reply = app.exchange(&page.authorization_response().code()).await.ok();
        let (access, refresh) = reply.pair();
        let seen = app.introspect(&access).await;
        server.advance(100);
        let again = app.refresh(&refresh).await.ok();
        let id = |reply: &crate::support::Reply| decode_claims(&reply.text("id_token"));
        let (before, after) = (decode_claims(&access), decode_claims(&again.text("access_token")));
        for claims in [&seen, &before, &after, &id(&again)] {
            assert_eq!(claims["acr"], "2", "{claims}");
            assert_eq!(claims["amr"], json!(["pwd", "otp", "mfa"]), "{claims}");
            // The older of the two proofs.
            assert_eq!(claims["auth_time"], first, "{claims}");
        }
        let metadata = browser.get("/.well-known/openid-configuration").await.reply.json();
        assert_eq!(metadata["acr_values_supported"], json!(["1", "2", "phr"]));
    }

    async fn core_3_1_2_1_max_age_asks_for_both_factors(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let authenticator = server.browser().enroll(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let asked = browser.sign_in(&login).await;
        server.advance(20);
        browser.second_factor(&asked, &[("code", &authenticator.code(&server, 0))]).await;
        server.advance(30);
        browser.get(&app.authorization_url(&[("max_age", "50")])).await.authorization_response().code();
        // 50 seconds since the password, 30 since the code.
        for change in [("max_age", "49"), ("prompt", "login")] {
            let login = browser.open(&app.authorization_url(&[change])).await;
            assert!(login.has("login-submit"), "{}", login.reply.text);
            let asked = browser.sign_in(&login).await;
            assert!(asked.has("totp-submit"));
            let code = authenticator.code(&server, 0);
            let page = browser.second_factor(&asked, &[("code", &code)]).await;
            let (id, _) = claims(&app, &page).await;
            assert_eq!(id["auth_time"], server.now().now().timestamp());
            server.advance(60);
        }
    }

    /// A session of one factor, of an account that has two, and requests for more.
    async fn core_3_1_2_1_who_can_meet_a_wish_is_asked_for_it_and_cannot_skip_it(database) {
        let server = Server::start_with(&database, &[("mfa.remember", "true")]).await;
        server.alice().await;
        let app = first_party(&server).await;
        let authenticator = server.browser().enroll(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let asked = browser.sign_in(&login).await;
        let code = authenticator.code(&server, 0);
        browser.second_factor(&asked, &[("code", &code), ("remember", "1")]).await;
        server.advance(1);
        let login = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        let page = browser.sign_in(&login).await;
        assert_eq!(claims(&app, &page).await.0["acr"], "1", "remembered");
        server.advance(60);
        let wish = app.authorization_url(&[("acr_values", "2")]);
        let silent = app.authorization_url(&[("acr_values", "2"), ("prompt", "none")]);
        browser.get(&silent).await.error_response("interaction_required");
        let essential = app.authorization_url(&[("claims", ESSENTIAL), ("prompt", "none")]);
        browser.get(&essential).await.error_response("unmet_authentication_requirements");
        let either = app.authorization_url(&[("acr_values", "2 1"), ("prompt", "none")]);
        assert_eq!(claims(&app, &browser.get(&either).await).await.0["acr"], "1");
        let mut asked = Vec::new();
        for url in [&wish, &app.authorization_url(&[("claims", ESSENTIAL)])] {
            let page = browser.open(url).await;
            assert!(page.has("totp-submit") && !page.has("factor-skip"), "{}", page.reply.text);
            let still = skip(&mut browser, &page).await;
            assert!(still.has("totp-submit"), "who has a factor proves it");
            asked.push(page);
        }
        let asked = asked.pop().expect("a page");
        let before = browser.cookie().map(str::to_owned);
        let page = browser.second_factor(&asked, &[("code", &authenticator.code(&server, 0))]).await;
        let (id, access) = claims(&app, &page).await;
        assert_eq!((&id["acr"], &access["acr"]), (&json!("2"), &json!("2")));
        assert_ne!(browser.cookie().map(str::to_owned), before, "S066");
        // Now the session has it: no page, and the token says the first value that is met.
        let page = browser.get(&silent).await;
        assert_eq!(claims(&app, &page).await.0["acr"], "2");
        let page = browser.get(&app.authorization_url(&[("acr_values", "1 2")])).await;
        assert_eq!(claims(&app, &page).await.0["acr"], "1");
        let page = browser.get(&app.authorization_url(&[("acr_values", "phr")])).await;
        assert_eq!(claims(&app, &page).await.0["acr"], "2", "nobody can reach phr");
    }

    async fn core_5_5_1_1_who_has_no_factor_is_offered_one_or_refused(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[("acr_values", "2")])).await;
        let offered = browser.sign_in(&login).await;
        assert!(offered.has("totp-secret") && offered.has("factor-skip"), "{}", offered.reply.text);
        let page = skip(&mut browser, &offered).await;
        assert_eq!(claims(&app, &page).await.0["acr"], "1");
        let silent = app.authorization_url(&[("acr_values", "2"), ("prompt", "none")]);
        browser.get(&silent).await.error_response("interaction_required");
        let essential = app.authorization_url(&[("claims", ESSENTIAL)]);
        browser.get(&essential).await.error_response("unmet_authentication_requirements");
        // A thief of an old session sets nothing up: nothing is offered to it.
        server.advance(301);
        let page = browser.get(&app.authorization_url(&[("acr_values", "2")])).await;
        assert_eq!(claims(&app, &page).await.0["acr"], "1");
    }

    async fn default_acr_values_of_a_client_make_a_second_factor_due(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let strict = server.web_app("strict", |client| {
            client.metadata.first_party = true;
            client.metadata.default_acr_values = Some(vec![Acr::Two]);
        });
        let strict = strict.await;
        let mut browser = server.browser();
        browser.code(&app).await;
        let silent = strict.authorization_url(&[("prompt", "none")]);
        browser.get(&silent).await.error_response("interaction_required");
        // A request cannot ask for less than what the operator says.
        for change in [("acr_values", ""), ("acr_values", "1")] {
            let login = browser.open(&strict.authorization_url(&[change])).await;
            assert!(login.has("login-submit"), "{}", login.reply.text);
            let page = browser.sign_in(&login).await;
            assert!(page.has("totp-confirm") && !page.has("factor-skip"), "{}", page.reply.text);
        }
        // The account itself and other apps are as before.
        assert!(server.browser().open(&app.authorization_url(&[])).await.has("login-submit"));
        let mut other = server.browser();
        let login = other.open("/account/security").await;
        assert!(other.sign_in(&login).await.has("account-sign-out"));
    }

    async fn a_remembered_browser_does_not_cancel_what_a_client_asks_for(database) {
        let server = Server::start_with(&database, &[("mfa.remember", "true")]).await;
        server.alice().await;
        let app = first_party(&server).await;
        let strict = server.web_app("strict", |client| {
            client.metadata.first_party = true;
            client.metadata.default_acr_values = Some(vec![Acr::Two]);
        });
        let strict = strict.await;
        let authenticator = server.browser().enroll(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let asked = browser.sign_in(&login).await;
        let code = authenticator.code(&server, 0);
        browser.second_factor(&asked, &[("code", &code), ("remember", "1")]).await;
        server.advance(60);
        let login = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        let page = browser.sign_in(&login).await;
        assert_eq!(claims(&app, &page).await.0["acr"], "1", "remembered");
        // The client asks for two factors by its registration, whatever the request says.
        for change in [("acr_values", ""), ("acr_values", "1"), ("prompt", "login")] {
            let mut page = browser.open(&strict.authorization_url(&[change])).await;
            if page.has("login-submit") {
                page = browser.sign_in(&page).await;
            }
            assert!(page.has("totp-submit") && !page.has("factor-skip"), "{}", page.reply.text);
            let still = skip(&mut browser, &page).await;
            assert!(still.has("totp-submit"), "{}", still.reply.text);
        }
        let silent = strict.authorization_url(&[("prompt", "none")]);
        browser.get(&silent).await.error_response("interaction_required");
        let asked = browser.open(&strict.authorization_url(&[])).await;
        let page = browser.second_factor(&asked, &[("code", &authenticator.code(&server, 0))]).await;
        assert_eq!(claims(&strict, &page).await.0["acr"], "2");
    }

    async fn who_goes_on_without_a_factor_says_so_for_themselves_alone(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let url = app.authorization_url(&[("acr_values", "2")]);
        let login = browser.open(&url).await;
        let offered = browser.sign_in(&login).await;
        let consent = skip(&mut browser, &offered).await;
        assert!(consent.has("consent-allow"), "{}", consent.reply.text);
        // In the same interaction somebody else signs in, and is offered a factor, too.
        let interaction = consent.hidden("interaction");
        let login = browser.open(&format!("/login?interaction={interaction}&another=1")).await;
        let page = browser.sign_in_as(&login, "bob", PASSWORD).await;
        assert!(page.has("totp-secret") && page.has("factor-skip"), "{}", page.reply.text);
    }

    /// An API that answers as RFC 9470 says, and an app that does what its answer asks for.
    async fn rfc9470_3_a_resource_server_asks_for_more_and_gets_it(database) {
        let server = Server::start_with(&database, &[("mfa.remember", "true")]).await;
        server.alice().await;
        let app = first_party(&server).await;
        let authenticator = server.browser().enroll(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let asked = browser.sign_in(&login).await;
        let code = authenticator.code(&server, 0);
        browser.second_factor(&asked, &[("code", &code), ("remember", "1")]).await;
        server.advance(60);
        let login = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        let page = browser.sign_in(&login).await;
        let (_, weak) = claims(&app, &page).await;
        let now = || server.now().now().timestamp();
        let answer = api(&weak, now()).expect_err("too weak");
        assert_eq!(
            answer,
            "Bearer error=\"insufficient_user_authentication\", acr_values=\"2\", max_age=\"300\""
        );
        let parameter = |name: &str| {
            let (_, behind) = answer.split_once(&format!("{name}=\"")).expect("a parameter");
            behind.split('"').next().unwrap_or_default().to_owned()
        };
        let (acr, age) = (parameter("acr_values"), parameter("max_age"));
        let url = app.authorization_url(&[("acr_values", &acr), ("max_age", &age)]);
        let asked = browser.open(&url).await;
        assert!(asked.has("totp-submit"), "the password is fresh: {}", asked.reply.text);
        let code = authenticator.code(&server, 0);
        let page = browser.second_factor(&asked, &[("code", &code)]).await;
        let (_, strong) = claims(&app, &page).await;
        assert_eq!(api(&strong, now()), Ok(()));
        server.advance(301);
        assert!(api(&strong, now()).is_err(), "too old");
    }
}

/// What an API does that wants two factors, proven in the last five minutes.
fn api(token: &Value, now: i64) -> Result<(), String> {
    let (least, age) = (Acr::Two, 300);
    let acr = token["acr"].as_str().and_then(|acr| acr.parse::<Acr>().ok());
    let is_strong = acr.is_some_and(|acr| acr >= least);
    let is_young = token["auth_time"].as_i64().is_some_and(|at| now - at <= age);
    if is_strong && is_young {
        return Ok(());
    }
    let acr = least.as_str();
    Err(format!(
        "Bearer error=\"insufficient_user_authentication\", acr_values=\"{acr}\", max_age=\"{age}\""
    ))
}
