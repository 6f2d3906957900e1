//! What the endpoints that take tokens work with.

use std::sync::Arc;

use super::bearer::AccessTokens;
use super::people::People;
use crate::domain::clock::Clock;
use crate::domain::urls::Issuer;
use crate::oauth::client_auth::ClientAuthentication;
use crate::oauth::token::rotation::RefreshTokens;
use crate::store::Store;

/// What userinfo, introspection and revocation work with.
#[derive(Clone, Debug)]
pub struct ResourceContext {
    /// Who we are.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// Finds out which client asks.
    pub clients: ClientAuthentication,
    /// The access tokens that we issued.
    pub access_tokens: Arc<AccessTokens>,
    /// The refresh tokens that we issued.
    pub refresh_tokens: Arc<RefreshTokens>,
    /// Reads what answers say of people.
    pub people: Arc<People>,
}
