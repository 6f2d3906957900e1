//! What an operator does with resources, RFC 8707.

use serde_json::{Map, Value, json};

use super::authority::{ChangeClients, May, ReadClients};
use super::page::page_of;
use super::refused::{AdminResult, conflict, invalid, not_found, unchanged};
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::resource::{self, Resource, ResourceMetadata};
use crate::domain::version::Version;
use crate::oauth::lifetimes::Lifetimes;
use crate::store::{Reader, Store, Tx, audit_events, resources};

/// The most resources: each process has all of them in memory.
pub const MOST: u64 = 10_000;

/// The resource that a use case changes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its identifier.
    pub id: &'a str,
    /// What it was when the caller saw it. If it is another one now, nothing is changed.
    pub version: Option<&'a Version>,
}

impl<'a> Target<'a> {
    /// The resource of this identifier, whatever it is now.
    #[must_use]
    pub fn of(id: &'a str) -> Self {
        Self { id, version: None }
    }
}

/// What a resource is now: whoever changes it can say which version they saw.
#[must_use]
pub fn version(resource: &Resource) -> Version {
    Version::of(&json!([resource.id, resource.metadata, resource.updated_at]))
}

/// Registers a resource.
pub async fn create(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    lifetimes: &Lifetimes,
    id: &str,
    metadata: &Map<String, Value>,
) -> AdminResult<Resource> {
    resource::check_id(id).or_else(invalid)?;
    let metadata = changed(&ResourceMetadata::default(), metadata, lifetimes)?;
    check_mcp(id, &metadata)?;
    let tx = may.acting(store).begin(clock.now()).await?;
    let (created_at, updated_at) = (tx.now(), tx.now());
    let made = Resource { id: id.to_owned(), metadata, created_at, updated_at };
    let inserted = insert(&tx, &made).await;
    tx.settle_or_undo(inserted).await?;
    Ok(made)
}

/// Writes a new resource with its audit event.
pub(super) async fn insert(tx: &Tx, made: &Resource) -> AdminResult {
    if resources::count(tx).await? >= MOST {
        return conflict(format!("there are at most {MOST} resources"));
    }
    check_others(tx, made).await?;
    if !resources::insert(tx, made).await? {
        return conflict(format!("there is a resource {:?} already", made.id));
    }
    let event = Event::new(EventKind::ResourceCreated).detail(&made.id);
    Ok(audit_events::insert(tx, &[event]).await?)
}

/// Refuses a resource that requests could confuse with another one.
async fn check_others(tx: &Tx, now: &Resource) -> AdminResult {
    for other in resource::other_spellings(&now.id) {
        if resources::find(tx, &other).await?.is_some() {
            return conflict(format!("{other:?} is registered, and names the same resource"));
        }
    }
    if now.metadata.mcp
        && let Some(other) = same_place(tx, now).await?
    {
        return conflict(format!("the metadata of {other:?} has the same URL"));
    }
    Ok(())
}

/// Another MCP server whose metadata would be hosted at the same place.
async fn same_place(tx: &Tx, now: &Resource) -> AdminResult<Option<String>> {
    let place = resource::mcp_place(&now.id);
    let every = resources::list_all(tx).await?;
    let other = every
        .into_iter()
        .find(|one| one.metadata.mcp && one.id != now.id && resource::mcp_place(&one.id) == place);
    Ok(other.map(|other| other.id))
}

/// Checks the identifier of an MCP server.
pub(super) fn check_mcp(id: &str, metadata: &ResourceMetadata) -> AdminResult {
    if metadata.mcp { resource::check_mcp(id).or_else(invalid) } else { Ok(()) }
}

/// What the metadata is after a change, checked.
pub(super) fn changed(
    metadata: &ResourceMetadata,
    change: &Map<String, Value>,
    lifetimes: &Lifetimes,
) -> AdminResult<ResourceMetadata> {
    let changed = metadata.changed(change).or_else(invalid)?;
    let most = lifetimes.access_token.num_seconds();
    if changed.access_lifetime.is_some_and(|own| own > most) {
        let why = "access_lifetime is at most what token.access_lifetime says";
        return invalid(format!("{why}: {most} seconds"));
    }
    Ok(changed)
}

/// A page of resources.
#[derive(Debug)]
pub struct ResourcePage {
    /// The resources.
    pub resources: Vec<Resource>,
    /// The identifier that the next page begins after, if there is one.
    pub next: Option<String>,
}

/// Resources in the order of their identifiers, after this one.
pub async fn list(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    after: Option<&str>,
    limit: u64,
) -> AdminResult<ResourcePage> {
    let found = resources::page(reader, after, limit.saturating_add(1)).await?;
    let (resources, next) = page_of(found, limit, |last| last.id.clone());
    Ok(ResourcePage { resources, next })
}

/// The resource of this identifier.
pub async fn find(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    id: &str,
) -> AdminResult<Resource> {
    match resources::find(reader, id).await? {
        Some(found) => Ok(found),
        None => unknown(id),
    }
}

/// Changes some members of what is registered. Tokens that are out stay as they are.
pub async fn update(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    lifetimes: &Lifetimes,
    target: Target<'_>,
    change: &Map<String, Value>,
) -> AdminResult<Resource> {
    let (tx, was) = locked(may, store, clock, target).await?;
    let metadata = changed(&was.metadata, change, lifetimes);
    let metadata = metadata.and_then(|now| check_mcp(&was.id, &now).map(|()| now));
    let updated = match metadata {
        Ok(metadata) => {
            let now = Resource { metadata, updated_at: tx.now(), ..was.clone() };
            write(&tx, &was, &now).await.map(|()| now)
        }
        Err(refused) => Err(refused),
    };
    tx.settle_or_undo(updated).await
}

/// Writes a resource that is there, with its audit event.
pub(super) async fn write(tx: &Tx, was: &Resource, now: &Resource) -> AdminResult {
    check_others(tx, now).await?;
    resources::update(tx, now).await?;
    let event = Event::new(EventKind::ResourceUpdated).detail(&now.id);
    let event = event.changing(&json!(was.metadata), &json!(now.metadata));
    Ok(audit_events::insert(tx, &[event]).await?)
}

/// Deletes a resource. Its audience may still be asked for by clients that are registered for it.
pub async fn delete(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
) -> AdminResult {
    let (tx, found) = locked(may, store, clock, target).await?;
    remove(&tx, &found.id).await?;
    Ok(tx.commit().await?)
}

/// Deletes a resource with its audit event.
pub(super) async fn remove(tx: &Tx, id: &str) -> AdminResult {
    resources::delete(tx, id).await?;
    let event = Event::new(EventKind::ResourceDeleted).detail(id);
    Ok(audit_events::insert(tx, &[event]).await?)
}

async fn locked(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
) -> AdminResult<(Tx, Resource)> {
    let tx = may.acting(store).begin(clock.now()).await?;
    let found = resources::lock(&tx, target.id).await?;
    match unchanged(found, target.version, version, || unknown(target.id)) {
        Ok(found) => Ok((tx, found)),
        Err(why) => {
            tx.abandon().await;
            Err(why)
        }
    }
}

fn unknown<T>(id: &str) -> AdminResult<T> {
    not_found(format!("there is no resource {id:?}"))
}
