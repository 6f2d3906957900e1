//! The plans of OpenID Connect: a person signs in at each client by the secret that the script wrote.

use serde_json::{Value, json};

use super::suite_browser::SuiteBrowser;
use super::{PASSWORD, callback, configure};
use crate::identity::{EVERY_SCOPE, PROFILE};
use crate::support::{App, Binary, Database, Reply, decode_claims, http, required_or_skip};

/// A server with the account that the README makes.
async fn start() -> Binary {
    let server = Binary::start(&Database::Sqlite).await;
    let claims = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/claims.json");
    let create = ["user", "create", "--username", "alice", "--email", "alice@example.com"];
    let more = ["--email-verified", "--claims", claims, "--password-stdin"];
    server.cli(&[&create[..], &more].concat(), Some(PASSWORD)).await;
    server
}

/// A client that the configuration names.
pub(super) fn client(server: &Binary, plan: &Value, member: &str) -> App {
    let text = |name: &str| plan[member][name].as_str().expect(name).to_owned();
    let secret = Some(text("client_secret"));
    App { id: text("client_id"), secret, base: server.issuer(), http: http() }
}

/// A request of the suite. Most modules send a nonce and none of them a challenge; this one sends
/// neither.
pub(super) fn request(app: &App, redirect_uri: &str, more: &[(&str, &str)]) -> String {
    let usual = [
        ("redirect_uri", redirect_uri),
        ("scope", EVERY_SCOPE),
        ("nonce", ""),
        ("code_challenge", ""),
        ("code_challenge_method", ""),
    ];
    app.authorization_url(&[&usual[..], more].concat())
}

/// Redeems a code; the client authenticates as it is registered.
pub(super) async fn redeem(app: &App, method: &str, code: &str, redirect_uri: &str) -> Reply {
    let mut fields =
        vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)];
    if method == "client_secret_basic" {
        return app.token(&fields).await;
    }
    fields.push(("client_secret", app.secret.as_deref().expect("a secret")));
    App { secret: None, ..app.clone() }.token(&fields).await
}

/// The flow of most modules, answered by a redirect or by a form.
async fn signs_in(server: &Binary, plan: &Value, app: &App, method: &str) {
    let is_posted = plan["alias"] == "mapae-formpost";
    let mode = is_posted.then_some(("response_mode", "form_post"));
    let uri = callback(plan);
    let url = request(app, &uri, mode.as_slice());
    let page = SuiteBrowser::new(server, plan, "oidcc-server").go(&url).await;
    let code = if is_posted { page.hidden("code") } else { page.authorization_response().code() };
    let other =
        if method == "client_secret_post" { "client_secret_basic" } else { "client_secret_post" };
    redeem(app, other, &code, &uri).await.refused(401, "invalid_client");
    let tokens = redeem(app, method, &code, &uri).await.ok();
    let claims = decode_claims(&tokens.text("id_token"));
    assert!(claims.get("nonce").is_none(), "{claims}");
    let person = app.userinfo(&tokens.text("access_token")).await.ok().json();
    assert_eq!(person["sub"], claims["sub"]);
    let others = ["email", "email_verified", "address", "phone_number", "phone_number_verified"];
    for claim in PROFILE.into_iter().chain(others) {
        assert!(person.get(claim).is_some(), "{claim} in {person}");
    }
    assert!(!tokens.text("refresh_token").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_of_openid_connect_names_clients_and_secrets_that_work() {
    let server = start().await;
    let words = ["basic", "formpost", "config"];
    let plans = match configure(&server, &words).await {
        Ok(plans) => plans,
        Err(why) => return required_or_skip(&why),
    };
    // A second run changes what the first one made.
    let plans_again = configure(&server, &words).await.expect("again");
    for (first, again) in plans.iter().zip(&plans_again).take(2) {
        for (member, method) in [
            ("client", "client_secret_basic"),
            ("client2", "client_secret_basic"),
            ("client_secret_post", "client_secret_post"),
        ] {
            assert_eq!(first[member]["client_id"], again[member]["client_id"]);
            assert_ne!(first[member]["client_secret"], again[member]["client_secret"]);
            let app = client(&server, again, member);
            let shown = server.cli(&["client", "show", "--id", &app.id], None).await;
            assert_eq!(
                (&shown["token_endpoint_auth_method"], &shown["require_pkce"]),
                (&json!(method), &json!("false"))
            );
            signs_in(&server, again, &app, method).await;
        }
    }
    // This one reads the metadata and needs no client.
    let members: Vec<_> = plans_again[2].as_object().expect("members").keys().collect();
    assert_eq!(members, ["alias", "description", "server"]);
    let discovery = plans_again[2]["server"]["discoveryUrl"].as_str().expect("an address");
    let metadata = Reply::of(http().get(discovery).send().await.expect("an answer")).await.ok();
    assert_eq!(metadata.text("issuer"), server.issuer());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_browser_of_the_suite_takes_a_picture_where_a_module_of_openid_connect_wants_one() {
    let server = start().await;
    let plans = match configure(&server, &["basic", "formpost"]).await {
        Ok(plans) => plans,
        Err(why) => return required_or_skip(&why),
    };
    let plan = &plans[0];
    let (app, uri) = (client(&server, plan, "client"), callback(plan));
    for (module, again) in
        [("oidcc-prompt-login", ("prompt", "login")), ("oidcc-max-age-1", ("max_age", "0"))]
    {
        let mut browser = SuiteBrowser::new(&server, plan, module);
        for more in [None, Some(again)] {
            let url = request(&app, &uri, more.as_slice());
            let code = browser.go(&url).await.authorization_response().code();
            redeem(&app, "client_secret_basic", &code, &uri).await.ok();
        }
        assert_eq!(browser.pictures, ["login-submit", "login-submit"], "{module}");
    }
    let mut browser = SuiteBrowser::new(&server, plan, "oidcc-ensure-registered-redirect-uri");
    let page = browser.go(&request(&app, "https://evil.example/callback", &[])).await;
    page.is_error("invalid_redirect_uri");
    assert_eq!(browser.pictures, ["error-code"]);
    // The other plan has the same modules.
    let modules = |plan: &Value| {
        let modules = plan["override"].as_object().expect("modules");
        modules.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(modules(plan), modules(&plans[1]));
}
