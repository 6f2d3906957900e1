//! What an app is told when a family of it ended, Back-Channel Logout.

use chrono::Duration;

use super::client::ClientId;
use super::family::FamilyId;
use super::user::UserId;

/// A client is to be told that a family ended.
#[derive(Clone, Debug)]
pub struct LogoutNotice {
    /// Its name: the `jti` of every attempt.
    pub id: String,
    /// Whom to tell.
    pub client: ClientId,
    /// Who signed out: `sub`.
    pub user: UserId,
    /// What ended: `sid`.
    pub family: FamilyId,
    /// The attempts so far, with the one that is being made.
    pub attempts: i64,
}

/// After each failed attempt, the seconds before the next one.
const PAUSES: &[i64] = &[5, 30, 120, 600, 3600, 21_600];

/// How long to wait after so many attempts; `None` when there is no more hope.
#[must_use]
pub fn pause_after(attempts: i64) -> Option<Duration> {
    let made = usize::try_from(attempts).unwrap_or_default();
    let pause = made.checked_sub(1).and_then(|attempt| PAUSES.get(attempt));
    pause.map(|seconds| Duration::seconds(*seconds))
}
