//! What requests that browsers bring are checked with.

use std::sync::Arc;

use crate::clients::registry::Registry;
use crate::domain::urls::Issuer;
use crate::keys::keyring::Keyring;

/// What authorization and logout requests are checked with.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Who we are.
    pub url: Issuer,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// Verifies id tokens that come as hints.
    pub keyring: Arc<Keyring>,
}
