//! Back-Channel Logout: telling apps that a session ended. Notices wait in the database until the
//! app took them, so no page waits for an app and no restart loses one.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::Duration;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use super::claims::LogoutToken;
use crate::clients::registry::{Registered, Registry};
use crate::domain::audit::{Event, Kind};
use crate::domain::client::ClientId;
use crate::domain::clock::Clock;
use crate::domain::logout_notice::{LogoutNotice, pause_after};
use crate::domain::urls::Issuer;
use crate::domain::verdict::Fault;
use crate::keys::jwt::Typ;
use crate::keys::keyring::Keyring;
use crate::outbound::Outbound;
use crate::store::{Store, audit_events, logout_notices};

/// Wakes whoever delivers.
#[derive(Debug, Default)]
pub struct Notices(Notify);

impl Notices {
    /// There is something to deliver.
    pub fn nudge(&self) {
        self.0.notify_one();
    }

    /// Waits until there is.
    pub async fn wait(&self) {
        self.0.notified().await;
    }
}

/// Longer than an attempt takes: nobody else makes the same one.
const LEASE: Duration = Duration::seconds(30);
/// What another process or a command line wrote is delivered within this.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);
/// So many apps are told at once.
const LANES: usize = 64;
/// So many notices of one app at once.
const IN_LANE: u64 = 8;
/// How long a logout token is good, Back-Channel Logout §2.4.
const LIFE: Duration = Duration::minutes(2);

/// What telling apps works with.
#[derive(Clone, Debug)]
pub struct LogoutDelivery {
    /// Who we are.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// Calls to others.
    pub outbound: Outbound,
    /// Says that there is something to deliver.
    pub notices: Arc<Notices>,
}

/// Delivers what is due, until it is dropped: what is on its way then is sent again after its lease.
/// Each app has a lane of its own, so none waits for another one that is slow.
pub async fn deliver(context: &LogoutDelivery) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut lanes, mut busy) = (FuturesUnordered::new(), BTreeSet::new());
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = context.notices.wait() => {}
            Some((client, outcome)) = lanes.next() => {
                busy.remove(&client);
                if let Err(fault) = outcome {
                    // The next look opens the lane again, and not at once.
                    failed(&fault);
                    continue;
                }
            }
        }
        let free = LANES.saturating_sub(busy.len());
        let due = logout_notices::lanes(&context.store, &busy, free, context.clock.now()).await;
        for client in due.inspect_err(failed).unwrap_or_default() {
            busy.insert(client.clone());
            lanes.push(lane(context, client));
        }
    }
}

fn failed(fault: &Fault) {
    tracing::error!(%fault, "failed telling apps of sign-outs");
}

/// Delivers what is due to one app.
async fn lane(context: &LogoutDelivery, client: ClientId) -> (ClientId, Result<(), Fault>) {
    let delivered = deliver_to(context, &client).await;
    (client, delivered)
}

async fn deliver_to(context: &LogoutDelivery, client: &ClientId) -> Result<(), Fault> {
    loop {
        let tx = context.store.begin(context.clock.now()).await?;
        let due = logout_notices::take_due(&tx, client, LEASE, IN_LANE).await?;
        tx.commit().await?;
        if due.is_empty() {
            return Ok(());
        }
        for outcome in join_all(due.iter().map(|notice| deliver_one(context, notice))).await {
            outcome?;
        }
    }
}

async fn deliver_one(context: &LogoutDelivery, notice: &LogoutNotice) -> Result<(), Fault> {
    let is_taken = match listening(context, notice).await? {
        Some((client, uri)) => is_taken(context, notice, &client, &uri).await?,
        // Nobody is left to be told.
        None => true,
    };
    metrics::counter!("mapae_logout_notices_total", "taken" => if is_taken { "true" } else { "false" }).increment(1);
    let tx = context.store.begin(context.clock.now()).await?;
    match pause_after(notice.attempts) {
        _ if is_taken => logout_notices::delete(&tx, &notice.id).await?,
        Some(pause) => logout_notices::put_off(&tx, &notice.id, tx.now() + pause).await?,
        None => {
            logout_notices::delete(&tx, &notice.id).await?;
            let event = Event::new(Kind::LogoutNoticeGivenUp).client(&notice.client);
            let event = event.user(&notice.user).family(&notice.family);
            audit_events::insert(&tx, &[event]).await?;
        }
    }
    tx.commit().await
}

async fn listening(
    context: &LogoutDelivery,
    notice: &LogoutNotice,
) -> Result<Option<(Arc<Registered>, String)>, Fault> {
    let client = context.clients.find(&notice.client).await?;
    let client = client.filter(|client| client.client.is_enabled());
    Ok(client.and_then(|client| {
        let uri = client.client.metadata.backchannel_logout_uri.clone()?;
        Some((client, uri))
    }))
}

/// Back-Channel Logout §2.5 and §2.8: only a success is one.
async fn is_taken(
    context: &LogoutDelivery,
    notice: &LogoutNotice,
    client: &Registered,
    uri: &str,
) -> Result<bool, Fault> {
    let token = logout_token(context, notice, client)?;
    match context.outbound.post_form(uri, &[("logout_token", &token)]).await {
        Ok(200..=299) => Ok(true),
        Ok(status) => {
            tracing::warn!(client_id = %notice.client, status, "an app refused a logout notice");
            Ok(false)
        }
        Err(failure) => {
            tracing::warn!(client_id = %notice.client, %failure, "a logout notice could not be sent to an app");
            Ok(false)
        }
    }
}

/// Back-Channel Logout §2.4.
fn logout_token(
    context: &LogoutDelivery,
    notice: &LogoutNotice,
    client: &Registered,
) -> Result<String, Fault> {
    let keys = context.keyring.snapshot()?;
    let now = context.clock.now();
    let claims = LogoutToken {
        iss: context.url.as_str(),
        sub: notice.user.as_str(),
        aud: notice.client.as_str(),
        iat: now.timestamp(),
        exp: (now + LIFE).timestamp(),
        jti: &notice.id,
        sid: notice.family.as_str(),
        events: json!({ "http://schemas.openid.net/event/backchannel-logout": {} }),
    };
    keys.signing(client.client.metadata.token_alg)?.sign(Typ::LogoutToken, &claims)
}
