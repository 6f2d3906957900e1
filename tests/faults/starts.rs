//! Migrations that are killed, and servers that start together.

use std::time::Duration;

use futures_util::future::join_all;

use crate::support::{Binary, Cli, ClientArguments, Database, PASSWORD, USERNAME};
use crate::{CannotRun, Outcome, own_postgres};

/// Servers that start together on an empty database.
const TOGETHER: usize = 4;

/// Kills the first migration at another moment in every round, on both databases; then servers start
/// together and one of them is used.
pub(crate) async fn killed_and_together(rounds: usize) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&[])?;
    let postgres = postgres.database();
    let mut outcome = Outcome::default();
    let mut unfinished = 0;
    for round in 0..rounds {
        for database in [&Database::Sqlite, &postgres] {
            let cli = Cli::new(database).await;
            let mut migration = cli.command(&["migrate", "up"]).spawn().expect("the binary");
            // It takes some hundred milliseconds; the last rounds kill what has ended.
            tokio::time::sleep(Duration::from_millis(5 + 15 * round as u64 % 400)).await;
            unfinished += usize::from(migration.try_wait().expect("a process").is_none());
            migration.kill().await.expect("killed");
            outcome.faults += 1;
            let servers = start(cli, database).await;
            use_it(&servers[0], &mut outcome).await;
        }
    }
    outcome.measured.push(format!("{unfinished} of {} migrations had not ended", outcome.faults));
    if unfinished == 0 {
        outcome.broken.push("every migration had ended before it was killed".to_owned());
    }
    Ok(outcome)
}

/// Starts one server on SQLite, and several together on Postgres.
async fn start(cli: Cli, database: &Database) -> Vec<Binary> {
    let mut all = Vec::new();
    if let Database::Postgres { .. } = database {
        for _ in 1..TOGETHER {
            let mut other = Cli::new(&Database::Sqlite).await;
            for shared in ["MAPAE_DATABASE_URL", "MAPAE_KEYS_DIR", "MAPAE_ISSUER"] {
                other.set(shared, cli.get(shared));
            }
            all.push(other);
        }
    }
    all.insert(0, cli);
    // Of servers that start together one makes the master key; where they share a folder of keys,
    // the others read it.
    join_all(all.into_iter().map(Cli::serve)).await
}

async fn use_it(server: &Binary, outcome: &mut Outcome) {
    server.user(USERNAME, PASSWORD).await;
    let app = server.register("app", &ClientArguments::by_password()).await;
    let (_, token) = app.password("openid").await.pair();
    let reply = app.refresh(&token).await;
    outcome.operations += 2;
    if reply.status != 200 {
        outcome.broken.push(format!("a refresh was answered {}: {}", reply.status, reply.text));
    }
}
