//! What an app is told when a family of it ended, Back-Channel Logout.

use serde::{Deserialize, Serialize};

use super::client::ClientId;
use super::family::FamilyId;
use super::message::Message;
use super::user::UserId;

/// A client is to be told that a family ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogoutNotice {
    /// Whom to tell.
    pub client: ClientId,
    /// Who signed out: `sub`.
    pub user: UserId,
    /// What ended: `sid`.
    pub family: FamilyId,
}

impl Message for LogoutNotice {
    const KIND: &'static str = "logout";

    fn target(&self) -> &str {
        self.client.as_str()
    }
}
