//! What clients of MCP servers do in practice. The documents in `tests/clients/documents` are those that
//! they published in September 2026.

use std::path::Path;

use futures_util::future::join;
use serde_json::{Value, json};

use crate::client_keys::{ASSERTION, Signer, set};
use crate::support::{
    App, AuthorizationResponse, Browser, Published, Publisher, Reply, Server, both, form,
};

const ON: &[(&str, &str)] = &[
    ("mcp.enabled", "true"),
    ("outbound.allow_private", "true"),
    ("trusted_proxies", "127.0.0.1"),
];

/// The documents, and where each client says that people come back to.
const CLIENTS: &[(&str, &[&str])] = &[
    ("claude", &["https://claude.ai/api/mcp/auth_callback"]),
    // It listens at any port.
    ("claude-code", &["http://localhost:52163/callback", "http://127.0.0.1:8080/callback"]),
    (
        "vscode",
        &["http://127.0.0.1:33418/", "http://127.0.0.1:50314/", "https://vscode.dev/redirect"],
    ),
    ("chatgpt", &["https://chatgpt.com/connector_platform_oauth_redirect"]),
    ("opencode", &["http://127.0.0.1:19876/callback", "http://localhost:1/callback"]),
];

/// A document as its client published it.
fn published(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/documents");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).expect("a document");
    serde_json::from_str(&text).expect("JSON")
}

/// Publishes a document here. Its URL, and that of the keys, are those of the publisher.
fn publish(server: &Server, publisher: &Publisher, path: &str, mut document: Value) -> App {
    document["client_id"] = json!(publisher.url(path));
    if document.get("jwks_uri").is_some() {
        document["jwks_uri"] = json!(publisher.url("/jwks"));
    }
    publisher.publish(path, Published::json(&document));
    App {
        id: publisher.url(path),
        secret: None,
        base: server.issuer().to_owned(),
        http: server.http.clone(),
    }
}

const SCOPE: (&str, &str) = ("scope", "openid offline_access");

async fn code(browser: &mut Browser, app: &App, redirect_uri: &str) -> String {
    let url = app.authorization_url(&[SCOPE, ("redirect_uri", redirect_uri)]);
    let page = browser.arrive(&url).await;
    let location = page.location().unwrap_or_else(|| panic!("{}", page.reply.text)).to_owned();
    assert!(location.starts_with(&format!("{redirect_uri}?")), "{location}");
    AuthorizationResponse::at(&location).code()
}

/// A client without keys that somebody signed in to, and its refresh token.
async fn signed_in(server: &Server, publisher: &Publisher, name: &str) -> (App, String) {
    let app = publish(server, publisher, "/client.json", published(name));
    let redirect_uri = CLIENTS.iter().find(|(known, _)| *known == name).expect("known").1[0];
    let code = code(&mut server.browser(), &app, redirect_uri).await;
    let (_, refresh) = app.exchange_with(&code, &[("redirect_uri", redirect_uri)]).await.pair();
    (app, refresh)
}

