//! The connection to Postgres is cut at each message of a request.

use crate::crowd::{is_unavailable, register};
use crate::proxy::{Cut, Proxy};
use crate::support::{App, Binary, OwnPostgres, PASSWORD, Reply};
use crate::{CannotRun, Outcome, own_postgres};

/// More messages than any request sends.
const MESSAGES: usize = 40;

pub(crate) async fn at_every_message(rounds: usize) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&[])?;
    let proxy = Proxy::before(&postgres.address()).await;
    let database = OwnPostgres::database_at(&proxy.address);
    let binary = Binary::start(&database).await;
    binary.user("alice", PASSWORD).await;
    let app = register(&binary).await;
    let mut outcome = Outcome::default();
    let mut token = app.password("read").await.pair().1;
    for round in 0..rounds {
        let cut = match round % 4 {
            0 => Cut::Commit,
            1 => Cut::Committed,
            2 => Cut::Nth { from_postgres: false, number: round / 4 % MESSAGES },
            _ => Cut::Nth { from_postgres: true, number: round / 4 % MESSAGES },
        };
        proxy.arm(cut);
        let first = app.refresh(&token).await;
        let reply = again(&app, &token, first, &mut outcome, &proxy).await;
        // Nothing was spent without a successor, and nothing was cut off with its answer.
        if reply.status == 200 {
            token = reply.pair().1;
        } else {
            outcome.broken.push(format!("{cut:?}: {} {}", reply.status, reply.text));
            token = app.password("read").await.pair().1;
        }
        proxy.arm(cut);
        let reply = app.password("read").await;
        outcome.operations += 1;
        if reply.status != 200 && !is_unavailable(&reply) {
            outcome.broken.push(format!("{cut:?}, a sign-in: {} {}", reply.status, reply.text));
        }
        if reply.status == 200 && !app.is_active(&reply.text("refresh_token")).await {
            outcome.broken.push(format!("{cut:?}: a token of a good answer is not active"));
        }
    }
    proxy.disarm();
    outcome.faults = proxy.cuts();
    let evidence = binary.evidence().await;
    let alarms = evidence.events_of("refresh.reused").await.len();
    if alarms > 0 {
        outcome.broken.push(format!("{alarms} alarms of reuse"));
    }
    Ok(outcome)
}

/// Asks again, as an app does that was told to.
async fn again(
    app: &App,
    token: &str,
    mut reply: Reply,
    outcome: &mut Outcome,
    proxy: &Proxy,
) -> Reply {
    outcome.operations += 1;
    if reply.status == 200 {
        return reply;
    }
    if !is_unavailable(&reply) {
        outcome.broken.push(format!("not 503 with Retry-After: {} {}", reply.status, reply.text));
    }
    proxy.disarm();
    for _ in 0..3 {
        reply = app.refresh(token).await;
        outcome.operations += 1;
        if reply.status == 200 {
            break;
        }
    }
    reply
}
