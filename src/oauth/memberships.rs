//! Reads the groups, the roles and the attributes of many people at once, for the tokens that name them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::domain::client::ClientId;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::runtime::batch::{Batch, Bounds};
use crate::runtime::supervisor::Supervisor;
use crate::store::{Store, attribute_values, client_role_holders, group_members};

/// Whose memberships are asked for, and which.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The person.
    pub user: UserId,
    /// Whether the groups are asked for.
    pub groups: bool,
    /// Whether the roles at clients are asked for.
    pub roles: bool,
    /// Whether the attributes are asked for.
    pub attributes: bool,
}

/// The groups, the roles and the attributes of a person, as far as they were asked for.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The names of the groups, in their order.
    pub groups: Vec<String>,
    /// The roles: the client and the name, in their order.
    pub roles: Vec<(ClientId, String)>,
    /// The values of attributes, by their names.
    pub attributes: Vec<(String, Value)>,
}

/// The queue of people whose memberships are read.
pub type Memberships = Batch<Asked, Result<Held, Fault>>;

/// Starts the worker that answers the queue: one statement for all groups of a batch, one for all
/// roles, and one for all attributes.
#[must_use]
pub fn start(supervisor: &Supervisor, store: Arc<Store>) -> Memberships {
    let deadline = Duration::from_secs(3);
    let bounds = Bounds { name: "memberships", lanes: 2, queue: 4096, deadline };
    Batch::start(supervisor, bounds, move |asked: Vec<Asked>| {
        let store = Arc::clone(&store);
        async move {
            match read(&store, &asked).await {
                Ok(held) => held.into_iter().map(Ok).collect(),
                Err(fault) => asked.iter().map(|_| Err(fault.clone())).collect(),
            }
        }
    })
}

async fn read(store: &Store, asked: &[Asked]) -> Result<Vec<Held>, Fault> {
    let users = |wanted: fn(&Asked) -> bool| {
        let mut users: Vec<_> =
            asked.iter().filter(|one| wanted(one)).map(|one| &one.user).collect();
        users.sort_unstable();
        users.dedup();
        users
    };
    let groups = match users(|one| one.groups).as_slice() {
        [] => Vec::new(),
        users => group_members::of_each(store, users).await?,
    };
    let roles = match users(|one| one.roles).as_slice() {
        [] => Vec::new(),
        users => client_role_holders::of_each(store, users).await?,
    };
    let attributes = match users(|one| one.attributes).as_slice() {
        [] => Vec::new(),
        users => attribute_values::of_each(store, users).await?,
    };
    let mut held: HashMap<UserId, Held> = HashMap::new();
    for (user, name) in groups {
        held.entry(user).or_default().groups.push(name);
    }
    for role in roles {
        held.entry(role.user).or_default().roles.push((role.client, role.name));
    }
    for (user, name, value) in attributes {
        held.entry(user).or_default().attributes.push((name, value));
    }
    // What another request of the batch asked for is left out.
    let answer = |one: &Asked| {
        let mut answer = held.get(&one.user).cloned().unwrap_or_default();
        if !one.groups {
            answer.groups.clear();
        }
        if !one.roles {
            answer.roles.clear();
        }
        if !one.attributes {
            answer.attributes.clear();
        }
        answer
    };
    Ok(asked.iter().map(answer).collect())
}
