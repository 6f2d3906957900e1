//! The background jobs of a server: learning of changes, maintaining the keys, finishing endings,
//! sending messages. Cleaning up has a file of its own.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::config::Settings;
use super::epoch::EpochFile;
use super::opening::{clock_skew, redis};
use super::services::Services;
use super::{clean_up, telemetry};
use crate::accounts::session_endings::{self, StepSize};
use crate::domain::hex;
use crate::domain::urls::Issuer;
use crate::domain::verdict::Fault;
use crate::keys::authorities::Authorities;
use crate::net::tls::{self, Tls};
use crate::oauth::status::feed;
use crate::oauth::status::measured::Places;
use crate::outbox::{self, Delivery};
use crate::redis_client::{Redis, StreamBounds, StreamEntry};
use crate::runtime::free_memory;
use crate::runtime::supervisor::{Need, Supervisor};
use crate::store::revisions::{self, Revisions};
use crate::store::{self, client_changes, leaders};

/// How often the server looks for changes that another process made. With the time for one read, it
/// knows them within a second.
const WATCH: Duration = Duration::from_millis(500);
/// How often the server looks for endings that another process began and did not finish.
const ENDINGS: Duration = Duration::from_secs(1);
/// How often the messages that wait to be sent, and the places in status lists, are counted.
const COUNT: Duration = Duration::from_secs(15);
/// How often it is written who fetched the public keys.
const NOTES: Duration = Duration::from_secs(5);
/// How often Redis is asked whether it answers.
const LOOK_AT_REDIS: Duration = Duration::from_millis(500);
/// How often the server looks whether the standby answers and follows.
const STANDBY: Duration = Duration::from_secs(2);
/// The most changed clients that are removed from the cache one by one; with more, all are removed.
const CLIENTS: usize = 100;

/// Starts every job. After the signal to stop, each ends between two rounds.
pub(super) fn start(
    services: &Arc<Services>,
    settings: &Settings,
    epoch: &Arc<EpochFile>,
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let supervisor = &services.supervisor;
    let seen = Arc::new(tokio::sync::Mutex::new(None));
    let hint = Arc::new(Notify::new());
    let watching = {
        let (services, epoch) = (Arc::clone(services), Arc::clone(epoch));
        let rounds = Rounds { period: WATCH, hint: Arc::clone(&hint) };
        every(
            supervisor,
            "learning of changes",
            Need::Serving,
            rounds,
            stopped.clone(),
            move || learn(Arc::clone(&services), Arc::clone(&epoch), Arc::clone(&seen)),
        )
    };
    let keys = {
        let services = Arc::clone(services);
        every(
            supervisor,
            "looking after the keys",
            Need::Serving,
            settings.keys.reload,
            stopped.clone(),
            move || look_after_keys(Arc::clone(&services)),
        )
    };
    let cleaning = clean_up::start(services, settings.audit, stopped);
    let ending = end_what_was_begun(Arc::clone(services), stopped.clone());
    let counting = {
        let services = Arc::clone(services);
        let name = "counting what waits to be sent and places in status lists";
        every(supervisor, name, Need::Beside, COUNT, stopped.clone(), move || {
            count_waiting(Arc::clone(&services))
        })
    };
    let noting = {
        let services = Arc::clone(services);
        let name = "writing what was counted";
        every(supervisor, name, Need::Beside, NOTES, stopped.clone(), move || {
            let services = Arc::clone(&services);
            async move {
                write_notes(&services).await?;
                services.key_fetchers.count(services.store.lists()).await
            }
        })
    };
    let own = hear_of_own_changes(services, &hint, stopped);
    let mut jobs = vec![watching, keys, cleaning, ending, counting, noting, own];
    jobs.extend(keep_memory_small(supervisor, stopped));
    if let Some(redis) = &services.redis {
        jobs.extend(share_hints(services, redis, &hint, stopped));
    }
    jobs.extend(look_at_standby(services, stopped));
    jobs.extend(send(services, stopped, "telling apps of sign-outs", |services| {
        Some(&services.logout_delivery)
    }));
    jobs.extend(send(services, stopped, "telling webhooks of events", |services| {
        Some(&services.webhook_delivery)
    }));
    jobs.extend(send(services, stopped, "sending mails", |services| {
        services.mail_delivery.as_ref()
    }));
    jobs
}

