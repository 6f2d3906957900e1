//! What the flows work with.

use std::sync::Arc;

use crate::accounts::browsers::SessionLifetimes;
use crate::accounts::sign_in::PasswordSignIn;
use crate::clients::registry::Registry;
use crate::domain::clock::Clock;
use crate::domain::urls::Issuer;
use crate::keys::seal::{BrowserKey, FormsKey, UpstreamLoginKey};
use crate::outbox::Wake;
use crate::social::registry::Providers;
use crate::store::Store;

/// What the flows work with: the stores of what people are in the middle of, and whom they ask.
#[derive(Clone, Debug)]
pub struct Flows {
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
    /// How long browser sessions live.
    pub sessions: SessionLifetimes,
    /// Binds forms to the pages that they came from.
    pub forms: Arc<FormsKey>,
    /// Seals what browsers carry for us.
    pub browsers: Arc<BrowserKey>,
    /// Seals what people take along to providers.
    pub upstream_logins: Arc<UpstreamLoginKey>,
    /// Wakes whoever sends messages: apps are told of sign-outs.
    pub notices: Arc<Wake>,
}
