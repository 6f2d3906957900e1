//! Optional values of a provider may be missing, empty or of another type than they should be:
//! nobody is kept from signing in by that.

use serde_json::{Value, json};

use super::fixtures::{by, person};
use super::native::{ID_TOKEN, present};
use super::row_counts::{
    DISCOVERY, approved_at_provider, refusals, shows_notice, sign_in_at_provider,
    sign_in_at_provider_with,
};
use super::vendors::sign_in;
use super::{table, with_idp};
use crate::support::upstream::{
    Answer, CLIENT_ID, GitHub, MICROSOFT_TENANT, Microsoft, Oidc, Signer,
};
use crate::support::{Server, both};
use mapae::domain::grant_type::GrantType;

/// Claims that are not needed, of types that they should not have.
fn odd(claims: &mut Value) {
    let odd = json!({
        "locale": { "language": "ko" }, "updated_at": "yesterday", "email_verified": "True",
        "phone_number": 82, "phone_number_verified": "no", "address": "Seoul", "birthdate": 1990,
        "picture": { "url": "https://img.example/1" }, "website": [], "gender": null, "acr": 0,
        "amr": "pwd", "auth_time": "now", "at_hash": null, "azp": null, "groups": { "a": 1 },
        "nickname": ["m"], "given_name": false, "zoneinfo": 9,
    });
    claims.as_object_mut().unwrap().extend(odd.as_object().unwrap().clone());
}

