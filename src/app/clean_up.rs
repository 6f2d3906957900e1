//! Cleaning up: deleting rows that are not needed any more. One server does it at a time: the one
//! that leads this job.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::leading::{Leadership, RENEW, WhileLeading};
use super::opening::clock_skew;
use super::pace::{Steps, UntilStopped, paced};
use super::retention::Kept;
use super::services::Services;
use crate::domain::client::RegisteredBy;
use crate::domain::clock::{Clock, SKEW};
use crate::domain::verdict::Fault;
use crate::oauth::registration::removal;
use crate::oauth::status::{feed, indices};
use crate::runtime::supervisor::Need;
use crate::store::leaders::Job;
use crate::store::{
    Tx, audit_events, authorization_codes, browsers, client_changes, device_grants, families,
    interactions, key_fetchers, known_addresses, mail_secrets, pushed_requests, rate_limits,
    refresh_days, registration_tokens, repeatable_creations, revocations, revoked_access_tokens,
    sessions, status_lists, throttles, used_assertions,
};

/// How often the leader cleans up. A new leader begins at once.
const CLEAN_UP: Duration = Duration::from_mins(10);
/// The most rows that one transaction deletes, so that SQLite's only writer is not blocked for
/// long.
const STEP: u64 = 500;

/// A program that has not fetched the keys for so long is not expected any more.
const UNSEEN: chrono::Duration = chrono::Duration::days(30);

/// Starts the job.
pub(super) fn start(
    services: &Arc<Services>,
    kept: Kept,
    stopped: &watch::Receiver<bool>,
) -> JoinHandle<()> {
    let Kept { all, failures } = kept;
    let kept = Kept { all, failures: failures.min(all) };
    let leadership = Arc::new(Leadership::new(Arc::clone(&services.store), Job::CleanUp));
    let (services, stopped) = (Arc::clone(services), stopped.clone());
    services.supervisor.clone().start("cleaning up", Need::Beside, move || {
        let services = Arc::clone(&services);
        work(services, Arc::clone(&leadership), kept, stopped.clone())
    })
}

/// Cleans up at intervals while this server leads, until it is told to stop.
async fn work(
    services: Arc<Services>,
    leadership: Arc<Leadership>,
    kept: Kept,
    mut stopped: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(RENEW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut due = Instant::now();
    loop {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => break,
            _ = ticks.tick() => {}
        }
        if !leadership.holds().await {
            due = Instant::now();
        } else if due <= Instant::now() {
            if let Err(fault) = clean_up(&services, &leadership, kept, &stopped).await {
                tracing::error!(%fault, "failed cleaning up");
            }
            due = Instant::now() + CLEAN_UP;
        }
    }
    leadership.resign().await;
}

/// How long rows are kept that anybody can make without a proof.
const HOUR: chrono::Duration = chrono::Duration::hours(1);

/// The kinds of rows that are deleted by age.
#[derive(Clone, Copy, Debug)]
enum Aged {
    Throttles,
    UsedAssertions,
    RevokedAccessTokens,
    AuthorizationCodes,
    PushedRequests,
    DeviceGrants,
    Interactions,
    Sessions,
    Browsers,
    Families,
    FailedSignIns,
    EventsOfApps,
    ClientChanges,
    AuditEvents,
    KnownAddresses,
    MailSecrets,
    RateLimits,
    KeyFetchers,
    RefreshDays,
    RegistrationTokens,
    RepeatableCreations,
    Revocations,
    StatusBlocks,
    StatusLists,
}

const AGED: &[Aged] = &[
    Aged::Throttles,
    Aged::UsedAssertions,
    Aged::RevokedAccessTokens,
    Aged::AuthorizationCodes,
    Aged::PushedRequests,
    Aged::DeviceGrants,
    Aged::Interactions,
    Aged::Sessions,
    Aged::Browsers,
    Aged::Families,
    Aged::FailedSignIns,
    Aged::EventsOfApps,
    Aged::ClientChanges,
    Aged::AuditEvents,
    Aged::KnownAddresses,
    Aged::MailSecrets,
    Aged::RateLimits,
    Aged::KeyFetchers,
    Aged::RefreshDays,
    Aged::RegistrationTokens,
    Aged::RepeatableCreations,
    Aged::Revocations,
    Aged::StatusBlocks,
    Aged::StatusLists,
];

