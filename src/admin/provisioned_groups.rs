//! What SCIM connectors do with groups.

use std::collections::BTreeSet;

use super::authority::{ChangePeople, May, ReadPeople};
use super::groups as use_cases;
use super::provisioned_people::{ListQuery, Listed, Parts, STEP, ScimOutcome, part, too_many};
use crate::domain::audit::{Event, EventKind};
use crate::domain::group::{Group, GroupId, GroupName};
use crate::domain::scim::people_group::{GroupChange, ProvisionedGroup};
use crate::domain::scim::refusal::{ScimRefusal, ScimType};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::domain::version::Version;
use crate::store::{
    Reader, Tx, audit_events, group_members, groups, provider_memberships, scim_groups, users,
};

fn name(text: &str) -> ScimOutcome<GroupName> {
    Ok(GroupName::parse(text).map_err(|why| ScimRefusal::value(why.to_string()))?)
}

fn taken(name: &GroupName) -> ScimRefusal {
    ScimRefusal::taken(format!("there is a group {:?} already", name.as_str()))
}

fn unknown() -> ScimRefusal {
    ScimRefusal::not_found("such group")
}

/// Makes a group with these members.
pub async fn create(
    may: &May<ChangePeople>,
    parts: Parts<'_>,
    new: &GroupChange,
) -> ScimOutcome<ProvisionedGroup> {
    let name = name(new.name.as_deref().unwrap_or_default())?;
    let tx = may.acting(parts.store).begin(parts.clock.now()).await?;
    let made = create_in(may, &tx, name, new).await;
    match made {
        Ok(group) => {
            tx.commit().await?;
            shown(parts.store, group, true).await
        }
        Err(error) => {
            tx.abandon().await;
            Err(error)
        }
    }
}

async fn create_in(
    may: &May<ChangePeople>,
    tx: &Tx,
    name: GroupName,
    new: &GroupChange,
) -> ScimOutcome<Group> {
    let group = Group { id: GroupId::generate(), name, created_at: tx.now() };
    not_too_many(new.adds.len())?;
    hold(may, tx, &new.adds, &BTreeSet::new()).await?;
    if !groups::insert(tx, &group).await? {
        return Err(taken(&group.name).into());
    }
    let external_id = new.external_id.after(None);
    scim_groups::put(tx, &group.id, external_id.as_deref()).await?;
    let event = Event::new(EventKind::GroupCreated).detail(group.name.as_str());
    audit_events::insert(tx, &[event]).await?;
    change_members(tx, &group, &new.adds, &BTreeSet::new()).await?;
    Ok(group)
}

/// The most members that one request adds and removes: they are changed in one transaction.
const MOST_CHANGED: usize = 5000;

fn not_too_many(members: usize) -> ScimOutcome {
    if members > MOST_CHANGED {
        let why = format!("one request changes at most {MOST_CHANGED} members");
        return Err(ScimRefusal::new(413, why).into());
    }
    Ok(())
}

/// Checks that these people exist and that the caller may change them, and protects them from other
/// changes. People come before their group, as everywhere.
async fn hold(
    may: &May<ChangePeople>,
    tx: &Tx,
    adds: &BTreeSet<String>,
    removes: &BTreeSet<String>,
) -> ScimOutcome {
    for id in adds.union(removes) {
        match users::hold(tx, &UserId::from_stored(id.clone())).await? {
            Some(user) => may.over(tx, &user).await?,
            // Who is gone is no member.
            None if removes.contains(id) => {}
            None => {
                let why = format!("there is no person with the id {id:?}");
                return Err(ScimRefusal::value(why).into());
            }
        }
    }
    Ok(())
}

async fn change_members(
    tx: &Tx,
    group: &Group,
    adds: &BTreeSet<String>,
    removes: &BTreeSet<String>,
) -> Result<(), Fault> {
    let mut events = Vec::new();
    for id in removes {
        let user = UserId::from_stored(id.clone());
        if group_members::delete(tx, &user, &group.id).await? {
            events.push(Event::new(EventKind::GroupMemberRemoved).user(&user));
        }
    }
    for id in adds {
        let user = UserId::from_stored(id.clone());
        if group_members::insert(tx, &user, &group.id).await? {
            events.push(Event::new(EventKind::GroupMemberAdded).user(&user));
        } else {
            // A provider may have said it until now.
            provider_memberships::keep_by_hand(tx, &user, &group.id).await?;
        }
    }
    let named = events.into_iter().map(|event| event.detail(group.name.as_str()));
    audit_events::insert(tx, &named.collect::<Vec<_>>()).await
}

/// One group; its members only if they are asked for.
pub async fn find(
    _may: &May<ReadPeople>,
    parts: Parts<'_>,
    id: &str,
    with_members: bool,
) -> ScimOutcome<ProvisionedGroup> {
    shown(parts.store, found(parts.store, id).await?, with_members).await
}

