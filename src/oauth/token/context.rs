//! What the grants work with.

use std::sync::Arc;

use super::families::Families;
use super::rotation::RefreshTokens;
use crate::accounts::sign_in::PasswordSignIn;
use crate::clients::registry::Registry;
use crate::domain::clock::Clock;
use crate::domain::urls::Issuer;
use crate::keys::keyring::Keyring;
use crate::keys::seal::UpstreamLoginKey;
use crate::social::registry::Providers;
use crate::store::Store;

/// What the grants work with.
#[derive(Clone, Debug)]
pub struct GrantContext {
    /// Who we are.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// The providers of social login.
    pub providers: Arc<Providers>,
    /// Signing in by password.
    pub password: Arc<PasswordSignIn>,
    /// Starts families.
    pub families: Families,
    /// The refresh tokens that we issued.
    pub refresh_tokens: Arc<RefreshTokens>,
    /// Verifies access tokens that prove something.
    pub keyring: Arc<Keyring>,
    /// Knows the `state` that somebody took along from here.
    pub upstream_logins: Arc<UpstreamLoginKey>,
}
