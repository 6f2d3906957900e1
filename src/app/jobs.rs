//! What goes on beside requests: learning of changes, the life of keys, cleaning up.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::config::Settings;
use super::tls::{self, Tls};
use crate::domain::verdict::Fault;
use crate::oauth::{Issuer, back_channel};
use crate::store::revisions::{self, Revisions};
use crate::store::{
    audit_events, authorization_codes, browsers, families, interactions, known_addresses,
    revoked_access_tokens, sessions, throttles, used_assertions, visits,
};

/// What changed in another process shows here within a second: this, and one read.
const WATCH: Duration = Duration::from_millis(500);
/// What another process or a command line wrote is delivered within this.
const NOTICES: Duration = Duration::from_secs(1);
const CLEAN_UP: Duration = Duration::from_mins(10);
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
        let (issuer, retention) = (Arc::clone(issuer), settings.audit_retention);
        every("cleaning up", CLEAN_UP, stopped.clone(), move || {
            clean_up(Arc::clone(&issuer), retention)
        })
    };
    vec![watching, keys, cleaning, tell_apps(Arc::clone(issuer), stopped.clone())]
}

/// Tells apps of sign-outs, at once where the sign-out was here, and in time where it was not.
fn tell_apps(issuer: Arc<Issuer>, mut stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut looks = tokio::time::interval(NOTICES);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = issuer.notices.wait() => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
            if let Err(fault) = back_channel::deliver(&issuer).await {
                tracing::error!(%fault, "failed telling apps of sign-outs");
            }
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
    if before.is_none_or(|before| before.clients != now.clients) {
        issuer.clients.forget();
    }
    let Some(before) = before else { return Ok(()) };
    let mut learned = now;
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

async fn clean_up(issuer: Arc<Issuer>, retention: chrono::Duration) -> Result<(), Fault> {
    let now = issuer.clock.now();
    let ended = now - chrono::Duration::days(1);
    loop {
        let tx = issuer.store.begin(now).await?;
        let gone = [
            throttles::forget(&tx, now, STEP).await?,
            used_assertions::forget(&tx, now, STEP).await?,
            revoked_access_tokens::forget(&tx, ended, STEP).await?,
            authorization_codes::forget(&tx, ended, STEP).await?,
            interactions::forget(&tx, now, STEP).await?,
            visits::forget(&tx, now, STEP).await?,
            sessions::forget(&tx, now, STEP).await?,
            browsers::forget(&tx, now, STEP).await?,
            families::forget(&tx, ended, STEP).await?,
            audit_events::forget(&tx, now - retention, STEP).await?,
        ];
        known_addresses::forget(&tx, now - issuer.lifetimes.refresh_absolute).await?;
        tx.commit().await?;
        if gone.iter().all(|gone| *gone < STEP) {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}
