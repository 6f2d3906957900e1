//! What is to end of what a person opened. It is written down and carried out in steps, so nobody
//! has too much to be ended.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::audit::Origin;
use super::client::ClientId;
use super::session::SessionId;
use super::user::UserId;

/// Something that is to end.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Its name.
    pub id: String,
    /// Whose it is.
    pub user: UserId,
    /// What.
    pub what: EndingScope,
    /// A session that stays, with what is bound to it.
    pub but: Option<SessionId>,
    /// When it was asked for: what a later proof opened stays.
    pub asked_at: DateTime<Utc>,
    /// For the audit events.
    pub origin: Origin,
}

/// What is to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndingScope {
    /// Every session and every family.
    Everything,
    /// Every session and every family, and then the account.
    Account,
    /// Every session and family that was opened by a provider of this issuer.
    ByIssuer(String),
    /// Every family of this client.
    AtClient(ClientId),
    /// Every family of this session, which ended; those with `offline_access` leave it.
    InSession(SessionId),
}

impl Ending {
    /// An ending that is asked for at this instant.
    #[must_use]
    pub fn new(user: &UserId, what: EndingScope, asked_at: DateTime<Utc>, origin: &Origin) -> Self {
        Self {
            id: Uuid::now_v7().to_string(),
            user: user.clone(),
            what,
            but: None,
            asked_at,
            origin: origin.clone(),
        }
    }

    /// The same, but for one session and what is bound to it.
    #[must_use]
    pub fn but(mut self, session: Option<&SessionId>) -> Self {
        self.but = session.cloned();
        self
    }
}
