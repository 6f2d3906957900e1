//! Apps whose user has the e-mail address of an existing account, and providers that do not answer.

use mapae::admin::authority::May;
use mapae::admin::users::Target;
use mapae::admin::users::{self, NewUser};
use mapae::domain::user::Profile;

use super::all_providers::{AllProviders, NATIVE, with_each};
use super::native::{ACCESS_TOKEN, CODE, ID_TOKEN, assert_by, code_of_naver, native_app, present};
use super::refusal_check::RefusalCheck;
use crate::support::upstream::{Answer, CLIENT_ID};
use crate::support::{PASSWORD, Reply, Server, VERIFIER, both, decode_claims};

/// Makes somebody whose address is proven; their `sub`.
async fn resident(server: &Server, username: &str, email: &str) -> String {
    let issuer = server.inner.services();
    let new = NewUser {
        username: username.to_owned(),
        email: Some(email.to_owned()),
        email_verified: true,
        profile: Profile::default(),
        password: Some(PASSWORD.to_owned().into()),
    };
    let made =
        users::create(&May::operator(), &issuer.store, server.now(), &issuer.hasher, new).await;
    made.unwrap_or_else(|error| panic!("made: {error}")).id.as_str().to_owned()
}

/// RFC 6749 §5.2, and nothing else in it.
fn is_link_required(reply: &Reply, what: &str) {
    reply.refused(400, "invalid_grant");
    let expected = r#"{"error":"invalid_grant","error_description":"account_link_required"}"#;
    assert_eq!(reply.text, expected, "{what}");
}

