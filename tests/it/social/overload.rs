//! Clients that keep a provider busy do not keep others from signing in.

use tokio::task::JoinSet;

use super::native::{CODE, EXCHANGE, ID_TOKEN, present};
use super::row_counts::{sign_in_at_provider, sign_in_at_provider_from};
use super::{with_idp, with_idp_and_proxy};
use crate::support::upstream::{Answer, CLIENT_ID, Defect, FaultyProvider, Oidc};
use crate::support::{
    App, CALLBACK, Cli, ClientArguments, Database, Reply, Server, both, eventually, form,
};

/// As many as one place may have at once.
const PLACE: usize = 8;

/// Presents a code that the provider never answers to, from this address.
async fn junk(app: App, address: &str) {
    let fields = [
        ("grant_type", EXCHANGE),
        ("subject_token_type", CODE),
        ("subject_token", "slow"),
        ("subject_issuer", "idp"),
        ("redirect_uri", "https://shop.example.com/landing"),
        ("client_id", app.id.as_str()),
    ];
    let request = app.http.post(format!("{}/token", app.base)).body(form(&fields));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let _ = request.header("x-forwarded-for", address).send().await;
}

/// A public app that exchanges.
async fn native(server: &Server) -> App {
    super::native::native_app(server, "native").await
}

async fn exchange_from(app: &App, address: &str, kind: &str, token: &str) -> Reply {
    let fields = [
        ("grant_type", EXCHANGE),
        ("subject_token_type", kind),
        ("subject_token", token),
        ("subject_issuer", "idp"),
        ("redirect_uri", "https://shop.example.com/landing"),
        ("client_id", app.id.as_str()),
        ("scope", "openid"),
    ];
    let request = app.http.post(format!("{}/token", app.base)).body(form(&fields));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Reply::of(request.header("x-forwarded-for", address).send().await.expect("an answer")).await
}

