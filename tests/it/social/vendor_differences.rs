//! Differences of vendors: how they cancel, how they report errors, the name and the client secret
//! of Apple, the signature of LINE.

use serde_json::json;

use super::all_providers::{AllProviders, with_each};
use super::refusal_check::RefusalCheck;
use super::row_counts::{approved_at_provider, left, refusals, shows_notice, sign_in_at_provider};
use super::table;
use super::vendors::sign_in;
use crate::support::upstream::{Answer, CLIENT_ID, Fields, GitHub, Kakao};
use crate::support::{Server, both, decode_claims, decode_header};

both! {
    async fn rfc6749_4_1_2_1_whoever_turns_back_hears_so_and_goes_on(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut refusal_check = RefusalCheck::of(&server).await;
        with_each!(every, |slug, provider| {
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            let left = browser.start_upstream_login(&page, slug).await;
            let callback = provider.cancel(left.location().unwrap());
            let back = browser.complete_upstream_login(&callback).await;
            refusal_check.noted(&back, "cancelled", &[]).await;
            // The same state is good for nothing any more.
            let again = browser.complete_upstream_login(&callback).await;
            assert!(again.reply.status.is_client_error(), "{slug} {}", again.reply.status);
            // Whom the app sent there itself goes back to it.
            let direct = browser.open(&app.authorization_url(&[("idp_hint", slug)])).await;
            let heard = browser.complete_upstream_login(&provider.cancel(direct.location().unwrap())).await;
            heard.error_response("access_denied");
            refusal_check.saw_nothing_but(&[], slug).await;
        });
    }

    /// Its people are of another issuer than its answers. An older Enterprise Server names none.
    async fn rfc9207_2_4_github_names_the_issuer_of_its_answers(database) {
        let github = GitHub::start().await;
        let tables = table("github", "github", github.base(), "");
        let server = Server::start_social(&database, &tables).await;
        github.follows(server.now());
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let (mut browser, callback) = approved_at_provider(&server, &app, "github", &github).await;
        assert_eq!(callback.get("iss"), github.url("/login/oauth"));
        browser.complete_upstream_login(&callback).await.authorization_response().code();
        let (mut browser, callback) = approved_at_provider(&server, &app, "github", &github).await;
        browser.complete_upstream_login(&callback.without("iss")).await.authorization_response().code();
        let (base, asked) = (github.base(), github.count("/login/oauth/access_token"));
        for iss in [base, &format!("{base}/login/oauth/"), "https://github.com/login/oauth"] {
            let (mut browser, callback) = approved_at_provider(&server, &app, "github", &github).await;
            shows_notice(&browser.complete_upstream_login(&callback.with("iss", iss)).await, "github", "failed");
            server.advance(61);
        }
        let (mut browser, location) = left(&server, &app, "github").await;
        let turned_back = github.cancel(&location);
        assert_eq!(turned_back.get("iss"), github.url("/login/oauth"));
        shows_notice(&browser.complete_upstream_login(&turned_back).await, "github", "cancelled");
        let (mut browser, location) = left(&server, &app, "github").await;
        let forged = github.cancel(&location).with("iss", base);
        shows_notice(&browser.complete_upstream_login(&forged).await, "github", "failed");
        assert_eq!(github.count("/login/oauth/access_token"), asked);
        let reasons = refusals(&server.evidence().await).await;
        assert_eq!(reasons, vec!["github: wrong_issuer"; 4]);
    }

    /// What no account can have is no address, and nothing is verified by it.
    async fn core_5_1_github_tells_no_address_that_is_none(database) {
        let github = GitHub::start().await;
        let tables = table("github", "github", github.base(), "");
        let server = Server::start_social(&database, &tables).await;
        github.follows(server.now());
        let emails = json!([{ "email": "no address", "primary": true, "verified": true }]);
        github.has_emails(emails);
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let (_, person) = sign_in(&server, &app, "github", &github).await;
        assert!(person.get("email").is_none() && person["email_verified"] != true, "{person}");
    }

    /// `-402`: the person is asked once for what they had not agreed to.
    async fn kakao_asks_once_for_the_consent_that_is_missing(database) {
        let kakao = Kakao::start().await;
        let tables = table("kakao", "kakao", kakao.base(), "");
        let server = Server::start_social(&database, &tables).await;
        kakao.follows(server.now());
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        kakao.wants_agreement_to("account_email");
        for agrees in [true, false] {
            let (mut browser, first) = approved_at_provider(&server, &app, "kakao", &kakao).await;
            let away = browser.complete_upstream_login(&first).await;
            let again = away.location().expect("sent away once more").to_owned();
            let second = kakao.approve(&again);
            let asked = kakao.asked();
            let query = &asked.last().unwrap().query;
            assert_eq!(query.get("scope"), "openid account_email");
            assert_ne!(query.get("state"), first.get("state"));
            if agrees {
                kakao.answers_normally();
                browser.complete_upstream_login(&second).await.authorization_response().code();
                kakao.wants_agreement_to("account_email");
            } else {
                shows_notice(&browser.complete_upstream_login(&second).await, "kakao", "failed");
            }
            assert!(browser.complete_upstream_login(&second).await.reply.status.is_client_error());
        }
        let evidence = server.evidence().await;
        assert_eq!(refusals(&evidence).await, ["kakao: person_refused"]);
    }

    /// `-406`: another try changes nothing.
    async fn kakao_keeps_people_under_14_to_itself(database) {
        let kakao = Kakao::start().await;
        let tables = table("kakao", "kakao", kakao.base(), "");
        let server = Server::start_social(&database, &tables).await;
        kakao.follows(server.now());
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let answer = json!({ "msg": "user is under 14", "code": -406 });
        kakao.answers_with("/v2/user/me", Answer::json(401, &answer));
        shows_notice(&sign_in_at_provider(&server, &app, "kakao", &kakao).await, "kakao", "refused");
        assert_eq!(refusals(&server.evidence().await).await, ["kakao: under_age"]);
    }

    async fn errors_with_the_status_of_a_success_are_errors(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut refusal_check = RefusalCheck::of(&server).await;
        let form = Fields::of(&[("error", "bad_verification_code")]);
        for (slug, path, answer, note, refusal) in [
            (
                "github",
                "/login/oauth/access_token",
                Answer::json(200, &json!({ "error": "bad_verification_code" })),
                "failed",
                "github: code_refused",
            ),
            (
                "github",
                "/login/oauth/access_token",
                Answer::json(200, &json!({ "error": "incorrect_client_credentials" })),
                "unavailable",
                "github: misconfigured",
            ),
            (
                "github",
                "/login/oauth/access_token",
                Answer::form(200, &form),
                "failed",
                "github: malformed_answer",
            ),
            (
                "naver",
                "/oauth2.0/token",
                Answer::json(200, &json!({ "error": "invalid_request" })),
                "failed",
                "naver: code_refused",
            ),
            (
                "naver",
                "/oauth2.0/token",
                Answer::json(200, &json!({ "error": "invalid_client" })),
                "unavailable",
                "naver: misconfigured",
            ),
            (
                "naver",
                "/v1/nid/me",
                Answer::json(200, &json!({ "resultcode": "024", "message": "no" })),
                "failed",
                "naver: person_refused",
            ),
            (
                "facebook",
                "/oauth/access_token",
                Answer::json(400, &json!({ "error": { "code": 1, "type": "OAuthException" } })),
                "unavailable",
                "facebook: misconfigured",
            ),
            (
                "facebook",
                "/me",
                Answer::json(400, &json!({ "error": { "code": 190 } })),
                "failed",
                "facebook: person_refused",
            ),
        ] {
            server.advance(60);
            let records = every.all_records().into_iter().find(|(name, _)| *name == slug).unwrap().1;
            records.answers_with(path, answer);
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            let back = match slug {
                "github" => browser.sign_in_by(&page, slug, &every.github).await,
                "naver" => browser.sign_in_by(&page, slug, &every.naver).await,
                _ => browser.sign_in_by(&page, slug, &every.facebook).await,
            };
            refusal_check.noted(&back, note, &[refusal]).await;
            records.answers_normally();
        }
    }

    async fn s118_a_code_that_was_never_given_lets_nobody_in(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut refusal_check = RefusalCheck::of(&server).await;
        // Each says so in its own way.
        with_each!(every, |slug, provider| {
            server.advance(60);
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            let left = browser.start_upstream_login(&page, slug).await;
            let callback = provider.approve(left.location().unwrap()).with("code", "another");
            let back = browser.complete_upstream_login(&callback).await;
            let refusal = format!("{slug}: code_refused");
            refusal_check.noted(&back, "failed", &[&refusal]).await;
        });
    }

    async fn apple_tells_the_name_once_and_it_is_kept(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[("scope", "openid profile email")])).await;
        let left = browser.start_upstream_login(&page, "apple").await;
        // Nobody signed what the browser brings: it is a name, and no address.
        let callback = every.apple.approve(left.location().unwrap());
        assert!(callback.posted && callback.fields.has("user"), "{callback:?}");
        let user = json!({
            "name": { "firstName": "Mina", "lastName": "Kim" }, "email": "victim@example.com",
        });
        let arrived = browser.complete_upstream_login(&callback.with("user", &user.to_string())).await;
        let tokens = app.exchange(&arrived.authorization_response().code()).await.ok();
        let first = app.userinfo(&tokens.text("access_token")).await.ok().json();
        let expected = ("Mina Kim", "mina@apple.example");
        assert_eq!((&first["name"], &first["email"]), (&json!(expected.0), &json!(expected.1)));
        let (_, second) = sign_in(&server, &app, "apple", &every.apple).await;
        assert_eq!(second, first);
        // Who removed the app and comes anew brings another name in vain.
        every.apple.forgets_everybody();
        every.apple.change(|person| person.name = Some("Other Name".to_owned()));
        let (_, third) = sign_in(&server, &app, "apple", &every.apple).await;
        assert_eq!(third, first);
        // The secret is made for one call, by the key that Apple knows.
        let asked = every.apple.asked_at("/auth/token");
        assert_eq!(asked.len(), 3);
        for asked in asked {
            let secret = asked.form.get("client_secret");
            assert!(every.apple.developer_key().has_signed(secret));
            let (header, claims) = (decode_header(secret), decode_claims(secret));
            let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
            assert_eq!((&header["alg"], &claims["sub"]), (&json!("ES256"), &json!(CLIENT_ID)));
            assert!(life <= 600, "{life}");
        }
    }

    async fn line_signs_for_the_web_with_the_channel_secret_and_with_no_other(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut refusal_check = RefusalCheck::of(&server).await;
        for (forged, refusal) in [(true, Some("line: bad_signature")), (false, None)] {
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            let left = browser.start_upstream_login(&page, "line").await;
            let callback = every.line.approve(left.location().unwrap());
            let nonce = every.line.asked().last().unwrap().query.get("nonce").to_owned();
            let honest = every.line.web_id_token_with(CLIENT_ID, Some(&nonce), |_| {});
            assert_eq!(decode_header(&honest), json!({ "alg": "HS256", "typ": "JWT" }));
            let token = if forged {
                let (signed, _) = honest.rsplit_once('.').unwrap();
                let public = every.line.signer().public_pem();
                format!("{signed}.{}", crate::support::upstream::mac(public.as_bytes(), signed))
            } else {
                honest
            };
            let tokens = json!({ "access_token": "a", "token_type": "Bearer", "id_token": token });
            every.line.answers_with("/oauth2/v2.1/token", Answer::json(200, &tokens));
            let back = browser.complete_upstream_login(&callback).await;
            match refusal {
                Some(refusal) => refusal_check.noted(&back, "failed", &[refusal]).await,
                None => drop(back.authorization_response().code()),
            }
        }
    }
}
