//! An app that no operator registered, whether it registered itself or is named by its document: it
//! never has more than it was given (widens), never longer (outlives), and is seen everywhere for what
//! it is (hides).

use reqwest::Method;
use serde_json::{Value, json};

use crate::admin_api::{Api, EVERY_SCOPE};
use crate::console::owner;
use crate::support::{
    App, Browser, CALLBACK, Page, Published, Publisher, Reply, Server, both, eventually,
};

/// The two kinds, in the words of `registered_by`.
const KINDS: [&str; 2] = ["itself", "document"];

const ON: &[(&str, &str)] = &[
    ("registration.mode", "open"),
    ("cimd.trust", "any"),
    ("outbound.allow_private", "true"),
    ("registration.unused_lifetime", "2d"),
];

const PATH: &str = "/client.json";
const ASKED: (&str, &str) = ("scope", "openid email offline_access");

/// What such an app says of itself, and more than anybody lets it be.
fn document() -> Value {
    json!({
        "client_name": "Agent", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "first_party": true, "trust_user_ip": true, "audiences": ["https://api.example.com"],
        "resource_servers": ["https://api.example.com"], "allowed_origins": ["https://evil.example"],
        "claims": [{ "claim": "tenant", "value": "x" }], "refresh_absolute": 999_999_999,
        "access_lifetime": 999_999, "may_act": [{ "client": "own", "resource": "https://api.example.com" }],
        "trusted_issuers": [{ "issuer": "https://evil.example", "subject": "x" }],
    })
}

/// An app of this kind, and the token that manages its registration.
async fn stranger(server: &Server, publisher: &Publisher, kind: &str) -> (App, String) {
    let of = |id: String| App {
        id,
        secret: None,
        base: server.issuer().to_owned(),
        http: server.http.clone(),
    };
    let mut document = document();
    if kind == "document" {
        document["client_id"] = json!(publisher.url(PATH));
        publisher.publish(PATH, Published::json(&document));
        return (of(publisher.url(PATH)), String::new());
    }
    let request = server.http.post(server.url("/register"));
    let request = request.header("content-type", "application/json").body(document.to_string());
    let registered = Reply::of(request.send().await.expect("an answer")).await;
    assert_eq!(registered.status, 201, "{}", registered.text);
    (of(registered.text("client_id")), registered.text("registration_access_token"))
}

/// Somebody allows the app; the browser, the access token and the refresh token.
async fn allowed(server: &Server, app: &App) -> (Browser, String, String) {
    let mut browser = server.browser();
    let page = browser.open(&app.authorization_url(&[ASKED])).await;
    let page = browser.sign_in(&page).await;
    assert!(page.has("consent-allow"), "{}", page.reply.text);
    let code = browser.consent(&page, "allow").await.authorization_response().code();
    let (access, refresh) = app.exchange(&code).await.pair();
    (browser, access, refresh)
}

/// Removes the first app on the page of a person's apps.
async fn remove(browser: &mut Browser, app: &App) -> Page {
    let page = browser.open("/account/apps").await;
    assert!(page.has("app-remove-1") && page.reply.text.contains("Agent"), "{}", page.reply.text);
    let sent = browser.send_account(&page, "/account/apps/remove", &[("client", &app.id)]).await;
    browser.follow(sent).await
}

