//! The request in which a mail for a new account was asked for.

use serde::{Deserialize, Serialize};

use super::client::ClientId;
use super::interaction::Purpose;

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
