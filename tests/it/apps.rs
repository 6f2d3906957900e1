//! What real apps send and need: PKCE or a nonce, claims in the place where they read them, token
//! types that their verifiers accept, scopes that have no meaning here.

use mapae::domain::client::{AccessTokenTyp, AuthMethod, ClientKind, RequirePkce};
use mapae::domain::grant_type::GrantType;
use mapae::domain::scope::Scope;
use serde_json::{Value, json};

use crate::support::{
    App, Binary, CALLBACK, Cli, Database, Server, USERNAME, both, decode_claims, decode_header,
};

const NO_PKCE: [(&str, &str); 2] = [("code_challenge", ""), ("code_challenge_method", "")];
const NO_NONCE: (&str, &str) = ("nonce", "");

both! {
    /// OAuth 2.1 and RFC 9700 §2.1.1: PKCE, or with `openid` a nonce.
    async fn rfc9700_2_1_1_a_confidential_client_sends_pkce_or_a_nonce_with_openid(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let [challenge, method] = NO_PKCE;
        let mut browser = server.browser();
        browser.code(&app).await;
        for (policy, changes, is_taken) in [
            (RequirePkce::Auto, vec![], true),
            (RequirePkce::Auto, vec![NO_NONCE], true),
            (RequirePkce::Auto, vec![challenge, method], true),
            (RequirePkce::Auto, vec![challenge, method, NO_NONCE], false),
            // Without an id token nobody would compare the nonce.
            (RequirePkce::Auto, vec![challenge, method, ("scope", "read")], false),
            (RequirePkce::Auto, vec![challenge], false),
            (RequirePkce::Auto, vec![("code_challenge_method", "plain")], false),
            (RequirePkce::Always, vec![], true),
            (RequirePkce::Always, vec![challenge, method], false),
            (RequirePkce::Never, vec![challenge, method, NO_NONCE], true),
        ] {
            server.change("app", |client| client.metadata.require_pkce = policy).await;
            let page = browser.get(&app.authorization_url(&changes)).await;
            if is_taken {
                assert!(!page.authorization_response().code().is_empty(), "{policy:?} {changes:?}");
            } else {
                page.error_response("invalid_request");
            }
        }
        // A challenge that was sent counts, whatever the policy.
        for policy in [RequirePkce::Auto, RequirePkce::Never] {
            server.change("app", |client| client.metadata.require_pkce = policy).await;
            let code = browser.code(&app).await;
            app.exchange_with(&code, &[("code_verifier", "")]).await.refused(400, "invalid_grant");
            app.exchange(&code).await.ok();
            let page = browser.get(&app.authorization_url(&NO_PKCE)).await;
            let code = page.authorization_response().code();
            app.exchange(&code).await.refused(400, "invalid_grant");
            let tokens = app.exchange_with(&code, &[("code_verifier", "")]).await.ok();
            assert_eq!(decode_claims(&tokens.text("id_token"))["nonce"], "a-nonce");
        }
    }

    async fn a_refusal_for_want_of_pkce_says_how_to_mend_it(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        let [challenge, method] = NO_PKCE;
        let said = async |app: &App| {
            let url = app.authorization_url(&[challenge, method, NO_NONCE]);
            let page = server.browser().get(&url).await;
            page.error_response("invalid_request").get("error_description").to_owned()
        };
        let auto = said(&app).await;
        for way in ["code_challenge_method=S256", "nonce", "openid", "--require-pkce false"] {
            assert!(auto.contains(way), "{auto}");
        }
        server.change("app", |client| client.metadata.require_pkce = RequirePkce::Always).await;
        assert!(!said(&app).await.contains("nonce"));
        let spa = server.web_app("spa", |client| {
            client.kind = ClientKind::Public;
            client.metadata.token_endpoint_auth_method = AuthMethod::None;
        })
        .await;
        let public = said(&spa).await;
        assert!(public.contains("code_challenge_method=S256") && !public.contains("nonce"), "{public}");
    }

    async fn the_id_token_carries_what_the_scope_shows_for_a_client_that_is_registered_so(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let plain = server.client("plain", |_| {}).await;
        let tokens = plain.password("openid profile email").await.ok();
        let claims = decode_claims(&tokens.text("id_token"));
        assert!(claims.get("email").is_none() && claims.get("name").is_none());
        let told = server.client("told", |client| client.metadata.id_token_claims = true).await;
        let tokens = told.password("openid profile email").await.ok();
        let userinfo = told.userinfo(&tokens.text("access_token")).await.ok().json();
        for (tokens, shown) in [
            (tokens.json(), vec!["name", "preferred_username", "email", "email_verified", "updated_at"]),
            (told.refresh(&tokens.text("refresh_token")).await.ok().json(), vec!["name", "email"]),
            (told.password("openid email").await.ok().json(), vec!["email", "email_verified"]),
        ] {
            let claims = decode_claims(tokens["id_token"].as_str().unwrap());
            for name in shown {
                assert_eq!(claims[name], userinfo[name], "{name}");
            }
            assert!(decode_claims(tokens["access_token"].as_str().unwrap()).get("email").is_none());
        }
        let narrow = told.password("openid email").await.ok();
        assert!(decode_claims(&narrow.text("id_token")).get("name").is_none());
        // In the browser's flow, and beside what is asked for by name.
        let app = server.web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.id_token_claims = true;
        })
        .await;
        let mut browser = server.browser();
        let by_name = ("claims", r#"{"id_token":{"name":null}}"#);
        let page = browser.arrive(&app.authorization_url(&[("scope", "openid email"), by_name])).await;
        let tokens = app.exchange(&page.authorization_response().code()).await.ok();
        let claims = decode_claims(&tokens.text("id_token"));
        assert_eq!((&claims["email"], &claims["name"]), (&userinfo["email"], &json!("Alice")));
        assert_eq!(claims["nonce"], "a-nonce");
    }

    async fn an_access_token_carries_the_claims_that_were_registered_and_that_its_scope_shows(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| {
            client.metadata.access_token_claims = ["email", "preferred_username"].map(str::to_owned).to_vec();
            client.metadata.resource_servers = vec!["https://api".to_owned()];
        })
        .await;
        let tokens = app.password("openid profile email").await.ok();
        let next = app.refresh(&tokens.text("refresh_token")).await.ok();
        for token in [tokens.text("access_token"), next.text("access_token")] {
            let claims = decode_claims(&token);
            assert_eq!(claims["preferred_username"], USERNAME);
            assert!(claims["email"].as_str().unwrap().ends_with("@example.com"));
            assert!(claims.get("name").is_none());
            // It is an access token like any other.
            app.userinfo(&token).await.ok();
            assert!(app.is_active(&token).await);
        }
        let narrow = app.password("openid email").await.ok();
        let claims = decode_claims(&narrow.text("access_token"));
        assert!(claims.get("email").is_some() && claims.get("preferred_username").is_none());
        let own = app.token(&[("grant_type", "client_credentials")]).await.ok();
        assert!(decode_claims(&own.text("access_token")).get("email").is_none());
    }

    async fn access_tokens_of_the_type_jwt_are_access_tokens_and_id_tokens_are_not(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.access_token_typ = AccessTokenTyp::Jwt;
            client.metadata.grant_types.push(GrantType::Password);
            client.metadata.require_access_token_proof = true;
        })
        .await;
        let tokens = app.password("openid").await.ok();
        let (access, id) = (tokens.text("access_token"), tokens.text("id_token"));
        assert_eq!((decode_header(&access)["typ"].as_str(), decode_header(&id)["typ"].as_str()),
            (Some("JWT"), Some("JWT")));
        app.userinfo(&access).await.ok();
        assert!(app.is_active(&access).await);
        app.userinfo(&id).await.refused(401, "invalid_token");
        assert!(!app.is_active(&id).await);
        // An access token is no hint and an id token no proof.
        let refresh = tokens.text("refresh_token");
        app.refresh_with(&refresh, &[("access_token", &id)]).await.refused(400, "invalid_grant");
        app.refresh_with(&refresh, &[("access_token", &access)]).await.ok();
        let hinting = |hint| app.authorization_url(&[("id_token_hint", hint), ("prompt", "none")]);
        server.browser().get(&hinting(&id)).await.error_response("login_required");
        server.browser().get(&hinting(&access)).await.error_response("invalid_request");
        app.revoke(&access).await.ok();
        assert!(!app.is_active(&access).await);
        server.change("app", |client| client.metadata.access_token_typ = AccessTokenTyp::AtJwt).await;
        let access = app.password("openid").await.ok().text("access_token");
        assert_eq!(decode_header(&access)["typ"], "at+jwt");
    }

    /// RFC 7662 §2.2
    async fn rfc7662_2_2_introspection_says_who_it_is_and_with_the_scope_email_their_address(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let with = app.password("openid email").await.ok();
        let email = app.userinfo(&with.text("access_token")).await.ok().json()["email"].clone();
        for token in [with.text("access_token"), with.text("refresh_token")] {
            let told = app.introspect(&token).await;
            assert_eq!((&told["username"], &told["email"]), (&json!(USERNAME), &email));
            assert_eq!(told["email_verified"], true);
        }
        let without = app.password("openid").await.ok().text("access_token");
        let told = app.introspect(&without).await;
        assert_eq!((&told["username"], &told["email"]), (&json!(USERNAME), &Value::Null));
        let own = app.token(&[("grant_type", "client_credentials")]).await.ok().text("access_token");
        let told = app.introspect(&own).await;
        assert_eq!((&told["active"], &told["username"]), (&json!(true), &Value::Null));
        let other = server.client("other", |_| {}).await;
        assert_eq!(other.introspect(&without).await, json!({ "active": false }));
    }

    /// OpenID Connect Core §3.1.2.1: scopes that are not understood should be ignored.
    async fn core_3_1_2_1_scopes_that_nobody_is_registered_for_are_ignored_with_openid(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.grant_types.push(GrantType::Password);
        })
        .await;
        server.client("other", |client| client.metadata.scope = Scope::parse("orders:write").unwrap()).await;
        let mut browser = server.browser();
        let page = browser.arrive(&app.authorization_url(&[("scope", "openid email groups")])).await;
        let tokens = app.exchange(&page.authorization_response().code()).await.ok();
        // RFC 6749 §3.3: the app is told what it did not get.
        assert_eq!(tokens.json()["scope"], "email openid");
        assert_eq!(app.password("openid groups").await.ok().json()["scope"], "openid");
        // What is somebody else's, or known to this server, is refused by name.
        for culprit in ["orders:write", "address", "phone"] {
            let scope = format!("openid groups {culprit}");
            let page = browser.get(&app.authorization_url(&[("scope", &scope)])).await;
            let heard = page.error_response("invalid_scope");
            let expected = format!("a scope is not registered for this client: {culprit}");
            assert_eq!(heard.get("error_description"), expected);
            let reply = app.password(&scope).await;
            reply.refused(400, "invalid_scope");
            assert_eq!(reply.json()["error_description"], expected);
        }
        // Without openid there is nothing but what was registered.
        let page = browser.get(&app.authorization_url(&[("scope", "email groups")])).await;
        assert!(page.error_response("invalid_scope").get("error_description").ends_with(": groups"));
        // A scope that was registered meanwhile is ignored no more.
        server.change("other", |client| client.metadata.scope = Scope::parse("groups").unwrap()).await;
        let page = browser.get(&app.authorization_url(&[("scope", "openid groups")])).await;
        page.error_response("invalid_scope");
    }

    async fn a_refusal_names_the_resource_and_the_grant_type(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |client| {
            client.metadata.audiences = vec!["https://api.example".to_owned()];
            client.metadata.grant_types.push(GrantType::ClientCredentials);
        })
        .await;
        let said = async |fields: &[(&str, &str)]| {
            app.token(fields).await.json()["error_description"].as_str().unwrap().to_owned()
        };
        let own = ("grant_type", "client_credentials");
        let resource = said(&[own, ("resource", "https://other.example")]).await;
        assert!(resource.ends_with(": https://other.example"), "{resource}");
        // RFC 6749 §5.2 has no quote in a description.
        let quoted = said(&[own, ("resource", "https://other.example/\"")]).await;
        assert!(!quoted.contains("other"), "{quoted}");
        assert!(said(&[("grant_type", "password")]).await.ends_with(": password"));
        assert!(said(&[("grant_type", "device")]).await.ends_with(": device"));
        let asked = [("resource", "https://other.example")];
        let page = server.browser().get(&app.authorization_url(&asked)).await;
        let said = page.error_response("invalid_target").get("error_description").to_owned();
        assert!(said.ends_with(": https://other.example"), "{said}");
    }
}