both! {
    async fn s147_a_stranger_never_has_more_than_it_was_given(database) {
        let (server, publisher) = (Server::start_with(&database, ON).await, Publisher::start().await);
        server.alice().await;
        let own = server.client("own", |_| {}).await;
        let of_own = own.password("openid").await.ok().text("access_token");
        let cli = server.cli().await;
        cli.json(&["resource", "create", "--id", "https://api.example.com", "--scope", "orders:read"], None).await;
        server.forget_clients();
        for kind in KINDS {
            let (app, manages) = stranger(&server, &publisher, kind).await;
            let (mut browser, access, refresh) = allowed(&server, &app).await;
            // Scopes that it does not have are not in the token, and no page mentions them.
            let more = app.authorization_url(&[("scope", "openid email offline_access admin:users orders:read groups roles")]);
            let code = browser.open(&more).await.authorization_response().code();
            let token = app.exchange(&code).await.ok();
            assert_eq!(token.text("scope"), "email openid", "{kind}");
            // A refresh brings none either.
            let wider = app.refresh_with(&refresh, &[("scope", "openid admin:users")]).await;
            wider.refused(400, "invalid_scope");
            // Nothing that is no MCP server, whether it is registered here or not.
            let api = format!("{}/admin/api", server.issuer());
            for resource in [api.as_str(), "https://api.example.com", "https://unknown.example.com"] {
                let page = browser.open(&app.authorization_url(&[("resource", resource)])).await;
                assert_eq!(page.error_code(), "invalid_target", "{kind} {resource}");
                app.refresh_with(&refresh, &[("resource", resource)]).await.refused(400, "invalid_target");
            }
            // No grant by which an app says who somebody is, or acts for itself.
            for grant in ["client_credentials", "password", "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:device_code"] {
                let fields = [("grant_type", grant), ("username", "alice"), ("password", crate::support::PASSWORD),
                    ("assertion", "x"), ("subject_token", of_own.as_str()), ("device_code", "x")];
                let reply = app.token(&fields).await;
                assert!([400, 401].contains(&reply.status.as_u16()), "{kind} {grant} {}", reply.text);
                assert!(reply.json().get("access_token").is_none(), "{kind} {grant} {}", reply.text);
            }
            // It learns nothing about the tokens of others, and its own are none for the administration.
            let reply = app.post("/introspect", &[("token", &of_own)]).await;
            assert!(reply.status != 200 || reply.json() == json!({ "active": false }), "{kind} {}", reply.text);
            let asked = server.http.get(server.url("/admin/api/v1/users")).bearer_auth(&access).send().await.unwrap();
            assert_eq!(asked.status(), 401, "{kind}");
            // It is asked about again and again, whatever it says of itself.
            let page = browser.open(&app.authorization_url(&[ASKED, ("prompt", "consent")])).await;
            assert!(page.has("consent-unvouched"), "{}", page.reply.text);
            // A change of what it says widens nothing.
            let mut document = document();
            document["scope"] = json!("openid email offline_access admin:users orders:read");
            if kind == "document" {
                document["client_id"] = json!(app.id);
                publisher.publish(PATH, Published::json(&document));
                server.advance(3600);
            } else {
                document["client_id"] = json!(app.id);
                let request = server.http.put(server.url(&format!("/register/{}", app.id))).bearer_auth(&manages);
                let request = request.header("content-type", "application/json").body(document.to_string());
                Reply::of(request.send().await.unwrap()).await.refused(400, "invalid_client_metadata");
            }
            let code = browser.open(&more).await.authorization_response().code();
            assert_eq!(app.exchange(&code).await.ok().text("scope"), "email openid", "{kind}");
        }
    }

    async fn s147_a_stranger_has_nothing_for_longer_than_it_was_given(database) {
        let (server, publisher) = (Server::start_with(&database, ON).await, Publisher::start().await);
        server.alice().await;
        let mut gone = Vec::new();
        for kind in KINDS {
            let (app, manages) = stranger(&server, &publisher, kind).await;
            let (mut browser, access, refresh) = allowed(&server, &app).await;
            app.userinfo(&access).await.ok();
            // The person takes back what they allowed: at once, for everything.
            remove(&mut browser, &app).await;
            app.refresh(&refresh).await.refused(400, "invalid_grant");
            app.userinfo(&access).await.refused(401, "invalid_token");
            let page = browser.open(&app.authorization_url(&[ASKED])).await;
            assert!(page.has("consent-allow"), "{kind}: allowed before means nothing now");
            let code = browser.consent(&page, "allow").await.authorization_response().code();
            let (access, refresh) = app.exchange(&code).await.pair();
            gone.push((kind, app, manages, access, refresh));
        }
        // Nobody uses them. What they were given goes with them, and nothing comes back with them.
        server.advance(4 * 86_400);
        let server = server.restart().await;
        let evidence = server.evidence().await;
        eventually("no app is left", async || evidence.column("SELECT id FROM client", "id").await.is_empty()).await;
        assert!(evidence.column("SELECT client_id FROM consent", "client_id").await.is_empty());
        server.forget_clients();
        for (kind, app, manages, access, refresh) in gone {
            let app = app.at(server.issuer());
            let reply = app.refresh(&refresh).await;
            assert!([400, 401].contains(&reply.status.as_u16()), "{kind} {}", reply.text);
            app.userinfo(&access).await.refused(401, "invalid_token");
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[ASKED])).await;
            if kind == "document" {
                let page = browser.sign_in(&page).await;
                assert!(page.has("consent-allow"), "{}", page.reply.text);
            } else {
                assert_eq!(page.error_code(), "unknown_client");
                let path = server.url(&format!("/register/{}", app.id));
                let read = server.http.get(path).bearer_auth(&manages).send().await.unwrap();
                Reply::of(read).await.refused(401, "invalid_token");
            }
        }
    }

    async fn s147_a_stranger_is_gone_when_an_operator_does_not_want_it_any_more(database) {
        let publisher = Publisher::start().await;
        let trust = |trust: &str| format!("[cimd]\ntrust = \"{trust}\"\n");
        let settings = [("registration.mode", "open"), ("outbound.allow_private", "true")];
        let server = Server::start_of(&database, &settings, &trust("any")).await;
        server.alice().await;
        let mut strangers = Vec::new();
        for kind in KINDS {
            let (app, _) = stranger(&server, &publisher, kind).await;
            let (_, _, refresh) = allowed(&server, &app).await;
            strangers.push((app, refresh));
        }
        // Documents are not taken any more: nobody is named by one, whoever allowed it.
        server.rewrite(&trust("none"));
        let server = server.restart().await;
        let (itself, document) = (&strangers[0], &strangers[1]);
        document.0.at(server.issuer()).refresh(&document.1).await.refused(401, "invalid_client");
        itself.0.at(server.issuer()).refresh(&itself.1).await.ok();
        // An app is turned away by its id, as any other.
        let cli = server.cli().await;
        cli.json(&["client", "disable", "--id", &itself.0.id], None).await;
        server.forget_clients();
        itself.0.at(server.issuer()).refresh(&itself.1).await.refused(401, "invalid_client");
    }

    async fn what_strangers_change_leaves_in_memory_what_all_clients_say_together(database) {
        let (server, publisher) = (Server::start_with(&database, ON).await, Publisher::start().await);
        server.alice().await;
        let origin = |round: usize| format!("https://app{round}.example.com");
        server.client("own", |client| client.metadata.allowed_origins = vec![origin(0)]).await;
        let evidence = server.evidence().await;
        let is_known = async |round: usize| {
            let asked = server.http.request(Method::OPTIONS, server.url("/token")).header("origin", origin(round));
            let asked = asked.header("access-control-request-method", "POST").send().await.unwrap();
            // Where apps register themselves, every other origin is answered by `*`.
            asked.headers().get("access-control-allow-origin").is_some_and(|to| to == origin(round).as_str())
        };
        let (app, mut manages) = stranger(&server, &publisher, "itself").await;
        let is_called = async |name: &str| {
            let page = server.browser().open(&app.authorization_url(&[ASKED])).await;
            page.reply.text.contains(name)
        };
        let mut round = 0;
        // What operators changed before the first round is learned at its own time.
        eventually("nothing is read again", async || {
            // Both are in memory now, and the origins change without anybody being told.
            is_known(round).await;
            assert!(is_called("Agent").await);
            let change = (origin(round), origin(round + 1));
            round += 1;
            evidence.run(&format!("UPDATE client SET metadata = replace(metadata, '{}', '{}') WHERE id = 'own'", change.0, change.1)).await;
            // One comes by a document, one comes and goes, and one changes.
            let path = format!("/client{round}.json");
            let mut said = document();
            said["client_id"] = json!(publisher.url(&path));
            publisher.publish(&path, Published::json(&said));
            let described = App { id: publisher.url(&path), ..app.clone() };
            Box::pin(allowed(&server, &described)).await;
            let (gone, token) = stranger(&server, &publisher, "itself").await;
            let path = server.url(&format!("/register/{}", gone.id));
            assert_eq!(server.http.delete(path).bearer_auth(&token).send().await.unwrap().status(), 204);
            let name = format!("Agent {round}");
            (said["client_id"], said["client_name"]) = (json!(app.id), json!(name));
            let request = server.http.put(server.url(&format!("/register/{}", app.id))).bearer_auth(&manages);
            let request = request.header("content-type", "application/json").body(said.to_string());
            manages = Reply::of(request.send().await.unwrap()).await.ok().text("registration_access_token");
            eventually("the server learned of it", async || is_called(&name).await).await;
            !is_known(round).await
        })
        .await;
        // A change by an operator makes it read everything again.
        server.cli().await.json(&["client", "update", "--id", "own", "--name", "Shop"], None).await;
        eventually("everything is read again", async || is_known(round).await).await;
    }

    async fn s147_a_stranger_is_seen_for_what_it_is(database) {
        let (server, publisher) = (Server::start_with(&database, ON).await, Publisher::start().await);
        server.alice().await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let cli = server.cli().await;
        let mut console = owner(&server).await;
        for (kind, word) in [("itself", "Registered itself"), ("document", "Described by its document")] {
            let (app, _) = stranger(&server, &publisher, kind).await;
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[ASKED])).await;
            let host = url::Url::parse(CALLBACK).unwrap().host_str().unwrap().to_owned();
            assert!(page.has("consent-unvouched") && page.has("login-submit"), "{kind}: before the password");
            let page = browser.sign_in(&page).await;
            for shown in ["id=\"consent-unvouched\"", "id=\"consent-redirect\"", &host] {
                assert!(page.reply.text.contains(shown), "{kind} {shown} {}", page.reply.text);
            }
            let korean = browser.open(&app.authorization_url(&[ASKED, ("ui_locales", "ko")])).await;
            assert!(korean.reply.text.contains("확인되지 않은 앱이에요"), "{}", korean.reply.text);
            allowed(&server, &app).await;
            // The people who allowed it see it, and so do operators, wherever they look.
            assert!(browser.open("/account/apps").await.reply.text.contains("Agent"), "{kind}");
            let id: String = url::form_urlencoded::byte_serialize(app.id.as_bytes()).collect();
            let shown = api.get(&format!("/clients/{id}")).await.ok().json();
            assert_eq!(shown["registered_by"], kind);
            let listed = api.get("/clients").await.ok().json();
            let listed = listed["items"].as_array().unwrap().iter().find(|one| one["id"] == json!(app.id)).cloned();
            assert_eq!(listed.unwrap()["registered_by"], kind);
            let listed = cli.json(&["client", "list"], None).await;
            let listed = listed["clients"].as_array().unwrap().iter().find(|one| one["client_id"] == json!(app.id)).cloned();
            assert_eq!(listed.unwrap()["registered_by"], kind);
            assert!(console.open("/admin/apps").await.reply.text.contains(word), "{kind}");
            assert!(console.open(&format!("/admin/apps/{id}")).await.reply.text.contains(word), "{kind}");
            // The audit says who made it.
            let events = api.get(&format!("/audit?kind=client.created&client={id}")).await.ok().json();
            let event = &events["items"][0];
            if kind == "document" {
                assert_eq!((&event["client"], &event["detail"]), (&json!(app.id), &json!("document")), "{events}");
            } else {
                assert_eq!(event["actor"], format!("app:{}", app.id), "{events}");
            }
        }
    }
}
