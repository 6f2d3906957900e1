//! Scripts of other origins (CORS) and refresh tokens in a cookie: security cases S132, S158.

use futures_util::future::join_all;
use mapae::domain::client::{AuthMethod, Client, ClientKind, RefreshDelivery, RegisteredBy};
use mapae::domain::grant_type::GrantType;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;

use crate::support::{App, CALLBACK, Reply, Server, both, form};

const SPA: &str = "https://spa.example.com";
const OTHER: &str = "http://localhost:3000";
/// The inspector of MCP servers runs in a browser at such an origin.
const INSPECTOR: &str = "http://localhost:6274";
const OPEN: &[(&str, &str)] = &[("registration.mode", "open")];

async fn send(
    server: &Server,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut request = server.http.request(method, server.url(path)).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Reply::of(request.send().await.expect("an answer")).await
}

async fn preflight(server: &Server, path: &str, origin: &str) -> Reply {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    send(server, Method::OPTIONS, path, &headers, "").await
}

fn public(client: &mut Client, delivery: RefreshDelivery, origin: &str) {
    client.kind = ClientKind::Public;
    client.metadata.token_endpoint_auth_method = AuthMethod::None;
    client.metadata.first_party = true;
    client.metadata.grant_types = [GrantType::AuthorizationCode, GrantType::RefreshToken].to_vec();
    client.metadata.redirect_uris = vec![CALLBACK.to_owned()];
    client.metadata.allowed_origins = vec![origin.to_owned()];
    client.metadata.refresh_delivery = delivery;
}

/// A token request as a script of this origin sends it.
async fn token(
    server: &Server,
    origin: Option<&str>,
    cookie: Option<&str>,
    fields: &[(&str, &str)],
) -> Reply {
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
    headers.extend(origin.map(|origin| ("origin", origin)));
    headers.extend(cookie.map(|cookie| ("cookie", cookie)));
    send(server, Method::POST, "/token", &headers, &form(fields)).await
}

/// The pair of name and value of the cookie that an answer sets.
fn cookie(headers: &HeaderMap) -> String {
    let cookie = headers.get("set-cookie").expect("a cookie").to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// Signs in and redeems the code as the script of a client with a cookie.
async fn start(server: &Server, app: &App) -> Reply {
    let code = server.browser().code(app).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", app.id.as_str()),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", crate::support::VERIFIER),
    ];
    token(server, Some(SPA), None, &fields).await
}

/// An app that registers itself, as its script does it.
async fn registered(server: &Server, method: &str, redirect_uris: &[&str]) -> App {
    let document = json!({
        "client_name": "Inspector", "redirect_uris": redirect_uris, "token_endpoint_auth_method": method,
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "scope": "openid offline_access",
    });
    let headers = [("origin", INSPECTOR), ("content-type", "application/json")];
    let reply = send(server, Method::POST, "/register", &headers, &document.to_string()).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    App {
        id: reply.text("client_id"),
        secret: reply.json()["client_secret"].as_str().map(str::to_owned),
        base: server.issuer().to_owned(),
        http: server.http.clone(),
    }
}

/// Which scripts may read the answer: those of one origin, `*` or nobody's. Never with cookies.
fn readers(reply: &Reply) -> &str {
    assert!(reply.header("vary").contains("Origin"), "{:?}", reply.headers);
    assert!(reply.headers.get("access-control-allow-credentials").is_none(), "{:?}", reply.headers);
    reply.header("access-control-allow-origin")
}

/// Whether a script of this origin may read why this client is refused.
async fn may_read(server: &Server, client: &str, origin: &str) -> bool {
    let fields = [("grant_type", "x"), ("client_id", client)];
    let reply = token(server, Some(origin), None, &fields).await;
    assert!(reply.status.is_client_error(), "{}", reply.text);
    let readers = readers(&reply);
    assert!(["", origin].contains(&readers), "{readers}");
    !readers.is_empty()
}

const REFRESH: [(&str, &str); 2] = [("grant_type", "refresh_token"), ("client_id", "spa")];

