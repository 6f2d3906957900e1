//! What a first-party app has of a sign-in that needs one more proof: `auth_session`, OAuth 2.0 for
//! First-Party Applications §5.3.1. The app keeps it, sealed, and no row is written.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::authentication::Authentication;
use super::client::ClientId;
use super::dpop::Thumbprint;
use super::pkce::Challenge;
use super::reason::Reason;
use super::scope::Scope;
use super::secret::{AuthSessionToken, Hashed};
use super::user::UserId;

/// How long an `auth_session` is valid.
pub const LIFE: Duration = Duration::minutes(10);

/// A sign-in at the challenge endpoint, with what was proven so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthSession {
    /// The only client that may go on with it.
    pub client: ClientId,
    /// The person.
    pub user: UserId,
    /// The version of their account. Another password, address or factor ends the session.
    pub version: Option<i64>,
    /// What the person proved.
    pub authentication: Authentication,
    /// The scope that was asked for.
    pub scope: Scope,
    /// The resources that were asked for, RFC 8707.
    pub resources: Vec<String>,
    /// The PKCE challenge.
    pub challenge: Option<Challenge>,
    /// The key to which it is bound.
    #[serde(default)]
    pub bound_to: Option<BoundKey>,
    /// The hash of the `auth_session` that the app had before this one was bound to a key. Both are
    /// one sign-in, which gives one code.
    #[serde(default)]
    pub first: Option<Hashed<AuthSessionToken>>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

/// The key to which a sign-in is bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundKey {
    /// Its thumbprint.
    pub thumbprint: Thumbprint,
    /// Whether it was proven. If not, `dpop_jkt` named it.
    pub is_proven: bool,
}

impl BoundKey {
    /// A key that was proven.
    #[must_use]
    pub fn proven(key: &Thumbprint) -> Self {
        Self { thumbprint: key.clone(), is_proven: true }
    }
}

impl AuthSession {
    /// The key to which the sign-in is bound after a request that proves or names this one. OAuth 2.0
    /// for First-Party Applications §9.6.1: with a key that was proven nobody goes on without a proof
    /// of it.
    pub fn bound_by(&self, sent: Option<&BoundKey>) -> Result<Option<BoundKey>, Reason> {
        let Some(bound_to) = &self.bound_to else { return Ok(sent.cloned()) };
        if bound_to.is_proven && sent.is_none_or(|sent| !sent.is_proven) {
            return Err(Reason::DpopProofMissing);
        }
        let sent = sent.unwrap_or(bound_to);
        if sent.thumbprint != bound_to.thumbprint {
            return Err(Reason::AuthSessionKeyMismatch);
        }
        Ok(Some(sent.clone()))
    }
}
