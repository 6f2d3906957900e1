//! What an operator does with the attributes of people.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::authority::{ChangeClients, May, ReadClients, ReadPeople};
use super::refused::{AdminResult, conflict, invalid, not_found, unchanged};
use crate::domain::attribute::{Attribute, AttributeType, MOST, MOST_EDITABLE};
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::domain::version::Version;
use crate::store::{Reader, Store, Tx, attribute_values, attributes, audit_events};

/// An attribute that is declared.
#[derive(Clone, Debug)]
pub struct NewAttribute {
    /// Its name, which is also the name of the claim.
    pub name: String,
    /// The type of its values.
    pub kind: AttributeType,
    /// The scope token that shows it.
    pub scope: String,
    /// Whether people may change their own value.
    pub editable: bool,
    /// What the account page calls it, by the tag of the language.
    pub texts: BTreeMap<String, String>,
}

/// What of an attribute is changed. Its type stays: people have values of it.
#[derive(Clone, Debug, Default)]
pub struct AttributeChange {
    /// The scope that shows it from now on.
    pub scope: Option<String>,
    /// Whether people may change their own value from now on.
    pub editable: Option<bool>,
    /// Words to replace; those in other languages stay, and an empty text removes one.
    pub texts: BTreeMap<String, String>,
}

/// Declares an attribute.
pub async fn create(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    new: NewAttribute,
) -> AdminResult<Attribute> {
    let tx = may.acting(store).begin(clock.now()).await?;
    let created = create_in(&tx, new).await;
    tx.settle_or_undo(created).await
}

/// Writes a new attribute, with the audit event.
pub(super) async fn create_in(tx: &Tx, new: NewAttribute) -> AdminResult<Attribute> {
    let attribute = Attribute::new(&new.name, new.kind, &new.scope, tx.now());
    let attribute = attribute.and_then(|one| one.with_texts(new.texts)).or_else(invalid)?;
    let attribute = Attribute { editable: new.editable, ..attribute };
    let name = &attribute.name;
    let every = attributes::list_all(tx).await?;
    if every.len() >= MOST {
        return conflict(format!("there are at most {MOST} attributes"));
    }
    not_too_many_editable(&every, &attribute)?;
    if !attributes::insert(tx, &attribute).await? {
        return conflict(format!("there is an attribute {name:?} already"));
    }
    let event = Event::new(EventKind::AttributeCreated).detail(name.as_str());
    audit_events::insert(tx, &[event]).await?;
    Ok(attribute)
}

fn not_too_many_editable(every: &[Attribute], one: &Attribute) -> AdminResult {
    let others = every.iter().filter(|other| other.editable && other.name != one.name);
    if one.editable && others.count() >= MOST_EDITABLE {
        return conflict(format!("people may edit at most {MOST_EDITABLE} attributes"));
    }
    Ok(())
}

/// The attribute that a use case changes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it was when the caller saw it. If it is something else now, nothing is changed.
    pub version: Option<&'a Version>,
}

impl<'a> From<&'a str> for Target<'a> {
    /// The attribute of this name, whatever it is now.
    fn from(name: &'a str) -> Self {
        Self { name, version: None }
    }
}

async fn locked(tx: &Tx, target: Target<'_>) -> AdminResult<Attribute> {
    let found = attributes::lock(tx, target.name).await?;
    unchanged(found, target.version, version, || unknown(target.name))
}

/// Changes an attribute.
pub async fn update(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
    change: AttributeChange,
) -> AdminResult<Attribute> {
    let tx = may.acting(store).begin(clock.now()).await?;
    let updated = update_in(&tx, target, change).await;
    tx.settle_or_undo(updated).await
}

/// Changes an attribute in a transaction, with the audit event.
pub(super) async fn update_in(
    tx: &Tx,
    target: Target<'_>,
    change: AttributeChange,
) -> AdminResult<Attribute> {
    let before = locked(tx, target).await?;
    let after = changed(&before, change).or_else(invalid)?;
    not_too_many_editable(&attributes::list_all(tx).await?, &after)?;
    attributes::update(tx, &after).await?;
    let event = Event::new(EventKind::AttributeUpdated).detail(after.name.as_str());
    audit_events::insert(tx, &[event.changing(&facts(&before), &facts(&after))]).await?;
    Ok(after)
}

