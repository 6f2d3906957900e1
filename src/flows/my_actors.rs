//! My account: the clients that act for a person (RFC 8693), and those that may not any more.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::accounts::browsers::SignedInUser;
use crate::accounts::session_endings;
use crate::clients::registry::Registered;
use crate::domain::audit::{Event, EventKind};
use crate::domain::client::ClientId;
use crate::domain::scope::Scope;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::flows::interaction::Caller;
use crate::flows::my_account::add_new;
use crate::flows::submitted::AccountForm;
use crate::store::families::{self, Acting};
use crate::store::{audit_events, stopped_actors, users};

/// Who acts for a person.
#[derive(Debug)]
pub struct MyActors {
    /// Those that act now, the longest first.
    pub acting: Vec<Actor>,
    /// Those that may not any more.
    pub stopped: Vec<Arc<Registered>>,
}

/// A client that acts for a person.
#[derive(Debug)]
pub struct Actor {
    /// The client.
    pub client: Arc<Registered>,
    /// The names of the apps with whose tokens it acts.
    pub by_way_of: Vec<String>,
    /// What it may do.
    pub scope: Scope,
    /// Where it may do it.
    pub resources: Vec<String>,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// How many families are read to find out who acts.
const FAMILIES: u64 = 500;
/// How many clients are shown that may not act any more.
const STOPPED: u64 = 100;

/// Who acts for this person.
pub async fn list(flows: &Flows, signed_in_user: &SignedInUser) -> Result<MyActors, Fault> {
    let (store, user) = (&*flows.store, &signed_in_user.user.id);
    let mut acting: Vec<Actor> = Vec::new();
    for one in families::acting_for(store, user, flows.clock.now(), FAMILIES).await? {
        let Acting { client, by_way_of, scope, resources, since } = one;
        let by_way_of = match flows.clients.stored(&by_way_of).await? {
            Some(app) => app.client.metadata.client_name.clone(),
            None => by_way_of.as_str().to_owned(),
        };
        if let Some(known) = acting.iter_mut().find(|known| known.client.client.id == client) {
            known.scope = known.scope.joined_with(&scope);
            add_new(&mut known.resources, resources);
            add_new(&mut known.by_way_of, vec![by_way_of]);
        } else if let Some(client) = flows.clients.stored(&client).await? {
            let by_way_of = vec![by_way_of];
            acting.push(Actor { client, by_way_of, scope, resources, since });
        }
    }
    let mut stopped = Vec::new();
    for client in stopped_actors::of_user(store, user, STOPPED).await? {
        stopped.extend(flows.clients.stored(&client).await?);
    }
    Ok(MyActors { acting, stopped })
}

/// Stops a client that acts for the person, for good; `false` if it never acted for them and no rule
/// lets it act for anybody.
pub async fn stop(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    client: &ClientId,
) -> Result<bool, Fault> {
    let Some(found) = flows.clients.stored(client).await? else { return Ok(false) };
    let tx = flows.store.begin(flows.clock.now()).await?;
    let user = &form.person().user.id;
    // Whoever exchanges a token meanwhile waits, and then finds that it may not.
    users::lock(&tx, user).await?;
    let ended = session_endings::end_acting(&tx, user, client).await?;
    // What it has may have expired a moment ago, and it may act again the next moment.
    let may_act = ended > 0
        || !found.client.metadata.may_act.is_empty()
        || families::has_acted(&tx, user, client).await?;
    let is_new = may_act && stopped_actors::insert(&tx, user, client).await?;
    if ended > 0 || is_new {
        let event = Event::new(EventKind::DelegationStopped).user(user).client(client);
        let event = event.detail(format!("{ended} families ended"));
        audit_events::insert(&tx, &[event.from(caller.origin)]).await?;
    }
    tx.commit().await?;
    flows.notices.nudge();
    Ok(may_act)
}

/// Lets a client act for the person again; `false` if it was not stopped.
pub async fn allow(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    client: &ClientId,
) -> Result<bool, Fault> {
    let tx = flows.store.begin(flows.clock.now()).await?;
    let user = &form.person().user.id;
    let was_stopped = stopped_actors::delete(&tx, user, client).await?;
    if was_stopped {
        let event = Event::new(EventKind::DelegationAllowed).user(user).client(client);
        audit_events::insert(&tx, &[event.from(caller.origin)]).await?;
    }
    tx.commit().await?;
    Ok(was_stopped)
}