/// The order of the keys, by algorithm.
async fn algorithms(server: &Server) -> Vec<String> {
    let jwks = server.http.get(server.url("/.well-known/jwks.json")).send().await.unwrap();
    let jwks: Value = jwks.json().await.unwrap();
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["alg"].as_str().unwrap().to_owned()).collect()
}

both! {
    /// Some verifiers give up at the first key of another type than the token's.
    async fn the_jwks_shows_every_rs256_key_before_any_other(database) {
        let server = Server::start(&database).await;
        assert_eq!(algorithms(&server).await, ["RS256", "ES256"]);
        let keyring = &server.inner.services().keyring;
        for both in [2, 3] {
            keyring.rotate(mapae::domain::client::TokenAlg::ALL, true).await.unwrap();
            server.advance(2);
            let shown = algorithms(&server).await;
            let expected = [vec!["RS256"; both], vec!["ES256"; both]].concat();
            assert_eq!(shown, expected);
        }
    }
}

#[tokio::test]
async fn client_create_says_what_the_app_must_do_and_what_people_see() {
    let cli = Cli::migrated(&Database::Sqlite).await;
    let create = async |id: &str, more: &[&str]| {
        let start = ["client", "create", "--id", id, "--name", id, "--scope", "openid email"];
        let said = cli.run(&[&start[..], more].concat(), None).await;
        assert_eq!(said.code, 0, "{said:?}");
        said.out.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let code = ["--grant", "authorization_code", "--redirect-uri"];
    let web = [&["--kind", "confidential"][..], &code, &[CALLBACK]].concat();
    let said = create("web", &web).await;
    assert!(said.contains("PKCE challenge") && said.contains("a nonce"), "{said}");
    assert!(said.contains("--require-pkce false") && said.contains("--id-token-claims"), "{said}");
    assert!(!said.contains("asked for consent at every sign-in"), "{said}");
    let never = [&web[..], &["--require-pkce", "false", "--id-token-claims"]].concat();
    let said = create("never", &never).await;
    assert!(said.contains("neither PKCE nor a nonce") && !said.contains("/userinfo"), "{said}");
    let native = [&["--kind", "public"][..], &code, &["http://127.0.0.1/cb"]].concat();
    let said = create("native", &native).await;
    assert!(said.contains("asked for consent at every sign-in"), "{said}");
    assert!(said.contains("PKCE challenge") && !said.contains("nonce"), "{said}");
    let machine = ["--kind", "confidential", "--grant", "client_credentials"];
    let said = create("machine", &machine).await;
    assert!(!said.contains("PKCE"), "{said}");
    let alone = "For an API: --audience";
    assert!(said.contains("aud is the issuer") && said.contains(alone), "{said}");
    let of_api = [&machine[..], &["--audience", "https://api.example.com"]].concat();
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let agent = [&machine[..], &["--grant", exchange]].concat();
    for (id, arguments) in [("of-api", &of_api), ("agent", &agent), ("web-app", &web)] {
        let said = create(id, arguments).await;
        assert!(!said.contains(alone), "{id} {said}");
    }
}

#[tokio::test]
async fn what_can_never_work_is_refused_at_registration_with_a_word() {
    let cli = Cli::migrated(&Database::Sqlite).await;
    let web = ["--kind", "confidential", "--grant", "authorization_code", "--redirect-uri"];
    let fine = [&web[..], &[CALLBACK]].concat();
    for (arguments, word) in [
        ([&web[..], &["https://*.example.com/cb"]].concat(), "asterisk"),
        ([&web[..], &["https://app.example.com:65536/cb"]].concat(), "65535"),
        ([&web[..], &["http://127.0.0.1:99999/cb"]].concat(), "65535"),
        ([&fine[..], &["--access-token-claim", "sub"]].concat(), "claim of the token itself"),
        ([&fine[..], &["--access-token-claim", "scope"]].concat(), "claim of the token itself"),
        ([&fine[..], &["--access-token-claim", "acr"]].concat(), "claim of the token itself"),
        ([&fine[..], &["--access-token-claim", "roles"]].concat(), "not one of name"),
        ([&fine[..], &["--allowed-origin", "https://*.example.com"]].concat(), "asterisk"),
        (
            vec!["--kind", "public", "--grant", "refresh_token", "--refresh-policy", "static"],
            "confidential",
        ),
        ([&["--kind", "public", "--require-pkce", "false"][..], &fine[2..]].concat(), "PKCE"),
    ] {
        let start = ["client", "create", "--id", "app", "--name", "app"];
        let said = cli.run(&[&start[..], &arguments].concat(), None).await;
        assert_eq!(said.code, 2, "{arguments:?} {said:?}");
        assert!(said.err.contains(word), "{arguments:?} {said:?}");
    }
}

#[tokio::test]
async fn client_show_prints_the_require_pkce_that_was_given_and_true_for_the_bare_flag() {
    let server = Binary::start(&Database::Sqlite).await;
    let arguments = ["--kind", "confidential", "--grant", "client_credentials", "--require-pkce"];
    server.client("app", &[&arguments[..], &["false"]].concat()).await;
    let shown = async |id| server.cli(&["client", "show", "--id", id], None).await;
    assert_eq!(shown("app").await["require_pkce"], "false");
    server.client("other", &arguments).await;
    assert_eq!(shown("other").await["require_pkce"], "true");
    server.cli(&["client", "update", "--id", "other", "--require-pkce", "auto"], None).await;
    assert_eq!(shown("other").await["require_pkce"], "auto");
}
