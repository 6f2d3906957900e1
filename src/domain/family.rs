//! A family: all tokens that come from one sign-in of one person at one client.
//!
//! Its access tokens carry its id as `sid`, its refresh tokens replace one another one by one, and
//! it ends as a whole.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::authentication::Acr;
use super::client::ClientId;
use super::dpop::Confirmation;
use super::ids::identifier;
use super::provider::Slug;
use super::scope::{OFFLINE_ACCESS, Scope};
use super::session::SessionId;
use super::status_list::StatusIndex;
use super::user::UserId;

identifier! {
    /// The identifier of a family.
    #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    FamilyId, Uuid::now_v7().to_string()
}

/// The grant that one sign-in gave to one client.
#[derive(Clone, Debug)]
pub struct Family {
    /// `sid`.
    pub id: FamilyId,
    /// The person who signed in.
    pub user: UserId,
    /// The client at which they signed in.
    pub client: ClientId,
    /// The scope that was granted; a refresh may narrow it for one access token, never widen it.
    pub scope: Scope,
    /// The requested resources, RFC 8707; empty if the request named none.
    pub resources: Vec<String>,
    /// When the person authenticated: `auth_time`.
    pub auth_time: DateTime<Utc>,
    /// How strong the authentication was: `acr`.
    pub acr: Acr,
    /// How the person authenticated, RFC 8176: `amr`.
    pub amr: Vec<String>,
    /// The issuer of the provider with which the person signed in.
    pub provider_issuer: Option<String>,
    /// The browser session in which it was granted.
    pub session: Option<SessionId>,
    /// Single claims that userinfo shows, Core §5.5.
    pub claims: Vec<String>,
    /// The absolute end, which a rotation of refresh tokens does not move.
    pub expires_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The place of its access tokens in the status lists.
    pub status: Option<StatusIndex>,
    /// The family out of whose tokens it grew, RFC 8693: its client acts for the person with them, and
    /// it ends with that family.
    pub parent: Option<FamilyId>,
    /// Whether a grant of another issuer opened it (ID-JAG): it ends with the trust in that issuer.
    pub by_id_jag: bool,
    /// The key (RFC 9449 §5) and the certificate (RFC 8705 §4) to which its refresh tokens are bound.
    pub binding: Confirmation,
}

impl Family {
    /// The session with which the family ends: `None` if `offline_access` was granted (Core §11).
    #[must_use]
    pub fn bound_to(&self) -> Option<&SessionId> {
        self.session.as_ref().filter(|_| !self.scope.contains(OFFLINE_ACCESS))
    }

    /// Whether tokens of this family are valid at this instant.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// A family that ended, or that was detached from its session.
#[derive(Clone, Debug)]
pub struct EndedFamily {
    /// The family.
    pub id: FamilyId,
    /// The user to whom it belongs.
    pub user: UserId,
    /// The client at which it was opened.
    pub client: ClientId,
}

/// A selection of families.
#[derive(Clone, Copy, Debug)]
pub enum FamilyFilter<'a> {
    /// All families of a user, at every client.
    User(&'a UserId),
    /// The families of a user at one client.
    UserAt(&'a UserId, &'a ClientId),
    /// The families with which a client acts for a user, RFC 8693.
    ActingFor(&'a UserId, &'a ClientId),
    /// The families of a user who signed in with a provider of this issuer.
    UserBy(&'a UserId, &'a str),
    /// The families of a user who signed in with a passkey.
    UserByPasskey(&'a UserId),
    /// The families of a user who signed in with a one-time code or a recovery code.
    UserByOneTimeCode(&'a UserId),
    /// The families of a browser session.
    Session(&'a SessionId),
    /// Every family of a client.
    Client(&'a ClientId),
    /// The families that a client opened with grants of this issuer (ID-JAG).
    ByIdJagOf(&'a ClientId, &'a str),
    /// Every family that was opened with the provider of this name.
    Provider(&'a Slug),
}

/// The owner whose deletion also deletes families.
#[derive(Clone, Copy, Debug)]
pub enum FamilyOwner<'a> {
    /// A user.
    User(&'a UserId),
    /// A client.
    Client(&'a ClientId),
}