/// Aggregates what is kept for the metrics, and gives back the memory that nobody uses any more.
fn keep_memory_small(
    supervisor: &Supervisor,
    stopped: &watch::Receiver<bool>,
) -> [JoinHandle<()>; 2] {
    let fold = || async {
        telemetry::upkeep();
        Ok(())
    };
    let give_back = || async {
        free_memory::give_back();
        Ok(())
    };
    [
        every(
            supervisor,
            "folding metrics",
            Need::Beside,
            telemetry::UPKEEP,
            stopped.clone(),
            fold,
        ),
        every(
            supervisor,
            "giving memory back",
            Need::Beside,
            free_memory::PERIOD,
            stopped.clone(),
            give_back,
        ),
    ]
}

/// Makes this process learn at once of what it changed itself.
fn hear_of_own_changes(
    services: &Arc<Services>,
    hint: &Arc<Notify>,
    stopped: &watch::Receiver<bool>,
) -> JoinHandle<()> {
    let (changes, hint, until) = (services.store.changes(), Arc::clone(hint), stopped.clone());
    services.supervisor.start("hearing of own changes", Need::Beside, move || {
        let (mut changes, hint, mut until) = (changes.clone(), Arc::clone(&hint), until.clone());
        async move {
            let hear = async {
                while changes.changed().await.is_ok() {
                    hint.notify_one();
                }
            };
            tokio::select! {
                () = hear => {}
                _ = until.wait_for(|stopped| *stopped) => {}
            }
        }
    })
}

/// Stays in touch with Redis, tells other replicas of changes that this process made, and passes
/// on what they tell.
fn share_hints(
    services: &Arc<Services>,
    redis: &Redis,
    hint: &Arc<Notify>,
    stopped: &watch::Receiver<bool>,
) -> [JoinHandle<()>; 5] {
    let supervisor = &services.supervisor;
    let following = follow_stream(services, redis, hint, stopped);
    let (asked, name) = (redis.clone(), "looking whether Redis answers");
    let looking =
        every(supervisor, name, Need::Beside, LOOK_AT_REDIS, stopped.clone(), move || {
            let redis = asked.clone();
            async move {
                redis.look().await;
                Ok(())
            }
        });
    let (told, changes, until) = (redis.clone(), services.store.changes(), stopped.clone());
    let channel = changes_channel(&services.url);
    let telling = supervisor.start("telling replicas of changes", Need::Beside, move || {
        let (redis, channel) = (told.clone(), channel.clone());
        let (mut changes, mut until) = (changes.clone(), until.clone());
        async move {
            let tell = async {
                while changes.changed().await.is_ok() {
                    // If Redis does not answer, the others learn it at their next look.
                    let _ = redis.publish(&channel).await;
                }
            };
            tokio::select! {
                () = tell => {}
                _ = until.wait_for(|stopped| *stopped) => {}
            }
        }
    });
    let (heard, hint, until) = (redis.clone(), Arc::clone(hint), stopped.clone());
    let channel = changes_channel(&services.url);
    let hearing = supervisor.start("hearing of changes", Need::Beside, move || {
        let (redis, channel, hint) = (heard.clone(), channel.clone(), Arc::clone(&hint));
        let mut until = until.clone();
        async move {
            tokio::select! {
                () = redis.listen(&channel, &hint) => {}
                _ = until.wait_for(|stopped| *stopped) => {}
            }
        }
    });
    let streaming = stream_revocations(services, redis, stopped);
    [looking, telling, hearing, streaming, following]
}

/// At most so many revocations are kept in the stream.
const STREAMED: usize = 10_000;
/// At most so many are written to it at once.
const AT_ONCE: usize = 500;
/// The pause after the stream could not be written.
const AGAIN: Duration = Duration::from_secs(1);

