//! Two servers whose clocks differ, on one Postgres.

use tokio::process::{Child, Command};

use crate::support::{
    Binary, Cli, ClientArguments, PASSWORD, eventually, free_port, http, postgres_or_skip,
    required_or_skip,
};

/// A verb of the binary in a process whose clock is off by this. The library is loaded directly: the
/// program `faketime` starts a process of its own, which would go on when the test ends.
async fn off_by(cli: &Cli, shift: &str, arguments: &[&str]) -> Command {
    let shown = Command::new("faketime").args(["-f", shift, "printenv", "LD_PRELOAD"]).output();
    let library = String::from_utf8(shown.await.expect("faketime").stdout).expect("UTF-8");
    let mut command = cli.command(arguments);
    command.env("LD_PRELOAD", library.trim()).env("FAKETIME", shift);
    // Timers go on as they are.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    command
}

/// Another server on the same data, with this clock.
async fn replica(first: &Binary, shift: &str) -> (Cli, Child) {
    let mut cli = Cli::replica_of(first).await;
    cli.set("MAPAE_ADMIN_LISTEN", format!("127.0.0.1:{}", free_port()));
    let mut command = off_by(&cli, shift, &["serve"]).await;
    let child = command.stderr(cli.log_file()).spawn().expect("the binary");
    cli.is_ready().await;
    (cli, child)
}

async fn has_faketime() -> bool {
    let is_there = Command::new("faketime").arg("--version").output().await.is_ok();
    if !is_there {
        required_or_skip("there is no faketime");
    }
    is_there
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fresh_tokens_are_taken_by_a_replica_whose_clock_is_behind() {
    let Some(database) = postgres_or_skip() else { return };
    if !has_faketime().await {
        return;
    }
    let first = Binary::start(&database).await;
    first.user("alice", PASSWORD).await;
    let here = first.register("app", &ClientArguments::by_password()).await;
    let (behind, _behind) = replica(&first, "-240s").await;
    let there = here.at(&format!("http://{}", behind.get("MAPAE_LISTEN")));
    for _ in 0..3 {
        let (access, _) = here.password("openid").await.pair();
        assert_eq!(there.userinfo(&access).await.status, 200);
        assert!(there.is_active(&access).await);
    }
    // Further apart than five minutes is no difference of clocks.
    let (far, _far) = replica(&first, "-330s").await;
    let (access, _) = here.password("openid").await.pair();
    let there = here.at(&format!("http://{}", far.get("MAPAE_LISTEN")));
    assert_eq!(there.userinfo(&access).await.status, 401);
    let metrics = format!("http://{}/metrics", behind.get("MAPAE_ADMIN_LISTEN"));
    let mut shown = None;
    eventually("the skew is measured", async || {
        let Ok(reply) = http().get(&metrics).send().await else { return false };
        let text = reply.text().await.unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("mapae_database_clock_skew_seconds"));
        shown = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        shown.is_some()
    })
    .await;
    let skew = shown.expect("a number");
    assert!((-241.0..-239.0).contains(&skew), "{skew}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_tells_of_a_clock_that_is_off() {
    let Some(database) = postgres_or_skip() else { return };
    if !has_faketime().await {
        return;
    }
    let cli = Cli::migrated(&database).await;
    let (warning, error) = ("warning", "error");
    for (shift, level) in [("+0s", "ok"), ("+5s", warning), ("-5s", warning), ("+40s", error)] {
        let mut command = off_by(&cli, shift, &["doctor", "--json"]).await;
        let output = command.output().await.expect("an end");
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let checks = said["checks"].as_array().expect("checks");
        let clock = checks.iter().find(|one| one["check"] == "clock").expect("the clock");
        assert_eq!(clock["level"], level, "{clock}");
    }
}
