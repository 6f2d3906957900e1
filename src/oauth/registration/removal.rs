//! Deletes clients with everything that they were given.

use crate::accounts::session_endings;
use crate::domain::audit::{Event, EventKind};
use crate::domain::client::{ClientId, RegisteredBy};
use crate::domain::clock::Clock;
use crate::domain::family::{FamilyFilter, FamilyOwner};
use crate::domain::verdict::Fault;
use crate::store::clients::Unused;
use crate::store::{Store, Tx, audit_events, clients, consents, device_grants, families};

/// How many rows of a client one transaction deletes.
const STEP: u64 = 2000;

/// After how long an app goes by which nobody ever got a token.
const NEVER_USED: chrono::Duration = chrono::Duration::days(1);

/// Ends a client whose row this transaction has locked. It is disabled at once; its families and
/// consents are then deleted in steps, so their number does not matter.
pub async fn end(tx: Tx, store: &Store, clock: &Clock, id: &ClientId) -> Result<(), Fault> {
    clients::set_disabled(&tx, id, Some(tx.now())).await?;
    device_grants::delete_of_client(&tx, id).await?;
    tx.commit().await?;
    session_endings::end_every(store, clock, FamilyFilter::Client(id)).await?;
    loop {
        let tx = store.begin(clock.now()).await?;
        let families = families::delete_some(&tx, FamilyOwner::Client(id), STEP).await?;
        let consents = consents::delete_some(&tx, id, STEP).await?;
        tx.commit().await?;
        if families < STEP && consents < STEP {
            return Ok(());
        }
    }
}

/// Deletes a client that was ended.
pub async fn delete(store: &Store, clock: &Clock, id: &ClientId) -> Result<(), Fault> {
    delete_in(store.begin(clock.now()).await?, id).await
}

async fn delete_in(tx: Tx, id: &ClientId) -> Result<(), Fault> {
    clients::delete(&tx, id).await?;
    audit_events::insert(&tx, &[Event::new(EventKind::ClientDeleted).client(id)]).await?;
    tx.commit().await
}

/// Deletes clients for which no operator vouches and that nobody used since this long, at most this
/// many. Returns how many there were.
pub async fn sweep(
    store: &Store,
    clock: &Clock,
    (by, unused): (RegisteredBy, chrono::Duration),
    at_most: u64,
) -> Result<u64, Fault> {
    let now = clock.now();
    let since = now - unused;
    // Whoever registers or allows an app uses it soon.
    let never_since = now - unused.min(NEVER_USED);
    let unused = Unused { since, never_since };
    let found = clients::unused(store, by, unused, at_most).await?;
    for id in &found {
        let tx = store.begin(clock.now()).await?;
        // It may be used at this moment: then it stays.
        if clients::lock_unused(&tx, id, unused).await? {
            end(tx, store, clock, id).await?;
            delete_unused(store, clock, id, unused).await?;
        } else {
            tx.abandon().await;
        }
    }
    Ok(found.len() as u64)
}

/// Deletes a client that was ended, unless an operator enabled it again meanwhile.
async fn delete_unused(
    store: &Store,
    clock: &Clock,
    id: &ClientId,
    unused: Unused,
) -> Result<(), Fault> {
    let tx = store.begin(clock.now()).await?;
    if clients::lock_unused(&tx, id, unused).await? {
        delete_in(tx, id).await
    } else {
        tx.abandon().await;
        Ok(())
    }
}
