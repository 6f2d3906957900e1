//! Resource servers in five languages poll the status list while tokens die, keys rotate and the
//! server starts again. `cargo xtask faults verifiers` does it for longer, and with more of it.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, interval};

use super::AUDIENCE;
use super::resource_server::ResourceServer;
use crate::interop::toolchain::{self, Language};
use crate::support::{
    Binary, Cli, ClientArguments, Database, PASSWORD, eventually, required_or_skip,
};

/// How long a list may be used.
const TTL: Duration = Duration::from_secs(2);
/// A verifier refuses a second and `ttl` after a revocation. The rest is for a machine on which many
/// tests run: without a look at `ttl` it would take a minute, or until the token expires.
const LATEST: Duration = Duration::from_secs(1 + 2 + 7);

/// Asks until a token that was revoked at this instant is refused.
async fn refuses_in_time(api: &ResourceServer, token: &str, revoked: Instant) {
    let mut ticks = interval(Duration::from_millis(50));
    loop {
        ticks.tick().await;
        let asked = revoked.elapsed();
        match api.accepts(token).await {
            Some(false) => return,
            Some(true) => assert!(asked <= LATEST, "accepted {asked:?} after its revocation"),
            None => {}
        }
    }
}

async fn poll(programs: &[(Language, &str)]) {
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    cli.set("MAPAE_STATUS_LIST_TTL", format!("{}s", TTL.as_secs()));
    let mut server = cli.serve().await;
    let issuer = server.issuer();
    server.user("alice", PASSWORD).await;
    let app = ClientArguments::by_password().with("--audience", AUDIENCE);
    let app = server.register("app", &app.with("--status-list", "true")).await;
    let mut apis = vec![ResourceServer::of_the_crate(&issuer, AUDIENCE)];
    for (language, name) in programs {
        match toolchain::of_the_kit(*language, name).await {
            Ok(program) => apis.push(ResourceServer::start(program, &issuer, AUDIENCE)),
            Err(why) => required_or_skip(&why),
        }
    }
    let (kept, _) = app.password("openid").await.pair();
    let all_accept = async |token: &str| {
        eventually("all accept it", async || {
            join_all(apis.iter().map(|api| api.accepts(token)))
                .await
                .iter()
                .all(|it| *it == Some(true))
        })
        .await;
    };
    all_accept(&kept).await;
    let rounds = async {
        for round in 0..3 {
            let (stolen, refresh) = app.password("openid").await.pair();
            // A new key is looked for once more after a pause of five seconds.
            all_accept(&stolen).await;
            app.revoke(&refresh).await.ok();
            let revoked = Instant::now();
            join_all(apis.iter().map(|api| refuses_in_time(api, &stolen, revoked))).await;
            match round {
                0 => drop(server.cli(&["key", "rotate", "--now", "--alg", "RS256"], None).await),
                1 => {
                    server.terminate().await;
                    assert_eq!(server.ended().await, Some(0));
                    let Binary { cli, .. } = server;
                    server = cli.serve().await;
                }
                _ => {}
            }
        }
        server
    };
    // Meanwhile nobody refuses a good token, whatever happens to keys and to the server.
    let good = async {
        let mut ticks = interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            for (number, api) in apis.iter().enumerate() {
                let is_refused = api.accepts(&kept).await == Some(false);
                assert!(!is_refused, "number {number} refuses a good token");
            }
        }
    };
    let server = tokio::select! {
        server = rounds => server,
        () = good => return,
    };
    all_accept(&kept).await;
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verifiers_in_four_languages_poll_while_tokens_die() {
    poll(&[(Language::Node, "node"), (Language::Python, "python/fastapi"), (Language::Go, "go")])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute for what the other languages show in every run"]
async fn verifiers_in_java_poll_while_tokens_die() {
    poll(&[(Language::Java, "spring")]).await;
}
