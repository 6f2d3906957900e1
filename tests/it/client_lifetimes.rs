//! Lifetimes of a client's own: shorter than those of the settings, never longer.

use serde_json::{Value, json};

use crate::support::{Cli, Server, both, decode_claims, decode_header};

const DAY: i64 = 86_400;

fn life(token: &str) -> i64 {
    let claims = decode_claims(token);
    claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()
}

both! {
    async fn tokens_of_a_client_live_as_long_as_it_is_registered_for(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let other = server.client("other", |_| {}).await;
        let cli = server.cli().await;
        let shown = cli.json(&[
            "client", "update", "--id", "app", "--access-lifetime", "2m", "--id-lifetime", "90",
            "--refresh-idle", "1d", "--refresh-absolute", "3d",
        ], None).await;
        assert_eq!((&shown["access_lifetime"], &shown["refresh_absolute"]), (&json!(120), &json!(3 * DAY)));
        server.forget_clients();
        let tokens = app.password("openid").await.ok();
        assert_eq!(tokens.json()["expires_in"], 120);
        assert_eq!((life(&tokens.text("access_token")), life(&tokens.text("id_token"))), (120, 90));
        let theirs = other.password("openid").await.ok();
        assert_eq!((life(&theirs.text("access_token")), life(&theirs.text("id_token"))), (600, 600));
        // It ends when it idles for a day, and after three days in any case.
        let idle = app.password("openid").await.ok().text("refresh_token");
        let mut used = tokens.text("refresh_token");
        for _ in 0..3 {
            server.advance(DAY - 60);
            let next = app.refresh(&used).await.ok();
            assert_eq!(life(&next.text("access_token")), 120);
            used = next.text("refresh_token");
        }
        app.refresh(&idle).await.refused(400, "invalid_grant");
        server.advance(240);
        app.refresh(&used).await.refused(400, "invalid_grant");
        other.refresh(&theirs.text("refresh_token")).await.ok();
        let all = ["--access-lifetime", "", "--id-lifetime", "", "--refresh-idle", "", "--refresh-absolute", ""];
        let shown = cli.json(&[&["client", "update", "--id", "app"], &all[..]].concat(), None).await;
        assert_eq!(shown["access_lifetime"], Value::Null);
        server.forget_clients();
        assert_eq!(app.password("openid").await.ok().json()["expires_in"], 600);
    }

    async fn no_client_gets_more_than_the_settings_say(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let cli = Cli::installed(&database).await;
        let made = ["client", "create", "--id", "app", "--name", "App", "--kind", "confidential"];
        cli.json(&made, None).await;
        for (flag, value) in [
            ("--access-lifetime", "11m"), ("--id-lifetime", "11m"), ("--refresh-idle", "31d"),
            ("--refresh-absolute", "91d"), ("--access-lifetime", "0"), ("--access-lifetime", "soon"),
        ] {
            let said = cli.run(&["client", "update", "--id", "app", flag, value], None).await;
            assert_eq!(said.code, 2, "{flag} {value} {said:?}");
        }
        let both = ["client", "update", "--id", "app", "--refresh-idle", "2d", "--refresh-absolute", "1d"];
        assert_eq!(cli.run(&both, None).await.code, 2);
        // A setting that was lowered since counts for a client that has more.
        let app = server.client("app", |client| client.metadata.access_lifetime = Some(86_400)).await;
        assert_eq!(app.password("openid").await.ok().json()["expires_in"], 600);
    }

    async fn core_3_1_2_1_a_sign_in_counts_at_a_client_for_as_long_as_it_is_registered_for(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let bank = server.web_app("bank", |client| client.metadata.first_party = true).await;
        let cli = server.cli().await;
        let shown = cli.json(&["client", "update", "--id", "bank", "--session-lifetime", "10m"], None).await;
        assert_eq!(shown["session_lifetime"], 600);
        let short = cli.run(&["client", "update", "--id", "bank", "--session-lifetime", "59s"], None).await;
        assert!(short.code != 0 && short.err.contains("session_lifetime"), "{short:?}");
        server.forget_clients();
        let mut browser = server.browser();
        browser.code(&app).await;
        server.advance(600);
        browser.arrive(&bank.authorization_url(&[])).await.authorization_response();
        server.advance(2);
        // It is too old now: for this client alone, and the same as with max_age.
        browser.arrive(&app.authorization_url(&[])).await.authorization_response();
        browser.get(&bank.authorization_url(&[("prompt", "none")])).await.error_response("login_required");
        let page = browser.open(&bank.authorization_url(&[("max_age", "86400")])).await;
        assert!(page.has("login-submit"));
        let code = browser.sign_in(&page).await.authorization_response().code();
        let claims = decode_claims(&bank.exchange(&code).await.ok().text("id_token"));
        assert_eq!(claims["auth_time"], claims["iat"]);
        // A request may ask for less.
        server.advance(60);
        browser.get(&bank.authorization_url(&[("prompt", "none"), ("max_age", "30")])).await.error_response("login_required");
        browser.arrive(&bank.authorization_url(&[])).await.authorization_response();
        server.advance(600);
        cli.json(&["client", "update", "--id", "bank", "--session-lifetime", ""], None).await;
        server.forget_clients();
        browser.arrive(&bank.authorization_url(&[])).await.authorization_response();
    }

    async fn a_client_has_an_algorithm_for_id_tokens_of_its_own(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let cli = server.cli().await;
        let alg = async |name: &str| {
            let tokens = app.password("openid").await.ok();
            decode_header(&tokens.text(name))["alg"].as_str().unwrap().to_owned()
        };
        assert_eq!((alg("id_token").await, alg("access_token").await), ("RS256".to_owned(), "RS256".to_owned()));
        for (given, id, access) in [("ES256", "ES256", "RS256"), ("", "RS256", "RS256")] {
            cli.json(&["client", "update", "--id", "app", "--id-token-signed-response-alg", given], None).await;
            server.forget_clients();
            assert_eq!((alg("id_token").await, alg("access_token").await), (id.to_owned(), access.to_owned()), "{given}");
        }
        cli.json(&["client", "update", "--id", "app", "--token-alg", "ES256"], None).await;
        server.forget_clients();
        assert_eq!((alg("id_token").await, alg("access_token").await), ("ES256".to_owned(), "ES256".to_owned()));
        assert_eq!(cli.run(&["client", "update", "--id", "app", "--id-token-signed-response-alg", "none"], None).await.code, 2);
    }
}