/// Writes the feed of revocations to a stream in Redis, which every replica follows. The database
/// stays what counts: when Redis lost something, it is written again.
fn stream_revocations(
    services: &Arc<Services>,
    redis: &Redis,
    stopped: &watch::Receiver<bool>,
) -> JoinHandle<()> {
    let (services, redis, until) = (Arc::clone(services), redis.clone(), stopped.clone());
    let supervisor = services.supervisor.clone();
    supervisor.start("streaming revocations", Need::Beside, move || {
        let (services, redis, mut until) = (Arc::clone(&services), redis.clone(), until.clone());
        async move {
            let write = async {
                let mut rounds = services.known.rounds();
                let mut written = None;
                while rounds.changed().await.is_ok() {
                    written = write_stream(&services, &redis, written).await;
                    if written.is_none() {
                        tokio::time::sleep(AGAIN).await;
                    }
                }
            };
            tokio::select! {
                () = write => {}
                _ = until.wait_for(|stopped| *stopped) => {}
            }
        }
    })
}

/// The connection by which the stream was written, and the place up to which it was.
type Written = Option<(u64, i64)>;

async fn write_stream(services: &Services, redis: &Redis, written: Written) -> Written {
    let connection = redis.connection()?;
    // After another connection Redis may have lost everything.
    let (_, mut last) = written.filter(|(by, _)| *by == connection).unwrap_or((connection, 0));
    let stream = revocations_stream(&services.url);
    let kept = services.lifetimes.access_token.max(feed::KEPT).to_std().unwrap_or_default();
    let entries = i64::try_from(STREAMED).unwrap_or(i64::MAX);
    let bounds = StreamBounds { entries, idle: kept };
    // Nothing was learned yet: the next round tells.
    let Ok(entries) = services.feed.entries(last, STREAMED) else { return written };
    for some in entries.chunks(AT_ONCE) {
        let some: Vec<_> = some
            .iter()
            .map(|entry| StreamEntry {
                place: entry.place,
                after: entry.after.to_string(),
                event: serde_json::to_string(&entry.told).unwrap_or_default(),
            })
            .collect();
        redis.append(&stream, bounds, &some).await.ok()?;
        last = some.last().map_or(last, |entry| entry.place.0);
    }
    Some((connection, last))
}

/// Learns at once of what another replica wrote to the stream of revocations.
fn follow_stream(
    services: &Arc<Services>,
    redis: &Redis,
    hint: &Arc<Notify>,
    stopped: &watch::Receiver<bool>,
) -> JoinHandle<()> {
    let (redis, hint, until) = (redis.clone(), Arc::clone(hint), stopped.clone());
    let stream = revocations_stream(&services.url);
    services.supervisor.start("following revocations", Need::Beside, move || {
        let (redis, stream, hint) = (redis.clone(), stream.clone(), Arc::clone(&hint));
        let mut until = until.clone();
        async move {
            tokio::select! {
                () = redis.follow(&stream, &hint) => {}
                _ = until.wait_for(|stopped| *stopped) => {}
            }
        }
    })
}

/// The stream of what was revoked by the replicas of this issuer.
fn revocations_stream(url: &Issuer) -> String {
    format!("mapae:revocations:{}", hex::lower(&Sha256::digest(url.as_str())))
}

/// The channel on which the replicas of this issuer tell each other that something changed.
fn changes_channel(url: &Issuer) -> String {
    format!("mapae:changed:{}", hex::lower(&Sha256::digest(url.as_str())))
}

/// Tells the servers of this installation at once that a command changed something, if there is a
/// Redis that answers. Otherwise they learn it at their next look.
pub async fn tell_servers(settings: &Settings) {
    if let Ok(Some(redis)) = redis(settings).await {
        let _ = redis.publish(&changes_channel(&settings.issuer)).await;
    }
}

/// Finishes endings that were begun and not finished.
fn end_what_was_begun(services: Arc<Services>, stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    let ends = stopped.clone();
    every(
        &services.supervisor.clone(),
        "ending what was begun",
        Need::Beside,
        ENDINGS,
        stopped,
        move || {
            let (services, ends) = (Arc::clone(&services), ends.clone());
            async move {
                let mut size = StepSize::default();
                loop {
                    // One person may have a million sessions: a server that is told to stop leaves
                    // the rest for later.
                    let stops = *ends.borrow();
                    if stops
                        || !session_endings::carry_on_due(
                            &services.store,
                            &services.clock,
                            services.flows.mailer.as_ref(),
                            &mut size,
                        )
                        .await?
                    {
                        return Ok(());
                    }
                    services.flows.notices.nudge();
                }
            }
        },
    )
}

