//! What an operator does with the attributes of people.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::authority::{ChangeClients, May, ReadClients, ReadPeople};
use super::refused::{AdminResult, Refused, conflict, invalid, not_found};
use crate::domain::attribute::{Attribute, AttributeType, MOST};
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::user::UserId;
use crate::domain::version::Version;
use crate::store::{Reader, Store, Tx, attribute_values, attributes, audit_events};

/// Declares an attribute. `scope` is the scope token that shows it.
pub async fn create(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    name: &str,
    kind: AttributeType,
    scope: &str,
) -> AdminResult<Attribute> {
    let now = clock.now();
    let attribute = Attribute::new(name, kind, scope, now).or_else(invalid)?;
    let tx = may.acting(store).begin(now).await?;
    let refused = if attributes::list_all(&tx).await?.len() >= MOST {
        Some(format!("there are at most {MOST} attributes"))
    } else if attributes::insert(&tx, &attribute).await? {
        None
    } else {
        Some(format!("there is an attribute {name:?} already"))
    };
    if let Some(refused) = refused {
        tx.abandon().await;
        return conflict(refused);
    }
    audit_events::insert(&tx, &[Event::new(EventKind::AttributeCreated).detail(name)]).await?;
    tx.commit().await?;
    Ok(attribute)
}

/// Every attribute, in the order of the names.
pub async fn list(_may: &May<ReadClients>, reader: &impl Reader) -> AdminResult<Vec<Attribute>> {
    Ok(attributes::list_all(reader).await?)
}

/// What an attribute is now: whoever deletes it can say which version they saw.
#[must_use]
pub fn version(one: &Attribute) -> Version {
    Version::of(&json!([one.name, one.kind, one.scope, one.created_at]))
}

/// The attribute of this name.
pub async fn find(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    name: &str,
) -> AdminResult<Attribute> {
    of_name(reader, name).await
}

async fn of_name(reader: &impl Reader, name: &str) -> AdminResult<Attribute> {
    let every = attributes::list_all(reader).await?;
    match every.into_iter().find(|one| one.name == name) {
        Some(attribute) => Ok(attribute),
        None => not_found(format!("there is no attribute {name:?}")),
    }
}

/// Deletes an attribute with the values of people, if it is still what the caller saw.
pub async fn delete_seen(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    name: &str,
    seen: Option<&Version>,
) -> AdminResult {
    let attribute = of_name(store, name).await?;
    if seen.is_some_and(|seen| *seen != version(&attribute)) {
        return Err(Refused::Changed.into());
    }
    delete(may, store, clock, name).await
}

/// How many values one transaction removes.
const STEP: u64 = 2000;

/// Deletes an attribute. The values of people are removed in steps, so their number does not matter.
pub async fn delete(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    name: &str,
) -> AdminResult {
    let store = &may.acting(store);
    loop {
        let tx = store.begin(clock.now()).await?;
        let removed = attribute_values::delete_some(&tx, name, STEP).await?;
        tx.commit().await?;
        if removed < STEP {
            break;
        }
    }
    let tx = store.begin(clock.now()).await?;
    if !attributes::delete(&tx, name).await? {
        tx.abandon().await;
        return not_found(format!("there is no attribute {name:?}"));
    }
    audit_events::insert(&tx, &[Event::new(EventKind::AttributeDeleted).detail(name)]).await?;
    Ok(tx.commit().await?)
}

/// Writes values of a person in a transaction that has locked the account. An empty text removes the
/// value.
pub(super) async fn set(tx: &Tx, user: &UserId, values: &BTreeMap<String, String>) -> AdminResult {
    if values.is_empty() {
        return Ok(());
    }
    let declared = attributes::list_all(tx).await?;
    for (name, text) in values {
        let Some(attribute) = declared.iter().find(|one| one.name == *name) else {
            return not_found(format!("there is no attribute {name:?}"));
        };
        if text.is_empty() {
            attribute_values::delete(tx, user, name).await?;
        } else {
            let value = attribute.read(text).or_else(invalid)?;
            attribute_values::put(tx, user, name, &value).await?;
        }
    }
    Ok(())
}

/// The values of a person, by the names of the attributes.
pub async fn of_user(
    _may: &May<ReadPeople>,
    reader: &impl Reader,
    user: &UserId,
) -> AdminResult<BTreeMap<String, Value>> {
    let values = attribute_values::of_each(reader, &[user]).await?;
    Ok(values.into_iter().map(|(_, name, value)| (name, value)).collect())
}
