//! The notice that an app gets when one of its families ended, Back-Channel Logout.

use serde::{Deserialize, Serialize};

use super::client::ClientId;
use super::family::FamilyId;
use super::message::Message;
use super::user::UserId;

/// A notice to a client that a family ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogoutNotice {
    /// The client that gets the notice.
    pub client: ClientId,
    /// The user who signed out: `sub`.
    pub user: UserId,
    /// The family that ended: `sid`.
    pub family: FamilyId,
    /// By which `sub` the client knew people when the family ended. Servers of earlier versions leave
    /// it out.
    #[serde(default)]
    pub known_by: Option<String>,
}

impl Message for LogoutNotice {
    const KIND: &'static str = "logout";

    fn target(&self) -> &str {
        self.client.as_str()
    }
}
