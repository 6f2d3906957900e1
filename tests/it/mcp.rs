//! MCP servers: where a client finds what it needs, what its tokens are for, and how an operator finds
//! out what is wrong (RFC 9728, RFC 8707).

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use mapae::domain::client::{AuthMethod, ClientKind};
use mapae::domain::scope::Scope;
use serde_json::{Value, json};

use crate::support::{App, CALLBACK, Published, Publisher, Reply, Server, both, decode_claims};

const MCP: &str = "https://mcp.example.com/mcp";
const ON: &[(&str, &str)] = &[("mcp.enabled", "true")];

/// A public client that was registered by hand.
async fn client(server: &Server, audiences: &[&str]) -> App {
    let audiences = audiences.iter().map(|one| (*one).to_owned()).collect();
    server
        .web_app("assistant", |client| {
            client.kind = ClientKind::Public;
            client.metadata.token_endpoint_auth_method = AuthMethod::None;
            client.metadata.audiences = audiences;
            client.metadata.scope =
                Scope::parse("openid offline_access files:read files:write").expect("a scope");
        })
        .await
}

async fn get_at(server: &Server, path: &str) -> Reply {
    let url = format!("http://{}{path}", server.inner.address());
    Reply::of(
        server
            .http
            .get(url)
            .header("origin", "https://anybody.example")
            .send()
            .await
            .expect("an answer"),
    )
    .await
}

const PLACE: &str = "/.well-known/oauth-protected-resource/mcp.example.com/mcp";