/// Sends the messages of one kind, if this server has where to send them: at once if this process
/// wrote them, else at its next look at the outbox.
fn send<D: Delivery + 'static>(
    services: &Arc<Services>,
    stopped: &watch::Receiver<bool>,
    doing: &'static str,
    delivery: fn(&Services) -> Option<&D>,
) -> Option<JoinHandle<()>> {
    delivery(services)?;
    let (services, stopped) = (Arc::clone(services), stopped.clone());
    Some(services.supervisor.clone().start(doing, Need::Beside, move || {
        let (services, mut stopped) = (Arc::clone(&services), stopped.clone());
        async move {
            let Some(delivery) = delivery(&services) else { return };
            // A message that is being sent when the server stops is sent again by the next server.
            tokio::select! {
                () = outbox::deliver(&services.outbox, delivery) => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
        }
    }))
}

/// Looks at the standby, if there is one: until a look found it good, lists come from the primary.
fn look_at_standby(
    services: &Arc<Services>,
    stopped: &watch::Receiver<bool>,
) -> Option<JoinHandle<()>> {
    services.store.has_standby().then(|| {
        let (store, supervisor) = (Arc::clone(&services.store), &services.supervisor);
        let name = "looking at the standby";
        every(supervisor, name, Need::Beside, STANDBY, stopped.clone(), move || {
            let store = Arc::clone(&store);
            async move {
                leaders::look_at_standby(&store).await;
                Ok(())
            }
        })
    })
}

/// The most messages that are counted, since counting takes time for each row.
const COUNTED: u64 = 10_000;

async fn count_waiting(services: Arc<Services>) -> Result<(), Fault> {
    for kind in telemetry::MESSAGES {
        let waiting = store::outbox::count(services.store.lists(), kind, COUNTED).await?;
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        metrics::gauge!("mapae_outbox_pending", "kind" => *kind).set(waiting);
    }
    let (room, handed_out) = store::status_lists::filled(services.store.lists()).await?;
    Places::Room.set(room);
    Places::HandedOut.set(handed_out);
    Ok(())
}

/// Starts the job that looks for changes of the certificate's files.
pub(super) fn look_after_tls(
    supervisor: &Supervisor,
    tls: Arc<Tls>,
    stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    look_after(supervisor, "looking at the TLS certificate", stopped, move || {
        let tls = Arc::clone(&tls);
        async move { tls.look().await }
    })
}

/// The same for the certificate of mutual TLS.
pub(super) fn look_after_mutual_tls(
    supervisor: &Supervisor,
    tls: &Arc<Tls>,
    stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let tls = Arc::clone(tls);
    look_after(supervisor, "looking at the certificate of mutual TLS", stopped, move || {
        let tls = Arc::clone(&tls);
        async move { tls.look().await }
    })
}

/// The same for the authorities of client certificates.
pub(super) fn look_after_authorities(
    supervisor: &Supervisor,
    authorities: Arc<Authorities>,
    stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    look_after(
        supervisor,
        "looking at the authorities of client certificates",
        stopped,
        move || {
            let authorities = Arc::clone(&authorities);
            async move { authorities.look().await }
        },
    )
}

fn look_after<F: Future<Output = ()> + Send + 'static>(
    supervisor: &Supervisor,
    name: &'static str,
    stopped: watch::Receiver<bool>,
    look: impl Fn() -> F + Send + Sync + 'static,
) -> JoinHandle<()> {
    every(supervisor, name, Need::Beside, tls::LOOK, stopped, move || {
        let looked = look();
        async move {
            looked.await;
            Ok(())
        }
    })
}

/// When a round of a job begins: at the latest after this time, and at each hint.
#[derive(Clone, Debug)]
struct Rounds {
    period: Duration,
    hint: Arc<Notify>,
}

impl From<Duration> for Rounds {
    fn from(period: Duration) -> Self {
        Self { period, hint: Arc::default() }
    }
}

