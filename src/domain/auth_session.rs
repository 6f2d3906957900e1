//! What a first-party app has of a sign-in that needs one more proof: `auth_session`, OAuth 2.0 for
//! First-Party Applications §5.3.1. The app keeps it, sealed, and no row is written.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::authentication::Authentication;
use super::client::ClientId;
use super::pkce::Challenge;
use super::scope::Scope;
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
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}
