//! Groups that come from a provider: the operator says which groups there are which ones here, and a
//! person's memberships follow at each sign-in by that provider.

use std::collections::BTreeSet;

use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::group::GroupId;
use crate::domain::identity::Identity;
use crate::domain::provider::{Registration, Slug};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::store::{
    Store, Tx, admin_roles, audit_events, group_members, groups, provider_memberships, users,
};

/// Makes the memberships that come from a provider those that it says now. The transaction has locked
/// the account.
///
/// People with a role in the administration get no group so: whoever runs the provider would otherwise
/// decide about those who administer this server. What came from it earlier is taken away from them,
/// too.
pub(super) async fn follow(
    tx: &Tx,
    user: &UserId,
    registration: &Registration,
    identity: &Identity,
    origin: &Origin,
) -> Result<(), Fault> {
    let (slug, map) = (&registration.slug, &registration.metadata.group_map);
    let held = of_provider(tx, user, slug).await?;
    if map.is_empty() && held.is_empty() {
        return Ok(());
    }
    let mut wanted = BTreeSet::new();
    if admin_roles::of_user(tx, user).await?.is_empty() {
        let said = map.iter().filter(|one| identity.groups.contains(&one.theirs));
        wanted.extend(said.map(|one| &one.ours));
    }
    let (mut stays, mut events) = (BTreeSet::new(), Vec::new());
    // In the order of the names, so that two sign-ins lock groups in the same order.
    for name in wanted {
        let Some(group) = groups::hold(tx, name).await? else {
            tracing::warn!(provider = %slug, group = %name, "groups of this provider are mapped to a group that does not exist");
            continue;
        };
        stays.insert(group.id.as_str().to_owned());
        if held.contains(&group.id) {
            continue;
        }
        let is_new = group_members::insert(tx, user, &group.id).await?;
        if is_new {
            let event = Event::new(EventKind::GroupMemberAdded).user(user).from(origin);
            events.push(event.detail(group.name.as_str()));
        }
        // A membership that was given by hand stays one.
        if is_new || is_of_provider(tx, user, &group.id).await? {
            provider_memberships::put(tx, user, &group.id, slug).await?;
        }
    }
    audit_events::insert(tx, &events).await?;
    let gone = held.into_iter().filter(|id| !stays.contains(id.as_str())).collect();
    take(tx, user, slug, gone, origin).await
}

/// Takes away what came from a provider, because the person is not connected to it any more.
pub async fn take_all(
    tx: &Tx,
    user: &UserId,
    provider: &Slug,
    origin: &Origin,
) -> Result<(), Fault> {
    let held = of_provider(tx, user, provider).await?;
    take(tx, user, provider, held, origin).await
}

/// Takes from everybody what came from a provider that was deleted, one person in a transaction.
pub async fn take_from_everybody(
    store: &Store,
    now: impl Fn() -> chrono::DateTime<chrono::Utc>,
    provider: &Slug,
) -> Result<(), Fault> {
    while let Some(user) = provider_memberships::somebody_of(store, provider).await? {
        let tx = store.begin(now()).await?;
        users::lock(&tx, &user).await?;
        take_all(&tx, &user, provider, &Origin::default()).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn of_provider(tx: &Tx, user: &UserId, provider: &Slug) -> Result<Vec<GroupId>, Fault> {
    let every = provider_memberships::of_user(tx, user).await?.into_iter();
    Ok(every.filter(|(_, from)| from == provider.as_str()).map(|(id, _)| id).collect())
}

async fn is_of_provider(tx: &Tx, user: &UserId, group: &GroupId) -> Result<bool, Fault> {
    Ok(provider_memberships::of_user(tx, user).await?.iter().any(|(id, _)| id == group))
}

async fn take(
    tx: &Tx,
    user: &UserId,
    provider: &Slug,
    gone: Vec<GroupId>,
    origin: &Origin,
) -> Result<(), Fault> {
    let mut events = Vec::new();
    for id in gone {
        provider_memberships::delete(tx, user, &id, provider).await?;
        // Another provider says it, too.
        if is_of_provider(tx, user, &id).await? {
            continue;
        }
        let group = groups::find_by_id(tx, &id).await?;
        if group_members::delete(tx, user, &id).await? {
            let event = Event::new(EventKind::GroupMemberRemoved).user(user).from(origin);
            let name = group.as_ref().map_or(id.as_str(), |group| group.name.as_str());
            events.push(event.detail(name));
        }
    }
    audit_events::insert(tx, &events).await
}
