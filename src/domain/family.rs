//! A family: everything that grew out of one sign-in of one person at one client.
//!
//! Its access tokens carry its id as `sid`, its refresh tokens succeed one another in it, and it
//! ends as a whole.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::client::ClientId;
use super::ids::identifier;
use super::scope::{OFFLINE_ACCESS, Scope};
use super::session::SessionId;
use super::user::UserId;

identifier! {
    /// The identifier of a family.
    #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    FamilyId, Uuid::now_v7().to_string()
}

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

/// A family that ended, or left its session.
#[derive(Clone, Debug)]
pub struct EndedFamily {
    /// Which.
    pub id: FamilyId,
    /// Whose.
    pub user: UserId,
    /// At which client.
    pub client: ClientId,
}

/// Which families.
#[derive(Clone, Copy, Debug)]
pub enum FamilyFilter<'a> {
    /// Of a person, at every client.
    User(&'a UserId),
    /// Of a person at one client.
    UserAt(&'a UserId, &'a ClientId),
    /// Of a person who came by a provider of this issuer.
    UserBy(&'a UserId, &'a str),
    /// Of a browser session.
    Session(&'a SessionId),
}

/// With whom families go.
#[derive(Clone, Copy, Debug)]
pub enum FamilyOwner<'a> {
    /// A person.
    User(&'a UserId),
    /// A client.
    Client(&'a ClientId),
}
