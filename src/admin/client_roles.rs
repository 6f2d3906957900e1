//! What an operator does with the roles that people have at clients.

use serde_json::json;

use super::authority::{ChangeClients, ChangePeople, May, ReadClients, ReadPeople};
use super::page::page_of;
use super::refused::{AdminResult, conflict, invalid, not_found, unchanged};
use super::users::{Target, lock};
use crate::clients::registration;
use crate::domain::audit::{Event, EventKind};
use crate::domain::client::{ClientId, RegisteredBy};
use crate::domain::client_role::{ClientRole, ClientRoleId, RoleName};
use crate::domain::clock::Clock;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::domain::version::Version;
use crate::store::{Reader, Store, Tx, audit_events, client_role_holders, client_roles, clients};

/// Makes a role at a client.
pub async fn create(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    client: &str,
    name: &str,
) -> AdminResult<ClientRole> {
    let name = RoleName::parse(name).or_else(|why| invalid(why.to_string()))?;
    let found = registration::find(store, client).await?;
    let tx = may.acting(store).begin(clock.now()).await?;
    let created = create_in(&tx, &found.id, name).await;
    tx.settle_or_undo(created).await
}

/// Writes a new role, with the audit event.
pub(super) async fn create_in(
    tx: &Tx,
    client: &ClientId,
    name: RoleName,
) -> AdminResult<ClientRole> {
    // The client stays while the row that needs it is written.
    match clients::hold(tx, client).await? {
        None => return not_found(format!("there is no client {:?}", client.as_str())),
        Some(held) if held.registered_by != RegisteredBy::Operator => {
            return invalid("people have roles at apps that an operator registered");
        }
        Some(_) => {}
    }
    let role = ClientRole {
        id: ClientRoleId::generate(),
        client: client.clone(),
        name,
        created_at: tx.now(),
    };
    if !client_roles::insert(tx, &role).await? {
        let (client, name) = (client.as_str(), role.name.as_str());
        return conflict(format!("the client {client:?} has a role {name:?} already"));
    }
    let event = Event::new(EventKind::ClientRoleCreated).client(&role.client);
    audit_events::insert(tx, &[event.detail(role.name.as_str())]).await?;
    Ok(role)
}

/// A page of roles.
#[derive(Debug)]
pub struct RolePage {
    /// The roles.
    pub roles: Vec<ClientRole>,
    /// The name that the next page begins after, if there is one.
    pub next: Option<String>,
}

/// Roles of a client in the order of their names, after this one.
pub async fn list(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    client: &str,
    after: Option<&str>,
    limit: u64,
) -> AdminResult<RolePage> {
    let client = registration::find(reader, client).await?;
    let found = client_roles::page(reader, &client.id, after, limit.saturating_add(1)).await?;
    let (roles, next) = page_of(found, limit, |last| last.name.as_str().to_owned());
    Ok(RolePage { roles, next })
}

/// What a role is now: whoever deletes it can say which version they saw.
#[must_use]
pub fn version(role: &ClientRole) -> Version {
    let (client, name) = (role.client.as_str(), role.name.as_str());
    Version::of(&json!([role.id.as_str(), client, name, role.created_at]))
}

/// The role of this name at a client.
pub async fn find(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    client: &str,
    name: &str,
) -> AdminResult<ClientRole> {
    of_name(reader, client, name).await
}

async fn of_name(reader: &impl Reader, client: &str, name: &str) -> AdminResult<ClientRole> {
    let client = registration::find(reader, client).await?.id;
    let Ok(name) = RoleName::parse(name) else {
        return not_found(format!("the client {:?} has no role {name:?}", client.as_str()));
    };
    match client_roles::find(reader, &client, &name).await? {
        Some(role) => Ok(role),
        None => unknown(&client, &name),
    }
}

/// The role that a use case deletes.
#[derive(Clone, Copy, Debug)]
pub struct RoleTarget<'a> {
    /// The client.
    pub client: &'a str,
    /// The name of the role.
    pub name: &'a str,
    /// What it was when the caller saw it. If it is something else now, nothing is deleted.
    pub version: Option<&'a Version>,
}

impl<'a> RoleTarget<'a> {
    /// The role of this name at this client, whatever it is now.
    #[must_use]
    pub fn of(client: &'a str, name: &'a str) -> Self {
        Self { client, name, version: None }
    }
}

