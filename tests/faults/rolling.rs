//! Servers are restarted one after the other under load.

use crate::crowd::Crowd;
use crate::support::{Balancer, Binary, Cli, free_port};
use crate::{CannotRun, Outcome, own_postgres};

const PEOPLE: usize = 8;

/// Restarts each of two servers behind a proxy in every round, as an operator does.
pub(crate) async fn restarts(rounds: usize) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&[])?;
    let database = postgres.database();
    let front = format!("127.0.0.1:{}", free_port());
    let mut cli = Cli::new(&database).await;
    let issuer = format!("http://{front}");
    for (name, value) in [("MAPAE_ISSUER", issuer.as_str()), ("MAPAE_SHUTDOWN_DELAY", "2s")] {
        cli.set(name, value);
    }
    let first = cli.serve().await;
    let mut cli = Cli::replica_of(&first).await;
    cli.set("MAPAE_SHUTDOWN_DELAY", "2s");
    let mut servers = [first, cli.serve().await];
    let addresses = servers.each_ref().map(|server| server.cli.get("MAPAE_LISTEN").to_owned());
    let balancer = Balancer::at(&front, &addresses).await;
    let balancer = balancer.ok_or_else(|| CannotRun("there is no haproxy".to_owned()))?;
    let crowd = Crowd::gather(&servers[0], &[issuer], PEOPLE).await;
    let mut broken = Vec::new();
    for round in 0..rounds {
        for server in &mut servers {
            crowd.refreshes(100).await;
            restart(server, round, &mut broken).await;
        }
    }
    crowd.refreshes(100).await;
    let evidence = servers[0].evidence().await;
    let judged = crowd.judge(&evidence).await;
    if judged.unanswered > 0 || judged.unavailable > 0 {
        broken.push(format!("failed requests: {}", judged.measured));
    }
    drop(balancer);
    Ok(Outcome {
        operations: judged.operations,
        faults: 2 * rounds,
        measured: vec![judged.measured],
        broken: [broken, judged.broken].concat(),
    })
}

async fn restart(server: &mut Binary, round: usize, broken: &mut Vec<String>) {
    server.terminate().await;
    let code = server.ended().await;
    if code != Some(0) {
        broken.push(format!("a server ended with {code:?} in round {round}"));
    }
    server.restart().await;
}
