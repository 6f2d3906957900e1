//! Migrations that are killed, and servers that start together.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::sleep;

use crate::support::{App, Binary, Cli, ClientArguments, Database, PASSWORD, USERNAME};
use crate::{CannotRun, Outcome, older, own_postgres};

/// Servers that start together on one database.
const TOGETHER: usize = 4;
/// How often the migration of an older database is killed.
const KILLS: u32 = 3;
/// The older schemas, in quarters of all steps of the migrations.
const QUARTERS: [usize; 3] = [1, 2, 3];

/// How often a migration was killed, and how far it was then.
#[derive(Default)]
struct Killed {
    all: usize,
    unfinished: usize,
    /// Some of its steps were done, and others were not.
    half_way: usize,
}

/// Kills a migration at another moment in every round, of an empty database and of one with an older
/// schema and rows, on both databases; then servers start together and one of them is used.
pub(crate) async fn killed_and_together(rounds: usize) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&[])?;
    let postgres = postgres.database();
    let hash = older::hash().await;
    let (mut outcome, mut first, mut rest) =
        (Outcome::default(), Killed::default(), Killed::default());
    for round in 0..rounds {
        let steps = older::every_step() * QUARTERS[round % QUARTERS.len()] / 4;
        for database in [&Database::Sqlite, &postgres] {
            let cli = Cli::new(database).await;
            // It takes some hundred milliseconds; the last rounds kill what has ended.
            first.kill(&cli, Duration::from_millis(5 + 15 * round as u64 % 400)).await;
            let servers = start(cli, database).await;
            use_it(&servers[0], &mut outcome).await;
            drop(servers);
            let cli = older_and_killed(database, steps, &hash, &mut rest).await;
            let servers = start(cli, database).await;
            let app = use_it(&servers[0], &mut outcome).await;
            older::check(&servers[0], &app, &mut outcome).await;
        }
    }
    outcome.faults = first.all + rest.all;
    outcome.measured.push(format!(
        "{} of {} migrations of an empty database had not ended; of an older one {} of {}, {} with \
         some steps done",
        first.unfinished, first.all, rest.unfinished, rest.all, rest.half_way
    ));
    if first.unfinished == 0 || rest.unfinished == 0 {
        outcome.broken.push("every migration had ended before it was killed".to_owned());
    }
    if rest.half_way == 0 {
        outcome.broken.push("no migration was killed between two of its steps".to_owned());
    }
    Ok(outcome)
}

impl Killed {
    /// Begins a migration and kills it after so long.
    async fn kill(&mut self, cli: &Cli, after: Duration) {
        let mut migration = cli.command(&["migrate", "up"]).spawn().expect("the binary");
        sleep(after).await;
        self.unfinished += usize::from(migration.try_wait().expect("a process").is_none());
        migration.kill().await.expect("killed");
        self.all += 1;
    }
}

/// Kills the migration of a database with so many steps again and again.
async fn older_and_killed(
    database: &Database,
    steps: usize,
    hash: &str,
    killed: &mut Killed,
) -> Cli {
    // How long all of it takes on this machine, as busy as it is.
    let whole = Cli::new(database).await;
    older::make(&whole, steps, hash).await;
    let since = Instant::now();
    whole.json(&["migrate", "up"], None).await;
    let took = since.elapsed();
    let cli = Cli::new(database).await;
    older::make(&cli, steps, hash).await;
    for number in 1..=KILLS {
        killed.kill(&cli, took * number / (KILLS + 1)).await;
        let done = steps_done(&cli).await;
        killed.half_way += usize::from(steps < done && done < older::every_step());
    }
    cli
}

/// How many steps of the migrations are done.
async fn steps_done(cli: &Cli) -> usize {
    // It fails while some are not.
    let said = cli.run(&["migrate", "status", "--json"], None).await;
    let status: Value = serde_json::from_str(&said.out).expect("JSON");
    let all = status["migrations"].as_array().expect("migrations");
    all.iter().filter(|one| one["applied"] == true).count()
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

async fn use_it(server: &Binary, outcome: &mut Outcome) -> App {
    server.user(USERNAME, PASSWORD).await;
    let app = server.register("app", &ClientArguments::by_password()).await;
    let (_, token) = app.password("openid").await.pair();
    let reply = app.refresh(&token).await;
    outcome.operations += 2;
    if reply.status != 200 {
        outcome.broken.push(format!("a refresh was answered {}: {}", reply.status, reply.text));
    }
    app
}
