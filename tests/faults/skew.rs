//! Servers whose clocks differ, and a clock that repeats or skips a second.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use crate::crowd::{Crowd, Plan, register};
use crate::faketime::is_off;
use crate::support::{App, Binary, Cli, Database, PASSWORD, http};
use crate::{CannotRun, Outcome, own_postgres};

const PEOPLE: usize = 6;
/// The clocks of the servers, in seconds from the true time.
const CLOCKS: [i64; 3] = [0, 120, -120];
/// What a second does: it is repeated twice, and skipped twice.
const LEAPS: [i64; 5] = [0, -1, -2, -1, 0];

/// One server is exact, one two minutes ahead, one two minutes behind.
pub(crate) async fn of_replicas(rounds: usize) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&[])?;
    let database = postgres.database();
    let mut servers = vec![Binary::start(&database).await];
    for clock in &CLOCKS[1..] {
        let mut cli = Cli::replica_of(&servers[0]).await;
        is_off(&mut cli, "FAKETIME", &format!("{clock:+}s")).await?;
        servers.push(cli.serve().await);
    }
    let addresses: Vec<_> =
        servers.iter().map(|server| format!("http://{}", server.cli.get("MAPAE_LISTEN"))).collect();
    // Whether an access token is good depends on the clock of who is asked; that is looked at below.
    let mut crowd = Crowd::gather(&servers[0], &addresses, PEOPLE).await;
    crowd.keeps_one_time = false;
    let apps: Vec<_> = addresses.iter().map(|address| crowd.app.at(address)).collect();
    let mut outcome = Outcome::default();
    let mut good = BTreeMap::new();
    let mut revoked = Vec::new();
    for _ in 0..rounds {
        for (from, issuing) in apps.iter().enumerate() {
            crowd.refreshes(60).await;
            one(issuing, from, &apps, &mut good, &mut revoked, &mut outcome).await;
        }
    }
    for (access, refresh) in &revoked {
        for app in &apps {
            outcome.operations += 1;
            if app.is_active(access).await || app.is_active(refresh).await {
                outcome.broken.push("a revoked token is active".to_owned());
            }
        }
    }
    outcome.faults = rounds * apps.len();
    let said: Vec<_> = good
        .iter()
        .map(|((from, at), (good, all))| {
            format!("{:+} s at {:+} s: {good} of {all}", CLOCKS[*from], CLOCKS[*at])
        })
        .collect();
    let evidence = servers[0].evidence().await;
    outcome.add(crowd.judge(&evidence).await);
    outcome.measured.push(format!("fresh access tokens that were active, {}", said.join(", ")));
    Ok(outcome)
}

/// Signs in at one server, and looks at the tokens at all of them.
async fn one(
    issuing: &App,
    from: usize,
    apps: &[App],
    good: &mut BTreeMap<(usize, usize), (usize, usize)>,
    revoked: &mut Vec<(String, String)>,
    outcome: &mut Outcome,
) {
    let (access, refresh) = issuing.password_as("person0", PASSWORD, "read").await.pair();
    for (at, app) in apps.iter().enumerate() {
        let is_active = app.is_active(&access).await;
        let counts = good.entry((from, at)).or_insert((0, 0));
        counts.0 += usize::from(is_active);
        counts.1 += 1;
        outcome.operations += 2;
        if !is_active {
            outcome.broken.push(format!(
                "a fresh access token of {:+} s is not active at {:+} s",
                CLOCKS[from], CLOCKS[at]
            ));
        }
        if !app.is_active(&refresh).await {
            outcome.broken.push(format!("a fresh refresh token is not active at {at}"));
        }
    }
    // Each of them takes it on from the one before.
    let (mut refresh, mut newest) = (refresh, access);
    for app in apps {
        let reply = app.refresh(&refresh).await;
        outcome.operations += 1;
        if reply.status != 200 {
            outcome.broken.push(format!("a refresh was answered {}: {}", reply.status, reply.text));
            return;
        }
        (newest, refresh) = reply.pair();
    }
    apps[(from + 1) % apps.len()].revoke(&refresh).await.ok();
    revoked.push((newest, refresh));
}

/// The clock of a server repeats a second, and skips one.
pub(crate) async fn leap(rounds: usize) -> Result<Outcome, CannotRun> {
    let mut cli = Cli::new(&Database::Sqlite).await;
    let file = cli.folder.path().join("clock");
    let set = |seconds: i64| std::fs::write(&file, format!("{seconds:+}")).expect("written");
    set(0);
    is_off(&mut cli, "FAKETIME_TIMESTAMP_FILE", file.to_str().expect("a path")).await?;
    let binary = cli.serve().await;
    let app = register(&binary).await;
    let plan = Plan { kept: 200, ..Plan::of(PEOPLE) };
    let crowd = Crowd::gather_at(app, &binary, &[binary.issuer()], plan).await;
    let mut outcome = Outcome::default();
    for round in 0..rounds {
        for seconds in LEAPS {
            set(seconds);
            outcome.faults += 1;
            crowd.refreshes(50).await;
            let (access, refresh) = crowd.app.password_as("person0", PASSWORD, "read").await.pair();
            let url = format!("{}/livez", binary.issuer());
            let lives = http().get(url).send().await.expect("an answer").status();
            if !crowd.app.is_active(&access).await || lives != 200 {
                outcome.broken.push(format!("not good at {seconds:+} s in round {round}: {lives}"));
            }
            crowd.app.revoke(&refresh).await.ok();
            if crowd.app.is_active(&access).await {
                outcome.broken.push(format!("revoked and active at {seconds:+} s"));
            }
            outcome.operations += 4;
            sleep(Duration::from_millis(1500)).await;
        }
    }
    if binary.log().contains("a panic") {
        outcome.broken.push("the log tells of a panic".to_owned());
    }
    let evidence = binary.evidence().await;
    outcome.add(crowd.judge(&evidence).await);
    Ok(outcome)
}
