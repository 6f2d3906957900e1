//! Apps that name the provider in the authorization request, and what follows for a person who
//! signed in by one.

use chrono::Duration;
use serde_json::json;

use super::fixtures::{by, person, rows};
use super::{table, with_idp};
use crate::my_account::{is_signed_in, send};
use crate::support::upstream::{Canary, Oidc};
use crate::support::{PASSWORD, Server, both, eventually};

both! {
    async fn a_hint_leads_straight_to_the_provider_once(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        for hint in [
            [("idp_hint", "idp"), ("acr_values", "")],
            [("idp_hint", ""), ("acr_values", "idp:idp")],
            [("idp_hint", ""), ("acr_values", "1 idp:idp")],
            [("idp_hint", "idp"), ("acr_values", "idp:other")],
        ] {
            let mut browser = server.browser();
            let login = browser.get(&app.authorization_url(&hint)).await;
            let login = login.location().unwrap().to_owned();
            let away = browser.get(&login).await;
            let location = away.location().unwrap_or_else(|| panic!("{hint:?} {away:?}")).to_owned();
            assert!(location.starts_with(&idp.url("/authorize?")), "{location}");
            // Back shows our page.
            assert!(browser.get(&login).await.has("login-with-idp"), "{hint:?}");
            let arrived = browser.complete_upstream_login(&idp.approve(&location)).await;
            let (claims, _) = person(&app, &arrived).await;
            assert_eq!(claims["amr"], json!(["fed", "idp"]));
        }
        // Who turns back there, turns back to the app that sent them past our page.
        let mut browser = server.browser();
        let away = browser.open(&app.authorization_url(&[("idp_hint", "idp")])).await;
        let callback = idp.cancel(away.location().unwrap());
        browser.complete_upstream_login(&callback).await.error_response("access_denied");
    }

    async fn a_hint_that_names_no_way_in_is_none(database) {
        let idp = Oidc::start().await;
        let tables = [
            table("idp", "oidc", idp.base(), ""),
            table("off", "oidc", idp.base(), "disabled = true"),
            table("theirs", "oidc", idp.base(), "allowed_clients = [\"other\"]"),
        ];
        let server = Server::start_social(&database, &tables.concat()).await;
        idp.follows(server.now());
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let hints = ["off", "theirs", "nobody", "../idp", "IDP", "https://evil.example", "마패"];
        for hint in hints {
            for name in ["idp_hint", "acr_values"] {
                let value = if name == "idp_hint" { hint.to_owned() } else { format!("idp:{hint}") };
                let mut browser = server.browser();
                let page = browser.open(&app.authorization_url(&[(name, &value)])).await;
                assert!(page.has("login-submit") && page.has("login-with-idp"), "{name}={value}");
            }
        }
        assert_eq!(idp.asked().len(), 0);
        // prompt=none shows no page, not even somebody else's.
        let silent = [("prompt", "none"), ("idp_hint", "idp")];
        let mut browser = server.browser();
        browser.get(&app.authorization_url(&silent)).await.error_response("login_required");
        assert_eq!(idp.asked().len(), 0);
        by(&mut browser, &app, "idp", &idp).await.authorization_response().code();
        browser.get(&app.authorization_url(&silent)).await.authorization_response().code();
        // Who is signed in goes nowhere.
        browser.get(&app.authorization_url(&[("idp_hint", "idp")])).await.authorization_response().code();
        assert_eq!(idp.count("/authorize"), 1);
    }

    async fn core_3_1_2_1_prompt_login_asks_the_provider_to_ask(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        let left = browser.start_upstream_login(&page, "idp").await;
        let location = left.location().unwrap().to_owned();
        assert!(!location.contains("prompt="), "{location}");
        let (first, _) = person(&app, &browser.complete_upstream_login(&idp.approve(&location)).await).await;
        server.advance(60);
        for again in [[("prompt", "login"), ("max_age", "")], [("prompt", ""), ("max_age", "30")]] {
            server.advance(60);
            let page = browser.open(&app.authorization_url(&again)).await;
            assert!(page.has("login-with-idp") && !page.has("password"), "{again:?}");
            let left = browser.start_upstream_login(&page, "idp").await;
            let location = left.location().unwrap().to_owned();
            assert!(location.contains("prompt=login"), "{location}");
            let (claims, _) = person(&app, &browser.complete_upstream_login(&idp.approve(&location)).await).await;
            assert_eq!(claims["sub"], first["sub"]);
            assert_eq!(claims["auth_time"], json!(server.now().now().timestamp()));
        }
    }

    /// S069
    async fn s069_whoever_wants_to_stay_signed_in_stays(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        for (keep, stays) in [(None, false), (Some(("keep", "1")), true)] {
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
            let mut fields = vec![("interaction", interaction.as_str()), ("csrf", csrf.as_str())];
            fields.extend(keep);
            let left = browser.post("/login/with/idp", &fields).await;
            let callback = idp.approve(left.location().unwrap());
            let arrived = browser.get(&callback.url()).await;
            arrived.authorization_response().code();
            let cookie = arrived.reply.header("set-cookie");
            let weeks = format!("Max-Age={}", Duration::days(90).num_seconds());
            assert_eq!(cookie.contains(&weeks), stays, "{cookie}");
            server.advance(29 * 86_400);
            assert_eq!(is_signed_in(&browser, &app).await, stays);
        }
    }

    /// Their session is one as any other: consent, devices, signing out, the word to the apps.
    async fn whoever_came_by_a_provider_is_a_person_like_any_other(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let told = Canary::start().await;
        let asking = server.web_app("asking", |client| {
            client.metadata.backchannel_logout_uri = Some(told.url().to_owned());
        });
        let asking = asking.await;
        let mut browser = server.browser();
        let consent = by(&mut browser, &asking, "idp", &idp).await;
        assert!(consent.has("consent-allow"), "{}", consent.reply.text);
        browser.clone().consent(&consent, "deny").await.error_response("access_denied");
        let consent = browser.open(&asking.authorization_url(&[])).await;
        let code = browser.consent(&consent, "allow").await.authorization_response().code();
        let (access, refresh) = asking.exchange(&code).await.pair();
        assert!(is_signed_in(&browser, &app).await);
        assert!(browser.open("/account/devices").await.has("device-end-1"));
        assert!(browser.open("/account/apps").await.has("app-remove-1"));
        let account = browser.open("/account/security").await;
        // There is no password to change, and an old session sets none.
        assert!(!account.has("current-password") && account.has("new-password"));
        server.advance(301);
        let before = rows(&server).await;
        let changes = [("current-password", ""), ("new-password", PASSWORD)];
        let confirm = send(&mut browser, &account, "/account/password", &changes).await;
        assert!(browser.clone().follow(confirm).await.has("login-with-idp"));
        let login = server.browser().open("/account").await;
        assert!(login.has("login-submit"));
        let hashes = "SELECT count(*) AS n FROM account WHERE password_hash IS NOT NULL";
        assert_eq!(server.evidence().await.count(hashes).await, 0);
        assert_eq!(rows(&server).await, before);
        send(&mut browser, &account, "/account/sign-out", &[]).await;
        assert!(!is_signed_in(&browser, &app).await);
        assert!(!asking.is_active(&access).await);
        asking.refresh(&refresh).await.refused(400, "invalid_grant");
        eventually("the app is told", async || told.count() == 1).await;
    }
}
