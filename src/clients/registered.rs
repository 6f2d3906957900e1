//! A client with its keys.

use std::sync::Arc;

use crate::domain::client::Client;
use crate::keys::client_keys::ClientKeys;

/// A client with its parsed keys.
#[derive(Debug)]
pub struct Registered {
    /// The client.
    pub client: Client,
    /// The keys for `private_key_jwt` and request objects that were registered for it.
    pub(super) keys: Arc<ClientKeys>,
}
