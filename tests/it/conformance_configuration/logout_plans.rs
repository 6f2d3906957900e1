//! The plans for signing out: each module ends where the suite expects it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;

use super::connect_plans::{client, redeem, request};
use super::suite_browser::SuiteBrowser;
use super::{PASSWORD, SUITE, configure, configure_with};
use crate::support::{
    App, Binary, Cli, Database, decode_claims, eventually, form, required_or_skip,
};

/// What a module makes of the id token that the suite has.
type Hint = fn(&str) -> String;

fn own(id_token: &str) -> String {
    id_token.to_owned()
}

/// The same claims without a signature, as the suite writes them.
fn unsigned(id_token: &str) -> String {
    let claims = id_token.split('.').nth(1).expect("claims");
    format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.")
}

/// The same claims with a signature of somebody else.
fn signed_elsewhere(id_token: &str) -> String {
    let (signed, _) = id_token.rsplit_once('.').expect("a signature");
    format!("{signed}.{}", "A".repeat(342))
}

/// A plan whose person signs in and out.
struct SigningOut<'a> {
    server: &'a Binary,
    plan: &'a Value,
    /// The address of the suite for this plan.
    base: String,
    app: App,
}

impl<'a> SigningOut<'a> {
    fn new(server: &'a Binary, suite: &str, plan: &'a Value) -> Self {
        let alias = plan["alias"].as_str().expect("an alias");
        let base = format!("{suite}/test/a/{alias}");
        Self { server, plan, base, app: client(server, plan, "client") }
    }

    fn browser(&self, module: &str) -> SuiteBrowser {
        SuiteBrowser::new(self.server, self.plan, module)
    }

    fn callback(&self) -> String {
        format!("{}/callback", self.base)
    }

    fn back(&self) -> String {
        format!("{}/post_logout_redirect", self.base)
    }

    fn url(&self, fields: &[(&str, &str)]) -> String {
        format!("{}/logout?{}", self.server.issuer(), form(fields))
    }

    /// Signs the person in, and returns the id token.
    async fn sign_in(&self, browser: &mut SuiteBrowser) -> String {
        let uri = self.callback();
        let page = browser.go(&request(&self.app, &uri, &[])).await;
        let code = page.authorization_response().code();
        let tokens = redeem(&self.app, "client_secret_basic", &code, &uri).await.ok();
        tokens.text("id_token")
    }

    /// Signs the person out as most modules do, and returns the id token. The suite is where the browser
    /// ends, with its `state` and nothing else, and nobody is signed in any more.
    async fn sign_out(&self, browser: &mut SuiteBrowser) -> String {
        let (id_token, back) = (self.sign_in(browser).await, self.back());
        let fields = [
            ("id_token_hint", id_token.as_str()),
            ("post_logout_redirect_uri", &back),
            ("state", "s"),
        ];
        let page = browser.go(&self.url(&fields)).await;
        assert_eq!(page.location(), Some(format!("{back}?state=s").as_str()));
        let silent = request(&self.app, &self.callback(), &[("prompt", "none")]);
        browser.go(&silent).await.error_response("login_required");
        id_token
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_browser_of_the_suite_signs_people_out_as_each_module_expects() {
    let server = Binary::start(&Database::Sqlite).await;
    server.user("alice", PASSWORD).await;
    let plans = match configure(&server, &["rp-logout"]).await {
        Ok(plans) => plans,
        Err(why) => return required_or_skip(&why),
    };
    let at = SigningOut::new(&server, SUITE, &plans[0]);
    at.sign_out(&mut at.browser("oidcc-rp-initiated-logout")).await;
    let (back, added) = (at.back(), format!("{}?foo=bar", at.back()));
    let modules: [(&str, Option<Hint>, Option<&str>, &str); 8] = [
        ("bad-post-logout-redirect-uri", Some(own), Some("https://evil.example/"), "error-code"),
        ("query-added-to-post-logout-redirect-uri", Some(own), Some(&added), "error-code"),
        ("modified-id-token-hint", Some(unsigned), Some(&back), "error-code"),
        ("bad-id-token-hint", Some(signed_elsewhere), Some(&back), "error-code"),
        ("no-id-token-hint", None, Some(&back), "error-code"),
        ("no-post-logout-redirect-uri", Some(own), None, "signed-out-again"),
        ("only-state", None, None, "signed-out-again"),
        ("no-params", None, None, "signed-out-again"),
    ];
    let written = plans[0]["override"].as_object().expect("modules").len();
    assert_eq!(written, modules.len());
    for (name, hint, uri, seen) in modules {
        let mut browser = at.browser(&format!("oidcc-rp-initiated-logout-{name}"));
        let id_token = at.sign_in(&mut browser).await;
        let hint = hint.map(|hint| hint(&id_token));
        let mut fields = Vec::new();
        fields.extend(hint.as_deref().map(|hint| ("id_token_hint", hint)));
        fields.extend(uri.map(|uri| ("post_logout_redirect_uri", uri)));
        if name != "no-params" {
            fields.push(("state", "s"));
        }
        let page = browser.go(&at.url(&fields)).await;
        assert_eq!(page.location(), None, "{name}");
        assert_eq!(browser.pictures, [seen], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suite_is_told_where_the_configuration_says() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
    let server = cli.serve().await;
    server.user("alice", PASSWORD).await;
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let suite = format!("http://{}", socket.local_addr().expect("an address"));
    let flags = ["--suite", suite.as_str()];
    let plans = match configure_with(&server, &flags, &["backchannel-logout"]).await {
        Ok(plans) => plans,
        Err(why) => return required_or_skip(&why),
    };
    let told = Arc::new(Mutex::new(Vec::<String>::new()));
    let heard = Arc::clone(&told);
    let take = post(async move |body: String| heard.lock().expect("a lock").push(body));
    let path = "/test/a/mapae-backchannel-logout/backchannel_logout";
    tokio::spawn(async move { axum::serve(socket, Router::new().route(path, take)).await });

    let at = SigningOut::new(&server, &suite, &plans[0]);
    let id_token = at.sign_out(&mut at.browser("oidcc-backchannel-rp-initiated-logout")).await;
    eventually("the suite is told", async || !told.lock().expect("a lock").is_empty()).await;
    let body = told.lock().expect("a lock")[0].clone();
    let token = decode_claims(body.strip_prefix("logout_token=").expect("one field"));
    let claims = decode_claims(&id_token);
    assert_eq!((&token["sid"], &token["sub"]), (&claims["sid"], &claims["sub"]));
}
