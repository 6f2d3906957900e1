//! Shows a token to an operator, and ends it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::authority::{ChangePeople, May, ReadPeople};
use crate::domain::audit::Origin;
use crate::domain::secret::{Plain, RefreshToken};
use crate::domain::verdict::Fault;
use crate::oauth::claims::AccessToken;
use crate::oauth::resource::context::ResourceContext;
use crate::oauth::resource::revoke;

/// What kind of token it is, what it contains, and whether it is valid.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Inspected {
    /// An access token that this server issued.
    AccessToken {
        /// Always true.
        ours: bool,
        /// Whether it is valid now.
        active: bool,
        /// Its claims.
        claims: Box<AccessToken>,
    },
    /// A refresh token.
    RefreshToken {
        /// Whether this server issued it and its family still exists.
        ours: bool,
        /// Whether it is valid now.
        active: bool,
        /// What is known about it.
        #[serde(flatten)]
        state: Option<RefreshState>,
    },
    /// Any other text.
    Unknown {
        /// Always false.
        ours: bool,
        /// Always false.
        active: bool,
    },
}

/// What is known about a refresh token and its family.
#[derive(Clone, Debug, Serialize)]
pub struct RefreshState {
    /// The client that it was issued to.
    pub client_id: String,
    /// The person that it was issued for.
    pub sub: String,
    /// The id of its family.
    pub sid: String,
    /// The granted scope.
    pub scope: String,
    /// How many tokens of the family came before it.
    pub generation: u32,
    /// How many tokens with the same parent came before it. Each of them was replaced before it was
    /// used.
    pub attempt: u32,
    /// Whether another token of the family has followed it.
    pub spent: bool,
    /// When the family ends if it is not used.
    pub expires_at: DateTime<Utc>,
    /// When the family ends in any case.
    pub family_expires_at: DateTime<Utc>,
    /// When the family was revoked.
    pub family_revoked_at: Option<DateTime<Utc>>,
}

/// Shows a token.
pub async fn inspect(
    _may: &May<ReadPeople>,
    resources: &ResourceContext,
    token: &str,
) -> Result<Inspected, Fault> {
    if Plain::<RefreshToken>::is_meant(token) {
        return refresh_token(resources, token).await;
    }
    let active = resources.access_tokens.verify(token).await?.is_some();
    Ok(match resources.access_tokens.read(token)? {
        Some(claims) => Inspected::AccessToken { ours: true, active, claims: Box::new(claims) },
        None => Inspected::Unknown { ours: false, active: false },
    })
}

async fn refresh_token(resources: &ResourceContext, token: &str) -> Result<Inspected, Fault> {
    let Some((token, found)) = resources.refresh_tokens.find(&Plain::presented(token)).await?
    else {
        return Ok(Inspected::RefreshToken { ours: false, active: false, state: None });
    };
    let active = resources.refresh_tokens.is_active(&token, &found);
    let state = RefreshState {
        client_id: found.family.client.as_str().to_owned(),
        sub: found.family.user.as_str().to_owned(),
        sid: found.family.id.as_str().to_owned(),
        scope: found.family.scope.to_string(),
        generation: token.place.generation,
        attempt: token.place.attempt,
        spent: token.place != found.succession.leaf,
        expires_at: found.succession.idle_ends_at,
        family_expires_at: found.family.expires_at,
        family_revoked_at: found.family.revoked_at,
    };
    Ok(Inspected::RefreshToken { ours: true, active, state: Some(state) })
}

/// Ends a token of any client or person, and says whether there was one to end.
pub async fn revoke(
    _may: &May<ChangePeople>,
    resources: &ResourceContext,
    token: &str,
) -> Result<bool, Fault> {
    revoke::end(resources, token, None, &Origin::default()).await
}
