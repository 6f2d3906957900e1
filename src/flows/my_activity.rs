//! My account: what happened to it, from the audit events.

use std::sync::Arc;

use crate::accounts::browsers::SignedInUser;
use crate::clients::registry::Registered;
use crate::domain::activity::AccountActivity;
use crate::domain::client::ClientId;
use crate::domain::provider::Slug;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::social::registry::ConfiguredProvider;
pub use crate::store::audit_events::EventPlace;
use crate::store::audit_events::{self, EventSearch, RecordedEvent};

/// What happened to an account: one part of the list.
#[derive(Debug)]
pub struct MyActivity {
    /// The newest first.
    pub entries: Vec<AccountEvent>,
    /// Where the next part begins, if there is one.
    pub more: Option<EventPlace>,
}

/// One thing that happened.
#[derive(Debug)]
pub struct AccountEvent {
    /// What happened.
    pub activity: AccountActivity,
    /// The event.
    pub event: RecordedEvent,
    /// The app that it concerns, if that still exists.
    pub client: Option<Arc<Registered>>,
    /// The provider that it concerns, if that is still configured.
    pub provider: Option<Arc<ConfiguredProvider>>,
}

/// How many entries one part has.
const ENTRIES: usize = 30;
/// How many events are read at once.
const EVENTS: u64 = 60;
/// How many times events are read for one part. Most events are for operators only, so a part may
/// have fewer entries than there is room for.
const READS: usize = 5;

/// What happened to the account of a person, before this place.
pub async fn activity(
    flows: &Flows,
    signed_in_user: &SignedInUser,
    behind: Option<EventPlace>,
) -> Result<MyActivity, Fault> {
    let user = Some(signed_in_user.user.id.as_str().to_owned());
    let search = EventSearch { user, ..EventSearch::default() };
    let (mut entries, mut last) = (Vec::new(), behind);
    for _ in 0..READS {
        let events =
            audit_events::list(flows.store.lists(), &search, last.as_ref(), EVENTS).await?;
        let is_last = (events.len() as u64) < EVENTS;
        for event in events {
            let place = event.place();
            let Some(activity) = AccountActivity::of(&event.event) else {
                last = Some(place);
                continue;
            };
            if entries.len() == ENTRIES {
                return Ok(MyActivity { entries, more: last });
            }
            entries.push(entry(flows, activity, event).await?);
            last = Some(place);
        }
        if is_last {
            return Ok(MyActivity { entries, more: None });
        }
    }
    Ok(MyActivity { entries, more: last })
}

async fn entry(
    flows: &Flows,
    activity: AccountActivity,
    event: RecordedEvent,
) -> Result<AccountEvent, Fault> {
    let client = match event.client_id.as_deref().and_then(ClientId::parse) {
        Some(client) => flows.clients.stored(&client).await?,
        None => None,
    };
    let detail = event.detail.as_deref().filter(|_| activity.names_provider());
    let provider = detail.and_then(Slug::parse).and_then(|slug| flows.providers.find(&slug, None));
    Ok(AccountEvent { activity, event, client, provider })
}
