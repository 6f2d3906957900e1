//! The groups of imported people. One that is missing is made.

use std::collections::BTreeMap;

use super::person::NewPerson;
use crate::domain::audit::{Event, EventKind};
use crate::domain::group::{Group, GroupId, GroupName};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::store::{Tx, group_members, groups};

/// Adds people who are new to their groups. Returns the audit events.
pub(super) async fn join(tx: &Tx, people: &[(&NewPerson, &UserId)]) -> Result<Vec<Event>, Fault> {
    let mut events = Vec::new();
    // In the order of the names, so that two imports wait for each other instead of blocking each
    // other.
    let mut members: BTreeMap<&str, Vec<&UserId>> = BTreeMap::new();
    for &(person, user) in people {
        for group in &person.groups {
            members.entry(group).or_default().push(user);
        }
    }
    for (name, users) in members {
        let (group, is_new) = held(tx, name).await?;
        if is_new {
            events.push(Event::new(EventKind::GroupCreated).detail(name));
        }
        group_members::insert_many(tx, &group, &users).await?;
        let added = |user| Event::new(EventKind::GroupMemberAdded).user(user).detail(name);
        events.extend(users.into_iter().map(added));
    }
    Ok(events)
}

/// The group of this name, which stays until the transaction ends, and whether it was made here.
async fn held(tx: &Tx, name: &str) -> Result<(GroupId, bool), Fault> {
    const DOING: &str = "making the groups of imported people";
    let name = GroupName::parse(name).map_err(|bad| Fault::internal(DOING, bad))?;
    if let Some(held) = groups::hold(tx, &name).await? {
        return Ok((held.id, false));
    }
    let group = Group { id: GroupId::generate(), name, created_at: tx.now() };
    if groups::insert(tx, &group).await? {
        return Ok((group.id, true));
    }
    // Somebody else has made it meanwhile.
    match groups::hold(tx, &group.name).await? {
        Some(held) => Ok((held.id, false)),
        None => Err(Fault::conflict(DOING, "a group was deleted meanwhile")),
    }
}
