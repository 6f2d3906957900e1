//! The loop that sends messages that are due, one loop for each kind.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::Duration;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::time::MissedTickBehavior;

use super::delivery::{Delivery, pause_after};
use super::wake::Wake;
use crate::domain::audit::Event;
use crate::domain::clock::Clock;
use crate::domain::message::{Message, Queued};
use crate::domain::verdict::Fault;
use crate::runtime::supervisor::Supervisor;
use crate::store::{Store, Taken, Tx, audit_events, outbox};

/// The time for which a message is taken. It is longer than an attempt, so that no other process
/// makes the same attempt.
const LEASE: Duration = Duration::seconds(30);
/// How often the loop looks for messages that another process or a command has written.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);
/// The number of receivers of one kind that are served at the same time.
const LANES: usize = 64;
/// The number of messages that are taken at the same time for one receiver.
const IN_LANE: u64 = 8;

/// The parts that delivery needs.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// Wakes the loop when there is something to deliver.
    pub wake: Arc<Wake>,
}

/// Delivers the messages of one kind that are due, until it is dropped. A message that is being
/// sent at that moment is sent again after its lease. Each receiver has a lane of its own, so none
/// waits for another receiver that is slow.
pub async fn deliver<D: Delivery>(outbox: &Outbox, delivery: &D) {
    let kind = D::Message::KIND;
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut nudges = outbox.wake.listen();
    let (mut lanes, mut busy) = (FuturesUnordered::new(), BTreeSet::new());
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            // The sender of the nudges exists as long as the outbox that we borrow, so this cannot
            // fail.
            Ok(()) = nudges.changed() => {}
            Some((target, outcome)) = lanes.next() => {
                busy.remove(&target);
                if let Err(fault) = outcome {
                    // The lane is opened again at the next look, not at once.
                    failed(kind, &fault);
                    continue;
                }
            }
        }
        let free = LANES.saturating_sub(busy.len());
        let now = outbox.clock.now();
        let due = outbox::lanes(&outbox.store, kind, &busy, free, now).await;
        for target in due.inspect_err(|fault| failed(kind, fault)).unwrap_or_default() {
            busy.insert(target.clone());
            lanes.push(lane(outbox, delivery, target));
        }
    }
}

fn failed(kind: &'static str, fault: &Fault) {
    tracing::error!(kind, %fault, "failed sending what waits in the outbox");
}

/// Delivers the messages that are due to one receiver.
async fn lane<D: Delivery>(
    outbox: &Outbox,
    delivery: &D,
    target: String,
) -> (String, Result<(), Fault>) {
    let delivered = deliver_to(outbox, delivery, &target).await;
    (target, delivered)
}

async fn deliver_to<D: Delivery>(outbox: &Outbox, delivery: &D, target: &str) -> Result<(), Fault> {
    loop {
        let tx = outbox.store.begin(outbox.clock.now()).await?;
        let due = outbox::take_due::<D::Message>(&tx, target, LEASE, IN_LANE).await?;
        let is_over = due.is_empty();
        let readable = put_aside::<D>(&tx, due).await?;
        tx.commit().await?;
        if is_over {
            return Ok(());
        }
        let attempts = readable.iter().map(|queued| deliver_one(outbox, delivery, queued));
        for outcome in join_all(attempts).await {
            outcome?;
        }
    }
}

/// The messages that can be read. A message that cannot be read is treated like one that its
/// receiver did not accept: it is tried again and then given up, so it does not block others.
async fn put_aside<D: Delivery>(
    tx: &Tx,
    due: Vec<Taken<Queued<D::Message>>>,
) -> Result<Vec<Queued<D::Message>>, Fault> {
    let mut readable = Vec::new();
    for Taken { id, attempts, row } in due {
        match row {
            Ok(queued) => readable.push(queued),
            Err(fault) => {
                outbox::unreadable(&id, &fault);
                let event = Event::new(D::GIVEN_UP).detail("unreadable");
                not_taken::<D>(tx, &id, attempts.unwrap_or_default(), event).await?;
            }
        }
    }
    Ok(readable)
}

async fn deliver_one<D: Delivery>(
    outbox: &Outbox,
    delivery: &D,
    queued: &Queued<D::Message>,
) -> Result<(), Fault> {
    let is_late = queued.expires_at.is_some_and(|end| end <= outbox.clock.now());
    // A message that makes its delivery panic counts as not accepted. The others in its lane are
    // still sent.
    let is_taken = !is_late
        && Supervisor::catch(D::Message::KIND, delivery.send(queued)).await.unwrap_or(Ok(false))?;
    let event = || delivery.about(Event::new(D::GIVEN_UP), &queued.message);
    let tx = outbox.store.begin(outbox.clock.now()).await?;
    if is_taken {
        outbox::delete(&tx, &queued.id).await?;
    } else if is_late {
        give_up(&tx, &queued.id, event().detail("too late")).await?;
    } else {
        not_taken::<D>(&tx, &queued.id, queued.attempts, event()).await?;
    }
    tx.commit().await
}

/// Postpones a message that was not accepted, or gives it up after its last attempt.
async fn not_taken<D: Delivery>(
    tx: &Tx,
    id: &str,
    attempts: i64,
    given_up: Event,
) -> Result<(), Fault> {
    match pause_after(D::PAUSES, attempts) {
        Some(pause) => outbox::put_off(tx, id, tx.now() + pause).await,
        None => give_up(tx, id, given_up).await,
    }
}

async fn give_up(tx: &Tx, id: &str, given_up: Event) -> Result<(), Fault> {
    outbox::delete(tx, id).await?;
    audit_events::insert(tx, &[given_up]).await
}
