//! An app that restricts sign-in methods does not accept a session of another method: security
//! cases S126, S077 and their neighbours.

use mapae::admin::authority::May;
use mapae::admin::users::Target;
use serde_json::json;

use super::native::{ACCESS_TOKEN, native_app, present};
use super::row_counts::refusals;
use super::table;
use crate::support::upstream::{Answer, CLIENT_ID, FaultyProvider, Kakao, Oidc};
use crate::support::{App, Database, Server, both, decode_claims};

const ONLY: &str = "only = true\nallowed_clients = [\"intranet\"]";

/// A server whose provider has these lines, and two apps: one that the lines speak of.
async fn start(database: &Database, idp: &Oidc, lines: &str) -> (Server, App, App) {
    let server = Server::start_social(database, &table("idp", "oidc", idp.base(), lines)).await;
    idp.follows(server.now());
    let intranet = server.web_app("intranet", |client| client.metadata.first_party = true).await;
    let shop = server.web_app("shop", |client| client.metadata.first_party = true).await;
    (server, intranet, shop)
}

/// The address of an account that nobody vouched for.
fn unproven(address: &str) -> mapae::admin::users::ClaimsChange {
    let email = mapae::admin::users::NewEmail { address: address.to_owned(), verified: false };
    mapae::admin::users::ClaimsChange { email: Some(email), ..Default::default() }
}

