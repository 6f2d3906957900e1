//! `kill -9` in the midst of refreshes.

use crate::crowd::Crowd;
use crate::support::{Binary, Cli, Database};
use crate::{CannotRun, Outcome, own_postgres};

const PEOPLE: usize = 12;

pub(crate) async fn on_sqlite(rounds: usize) -> Result<Outcome, CannotRun> {
    let binary = Binary::start(&Database::Sqlite).await;
    let outcome = kill_again_and_again(binary, Vec::new(), rounds).await;
    Ok(outcome)
}

pub(crate) async fn on_postgres(rounds: usize) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&[])?;
    let database = postgres.database();
    let first = Binary::start(&database).await;
    let second = Cli::replica_of(&first).await.serve().await;
    Ok(kill_again_and_again(first, vec![second], rounds).await)
}

/// Kills the first server in every round, with others beside it.
async fn kill_again_and_again(mut first: Binary, others: Vec<Binary>, rounds: usize) -> Outcome {
    let all = std::iter::once(&first).chain(&others);
    let servers: Vec<_> =
        all.map(|binary| format!("http://{}", binary.cli.get("MAPAE_LISTEN"))).collect();
    let crowd = Crowd::gather(&first, &servers, PEOPLE).await;
    for round in 0..rounds {
        // Not always at the same point of the work.
        crowd.refreshes(5 + round * 7 % 83).await;
        first.kill().await;
        first.restart().await;
    }
    let evidence = first.evidence().await;
    let mut judged = crowd.judge(&evidence).await;
    if others.is_empty() {
        let said = evidence.column("PRAGMA integrity_check", "integrity_check").await;
        if said != ["ok"] {
            judged.broken.push(format!("SQLite finds its file damaged: {said:?}"));
        }
    }
    Outcome {
        operations: judged.operations,
        faults: rounds,
        measured: vec![judged.measured],
        broken: judged.broken,
    }
}