both! {
    async fn core_5_1_optional_claims_of_odd_types_are_ignored(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let page = sign_in_at_provider_with(&server, &app, "idp", &idp, odd).await;
        page.authorization_response().code();
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM account WHERE email_verified").await, 0);
        let native = server.client("native", |client| client.metadata.grant_types = vec![GrantType::TokenExchange]);
        let native = native.await;
        let token = idp.id_token_with(CLIENT_ID, None, odd);
        let reply = present(&native, ID_TOKEN, &token, &[("scope", "openid profile")]).await;
        let about = native.userinfo(&reply.ok().text("access_token")).await.ok().json();
        assert_eq!(about["name"], "Mina Kim", "{about}");
        assert!(about.get("locale").is_none() && about.get("nickname").is_none(), "{about}");
    }

    async fn core_5_3_2_userinfo_of_any_type_says_what_can_be_read_of_it(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        // Without a name in the id token userinfo is asked.
        idp.change(|person| {
            person.name = None;
            person.email = None;
        });
        let stranger = Signer::rsa();
        let signer = idp.signer();
        let base = idp.base().to_owned();
        let jwt = |text: String| Answer::new(200, "application/jwt", text);
        let said = |sub: u64| json!({ "sub": sub.to_string(), "name": "Said Besides" });
        let with = |sub: u64, more: Value| {
            let mut claims = said(sub);
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            claims
        };
        let issued = json!({ "iss": base, "aud": CLIENT_ID });
        let another = json!({ "iss": base, "aud": "another-app" });
        let unsigned = crate::support::upstream::unsigned(&json!({ "alg": "none" }), &said(5));
        for (sub, answer, name) in [
            (1, jwt(signer.token(&said(1))), true),
            (2, jwt(signer.token(&with(2, issued))), true),
            (3, jwt(signer.token(&with(3, another))), false),
            (4, jwt(stranger.token(&said(4))), false),
            (5, jwt(format!("{unsigned}.")), false),
            (6, Answer::new(200, "text/html", said(6).to_string()), true),
            (7, Answer::html(200, "<!doctype html><h1>Welcome</h1>"), false),
            (8, Answer::json(200, &json!({ "sub": 8, "name": "Said Besides" })), true),
            (9, Answer::json(200, &json!(null)), false),
            (10, Answer::json(200, &json!([said(10)])), false),
            (11, Answer::new(200, "application/json", ""), false),
            (12, Answer::html(403, "No."), false),
            (13, Answer::json(200, &said(13)).padded(10 * 1024 * 1024), false),
        ] {
            idp.change(|person| person.id = sub.to_string());
            idp.answers_with("/userinfo", answer);
            let arrived = by(&mut server.browser(), &app, "idp", &idp).await;
            let (_, about) = person(&app, &arrived).await;
            let found = about.get("name").is_some_and(|name| *name == "Said Besides");
            assert_eq!(found, name, "{sub}: {about}");
        }
        // That it speaks of somebody else is no oddity, signed or not.
        idp.change(|person| person.id = 20.to_string());
        for answer in [jwt(signer.token(&said(21))), Answer::json(200, &said(21))] {
            idp.answers_with("/userinfo", answer);
            shows_notice(&sign_in_at_provider(&server, &app, "idp", &idp).await, "idp", "failed");
            server.advance(61);
        }
        assert_eq!(refusals(&server.evidence().await).await, ["idp: wrong_subject"; 2]);
        // While it is down nobody is made whose address may be somebody's.
        idp.answers_with("/userinfo", Answer::html(503, "Try again."));
        shows_notice(&sign_in_at_provider(&server, &app, "idp", &idp).await, "idp", "unavailable");
    }

    async fn rfc6749_5_1_a_token_answer_of_another_type_is_read(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        for content_type in ["text/plain", "text/html; charset=EUC-KR", "application/x-thing", ""] {
            let (mut browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
            let left = idp.asked().pop().unwrap();
            let token = idp.id_token(CLIENT_ID, Some(left.query.get("nonce")));
            let tokens = json!({
                "access_token": "a", "token_type": null, "expires_in": "3600", "scope": [],
                "refresh_token": 5, "error": null, "error_description": {}, "id_token": token,
            });
            idp.answers_with("/token", Answer::new(200, content_type, tokens.to_string()));
            browser.complete_upstream_login(&callback).await.authorization_response().code();
            idp.answers_normally();
        }
    }

    async fn rfc7517_4_5_a_key_without_a_name_verifies(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let mut jwk = idp.signer().jwk();
        for member in ["kid", "use", "alg"] {
            jwk.as_object_mut().unwrap().remove(member);
        }
        let keys = json!({ "keys": [{ "kty": "odd" }, null, Signer::p256().jwk(), jwk] });
        idp.answers_with("/jwks", Answer::json(200, &keys));
        sign_in_at_provider(&server, &app, "idp", &idp).await.authorization_response().code();
        assert_eq!(idp.count("/jwks"), 1);
    }

    async fn discovery_3_members_that_are_null_or_empty_say_nothing(database) {
        let idp = Oidc::start().await;
        let base = idp.base().to_owned();
        for nothing in [json!(null), json!([]), json!(""), json!({})] {
            let (server, app) = with_idp(&database, &base, "").await;
            idp.follows(server.now());
            let document = json!({
                "issuer": base, "authorization_endpoint": idp.url("/authorize"),
                "token_endpoint": idp.url("/token"), "jwks_uri": idp.url("/jwks"),
                "userinfo_endpoint": nothing, "token_endpoint_auth_methods_supported": nothing,
                "authorization_response_iss_parameter_supported": nothing,
                "scopes_supported": nothing, "id_token_signing_alg_values_supported": nothing,
                "end_session_endpoint": nothing, "response_types_supported": nothing,
            });
            idp.answers_with(DISCOVERY, Answer::json(200, &document));
            sign_in_at_provider(&server, &app, "idp", &idp).await.authorization_response().code();
            let asked = idp.asked_at("/token").pop().unwrap();
            assert!(asked.basic().is_some(), "{nothing}: Basic is what is meant");
            idp.answers_normally();
        }
    }

    async fn github_tells_the_primary_address_on_whatever_page_it_stands(database) {
        let github = GitHub::start().await;
        let tables = table("github", "github", github.base(), "");
        let server = Server::start_social(&database, &tables).await;
        github.follows(server.now());
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let one = |number: u32, primary: bool| {
            let email = format!("{number}@example.com");
            json!({ "email": email, "primary": primary, "verified": true, "visibility": null })
        };
        for (id, emails, found) in [
            (1, (0..45).map(|at| one(at, at == 44)).collect::<Value>(), Some("44@example.com")),
            (2, (0..130).map(|at| one(at, at == 129)).collect(), Some("129@example.com")),
            (3, (0..130).map(|at| one(at, false)).collect(), None),
            (4, json!({ "message": "no list" }), None),
        ] {
            github.change(|person| person.id = id.to_string());
            github.has_emails(emails);
            let (_, about) = sign_in(&server, &app, "github", &github).await;
            assert_eq!(about.get("email").and_then(Value::as_str), found, "{id}");
        }
        // What is not needed, and cannot be read.
        github.change(|person| person.id = 5.to_string());
        github.answers_with("/api/v3/user/emails", Answer::html(200, "Welcome."));
        sign_in(&server, &app, "github", &github).await;
    }

    async fn a_microsoft_tenant_may_be_written_in_capitals(database) {
        let microsoft = Microsoft::start().await;
        let more = format!("tenant = \"{}\"", MICROSOFT_TENANT.to_uppercase());
        let tables = table("microsoft", "microsoft", microsoft.base(), &more);
        let server = Server::start_social(&database, &tables).await;
        microsoft.follows(server.now());
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        sign_in(&server, &app, "microsoft", &microsoft).await;
        let issuer = microsoft.issuer(MICROSOFT_TENANT);
        let sql = format!("SELECT count(*) AS n FROM identity WHERE issuer = '{issuer}'");
        assert_eq!(server.evidence().await.count(&sql).await, 1, "as Microsoft writes it");
    }

    async fn rfc6749_4_1_2_parameters_that_nobody_knows_are_ignored_in_an_answer(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        for more in [
            "scope=openid&scope=email",
            // Hangul in EUC-KR.
            "error_description=%C7%D1%B1%DB",
            "hint=%zz&session_state=&=&&",
        ] {
            let (mut browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
            let page = browser.get(&format!("{}&{more}", callback.url())).await;
            browser.follow(page).await.authorization_response().code();
        }
        for twice in ["code=a", "iss=https://another.example", "error=access_denied&error=x"] {
            let (mut browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
            let page = browser.get(&format!("{}&{twice}", callback.url())).await;
            page.is_error("unknown_interaction");
        }
    }
}
