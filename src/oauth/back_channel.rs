//! Back-Channel Logout: tells apps that a session ended. A notice stays in the outbox until the app
//! has taken it.

use std::sync::Arc;

use chrono::Duration;
use serde_json::json;

use super::claims::LogoutToken;
use crate::clients::registry::{Registered, Registry};
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::logout_notice::LogoutNotice;
use crate::domain::message::Queued;
use crate::domain::urls::Issuer;
use crate::domain::verdict::Fault;
use crate::keys::jwt::Typ;
use crate::keys::keyring::Keyring;
use crate::keys::subjects::Subjects;
use crate::outbound::Outbound;
use crate::outbox::{Attempt, Delivery};

/// How long a logout token is valid, Back-Channel Logout §2.4.
const LIFE: Duration = Duration::minutes(2);

/// The parts that are used to deliver logout notices.
#[derive(Clone, Debug)]
pub struct LogoutDelivery {
    /// The issuer URL of this server.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// Sends HTTP requests to other servers.
    pub outbound: Outbound,
    /// Says by which `sub` clients know people.
    pub subjects: Subjects,
}

impl Delivery for LogoutDelivery {
    type Message = LogoutNotice;
    type Answer = Attempt;

    const PAUSES: &'static [i64] = &[5, 30, 120, 600, 3600, 21_600];

    const GIVEN_UP: EventKind = EventKind::LogoutNoticeGivenUp;

    async fn send(&self, queued: &Queued<LogoutNotice>) -> Result<Attempt, Fault> {
        let is_taken = match self.listening(&queued.message).await? {
            Some((client, uri)) => self.is_taken(queued, &client, &uri).await?,
            // The client is gone, disabled or has no logout URI: there is nobody to tell.
            None => true,
        };
        metrics::counter!("mapae_logout_notices_total", "taken" => if is_taken { "true" } else { "false" }).increment(1);
        Ok(if is_taken { Attempt::Accepted } else { Attempt::Postponed })
    }

    fn about(&self, event: Event, notice: &LogoutNotice) -> Event {
        event.client(&notice.client).user(&notice.user).family(&notice.family)
    }
}

impl LogoutDelivery {
    async fn listening(
        &self,
        notice: &LogoutNotice,
    ) -> Result<Option<(Arc<Registered>, String)>, Fault> {
        let client = self.clients.stored(&notice.client).await?;
        let client = client.filter(|client| client.client.is_enabled());
        Ok(client.and_then(|client| {
            let uri = client.client.metadata.backchannel_logout_uri.clone()?;
            Some((client, uri))
        }))
    }

    /// Back-Channel Logout §2.5 and §2.8: only a status from 200 to 299 counts as success.
    async fn is_taken(
        &self,
        queued: &Queued<LogoutNotice>,
        client: &Registered,
        uri: &str,
    ) -> Result<bool, Fault> {
        self.keyring.ensure([client.client.metadata.id_token_alg()]).await?;
        let token = self.logout_token(queued, client)?;
        let client_id = &queued.message.client;
        match self.outbound.post_form(uri, &[("logout_token", &token)]).await {
            Ok(200..=299) => Ok(true),
            Ok(status) => {
                tracing::warn!(%client_id, status, "an app refused a logout notice");
                Ok(false)
            }
            Err(failure) => {
                tracing::warn!(%client_id, %failure, "a logout notice could not be sent to an app");
                Ok(false)
            }
        }
    }

    /// Makes a logout token, Back-Channel Logout §2.4. A new one is made for each attempt to send
    /// it, because it is valid for two minutes only.
    fn logout_token(
        &self,
        queued: &Queued<LogoutNotice>,
        client: &Registered,
    ) -> Result<String, Fault> {
        let keys = self.keyring.snapshot()?;
        let now = self.clock.now();
        let notice = &queued.message;
        // Core §8.1: nobody learns from a notice which `sub` of today was which one of before.
        // Back-Channel Logout §2.4: the `sid` is enough.
        let known_by = client.client.metadata.known_by_text();
        let is_same = notice.known_by.as_ref().is_none_or(|before| *before == known_by);
        let sub = is_same.then(|| self.subjects.of(&client.client, &notice.user));
        let claims = LogoutToken {
            iss: self.url.as_str(),
            sub: sub.as_deref(),
            aud: notice.client.as_str(),
            iat: now.timestamp(),
            exp: (now + LIFE).timestamp(),
            jti: &queued.id,
            sid: notice.family.as_str(),
            events: json!({ "http://schemas.openid.net/event/backchannel-logout": {} }),
        };
        // Back-Channel Logout §2.4: signed like an id token.
        keys.signing(client.client.metadata.id_token_alg())?.sign(Typ::LogoutToken, &claims)
    }
}
