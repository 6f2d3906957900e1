//! More sign-ins than the processor can hash.

use std::collections::BTreeMap;
use std::num::NonZero;

use crate::crowd::Crowd;
use crate::process::memory;
use crate::support::{Binary, Database, PASSWORD};
use crate::{CannotRun, Outcome, own_postgres};

/// So many at once.
const SIGN_INS: usize = 500;

pub(crate) async fn on_sqlite(rounds: usize) -> Result<Outcome, CannotRun> {
    Ok(of_sign_ins(&Database::Sqlite, rounds).await)
}

pub(crate) async fn on_postgres(rounds: usize) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&[])?;
    Ok(of_sign_ins(&postgres.database(), rounds).await)
}

/// Sign-ins by the hundred, while apps refresh.
async fn of_sign_ins(database: &Database, rounds: usize) -> Outcome {
    let binary = Binary::start(database).await;
    let crowd = Crowd::gather(&binary, &[binary.issuer()], 8).await;
    crowd.refreshes(200).await;
    let quiet = memory(&binary);
    let (mut most, mut statuses) = (quiet, BTreeMap::new());
    for _ in 0..rounds {
        let sign_ins = (0..SIGN_INS).map(|number| {
            let (app, name) = (crowd.app.clone(), format!("person{}", number % 8));
            tokio::spawn(
                async move { app.password_as(&name, PASSWORD, "read").await.status.as_u16() },
            )
        });
        for sign_in in sign_ins.collect::<Vec<_>>() {
            *statuses.entry(sign_in.await.expect("an answer")).or_insert(0_usize) += 1;
            most = most.max(memory(&binary));
        }
    }
    let mut broken: Vec<String> = statuses
        .keys()
        .filter(|status| ![200, 429, 503].contains(*status))
        .map(|status| format!("a sign-in was answered {status}"))
        .collect();
    // Each thread that hashes holds the memory of one hash.
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let bound = quiet + threads * 19 * 1024 + 100 * 1024;
    if most > bound {
        broken.push(format!("{most} KiB of memory, where {bound} were expected at most"));
    }
    let measured = format!("sign-ins by status: {statuses:?}; {quiet} KiB of memory, then {most}");
    let evidence = binary.evidence().await;
    let judged = crowd.judge(&evidence).await;
    Outcome {
        operations: judged.operations + rounds * SIGN_INS,
        faults: rounds,
        measured: vec![judged.measured, measured],
        broken: [broken, judged.broken].concat(),
    }
}
