//! The section with the identities at providers.

use crate::pages::linked_identity::ConnectedProvider;
use crate::pages::provider::ProviderButton;

/// The section with the identities at providers.
#[derive(Clone, Debug)]
pub struct ProvidersSection<'a> {
    /// The identities that the person can sign in with.
    pub linked: Vec<ConnectedProvider<'a>>,
    /// The providers that can be connected.
    pub linkable: Vec<ProviderButton<'a>>,
}
