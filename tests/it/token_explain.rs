//! `mapae token explain`: why a token is refused, beside a running server.

use serde_json::{Value, json};

use crate::support::{
    App, Binary, Cli, ClientArguments, Database, PASSWORD, Said, both, decode_claims,
    decode_header, eventually, http,
};

const API: &str = "https://api.example.com";

fn arguments() -> ClientArguments {
    let arguments = ClientArguments::confidential(&["password", "refresh_token"]);
    arguments.with("--scope", "openid read").with("--audience", API)
}

async fn running(database: &Database) -> (Binary, App) {
    let server = Binary::start(database).await;
    server.user("alice", PASSWORD).await;
    let app = server.register("app", &arguments()).await;
    (server, app)
}

async fn said(cli: &Cli, token: &str, flags: &[&str]) -> Said {
    let verb = [&["token", "explain"], flags].concat();
    cli.run(&verb, Some(&format!("{token}\n"))).await
}

/// The answer as JSON; the exit code says the same.
async fn explained(cli: &Cli, token: &str, flags: &[&str]) -> Value {
    let said = said(cli, token, &[flags, &["--json"]].concat()).await;
    let answer: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    assert_eq!(answer["good"] == true, said.code == 0, "{said:?}");
    assert!(said.code == 0 || said.code == 1, "{said:?}");
    assert_eq!(answer["reason"].is_null(), answer["good"] == true);
    answer
}

/// What the check with this name says.
fn step<'a>(answer: &'a Value, check: &str) -> &'a str {
    let mut steps = answer["steps"].as_array().expect("steps").iter();
    let step = steps.find(|step| step["check"] == check);
    step.unwrap_or_else(|| panic!("{check} in {answer}"))["says"].as_str().expect("words")
}