impl Aged {
    async fn forget(self, tx: &Tx, services: &Services, kept: Kept) -> Result<u64, Fault> {
        let now = tx.now();
        let ended = now - chrono::Duration::days(1);
        match self {
            Self::Throttles => throttles::forget(tx, now, STEP).await,
            Self::UsedAssertions => used_assertions::forget(tx, now, STEP).await,
            Self::RevokedAccessTokens => revoked_access_tokens::forget(tx, ended, STEP).await,
            Self::AuthorizationCodes => authorization_codes::forget(tx, ended, STEP).await,
            // Longer than anybody may take on the pages. Public clients push without a proof.
            Self::PushedRequests => pushed_requests::forget(tx, now - HOUR, STEP).await,
            Self::DeviceGrants => device_grants::forget(tx, now - HOUR, STEP).await,
            Self::Interactions => interactions::forget(tx, now, STEP).await,
            Self::Sessions => sessions::forget(tx, now, STEP).await,
            Self::Browsers => browsers::forget(tx, now, STEP).await,
            Self::Families => families::forget(tx, ended, STEP).await,
            Self::FailedSignIns => {
                audit_events::forget_failures(tx, now - kept.failures, STEP).await
            }
            Self::EventsOfApps => audit_events::forget_of_apps(tx, now - kept.failures, STEP).await,
            Self::ClientChanges => client_changes::forget(tx, STEP).await,
            Self::AuditEvents => audit_events::forget(tx, now - kept.all, STEP).await,
            Self::KnownAddresses => {
                let seen = now - services.lifetimes.refresh_absolute;
                known_addresses::forget(tx, seen, STEP).await
            }
            Self::MailSecrets => mail_secrets::forget(tx, now, STEP).await,
            Self::RepeatableCreations => repeatable_creations::forget(tx, now, STEP).await,
            Self::RegistrationTokens => registration_tokens::forget(tx, ended, STEP).await,
            Self::RateLimits => rate_limits::forget(tx, now, STEP).await,
            Self::KeyFetchers => key_fetchers::forget(tx, now - UNSEEN, STEP).await,
            // The console shows two weeks.
            Self::RefreshDays => {
                refresh_days::forget(tx, now - chrono::Duration::days(30), STEP).await
            }
            Self::Revocations => {
                let kept = services.lifetimes.access_token.max(feed::KEPT);
                revocations::forget(tx, now - kept, STEP).await
            }
            Self::StatusBlocks => status_lists::forget_blocks(tx, now, STEP).await,
            Self::StatusLists => {
                // A place that was reserved before may have been given to a token since.
                let before = now - indices::RESERVED - services.lifetimes.access_token;
                let is_more = status_lists::recycle(tx, before, STEP).await?;
                Ok(if is_more { STEP } else { 0 })
            }
        }
    }
}

/// Cleaning up one table.
#[derive(Debug)]
struct CleaningUp<'a> {
    table: Aged,
    services: &'a Services,
    leadership: &'a Leadership,
    kept: Kept,
    /// Rows that expired later are left for the next round.
    until: DateTime<Utc>,
}

impl Steps for CleaningUp<'_> {
    async fn step(&mut self) -> Result<bool, Fault> {
        let tx = self.services.store.begin(self.until).await?;
        if !self.leadership.holds_in(&tx).await? {
            tx.abandon().await;
            return Ok(false);
        }
        let gone = self.table.forget(&tx, self.services, self.kept).await?;
        tx.commit().await?;
        Ok(gone >= STEP)
    }
}

/// Deleting apps for which no operator vouches and that nobody uses.
#[derive(Debug)]
struct SweepingClients<'a> {
    services: &'a Services,
    leadership: &'a Leadership,
}

/// How many apps one step deletes.
const APPS: u64 = 20;

impl Steps for SweepingClients<'_> {
    async fn step(&mut self) -> Result<bool, Fault> {
        let Services { store, clock, registration, .. } = self.services;
        if !self.leadership.holds().await {
            return Ok(false);
        }
        let mut is_more = false;
        for by in [RegisteredBy::Itself, RegisteredBy::Document] {
            let unused = (by, registration.settings.unused_lifetime);
            is_more |= removal::sweep(store, clock, unused, APPS).await? >= APPS;
        }
        Ok(is_more)
    }
}

/// Cleans up in short transactions with pauses between them, as long as this server leads.
async fn clean_up(
    services: &Services,
    leadership: &Leadership,
    kept: Kept,
    stopped: &watch::Receiver<bool>,
) -> Result<(), Fault> {
    let mut timer = WhileLeading { leadership, until: UntilStopped(stopped.clone()) };
    // What is deleted is gone for good: a machine whose clock is ahead of the database's waits, and
    // nothing goes that still counts for a server whose clock is behind.
    let skew = clock_skew(&services.store, &Clock::system()).await?.unwrap_or_default();
    let until = services.clock.now() - skew.max(TimeDelta::zero()) - SKEW;
    for table in AGED {
        let mut steps = CleaningUp { table: *table, services, leadership, kept, until };
        match paced(&mut timer, &mut steps).await {
            Ok(goes_on) if goes_on && leadership.is_held() => {}
            Ok(_) => break,
            // A table that cannot be cleaned up keeps no other from it.
            Err(fault) => tracing::error!(%fault, ?table, "failed cleaning up"),
        }
    }
    paced(&mut timer, &mut SweepingClients { services, leadership }).await?;
    Ok(())
}
