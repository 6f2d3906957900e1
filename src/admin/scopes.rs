//! What an operator does with the words of scopes.

use std::collections::BTreeMap;

use super::authority::{ChangeClients, May, ReadClients};
use super::refused::{AdminResult, conflict, invalid, not_found};
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::scope_words::ScopeWords;
use crate::store::{Reader, Store, audit_events, scope_words};

/// Describes a scope by texts, which are given by the tag of their language.
pub async fn create(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    name: &str,
    texts: BTreeMap<String, String>,
) -> AdminResult<ScopeWords> {
    let tx = may.acting(store).begin(clock.now()).await?;
    let words = match ScopeWords::new(name, texts, tx.now()) {
        Ok(words) => words,
        Err(why) => {
            tx.abandon().await;
            return invalid(why);
        }
    };
    if !scope_words::insert(&tx, &words).await? {
        tx.abandon().await;
        return conflict(format!("the scope {name:?} has words already"));
    }
    audit_events::insert(&tx, &[Event::new(EventKind::ScopeCreated).detail(name)]).await?;
    tx.commit().await?;
    Ok(words)
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
    let mut scopes = scope_words::page(reader, after, limit.saturating_add(1)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_more = scopes.len() > limit;
    scopes.truncate(limit);
    let next = scopes.last().filter(|_| is_more).map(|last| last.name.clone());
    Ok(ScopePage { scopes, next })
}

/// Deletes the words of a scope. The scope itself goes on counting.
pub async fn delete(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    name: &str,
) -> AdminResult {
    let tx = may.acting(store).begin(clock.now()).await?;
    if !scope_words::delete(&tx, name).await? {
        tx.abandon().await;
        return not_found(format!("the scope {name:?} has no words"));
    }
    audit_events::insert(&tx, &[Event::new(EventKind::ScopeDeleted).detail(name)]).await?;
    Ok(tx.commit().await?)
}