async fn found(reader: &impl Reader, id: &str) -> ScimOutcome<Group> {
    let group = groups::find_by_id(reader, &GroupId::from_stored(id.to_owned())).await?;
    Ok(group.ok_or_else(unknown)?)
}

async fn shown(reader: &impl Reader, group: Group, members: bool) -> ScimOutcome<ProvisionedGroup> {
    let mut all = with_more(reader, vec![group], members).await?;
    Ok(all.pop().ok_or_else(unknown)?)
}

async fn with_more(
    reader: &impl Reader,
    some: Vec<Group>,
    with_members: bool,
) -> Result<Vec<ProvisionedGroup>, Fault> {
    let ids: Vec<&GroupId> = some.iter().map(|group| &group.id).collect();
    let mut of_connector = scim_groups::of_each(reader, &ids).await?;
    let mut all = Vec::new();
    for group in some {
        let members = if with_members { Some(members(reader, &group.id).await?) } else { None };
        let (external_id, updated_at) = of_connector.remove(group.id.as_str()).unzip();
        let external_id = external_id.flatten();
        all.push(ProvisionedGroup { group, external_id, updated_at, members });
    }
    Ok(all)
}

/// How many members are read at once.
const MEMBERS: u64 = 2000;

async fn members(reader: &impl Reader, group: &GroupId) -> Result<Vec<UserId>, Fault> {
    let mut all: Vec<UserId> = Vec::new();
    loop {
        let last = all.last().cloned();
        let some = group_members::members(reader, group, last.as_ref(), MEMBERS).await?;
        let is_last = (some.len() as u64) < MEMBERS;
        all.extend(some);
        if is_last {
            return Ok(all);
        }
    }
}

/// Changes a group, in one transaction.
pub async fn change(
    may: &May<ChangePeople>,
    parts: Parts<'_>,
    id: &str,
    seen: Option<&Version>,
    change: &GroupChange,
) -> ScimOutcome<Group> {
    let group = found(parts.store, id).await?;
    let (mut adds, mut removes) = (change.adds.clone(), change.removes.clone());
    if change.clears {
        let current = members(parts.store, &group.id).await?.into_iter();
        let current: BTreeSet<_> = current.map(|member| member.as_str().to_owned()).collect();
        removes = current.difference(&adds).cloned().collect();
        adds.retain(|id| !current.contains(id));
    }
    let tx = may.acting(parts.store).begin(parts.clock.now()).await?;
    let seen = Seen { group: &group, version: seen };
    let changed = change_in(may, &tx, seen, change, (&adds, &removes)).await;
    match changed {
        Ok(group) => {
            tx.commit().await?;
            Ok(group)
        }
        Err(error) => {
            tx.abandon().await;
            Err(error)
        }
    }
}

const CHANGED: &str = "it was changed meanwhile: read it again";

/// Checks that a group is still what the caller saw. The transaction has locked it, so nobody can
/// become a member in between.
async fn check(tx: &Tx, seen: Option<&Version>, now: &Group) -> ScimOutcome {
    let Some(seen) = seen else { return Ok(()) };
    if *seen != shown(tx, now.clone(), true).await?.version() {
        return Err(ScimRefusal::new(412, CHANGED).into());
    }
    Ok(())
}

/// A group as it was read before the transaction, and the version that the caller saw.
struct Seen<'a> {
    group: &'a Group,
    version: Option<&'a Version>,
}

async fn change_in(
    may: &May<ChangePeople>,
    tx: &Tx,
    seen: Seen<'_>,
    change: &GroupChange,
    (adds, removes): (&BTreeSet<String>, &BTreeSet<String>),
) -> ScimOutcome<Group> {
    not_too_many(adds.len() + removes.len())?;
    hold(may, tx, adds, removes).await?;
    let id = &seen.group.id;
    let Some(mut group) = groups::lock(tx, id).await? else { return Err(unknown().into()) };
    check(tx, seen.version, &group).await?;
    if change.name.is_some() && group.name != seen.group.name {
        return Err(ScimRefusal::new(409, CHANGED).into());
    }
    if let Some(new) = &change.name {
        let new = name(new)?;
        // A connector that sends a whole group names it again.
        if new != group.name {
            use_cases::over_members(may, tx, id).await?;
            if !groups::rename(tx, id, &new).await? {
                return Err(taken(&new).into());
            }
            let event = Event::new(EventKind::GroupUpdated).detail(new.as_str());
            audit_events::insert(tx, &[event]).await?;
            group.name = new;
        }
    }
    let known = scim_groups::of_each(tx, &[id]).await?.remove(id.as_str());
    let external_id = change.external_id.after(known.and_then(|(external_id, _)| external_id));
    scim_groups::put(tx, id, external_id.as_deref()).await?;
    change_members(tx, &group, adds, removes).await?;
    Ok(group)
}

