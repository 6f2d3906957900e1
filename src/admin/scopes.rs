//! What an operator does with the words of scopes.

use std::collections::BTreeMap;

use serde_json::json;

use super::authority::{ChangeClients, May, ReadClients};
use super::page::page_of;
use super::refused::{AdminResult, conflict, invalid, not_found, unchanged};
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::scope_words::ScopeWords;
use crate::domain::version::Version;
use crate::store::{Reader, Store, Tx, audit_events, scope_words};

/// Describes a scope by texts, which are given by the tag of their language.
pub async fn create(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    name: &str,
    texts: BTreeMap<String, String>,
) -> AdminResult<ScopeWords> {
    let words = ScopeWords::new(name, texts, clock.now()).or_else(invalid)?;
    let tx = may.acting(store).begin(clock.now()).await?;
    let created = create_in(&tx, &words).await;
    tx.settle_or_undo(created).await?;
    Ok(words)
}

/// Writes the words of a scope that has none, with the audit event.
pub(super) async fn create_in(tx: &Tx, words: &ScopeWords) -> AdminResult {
    let name = &words.name;
    if !scope_words::insert(tx, words).await? {
        return conflict(format!("the scope {name:?} has words already"));
    }
    let event = Event::new(EventKind::ScopeCreated).detail(name.as_str());
    Ok(audit_events::insert(tx, &[event]).await?)
}

/// A page of scopes.
#[derive(Debug)]
pub struct ScopePage {
    /// The scopes.
    pub scopes: Vec<ScopeWords>,
    /// The name that the next page begins after, if there is one.
    pub next: Option<String>,
}

/// The scopes with words, in the order of their names, after this one.
pub async fn list(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    after: Option<&str>,
    limit: u64,
) -> AdminResult<ScopePage> {
    let found = scope_words::page(reader, after, limit.saturating_add(1)).await?;
    let (scopes, next) = page_of(found, limit, |last| last.name.clone());
    Ok(ScopePage { scopes, next })
}

/// What the words of a scope are now: whoever changes them can say which version they saw.
#[must_use]
pub fn version(words: &ScopeWords) -> Version {
    Version::of(&json!([words.name, words.texts, words.created_at]))
}

/// The words of this scope.
pub async fn find(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    name: &str,
) -> AdminResult<ScopeWords> {
    match scope_words::of(reader, &[name]).await?.pop() {
        Some(words) => Ok(words),
        None => unknown(name),
    }
}

/// The words of these scopes, as far as they have some.
pub async fn of_names(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    names: &[&str],
) -> AdminResult<Vec<ScopeWords>> {
    Ok(scope_words::of(reader, names).await?)
}

/// The scope that a use case changes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its name.
    pub name: &'a str,
    /// What its words were when the caller saw them. If they are others now, nothing is changed.
    pub version: Option<&'a Version>,
}

impl<'a> From<&'a str> for Target<'a> {
    /// The scope of this name, whatever its words are now.
    fn from(name: &'a str) -> Self {
        Self { name, version: None }
    }
}

impl<'a> From<&'a String> for Target<'a> {
    fn from(name: &'a String) -> Self {
        name.as_str().into()
    }
}

async fn locked(tx: &Tx, target: Target<'_>) -> AdminResult<ScopeWords> {
    let found = scope_words::lock(tx, target.name).await?;
    unchanged(found, target.version, version, || unknown(target.name))
}

/// Replaces the words of a scope in these languages; those in the others stay.
pub async fn update(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
    texts: BTreeMap<String, String>,
) -> AdminResult<ScopeWords> {
    let tx = may.acting(store).begin(clock.now()).await?;
    let updated = update_in(&tx, target, texts).await;
    tx.settle(updated).await
}

/// Replaces the words in a transaction, with the audit event.
pub(super) async fn update_in(
    tx: &Tx,
    target: Target<'_>,
    texts: BTreeMap<String, String>,
) -> AdminResult<ScopeWords> {
    let before = locked(tx, target).await?;
    let mut every = before.texts.clone();
    every.extend(texts);
    let after = ScopeWords::new(&before.name, every, before.created_at).or_else(invalid)?;
    scope_words::update(tx, &after).await?;
    let event = Event::new(EventKind::ScopeUpdated).detail(after.name.as_str());
    let event = event.changing(&json!({ "texts": before.texts }), &json!({ "texts": after.texts }));
    audit_events::insert(tx, &[event]).await?;
    Ok(after)
}

/// Deletes the words of a scope. The scope itself goes on counting.
pub async fn delete(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    target: impl Into<Target<'_>>,
) -> AdminResult {
    let target = target.into();
    let tx = may.acting(store).begin(clock.now()).await?;
    let deleted = delete_in(&tx, target).await;
    tx.settle(deleted).await
}

/// Deletes the words in a transaction, with the audit event.
pub(super) async fn delete_in(tx: &Tx, target: Target<'_>) -> AdminResult {
    let words = locked(tx, target).await?;
    scope_words::delete(tx, &words.name).await?;
    let event = Event::new(EventKind::ScopeDeleted).detail(words.name.as_str());
    Ok(audit_events::insert(tx, &[event]).await?)
}

fn unknown<T>(name: &str) -> AdminResult<T> {
    not_found(format!("the scope {name:?} has no words"))
}