both! {
    async fn a_token_is_good_until_something_ends_it_and_each_end_is_named(database) {
        let (server, app) = running(&database).await;
        let cli = &server.cli;
        let first = app.password("openid read").await.ok();
        let (access, refresh) = (first.text("access_token"), first.text("refresh_token"));
        let good = explained(cli, &format!("Bearer {access}"), &["--as", API]).await;
        assert_eq!((&good["good"], &good["reason"]), (&json!(true), &Value::Null), "{good}");
        let checks: Vec<_> = good["steps"].as_array().unwrap().iter().map(|step| step["check"].clone()).collect();
        let order = ["shape", "header", "key", "issuer", "audience", "times", "scope", "binding", "revoked", "typ"];
        assert_eq!(json!(checks), json!(order));
        assert!(step(&good, "shape").contains("`Bearer ` in front was taken off"));
        assert!(step(&good, "key").contains("it signs: published since"), "{good}");
        assert!(step(&good, "audience").contains(API));

        // Not judged without a resource server; judged by an audience, or by the id of its client.
        assert_eq!(explained(cli, &access, &[]).await["good"], true);
        let slash = explained(cli, &access, &["--as", &format!("{API}/")]).await;
        assert_eq!(slash["reason"], "token_audience_mismatch");
        assert!(step(&slash, "audience").contains("slash"), "{slash}");
        server.register("orders", &ClientArguments::confidential(&["client_credentials"]).with("--resource-server", API)).await;
        assert_eq!(explained(cli, &access, &["--as", "orders"]).await["good"], true);

        // Another instant.
        let exp = decode_claims(&access)["exp"].as_i64().unwrap();
        assert_eq!(explained(cli, &access, &["--at", &(exp - 1).to_string()]).await["good"], true);
        let late = explained(cli, &access, &["--at", &exp.to_string()]).await;
        assert_eq!(late["reason"], "token_expired", "{late}");
        let early = explained(cli, &access, &["--at", "2020-01-01T00:00:00Z"]).await;
        assert_ne!(early["good"], true);

        // The token alone, then its session, then its person and its client.
        let before = decode_claims(&access)["iat"].as_i64().unwrap();
        let other = app.password("openid read").await.ok().text("access_token");
        app.revoke(&other).await.ok();
        let gone = explained(cli, &other, &[]).await;
        assert_eq!(gone["reason"], "token_revoked", "{gone}");
        assert!(step(&gone, "revoked").contains("the token itself was revoked at 20"), "{gone}");
        let claims = decode_claims(&other).to_string();
        assert_eq!(explained(cli, &claims, &[]).await["reason"], "token_revoked");
        app.revoke(&refresh).await.ok();
        let gone = explained(cli, &access, &[]).await;
        assert_eq!(gone["reason"], "token_session_ended");
        assert!(step(&gone, "revoked").contains("was ended by family.revoked, request "), "{gone}");
        let then = explained(cli, &access, &["--at", &(before - 1).to_string()]).await;
        assert!(step(&then, "revoked").contains("later its session"), "{then}");
        let third = app.password("openid read").await.ok().text("access_token");
        server.cli(&["user", "logout", "--username", "alice"], None).await;
        let gone = explained(cli, &third, &[]).await;
        assert!(step(&gone, "revoked").contains("was ended by user.logged_out"), "{gone}");
        let fourth = app.password("openid read").await.ok().text("access_token");
        server.cli(&["user", "disable", "--username", "alice"], None).await;
        let gone = explained(cli, &fourth, &[]).await;
        assert!(step(&gone, "revoked").contains("its person was disabled at 20"), "{gone}");
        server.cli(&["user", "enable", "--username", "alice"], None).await;
        let fifth = app.password("openid read").await.ok().text("access_token");
        server.cli(&["client", "disable", "--id", "app"], None).await;
        let gone = explained(cli, &fifth, &[]).await;
        assert_eq!(gone["reason"], "token_client_disabled", "{gone}");
        server.cli(&["client", "enable", "--id", "app"], None).await;
        eventually("the server knows that it is enabled", async || {
            app.password("openid read").await.status == 200
        })
        .await;
        let sixth = app.password("openid read").await.ok().text("access_token");
        let kid = decode_header(&sixth)["kid"].as_str().unwrap().to_owned();
        server.cli(&["key", "rotate", "--now", "--alg", "RS256"], None).await;
        eventually("the old key retires", async || {
            let shown = explained(cli, &sixth, &[]).await;
            step(&shown, "key").contains("signs no more and is still published: ")
        })
        .await;
        server.cli(&["key", "drop", &kid], None).await;
        let gone = explained(cli, &sixth, &[]).await;
        assert_eq!(gone["reason"], "token_key_dropped", "{gone}");
    }

    async fn what_is_pasted_in_its_place_is_named(database) {
        let (server, app) = running(&database).await;
        let tokens = app.password("openid read").await.ok();
        let access = tokens.text("access_token");
        let cut = &access[..access.len() - 6];
        for (text, reason) in [
            (tokens.text("id_token"), "token_is_id_token"),
            (tokens.text("refresh_token"), "token_is_refresh_token"),
            ("mapae_ac_x".to_owned(), "token_is_code"),
            (app.secret.clone().unwrap(), "token_is_secret"),
            ("nonsense".to_owned(), "token_malformed"),
            (format!("\"{access}\""), "token_malformed"),
            (cut.to_owned(), "token_signature_invalid"),
        ] {
            let answer = explained(&server.cli, &text, &["--as", API]).await;
            assert_eq!((&answer["reason"], &answer["good"]), (&json!(reason), &json!(false)), "{answer}");
            let mend = answer["mend"].as_str().unwrap();
            assert!(!mend.is_empty() && !mend.contains('\n'), "{mend}");
            // Each reason is one of the reference.
            let known = server.cli(&["explain", reason], None).await;
            assert_eq!((&known["status"], &known["error"]), (&json!(401), &json!("invalid_token")));
        }
        let words = said(&server.cli, &tokens.text("id_token"), &[]).await;
        assert_eq!(words.code, 1);
        assert!(words.out.starts_with("BAD   shape     this is an ID token"), "{words:?}");
        let last: Vec<_> = words.out.lines().rev().take(2).collect();
        assert!(last[0].starts_with("to mend it: ") && last[1].starts_with("refused: token_is_id_token, "), "{words:?}");
        for text in [&access, &tokens.text("refresh_token")] {
            let said = said(&server.cli, text, &[]).await;
            assert!(!said.out.contains(text.as_str()) && !said.err.contains(text.as_str()), "{said:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_issuer_alone_is_enough_and_no_database_is_needed() {
    let (server, app) = running(&Database::Sqlite).await;
    let access = app.password("openid read").await.ok().text("access_token");
    let mut elsewhere = Cli::new(&Database::Sqlite).await;
    elsewhere.environment.clear();
    let issuer = server.issuer();
    let flags = ["--issuer", &*issuer, "--as", API];
    // Plain http on this machine is called only where the settings allow it.
    let said = said(&elsewhere, &access, &flags).await;
    assert!(said.code == 1 && said.err.contains("outbound.allow_private"), "{said:?}");
    elsewhere.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
    let good = explained(&elsewhere, &access, &flags).await;
    assert_eq!(good["good"], true, "{good}");
    assert!(step(&good, "key").contains("it is in the JWKS"));
    assert!(step(&good, "revoked").starts_with("not known"));
    let slash = format!("{issuer}/");
    let bad = explained(&elsewhere, &access, &["--issuer", &slash]).await;
    assert_eq!(bad["reason"], "token_issuer_mismatch");
    assert!(
        step(&bad, "issuer").contains("a slash is expected at the end, and the token has none"),
        "{bad}"
    );
    assert!(step(&bad, "issuer").contains("the metadata there say"), "{bad}");
    let other = Binary::start(&Database::Sqlite).await;
    let bad = explained(&elsewhere, &access, &["--issuer", &other.issuer()]).await;
    assert_eq!(bad["reason"], "token_key_unknown");
    let entries = std::fs::read_dir(elsewhere.folder.path()).unwrap().count();
    assert_eq!(entries, 0, "it made nothing");
    // Looking is not verifying: of all these fetches only the last one is noted.
    let jwks = format!("{issuer}/.well-known/jwks.json");
    http().get(jwks).header("user-agent", "a-verifier").send().await.unwrap();
    let fetchers = async || server.cli(&["key", "fetchers"], None).await["fetchers"].clone();
    eventually("noted", async || fetchers().await != json!([])).await;
    let noted = fetchers().await;
    assert!(noted.as_array().unwrap().len() == 1 && noted[0]["agent"] == "a-verifier", "{noted}");
}

both! {
    /// The issuer alone says it by the list that it serves, its database by what is written there.
    async fn a_token_that_its_status_list_revokes_is_named(database) {
        let server = Binary::start(&database).await;
        server.user("alice", PASSWORD).await;
        let app = server.register("app", &arguments().with("--status-list", "each")).await;
        let mut elsewhere = Cli::new(&Database::Sqlite).await;
        elsewhere.environment.clear();
        elsewhere.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
        let issuer = server.issuer();
        let alone = ["--issuer", &*issuer, "--as", API];
        let (first, second) = (app.password("openid read").await.ok(), app.password("openid read").await.ok());
        let (stolen, kept) = (first.text("access_token"), second.text("access_token"));
        for token in [&stolen, &kept] {
            let good = explained(&elsewhere, token, &alone).await;
            assert_eq!(good["good"], true, "{good}");
            assert!(step(&good, "revoked").starts_with("not revoked by status: place "), "{good}");
            let good = explained(&server.cli, token, &["--as", API]).await;
            assert!(step(&good, "revoked").contains("in order; not revoked by status: place "), "{good}");
        }
        app.revoke(&first.text("refresh_token")).await.ok();
        eventually("the list says so", async || {
            let bad = explained(&elsewhere, &stolen, &alone).await;
            bad["reason"] == "token_revoked_by_status" && step(&bad, "revoked").starts_with("revoked by status: place ")
        })
        .await;
        assert_eq!(explained(&elsewhere, &kept, &alone).await["good"], true);
        let bad = explained(&server.cli, &stolen, &["--as", API]).await;
        assert_eq!(bad["reason"], "token_session_ended");
        let says = step(&bad, "revoked");
        assert!(says.contains("the feed of revocations tells of its sid at 20"), "{bad}");
        assert!(says.contains("revoked by status: place ") && says.contains(" is set since 20"), "{bad}");
        // Another token of its family, which the database knows to be alive, shares the place.
        let alive = app.password("openid read").await.ok();
        let again = app.refresh(&alive.text("refresh_token")).await.ok();
        app.revoke(&alive.text("access_token")).await.ok();
        let bad = explained(&server.cli, &again.text("access_token"), &["--as", API]).await;
        assert_eq!(bad["reason"], "token_revoked_by_status", "{bad}");
        let next = app.refresh(&again.text("refresh_token")).await.ok().text("access_token");
        assert_eq!(explained(&server.cli, &next, &["--as", API]).await["good"], true);
        // What is in no list, and what is no place.
        let mut claims = decode_claims(&kept);
        for place in [
            json!({ "status_list": { "idx": 1_u64 << 40, "uri": format!("{issuer}/status/1") } }),
            json!({ "status_list": { "idx": 1, "uri": format!("{issuer}/status/9") } }),
            json!({ "status_list": { "idx": -1, "uri": format!("{issuer}/status/1") } }),
            json!({ "other": {} }),
        ] {
            claims["status"] = place;
            for (cli, flags) in [(&elsewhere, &alone[..]), (&server.cli, &["--as", API])] {
                let bad = explained(cli, &claims.to_string(), flags).await;
                assert_eq!(bad["reason"], "token_status_unknown", "{bad}");
            }
        }
        // Nothing that a token names elsewhere is called.
        claims["status"] = json!({ "status_list": { "idx": 1, "uri": "http://127.0.0.1:9/status/1" } });
        let shown = explained(&elsewhere, &claims.to_string(), &alone).await;
        assert!(step(&shown, "revoked").contains("is not below the issuer"), "{shown}");
    }

    /// A client's own tokens have no session: the feed says that it was disabled meanwhile.
    async fn what_the_feed_tells_is_known(database) {
        let (server, _) = running(&database).await;
        let own = server.register("own", &ClientArguments::confidential(&["client_credentials"])).await;
        let before = own.token(&[("grant_type", "client_credentials")]).await.ok().text("access_token");
        assert_eq!(explained(&server.cli, &before, &[]).await["good"], true);
        server.cli(&["client", "disable", "--id", "own"], None).await;
        server.cli(&["client", "enable", "--id", "own"], None).await;
        let gone = explained(&server.cli, &before, &[]).await;
        assert_eq!(gone["reason"], "token_revoked", "{gone}");
        assert!(step(&gone, "revoked").contains("the feed of revocations tells of its client_id at 20"), "{gone}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_cannot_be_read_is_a_usage_error() {
    let cli = Cli::installed(&Database::Sqlite).await;
    let cases: [(&str, &[&str]); 4] =
        [("", &[]), (" \n", &[]), ("x", &["--at", "yesterday"]), ("x", &["--unknown"])];
    for (input, flags) in cases {
        let said = said(&cli, input, flags).await;
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{flags:?} {said:?}");
    }
}