/// Deletes a group. Its members stay people.
pub async fn delete(
    may: &May<ChangePeople>,
    parts: Parts<'_>,
    id: &str,
    seen: Option<&Version>,
) -> ScimOutcome {
    let (store, id) = (may.acting(parts.store), GroupId::from_stored(id.to_owned()));
    let mut seen = seen;
    loop {
        let tx = store.begin(parts.clock.now()).await?;
        let step = delete_step(may, &tx, &id, seen).await;
        if tx.settle_or_undo(step).await? {
            return Ok(());
        }
        // From here on its members are fewer because of this.
        seen = None;
    }
}

/// Removes some members, and with the last of them the group; whether nothing is left.
async fn delete_step(
    may: &May<ChangePeople>,
    tx: &Tx,
    id: &GroupId,
    seen: Option<&Version>,
) -> ScimOutcome<bool> {
    let Some(group) = groups::lock(tx, id).await? else { return Err(unknown().into()) };
    check(tx, seen, &group).await?;
    Ok(use_cases::delete_step(may, tx, id, None).await?)
}

/// The attributes by which groups are found in an index.
const INDEXED: &[&str] = &["id", "displayName", "externalId", "members"];

/// Groups that match.
pub async fn list(
    _may: &May<ReadPeople>,
    parts: Parts<'_>,
    query: &ListQuery,
    with_members: bool,
) -> ScimOutcome<Listed<ProvisionedGroup>> {
    let store = parts.store;
    let by_name = query.sort_by.is_none();
    let with_members_compared = query.filter.as_ref().is_some_and(|filter| filter.names("members"));
    let Some(filter) = &query.filter else {
        let total = groups::count(store).await?;
        if by_name {
            let some = if query.count == 0 {
                Vec::new()
            } else {
                groups::window(store, query.skip, query.count).await?
            };
            return Ok(Listed { total, some: with_more(parts.store, some, with_members).await? });
        }
        let all = every(parts, total, false).await?;
        return with_members_of(parts, part(all, query, |one| one.shown("")), with_members).await;
    };
    let candidates = match filter.needs(INDEXED) {
        Some(needed) => indexed(parts, &needed, with_members_compared).await?,
        None if with_members_compared => {
            let why = "the members of all groups would have to be compared: ask by members eq";
            return Err(ScimRefusal::bad(ScimType::TooMany, why).into());
        }
        None => every(parts, groups::count(store).await?, false).await?,
    };
    let matching =
        candidates.into_iter().filter(|one| filter.matches(&one.shown(""))).collect::<Vec<_>>();
    with_members_of(parts, part(matching, query, |one| one.shown("")), with_members).await
}

/// Reads the members of the groups that are shown, or leaves them out.
async fn with_members_of(
    parts: Parts<'_>,
    listed: Listed<ProvisionedGroup>,
    with_members: bool,
) -> ScimOutcome<Listed<ProvisionedGroup>> {
    let groups = listed.some.into_iter().map(|one| one.group).collect();
    Ok(Listed { total: listed.total, some: with_more(parts.store, groups, with_members).await? })
}

async fn every(
    parts: Parts<'_>,
    total: u64,
    with_members: bool,
) -> ScimOutcome<Vec<ProvisionedGroup>> {
    too_many(total)?;
    let mut all = Vec::new();
    loop {
        let some = groups::window(parts.store, all.len() as u64, STEP).await?;
        let is_last = (some.len() as u64) < STEP;
        all.extend(with_more(parts.store, some, with_members).await?);
        if is_last {
            return Ok(all);
        }
    }
}

async fn indexed(
    parts: Parts<'_>,
    needed: &[(&'static str, &str)],
    with_members: bool,
) -> ScimOutcome<Vec<ProvisionedGroup>> {
    let (mut found, mut known) = (Vec::new(), BTreeSet::new());
    for (attribute, text) in needed {
        let some: Vec<Group> = match *attribute {
            "id" => {
                let id = GroupId::from_stored((*text).to_owned());
                groups::find_by_id(parts.store, &id).await?.into_iter().collect()
            }
            "displayName" => match GroupName::parse(text) {
                Ok(name) => groups::find(parts.store, &name).await?.into_iter().collect(),
                Err(_) => Vec::new(),
            },
            "members" => {
                let user = UserId::from_stored((*text).to_owned());
                let all = group_members::groups_of_each(parts.store, &[&user]).await?;
                all.into_iter().map(|(_, group)| group).collect()
            }
            _ => {
                let mut some = Vec::new();
                for id in scim_groups::with(parts.store, text, STEP).await? {
                    some.extend(groups::find_by_id(parts.store, &id).await?);
                }
                some
            }
        };
        let new = some.into_iter().filter(|group| known.insert(group.id.as_str().to_owned()));
        found.extend(new);
    }
    Ok(with_more(parts.store, found, with_members).await?)
}