both! {
    async fn s126_a_session_of_another_way_is_none_where_there_is_one_way(database) {
        let idp = Oidc::start().await;
        let (server, intranet, shop) = start(&database, &idp, ONLY).await;
        server.alice().await;
        let mut browser = server.browser();
        browser.code(&shop).await;
        let silent = intranet.authorization_url(&[("prompt", "none")]);
        browser.open(&silent).await.error_response("login_required");
        let page = browser.open(&intranet.authorization_url(&[])).await;
        assert!(page.has("login-with-idp") && !page.has("login-submit"), "{}", page.reply.text);
        // By the one way they come in, and go on to the other app as well: it takes every way.
        let arrived = browser.sign_in_by(&page, "idp", &idp).await;
        let tokens = intranet.exchange(&arrived.authorization_response().code()).await.ok();
        assert_eq!(decode_claims(&tokens.text("id_token"))["idp"], "idp");
        browser.open(&silent).await.authorization_response().code();
    }

    async fn s126_who_came_by_a_provider_of_one_app_is_nobody_at_another(database) {
        let idp = Oidc::start().await;
        let lines = "allowed_clients = [\"intranet\"]";
        let (server, intranet, shop) = start(&database, &idp, lines).await;
        let mut browser = server.browser();
        let page = browser.open(&intranet.authorization_url(&[])).await;
        browser.sign_in_by(&page, "idp", &idp).await.authorization_response().code();
        browser.open(&intranet.authorization_url(&[("prompt", "none")])).await.authorization_response().code();
        let silent = shop.authorization_url(&[("prompt", "none")]);
        browser.open(&silent).await.error_response("login_required");
        let page = browser.open(&shop.authorization_url(&[])).await;
        assert!(page.has("login-submit") && !page.has("login-with-idp"));
    }

    async fn s126_turning_the_one_way_off_opens_no_other(database) {
        let idp = Oidc::start().await;
        let (server, intranet, _) = start(&database, &idp, &format!("{ONLY}\ndisabled = true")).await;
        server.alice().await;
        let mut browser = server.browser();
        let page = browser.open(&intranet.authorization_url(&[])).await;
        assert!(!page.has("login-with-idp") && !page.has("login-submit"));
        assert!(page.reply.text.contains("try again later") && page.has("login-cancel"));
        // Whoever has a page with a password from before sees what there is now.
        let page = browser.sign_in(&page).await;
        assert!(!page.has("login-submit") && page.has("login-cancel"), "{}", page.reply.text);
        browser.open(&intranet.authorization_url(&[("prompt", "none")])).await.error_response("login_required");
        assert_eq!(idp.asked().len(), 0);
    }

    async fn s126_who_may_not_come_in_cannot_be_chosen(database) {
        let idp = Oidc::start().await;
        let (server, intranet, shop) = start(&database, &idp, ONLY).await;
        server.alice().await;
        let mut browser = server.browser();
        browser.code(&shop).await;
        let page = browser.open(&intranet.authorization_url(&[])).await;
        let code = browser.sign_in_by(&page, "idp", &idp).await.authorization_response().code();
        let theirs = decode_claims(&intranet.exchange(&code).await.ok().text("id_token"));
        let other = browser.open(&shop.authorization_url(&[("prompt", "select_account")])).await;
        let chooser = browser.open(&intranet.authorization_url(&[("prompt", "select_account")])).await;
        let eligible = chooser.sessions();
        assert_eq!(eligible.len(), 1, "{}", chooser.reply.text);
        // A choice that was never offered leads to nobody, and not on as somebody else.
        let refused = other.sessions().into_iter().find(|session| !eligible.contains(session));
        let (interaction, csrf) = (chooser.hidden("interaction"), chooser.hidden("csrf"));
        let choose = |session: String| {
            vec![("interaction", interaction.clone()), ("csrf", csrf.clone()), ("session", session)]
        };
        let fields = choose(refused.expect("another"));
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let page = browser.post("/select-account", &fields).await;
        let page = browser.follow(page).await;
        assert!(page.has("login-with-idp"), "{}", page.reply.text);
        let fields = choose(eligible[0].clone());
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let code = browser.post("/select-account", &fields).await.authorization_response().code();
        let chosen = decode_claims(&intranet.exchange(&code).await.ok().text("id_token"));
        assert_eq!(chosen["sub"], theirs["sub"]);
    }

    async fn s124_an_older_account_is_proven_once_where_there_is_one_way(database) {
        let idp = Oidc::start().await;
        let (server, intranet, _) = start(&database, &idp, ONLY).await;
        let sub = server.alice().await;
        let issuer = server.inner.services();
        let address = "mina@example.com";
        let may = May::operator();
            let changed = mapae::admin::users::update(&may, &issuer.store, server.now(), None, Target::named(crate::support::USERNAME), unproven(address));
        changed.await.unwrap_or_else(|error| panic!("changed: {error}"));
        idp.change(|person| (person.email, person.email_verified) = (Some(address.to_owned()), true));
        let mut browser = server.browser();
        let page = browser.open(&intranet.authorization_url(&[])).await;
        let asking = browser.sign_in_by(&page, "idp", &idp).await;
        assert!(asking.has("login-submit") && asking.reply.text.contains(address));
        let tokens = intranet.exchange(&browser.sign_in(&asking).await.authorization_response().code()).await.ok();
        let claims = decode_claims(&tokens.text("id_token"));
        assert_eq!((&claims["sub"], &claims["idp"]), (&json!(sub), &json!("idp")));
    }

    async fn core_3_1_2_1_a_provider_that_asked_nobody_anew_is_not_believed(database) {
        let idp = Oidc::start().await;
        let (server, _, shop) = start(&database, &idp, "").await;
        let mut browser = server.browser();
        let page = browser.open(&shop.authorization_url(&[])).await;
        browser.sign_in_by(&page, "idp", &idp).await.authorization_response().code();
        server.advance(600);
        // Core §2: `auth_time` is required where `max_age` was sent.
        for (age, good) in [(Some(600), false), (None, false), (Some(0), true)] {
            let page = browser.open(&shop.authorization_url(&[("prompt", "login")])).await;
            let away = browser.start_upstream_login(&page, "idp").await.location().expect("away").to_owned();
            let asked = crate::support::AuthorizationResponse::at(&away);
            assert_eq!((asked.get("prompt"), asked.get("max_age")), ("login", "0"));
            let proven_at = age.map(|age| idp.now() - age);
            let id_token = idp.id_token_with(CLIENT_ID, Some(asked.get("nonce")), |claims| {
                if let Some(proven_at) = proven_at {
                    claims["auth_time"] = json!(proven_at);
                }
            });
            let tokens = json!({ "token_type": "Bearer", "id_token": id_token });
            let back = idp.approve(&away);
            idp.answers_with("/token", Answer::json(200, &tokens));
            let arrived = browser.complete_upstream_login(&back).await;
            idp.answers_normally();
            if good {
                arrived.authorization_response().code();
            } else {
                assert!(arrived.url.contains("note=failed"), "{age:?} {}", arrived.url);
            }
            server.advance(61);
        }
        assert_eq!(refusals(&server.evidence().await).await, ["idp: not_fresh"; 2]);
    }

    async fn s118_what_is_pending_is_shown_to_whoever_is_signed_in_as_another(database) {
        let idp = Oidc::start().await;
        let (server, _, shop) = start(&database, &idp, "").await;
        server.alice().await;
        let address = "mina@example.com";
        idp.change(|person| (person.email, person.email_verified) = (Some(address.to_owned()), true));
        let issuer = server.inner.services();
        server.user("bob", Some(crate::support::PASSWORD)).await;
        let may = May::operator();
            let changed = mapae::admin::users::update(&may, &issuer.store, server.now(), None, Target::named("bob"), unproven(address));
        changed.await.unwrap_or_else(|error| panic!("changed: {error}"));
        let mut browser = server.browser();
        browser.code(&shop).await;
        let url = shop.authorization_url(&[("prompt", "select_account")]);
        let chooser = browser.open(&url).await;
        let (interaction, csrf) = (chooser.hidden("interaction"), chooser.hidden("csrf"));
        let policy = chooser.reply.header("content-security-policy");
        // A page leads on to the provider; the form ends here.
        assert!(policy.contains("form-action 'self';"), "{policy}");
        let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("session", "")];
        let page = browser.post("/select-account", &fields).await;
        let page = browser.follow(page).await;
        let asking = browser.sign_in_by(&page, "idp", &idp).await;
        assert!(asking.reply.text.contains(address), "{asking:?}");
        let arrived = browser.sign_in_as(&asking, "bob", crate::support::PASSWORD).await;
        shop.exchange(&arrived.authorization_response().code()).await.ok();
    }

    async fn s128_what_cannot_be_sent_is_the_tokens_fault(database) {
        let kakao = Kakao::start().await;
        let server = Server::start_social(&database, &table("kakao", "kakao", kakao.base(), "")).await;
        let app = native_app(&server, "native").await;
        for token in ["a\nb", "a\u{7f}b"] {
            let reply = present(&app, ACCESS_TOKEN, token, &[("subject_issuer", "kakao")]).await;
            reply.refused(400, "invalid_grant");
        }
        assert_eq!(kakao.asked().len(), 0);
    }

    async fn discovery_3_a_page_of_a_provider_is_on_the_web(database) {
        let faulty = FaultyProvider::start().await;
        let server = Server::start_social(&database, &table("idp", "oidc", faulty.base(), "")).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut document: serde_json::Value = server
            .http
            .get(faulty.url("/.well-known/openid-configuration"))
            .send()
            .await
            .expect("an answer")
            .text()
            .await
            .map(|text| serde_json::from_str(&text).expect("JSON"))
            .expect("a body");
        for bad in ["javascript:alert(1)", "http://login.example.com/authorize", "/authorize",
            // What the URL standard allows in a host, and no host is called.
            "https://a;sandbox/authorize", "https://a,script-src/authorize", "https://*.com/authorize",
            "https://a'b/authorize"] {
            document["authorization_endpoint"] = json!(bad);
            faulty.answers_with("/.well-known/openid-configuration", Answer::json(200, &document));
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            let stayed = browser.start_upstream_login(&page, "idp").await;
            let location = stayed.location().expect("back at our page");
            let ours = location.starts_with("/login?") && location.ends_with("&note=unavailable");
            assert!(ours, "{bad}: {location}");
            let policy = browser.follow(stayed).await.reply.header("content-security-policy").to_owned();
            assert!(!policy.contains("sandbox") && !policy.contains("script-src/"), "{policy}");
        }
    }
}
