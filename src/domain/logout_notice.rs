//! What an app is told when a family of it ended, Back-Channel Logout.

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
