//! Browser sessions. A browser proves itself by one opaque cookie; several people may be signed in
//! in it, each by a session of their own.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::identifier;
use super::user::UserId;

identifier! {
    /// The identifier of a browser: stable while its cookie changes, and never shown to it.
    #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    BrowserId
}

identifier! {
    /// The identifier of a session: the name of a device on the account page. It proves nothing.
    #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    SessionId, Uuid::now_v7().to_string()
}

/// One person signed in in one browser.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// The browser that it lives in.
    pub browser: BrowserId,
    /// Who signed in.
    pub user: UserId,
    /// When the person last proved who they are: `auth_time`.
    pub auth_time: DateTime<Utc>,
    /// How they did, RFC 8176: `amr`.
    pub amr: Vec<String>,
    /// The issuer of the provider that they came by.
    pub provider_issuer: Option<String>,
    /// Whether they asked to stay signed in when the browser closes.
    pub kept: bool,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
    /// The client address of the sign-in.
    pub address: Option<String>,
    /// How long it may idle.
    pub idle: Duration,
    /// When it ends unless it is used.
    pub idle_ends_at: DateTime<Utc>,
    /// The absolute end, which no use moves.
    pub expires_at: DateTime<Utc>,
}

impl Session {
    /// Whether it is good at this instant.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        now < self.ends_at()
    }

    /// When it ends unless it is used.
    #[must_use]
    pub fn ends_at(&self) -> DateTime<Utc> {
        self.idle_ends_at.min(self.expires_at)
    }

    /// When it was last used; good to a twentieth of its idle life.
    #[must_use]
    pub fn seen_at(&self) -> DateTime<Utc> {
        self.idle_ends_at - self.idle
    }
}

/// The life of the browser session that a family came from: what a refresh must know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachedSession {
    /// How long it may idle.
    pub idle: Duration,
    /// When it ends unless it is used.
    pub idle_ends_at: DateTime<Utc>,
    /// The absolute end, which no use moves.
    pub expires_at: DateTime<Utc>,
}

impl AttachedSession {
    /// Whether the session is good at this instant.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        now < self.idle_ends_at.min(self.expires_at)
    }
}

/// The idle end that a use at this instant moves to; `None` when it is not worth a write.
#[must_use]
pub fn moved_idle_end(
    idle_ends_at: DateTime<Utc>,
    idle: Duration,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let end = now + idle;
    (end - idle_ends_at > idle / 20).then_some(end)
}

/// How long sessions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLife {
    /// Without use.
    pub idle: Duration,
    /// In all.
    pub absolute: Duration,
}
