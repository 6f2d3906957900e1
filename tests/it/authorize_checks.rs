//! What an authorization request must be: RFC 6749 §4.1.2.1, RFC 9700 §2.1, security cases S032 to
//! S061.

use mapae::domain::client::{AccessTokenTyp, AuthMethod, ClientKind, RequirePkce};
use mapae::domain::grant_type::GrantType;
use mapae::domain::scope::Scope;

use crate::support::{
    App, AuthorizationResponse, CALLBACK, CHALLENGE, Page, STATE, Server, both, form,
};

/// The answer to a request by somebody who is not signed in.
async fn ask(server: &Server, app: &App, changes: &[(&str, &str)]) -> Page {
    server.browser().get(&app.authorization_url(changes)).await
}

/// That the app hears this error, with everything that belongs to it and nothing else.
#[track_caller]
fn refused(server: &Server, page: &Page, error: &str) {
    let heard = page.error_response(error);
    assert!(page.location().unwrap().starts_with(&format!("{CALLBACK}?")), "{page:?}");
    assert_eq!(heard.names(), ["error", "error_description", "iss", "state"]);
    assert_eq!((heard.get("state"), heard.get("iss")), (STATE, server.issuer()));
    let described = heard.get("error_description");
    let legal = described.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E));
    assert!(legal && !described.is_empty(), "{described:?}");
}

