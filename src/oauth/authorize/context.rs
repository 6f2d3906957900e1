//! The settings and parts that are used to check the requests that arrive through a browser.

use std::sync::Arc;

use crate::clients::registry::Registry;
use crate::domain::clock::Clock;
use crate::domain::sign_up_mode::SignUpMode;
use crate::domain::urls::Issuer;
use crate::keys::keyring::Keyring;
use crate::keys::subjects::Subjects;
use crate::oauth::authorize::settings::RequestSettings;
use crate::store::Store;

/// The parts that are used to check authorization requests and logout requests.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The issuer URL of this server.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// Who may make an account, where the client does not say otherwise.
    pub sign_up: SignUpMode,
    /// Verifies the id tokens that are sent as hints.
    pub keyring: Arc<Keyring>,
    /// How requests have to come.
    pub settings: RequestSettings,
    /// Says by which `sub` clients know people.
    pub subjects: Subjects,
}
