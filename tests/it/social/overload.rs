//! Clients that keep a provider busy do not keep others from signing in.

use tokio::task::JoinSet;

use super::native::{CODE, EXCHANGE, ID_TOKEN, present};
use super::row_counts::{approved_at_provider, sign_in_at_provider, sign_in_at_provider_from};
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
        let visits = server.evidence().await.count("SELECT count(*) AS n FROM upstream_login").await;
        assert_eq!(visits, 8);
        let first = callbacks.remove(0);
        browser.get(&first.url()).await.is_error("unknown_interaction");
        // Of the last ones each is good.
        let eighth = callbacks.len() - 8;
        browser.complete_upstream_login(&callbacks[eighth]).await.authorization_response().code();
    }

    /// Nobody gets out of the bound to those who have proven nothing by the buttons of a page.
    async fn giving_up_and_going_on_without_somebody_prove_nothing(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        browser.start_upstream_login(&page, "idp").await;
        let fields = [("interaction", page.hidden("interaction")), ("csrf", page.hidden("csrf"))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(browser.post("/login/unconnected", &fields).await.reply.status, 303);
        browser.post("/login/cancel", &fields).await.error_response("access_denied");
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM interaction WHERE ended_at IS NOT NULL").await, 1);
        assert_eq!(evidence.count("SELECT count(*) AS n FROM interaction WHERE unproven_since IS NOT NULL").await, 1);
    }

    /// Of people who left and have proven nothing there are 5000 interactions at most.
    async fn whoever_leaves_pushes_out_the_oldest_of_those_who_have_proven_nothing(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let evidence = server.evidence().await;
        let unproven = async || {
            let sql = "SELECT count(*) AS n FROM interaction WHERE session_id IS NULL AND ended_at IS NULL";
            evidence.count(sql).await
        };
        sign_in_at_provider(&server, &app, "idp", &idp).await.authorization_response().code();
        assert_eq!(unproven().await, 0);
        server.advance(1);
        let (mut first, first_back) = approved_at_provider(&server, &app, "idp", &idp).await;
        server.advance(1);
        let (mut second, second_back) = approved_at_provider(&server, &app, "idp", &idp).await;
        server.advance(1);
        let others = async |name: &str, many: usize| {
            let sql = format!(
                "INSERT INTO interaction (id, request, received_at, expires_at, unproven_since) \
                 WITH RECURSIVE other (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM other WHERE n < {many}) \
                 SELECT '{name}-' || n, '{{}}', {now}, {now} + 600000, {now} FROM other",
                now = server.now().now().timestamp_millis()
            );
            evidence.run(&sql).await;
        };
        others("other", 4998).await;
        server.advance(1);
        assert_eq!(unproven().await, 5000);
        let (mut third, third_back) = approved_at_provider(&server, &app, "idp", &idp).await;
        assert_eq!(unproven().await, 5000);
        // The oldest one is gone with its visit, and nobody else.
        assert_eq!(evidence.count("SELECT count(*) AS n FROM upstream_login").await, 2);
        first.get(&first_back.url()).await.is_error("unknown_interaction");
        second.complete_upstream_login(&second_back).await.authorization_response().code();
        third.complete_upstream_login(&third_back).await.authorization_response().code();
        // Whoever has proven something is none of them.
        assert_eq!(evidence.count("SELECT count(*) AS n FROM interaction WHERE session_id IS NOT NULL").await, 3);
        assert_eq!(unproven().await, 4998);
        // Leaving again needs no room.
        let mut again = server.browser();
        let page = again.open(&app.authorization_url(&[])).await;
        again.start_upstream_login(&page, "idp").await;
        others("more", 300).await;
        again.start_upstream_login(&page, "idp").await;
        assert_eq!(unproven().await, 5299);
        // Too many become fewer step by step.
        for left in [5200, 5101, 5002, 5000] {
            approved_at_provider(&server, &app, "idp", &idp).await;
            assert_eq!(unproven().await, left);
        }
        assert_eq!(evidence.count("SELECT count(*) AS n FROM interaction WHERE session_id IS NOT NULL").await, 3);
    }
}

/// What a provider says is cut where it reaches the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_provider_says_is_short_in_the_log() {
    let idp = Oidc::start().await;
    let mut cli = Cli::new(&Database::Sqlite).await;
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
