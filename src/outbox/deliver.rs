//! The loop that sends messages that are due, one loop for each kind.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::MissedTickBehavior;

use super::delivery::{Attempt, Delivery, pause_after};
use super::wake::Wake;
use crate::domain::audit::Event;
use crate::domain::clock::Clock;
use crate::domain::message::{Message, Queued};
use crate::domain::verdict::Fault;
use crate::runtime::supervisor::Supervisor;
use crate::store::{Store, Taken, Tx, audit_events, many_at_once, outbox};

/// How often the loop looks for messages that another process or a command has written.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);
/// The number of receivers of one kind that are served at the same time.
const LANES: usize = 64;

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
    many_at_once(deliver_each(outbox, delivery)).await;
}

async fn deliver_each<D: Delivery>(outbox: &Outbox, delivery: &D) {
    let kind = D::Message::KIND;
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut nudges = outbox.wake.listen();
    let (mut lanes, mut busy) = (FuturesUnordered::new(), BTreeSet::new());
    let mut last = String::new();
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
        let due = outbox::lanes(&outbox.store, kind, &busy, free, now, &last).await;
        for target in due.inspect_err(|fault| failed(kind, fault)).unwrap_or_default() {
            busy.insert(target.clone());
            last.clone_from(&target);
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

/// Sends several messages at the same time. When half of them are done, others take their places,
/// and so they do at every look: a message that takes long does not keep back the others.
async fn deliver_to<D: Delivery>(outbox: &Outbox, delivery: &D, target: &str) -> Result<(), Fault> {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // What takes messages waits beside those that are being sent: they may hold the connection that
    // it waits for.
    let (mut taking, mut sending) = (FuturesUnordered::new(), FuturesUnordered::new());
    let (mut wants_more, mut failed) = (true, None);
    loop {
        let free = D::AT_ONCE.saturating_sub(sending.len());
        if wants_more && free > 0 && taking.is_empty() && failed.is_none() {
            wants_more = false;
            taking.push(take::<D>(outbox, target, free));
        }
        let is_at_work = !(taking.is_empty() && sending.is_empty());
        tokio::select! {
            Some(taken) = taking.next() => match taken {
                Ok(taken) => sending.extend(
                    taken.into_iter().map(|queued| deliver_one(outbox, delivery, queued)),
                ),
                Err(fault) => failed = failed.or(Some(fault)),
            },
            Some(outcome) = sending.next() => {
                wants_more |= sending.len() * 2 <= D::AT_ONCE;
                // What is being sent comes to its end first, or it would be sent twice.
                failed = failed.or(outcome.err());
            }
            _ = looks.tick(), if is_at_work => wants_more = true,
            else => break,
        }
    }
    delivery.rest().await;
    failed.map_or(Ok(()), Err)
}

/// Takes messages that are due. It looks before it begins a transaction, of which SQLite has one at
/// a time.
async fn take<D: Delivery>(
    outbox: &Outbox,
    target: &str,
    at_most: usize,
) -> Result<Vec<Queued<D::Message>>, Fault> {
    let now = outbox.clock.now();
    if !outbox::is_due(&outbox.store, D::Message::KIND, target, now).await? {
        return Ok(Vec::new());
    }
    let tx = outbox.store.begin(now).await?;
    let at_most = u64::try_from(at_most).unwrap_or(u64::MAX);
    let due = outbox::take_due::<D::Message>(&tx, target, D::LEASE, at_most).await?;
    let readable = put_aside::<D>(&tx, due).await?;
    tx.commit().await?;
    Ok(readable)
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
                let event = because(Event::new(D::GIVEN_UP), "unreadable");
                postpone::<D>(tx, &id, attempts.unwrap_or_default(), event).await?;
            }
        }
    }
    Ok(readable)
}

async fn deliver_one<D: Delivery>(
    outbox: &Outbox,
    delivery: &D,
    queued: Queued<D::Message>,
) -> Result<(), Fault> {
    let is_late = queued.expires_at.is_some_and(|end| end <= outbox.clock.now());
    let answer = if is_late {
        None
    } else {
        // The others in the lane of a message that makes its delivery panic are still sent.
        Supervisor::catch(D::Message::KIND, delivery.send(&queued)).await.transpose()?
    };
    let event = || delivery.about(Event::new(D::GIVEN_UP), &queued.message);
    let tx = outbox.store.begin(outbox.clock.now()).await?;
    if let Some(answer) = &answer {
        delivery.note(&tx, &queued.message, answer).await?;
    }
    let attempt: Attempt = match answer {
        Some(answer) => answer.into(),
        None if is_late => Attempt::Refused("too late".to_owned()),
        // It panicked, which counts as not accepted.
        None => Attempt::Postponed,
    };
    match attempt {
        Attempt::Accepted => outbox::delete(&tx, &queued.id).await?,
        Attempt::Postponed => postpone::<D>(&tx, &queued.id, queued.attempts, event()).await?,
        Attempt::Refused(why) => give_up(&tx, &queued.id, because(event(), &why)).await?,
    }
    tx.commit().await
}

/// Adds the reason to what the event says.
fn because(event: Event, why: &str) -> Event {
    let detail = match &event.detail {
        Some(about) => format!("{about}: {why}"),
        None => why.to_owned(),
    };
    event.detail(detail)
}

/// Postpones a message that was not accepted, or gives it up after its last attempt.
async fn postpone<D: Delivery>(
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