both! {
    async fn s122_an_app_links_nothing_by_an_address_and_hears_what_to_do(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        let web = server.web_app("web", |client| client.metadata.first_party = true).await;
        // Those that are believed about addresses, and what they are believed by.
        with_each!(every: oidc, google, apple, kakao, github; |slug, provider| {
            let sub = resident(&server, slug, &format!("MINA@{slug}.example")).await;
            let mut refusal_check = RefusalCheck::of(&server).await;
            let refusal = format!("{slug}: account_link_required");
            let mut ways = vec![];
            if !["kakao", "github"].contains(&slug) {
                ways.push((ID_TOKEN, provider.id_token(CLIENT_ID, None)));
            }
            if !["oidc", "apple"].contains(&slug) {
                ways.push((ACCESS_TOKEN, provider.access_token_for(CLIENT_ID)));
            }
            for (kind, token) in &ways {
                server.advance(60);
                let reply = present(&app, kind, token, &[("subject_issuer", slug)]).await;
                is_link_required(&reply, slug);
                refusal_check.refused(&reply, &refusal, slug).await;
            }
            server.advance(60);
            let landing = "https://shop.example.com/landing";
            let code = provider.code_for(landing, Some(VERIFIER));
            // Apple knows no PKCE.
            let verifier = if slug == "apple" { "" } else { VERIFIER };
            let changes =
                [("subject_issuer", slug), ("redirect_uri", landing), ("code_verifier", verifier)];
            let reply = present(&app, CODE, &code, &changes).await;
            is_link_required(&reply, slug);
            refusal_check.refused(&reply, &refusal, slug).await;
            if ways[0].0 == ID_TOKEN {
                server.advance(60);
                let reply = assert_by(&app, &ways[0].1, &[]).await;
                is_link_required(&reply, slug);
                refusal_check.refused(&reply, &refusal, slug).await;
            }
            // In the browser they prove the account once.
            let mut browser = server.browser();
            let page = browser.open(&web.authorization_url(&[("idp_hint", slug)])).await;
            let back = browser.complete_upstream_login(&provider.approve(page.location().unwrap())).await;
            let arrived = browser.sign_in_as(&back, &format!("mina@{slug}.example"), PASSWORD).await;
            web.exchange(&arrived.authorization_response().code()).await.ok();
            let refusal_check = RefusalCheck::of(&server).await;
            let id = provider.person().id;
            assert_eq!(refusal_check.identities(provider.base(), &id, slug).await, 1, "{slug}");
            // From then on the app comes in, with the very token that was not good before.
            for (kind, token) in &ways {
                let reply = present(&app, kind, token, &[("subject_issuer", slug)]).await;
                assert_eq!(reply.status, 200, "{slug} {kind} {}", reply.text);
                assert_eq!(decode_claims(&reply.text("id_token"))["sub"], sub.as_str(), "{slug}");
            }
        });
    }

    async fn s120_who_is_not_believed_about_an_address_makes_another_account(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        every.oidc.change(|person| person.email_verified = false);
        every.google.change(|person| person.email_verified = false);
        every.apple.change(|person| person.email_verified = false);
        with_each!(every: oidc, google, apple, kakao, line, microsoft, facebook; |slug, provider| {
            let sub = resident(&server, slug, &format!("mina@{slug}.example")).await;
            let token = provider.id_token(CLIENT_ID, None);
            let reply = present(&app, ID_TOKEN, &token, &[]).await;
            assert_eq!(reply.status, 200, "{slug} {}", reply.text);
            assert_ne!(decode_claims(&reply.text("id_token"))["sub"], sub.as_str(), "{slug}");
            let person = app.userinfo(&reply.text("access_token")).await.ok().json();
            assert_eq!(person["email_verified"], false, "{slug}");
        });
    }

    async fn s129_a_disabled_person_is_refused_and_comes_back_when_they_may(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        let token = every.line.id_token(CLIENT_ID, None);
        let first = present(&app, ID_TOKEN, &token, &[]).await.ok();
        let sub = decode_claims(&first.text("id_token"))["sub"].as_str().unwrap().to_owned();
        let person = app.userinfo(&first.text("access_token")).await.ok();
        let (issuer, username) = (server.inner.services(), person.text("preferred_username"));
        let ended = users::disable(&May::operator(), &issuer.store, server.now(), Target::named(&username)).await;
        assert!(ended.is_ok_and(|ended| ended > 0));
        app.refresh(&first.text("refresh_token")).await.refused(400, "invalid_grant");
        server.advance(60);
        let mut refusal_check = RefusalCheck::of(&server).await;
        let token = every.line.id_token(CLIENT_ID, None);
        let reply = present(&app, ID_TOKEN, &token, &[]).await;
        refusal_check.refused(&reply, "line: disabled", "disabled").await;
        assert_eq!(reply.text("error_description"), "the person cannot come in here");
        assert!(users::enable(&May::operator(), &issuer.store, server.now(), Target::named(&username)).await.is_ok());
        let again = present(&app, ID_TOKEN, &token, &[]).await.ok();
        assert_eq!(decode_claims(&again.text("id_token"))["sub"], sub.as_str());
    }

    async fn s128_a_provider_that_does_not_answer_is_no_fault_of_the_token(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        let mut refusal_check = RefusalCheck::of(&server).await;
        let broken = || Answer::html(503, "Try again.");
        for (slug, path, kind) in [
            ("oidc", "/.well-known/openid-configuration", ID_TOKEN),
            ("google", "/oauth2/v3/certs", ID_TOKEN),
            ("google", "/tokeninfo", ACCESS_TOKEN),
            ("apple", "/auth/token", CODE),
            ("kakao", "/v1/user/access_token_info", ACCESS_TOKEN),
            ("kakao", "/v2/user/me", ACCESS_TOKEN),
            ("line", "/oauth2/v2.1/verify", ACCESS_TOKEN),
            ("facebook", "/debug_token", ACCESS_TOKEN),
            ("github", "/login/oauth/access_token", CODE),
            ("github", "/api/v3/user/emails", CODE),
            ("naver", "/v1/nid/me", CODE),
            ("microsoft", "/common/discovery/v2.0/keys", ID_TOKEN),
        ] {
            server.advance(60);
            let records = every.all_records().into_iter().find(|(name, _)| *name == slug).unwrap().1;
            records.answers_with(path, broken());
            let mut token = String::new();
            with_each!(every, |name, provider| {
                if name == slug {
                    token = match kind {
                        ID_TOKEN => provider.id_token(CLIENT_ID, None),
                        ACCESS_TOKEN => provider.access_token_for(CLIENT_ID),
                        _ => provider.code_for("https://shop.example.com/landing", None),
                    };
                }
            });
            let landing = "https://shop.example.com/landing";
            if slug == "naver" {
                token = code_of_naver(&every.naver, landing, "a-state");
            }
            let changes =
                [("subject_issuer", slug), ("redirect_uri", landing), ("state", "a-state")];
            let reply = present(&app, kind, &token, &changes).await;
            assert_eq!(reply.status, 503, "{slug} {path}: {}", reply.text);
            reply.refused(503, "temporarily_unavailable");
            let seconds: u64 = reply.header("retry-after").parse().unwrap();
            assert!((1..=60).contains(&seconds), "{seconds}");
            refusal_check.saw_nothing_but(&[&format!("{slug}: unavailable")], path).await;
            records.answers_normally();
            if kind != CODE {
                // The token was not spent on it.
                let reply = present(&app, kind, &token, &changes).await;
                assert_eq!(reply.status, 200, "{slug} {path}: {}", reply.text);
                refusal_check = RefusalCheck::of(&server).await;
            }
        }
    }

    async fn s128_failures_that_one_app_meets_turn_nobody_away(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        let google = &every.google;
        let token = google.access_token_for(CLIENT_ID);
        let changes = [("subject_issuer", "google")];
        // A refused token is an answer, and no failure.
        for _ in 0..8 {
            present(&app, ACCESS_TOKEN, "x", &changes).await.refused(400, "invalid_grant");
        }
        google.answers_with("/tokeninfo", Answer::html(500, "no"));
        let before = google.count("/tokeninfo");
        for _ in 0..8 {
            let reply = present(&app, ACCESS_TOKEN, &token, &changes).await;
            reply.refused(503, "temporarily_unavailable");
        }
        assert_eq!(google.count("/tokeninfo") - before, 8);
        let other = every.line.access_token_for(CLIENT_ID);
        present(&app, ACCESS_TOKEN, &other, &[("subject_issuer", "line")]).await.ok();
        google.answers_normally();
        present(&app, ACCESS_TOKEN, &token, &changes).await.ok();
    }
}
