//! Browser sessions. A browser proves itself by one opaque cookie. Several people may be signed in
//! in the same browser, each with a session of their own.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::authentication::Authentication;
use super::ids::identifier;
use super::user::UserId;

identifier! {
    /// The identifier of a browser. It stays the same when the cookie changes, and the browser
    /// never sees it.
    #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    BrowserId
}

identifier! {
    /// The identifier of a session. The account page uses it to name a device. To know it proves
    /// nothing.
    #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    SessionId, Uuid::now_v7().to_string()
}

/// The session of one person in one browser.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its identifier.
    pub id: SessionId,
    /// The browser to which it belongs.
    pub browser: BrowserId,
    /// The user who signed in.
    pub user: UserId,
    /// What the person proved, and when.
    pub authentication: Authentication,
    /// Whether the person asked to stay signed in after the browser is closed.
    pub kept: bool,
    /// The `User-Agent` of the browser.
    pub user_agent: Option<String>,
    /// The client address of the sign-in.
    pub address: Option<String>,
    /// How long it may be unused before it ends.
    pub idle: Duration,
    /// When it ends, unless it is used before.
    pub idle_ends_at: DateTime<Utc>,
    /// The absolute end, which no use moves.
    pub expires_at: DateTime<Utc>,
}

impl Session {
    /// Whether it is valid at this instant.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        now < self.ends_at()
    }

    /// When it ends, unless it is used before.
    #[must_use]
    pub fn ends_at(&self) -> DateTime<Utc> {
        self.idle_ends_at.min(self.expires_at)
    }

    /// When it was last used, accurate to a twentieth of its idle time.
    #[must_use]
    pub fn seen_at(&self) -> DateTime<Utc> {
        self.idle_ends_at - self.idle
    }
}

/// The lifetime of the browser session from which a family came, as a refresh needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachedSession {
    /// How long it may be unused before it ends.
    pub idle: Duration,
    /// When it ends, unless it is used before.
    pub idle_ends_at: DateTime<Utc>,
    /// The absolute end, which no use moves.
    pub expires_at: DateTime<Utc>,
}

impl AttachedSession {
    /// Whether the session is valid at this instant.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        now < self.idle_ends_at.min(self.expires_at)
    }
}

/// The idle end to which a use at this instant moves the old one; `None` when the difference is too
/// small to be worth a write.
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
    /// The lifetime without use.
    pub idle: Duration,
    /// The lifetime in total.
    pub absolute: Duration,
}
