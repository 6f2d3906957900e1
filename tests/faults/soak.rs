//! A server at work for a long time.

use std::time::{Duration, Instant};

use crate::crowd::Crowd;
use crate::process::{memory, open_files, threads};
use crate::support::{Binary, Database, PASSWORD};
use crate::{CannotRun, Outcome};

/// Refreshes and sign-ins for so many minutes: nothing grows.
pub(crate) async fn for_minutes(minutes: usize) -> Result<Outcome, CannotRun> {
    let binary = Binary::start(&Database::Sqlite).await;
    let crowd = Crowd::gather(&binary, &[binary.issuer()], 8).await;
    let mut broken = Vec::new();
    let mut sign_ins = 0;
    let mut looks = Vec::new();
    let half_minutes = 2 * minutes;
    for part in 0..half_minutes {
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until {
            // Each sign-in starts a family, and ends it.
            let pair = crowd.app.password_as("person0", PASSWORD, "read").await;
            let (_, token) = pair.pair();
            crowd.app.revoke(&token).await.ok();
            sign_ins += 1;
        }
        looks.push((memory(&binary), open_files(&binary), threads(&binary)));
        println!("after {} s: {:?}", 30 * (part + 1), looks.last().expect("one"));
    }
    // The first third fills caches and pools.
    let (early, late) = (looks[half_minutes / 3], *looks.last().expect("one"));
    if late.0 > early.0 + early.0 / 4 + 8 * 1024 {
        broken.push(format!("memory grew from {} to {} KiB", early.0, late.0));
    }
    if late.1 > early.1 + 16 || late.2 > early.2 + 4 {
        broken.push(format!("open files and threads grew from {early:?} to {late:?}"));
    }
    let evidence = binary.evidence().await;
    let measured = format!(
        "{sign_ins} sign-ins and revocations; memory {} KiB, then {}; {} open files, then {}",
        early.0, late.0, early.1, late.1
    );
    let judged = crowd.judge(&evidence).await;
    Ok(Outcome {
        operations: judged.operations + 2 * sign_ins,
        faults: sign_ins,
        measured: vec![judged.measured, measured],
        broken: [broken, judged.broken].concat(),
    })
}
