//! What goes on beside requests: learning of changes, the life of keys, cleaning up.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::config::Settings;
use super::tls::{self, Tls};
use crate::accounts::endings;
use crate::domain::verdict::Fault;
use crate::oauth::{Issuer, back_channel};
use crate::store::revisions::{self, Revisions};
use crate::store::{
    audit_events, authorization_codes, browsers, client_changes, families, interactions,
    known_addresses, revoked_access_tokens, sessions, throttles, used_assertions, visits,
};

/// What changed in another process shows here within a second: this, and one read.
const WATCH: Duration = Duration::from_millis(500);
/// What another process began to end is carried on within this, if that one does not.
const ENDINGS: Duration = Duration::from_secs(1);
const CLEAN_UP: Duration = Duration::from_mins(10);
/// So many clients that changed are forgotten one by one.
const CLIENTS: usize = 100;
/// Rows that one transaction cleans up: the one writer of SQLite is not held for long.
const STEP: u64 = 500;

/// Starts every job. They end when told to stop, between two rounds.
pub(super) fn start(
    issuer: &Arc<Issuer>,
    settings: &Settings,
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let seen = Arc::new(tokio::sync::Mutex::new(None));
    let watching = {
        let issuer = Arc::clone(issuer);
        every("learning of changes", WATCH, stopped.clone(), move || {
            learn(Arc::clone(&issuer), Arc::clone(&seen))
        })
    };
    let keys = {
        let issuer = Arc::clone(issuer);
        every("looking after the keys", settings.key_reload, stopped.clone(), move || {
            look_after_keys(Arc::clone(&issuer))
        })
    };
    let cleaning = {
        let issuer = Arc::clone(issuer);
        let (all, failures) = (settings.audit_retention, settings.audit_failures_retention);
        let kept = Kept { all, failures: failures.min(all) };
        every("cleaning up", CLEAN_UP, stopped.clone(), move || clean_up(Arc::clone(&issuer), kept))
    };
    let ending = end_what_was_begun(Arc::clone(issuer), stopped.clone());
    vec![watching, keys, cleaning, ending, tell_apps(Arc::clone(issuer), stopped.clone())]
}

/// Carries on what is to end and has not ended yet.
fn end_what_was_begun(issuer: Arc<Issuer>, stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    let ends = stopped.clone();
    every("ending what was begun", ENDINGS, stopped, move || {
        let (issuer, ends) = (Arc::clone(&issuer), ends.clone());
        async move {
            loop {
                // Somebody may have a million sessions: a server that is told to stop leaves the rest.
                let stops = *ends.borrow();
                if stops || !endings::carry_on_due(&issuer.store, &issuer.clock).await? {
                    return Ok(());
                }
                issuer.notices.nudge();
            }
        }
    })
}

/// Tells apps of sign-outs, at once where the sign-out was here, and in time where it was not.
fn tell_apps(issuer: Arc<Issuer>, mut stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        // What is on its way when the server is told to stop is sent again by the next one.
        tokio::select! {
            () = back_channel::deliver(&issuer) => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    })
}

/// Looks at the files of the certificate.
pub(super) fn look_after_tls(tls: Arc<Tls>, stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    every("looking at the TLS certificate", tls::LOOK, stopped, move || {
        let tls = Arc::clone(&tls);
        async move {
            tls.look().await;
            Ok(())
        }
    })
}

fn every<F>(
    doing: &'static str,
    period: Duration,
    mut stopped: watch::Receiver<bool>,
    mut round: impl FnMut() -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = Result<(), Fault>> + Send,
{
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
            if let Err(fault) = round().await {
                tracing::error!(%fault, "failed {doing}");
            }
        }
    })
}

async fn learn(
    issuer: Arc<Issuer>,
    seen: Arc<tokio::sync::Mutex<Option<Revisions>>>,
) -> Result<(), Fault> {
    let now = revisions::read(&*issuer.store).await?;
    let mut seen = seen.lock().await;
    let before = seen.replace(now);
    let Some(before) = before else {
        issuer.clients.forget();
        return Ok(());
    };
    let mut learned = now;
    if before.clients != now.clients {
        let changed = client_changes::since(&*issuer.store, before.clients, CLIENTS).await;
        match changed {
            Ok(Some(some)) => issuer.clients.forget_some(&some),
            // Too many of them, or nobody knows which.
            Ok(None) | Err(_) => issuer.clients.forget(),
        }
    }
    let (mut providers, mut keys) = (Ok(()), Ok(()));
    // What could not be learned is not learned yet: the next round tries again.
    if before.providers != now.providers {
        providers = issuer.providers.reload().await;
        if providers.is_err() {
            learned.providers = before.providers;
        }
    }
    if before.keys != now.keys {
        keys = issuer.keyring.reload().await;
        if keys.is_err() {
            learned.keys = before.keys;
        }
    }
    *seen = Some(learned);
    match (providers, keys) {
        (Err(one), Err(other)) => {
            Err(Fault::unavailable("learning of changes", format!("{one}; {other}")))
        }
        (one, other) => one.and(other),
    }
}

async fn look_after_keys(issuer: Arc<Issuer>) -> Result<(), Fault> {
    super::telemetry::upkeep();
    issuer.keyring.reload().await?;
    issuer.keyring.maintain().await?;
    issuer.keyring.housekeep().await
}

/// How long audit events are kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    all: chrono::Duration,
    failures: chrono::Duration,
}

async fn clean_up(issuer: Arc<Issuer>, kept: Kept) -> Result<(), Fault> {
    let now = issuer.clock.now();
    let ended = now - chrono::Duration::days(1);
    loop {
        let tx = issuer.store.begin(now).await?;
        let gone = [
            throttles::forget(&tx, now, STEP).await?,
            used_assertions::forget(&tx, now, STEP).await?,
            revoked_access_tokens::forget(&tx, ended, STEP).await?,
            authorization_codes::forget(&tx, ended, STEP).await?,
            interactions::forget(&tx, ended, STEP).await?,
            visits::forget(&tx, now, STEP).await?,
            sessions::forget(&tx, now, STEP).await?,
            browsers::forget(&tx, now, STEP).await?,
            families::forget(&tx, ended, STEP).await?,
            audit_events::forget_failures(&tx, now - kept.failures, STEP).await?,
            audit_events::forget(&tx, now - kept.all, STEP).await?,
        ];
        known_addresses::forget(&tx, now - issuer.lifetimes.refresh_absolute).await?;
        tx.commit().await?;
        if gone.iter().all(|gone| *gone < STEP) {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}
