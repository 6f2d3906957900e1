//! People who make an account themselves.

use serde::{Deserialize, Serialize};

use super::client::{Client, ClientId};
use super::interaction::Purpose;
use super::mail_secret::MailPurpose;
use super::wire::wire_enum;

wire_enum! {
    /// Who may make an account.
    SignUpMode {
        /// Nobody but those whom the operator invites.
        Closed = "closed",
        /// Everybody.
        Open = "open",
        /// The same as `closed`, and the sign-in page says that an account needs an invitation.
        Invite = "invite",
    }
}

wire_enum! {
    /// What the user name of a person is who makes an account.
    UsernameMode {
        /// The address that they have proven.
        Address = "address",
        /// A name that they choose.
        Ask = "ask",
    }
}

impl SignUpMode {
    /// What holds for this client: its own mode, if it has one.
    #[must_use]
    pub fn at(self, client: Option<&Client>) -> Self {
        client.and_then(|client| client.metadata.signup).unwrap_or(self)
    }
}

/// What a mailed secret keeps of the request in which it was asked for.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignUpRequest {
    /// The address, as it was typed.
    pub email: String,
    /// Where the person goes on; `None`: to their own account page.
    pub purpose: Option<Purpose>,
    /// The app to which they were invited.
    pub client: Option<ClientId>,
}

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