fn every<F>(
    supervisor: &Supervisor,
    doing: &'static str,
    need: Need,
    rounds: impl Into<Rounds>,
    stopped: watch::Receiver<bool>,
    round: impl FnMut() -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = Result<(), Fault>> + Send + 'static,
{
    let Rounds { period, hint } = rounds.into();
    let round = Arc::new(tokio::sync::Mutex::new(round));
    supervisor.start(doing, need, move || {
        let (round, hint, mut stopped) = (Arc::clone(&round), Arc::clone(&hint), stopped.clone());
        async move {
            let mut round = round.lock().await;
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = hint.notified() => {}
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                }
                if let Err(fault) = round().await {
                    tracing::error!(%fault, "failed {doing}");
                }
            }
        }
    })
}

async fn learn(
    services: Arc<Services>,
    epoch: Arc<EpochFile>,
    seen: Arc<tokio::sync::Mutex<Option<Revisions>>>,
) -> Result<(), Fault> {
    let began = services.known.begin();
    let read = revisions::read(&*services.store).await;
    let revoked = services.known.learn_of(began, read.clone()).await;
    if let Ok(known) = &revoked {
        epoch.keep(known.epoch).await;
    }
    let now = read?;
    if let Some(skew) = clock_skew(&services.store, &services.clock).await? {
        metrics::gauge!("mapae_database_clock_skew_seconds").set(skew.as_seconds_f64());
    }
    let mut seen = seen.lock().await;
    let before = seen.replace(now);
    let Some(before) = before else {
        services.clients.forget();
        services.store.forget_subscriptions();
        return revoked.map(drop);
    };
    let mut learned = now;
    if before.clients != now.clients {
        learn_of_clients(&services, before, now).await;
    }
    let (mut providers, mut keys, mut webhooks) = (Ok(()), Ok(()), Ok(()));
    // A change that could not be read counts as not seen: the next round tries again.
    if before.providers != now.providers {
        providers = services.providers.reload().await;
        if providers.is_err() {
            learned.providers = before.providers;
        }
    }
    if before.keys != now.keys {
        keys = services.keyring.reload().await;
        if keys.is_err() {
            learned.keys = before.keys;
        }
    }
    if before.webhooks != now.webhooks {
        webhooks = services.store.learn_subscriptions().await;
        if webhooks.is_err() {
            learned.webhooks = before.webhooks;
        }
    }
    *seen = Some(learned);
    let failed: Vec<_> = [revoked.map(drop), providers, keys, webhooks]
        .into_iter()
        .filter_map(|learned| learned.err().map(|fault| fault.to_string()))
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Fault::unavailable("learning of changes", failed.join("; ")))
    }
}

async fn learn_of_clients(services: &Services, before: Revisions, now: Revisions) {
    let between = (before.clients, now.clients);
    match client_changes::since(&*services.store, between, CLIENTS).await {
        Ok(Some(some)) => {
            services.clients.forget_some(&some);
            // Anybody may bring apps, one after the other: nobody reads everything again for that.
            if !now.are_of_apps_since(before) {
                services.clients.forget_every();
            }
        }
        // Too many clients changed, or it is unknown which.
        Ok(None) | Err(_) => services.clients.forget(),
    }
}

/// Writes who fetched the public keys, and how many refresh tokens were used, since the last time.
pub(super) async fn write_notes(services: &Services) -> Result<(), Fault> {
    let now = services.clock.now();
    services.token.grants.refresh_count.write(&services.store, now).await?;
    services.key_fetchers.write(&services.store, now).await
}

async fn look_after_keys(services: Arc<Services>) -> Result<(), Fault> {
    services.keyring.reload().await?;
    services.keyring.maintain().await?;
    services.keyring.ensure(services.clients.algorithms().await?.iter().copied()).await?;
    services.keyring.housekeep().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_hint_begins_a_round_at_once() {
        let (stop, stopped) = watch::channel(false);
        let (hint, count) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
        let rounds = Rounds { period: Duration::from_hours(1), hint: Arc::clone(&hint) };
        let counted = Arc::clone(&count);
        let job = every(&Supervisor::default(), "test", Need::Beside, rounds, stopped, move || {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        });
        // The first round begins by itself, each other one after a hint.
        for begun in 1..=3 {
            while count.load(Ordering::SeqCst) < begun {
                tokio::task::yield_now().await;
            }
            hint.notify_one();
        }
        while count.load(Ordering::SeqCst) < 4 {
            tokio::task::yield_now().await;
        }
        stop.send(true).unwrap();
        job.await.unwrap();
    }
}
