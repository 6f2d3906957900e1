//! Endings: sessions, families or accounts that are to end. An ending is stored and carried out in
//! steps, so it works for any number of sessions and families.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::audit::Origin;
use super::client::ClientId;
use super::session::SessionId;
use super::user::UserId;

/// A stored order to end sessions, families or an account.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The identifier of the ending.
    pub id: String,
    /// The user whose sessions or families end.
    pub user: UserId,
    /// Which of them end.
    pub what: EndingScope,
    /// A session that stays open, together with the families that are bound to it.
    pub but: Option<SessionId>,
    /// When it was requested. What the person opens by signing in later stays open.
    pub asked_at: DateTime<Utc>,
    /// Where the request came from, for the audit events.
    pub origin: Origin,
    /// Until when the audit events of an account that is being deleted say nothing any more but the
    /// person, the kind and the time.
    pub bared_until: Option<DateTime<Utc>>,
}

/// What an ending ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndingScope {
    /// Every session and every family.
    Everything,
    /// Every session and every family, and then the account.
    Account,
    /// The same for an account whose person deletes it, unless they take it back before its time
    /// comes.
    PlannedAccount,
    /// Every session and family that was opened with a provider of this issuer.
    ByIssuer(String),
    /// Every session and family that was opened with a passkey.
    ByPasskey,
    /// Every session and family that was opened or strengthened with a one-time code, or with a
    /// recovery code in its place.
    ByOneTimeCode,
    /// Every family at this client.
    AtClient(ClientId),
    /// Every family of this session, which has ended. Families with `offline_access` stay, but are
    /// detached from the session.
    InSession(SessionId),
}

impl Ending {
    /// An ending that is requested at this instant.
    #[must_use]
    pub fn new(user: &UserId, what: EndingScope, asked_at: DateTime<Utc>, origin: &Origin) -> Self {
        Self {
            id: Uuid::now_v7().to_string(),
            user: user.clone(),
            what,
            but: None,
            asked_at,
            origin: origin.clone(),
            bared_until: None,
        }
    }

    /// The same ending, except for one session and what is bound to it.
    #[must_use]
    pub fn but(mut self, session: Option<&SessionId>) -> Self {
        self.but = session.cloned();
        self
    }
}
