//! People who make an account themselves.

use serde::{Deserialize, Serialize};

use super::client::ClientId;
use super::mail_secret::MailPurpose;

/// A person who makes an account in an interaction, before the account exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newcomer {
    /// The address, as it was typed or as it stands in the invitation.
    pub email: String,
    /// The mail by which they have proven the address; `None` if they have only asked for one.
    pub proven_by: Option<MailPurpose>,
    /// The app to which they were invited.
    pub client: Option<ClientId>,
}

impl Newcomer {
    /// A person who asked for a mail to this address.
    #[must_use]
    pub fn asking(email: &str) -> Self {
        Self { email: email.to_owned(), proven_by: None, client: None }
    }
}
