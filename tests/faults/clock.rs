//! The clock of a server steps by an hour while apps refresh.

use crate::crowd::Crowd;
use crate::faketime::is_off;
use crate::support::{Cli, Database, PASSWORD, http};
use crate::{CannotRun, Outcome, own_postgres};

const PEOPLE: usize = 6;
/// One step after the other, in seconds from the true time; the last one leads back.
const STEPS: [i64; 6] = [3600, 0, -3600, 3600, -30, 0];

/// The clock of the database steps as well: it is that of the server's machine.
pub(crate) async fn on_sqlite(rounds: usize) -> Result<Outcome, CannotRun> {
    steps(&Database::Sqlite, rounds).await
}

/// The clock of the database stays exact: Postgres is on another machine.
pub(crate) async fn on_postgres(rounds: usize) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&[])?;
    steps(&postgres.database(), rounds).await
}

async fn steps(database: &Database, rounds: usize) -> Result<Outcome, CannotRun> {
    let mut cli = Cli::new(database).await;
    let file = cli.folder.path().join("clock");
    let step = |seconds: i64| std::fs::write(&file, format!("{seconds:+}")).expect("written");
    step(0);
    let path = file.to_str().expect("a path");
    is_off(&mut cli, "FAKETIME_TIMESTAMP_FILE", path).await?;
    let binary = cli.serve().await;
    let mut crowd = Crowd::gather(&binary, &[binary.issuer()], PEOPLE).await;
    // A token of another hour is over, or not valid yet, and rightly so.
    crowd.keeps_one_time = false;
    let mut broken = Vec::new();
    let mut revoked = Vec::new();
    for round in 0..rounds {
        for seconds in STEPS {
            step(seconds);
            crowd.refreshes(100).await;
            let url = format!("{}/livez", binary.issuer());
            let status = http().get(url).send().await.expect("an answer").status();
            if status != 200 {
                broken.push(format!("/livez is {status} at {seconds:+} s in round {round}"));
            }
            let (access, refresh) = crowd.app.password_as("person0", PASSWORD, "read").await.pair();
            crowd.app.revoke(&refresh).await.ok();
            revoked.push((access, refresh));
            for (access, refresh) in &revoked {
                if crowd.app.is_active(access).await || crowd.app.is_active(refresh).await {
                    broken.push(format!("a revoked token is active at {seconds:+} s"));
                }
            }
        }
    }
    if binary.log().contains("a panic") {
        broken.push("the log tells of a panic".to_owned());
    }
    let evidence = binary.evidence().await;
    let judged = crowd.judge(&evidence).await;
    Ok(Outcome {
        operations: judged.operations + revoked.len() * 2,
        faults: rounds * STEPS.len(),
        measured: vec![judged.measured],
        broken: [broken, judged.broken].concat(),
    })
}
