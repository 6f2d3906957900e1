//! Resource servers in five languages poll the status list while tokens die, keys rotate and the
//! server starts again.

use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use mapae_verify::{Presented, Refusal, Verifier};
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval};

use super::AUDIENCE;
use crate::interop::toolchain::{self, Language};
use crate::support::{
    Binary, Cli, ClientArguments, Database, PASSWORD, eventually, free_port, http, required_or_skip,
};

/// How long a list may be used.
const TTL: Duration = Duration::from_secs(2);
/// A verifier refuses a second and `ttl` after a revocation. The rest is for a machine on which many
/// tests run: without a look at `ttl` it would take a minute, or until the token expires.
const LATEST: Duration = Duration::from_secs(1 + 2 + 7);

/// A resource server.
enum Api {
    Crate(Verifier),
    Program { url: String, client: reqwest::Client, _running: Box<Child> },
}

impl Api {
    fn of_the_crate(issuer: &str) -> Self {
        let verifier = Verifier::builder(issuer, AUDIENCE).build().expect("a verifier");
        verifier.follow();
        Self::Crate(verifier)
    }

    fn start(mut program: Command, issuer: &str) -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        program.env("ISSUER", issuer).env("AUDIENCE", AUDIENCE).env("LISTEN", &listen);
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let running = program.kill_on_drop(true).spawn().expect("it starts");
        let (url, client) = (format!("http://{listen}/"), http());
        Self::Program { url, client, _running: Box::new(running) }
    }

    /// Whether it accepts a token. `None`: the fault is not the token's.
    async fn accepts(&self, token: &str) -> Option<bool> {
        match self {
            Self::Crate(verifier) => match verifier.verify(Presented::bearer(token)).await {
                Ok(_) => Some(true),
                Err(Refusal::Unavailable) => None,
                Err(_) => Some(false),
            },
            Self::Program { url, client, .. } => {
                let answer = client.get(url).bearer_auth(token).send().await.ok()?;
                match answer.status().as_u16() {
                    200 => Some(true),
                    401 => Some(false),
                    _ => None,
                }
            }
        }
    }

    /// Asks until a token that was revoked at this instant is refused.
    async fn refuses_in_time(&self, token: &str, revoked: Instant) {
        let mut ticks = interval(Duration::from_millis(50));
        loop {
            ticks.tick().await;
            let asked = revoked.elapsed();
            match self.accepts(token).await {
                Some(false) => return,
                Some(true) => assert!(asked <= LATEST, "accepted {asked:?} after its revocation"),
                None => {}
            }
        }
    }
}

async fn poll(programs: &[(Language, &str)]) {
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_STATUS_LIST_TTL", format!("{}s", TTL.as_secs()));
    let mut server = cli.serve().await;
    let issuer = server.issuer();
    server.user("alice", PASSWORD).await;
    let app = ClientArguments::by_password().with("--audience", AUDIENCE);
    let app = server.register("app", &app.with("--status-list", "true")).await;
    let mut apis = vec![Api::of_the_crate(&issuer)];
    for (language, name) in programs {
        match toolchain::of_the_kit(*language, name).await {
            Ok(program) => apis.push(Api::start(program, &issuer)),
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
            join_all(apis.iter().map(|api| api.refuses_in_time(&stolen, revoked))).await;
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
#[ignore = "Maven fetches sixty megabytes where nothing was fetched before"]
async fn verifiers_in_java_poll_while_tokens_die() {
    poll(&[(Language::Java, "spring")]).await;
}
