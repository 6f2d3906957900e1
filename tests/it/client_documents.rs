//! Clients that are named by the URL of a document: draft-ietf-oauth-client-id-metadata-document.

use std::sync::Arc;

use futures_util::future::join_all;
use mapae::domain::client::RegisteredBy;
use mapae::domain::grant_type::GrantType;
use serde_json::{Value, json};

use crate::client_keys::{ASSERTION, Signer, set};
use crate::support::{
    App, CALLBACK, PASSWORD, Page, Published, Publisher, Server, both, eventually,
};

const ANY: &[(&str, &str)] = &[("cimd.trust", "any"), ("outbound.allow_private", "true")];
const PATH: &str = "/client.json";

fn document(publisher: &Publisher, changes: &Value) -> Value {
    let mut document = json!({
        "client_id": publisher.url(PATH), "client_name": "Agent", "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
        "response_types": ["code"], "token_endpoint_auth_method": "none",
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

fn app(server: &Server, publisher: &Publisher) -> App {
    App {
        id: publisher.url(PATH),
        secret: None,
        base: server.issuer().to_owned(),
        http: server.http.clone(),
    }
}

async fn signed_in(
    server: &Server,
    app: &App,
    changes: &[(&str, &str)],
) -> (crate::support::Browser, Page) {
    let mut browser = server.browser();
    let page = browser.open(&app.authorization_url(changes)).await;
    let page = browser.sign_in(&page).await;
    (browser, page)
}

both! {
    async fn cimd_4_an_app_that_nobody_registered_signs_people_in_and_says_that_nobody_checked_it(database) {
        let (server, publisher) = (Server::start_with(&database, ANY).await, Publisher::start().await);
        server.alice().await;
        publisher.publish(PATH, Published::json(&document(&publisher, &json!({}))));
        let app = app(&server, &publisher);
        assert_eq!(app.metadata().await["client_id_metadata_document_supported"], json!(true));
        let offline = [("scope", "openid profile email offline_access")];
        let (mut browser, page) = signed_in(&server, &app, &offline).await;
        assert!(page.has("consent-unvouched"), "{}", page.reply.text);
        let host = publisher.url("").replace("http://", "");
        assert!(page.reply.text.contains(&host), "{}", page.reply.text);
        let redirect = url::Url::parse(CALLBACK).unwrap();
        assert!(page.has("consent-redirect") && page.reply.text.contains(redirect.host_str().unwrap()));
        let code = browser.consent(&page, "allow").await.authorization_response().code();
        let (_, refresh) = app.exchange(&code).await.ok().pair();
        let (access, _) = app.refresh(&refresh).await.ok().pair();
        app.userinfo(&access).await.ok();
        // Many requests, one document.
        assert_eq!(publisher.asked(PATH), 1);
        // Nothing else than what the person allowed is asked for again.
        let page = browser.open(&app.authorization_url(&offline)).await;
        page.authorization_response();
        // A scope that only registered apps have.
        let page = browser.open(&app.authorization_url(&[("scope", "openid read")])).await;
        let code = page.authorization_response().code();
        assert_eq!(app.exchange(&code).await.ok().text("scope"), "openid");
        let cli = server.cli().await;
        let shown = cli.json(&["client", "show", "--id", &app.id, "--json"], None).await;
        assert_eq!(shown["registered_by"], "document");
    }

    async fn cimd_a_changed_redirect_uri_or_method_asks_again(database) {
        let (server, publisher) = (Server::start_with(&database, ANY).await, Publisher::start().await);
        server.alice().await;
        let other = "https://elsewhere.example/cb";
        publisher.publish(PATH, Published::json(&document(&publisher, &json!({ "redirect_uris": [CALLBACK] }))));
        let app = app(&server, &publisher);
        let (mut browser, page) = signed_in(&server, &app, &[]).await;
        browser.consent(&page, "allow").await.authorization_response();
        browser.open(&app.authorization_url(&[])).await.authorization_response();
        browser.open(&app.authorization_url(&[("redirect_uri", other)])).await.is_error("invalid_redirect_uri");
        let changed = json!({ "redirect_uris": [CALLBACK, other] });
        publisher.publish(PATH, Published::json(&document(&publisher, &changed)));
        server.advance(3600);
        let page = browser.open(&app.authorization_url(&[("redirect_uri", other)])).await;
        assert!(page.has("consent-allow"), "{}", page.reply.text);
        assert!(page.reply.text.contains("elsewhere.example"));
        let key = Signer::new("1");
        let changed = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": set(&[&key]) });
        publisher.publish(PATH, Published::json(&document(&publisher, &changed)));
        server.advance(3600);
        let page = browser.open(&app.authorization_url(&[])).await;
        assert!(page.has("consent-allow"), "{}", page.reply.text);
        let code = browser.consent(&page, "allow").await.authorization_response().code();
        // The app that proved nothing before has to now.
        app.exchange(&code).await.refused(401, "invalid_client");
        let assertion = key.assertion(&server, &app.id);
        let more = [ASSERTION, ("client_assertion", assertion.as_str())];
        app.exchange_with(&code, &more).await.ok();
    }

    async fn cimd_6_documents_are_kept_within_bounds_and_fetched_once_at_a_time(database) {
        let (server, publisher) = (Server::start_with(&database, ANY).await, Publisher::start().await);
        let app = app(&server, &publisher);
        let show = async || server.browser().open(&app.authorization_url(&[])).await;
        let good = Published::json(&document(&publisher, &json!({})));
        publisher.publish(PATH, good.clone().with("cache-control", "no-store"));
        join_all((0..8).map(|_| show())).await;
        assert_eq!(publisher.asked(PATH), 1);
        server.advance(299);
        show().await;
        assert_eq!(publisher.asked(PATH), 1);
        server.advance(1);
        publisher.publish(PATH, good.clone().with("cache-control", "max-age=99999999"));
        show().await;
        assert_eq!(publisher.asked(PATH), 2);
        server.advance(3 * 86_400 - 1);
        show().await;
        assert_eq!(publisher.asked(PATH), 2);
        server.advance(1);
        // What is not there is not asked for by every request either.
        publisher.publish(PATH, Published::status(404));
        for _ in 0..3 {
            show().await.is_error("unknown_client");
        }
        assert_eq!(publisher.asked(PATH), 3);
        publisher.publish(PATH, good);
        server.advance(300);
        assert!(show().await.has("login-submit"));
    }

    async fn cimd_s151_only_a_small_json_document_of_its_own_url_is_taken(database) {
        let (server, publisher) = (Server::start_with(&database, ANY).await, Publisher::start().await);
        let app = app(&server, &publisher);
        let good = Published::json(&document(&publisher, &json!({})));
        let elsewhere = publisher.url("/elsewhere");
        publisher.publish("/elsewhere", good.clone());
        for (what, bad) in [
            ("another client_id", Published::json(&document(&publisher, &json!({ "client_id": elsewhere })))),
            ("a secret", Published::json(&document(&publisher, &json!({ "client_secret": "x" })))),
            ("a method with a secret", Published::json(&document(&publisher, &json!({ "token_endpoint_auth_method": "client_secret_post" })))),
            ("64 KB", Published::json(&document(&publisher, &json!({ "pad": "x".repeat(64 * 1024) })))),
            ("HTML", good.clone().with("content-type", "text/html")),
            ("a redirect", Published::status(302).with("location", &elsewhere)),
            ("no document", Published::status(204)),
            ("no redirect URI", Published::json(&document(&publisher, &json!({ "redirect_uris": ["javascript:x"] })))),
            ("a list", Published::json(&json!([]))),
        ] {
            publisher.publish(PATH, bad);
            let page = server.browser().open(&app.authorization_url(&[])).await;
            assert_eq!(page.error_code(), "unknown_client", "{what}");
            server.advance(3600);
        }
        assert_eq!(publisher.asked("/elsewhere"), 0);
        publisher.publish(PATH, good);
        assert!(server.browser().open(&app.authorization_url(&[])).await.has("login-submit"));
        for bad in ["/a/../client.json", "/client.json#x", "/%2e/client.json", "/", ""] {
            let app = App { id: publisher.url(bad), ..app.clone() };
            let page = server.browser().open(&app.authorization_url(&[])).await;
            assert_eq!(page.error_code(), "unknown_client", "{bad}");
        }
    }

    async fn cimd_s151_private_addresses_and_hosts_that_are_not_listed_are_not_asked(database) {
        let publisher = Publisher::start().await;
        publisher.publish(PATH, Published::json(&document(&publisher, &json!({}))));
        for settings in [
            &[("cimd.trust", "any")][..],
            &[("cimd.trust", "none"), ("outbound.allow_private", "true")],
            &[("cimd.trust", "listed"), ("outbound.allow_private", "true")],
            &[("cimd.trust", "listed"), ("cimd.hosts", "*.example.com"), ("outbound.allow_private", "true")],
            &[("cimd.trust", "any"), ("cimd.denied_hosts", "localhost"), ("outbound.allow_private", "true")],
            &[],
        ] {
            let server = Server::start_with(&database, settings).await;
            let page = server.browser().open(&app(&server, &publisher).authorization_url(&[])).await;
            assert_eq!(page.error_code(), "unknown_client", "{settings:?}");
        }
        assert_eq!(publisher.asked(PATH), 0);
        let listed = [("cimd.trust", "listed"), ("cimd.hosts", "localhost"), ("outbound.allow_private", "true")];
        let server = Server::start_with(&database, &listed).await;
        assert!(server.browser().open(&app(&server, &publisher).authorization_url(&[])).await.has("login-submit"));
    }

    async fn cimd_strangers_stop_no_app_that_people_use(database) {
        let (server, publisher) = (Server::start_with(&database, ANY).await, Publisher::start().await);
        server.alice().await;
        publisher.publish(PATH, Published::json(&document(&publisher, &json!({}))));
        let app = app(&server, &publisher);
        let (mut browser, page) = signed_in(&server, &app, &[]).await;
        let code = browser.consent(&page, "allow").await.authorization_response().code();
        app.exchange(&code).await.ok();
        let id = |number: usize| publisher.url(&format!("/nothing-{number}.json"));
        for number in 0..1100 {
            let stranger = App { id: id(number), ..app.clone() };
            let asked = server.http.get(stranger.authorization_url(&[])).send().await.unwrap();
            assert!(!asked.status().is_success());
        }
        browser.open(&app.authorization_url(&[])).await.authorization_response();
        // The document was not asked for again: nothing took its place.
        assert_eq!(publisher.asked(PATH), 1);
    }

    async fn cimd_nobody_keeps_others_away_by_allowing_many(database) {
        let (server, publisher) = (Server::start_with(&database, ANY).await, Publisher::start().await);
        server.alice().await;
        let numbered = |number: usize| {
            let path = format!("/app-{number}.json");
            let id = publisher.url(&path);
            publisher.publish(&path, Published::json(&document(&publisher, &json!({ "client_id": id }))));
            App { id, ..app(&server, &publisher) }
        };
        let used = numbered(0);
        let (mut browser, page) = signed_in(&server, &used, &[("scope", "openid offline_access")]).await;
        let code = browser.consent(&page, "allow").await.authorization_response().code();
        let (_, refresh) = used.exchange(&code).await.ok().pair();
        // Pressing a button is no use.
        for number in 1..25 {
            let page = browser.open(&numbered(number).authorization_url(&[])).await;
            browser.consent(&page, "allow").await.authorization_response();
        }
        let evidence = server.evidence().await;
        let documents = "SELECT count(*) AS n FROM client WHERE registered_by = 'document'";
        assert_eq!(evidence.count(documents).await, 21);
        let (_, refresh) = used.refresh(&refresh).await.ok().pair();
        // As many as there may be, none of which is in use, and all were used after the first one.
        let many = "INSERT INTO client (id, kind, metadata, created_at, registered_by, used_at, secrets, registration_tokens) \
            SELECT 'https://many.example/' || n, kind, metadata, created_at - 100, registered_by, used_at + n, secrets, registration_tokens \
            FROM client, (WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 9979) SELECT n FROM numbers) AS every \
            WHERE id = ";
        evidence.run(&format!("{many}'{}'", used.id)).await;
        assert_eq!(evidence.count(documents).await, 10_000);
        server.user("bob", Some(PASSWORD)).await;
        let mut bob = server.browser();
        let new = numbered(25);
        let page = bob.open(&new.authorization_url(&[])).await;
        let page = bob.sign_in_as(&page, "bob", PASSWORD).await;
        let code = bob.consent(&page, "allow").await.authorization_response().code();
        new.exchange(&code).await.ok();
        assert_eq!(evidence.count(documents).await, 10_000);
        used.refresh(&refresh).await.ok();
        // What nobody ever used goes after a day.
        evidence.run("DELETE FROM client WHERE id LIKE 'https://many.example/%'").await;
        server.advance(2 * 86_400);
        let _server = server.restart().await;
        eventually("the unused apps are gone", async || evidence.count(documents).await == 2).await;
    }

    async fn cimd_a_person_who_allowed_as_many_as_one_may_is_led_to_the_page_where_one_is_removed(database) {
        let (server, publisher) = (Server::start_with(&database, ANY).await, Publisher::start().await);
        server.alice().await;
        publisher.publish(PATH, Published::json(&document(&publisher, &json!({}))));
        let first = app(&server, &publisher);
        let (mut browser, page) = signed_in(&server, &first, &[]).await;
        let code = browser.consent(&page, "allow").await.authorization_response().code();
        first.exchange(&code).await.ok();
        // As many as one person may allow, all of which were used.
        let evidence = server.evidence().await;
        let numbers = "(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 99) SELECT n FROM numbers) AS every";
        evidence.run(&format!(
            "INSERT INTO client (id, kind, metadata, created_at, registered_by, used_at, secrets, registration_tokens) \
             SELECT 'https://many.example/' || n, kind, metadata, created_at - 100, registered_by, used_at, secrets, registration_tokens \
             FROM client, {numbers} WHERE id = '{}'", first.id,
        )).await;
        evidence.run(&format!(
            "INSERT INTO consent (user_id, client_id, scope, claims, given_at, resources, seen) \
             SELECT user_id, 'https://many.example/' || n, scope, claims, given_at, resources, seen \
             FROM consent, {numbers} WHERE client_id = '{}'", first.id,
        )).await;
        let id = publisher.url("/another.json");
        publisher.publish("/another.json", Published::json(&document(&publisher, &json!({ "client_id": id }))));
        let another = App { id: id.clone(), ..first.clone() };
        let asked = browser.open(&another.authorization_url(&[])).await;
        let full = browser.consent(&asked, "allow").await;
        full.is_error("conflict");
        assert_eq!(full.reply.status, 409);
        assert_eq!(full.attribute_of("id=\"error-apps\"", "href").as_deref(), Some("/account/apps"));
        assert!(full.reply.text.contains("at most 100 apps"), "{}", full.reply.text);
        let kept = format!("SELECT count(*) AS n FROM client WHERE id = '{id}'");
        assert_eq!(evidence.count(&kept).await, 0);
        let apps = browser.open("/account/apps").await;
        let removed = browser.send_account(&apps, "/account/apps/remove", &[("client", first.id.as_str())]).await;
        assert_eq!(removed.reply.status, 303);
        // The page that asked is still good.
        let code = browser.consent(&asked, "allow").await.authorization_response().code();
        another.exchange(&code).await.ok();
        assert_eq!(evidence.count(&kept).await, 1);
    }

    async fn cimd_urls_that_strangers_write_keep_no_document_of_the_host_away(database) {
        let (server, publisher) = (Server::start_with(&database, ANY).await, Publisher::start().await);
        publisher.publish(PATH, Published::json(&document(&publisher, &json!({}))));
        let hangs = Published { waits: Some(Arc::default()), ..Published::status(404) };
        publisher.publish("/slow", hangs);
        let app = app(&server, &publisher);
        let slow: Vec<_> = (0..4).map(|number| {
            let stranger = App { id: publisher.url(&format!("/slow?{number}")), ..app.clone() };
            tokio::spawn(server.http.get(stranger.authorization_url(&[])).send())
        }).collect();
        eventually("the strangers ask", async || publisher.asked("/slow") == 3).await;
        assert!(server.browser().open(&app.authorization_url(&[])).await.has("login-submit"));
        slow.iter().for_each(tokio::task::JoinHandle::abort);
    }

    async fn slow_logos_of_strangers_keep_no_other_logo_away(database) {
        let (server, publisher) = (Server::start_with(&database, ANY).await, Publisher::start().await);
        let image = Published { headers: vec![("content-type", "image/png".to_owned())], ..Published::status(200) };
        publisher.publish("/logo.png", image.clone());
        publisher.publish("/slow.png", Published { waits: Some(Arc::default()), ..image });
        server.client("own", |client| client.metadata.logo_uri = Some(publisher.url("/logo.png"))).await;
        let mut slow = Vec::new();
        for number in 0..4 {
            let app = server.client(&format!("strange-{number}"), |client| {
                client.registered_by = RegisteredBy::Itself;
                client.metadata.grant_types = vec![GrantType::ClientCredentials];
                client.metadata.logo_uri = Some(publisher.url("/slow.png"));
            }).await;
            let logo = server.url(&format!("/client-logo/{}", app.id));
            slow.push(tokio::spawn(server.http.get(logo).send()));
        }
        eventually("the strangers ask", async || publisher.asked("/slow.png") == 4).await;
        let own = server.http.get(server.url("/client-logo/own")).send().await.unwrap();
        assert_eq!(own.status(), 200);
        slow.iter().for_each(tokio::task::JoinHandle::abort);
    }

    async fn cimd_the_longest_url_fits_every_table(database) {
        let (server, publisher) = (Server::start_with(&database, ANY).await, Publisher::start().await);
        server.alice().await;
        // What does not repeat is not compressed by a database.
        let mut path = "/".to_owned();
        while path.len() < 2000 {
            path.push_str(&mapae::domain::random::identifier());
        }
        path.truncate(2000 - publisher.url("").len());
        let id = publisher.url(&path);
        assert_eq!(id.len(), 2000);
        let published = document(&publisher, &json!({ "client_id": id }));
        publisher.publish(&path, Published::json(&published));
        let app = App { id: id.clone(), ..app(&server, &publisher) };
        let (mut browser, page) = signed_in(&server, &app, &[("scope", "openid offline_access")]).await;
        let code = browser.consent(&page, "allow").await.authorization_response().code();
        let (_, refresh) = app.exchange(&code).await.ok().pair();
        app.refresh(&refresh).await.ok();
        let cli = server.cli().await;
        let shown = cli.json(&["client", "show", "--id", &id, "--json"], None).await;
        assert_eq!(shown["client_id"], json!(id));
    }

    async fn cimd_an_operator_turns_an_app_away_for_good(database) {
        let (server, publisher) = (Server::start_with(&database, ANY).await, Publisher::start().await);
        server.alice().await;
        publisher.publish(PATH, Published::json(&document(&publisher, &json!({}))));
        let app = app(&server, &publisher);
        let (mut browser, page) = signed_in(&server, &app, &[("scope", "openid offline_access")]).await;
        let code = browser.consent(&page, "allow").await.authorization_response().code();
        let (_, refresh) = app.exchange(&code).await.ok().pair();
        let cli = server.cli().await;
        let unseen = publisher.url("/unseen.json");
        for id in [&app.id, &unseen] {
            assert_eq!(cli.run(&["client", "disable", "--id", id], None).await.code, 0, "{id}");
        }
        server.forget_clients();
        app.refresh(&refresh).await.refused(401, "invalid_client");
        let page = browser.open(&app.authorization_url(&[])).await;
        assert_eq!(page.error_code(), "unknown_client");
        publisher.publish("/unseen.json", Published::json(&document(&publisher, &json!({ "client_id": unseen }))));
        let other = App { id: unseen.clone(), ..app.clone() };
        assert_eq!(server.browser().open(&other.authorization_url(&[])).await.error_code(), "unknown_client");
        assert_eq!(publisher.asked("/unseen.json"), 0);
        // It is not forgotten with the apps that nobody uses.
        server.advance(31 * 86_400);
        let server = server.restart().await;
        let cli = server.cli().await;
        let listed = cli.json(&["client", "list", "--json"], None).await;
        assert_eq!(listed["clients"].as_array().unwrap().len(), 2);
        assert_eq!(cli.run(&["client", "disable", "--id", "https://app.example/../x"], None).await.code, 1);
    }

    async fn cimd_what_a_person_allowed_comes_again_when_its_host_does(database) {
        let (server, publisher) = (Server::start_with(&database, ANY).await, Publisher::start().await);
        server.alice().await;
        publisher.publish(PATH, Published::json(&document(&publisher, &json!({}))));
        let app = app(&server, &publisher);
        let (mut browser, page) = signed_in(&server, &app, &[("scope", "openid offline_access"), ("prompt", "consent")]).await;
        let code = browser.consent(&page, "allow").await.authorization_response().code();
        let (_, refresh) = app.exchange(&code).await.ok().pair();
        publisher.publish(PATH, Published::status(503));
        server.advance(2 * 86_400);
        let (_, refresh) = app.refresh(&refresh).await.ok().pair();
        server.advance(2 * 86_400);
        // After three days nobody knows whether the app is still this one. That is no reason to sign out.
        app.refresh(&refresh).await.refused(503, "temporarily_unavailable");
        publisher.publish(PATH, Published::json(&document(&publisher, &json!({}))));
        server.advance(30);
        app.refresh(&refresh).await.ok();
    }

    async fn cimd_an_app_on_a_device_listens_on_any_port_of_localhost(database) {
        let (server, publisher) = (Server::start_with(&database, ANY).await, Publisher::start().await);
        server.alice().await;
        let changes = json!({ "redirect_uris": ["http://localhost/callback"] });
        publisher.publish(PATH, Published::json(&document(&publisher, &changes)));
        let app = app(&server, &publisher);
        let (mut browser, page) = signed_in(&server, &app, &[("redirect_uri", "http://localhost:49152/callback")]).await;
        assert!(page.has("consent-redirect") && page.reply.text.contains("localhost:49152"));
        browser.consent(&page, "allow").await;
        // Any program could listen there, so every request asks.
        let page = browser.open(&app.authorization_url(&[("redirect_uri", "http://localhost:49153/callback")])).await;
        assert!(page.has("consent-allow"));
        for bad in ["http://localhost:1/other", "http://localhost.evil.example/callback", "http://localhost:1@evil.example/callback", "https://localhost:1/callback"] {
            let page = browser.open(&app.authorization_url(&[("redirect_uri", bad)])).await;
            assert_eq!(page.error_code(), "invalid_redirect_uri", "{bad}");
        }
    }
}
