//! Redeeming a code: RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 9700 §4.5, security cases S012 to S024.

use futures_util::future::join_all;
use mapae::admin::authority::May;
use mapae::admin::users::Target;
use mapae::domain::client::{AuthMethod, ClientKind};
use mapae::domain::grant_type::GrantType;

use crate::support::{App, PASSWORD, Server, VERIFIER, both};

async fn first_party(server: &Server, id: &str) -> App {
    server.web_app(id, |client| client.metadata.first_party = true).await
}

both! {
    /// conformance 3.3-4, S012
    async fn rfc9700_4_5_a_code_belongs_to_its_client(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server, "app").await;
        let thief = first_party(&server, "thief").await;
        let code = server.browser().code(&app).await;
        thief.exchange(&code).await.refused(400, "invalid_grant");
        // A thief burns nothing.
        app.exchange(&code).await.ok();
        let public = server.client("public", |client| {
            client.kind = ClientKind::Public;
            client.metadata.token_endpoint_auth_method = AuthMethod::None;
            client.metadata.grant_types = vec![GrantType::AuthorizationCode];
            client.metadata.redirect_uris = vec![crate::support::CALLBACK.to_owned()];
        })
        .await;
        let code = server.browser().code(&app).await;
        public.exchange(&code).await.refused(400, "invalid_grant");
        let unauthenticated = App { secret: None, ..app.clone() };
        unauthenticated.exchange(&code).await.refused(401, "invalid_client");
        app.exchange(&code).await.ok();
    }

    /// conformance 3.3-4, S016, S018
    async fn rfc7636_4_6_a_code_needs_its_redirect_uri_and_its_verifier(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server, "app").await;
        let code = server.browser().code(&app).await;
        let long = "a".repeat(129);
        for wrong in [
            ("redirect_uri", ""),
            ("redirect_uri", "https://app.example.com/callback/"),
            ("redirect_uri", "https://app.example.com/Callback"),
            ("redirect_uri", "https://evil.example/callback"),
            ("code_verifier", ""),
            ("code_verifier", crate::support::CHALLENGE),
            ("code_verifier", &VERIFIER[1..]),
            ("code_verifier", &long),
            ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk="),
            ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEj!k"),
            ("code", "mapae_ac_nonsense"),
        ] {
            app.exchange_with(&code, &[wrong]).await.refused(400, "invalid_grant");
        }
        app.exchange_with(&code, &[("code", "")]).await.refused(400, "invalid_request");
        // S022: what is asked for here changes nothing. S024: a resource must be registered.
        app.exchange_with(&code, &[("resource", "https://elsewhere")]).await.refused(400, "invalid_target");
        let tokens = app.exchange_with(&code, &[("scope", "openid profile read write")]).await.ok();
        assert_eq!(tokens.text("scope"), "openid");
        assert_eq!(tokens.header("cache-control"), "no-store");
    }

    /// S013
    async fn rfc6749_4_1_2_a_code_lives_for_sixty_seconds(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server, "app").await;
        let mut browser = server.browser();
        let code = browser.code(&app).await;
        server.advance(59);
        app.exchange(&code).await.ok();
        let code = browser.code(&app).await;
        server.advance(60);
        let late = app.exchange(&code).await;
        late.refused(400, "invalid_grant");
        // It is told from one that was used, which an operator would take for a theft.
        let said = late.text("error_description");
        assert!(said.contains("expired"), "{said}");
    }

    /// conformance 3.3-4, S014
    async fn rfc6749_4_1_2_a_replayed_code_is_refused_and_its_tokens_die(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server, "app").await;
        let mut browser = server.browser();
        for wait in [0, 1, 30, 700] {
            let code = browser.code(&app).await;
            let (access, refresh) = app.exchange(&code).await.pair();
            let (newer, _) = app.refresh(&refresh).await.pair();
            server.advance(wait);
            // Whoever cannot prove to be the client harms nobody (ASVS 10.4.2).
            app.exchange_with(&code, &[("code_verifier", "")]).await.refused(400, "invalid_grant");
            app.exchange_with(&code, &[("redirect_uri", "https://x")]).await.refused(400, "invalid_grant");
            let impostor = App { secret: Some("wrong".to_owned()), ..app.clone() };
            impostor.exchange(&code).await.refused(401, "invalid_client");
            assert_eq!(app.is_active(&newer).await, wait < 600);
            app.exchange(&code).await.refused(400, "invalid_grant");
            assert!(!app.is_active(&access).await && !app.is_active(&newer).await);
            assert_eq!(app.userinfo(&newer).await.status, 401);
            app.refresh(&refresh).await.refused(400, "invalid_grant");
        }
        let replayed = server.evidence().await.events_of("code.replayed").await;
        assert_eq!(replayed.len(), 4);
        assert!(replayed.iter().all(|event| event.client.as_deref() == Some("app") && event.user.is_some()));
    }

    /// S014
    async fn rfc6749_4_1_2_a_replay_is_known_after_a_restart(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server, "app").await;
        let code = server.browser().code(&app).await;
        let (access, _) = app.exchange(&code).await.pair();
        let server = server.restart().await;
        let app = app.at(server.issuer());
        app.exchange(&code).await.refused(400, "invalid_grant");
        assert!(!app.is_active(&access).await);
    }

    /// S015
    async fn rfc9700_4_5_of_64_redemptions_at_once_at_most_one_succeeds_and_dies(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server, "app").await;
        let mut browser = server.browser();
        for _ in 0..3 {
            let code = browser.code(&app).await;
            let replies = join_all((0..64).map(|_| app.exchange(&code))).await;
            let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
            assert!(won.len() <= 1, "{} successes", won.len());
            for reply in &lost {
                reply.refused(400, "invalid_grant");
            }
            for reply in won {
                let (access, refresh) = reply.pair();
                assert!(!app.is_active(&access).await);
                app.refresh(&refresh).await.refused(400, "invalid_grant");
            }
        }
    }

    /// S023
    async fn s023_what_ended_between_code_and_token_gives_no_token(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        let issuer = server.inner.services();
        let (store, now) = (&*issuer.store, server.now());
        for ending in ["disabled", "deleted", "logged out", "new password", "consent withdrawn", "signed out"] {
            let name = ending.replace(' ', "-");
            server.user(&name, Some(PASSWORD)).await;
            let mut browser = server.browser();
            let login = browser.open(&app.authorization_url(&[])).await;
            let consent = browser.sign_in_as(&login, &name, PASSWORD).await;
            let code = browser.consent(&consent, "allow").await.authorization_response().code();
            match ending {
                "disabled" => drop(mapae::admin::users::disable(&May::operator(), store, now, Target::named(&name)).await.unwrap()),
                "deleted" => mapae::admin::users::delete(&May::operator(), store, now, Target::named(&name)).await.unwrap(),
                "logged out" => drop(mapae::admin::users::logout(&May::operator(), store, now, Target::named(&name)).await.unwrap()),
                "new password" => {
                    let new = "another password".to_owned().into();
                    let may = May::operator();
            let set = mapae::admin::users::set_password(&may, store, now, None, &issuer.hasher, Target::named(&name), &new);
                    set.await.unwrap();
                }
                "consent withdrawn" => {
                    let account = browser.open("/account").await;
                    let (csrf, session) = (account.hidden("csrf"), account.hidden("session"));
                    let fields = [("csrf", csrf.as_str()), ("session", &session), ("client", "app")];
                    assert_eq!(browser.post("/account/apps/remove", &fields).await.reply.status, 303);
                }
                _ => {
                    let account = browser.open("/account").await;
                    let (csrf, session) = (account.hidden("csrf"), account.hidden("session"));
                    let fields = [("csrf", csrf.as_str()), ("session", &session)];
                    assert_eq!(browser.post("/account/sign-out", &fields).await.reply.status, 200);
                }
            }
            app.exchange(&code).await.refused(400, "invalid_grant");
        }
    }

    /// A session that was not used for too long has ended, although its row is still there.
    async fn s023_a_code_ends_with_the_idle_time_of_the_session_that_granted_it(database) {
        let server = Server::start_with(&database, &[("session.idle_lifetime", "20s")]).await;
        server.alice().await;
        let app = first_party(&server, "app").await;
        let mut browser = server.browser();
        let code = browser.code(&app).await;
        server.advance(19);
        app.exchange(&code).await.ok();
        let code = browser.code(&app).await;
        server.advance(20);
        app.exchange(&code).await.refused(400, "invalid_grant");
    }

    /// RFC 6749 §5.1: the answer says which scope was granted, if not all of it.
    async fn what_an_operator_took_from_a_client_after_the_code_is_not_granted(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server, "app").await;
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[("scope", "openid email read")])).await;
        let code = browser.sign_in(&page).await.authorization_response().code();
        server.change("app", |client| {
            client.metadata.scope = mapae::domain::scope::Scope::parse("openid read write").unwrap();
        })
        .await;
        let tokens = app.exchange(&code).await.ok();
        assert_eq!(tokens.text("scope"), "openid read");
        let refreshed = app.refresh(&tokens.text("refresh_token")).await.ok();
        assert_eq!(refreshed.text("scope"), "openid read");
    }

    async fn a_resource_that_an_operator_took_from_a_client_after_the_code_is_not_granted(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (one, two) = ("https://one.example", "https://two.example");
        let app = first_party(&server, "app").await;
        let register = async |audiences: &[&str]| {
            let audiences = audiences.iter().map(|one| (*one).to_owned()).collect();
            server.change("app", |client| client.metadata.audiences = audiences).await;
        };
        let aud = |access: &str| crate::support::decode_claims(access)["aud"].clone();
        register(&[one, two]).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        let mut codes = Vec::new();
        for resources in [vec![("resource", one)], vec![("resource", one), ("resource", two)]] {
            let page = browser.get(&app.authorization_url(&resources)).await;
            codes.push(page.authorization_response().code());
        }
        register(&[two]).await;
        app.exchange(&codes[0]).await.refused(400, "invalid_target");
        let (access, refresh) = app.exchange(&codes[1]).await.pair();
        assert_eq!(aud(&access), serde_json::json!([two, server.issuer()]));
        // Nothing was spent.
        register(&[one, two]).await;
        assert_eq!(aud(&app.exchange(&codes[0]).await.pair().0), serde_json::json!([one, server.issuer()]));
        assert_eq!(aud(&app.refresh(&refresh).await.pair().0), serde_json::json!([two, server.issuer()]));
    }

    /// RFC 8707 §2: a resource is named at the authorization endpoint, and may be narrowed here.
    async fn rfc8707_2_2_a_resource_is_within_what_was_granted(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (one, two) = ("https://one.example", "https://two.example");
        let app = server.web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.audiences = vec![one.to_owned(), two.to_owned()];
        })
        .await;
        let mut browser = server.browser();
        browser.code(&app).await;
        let code = browser.get(&app.authorization_url(&[("resource", one)])).await.authorization_response().code();
        app.exchange_with(&code, &[("resource", two)]).await.refused(400, "invalid_target");
        let access = app.exchange_with(&code, &[("resource", one)]).await.ok().text("access_token");
        let audience = crate::support::decode_claims(&access)["aud"].clone();
        assert_eq!(audience, serde_json::json!([one, server.issuer()]));
    }
}
