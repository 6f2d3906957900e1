//! The parts that the endpoints that receive tokens work with.

use std::sync::Arc;

use super::bearer::AccessTokens;
use super::people::People;
use crate::domain::clock::Clock;
use crate::domain::urls::Issuer;
use crate::keys::subjects::Subjects;
use crate::oauth::added_claims::AddedClaims;
use crate::oauth::client_auth::ClientAuthentication;
use crate::oauth::possession::Possession;
use crate::oauth::token::rotation::RefreshTokens;
use crate::store::Store;

/// The parts that userinfo, introspection and revocation work with.
#[derive(Clone, Debug)]
pub struct ResourceContext {
    /// The issuer URL of this server.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// Authenticates the client of a request.
    pub clients: ClientAuthentication,
    /// Verifies the access tokens that this server issued.
    pub access_tokens: Arc<AccessTokens>,
    /// Finds the refresh tokens that this server issued.
    pub refresh_tokens: Arc<RefreshTokens>,
    /// Reads the people that answers describe.
    pub people: Arc<People>,
    /// Makes the claims of claim rules and roles.
    pub added: AddedClaims,
    /// Checks proofs of possession.
    pub possession: Arc<Possession>,
    /// Says by which `sub` clients know people.
    pub subjects: Subjects,
}
