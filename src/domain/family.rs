//! A family: everything that grew out of one sign-in of one person at one client.
//!
//! Its access tokens carry its id as `sid`, its refresh tokens succeed one another in it, and it
//! ends as a whole.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::client::ClientId;
use super::scope::{OFFLINE_ACCESS, Scope};
use super::session::SessionId;
use super::user::UserId;

/// The identifier of a family.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FamilyId(pub String);

/// What one sign-in granted to one client.
#[derive(Clone, Debug)]
pub struct Family {
    /// `sid`.
    pub id: FamilyId,
    /// Who signed in.
    pub user: UserId,
    /// To which client.
    pub client: ClientId,
    /// The scope that was granted; a refresh may narrow it for one access token, never widen it.
    pub scope: Scope,
    /// The resources that were named, RFC 8707; empty when none was.
    pub resources: Vec<String>,
    /// When the person proved who they are: `auth_time`.
    pub auth_time: DateTime<Utc>,
    /// How they did, RFC 8176: `amr`.
    pub amr: Vec<String>,
    /// The issuer of the provider that they came by.
    pub provider_issuer: Option<String>,
    /// The browser session that it came from.
    pub session: Option<SessionId>,
    /// Single claims to be shown at userinfo, Core §5.5.
    pub claims: Vec<String>,
    /// The absolute end, which no rotation moves.
    pub expires_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Family {
    /// The session that it ends with: none once `offline_access` was granted (Core §11).
    #[must_use]
    pub fn bound_to(&self) -> Option<&SessionId> {
        self.session.as_ref().filter(|_| !self.scope.contains(OFFLINE_ACCESS))
    }

    /// Whether tokens of this family are good at this instant.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}