/// The attribute as it is after a change.
pub(super) fn changed(before: &Attribute, change: AttributeChange) -> Result<Attribute, String> {
    let mut texts = before.texts.clone();
    texts.extend(change.texts);
    texts.retain(|_, text| !text.is_empty());
    let scope = change.scope.as_deref().unwrap_or(&before.scope);
    let editable = change.editable.unwrap_or(before.editable);
    let after = Attribute::new(&before.name, before.kind, scope, before.created_at)?;
    Ok(Attribute { editable, ..after.with_texts(texts)? })
}

fn facts(one: &Attribute) -> Value {
    json!({ "scope": one.scope, "editable": one.editable, "texts": one.texts })
}

/// Every attribute, in the order of the names.
pub async fn list(_may: &May<ReadClients>, reader: &impl Reader) -> AdminResult<Vec<Attribute>> {
    Ok(attributes::list_all(reader).await?)
}

/// What an attribute is now: whoever deletes it can say which version they saw.
#[must_use]
pub fn version(one: &Attribute) -> Version {
    Version::of(&json!([one.name, one.kind, facts(one), one.created_at]))
}

/// Every attribute, for whoever sees what people have of it: each with the one of these values that
/// is its own.
pub async fn held(
    _may: &May<ReadPeople>,
    reader: &impl Reader,
    values: &BTreeMap<String, Value>,
) -> AdminResult<Vec<(Attribute, Option<Value>)>> {
    let every = attributes::list_all(reader).await?;
    let with_value = |one: Attribute| {
        let value = values.get(&one.name).cloned();
        (one, value)
    };
    Ok(every.into_iter().map(with_value).collect())
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
        None => unknown(name),
    }
}

/// How many people have a value of an attribute, and whether there may be more.
pub async fn holders(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    name: &str,
) -> Result<(u64, bool), Fault> {
    let most = 10_000;
    let count = attribute_values::count_of(reader, name, most).await?;
    Ok((count, count == most))
}

fn unknown<T>(name: &str) -> AdminResult<T> {
    not_found(format!("there is no attribute {name:?}"))
}

/// How many values one transaction removes.
const STEP: u64 = 2000;

/// Deletes an attribute. The values of people are removed in steps, so their number does not matter.
/// Each step locks the attribute and looks again whether it is still what the caller saw.
pub async fn delete(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
) -> AdminResult {
    let store = &may.acting(store);
    loop {
        let tx = store.begin(clock.now()).await?;
        let step = delete_step(&tx, target).await;
        if tx.settle(step).await? {
            return Ok(());
        }
    }
}

/// Removes some values, and with the last of them the attribute; whether nothing is left.
async fn delete_step(tx: &Tx, target: Target<'_>) -> AdminResult<bool> {
    let attribute = locked(tx, target).await?;
    if attribute_values::delete_some(tx, &attribute.name, STEP).await? == STEP {
        return Ok(false);
    }
    attributes::delete(tx, &attribute.name).await?;
    let event = Event::new(EventKind::AttributeDeleted).detail(attribute.name.as_str());
    audit_events::insert(tx, &[event]).await?;
    Ok(true)
}

/// The values of a person that a change replaced, and those that took their place, by the names of the
/// attributes.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    pub(super) before: Map<String, Value>,
    pub(super) after: Map<String, Value>,
}

/// Writes values of a person in a transaction that has locked the account. An empty text removes the
/// value.
pub(super) async fn set(
    tx: &Tx,
    user: &UserId,
    values: &BTreeMap<String, String>,
) -> AdminResult<Replaced> {
    let mut replaced = Replaced::default();
    if values.is_empty() {
        return Ok(replaced);
    }
    let declared = attributes::list_all(tx).await?;
    let had = attribute_values::of_each(tx, &[user]).await?.into_iter();
    let mut had: BTreeMap<_, _> = had.map(|(_, name, value)| (name, value)).collect();
    for (name, text) in values {
        let Some(attribute) = declared.iter().find(|one| one.name == *name) else {
            return not_found(format!("there is no attribute {name:?}"));
        };
        let value = match text.as_str() {
            "" => None,
            text => Some(attribute.read(text).or_else(invalid)?),
        };
        let before = had.remove(name);
        if value == before {
            continue;
        }
        match &value {
            Some(value) => attribute_values::put(tx, user, name, value).await?,
            None => attribute_values::delete(tx, user, name).await?,
        }
        replaced.before.extend(before.map(|before| (name.clone(), before)));
        replaced.after.extend(value.map(|value| (name.clone(), value)));
    }
    Ok(replaced)
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