both! {
    async fn callbacks_that_hang_take_the_turns_of_their_own_place_alone(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp_and_proxy(&database, idp.base()).await;
        idp.follows(server.now());
        idp.misbehaves_to("slow", "/token", Answer::never());
        let mut away = Vec::new();
        for _ in 0..80 {
            let mut browser = server.browser().saying("x-forwarded-for", "198.51.100.1");
            let page = browser.open(&app.authorization_url(&[])).await;
            let left = browser.start_upstream_login(&page, "idp").await;
            let callback = idp.approve(left.location().expect("sent away")).with("code", "slow");
            away.push((browser, callback));
        }
        let mut strangers = JoinSet::new();
        for (mut browser, callback) in away {
            strangers.spawn(async move { drop(browser.get(&callback.url()).await) });
        }
        eventually("as many hang as may", async || idp.count("/token") >= PLACE).await;
        sign_in_at_provider_from(&server, &app, &idp, "192.0.2.1").await.authorization_response().code();
        sign_in_at_provider_from(&server, &app, &idp, "192.0.2.2").await.authorization_response().code();
        strangers.shutdown().await;
    }

    async fn exchanges_that_hang_keep_nobody_from_what_needs_no_call(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp_and_proxy(&database, idp.base()).await;
        idp.follows(server.now());
        let native = native(&server).await;
        // The keys are known from now on.
        sign_in_at_provider_from(&server, &app, &idp, "192.0.2.1").await.authorization_response().code();
        idp.misbehaves_to("slow", "/token", Answer::never());
        let mut strangers = JoinSet::new();
        for _ in 0..40 {
            let native = native.clone();
            strangers.spawn(async move { junk(native, "198.51.100.1").await });
        }
        let before = 1;
        eventually("as many hang as may", async || idp.count("/token") >= before + PLACE).await;
        let token = idp.id_token(CLIENT_ID, None);
        exchange_from(&native, "198.51.100.1", ID_TOKEN, &token).await.ok();
        let code = idp.code_for("https://shop.example.com/landing", None);
        exchange_from(&native, "192.0.2.1", CODE, &code).await.ok();
        // Nor do people in browsers wait for apps at the same place.
        sign_in_at_provider_from(&server, &app, &idp, "198.51.100.1").await.authorization_response().code();
        strangers.shutdown().await;
    }

    async fn a_stranger_who_names_unknown_keys_keeps_nobody_from_a_new_one(database) {
        let faulty = FaultyProvider::start().await;
        let (server, app) = with_idp(&database, faulty.base(), "").await;
        faulty.follows(server.now());
        let native = native(&server).await;
        sign_in_at_provider(&server, &app, "idp", &faulty).await.authorization_response().code();
        faulty.has_defect(Defect::KidUnknown);
        let token = faulty.id_token(CLIENT_ID, None);
        faulty.has_defect(None);
        present(&native, ID_TOKEN, &token, &[]).await.refused(400, "invalid_grant");
        assert_eq!(faulty.count("/jwks"), 2);
        faulty.rotate();
        sign_in_at_provider(&server, &app, "idp", &faulty).await.authorization_response().code();
        assert_eq!(faulty.count("/jwks"), 3);
        // A token that could never be good makes nobody look for keys at all.
        server.advance(11);
        faulty.has_defect(Defect::KidUnknown);
        for change in [
            |claims: &mut serde_json::Value| claims["exp"] = 1.into(),
            |claims: &mut serde_json::Value| claims["aud"] = "another".into(),
            |claims: &mut serde_json::Value| claims["events"] = serde_json::json!({}),
        ] {
            let token = faulty.id_token_with(CLIENT_ID, None, change);
            present(&native, ID_TOKEN, &token, &[]).await.refused(400, "invalid_grant");
        }
        assert_eq!(faulty.count("/jwks"), 3);
    }

    async fn a_browser_that_leaves_again_and_again_is_away_a_few_times_at_most(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        let mut callbacks = Vec::new();
        for _ in 0..30 {
            let left = browser.start_upstream_login(&page, "idp").await;
            callbacks.push(idp.approve(left.location().expect("sent away")));
            server.advance(1);
        }
        assert_eq!(browser.away().len(), 4);
        let lost = callbacks.len() - 5;
        for callback in [&callbacks[0], &callbacks[lost]] {
            browser.get(&callback.url()).await.is_error("unknown_interaction");
        }
        // Of the last ones each is good.
        for callback in &callbacks[lost + 1..] {
            let arrived = browser.complete_upstream_login(callback).await;
            if *callback.get("state") == *callbacks[lost + 1].get("state") {
                arrived.authorization_response().code();
            } else {
                // They are of one interaction, which is done now.
                arrived.is_error("already_done");
            }
        }
    }
}

/// What a provider says is cut where it reaches the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_provider_says_is_short_in_the_log() {
    let idp = Oidc::start().await;
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    let file = cli.folder.path().join("mapae.toml");
    std::fs::write(&file, super::table("idp", "oidc", idp.base(), "")).unwrap();
    cli.set("MAPAE_CONFIG", file.to_str().unwrap());
    cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
    let binary = cli.serve().await;
    let arguments = ClientArguments::confidential(&["authorization_code"]).first_party();
    let arguments = arguments.with("--redirect-uri", CALLBACK).with("--scope", "openid");
    let app = binary.register("web", &arguments).await;
    let long = "x".repeat(9000);
    let refusal = serde_json::json!({ "error": long, "error_description": long });
    let mut found = 0;
    for (error, answer) in [
        (Some(long.as_str()), Answer::json(200, &refusal)),
        (None, Answer::json(400, &refusal)),
        (None, Answer::json(200, &refusal)),
        (None, Answer::json(500, &refusal)),
    ] {
        idp.answers_with("/token", answer);
        let mut browser = crate::support::Browser::new(&app.base, &app.http);
        let page = browser.open(&app.authorization_url(&[("scope", "openid")])).await;
        let left = browser.start_upstream_login(&page, "idp").await;
        let mut callback = idp.approve(left.location().expect("sent away"));
        if let Some(error) = error {
            callback = callback.with("error", error);
        }
        browser.complete_upstream_login(&callback).await;
        let log = binary.whole_log().await;
        let lines: Vec<_> = log.lines().filter(|line| line.contains("\"idp\"")).collect();
        assert!(lines.len() > found, "{log}");
        found = lines.len();
        let longest = log.lines().map(str::len).max().unwrap();
        assert!(longest < 1000, "{longest}");
        assert!(!log.contains(&"x".repeat(101)));
    }
}
