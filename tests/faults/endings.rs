//! Refreshes race what ends them: after both were answered, nothing is active.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::crowd::{is_unavailable, register};
use crate::support::{App, Binary, Cli, PASSWORD, Reply};
use crate::{CannotRun, Outcome, own_postgres};

/// What ends a person's tokens.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Revoked,
    LoggedOut,
    Disabled,
    NewPassword,
    Deleted,
}

const ENDINGS: [Ending; 5] =
    [Ending::Revoked, Ending::LoggedOut, Ending::Disabled, Ending::NewPassword, Ending::Deleted];
const REFRESHES: usize = 4;

pub(crate) async fn races(rounds: usize) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&[])?;
    let database = postgres.database();
    let first = Binary::start(&database).await;
    let second = Cli::replica_of(&first).await.serve().await;
    let here = register(&first).await;
    let there = here.at(&format!("http://{}", second.cli.get("MAPAE_LISTEN")));
    let mut outcome = Outcome::default();
    for round in 0..rounds {
        let (ending, name) = (ENDINGS[round % ENDINGS.len()], format!("person{round}"));
        first.user(&name, PASSWORD).await;
        let pair = here.password_as(&name, PASSWORD, "read").await.pair();
        one(&first, [&here, &there], ending, &name, pair, &mut outcome).await;
        outcome.faults += 1;
    }
    let evidence = first.evidence().await;
    for (kind, ending) in [
        ("user.logged_out", Ending::LoggedOut),
        ("user.disabled", Ending::Disabled),
        ("user.password_set", Ending::NewPassword),
        ("user.deleted", Ending::Deleted),
    ] {
        let written = evidence.events_of(kind).await.len();
        let made = (0..rounds).filter(|round| {
            std::mem::discriminant(&ENDINGS[round % ENDINGS.len()])
                == std::mem::discriminant(&ending)
        });
        let made = made.count();
        if written < made {
            outcome.broken.push(format!("{made} times {ending:?}, and {written} events {kind}"));
        }
    }
    Ok(outcome)
}

async fn one(
    binary: &Binary,
    apps: [&App; 2],
    ending: Ending,
    name: &str,
    (access, token): (String, String),
    outcome: &mut Outcome,
) {
    // Somebody asks all the time whether the token is active: once it is not, it never is again.
    let is_over = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn(ask_on(apps[1].clone(), access.clone(), Arc::clone(&is_over)));
    let refreshing = futures_util::future::join_all(
        (0..REFRESHES).map(|number| refresh_twice(apps[number % 2], &token)),
    );
    let (replies, ()) = tokio::join!(refreshing, end(binary, apps[0], ending, name, &token));
    is_over.store(true, Ordering::SeqCst);
    let (asked, came_back) = asking.await.expect("answers");
    outcome.operations += asked + 2 * REFRESHES;
    if came_back {
        outcome.broken.push(format!("{ending:?}: a token that had ended was active again"));
    }
    let mut tokens = vec![access, token.clone()];
    for reply in replies.into_iter().flatten() {
        if reply.status == 200 {
            let (access, refresh) = reply.pair();
            tokens.extend([access, refresh]);
        } else if reply.status != 400 && !is_unavailable(&reply) {
            outcome.broken.push(format!("{ending:?}: {} {}", reply.status, reply.text));
        }
    }
    for token in &tokens {
        for app in apps {
            outcome.operations += 1;
            if app.is_active(token).await {
                outcome.broken.push(format!("{ending:?}: a token is active after it"));
            }
        }
    }
    for token in tokens.iter().skip(1).step_by(2) {
        outcome.operations += 1;
        if apps[1].refresh(token).await.status == 200 {
            outcome.broken.push(format!("{ending:?}: a refresh token works after it"));
        }
    }
}

async fn refresh_twice(app: &App, token: &str) -> Vec<Reply> {
    let reply = app.refresh(token).await;
    let mut replies = vec![reply.clone()];
    if reply.status == 200 {
        replies.push(app.refresh(&reply.text("refresh_token")).await);
    }
    replies
}

async fn end(binary: &Binary, app: &App, ending: Ending, name: &str, token: &str) {
    match ending {
        Ending::Revoked => {
            app.revoke(token).await.ok();
        }
        Ending::LoggedOut => drop(binary.cli(&["user", "logout", "--username", name], None).await),
        Ending::Disabled => drop(binary.cli(&["user", "disable", "--username", name], None).await),
        Ending::NewPassword => {
            let verb = ["user", "set-password", "--username", name, "--password-stdin"];
            binary.cli(&verb, Some("another horse battery staple")).await;
        }
        Ending::Deleted => drop(binary.cli(&["user", "delete", "--username", name], None).await),
    }
}

/// Asks until it is over; how often, and whether a token that was not active became active.
async fn ask_on(app: App, access: String, is_over: Arc<AtomicBool>) -> (usize, bool) {
    let (mut asked, mut has_ended, mut came_back) = (0, false, false);
    while !is_over.load(Ordering::SeqCst) {
        let is_active = app.is_active(&access).await;
        came_back |= has_ended && is_active;
        has_ended |= !is_active;
        asked += 1;
    }
    (asked, came_back)
}