both! {
    async fn rfc9728_3_the_metadata_of_an_mcp_server_is_hosted_here(database) {
        let server = Server::start_with(&database, ON).await;
        let cli = server.cli().await;
        get_at(&server, PLACE).await.refused(404, "not_found");
        let made = cli.json(&["mcp", "resource", "add", MCP, "--scope", "files:read files:write", "--name", "Files"], None).await;
        let url = server.url(PLACE);
        assert_eq!((&made["resource"], &made["metadata_url"]), (&json!(MCP), &json!(url)));
        assert_eq!(made["www_authenticate"], format!("Bearer resource_metadata=\"{url}\", scope=\"files:read files:write\""));
        assert_eq!(made["proxy"], format!("location = /.well-known/oauth-protected-resource/mcp {{ proxy_pass {url}; }}"));
        server.forget_clients();
        let reply = get_at(&server, PLACE).await.ok();
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert_eq!(reply.header("content-type"), "application/json");
        let document = reply.json();
        assert_eq!(document["resource"], MCP, "§3.3: byte for byte what clients call");
        assert_eq!(document["authorization_servers"], json!([server.issuer()]));
        assert_eq!(document["scopes_supported"], json!(["files:read", "files:write"]));
        assert_eq!((&document["resource_name"], &document["bearer_methods_supported"]), (&json!("Files"), &json!(["header"])));
        let preflight = server.http.request(reqwest::Method::OPTIONS, server.url(PLACE))
            .header("origin", "https://anybody.example").header("access-control-request-method", "GET").send().await.unwrap();
        assert_eq!(preflight.status(), 204);
        // The metadata of this server names the scopes as well.
        let scopes = get_at(&server, "/.well-known/oauth-authorization-server").await.ok().json()["scopes_supported"].to_string();
        assert!(scopes.contains("\"files:read\"") && scopes.contains("\"openid\""), "{scopes}");

        let listed = cli.json(&["mcp", "resource", "list"], None).await;
        assert_eq!(listed["resources"][0]["www_authenticate"], made["www_authenticate"]);
        for wrong in ["urn:mcp", "http://mcp.example.com/mcp", "https://mcp.example.com/mcp?x=1", "https://mcp.example.com/mcp#x"] {
            let said = cli.run(&["mcp", "resource", "add", wrong], None).await;
            assert_ne!(said.code, 0, "{wrong}");
        }
        // Two that would be hosted at one place are one too many.
        assert_ne!(cli.run(&["mcp", "resource", "add", &format!("{MCP}/")], None).await.code, 0);
        cli.json(&["resource", "create", "--id", "https://api.example.com"], None).await;
        assert_eq!(cli.run(&["mcp", "resource", "remove", "https://api.example.com"], None).await.code, 1);
        cli.json(&["mcp", "resource", "remove", MCP], None).await;
        server.forget_clients();
        get_at(&server, PLACE).await.refused(404, "not_found");
    }

    async fn two_resources_that_could_be_taken_for_each_other_are_one_too_many(database) {
        let server = Server::start_with(&database, ON).await;
        let cli = server.cli().await;
        let create = async |id: &str| cli.run(&["resource", "create", "--id", id], None).await.code == 0;
        assert!(create("https://api.example.com").await);
        assert!(!create("https://api.example.com/").await);
        assert!(create("https://api.example.com/x?y").await);
        assert!(!create("https://api.example.com/x/?y").await);
        // Two places are one, whether the resource is made or changed.
        cli.json(&["mcp", "resource", "add", "https://localhost/mcp"], None).await;
        assert!(create("http://localhost/mcp").await);
        let update = ["resource", "update", "--id", "http://localhost/mcp", "--mcp"];
        assert_ne!(cli.run(&update, None).await.code, 0);
        assert_eq!(cli.run(&["resource", "update", "--id", "http://localhost/mcp", "--name", "x"], None).await.code, 0);
        // A path with escapes is served as it is registered.
        cli.json(&["mcp", "resource", "add", "https://mcp.example.com/a%20b"], None).await;
        server.forget_clients();
        let place = "/.well-known/oauth-protected-resource/mcp.example.com/a%20b";
        assert_eq!(get_at(&server, place).await.ok().json()["resource"], "https://mcp.example.com/a%20b");
    }

    async fn rfc8707_2_a_registered_resource_is_for_those_who_name_it_just_so(database) {
        let server = Server::start_with(&database, ON).await;
        server.alice().await;
        server.cli().await.json(&["mcp", "resource", "add", MCP, "--scope", "files:read"], None).await;
        let app = client(&server, &["https://mcp.example.com/mcp/"]).await;
        let mut browser = server.browser();
        let url = app.authorization_url(&[("scope", "files:read"), ("resource", MCP)]);
        browser.get(&url).await.error_response("invalid_target");
    }

    async fn an_app_that_nobody_registered_may_ask_for_an_mcp_server(database) {
        let on = [ON[0], ("registration.mode", "open"), ("outbound.allow_private", "true")];
        let (server, publisher) = (Server::start_with(&database, &on).await, Publisher::start().await);
        server.alice().await;
        server.cli().await.json(&["mcp", "resource", "add", MCP, "--scope", "files:read admin:users"], None).await;
        server.forget_clients();
        let mut document = json!({
            "client_name": "Agent", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "scope": "openid offline_access files:read",
        });
        let register = async |document: &Value| {
            let request = server.http.post(server.url("/register")).header("content-type", "application/json");
            Reply::of(request.body(document.to_string()).send().await.unwrap()).await
        };
        let registered = register(&document).await;
        assert_eq!(registered.status, 201, "{}", registered.text);
        let mut greedy = document.clone();
        greedy["scope"] = json!("openid admin:users");
        register(&greedy).await.refused(400, "invalid_client_metadata");
        // Documents are taken without a setting of their own.
        let id = publisher.url("/client.json");
        document["client_id"] = json!(id);
        publisher.publish("/client.json", Published::json(&document));
        for id in [registered.text("client_id"), id] {
            let app = App { id, secret: None, base: server.issuer().to_owned(), http: server.http.clone() };
            let mut browser = server.browser();
            let scope = "openid offline_access files:read";
            let url = app.authorization_url(&[("scope", scope), ("resource", MCP)]);
            let code = browser.arrive(&url).await.authorization_response().code();
            let (access, refresh) = app.exchange_with(&code, &[("resource", MCP)]).await.pair();
            let refreshed = app.refresh_with(&refresh, &[("resource", MCP)]).await.ok();
            for token in [access, refreshed.text("access_token")] {
                let claims = decode_claims(&token);
                assert_eq!(claims["aud"], json!([MCP, server.issuer()]));
                assert!(claims["scope"].as_str().unwrap().contains("files:read"), "{claims}");
            }
            let url = app.authorization_url(&[("scope", "openid"), ("resource", "https://api.example.com")]);
            // Nobody is sent to an app that nobody checked by a request that is refused.
            assert_eq!(browser.open(&url).await.error_code(), "invalid_target");
        }
    }

    async fn rfc8707_2_2_an_app_that_nobody_registered_gets_no_token_for_an_mcp_server_that_nobody_allowed(database) {
        let on = [ON[0], ("registration.mode", "open"), ("outbound.allow_private", "true")];
        let (server, publisher) = (Server::start_with(&database, &on).await, Publisher::start().await);
        server.alice().await;
        server.cli().await.json(&["mcp", "resource", "add", MCP, "--scope", "files:read"], None).await;
        server.forget_clients();
        let mut document = json!({
            "client_name": "Agent", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        });
        let request = server.http.post(server.url("/register")).header("content-type", "application/json");
        let registered = Reply::of(request.body(document.to_string()).send().await.unwrap()).await;
        assert_eq!(registered.status, 201, "{}", registered.text);
        let id = publisher.url("/client.json");
        document["client_id"] = json!(id);
        publisher.publish("/client.json", Published::json(&document));
        for id in [registered.text("client_id"), id] {
            let app = App { id, secret: None, base: server.issuer().to_owned(), http: server.http.clone() };
            let mut browser = server.browser();
            let login = browser.open(&app.authorization_url(&[("scope", "openid offline_access")])).await;
            let consent = browser.sign_in(&login).await;
            assert!(consent.has("consent-allow") && !consent.reply.text.contains(MCP), "{}", consent.reply.text);
            let code = browser.consent(&consent, "allow").await.authorization_response().code();
            app.exchange_with(&code, &[("resource", MCP)]).await.refused(400, "invalid_target");
            let (access, refresh) = app.exchange(&code).await.pair();
            app.refresh_with(&refresh, &[("resource", MCP)]).await.refused(400, "invalid_target");
            let refreshed = app.refresh(&refresh).await.ok();
            for token in [access, refreshed.text("access_token")] {
                assert_eq!(decode_claims(&token)["aud"], server.issuer(), "{}", app.id);
            }
        }
    }

    async fn a_refresh_brings_no_token_for_an_mcp_server_that_was_removed(database) {
        let on = [ON[0], ("registration.mode", "open")];
        let server = Server::start_with(&database, &on).await;
        server.alice().await;
        let cli = server.cli().await;
        cli.json(&["mcp", "resource", "add", MCP], None).await;
        server.forget_clients();
        let document = json!({
            "client_name": "Agent", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        });
        let request = server.http.post(server.url("/register")).header("content-type", "application/json");
        let registered = Reply::of(request.body(document.to_string()).send().await.unwrap()).await;
        assert_eq!(registered.status, 201, "{}", registered.text);
        let app = App { id: registered.text("client_id"), secret: None, base: server.issuer().to_owned(), http: server.http.clone() };
        let url = app.authorization_url(&[("resource", MCP)]);
        let code = server.browser().arrive(&url).await.authorization_response().code();
        let (access, refresh) = app.exchange(&code).await.pair();
        let at_mcp = json!([MCP, server.issuer()]);
        assert_eq!(decode_claims(&access)["aud"], at_mcp);
        cli.json(&["mcp", "resource", "remove", MCP], None).await;
        server.forget_clients();
        for named in [vec![], vec![("resource", MCP)]] {
            app.refresh_with(&refresh, &named).await.refused(400, "invalid_target");
        }
        // Nothing was spent.
        cli.json(&["mcp", "resource", "add", MCP], None).await;
        server.forget_clients();
        assert_eq!(decode_claims(&app.refresh(&refresh).await.pair().0)["aud"], at_mcp);
    }

    async fn an_app_that_nobody_registered_gets_no_token_for_an_mcp_server_by_itself(database) {
        let on = [ON[0], ("registration.mode", "open"), ("registration.grants", "client_credentials"), ("registration.scopes", "openid,notes:read")];
        let server = Server::start_with(&database, &on).await;
        server.cli().await.json(&["mcp", "resource", "add", MCP, "--scope", "files:read"], None).await;
        server.forget_clients();
        let document = json!({
            "client_name": "Robot", "grant_types": ["client_credentials"], "response_types": [], "scope": "notes:read files:read",
        });
        let request = server.http.post(server.url("/register")).header("content-type", "application/json");
        let registered = Reply::of(request.body(document.to_string()).send().await.unwrap()).await;
        assert_eq!(registered.status, 201, "{}", registered.text);
        let secret = Some(registered.text("client_secret"));
        let app = App { id: registered.text("client_id"), secret, base: server.issuer().to_owned(), http: server.http.clone() };
        app.token(&[("grant_type", "client_credentials"), ("resource", MCP)]).await.refused(400, "invalid_target");
        let token = app.token(&[("grant_type", "client_credentials")]).await.ok().text("access_token");
        assert_eq!(decode_claims(&token)["aud"], server.issuer());
    }

    async fn without_the_setting_no_metadata_of_others_is_hosted(database) {
        let server = Server::start(&database).await;
        let said = server.cli().await.run(&["mcp", "resource", "add", MCP, "--scope", "files:read"], None).await;
        assert_eq!(said.code, 0);
        assert!(said.err.contains("mcp.enabled"), "{said:?}");
        server.forget_clients();
        get_at(&server, PLACE).await.refused(404, "not_found");
        let scopes = get_at(&server, "/.well-known/oauth-authorization-server").await.ok().json()["scopes_supported"].to_string();
        assert!(!scopes.contains("files:read"));
    }

    async fn rfc8414_3_1_the_metadata_is_where_clients_look_when_the_issuer_has_a_path(database) {
        let issuer = "https://id.example.com/tenant";
        let server = Server::start_with(&database, &[("issuer", issuer), ON[0]]).await;
        for path in ["/.well-known/oauth-authorization-server/tenant", "/.well-known/openid-configuration/tenant",
            "/tenant/.well-known/openid-configuration"] {
            let reply = get_at(&server, path).await.ok();
            assert_eq!((reply.json()["issuer"].as_str(), reply.header("access-control-allow-origin")), (Some(issuer), "*"), "{path}");
        }
        let made = server.cli().await.json(&["mcp", "resource", "add", MCP], None).await;
        assert_eq!(made["metadata_url"], format!("https://id.example.com{PLACE}"));
        server.forget_clients();
        assert_eq!(get_at(&server, PLACE).await.ok().json()["authorization_servers"], json!([issuer]));
    }

    async fn rfc8707_2_a_slash_more_or_less_is_the_same_resource_and_aud_is_the_registered_spelling(database) {
        let server = Server::start_with(&database, ON).await;
        server.alice().await;
        server.cli().await.json(&["mcp", "resource", "add", MCP, "--scope", "files:read files:write"], None).await;
        let app = client(&server, &[MCP]).await;
        let scope = "openid offline_access files:read";
        let mut browser = server.browser();
        for (at_authorize, at_token) in [(MCP, MCP), ("https://mcp.example.com/mcp/", MCP), (MCP, "https://mcp.example.com/mcp/"), (MCP, "")] {
            let url = app.authorization_url(&[("scope", scope), ("resource", at_authorize)]);
            let code = browser.arrive(&url).await.authorization_response().code();
            let (access, refresh) = app.exchange_with(&code, &[("resource", at_token)]).await.pair();
            let claims = decode_claims(&access);
            assert_eq!(claims["aud"], json!([MCP, server.issuer()]), "{at_authorize} {at_token}");
            let refreshed = app.refresh_with(&refresh, &[("resource", "https://mcp.example.com/mcp/")]).await.ok();
            assert_eq!(decode_claims(&refreshed.text("access_token"))["aud"], claims["aud"]);
        }
        for other in ["https://mcp.example.com/mcp//", "https://mcp.example.com/MCP", "https://MCP.example.com/mcp",
            "http://mcp.example.com/mcp", "https://mcp.example.com:443/mcp", "https://mcp.example.com/./mcp",
            "https://mcp.example.com/mcp?", "https://mcp.example.com/mcp/x", "https://mcp.example.com"] {
            let url = app.authorization_url(&[("scope", scope), ("resource", other)]);
            browser.get(&url).await.error_response("invalid_target");
        }
        // Consent for it is asked once, whatever the spelling.
        let url = app.authorization_url(&[("scope", scope), ("resource", "https://mcp.example.com/mcp/"), ("prompt", "none")]);
        browser.get(&url).await.authorization_response().code();
    }

    async fn a_request_without_resource_brings_no_token_for_an_mcp_server(database) {
        let server = Server::start_with(&database, ON).await;
        server.alice().await;
        server.cli().await.json(&["mcp", "resource", "add", MCP, "--scope", "files:read"], None).await;
        let app = client(&server, &[MCP]).await;
        let mut browser = server.browser();
        let url = app.authorization_url(&[("scope", "files:read")]);
        let code = browser.arrive(&url).await.authorization_response().code();
        let claims = decode_claims(&app.exchange(&code).await.ok().text("access_token"));
        assert_eq!(claims["aud"], server.issuer());
        // The first other audience is the default, as without MCP.
        server.change("assistant", |client| client.metadata.audiences.push("https://api.example.com".to_owned())).await;
        let code = browser.arrive(&url).await.authorization_response().code();
        let claims = decode_claims(&app.exchange(&code).await.ok().text("access_token"));
        assert_eq!(claims["aud"], "https://api.example.com");
    }

    async fn a_step_up_of_scopes_asks_for_the_difference_alone(database) {
        let server = Server::start_with(&database, ON).await;
        server.alice().await;
        server.cli().await.json(&["mcp", "resource", "add", MCP, "--scope", "files:read files:write"], None).await;
        let app = client(&server, &[MCP]).await;
        let mut browser = server.browser();
        let first = app.authorization_url(&[("scope", "files:read"), ("resource", MCP)]);
        browser.arrive(&first).await.authorization_response().code();
        let page = browser.open(&app.authorization_url(&[("scope", "files:read files:write"), ("resource", MCP)])).await;
        let (new, known) = page.reply.text.split_once("<details>").expect("what was allowed before is folded");
        assert!(new.contains("files:write") && !new.contains("files:read"), "{new}");
        assert!(known.contains("files:read") && known.contains(MCP));
    }

    async fn mcp_probe_walks_the_way_of_a_client_and_says_where_it_ends(database) {
        let server = Server::start_with(&database, ON).await;
        server.alice().await;
        let cli = server.cli().await;
        let mcp = McpServer::start().await;
        let made = cli.json(&["mcp", "resource", "add", &mcp.url, "--scope", "files:read"], None).await;
        let app = client(&server, &[&mcp.url]).await;
        server.change("assistant", |client| client.metadata.redirect_uris.push("http://127.0.0.1/callback".to_owned())).await;
        let ends = async |more: &[&str], step: &str, why: &str| {
            let arguments = [&["mcp", "probe", mcp.url.as_str()], more].concat();
            let said = cli.run(&arguments, None).await;
            assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
            assert!(said.err.contains(&format!("{step}: ")) && said.err.contains(why), "{said:?}");
            assert_eq!(said.err.trim().lines().count(), 1, "{said:?}");
        };
        ends(&[], "401", "not 401").await;
        mcp.says(json!({ "status": 401 }));
        ends(&[], "401", "WWW-Authenticate").await;
        let challenge = made["www_authenticate"].as_str().unwrap().to_owned();
        mcp.says(json!({ "status": 401, "challenge": format!("Bearer resource_metadata=\"{}\"", server.url("/nothing")) }));
        ends(&[], "resource metadata", "404").await;
        mcp.says(json!({ "status": 401, "challenge": "Bearer" }));
        ends(&[], "resource metadata", "404").await;
        mcp.says(json!({ "status": 401, "challenge": "Bearer", "metadata": { "resource": "https://another.example.com", "authorization_servers": [server.issuer()] } }));
        ends(&[], "resource metadata", "speaks for").await;
        mcp.says(json!({ "status": 401, "challenge": "Bearer", "metadata": { "resource": mcp.url } }));
        ends(&[], "resource metadata", "no authorization server").await;
        mcp.says(json!({ "status": 401, "challenge": "Bearer", "metadata": { "resource": mcp.url, "authorization_servers": [format!("{}/x", server.issuer())] } }));
        ends(&[], "server metadata", "404").await;
        // What the MCP server names is called as what strangers name, and shown without its control
        // characters.
        let private = Publisher::start().await;
        let metadata = private.url("/metadata");
        mcp.says(json!({ "status": 401, "challenge": format!("Bearer resource_metadata=\"{metadata}\"") }));
        ends(&[], "resource metadata", "never calls").await;
        assert_eq!(private.asked("/metadata"), 0);
        let strange = format!("{}/\u{1b}[31m", server.issuer());
        mcp.says(json!({ "status": 401, "challenge": "Bearer", "metadata": { "resource": mcp.url, "authorization_servers": [strange] } }));
        let said = cli.run(&["mcp", "probe", &mcp.url], None).await;
        assert_eq!((said.code, said.err.contains('\u{1b}')), (1, false), "{said:?}");
        mcp.says(json!({ "status": 401, "challenge": challenge }));
        server.forget_clients();
        ends(&["--client-id", "nobody-knows"], "authorize", "answers").await;
        let by_hand = ["--client-id", "assistant"];
        let walked = cli.json(&["mcp", "probe", &mcp.url, "--client-id", "assistant"], None).await;
        let steps: Vec<_> = walked["steps"].as_array().unwrap().iter().map(|one| one["step"].as_str().unwrap()).collect();
        assert_eq!(steps, ["401", "resource metadata", "server metadata", "registration", "authorize", "token", "call"]);
        let token = async |resource: &str| {
            let mut browser = server.browser();
            let url = app.authorization_url(&[("scope", "files:read"), ("resource", resource)]);
            let code = browser.arrive(&url).await.authorization_response().code();
            app.exchange(&code).await.ok().text("access_token")
        };
        let (good, wrong) = (token(&mcp.url).await, token("").await);
        ends(&[&by_hand[..], &["--token", &wrong]].concat(), "token", "is for").await;
        mcp.says(json!({ "status": 401, "challenge": challenge, "token": "another" }));
        ends(&[&by_hand[..], &["--token", &good]].concat(), "call", "401").await;
        mcp.says(json!({ "status": 401, "challenge": challenge, "token": good }));
        cli.json(&["mcp", "probe", &mcp.url, "--client-id", "assistant", "--token", &good], None).await;
        cli.json(&["mcp", "probe", &mcp.url, "--client-id", "assistant", "--token", "-"], Some(&format!("{good}\n"))).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, &good).unwrap();
        cli.json(&["mcp", "probe", &mcp.url, "--client-id", "assistant", "--token-file", file.to_str().unwrap()], None).await;
    }
}

