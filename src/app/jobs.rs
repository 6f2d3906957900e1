//! What goes on beside requests: learning of changes, the life of keys, cleaning up.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::config::Settings;
use super::pace::{Steps, UntilStopped, paced};
use super::tls::{self, Tls};
use crate::domain::verdict::Fault;
use crate::oauth::{Issuer, back_channel};
use crate::store::revisions::{self, Revisions};
use crate::store::{
    self, Tx, audit_events, authorization_codes, browsers, families, interactions, known_addresses,
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
        let until = stopped.clone();
        every("cleaning up", CLEAN_UP, stopped.clone(), move || {
            clean_up(Arc::clone(&issuer), retention, until.clone())
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
    if let Some(skew) = super::clock_skew(&issuer.store, &issuer.clock).await? {
        metrics::gauge!("mapae_database_clock_skew_seconds").set(skew.as_seconds_f64());
    }
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

/// What cleans itself up by age, table by table.
#[derive(Clone, Copy, Debug)]
enum Aged {
    Throttles,
    UsedAssertions,
    RevokedAccessTokens,
    AuthorizationCodes,
    Interactions,
    Visits,
    Sessions,
    Browsers,
    Families,
    AuditEvents,
    KnownAddresses,
}

const AGED: &[Aged] = &[
    Aged::Throttles,
    Aged::UsedAssertions,
    Aged::RevokedAccessTokens,
    Aged::AuthorizationCodes,
    Aged::Interactions,
    Aged::Visits,
    Aged::Sessions,
    Aged::Browsers,
    Aged::Families,
    Aged::AuditEvents,
    Aged::KnownAddresses,
];

impl Aged {
    async fn forget(
        self,
        tx: &Tx,
        issuer: &Issuer,
        retention: chrono::Duration,
    ) -> Result<u64, Fault> {
        let now = tx.now();
        let ended = now - chrono::Duration::days(1);
        match self {
            Self::Throttles => throttles::forget(tx, now, STEP).await,
            Self::UsedAssertions => used_assertions::forget(tx, now, STEP).await,
            Self::RevokedAccessTokens => revoked_access_tokens::forget(tx, ended, STEP).await,
            Self::AuthorizationCodes => authorization_codes::forget(tx, ended, STEP).await,
            Self::Interactions => interactions::forget(tx, ended, STEP).await,
            Self::Visits => visits::forget(tx, now, STEP).await,
            Self::Sessions => sessions::forget(tx, now, STEP).await,
            Self::Browsers => browsers::forget(tx, now, STEP).await,
            Self::Families => families::forget(tx, ended, STEP).await,
            Self::AuditEvents => audit_events::forget(tx, now - retention, STEP).await,
            Self::KnownAddresses => {
                let seen = now - issuer.lifetimes.refresh_absolute;
                known_addresses::forget(tx, seen, STEP).await
            }
        }
    }
}

/// Cleaning up one table.
#[derive(Debug)]
struct CleaningUp<'a> {
    table: Aged,
    issuer: &'a Issuer,
    retention: chrono::Duration,
    is_alone: bool,
}

impl Steps for CleaningUp<'_> {
    async fn step(&mut self) -> Result<bool, Fault> {
        let tx = self.issuer.store.begin(self.issuer.clock.now()).await?;
        self.is_alone = store::cleans_alone(&tx).await?;
        if !self.is_alone {
            tx.abandon().await;
            return Ok(false);
        }
        let gone = self.table.forget(&tx, self.issuer, self.retention).await?;
        tx.commit().await?;
        Ok(gone == STEP)
    }
}

/// Cleans up in short transactions with rests between them. Of several replicas one does it.
async fn clean_up(
    issuer: Arc<Issuer>,
    retention: chrono::Duration,
    stopped: watch::Receiver<bool>,
) -> Result<(), Fault> {
    let mut timer = UntilStopped(stopped);
    for table in AGED {
        let mut steps = CleaningUp { table: *table, issuer: &issuer, retention, is_alone: true };
        let goes_on = paced(&mut timer, &mut steps).await?;
        if !(goes_on && steps.is_alone) {
            break;
        }
    }
    Ok(())
}