both! {
    async fn s158_a_script_may_ask_when_its_origin_is_registered(database) {
        let server = Server::start(&database).await;
        server.client("spa", |client| public(client, RefreshDelivery::Cookie, SPA)).await;
        server.client("other", |client| public(client, RefreshDelivery::Body, OTHER)).await;
        for path in ["/token", "/par", "/revoke", "/userinfo"] {
            for (origin, credentials) in [(SPA, "true"), (OTHER, "")] {
                let reply = preflight(&server, path, origin).await;
                assert_eq!(reply.status, 204);
                assert_eq!(reply.header("access-control-allow-origin"), origin);
                assert_eq!(reply.header("access-control-allow-credentials"), credentials);
                assert!(reply.header("access-control-allow-methods").contains("POST"));
                assert_eq!(reply.header("access-control-allow-headers"), "content-type");
                assert_eq!(reply.header("vary"), "Origin");
            }
            for origin in [
                "https://evil.example",
                "null",
                "https://spa.example.com.evil",
                "https://SPA.example.com",
                "https://spa.example.com:443",
                "https://spa.example.com/",
                "http://spa.example.com",
                "http://localhost:3001",
            ] {
                let reply = preflight(&server, path, origin).await;
                assert!(reply.headers.get("access-control-allow-origin").is_none(), "{path} {origin}");
                assert!(reply.headers.get("access-control-allow-credentials").is_none());
            }
        }
        for path in ["/.well-known/jwks.json", "/.well-known/openid-configuration"] {
            let reply = preflight(&server, path, "https://evil.example").await;
            assert_eq!(reply.header("access-control-allow-origin"), "*");
            assert!(reply.headers.get("access-control-allow-credentials").is_none());
            assert_eq!(reply.header("access-control-allow-headers"), "content-type");
            assert_eq!(reply.header("access-control-max-age"), "7200");
        }
        for path in ["/authorize", "/login", "/consent", "/logout", "/account", "/introspect"] {
            let reply = preflight(&server, path, SPA).await;
            assert!(reply.headers.get("access-control-allow-origin").is_none(), "{path}");
        }
        // A client that is turned away takes its origin along.
        server.change("other", |client| client.disabled_at = Some(client.created_at)).await;
        assert!(preflight(&server, "/token", OTHER).await.headers.get("access-control-allow-origin").is_none());
    }

    /// Anybody may register apps, as many and as large as they like: what they say of themselves is not
    /// read for everybody.
    async fn what_strangers_register_is_not_read_for_others(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let own = server.client("own", |client| client.metadata.allowed_origins = vec![SPA.to_owned()]).await;
        for (id, origins) in [("known", vec![OTHER.to_owned()]), ("strange", vec![])] {
            server.client(id, |client| {
                client.registered_by = RegisteredBy::Itself;
                client.metadata.grant_types = vec![GrantType::ClientCredentials];
                "\"allowed_origins\":[]".clone_into(&mut client.metadata.client_name);
                client.metadata.allowed_origins = origins;
            }).await;
        }
        // Whoever reads this row fails.
        let spoiled = r#"UPDATE client SET metadata = '{"allowed_origins":[]' WHERE id = 'strange'"#;
        server.evidence().await.run(spoiled).await;
        server.forget_clients();
        // OTHER is that of an app to which an operator gave it.
        for origin in [SPA, OTHER] {
            let reply = preflight(&server, "/token", origin).await;
            assert_eq!(reply.header("access-control-allow-origin"), origin);
        }
        own.password("openid nothing").await.ok();
        let services = server.inner.services();
        assert!(services.clients.algorithms().await.is_ok());
        let every = services.clients.every_scope().await.unwrap();
        assert!(["read", "profile"].iter().all(|one| every.contains(one)) && !every.contains("nothing"));
    }

    /// An inspector in a browser registers itself, and its code must not be spent for nobody.
    async fn s158_a_script_of_an_app_that_registered_itself_reads_its_tokens(database) {
        let server = Server::start_with(&database, OPEN).await;
        server.alice().await;
        let app = registered(&server, "none", &[CALLBACK, "http://localhost/callback"]).await;
        // A preflight does not say for which app it is.
        for path in ["/token", "/par", "/revoke", "/userinfo"] {
            for origin in [INSPECTOR, "https://anybody.example"] {
                let reply = preflight(&server, path, origin).await;
                assert_eq!((reply.status.as_u16(), readers(&reply)), (204, "*"), "{path} {origin}");
                assert!(reply.header("access-control-allow-methods").contains("POST"));
                assert_eq!(reply.header("access-control-allow-headers"), "content-type");
            }
        }
        let form_type = ("content-type", "application/x-www-form-urlencoded");
        let headers = [form_type, ("origin", INSPECTOR)];
        let pushed = send(&server, Method::POST, "/par", &headers, &app.authorization_request(&[])).await;
        assert_eq!((pushed.status.as_u16(), readers(&pushed)), (201, INSPECTOR), "{}", pushed.text);
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[("scope", "openid offline_access")])).await;
        let page = browser.sign_in(&page).await;
        let code = browser.consent(&page, "allow").await.authorization_response().code();
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", app.id.as_str()),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", crate::support::VERIFIER),
        ];
        let issued = token(&server, Some(INSPECTOR), None, &fields).await.ok();
        assert_eq!(readers(&issued), INSPECTOR);
        assert!(issued.header("access-control-expose-headers").contains("WWW-Authenticate"));
        let (access, mut refresh) = (issued.text("access_token"), issued.text("refresh_token"));
        let bearer = format!("Bearer {access}");
        for (origin, allowed) in [
            (INSPECTOR, INSPECTOR), ("https://app.example.com", "https://app.example.com"),
            (SPA, ""), ("https://anybody.example", ""),
        ] {
            let headers = [("origin", origin), ("authorization", bearer.as_str())];
            let told = send(&server, Method::GET, "/userinfo", &headers, "").await.ok();
            assert_eq!(readers(&told), allowed, "{origin}");
            let fields = [("grant_type", "refresh_token"), ("client_id", app.id.as_str()), ("refresh_token", refresh.as_str())];
            let refreshed = token(&server, Some(origin), None, &fields).await.ok();
            assert_eq!(readers(&refreshed), allowed, "{origin}");
            refresh = refreshed.text("refresh_token");
        }
        let fields = [("client_id", app.id.as_str()), ("token", refresh.as_str())];
        let revoked = send(&server, Method::POST, "/revoke", &headers, &form(&fields)).await.ok();
        assert_eq!(readers(&revoked), INSPECTOR);
        // What is no answer to any app says nothing about one.
        let nobody = token(&server, Some("https://anybody.example"), None, &[("a", "1"), ("a", "2")]).await;
        nobody.refused(400, "invalid_request");
        assert_eq!(readers(&nobody), "*");
    }

    async fn s158_an_app_that_nobody_registered_has_the_origins_of_its_redirect_uris(database) {
        let server = Server::start_with(&database, OPEN).await;
        let uris = [
            CALLBACK, "https://tools.example:8443/cb", "http://127.0.0.1/cb", "http://localhost:3000/cb",
            "http://127.0.0.2:9000/cb", "com.example.app:/cb",
        ];
        let app = registered(&server, "none", &uris).await;
        for (origin, is_own) in [
            ("https://app.example.com", true), ("https://tools.example:8443", true), ("http://127.0.0.1", true),
            ("http://127.0.0.1:6274", true), (INSPECTOR, true), ("http://127.0.0.2:9000", true),
            // The port is free where it is in a redirect URI.
            ("http://127.0.0.2:9001", false), ("http://[::1]:6274", false), ("https://localhost:3000", false),
            ("https://app.example.com:8443", false), ("https://tools.example", false), ("http://app.example.com", false),
            ("https://app.example.com.evil.example", false), ("http://localhost.evil.example:3000", false),
            ("https://evil.example", false), ("com.example.app://", false), ("null", false),
        ] {
            assert_eq!(may_read(&server, &app.id, origin).await, is_own, "{origin}");
        }
        // What an operator gives it counts beside them.
        server.change(&app.id, |client| client.metadata.allowed_origins = vec![SPA.to_owned()]).await;
        for origin in [SPA, INSPECTOR] {
            assert!(may_read(&server, &app.id, origin).await, "{origin}");
        }
        server.change(&app.id, |client| client.disabled_at = Some(client.created_at)).await;
        assert!(!may_read(&server, &app.id, INSPECTOR).await);
        // A secret belongs on no page, and for what an operator registers they say it.
        let secret = registered(&server, "client_secret_basic", &[CALLBACK]).await;
        server.client("own", |client| public(client, RefreshDelivery::Body, SPA)).await;
        for id in [secret.id.as_str(), "own", "nobody"] {
            assert!(!may_read(&server, id, "https://app.example.com").await, "{id}");
        }
        assert!(may_read(&server, "own", SPA).await);
    }

    async fn s158_an_app_that_came_while_it_could_keeps_its_origins(database) {
        let server = Server::start(&database).await;
        server.client("app", |client| {
            public(client, RefreshDelivery::Body, SPA);
            client.registered_by = RegisteredBy::Itself;
            client.metadata.first_party = false;
            client.metadata.allowed_origins = Vec::new();
        })
        .await;
        assert!(may_read(&server, "app", "https://app.example.com").await);
        assert!(!may_read(&server, "app", SPA).await);
        // No others come, so no preflight is answered for them.
        assert_eq!(readers(&preflight(&server, "/token", "https://app.example.com").await), "");
    }

    /// Tools that try an API out, tracing and proofs of possession send headers of their own.
    async fn scripts_send_the_headers_that_they_ask_for(database) {
        let server = Server::start(&database).await;
        server.client("spa", |client| public(client, RefreshDelivery::Body, SPA)).await;
        let asked = "authorization,dpop,traceparent,x-requested-with";
        for (path, origin) in [
            ("/token", SPA),
            ("/userinfo", SPA),
            ("/revoke", SPA),
            ("/.well-known/jwks.json", "https://anybody.example"),
            ("/.well-known/openid-configuration", "https://anybody.example"),
            ("/.well-known/oauth-authorization-server", "null"),
        ] {
            for (names, answer) in [(asked, asked), ("a b, c", "Authorization, Content-Type, DPoP")] {
                let headers = [
                    ("origin", origin),
                    ("access-control-request-method", "POST"),
                    ("access-control-request-headers", names),
                ];
                let reply = send(&server, Method::OPTIONS, path, &headers, "").await;
                assert_eq!(reply.header("access-control-allow-headers"), answer, "{path}");
            }
        }
    }

    /// A script that cannot read why it was refused can say nothing but "network error".
    async fn every_answer_of_an_endpoint_for_scripts_can_be_read_by_them(database) {
        let server = Server::start(&database).await;
        server.client("spa", |client| public(client, RefreshDelivery::Cookie, SPA)).await;
        let form = ("content-type", "application/x-www-form-urlencoded");
        let large = format!("a={}", "x".repeat(70_000));
        for path in ["/token", "/revoke", "/userinfo"] {
            for (method, content, body, status) in [
                (Method::PUT, form, "", 405),
                (Method::DELETE, form, "", 405),
                (Method::POST, form, large.as_str(), 413),
                (Method::POST, ("content-type", "application/json"), "{}", 415),
                (Method::POST, form, "a=1&a=2", 400),
                (Method::POST, form, "%ff", 400),
            ] {
                for origin in [SPA, OTHER] {
                    let headers = [("origin", origin), content];
                    let reply = send(&server, method.clone(), path, &headers, body).await;
                    let at = format!("{method} {path} {status} {origin}");
                    assert_eq!(reply.status, status, "{at}");
                    let allowed = if origin == SPA { SPA } else { "" };
                    assert_eq!(reply.header("access-control-allow-origin"), allowed, "{at}");
                    assert!(reply.header("vary").contains("Origin"), "{at}");
                    for name in ["WWW-Authenticate", "Retry-After", "X-Request-Id"] {
                        let is_exposed = reply.header("access-control-expose-headers").contains(name);
                        assert_eq!(is_exposed, origin == SPA, "{at} {name}");
                    }
                }
            }
        }
    }

    async fn s158_an_answer_is_for_scripts_of_the_client_that_asks(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| {
            client.metadata.grant_types.push(GrantType::Password);
            client.metadata.allowed_origins = vec![SPA.to_owned()];
        })
        .await;
        server.client("other", |client| public(client, RefreshDelivery::Body, OTHER)).await;
        let secret = app.secret.clone().unwrap();
        let fields = [
            ("grant_type", "password"),
            ("username", "alice"),
            ("password", crate::support::PASSWORD),
            ("scope", "openid"),
            ("client_id", "app"),
            ("client_secret", secret.as_str()),
        ];
        let reply = token(&server, Some(SPA), None, &fields).await.ok();
        assert_eq!(reply.header("access-control-allow-origin"), SPA);
        assert!(reply.headers.get("access-control-allow-credentials").is_none());
        for foreign in [OTHER, "https://evil.example"] {
            let reply = token(&server, Some(foreign), None, &fields).await.ok();
            assert!(reply.headers.get("access-control-allow-origin").is_none(), "{foreign}");
        }
        // An error is readable, too.
        let wrong = token(&server, Some(SPA), None, &[("grant_type", "x"), ("client_id", "app"), ("client_secret", &secret)]).await;
        wrong.refused(400, "unsupported_grant_type");
        assert_eq!(wrong.header("access-control-allow-origin"), SPA);
        let access = reply.text("access_token");
        let bearer = format!("Bearer {access}");
        for (origin, allowed) in [(SPA, SPA), (OTHER, "")] {
            let headers = [("origin", origin), ("authorization", bearer.as_str())];
            let reply = send(&server, Method::GET, "/userinfo", &headers, "").await.ok();
            assert_eq!(reply.header("access-control-allow-origin"), allowed);
            assert!(reply.header("vary").contains("Origin"));
        }
    }

    async fn a_refresh_token_in_a_cookie_is_never_in_a_body(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("spa", |client| public(client, RefreshDelivery::Cookie, SPA)).await;
        let first = start(&server, &app).await.ok();
        assert!(first.json().get("refresh_token").is_none() && !first.text.contains("mapae_rt_"));
        assert_eq!(first.header("access-control-allow-origin"), SPA);
        assert_eq!(first.header("access-control-allow-credentials"), "true");
        let set = first.header("set-cookie");
        assert!(set.starts_with("__Host-"), "{set}");
        for attribute in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict", "; Max-Age="] {
            assert!(set.contains(attribute), "{set}");
        }
        let cookie_of_first = cookie(&first.headers);
        // Two tabs at once get the same successor.
        let tabs = join_all((0..2).map(|_| token(&server, Some(SPA), Some(&cookie_of_first), &REFRESH))).await;
        let next: Vec<_> = tabs.into_iter().map(|reply| cookie(&reply.ok().headers)).collect();
        assert!(next[0] == next[1] && next[0] != cookie_of_first);
        // Signed out: the session is over and the browser forgets the cookie.
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", SPA),
            ("cookie", next[0].as_str()),
        ];
        let revoked = send(&server, Method::POST, "/revoke", &headers, &form(&[("client_id", "spa")])).await.ok();
        assert!(revoked.header("set-cookie").contains("Max-Age=0"), "{revoked:?}");
        assert_eq!(revoked.header("access-control-allow-credentials"), "true");
        let (name, _) = next[0].split_once('=').unwrap();
        assert!(revoked.header("set-cookie").starts_with(&format!("{name}=;")));
        token(&server, Some(SPA), Some(&next[0]), &REFRESH).await.refused(400, "invalid_grant");
        assert_eq!(app.userinfo(&first.text("access_token")).await.status, 401);
    }

    async fn the_cookie_counts_for_scripts_of_the_registered_origin_alone(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("spa", |client| public(client, RefreshDelivery::Cookie, SPA)).await;
        server.client("other", |client| public(client, RefreshDelivery::Cookie, OTHER)).await;
        server.client("plain", |client| public(client, RefreshDelivery::Body, SPA)).await;
        let cookie = cookie(&start(&server, &app).await.ok().headers);
        for origin in [None, Some("https://evil.example"), Some("null"), Some(OTHER), Some("https://spa.example.com/")] {
            let reply = token(&server, origin, Some(&cookie), &REFRESH).await;
            reply.refused(400, "invalid_request");
            assert!(reply.headers.get("set-cookie").is_none());
            let mut headers = vec![("content-type", "application/x-www-form-urlencoded"), ("cookie", cookie.as_str())];
            headers.extend(origin.map(|origin| ("origin", origin)));
            let reply = send(&server, Method::POST, "/revoke", &headers, "client_id=spa").await;
            reply.refused(400, "invalid_request");
        }
        // Nor for another client, nor anywhere else.
        for client in ["other", "plain"] {
            let fields = [("grant_type", "refresh_token"), ("client_id", client)];
            let origin = if client == "other" { OTHER } else { SPA };
            token(&server, Some(origin), Some(&cookie), &fields).await.refused(400, "invalid_request");
        }
        let headers = [("cookie", cookie.as_str()), ("origin", SPA)];
        assert_eq!(send(&server, Method::GET, "/userinfo", &headers, "").await.status, 401);
        let again = server.browser().get(&app.authorization_url(&[("prompt", "none")])).await;
        again.error_response("login_required");
        token(&server, Some(SPA), None, &REFRESH).await.refused(400, "invalid_request");
        token(&server, Some(SPA), Some(&cookie), &REFRESH).await.ok();
    }
}
