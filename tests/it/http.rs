//! Metadata, JWKS, headers, uniform errors.

use serde_json::Value;

use crate::support::{Reply, Server, both};

async fn get(server: &Server, path: &str) -> Reply {
    Reply::of(server.http.get(server.url(path)).send().await.unwrap()).await
}

both! {
    async fn discovery_3_the_metadata_is_derived_and_complete(database) {
        let server = Server::start(&database).await;
        let reply = get(&server, "/.well-known/openid-configuration").await.ok();
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert!(reply.header("cache-control").starts_with("public, max-age="));
        let metadata = reply.json();
        assert_eq!(metadata["issuer"], server.issuer());
        for (name, path) in [("token_endpoint", "/token"), ("userinfo_endpoint", "/userinfo"),
            ("introspection_endpoint", "/introspect"), ("revocation_endpoint", "/revoke"),
            ("authorization_endpoint", "/authorize"), ("pushed_authorization_request_endpoint", "/par"), ("device_authorization_endpoint", "/device_authorization"), ("jwks_uri", "/.well-known/jwks.json")] {
            assert_eq!(metadata[name], server.url(path), "{name}");
            assert_ne!(get(&server, path).await.status, 404, "{path}");
        }
        for (name, value) in metadata.as_object().unwrap() {
            assert!(!value.is_null() && value.as_array().is_none_or(|items| !items.is_empty()), "{name}");
        }
        for grant in ["password", "refresh_token", "client_credentials"] {
            assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&grant.into()));
        }
        assert_eq!(get(&server, "/.well-known/oauth-authorization-server").await.ok().json(), metadata);
    }

    async fn s112_the_jwks_shows_public_halves_alone_and_is_cacheable(database) {
        let server = Server::start(&database).await;
        let reply = get(&server, "/.well-known/jwks.json").await.ok();
        assert_eq!(reply.header("cache-control"), "public, max-age=3600");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        let etag = reply.header("etag").to_owned();
        assert!(etag.starts_with('"'), "{etag}");
        let keys = reply.json()["keys"].as_array().unwrap().clone();
        let mut algs: Vec<_> = keys.iter().map(|key| key["alg"].as_str().unwrap()).collect();
        algs.sort_unstable();
        assert_eq!(algs, ["ES256", "RS256"]);
        for key in &keys {
            assert_eq!(key["use"], "sig");
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert_eq!(key[private], Value::Null);
            }
        }
        let again = server.http.get(server.url("/.well-known/jwks.json")).header("if-none-match", &etag);
        let again = Reply::of(again.send().await.unwrap()).await;
        assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
        assert_eq!(again.header("etag"), etag);
    }

    async fn s158_cors_is_for_public_documents_alone(database) {
        let server = Server::start(&database).await;
        for (path, allowed) in [("/.well-known/jwks.json", "*"), ("/.well-known/openid-configuration", "*"),
            ("/token", ""), ("/userinfo", ""), ("/introspect", ""), ("/authorize", "")] {
            let preflight = server.http.request(reqwest::Method::OPTIONS, server.url(path))
                .header("origin", "https://evil.example").header("access-control-request-method", "GET");
            let reply = Reply::of(preflight.send().await.unwrap()).await;
            assert_eq!(reply.header("access-control-allow-origin"), allowed, "{path}");
        }
    }

    async fn s167_errors_are_uniform(database) {
        let server = Server::start(&database).await;
        get(&server, "/nothing").await.refused(404, "not_found");
        get(&server, "/token").await.refused(405, "method_not_allowed");
        for (path, status) in [("/nothing", 404), ("/token", 405), ("/authorize", 400)] {
            let page = server.http.get(server.url(path)).header("accept", "text/html");
            let reply = Reply::of(page.send().await.unwrap()).await;
            assert_eq!(reply.status, status);
            assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
            assert!(reply.text.contains("id=\"error-code\""));
            assert!(reply.header("location").is_empty());
        }
    }

    async fn s168_no_input_makes_the_server_fail(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        let names = ["grant_type", "client_id", "client_secret", "username", "password", "token",
            "refresh_token", "scope", "resource", "access_token", "client_assertion", "x"];
        let values = ["password", "refresh_token", "client_credentials", "app", "mapae_rt_", "a.b.c",
            "%00", "%ff", "%", "\u{202e}", "eyJhbGciOiJub25lIn0..", "", "+&=", "openid"];
        for round in 0..150 {
            let random = mapae::domain::random::bytes::<24>();
            let body: Vec<String> = random.chunks(2).take(round % 12).map(|pair| {
                let value = values[usize::from(pair[1]) % values.len()];
                format!("{}={value}", names[usize::from(pair[0]) % names.len()])
            }).collect();
            let body = if round % 5 == 0 { random.to_vec() } else { body.join("&").into_bytes() };
            for path in ["/token", "/introspect", "/revoke", "/userinfo"] {
                let request = server.http.post(server.url(path)).body(body.clone())
                    .header("content-type", "application/x-www-form-urlencoded");
                let request = match round % 3 {
                    0 => request,
                    1 => request.basic_auth("app", app.secret.as_ref()),
                    _ => request.header("authorization", random.map(|byte| byte | 0x80).as_slice()),
                };
                let reply = Reply::of(request.send().await.unwrap()).await;
                assert!(reply.status.as_u16() < 500, "{path} {} {body:?}", reply.status);
            }
        }
    }

    async fn s155_headers_on_everything(database) {
        let server = Server::start(&database).await;
        for path in ["/token", "/nothing", "/.well-known/jwks.json", "/userinfo", "/livez", "/readyz"] {
            let reply = get(&server, path).await;
            assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(reply.header("referrer-policy"), "no-referrer");
            assert!(reply.header("content-security-policy").contains("frame-ancestors 'none'"));
            assert!(!reply.header("x-request-id").is_empty() && !reply.header("cache-control").is_empty());
            assert!(reply.header("strict-transport-security").is_empty() && reply.header("server").is_empty());
        }
        assert_eq!((get(&server, "/livez").await.text, get(&server, "/readyz").await.text), (String::new(), String::new()));
        let secure = Server::start_with(&database, &[("issuer", "https://id.example.com/tenant")]).await;
        let local = format!("http://{}", secure.inner.address());
        for (path, status) in [("/tenant/.well-known/openid-configuration", 200),
            ("/.well-known/oauth-authorization-server/tenant", 200), ("/tenant/token", 405), ("/token", 404), ("/livez", 200)] {
            let reply = Reply::of(secure.http.get(format!("{local}{path}")).send().await.unwrap()).await;
            assert_eq!(reply.status, status, "{path}");
            assert!(!reply.header("strict-transport-security").is_empty());
        }
        let host = secure.http.get(format!("{local}/tenant/.well-known/openid-configuration"))
            .header("host", "evil.example").header("x-forwarded-host", "evil.example");
        let metadata = Reply::of(host.send().await.unwrap()).await.ok().json();
        assert_eq!(metadata["token_endpoint"], "https://id.example.com/tenant/token");
    }
}