both! {
    /// conformance 3.2-2, S033, S040
    async fn s033_without_a_client_or_a_redirect_uri_of_its_own_there_is_a_page(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        let other = server.web_app("other", |client| {
            client.metadata.redirect_uris = vec!["https://other.example.com/cb".to_owned()];
        })
        .await;
        let long = "x".repeat(10_000);
        for id in ["", "unknown", "<script>alert(1)</script>", &long, "마패", "app\0"] {
            ask(&server, &app, &[("client_id", id)]).await.is_error("unknown_client");
        }
        for uri in [
            "",
            "/callback",
            "//evil.example",
            "https://evil.example/callback",
            "https://other.example.com/cb",
        ] {
            ask(&server, &app, &[("redirect_uri", uri)]).await.is_error("invalid_redirect_uri");
        }
        server.change("other", |client| client.disabled_at = Some(client.created_at)).await;
        let uri = [("redirect_uri", "https://other.example.com/cb")];
        ask(&server, &other, &uri).await.is_error("unknown_client");
        let broken = server.browser().get("/authorize?client_id=%ff").await;
        broken.is_error("invalid_request");
    }

    /// conformance 3.2-2, S041, S042, S043, S046, S047
    async fn s041_a_redirect_uri_is_compared_byte_for_byte(database) {
        let server = Server::start(&database).await;
        let registered = "https://rp.example/cb?a=1";
        let app = server.web_app("app", |client| {
            client.metadata.redirect_uris =
                vec!["https://rp.example/cb".to_owned(), registered.to_owned()];
        })
        .await;
        for uri in [
            "https://rp.example/cb/",
            "https://rp.example/CB",
            "https://RP.example/cb",
            "HTTPS://rp.example/cb",
            "https://rp.example:443/cb",
            "https://rp.example./cb",
            "https://rp.example/%63b",
            "https://rp.example/cb%2f",
            "https://rp.example/cb?x=1",
            "https://rp.example/cb?a=1&b=2",
            "https://rp.example/cb?a=2",
            "https://rp.example/cb#f",
            "https://rp.example/cb?code=attacker&state=s",
            "https://rp.example.evil.com/cb",
            "https://rp.example@evil/cb",
            "https://evil/#@rp.example/cb",
            "https://rpxexample/cb",
            "https://rp.example/x/../cb",
            "https://rp.example/..;/cb",
            "https://rp.example/%2e%2e/cb",
            "https://rp.example\\@evil/cb",
            "ht\ttps://rp.example/cb",
            "https://rp.example/anything",
            "javascript:alert(1)",
            "data:text/html,x",
        ] {
            ask(&server, &app, &[("redirect_uri", uri)]).await.is_error("invalid_redirect_uri");
        }
        // What is registered is kept as it is, and ours comes behind it.
        let page = ask(&server, &app, &[("redirect_uri", registered), ("response_type", "")]).await;
        page.error_response("invalid_request");
        assert!(page.location().unwrap().starts_with("https://rp.example/cb?a=1&error="));
    }

    /// An app may get access tokens of the type `JWT`, which is that of id tokens, too.
    async fn core_3_1_2_1_an_access_token_of_any_type_is_no_id_token_hint(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.access_token_typ = AccessTokenTyp::Jwt;
        })
        .await;
        let mut browser = server.browser();
        let tokens = app.exchange(&browser.code(&app).await).await.ok();
        let access = tokens.text("access_token");
        let page = browser.get(&app.authorization_url(&[("id_token_hint", &access)])).await;
        page.error_response("invalid_request");
        let hint = tokens.text("id_token");
        let page = browser.get(&app.authorization_url(&[("id_token_hint", &hint)])).await;
        page.authorization_response().code();
    }

    /// What is registered is looked at again when there is an answer to send.
    async fn s041_a_redirect_uri_that_was_taken_from_the_app_meanwhile_gets_no_answer(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        server.change("app", |client| {
            client.metadata.redirect_uris = vec!["https://app.example.com/other".to_owned()];
        })
        .await;
        let page = browser.sign_in(&login).await;
        assert_eq!(page.location(), None);
        page.is_error("invalid_redirect_uri");
    }

    /// S044
    async fn rfc8252_7_3_the_port_of_a_loopback_address_is_free(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("native", |client| {
            client.kind = ClientKind::Public;
            client.metadata.token_endpoint_auth_method = AuthMethod::None;
            client.metadata.grant_types = vec![GrantType::AuthorizationCode];
            client.metadata.redirect_uris =
                ["http://127.0.0.1/cb", "http://[::1]:1/cb", "com.example.app:/cb"].map(str::to_owned).to_vec();
        })
        .await;
        for uri in ["http://127.0.0.1:49152/cb", "http://[::1]:50000/cb", "com.example.app:/cb"] {
            let mut browser = server.browser();
            let page = browser.arrive(&app.authorization_url(&[("redirect_uri", uri)])).await;
            assert!(page.location().unwrap().starts_with(&format!("{uri}?code=")), "{page:?}");
            let code = page.authorization_response().code();
            // The code is bound to the port as well.
            let elsewhere = [("redirect_uri", "http://127.0.0.1:1/cb")];
            app.exchange_with(&code, &elsewhere).await.refused(400, "invalid_grant");
            app.exchange_with(&code, &[("redirect_uri", uri)]).await.ok();
        }
        for uri in ["http://127.0.0.1:65536/cb", "http://127.0.0.1:99999/cb", "http://127.0.0.1:49152/other", "http://127.0.0.1:1@evil/cb", "http://localhost:1/cb", "com.example.app:/cb2"] {
            ask(&server, &app, &[("redirect_uri", uri)]).await.is_error("invalid_redirect_uri");
        }
    }

    /// S051: an error is never redirected to a URI that is not registered.
    async fn s051_every_error_with_a_foreign_redirect_uri_is_a_page(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        for wrong in [
            ("prompt", "none"),
            ("scope", "admin"),
            ("code_challenge", "short"),
            ("max_age", "-1"),
            ("response_type", "token"),
            ("response_mode", "web_message"),
            ("request", "x"),
            ("claims", "x"),
        ] {
            let foreign = ("redirect_uri", "https://evil.example/cb");
            ask(&server, &app, &[wrong, foreign]).await.is_error("invalid_redirect_uri");
        }
    }

    /// conformance 3.2-3, 3.2-4, 3.2-8, 3.2-12, 3.2-13, 3.2-14; S020, S021, S034, S037, S038, S053, S061
    async fn rfc6749_4_1_2_1_every_other_error_goes_to_the_app(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        server.client("other", |client| client.metadata.scope = Scope::parse("admin").unwrap()).await;
        let deep = format!("{{\"userinfo\":{}{}}}", "[".repeat(900), "]".repeat(900));
        let missing = "";
        for (changes, error) in [
            (vec![("response_type", missing)], "invalid_request"),
            (vec![("response_type", "none")], "unsupported_response_type"),
            (vec![("response_mode", "web_message")], "invalid_request"),
            (vec![("scope", "openid admin")], "invalid_scope"),
            (vec![("scope", "openid \"x")], "invalid_scope"),
            (vec![("resource", "https://elsewhere.example")], "invalid_target"),
            (vec![("code_challenge", missing), ("code_challenge_method", missing), ("nonce", missing)], "invalid_request"),
            (vec![("code_challenge", missing)], "invalid_request"),
            (vec![("code_challenge_method", missing)], "invalid_request"),
            (vec![("code_challenge_method", "plain")], "invalid_request"),
            (vec![("code_challenge_method", "s256")], "invalid_request"),
            (vec![("code_challenge", &CHALLENGE[1..])], "invalid_request"),
            (vec![("code_challenge", "!9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")], "invalid_request"),
            (vec![("prompt", "none login")], "invalid_request"),
            (vec![("prompt", "foo")], "invalid_request"),
            (vec![("prompt", "none")], "login_required"),
            (vec![("max_age", "-1")], "invalid_request"),
            (vec![("max_age", "abc")], "invalid_request"),
            (vec![("max_age", "99999999999999999999")], "invalid_request"),
            (vec![("claims", "{")], "invalid_request"),
            (vec![("claims", &deep)], "invalid_request"),
            (vec![("id_token_hint", "x.y.z")], "invalid_request"),
            (vec![("request", "eyJhbGciOiJub25lIn0.e30.")], "invalid_request_object"),
            (vec![("request_uri", "https://rp.example/request")], "request_uri_not_supported"),
        ] {
            refused(&server, &ask(&server, &app, &changes).await, error);
        }
        server.change("app", |client| client.metadata.grant_types = vec![GrantType::RefreshToken]).await;
        refused(&server, &ask(&server, &app, &[]).await, "unauthorized_client");
    }

    /// conformance 3.2-1 and 3.2-10: what a client may say without harm.
    async fn core_3_1_2_1_what_is_unknown_or_only_a_wish_never_fails(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        for wish in [
            ("extra", "foobar"),
            ("display", "popup"),
            ("display", "page"),
            ("ui_locales", "se"),
            ("claims_locales", "se"),
            ("login_hint", "buffy@example.com"),
            ("acr_values", "1 2"),
            ("acr_values", "phr"),
            ("claims", r#"{"userinfo":{"unheard_of":{"essential":true}}}"#),
            ("registration", "{}"),
            ("scope", "profile openid"),
            ("state", ""),
            ("nonce", ""),
        ] {
            let mut browser = server.browser();
            assert!(browser.open(&app.authorization_url(&[wish])).await.has("login-submit"), "{wish:?}");
        }
    }

    /// S032
    async fn rfc6749_3_1_a_repeated_parameter_is_refused(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        let url = app.authorization_url(&[]);
        for (again, code) in [
            ("client_id=app", "unknown_client"),
            ("client_id=other", "unknown_client"),
            ("redirect_uri=https://app.example.com/callback", "invalid_redirect_uri"),
            ("redirect_uri=https://evil.example", "invalid_redirect_uri"),
        ] {
            server.browser().get(&format!("{url}&{again}")).await.is_error(code);
        }
        for again in ["scope=openid", "response_type=code", "code_challenge=x", "nonce=x"] {
            let page = server.browser().get(&format!("{url}&{again}")).await;
            refused(&server, &page, "invalid_request");
        }
        // Which of two states is the app's nobody can say.
        let page = server.browser().get(&format!("{url}&state=other")).await;
        assert_eq!(page.error_response("invalid_request").names(), ["error", "error_description", "iss"]);
    }

    /// conformance 3.2-3, S036: `state` comes back byte for byte.
    async fn rfc6749_4_1_2_state_is_echoed_exactly(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        let long = "s-._~".repeat(819);
        for state in [STATE, &long, "\"><script>alert(1)</script>", "a\r\nSet-Cookie: x=y", "마패 +%20&=?#", "\0", "%00", "'"] {
            for mode in ["query", "fragment", "form_post"] {
                let changes = [("state", state), ("response_mode", mode)];
                let page = browser.get(&app.authorization_url(&changes)).await;
                let heard = if mode == "form_post" { page.field("state") } else { Some(page.authorization_response().get("state").to_owned()) };
                assert_eq!(heard.as_deref().map(|heard| heard.replace("\u{fffd}", "\0")), Some(state.to_owned()), "{mode}");
                assert!(page.reply.headers.get("set-cookie").is_none());
            }
        }
    }

    /// conformance 3.2-15, S035, S048, S060
    async fn multiple_response_types_2_1_each_response_mode_carries_success_and_error(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        for (name, value, first) in [("max_age", "1000", "code"), ("scope", "admin", "error")] {
            let page = browser.get(&app.authorization_url(&[("response_mode", "fragment"), (name, value)])).await;
            let (uri, _) = page.location().unwrap().split_once('#').expect("a fragment");
            assert_eq!(uri, CALLBACK);
            assert!(!AuthorizationResponse::at(page.location().unwrap()).get(first).is_empty());

            let page = browser.get(&app.authorization_url(&[("response_mode", "form_post"), (name, value)])).await;
            assert_eq!((page.reply.status.as_u16(), page.location()), (200, None));
            assert_eq!(page.reply.header("cache-control"), "no-store");
            assert!(page.reply.text.contains(&format!("action=\"{CALLBACK}\"")));
            assert!(page.reply.text.contains("<noscript>"));
            assert_eq!(page.hidden("state"), STATE);
            assert_eq!(page.hidden("iss"), server.issuer());
            assert!(!page.hidden(first).is_empty());
            let policy = page.reply.header("content-security-policy");
            // The app may send the browser on to wherever it likes.
            assert!(!policy.contains("form-action"), "{policy}");
            assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
        }
    }

    /// conformance 3.2-1 and 3.2-7: a request by POST brings no cookies of a cross-site form.
    async fn core_3_1_2_1_a_request_by_post_comes_back_by_get(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        let request = app.authorization_request(&[]);
        let pairs: Vec<_> = url::form_urlencoded::parse(request.as_bytes()).into_owned().collect();
        let fields: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        // The POST itself knows nobody: whoever is signed in is known when the browser comes back.
        let posted = server.browser().saying("origin", "https://app.example.com").post("/authorize", &fields).await;
        assert_eq!(posted.reply.status, 303);
        let back = posted.location().unwrap().to_owned();
        assert!(back.starts_with("/authorize/continue?interaction="), "{back}");
        app.exchange(&browser.get(&back).await.authorization_response().code()).await.ok();
        // Whoever opens it later begins anew, as by a link to `/authorize`.
        let mut another = server.browser();
        let login = another.open(&back).await;
        assert!(login.has("login-submit"));
        another.sign_in(&login).await.authorization_response().code();
        server.advance(1800);
        server.browser().get(&back).await.is_error("expired");
        let mut fresh = server.browser();
        let again = server.browser().post("/authorize", &fields).await;
        let login = fresh.follow(again).await;
        assert!(fresh.sign_in(&login).await.authorization_response().code().len() > 43);
        // Errors are the same ones.
        let wrong = server.browser().post("/authorize", &[("client_id", "nobody")]).await;
        wrong.is_error("unknown_client");
        let mut fields = fields;
        fields.retain(|(name, _)| *name != "response_type");
        refused(&server, &server.browser().post("/authorize", &fields).await, "invalid_request");
    }

    /// OAuth 2.0 Multiple Response Types §2.1 and §5.
    async fn multiple_response_types_5_an_error_travels_as_the_response_type_would(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        for (response_type, mode, by) in [
            ("id_token", "", '#'),
            ("token", "", '#'),
            ("id_token token", "", '#'),
            ("code id_token", "", '#'),
            ("code token", "", '#'),
            ("none", "", '?'),
            ("codeid_token", "", '?'),
            ("id_token", "query", '?'),
            ("none", "fragment", '#'),
        ] {
            let changes = [("response_type", response_type), ("response_mode", mode)];
            let page = browser.get(&app.authorization_url(&changes)).await;
            let location = page.location().unwrap();
            assert!(location.starts_with(&format!("{CALLBACK}{by}error=")), "{response_type}: {location}");
            let heard = page.error_response("unsupported_response_type");
            assert_eq!(heard.get("state"), STATE, "{response_type}");
        }
    }

    /// What is echoed and kept has a longest; a hint that is longer is none.
    async fn what_a_request_says_at_length_is_refused_or_left_out(database) {
        let server = Server::start(&database).await;
        let alice = server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let long = |bytes: usize| "s".repeat(bytes);
        for (name, most) in [("state", 4096), ("nonce", 512)] {
            let mut browser = server.browser();
            let kept = browser.arrive(&app.authorization_url(&[(name, &long(most))])).await.authorization_response();
            let tokens = app.exchange(&kept.code()).await.ok();
            let claims = crate::support::decode_claims(&tokens.text("id_token"));
            let came_back = if name == "state" { kept.get("state").to_owned() } else { claims["nonce"].as_str().unwrap().to_owned() };
            assert_eq!(came_back, long(most), "{name}");
            let request = app.authorization_url(&[(name, &long(most + 1))]);
            let page = browser.get(&request).await;
            if name == "state" { page.is_error("invalid_request") } else { refused(&server, &page, "invalid_request") }
        }
        let mut browser = server.browser();
        for name in ["login_hint", "ui_locales", "id_token_hint", "acr_values", "display"] {
            let login = browser.open(&app.authorization_url(&[(name, &long(9000))])).await;
            assert!(login.has("login-submit"), "{name}");
            assert!(!login.reply.text.contains(&long(600)), "{name}");
        }
        browser.code(&app).await;
        let logout = format!("/logout?{}", form(&[("state", &long(4097))]));
        browser.get(&logout).await.is_error("invalid_request");
        let logout = format!("/logout?{}", form(&[("state", &long(4096)), ("id_token_hint", &long(9000))]));
        assert!(browser.open(&logout).await.has("logout-confirm"), "{alice}");
    }

    /// conformance 3.2-16: PKCE is a switch for confidential clients alone.
    async fn rfc9700_2_1_1_pkce_can_be_switched_off_for_a_confidential_client(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.require_pkce = RequirePkce::Never;
        })
        .await;
        let mut browser = server.browser();
        let without = [("code_challenge", ""), ("code_challenge_method", ""), ("nonce", "")];
        let page = browser.arrive(&app.authorization_url(&without)).await;
        let code = page.authorization_response().code();
        // RFC 9700 §4.8.2: a verifier for a code without challenge is a downgrade.
        app.exchange(&code).await.refused(400, "invalid_grant");
        let reply = app.exchange_with(&code, &[("code_verifier", "")]).await.ok();
        let claims = crate::support::decode_claims(&reply.text("id_token"));
        assert!(claims.get("nonce").is_none());
        // If it sends a challenge nevertheless, the challenge counts.
        let code = browser.code(&app).await;
        app.exchange_with(&code, &[("code_verifier", "")]).await.refused(400, "invalid_grant");
        app.exchange(&code).await.ok();
    }

    /// S052, S154: nothing that a request says stands on a page as markup.
    async fn s052_what_a_request_says_is_never_markup(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let hostile = "\"><img src=x onerror=alert(1)>{{713*991}}";
        let app = server.web_app("app", |client| hostile.clone_into(&mut client.metadata.client_name)).await;
        for name in ["login_hint", "ui_locales", "acr_values", "display", "state", "nonce", "client_id", "redirect_uri"] {
            let page = server.browser().open(&app.authorization_url(&[(name, hostile)])).await;
            assert!(!page.reply.text.contains("<img src=x"), "{name}");
            // What the browser carries is random text.
            let carried = page.field("interaction").unwrap_or_default();
            let csrf = page.field("csrf").unwrap_or_default();
            let text = page.reply.text.replace(&carried, "").replace(&csrf, "");
            assert!(!text.contains("706583"), "{name}");
        }
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let wrong = browser.sign_in_as(&login, hostile, "x").await;
        assert!(!wrong.reply.text.contains("<img src=x"), "{}", wrong.reply.text);
        assert_eq!(wrong.field("username").as_deref(), Some(hostile));
        let consent = browser.sign_in(&login).await;
        assert!(consent.has("consent-allow") && !consent.reply.text.contains("<img src=x"));
        let unknown = browser.get(&format!("/nothing?{}", form(&[("x", hostile)]))).await;
        unknown.is_error("not_found");
    }
}