/// How many holders of a role one transaction removes.
const STEP: u64 = 2000;

/// Deletes a role. It is taken from its holders in steps, so their number does not matter. Each step
/// locks the role and looks again whether it is still what the caller saw.
pub async fn delete(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    target: RoleTarget<'_>,
) -> AdminResult {
    let store = &may.acting(store);
    let client = registration::find(store, target.client).await?.id;
    let Ok(name) = RoleName::parse(target.name) else {
        let (client, name) = (client.as_str(), target.name);
        return not_found(format!("the client {client:?} has no role {name:?}"));
    };
    loop {
        let tx = store.begin(clock.now()).await?;
        let step = delete_step(&tx, (&client, &name), target.version).await;
        if tx.settle(step).await? {
            return Ok(());
        }
    }
}

/// Takes the role from some holders, and deletes it with the last of them; whether nothing is left.
async fn delete_step(
    tx: &Tx,
    (client, name): (&ClientId, &RoleName),
    seen: Option<&Version>,
) -> AdminResult<bool> {
    let found = client_roles::lock(tx, client, name).await?;
    let role = unchanged(found, seen, version, || unknown(client, name))?;
    if client_role_holders::delete_some(tx, &role.id, STEP).await? == STEP {
        return Ok(false);
    }
    client_roles::delete(tx, &role.id).await?;
    let event = Event::new(EventKind::ClientRoleDeleted).client(client);
    audit_events::insert(tx, &[event.detail(name.as_str())]).await?;
    Ok(true)
}

/// Takes every role of a client from its holders, before the client is deleted.
pub(super) async fn take_all(store: &Store, clock: &Clock, client: &ClientId) -> Result<(), Fault> {
    let mut behind = None;
    loop {
        let roles = client_roles::page(store, client, behind.as_deref(), STEP).await?;
        let Some(last) = roles.last() else { return Ok(()) };
        behind = Some(last.name.as_str().to_owned());
        for role in &roles {
            take_from_everybody(store, clock, &role.id).await?;
        }
    }
}

async fn take_from_everybody(
    store: &Store,
    clock: &Clock,
    role: &ClientRoleId,
) -> Result<(), Fault> {
    loop {
        let tx = store.begin(clock.now()).await?;
        let taken = client_role_holders::delete_some(&tx, role, STEP).await?;
        tx.commit().await?;
        if taken < STEP {
            return Ok(());
        }
    }
}

/// Gives a person a role at a client; `false` when they had it.
pub async fn grant(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
    (client, name): (&ClientId, &RoleName),
) -> AdminResult<bool> {
    // The person and the role stay while the row that needs both is written.
    let (tx, user) = lock(may, store, clock, target).await?;
    let Some(role) = client_roles::hold(&tx, client, name).await? else {
        tx.abandon().await;
        return unknown(client, name);
    };
    let given = client_role_holders::insert(&tx, &user.id, &role.id).await?;
    if given {
        let event = Event::new(EventKind::ClientRoleGranted).user(&user.id).client(client);
        audit_events::insert(&tx, &[event.detail(name.as_str())]).await?;
    }
    tx.commit().await?;
    Ok(given)
}

/// Takes a role at a client from a person; `false` when they did not have it.
pub async fn revoke(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
    (client, name): (&ClientId, &RoleName),
) -> AdminResult<bool> {
    let Some(role) = client_roles::find(store, client, name).await? else {
        return unknown(client, name);
    };
    let (tx, user) = lock(may, store, clock, target).await?;
    let taken = client_role_holders::delete(&tx, &user.id, &role.id).await?;
    if taken {
        let event = Event::new(EventKind::ClientRoleRevoked).user(&user.id).client(client);
        audit_events::insert(&tx, &[event.detail(name.as_str())]).await?;
    }
    tx.commit().await?;
    Ok(taken)
}

/// The roles of a person, as `CLIENT:ROLE`.
pub async fn of_user(
    _may: &May<ReadPeople>,
    reader: &impl Reader,
    user: &UserId,
) -> AdminResult<Vec<String>> {
    let held = client_role_holders::of_each(reader, &[user]).await?;
    Ok(held.into_iter().map(|role| format!("{}:{}", role.client, role.name)).collect())
}

fn unknown<T>(client: &ClientId, name: &RoleName) -> AdminResult<T> {
    not_found(format!("the client {:?} has no role {:?}", client.as_str(), name.as_str()))
}