/// An MCP server that answers as it is told.
struct McpServer {
    url: String,
    says: Arc<Mutex<Value>>,
}

impl McpServer {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
        let says = Arc::new(Mutex::new(json!({ "status": 200 })));
        let call = |State(says): State<Arc<Mutex<Value>>>, headers: HeaderMap, _: Bytes| async move {
            let says = says.lock().unwrap().clone();
            let sent = headers
                .get("authorization")
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            let good = says["token"].as_str().map(|token| format!("Bearer {token}"));
            let status = if good.is_some_and(|good| good == sent) {
                200
            } else {
                says["status"].as_u64().unwrap_or(500)
            };
            let status = StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
            match says["challenge"].as_str() {
                Some(challenge) => {
                    (status, [("www-authenticate", challenge.to_owned())], "{}").into_response()
                }
                None => (status, "{}").into_response(),
            }
        };
        let metadata = |State(says): State<Arc<Mutex<Value>>>| async move {
            match says.lock().unwrap().get("metadata") {
                Some(metadata) => (StatusCode::OK, metadata.to_string()).into_response(),
                None => StatusCode::NOT_FOUND.into_response(),
            }
        };
        let routes = Router::new()
            .route("/mcp", post(call))
            .route("/.well-known/oauth-protected-resource/mcp", get(metadata))
            .with_state(Arc::clone(&says));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, says }
    }

    fn says(&self, what: Value) {
        *self.says.lock().unwrap() = what;
    }
}
