//! What an operator does with groups of people.

use serde_json::json;

use super::authority::{ChangePeople, May, ReadPeople, SeesPeople};
use super::page::page_of;
use super::refused::{AdminResult, conflict, invalid, not_found, unchanged};
use super::users::{Target, lock};
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::group::{Group, GroupId, GroupName};
use crate::domain::user::UserId;
use crate::domain::version::Version;
use crate::store::{
    Reader, Store, Tx, audit_events, group_members, groups, provider_memberships, users,
};

/// Makes a group.
pub async fn create(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    name: &str,
) -> AdminResult<Group> {
    let name = read(name)?;
    let tx = may.acting(store).begin(clock.now()).await?;
    let created = create_in(&tx, name).await;
    tx.settle_or_undo(created).await
}

/// Writes a new group, with the audit event.
pub(super) async fn create_in(tx: &Tx, name: GroupName) -> AdminResult<Group> {
    let group = Group { id: GroupId::generate(), name, created_at: tx.now() };
    if !groups::insert(tx, &group).await? {
        return conflict(format!("there is a group {:?} already", group.name.as_str()));
    }
    let event = Event::new(EventKind::GroupCreated).detail(group.name.as_str());
    audit_events::insert(tx, &[event]).await?;
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
pub async fn list(
    may: &May<ReadPeople>,
    reader: &impl Reader,
    after: Option<&str>,
    limit: u64,
) -> AdminResult<GroupPage> {
    search(may, reader, None, after, limit).await
}

/// Groups whose name begins so, byte for byte, in the order of their names, after this one.
pub async fn search(
    _may: &May<ReadPeople>,
    reader: &impl Reader,
    beginning: Option<&str>,
    after: Option<&str>,
    limit: u64,
) -> AdminResult<GroupPage> {
    let found = groups::page(reader, beginning, after, limit.saturating_add(1)).await?;
    let (groups, next) = page_of(found, limit, |last| last.name.as_str().to_owned());
    Ok(GroupPage { groups, next })
}

/// How many members one transaction removes.
const STEP: u64 = 2000;

/// What a group is now: whoever changes it can say which version they saw.
#[must_use]
pub fn version(group: &Group) -> Version {
    Version::of(&json!([group.id.as_str(), group.name.as_str(), group.created_at]))
}

/// The group with this id.
pub async fn of_id<R: SeesPeople>(
    _may: &May<R>,
    reader: &impl Reader,
    id: &str,
) -> AdminResult<Group> {
    match groups::of_id(reader, &GroupId::from_stored(id.to_owned())).await? {
        Some(group) => Ok(group),
        None => not_found(format!("there is no group with the id {id:?}")),
    }
}

/// Deletes a group. Its members are removed in steps, so their number does not matter. Nobody deletes
/// one that somebody with more rights is in.
pub async fn delete(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    name: &str,
) -> AdminResult {
    let group = find(store, name).await?;
    delete_seen(may, store, clock, group.id.as_str(), None).await
}

/// The same for the group with this id. Each step locks the group and looks again whether it is still
/// what the caller saw, and who is in it.
pub async fn delete_seen(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    id: &str,
    seen: Option<&Version>,
) -> AdminResult {
    let store = &may.acting(store);
    let id = GroupId::from_stored(id.to_owned());
    loop {
        let tx = store.begin(clock.now()).await?;
        let step = delete_step(may, &tx, &id, seen).await;
        if tx.settle(step).await? {
            return Ok(());
        }
    }
}

/// Removes some members, and with the last of them the group; whether nothing is left.
pub(super) async fn delete_step(
    may: &May<ChangePeople>,
    tx: &Tx,
    id: &GroupId,
    seen: Option<&Version>,
) -> AdminResult<bool> {
    let unknown = || not_found(format!("there is no group with the id {:?}", id.as_str()));
    let group = unchanged(groups::lock(tx, id).await?, seen, version, unknown)?;
    over_members(may, tx, id).await?;
    if group_members::delete_some(tx, id, STEP).await? == STEP {
        return Ok(false);
    }
    groups::delete(tx, id).await?;
    let event = Event::new(EventKind::GroupDeleted).detail(group.name.as_str());
    audit_events::insert(tx, &[event]).await?;
    Ok(true)
}

/// Refuses to touch a group of somebody whom the caller may not touch. The transaction has locked the
/// group, so nobody can become a member in between.
pub(super) async fn over_members(may: &May<ChangePeople>, tx: &Tx, group: &GroupId) -> AdminResult {
    if may.is_operator() {
        return Ok(());
    }
    for id in group_members::with_roles(tx, group).await? {
        if let Some(user) = users::find(tx, &id).await? {
            may.over(tx, &user).await?;
        }
    }
    Ok(())
}

/// Adds a person to a group; `false` when they were in it.
pub async fn add_member(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
    group: &str,
) -> AdminResult<bool> {
    let name = read(group)?;
    // The person and the group stay while the row that needs both is written.
    let (tx, user) = lock(may, store, clock, target).await?;
    let Some(held) = groups::hold(&tx, &name).await? else {
        tx.abandon().await;
        return unknown(group);
    };
    let added = group_members::insert(&tx, &user.id, &held.id).await?;
    if added {
        let event = Event::new(EventKind::GroupMemberAdded).user(&user.id);
        audit_events::insert(&tx, &[event.detail(name.as_str())]).await?;
    } else {
        // A provider may have said it until now.
        provider_memberships::keep_by_hand(&tx, &user.id, &held.id).await?;
    }
    tx.commit().await?;
    Ok(added)
}

/// Removes a person from a group; `false` when they were not in it.
pub async fn remove_member(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
    group: &str,
) -> AdminResult<bool> {
    let found = find(store, group).await?;
    let (tx, user) = lock(may, store, clock, target).await?;
    let removed = group_members::delete(&tx, &user.id, &found.id).await?;
    if removed {
        let event = Event::new(EventKind::GroupMemberRemoved).user(&user.id);
        audit_events::insert(&tx, &[event.detail(found.name.as_str())]).await?;
    }
    tx.commit().await?;
    Ok(removed)
}

/// The names of the groups of a person.
pub async fn of_user(
    _may: &May<ReadPeople>,
    reader: &impl Reader,
    user: &UserId,
) -> AdminResult<Vec<String>> {
    let groups = group_members::of_each(reader, &[user]).await?;
    Ok(groups.into_iter().map(|(_, name)| name).collect())
}

async fn find(reader: &impl Reader, name: &str) -> AdminResult<Group> {
    match groups::find(reader, &read(name)?).await? {
        Some(group) => Ok(group),
        None => unknown(name),
    }
}

fn unknown<T>(name: &str) -> AdminResult<T> {
    not_found(format!("there is no group {name:?}"))
}

fn read(name: &str) -> AdminResult<GroupName> {
    GroupName::parse(name).or_else(|why| invalid(why.to_string()))
}
