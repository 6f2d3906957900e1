//! What an operator does with groups of people.

use crate::admin::users::find as find_user;
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::group::{Group, GroupId, GroupName};
use crate::domain::user::UserId;
use crate::domain::verdict::{OrRejected, reject};
use crate::store::{Reader, Store, audit_events, group_members, groups, users};

/// Makes a group.
pub async fn create(store: &Store, clock: &Clock, name: &str) -> OrRejected<Group> {
    let name = read(name)?;
    let tx = store.begin(clock.now()).await?;
    let group = Group { id: GroupId::generate(), name, created_at: tx.now() };
    if !groups::insert(&tx, &group).await? {
        tx.abandon().await;
        return reject(format!("there is a group {:?} already", group.name.as_str()));
    }
    let event = Event::new(EventKind::GroupCreated).detail(group.name.as_str());
    audit_events::insert(&tx, &[event]).await?;
    tx.commit().await?;
    Ok(group)
}

/// A page of groups.
#[derive(Debug)]
pub struct GroupPage {
    /// The groups.
    pub groups: Vec<Group>,
    /// The name that the next page begins after, if there is one.
    pub next: Option<String>,
}

/// Groups in the order of their names, after this one.
pub async fn list(reader: &impl Reader, after: Option<&str>, limit: u64) -> OrRejected<GroupPage> {
    let mut groups = groups::page(reader, after, limit.saturating_add(1)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_more = groups.len() > limit;
    groups.truncate(limit);
    let next = groups.last().filter(|_| is_more).map(|last| last.name.as_str().to_owned());
    Ok(GroupPage { groups, next })
}

/// How many members one transaction removes.
const STEP: u64 = 2000;

/// Deletes a group. Its members are removed in steps, so their number does not matter.
pub async fn delete(store: &Store, clock: &Clock, name: &str) -> OrRejected {
    let group = find(store, name).await?;
    loop {
        let tx = store.begin(clock.now()).await?;
        let removed = group_members::delete_some(&tx, &group.id, STEP).await?;
        tx.commit().await?;
        if removed < STEP {
            break;
        }
    }
    let tx = store.begin(clock.now()).await?;
    if !groups::delete(&tx, &group.id).await? {
        tx.abandon().await;
        return unknown(name);
    }
    let event = Event::new(EventKind::GroupDeleted).detail(group.name.as_str());
    audit_events::insert(&tx, &[event]).await?;
    Ok(tx.commit().await?)
}

/// Adds a person to a group; `false` when they were in it.
pub async fn add_member(
    store: &Store,
    clock: &Clock,
    username: &str,
    group: &str,
) -> OrRejected<bool> {
    let user = find_user(store, username).await?;
    let name = read(group)?;
    let tx = store.begin(clock.now()).await?;
    // The group and the person stay while the row that needs both is written.
    let held = groups::hold(&tx, &name).await?;
    let exists = users::hold(&tx, &user.id).await?.is_some();
    let Some(held) = held.filter(|_| exists) else {
        tx.abandon().await;
        return if exists {
            unknown(group)
        } else {
            reject(format!("there is no user {username:?}"))
        };
    };
    let added = group_members::insert(&tx, &user.id, &held.id).await?;
    if added {
        let event = Event::new(EventKind::GroupMemberAdded).user(&user.id);
        audit_events::insert(&tx, &[event.detail(name.as_str())]).await?;
    }
    tx.commit().await?;
    Ok(added)
}

/// Removes a person from a group; `false` when they were not in it.
pub async fn remove_member(
    store: &Store,
    clock: &Clock,
    username: &str,
    group: &str,
) -> OrRejected<bool> {
    let user = find_user(store, username).await?;
    let found = find(store, group).await?;
    let tx = store.begin(clock.now()).await?;
    let removed = group_members::delete(&tx, &user.id, &found.id).await?;
    if removed {
        let event = Event::new(EventKind::GroupMemberRemoved).user(&user.id);
        audit_events::insert(&tx, &[event.detail(found.name.as_str())]).await?;
    }
    tx.commit().await?;
    Ok(removed)
}

/// The names of the groups of a person.
pub async fn of_user(reader: &impl Reader, user: &UserId) -> OrRejected<Vec<String>> {
    let groups = group_members::of_each(reader, &[user]).await?;
    Ok(groups.into_iter().map(|(_, name)| name).collect())
}

async fn find(reader: &impl Reader, name: &str) -> OrRejected<Group> {
    match groups::find(reader, &read(name)?).await? {
        Some(group) => Ok(group),
        None => unknown(name),
    }
}

fn unknown<T>(name: &str) -> OrRejected<T> {
    reject(format!("there is no group {name:?}"))
}

fn read(name: &str) -> OrRejected<GroupName> {
    GroupName::parse(name).or_else(|why| reject(why.to_string()))
}