/// Refreshes from this address.
async fn refresh_from(app: &App, token: &str, address: &str) -> Reply {
    let fields =
        [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", app.id.as_str())];
    let request = app.http.post(format!("{}/token", app.base)).header("x-forwarded-for", address);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Reply::of(request.body(form(&fields)).send().await.expect("an answer")).await
}

/// The same request as a script of this origin sends it.
async fn from_script(app: &App, origin: &str, fields: &[(&str, &str)]) -> Reply {
    let request = app.http.post(format!("{}/token", app.base)).header("origin", origin);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Reply::of(request.body(form(fields)).send().await.expect("an answer")).await
}

both! {
    async fn cimd_4_people_sign_in_to_clients_as_these_describe_themselves(database) {
        let (server, publisher) = (Server::start_with(&database, ON).await, Publisher::start().await);
        server.alice().await;
        let key = Signer::new("1");
        publisher.publish("/jwks", Published::json(&set(&[&key])));
        let mut browser = server.browser();
        for (name, redirect_uris) in CLIENTS {
            let document = published(name);
            let signs = document["token_endpoint_auth_method"] == "private_key_jwt";
            let app = publish(&server, &publisher, &format!("/{name}.json"), document);
            for redirect_uri in *redirect_uris {
                let code = code(&mut browser, &app, redirect_uri).await;
                let mut more = vec![("redirect_uri", *redirect_uri)];
                let assertion = key.assertion(&server, &app.id);
                if signs {
                    // Whoever says that it signs is nobody without it.
                    app.exchange_with(&code, &more).await.refused(401, "invalid_client");
                    more.extend([ASSERTION, ("client_assertion", assertion.as_str())]);
                }
                let reply = app.exchange_with(&code, &more).await;
                assert_eq!(reply.status, 200, "{name} {redirect_uri} {}", reply.text);
                let refresh = reply.text("refresh_token");
                let assertion = key.assertion(&server, &app.id);
                let more = [ASSERTION, ("client_assertion", assertion.as_str())];
                let reply = app.refresh_with(&refresh, if signs { &more } else { &[] }).await;
                assert_eq!(reply.status, 200, "{name} {}", reply.text);
            }
            for bad in ["https://evil.example/callback", "http://localhost:1/other", "http://localhost.evil.example/callback"] {
                let url = app.authorization_url(&[("redirect_uri", bad)]);
                assert_eq!(browser.open(&url).await.error_code(), "invalid_redirect_uri", "{name} {bad}");
            }
        }
    }

    async fn cimd_4_1_a_list_of_methods_in_place_of_one_is_understood(database) {
        let (server, publisher) = (Server::start_with(&database, ON).await, Publisher::start().await);
        server.alice().await;
        let key = Signer::new("1");
        publisher.publish("/jwks", Published::json(&set(&[&key])));
        let mut browser = server.browser();
        let redirect_uri = "https://chatgpt.com/connector_platform_oauth_redirect";
        for (path, has_keys) in [("/with-keys.json", true), ("/without.json", false)] {
            let mut document = published("chatgpt");
            document.as_object_mut().unwrap().remove("token_endpoint_auth_method");
            if !has_keys {
                document.as_object_mut().unwrap().remove("jwks_uri");
            }
            let app = publish(&server, &publisher, path, document);
            let code = code(&mut browser, &app, redirect_uri).await;
            let plain = app.exchange_with(&code, &[("redirect_uri", redirect_uri)]).await;
            // The best method that the list and the keys allow.
            if has_keys {
                plain.refused(401, "invalid_client");
            } else {
                plain.ok();
            }
        }
    }

    async fn a_logo_at_another_host_is_shown_from_here(database) {
        let (server, publisher) = (Server::start_with(&database, ON).await, Publisher::start().await);
        server.alice().await;
        let elsewhere = Publisher::start().await;
        let logo = Published { body: "a picture".to_owned(), ..Published::status(200) }.with("content-type", "image/png");
        elsewhere.publish("/logo.png", logo);
        let mut document = published("vscode");
        document["logo_uri"] = json!(elsewhere.url("/logo.png"));
        let app = publish(&server, &publisher, "/client.json", document);
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[("redirect_uri", "http://127.0.0.1:33418/")])).await;
        let page = browser.sign_in(&page).await;
        assert!(page.has("consent-allow"), "{}", page.reply.text);
        let id: String = url::form_urlencoded::byte_serialize(app.id.as_bytes()).collect();
        let path = format!("/client-logo/{id}");
        assert!(page.reply.text.contains(&path) && !page.reply.text.contains(&elsewhere.url("")), "{}", page.reply.text);
        let shown = server.http.get(server.url(&path)).send().await.unwrap();
        assert_eq!((shown.status().as_u16(), &shown.headers()["content-type"]), (200, &reqwest::header::HeaderValue::from_static("image/png")));
        assert_eq!(elsewhere.asked("/logo.png"), 1);
    }

    async fn a_client_that_does_not_keep_the_new_refresh_token_goes_on(database) {
        let (server, publisher) = (Server::start_with(&database, ON).await, Publisher::start().await);
        server.alice().await;
        // As Claude Code and Cursor may: the first refresh token is shown again and again.
        let (app, first) = signed_in(&server, &publisher, "claude-code").await;
        for _ in 0..5 {
            server.advance(3600);
            let again = app.refresh(&first).await;
            assert_eq!(again.status, 200, "{}", again.text);
        }
        // Once the new one was used, the first one is a stolen one: 400, and nobody has the rest.
        let (_, newer) = app.refresh(&first).await.pair();
        let (_, newest) = app.refresh(&newer).await.pair();
        app.refresh(&newest).await.ok();
        server.advance(3600);
        for token in [&first, &newest, &first] {
            app.refresh(token).await.refused(400, "invalid_grant");
        }
    }

    async fn a_client_refreshes_at_once_from_two_addresses(database) {
        let (server, publisher) = (Server::start_with(&database, ON).await, Publisher::start().await);
        server.alice().await;
        let (app, refresh) = signed_in(&server, &publisher, "claude").await;
        let (here, there) = join(
            refresh_from(&app, &refresh, "192.0.2.1"), refresh_from(&app, &refresh, "198.51.100.7")
        ).await;
        for reply in [&here, &there] {
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
        for (reply, address) in [(here, "198.51.100.8"), (there, "192.0.2.2")] {
            let reply = refresh_from(&app, &reply.text("refresh_token"), address).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
    }

    /// A client in a browser is a page that fetches its tokens itself.
    async fn s158_a_client_of_a_document_reads_its_answers_in_a_browser(database) {
        let (server, publisher) = (Server::start_with(&database, ON).await, Publisher::start().await);
        server.alice().await;
        let app = publish(&server, &publisher, "/client.json", published("claude-code"));
        let script = "http://localhost:6274";
        for path in ["/token", "/userinfo"] {
            let asked = server.http.request(reqwest::Method::OPTIONS, server.url(path))
                .header("origin", script).header("access-control-request-method", "POST");
            let asked = Reply::of(asked.send().await.unwrap()).await;
            assert_eq!((asked.status.as_u16(), asked.header("access-control-allow-origin")), (204, "*"), "{path}");
        }
        // Before anybody allowed it, and after.
        let unknown = [("grant_type", "x"), ("client_id", app.id.as_str())];
        let refused = from_script(&app, script, &unknown).await;
        refused.refused(400, "unsupported_grant_type");
        assert_eq!(refused.header("access-control-allow-origin"), script);
        let redirect_uri = "http://localhost:6274/callback";
        let code = code(&mut server.browser(), &app, redirect_uri).await;
        let fields = [
            ("grant_type", "authorization_code"), ("client_id", app.id.as_str()), ("code", code.as_str()),
            ("redirect_uri", redirect_uri), ("code_verifier", crate::support::VERIFIER),
        ];
        let issued = from_script(&app, script, &fields).await.ok();
        assert_eq!(issued.header("access-control-allow-origin"), script);
        let access = issued.text("access_token");
        // Those that its document does not name read nothing.
        for (origin, allowed) in [
            (script, script), ("http://127.0.0.1:1", "http://127.0.0.1:1"), ("http://[::1]:6274", ""),
            ("https://localhost:6274", ""), ("https://claude.ai", ""), ("https://evil.example", ""),
        ] {
            let told = server.http.get(server.url("/userinfo")).header("origin", origin).bearer_auth(&access);
            let told = Reply::of(told.send().await.unwrap()).await.ok();
            for reply in [told, from_script(&app, origin, &unknown).await] {
                assert_eq!(reply.header("access-control-allow-origin"), allowed, "{origin}");
                assert!(reply.header("vary").contains("Origin"), "{origin}");
                assert!(!reply.headers.contains_key("access-control-allow-credentials"), "{origin}");
            }
        }
    }

    async fn a_client_that_proves_nothing_finds_that_it_may_come(database) {
        let server = Server::start_with(&database, ON).await;
        // Codex, opencode and Claude look for both before they name themselves by a document.
        for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
            let metadata = Reply::of(server.http.get(server.url(path)).send().await.unwrap()).await.ok().json();
            let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
            assert!(methods.contains(&json!("none")), "{path}: {methods:?}");
            assert_eq!(metadata["client_id_metadata_document_supported"], true, "{path}");
        }
    }

    async fn a_client_without_a_document_registers_with_a_loopback_name(database) {
        let on = [ON, &[("registration.mode", "open")]].concat();
        let server = Server::start_with(&database, &on).await;
        server.alice().await;
        // As Cursor does.
        let redirect_uri = "http://localhost:8787/callback";
        let document = json!({
            "client_name": "Cursor", "redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        });
        let request = server.http.post(server.url("/register")).header("content-type", "application/json");
        let registered = Reply::of(request.body(document.to_string()).send().await.unwrap()).await;
        assert_eq!(registered.status, 201, "{}", registered.text);
        let app = App {
            id: registered.text("client_id"), secret: None, base: server.issuer().to_owned(), http: server.http.clone(),
        };
        let code = code(&mut server.browser(), &app, redirect_uri).await;
        let (_, first) = app.exchange_with(&code, &[("redirect_uri", redirect_uri)]).await.pair();
        for _ in 0..2 {
            server.advance(3600);
            app.refresh(&first).await.ok();
        }
    }
}
