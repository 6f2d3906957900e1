//! The parts that the grants work with.

use std::sync::Arc;

use super::families::Families;
use super::id_jag::IdJagSettings;
use super::refresh_count::RefreshCount;
use super::rotation::RefreshTokens;
use crate::accounts::second_factor::SecondFactors;
use crate::accounts::sign_in::PasswordSignIn;
use crate::clients::registry::Registry;
use crate::domain::clock::Clock;
use crate::domain::urls::Issuer;
use crate::keys::keyring::Keyring;
use crate::keys::seal::{AuthSessionKey, UpstreamLoginKey};
use crate::keys::subjects::Subjects;
use crate::oauth::resource::bearer::AccessTokens;
use crate::social::outside_issuers::OutsideIssuers;
use crate::social::registry::Providers;
use crate::store::Store;

/// The parts that the grants work with.
#[derive(Clone, Debug)]
pub struct GrantContext {
    /// The issuer URL of this server.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// The providers of social login.
    pub providers: Arc<Providers>,
    /// Signs people in with a password.
    pub password: Arc<PasswordSignIn>,
    /// Second factors.
    pub factors: SecondFactors,
    /// Seals what first-party apps keep between two steps of a sign-in.
    pub auth_sessions: Arc<AuthSessionKey>,
    /// Starts families.
    pub families: Families,
    /// Makes and uses refresh tokens.
    pub refresh_tokens: Arc<RefreshTokens>,
    /// Counts the uses of refresh tokens.
    pub refresh_count: Arc<RefreshCount>,
    /// Verifies the access tokens that are presented as a proof.
    pub keyring: Arc<Keyring>,
    /// Verifies the access tokens that are exchanged.
    pub access_tokens: Arc<AccessTokens>,
    /// Says by which `sub` clients know people.
    pub subjects: Subjects,
    /// The keys of issuers of others whose grants clients show.
    pub outside_issuers: Arc<OutsideIssuers>,
    /// Whether grants of and for other authorization servers are made and taken.
    pub id_jag: IdJagSettings,
    /// Recognizes a `state` that this server made for a browser's sign-in with a provider.
    pub upstream_logins: Arc<UpstreamLoginKey>,
}
