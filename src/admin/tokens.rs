//! An operator's look at a token, and its end.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::audit::Origin;
use crate::domain::secret::{Plain, RefreshToken};
use crate::domain::verdict::Fault;
use crate::oauth::claims::AccessToken;
use crate::oauth::resource::context::ResourceContext;
use crate::oauth::resource::revoke;

/// What a token says and whether it is good.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Inspected {
    /// An access token that we issued.
    AccessToken {
        /// Always.
        ours: bool,
        /// Whether it is good at this moment.
        active: bool,
        /// What it says.
        claims: Box<AccessToken>,
    },
    /// A refresh token.
    RefreshToken {
        /// Whether it grew out of a family that is there.
        ours: bool,
        /// Whether it is good at this moment.
        active: bool,
        /// What is known of it.
        #[serde(flatten)]
        state: Option<RefreshState>,
    },
    /// Any other text.
    Unknown {
        /// Never.
        ours: bool,
        /// Never.
        active: bool,
    },
}

/// What is known of a refresh token and of its family.
#[derive(Clone, Debug, Serialize)]
pub struct RefreshState {
    /// To which client it was issued.
    pub client_id: String,
    /// For whom.
    pub sub: String,
    /// Its family.
    pub sid: String,
    /// What was granted.
    pub scope: String,
    /// How many tokens of the family came before it.
    pub generation: u32,
    /// How many were handed out in its place.
    pub attempt: u32,
    /// Whether another one follows it.
    pub spent: bool,
    /// When the family ends if it is not used.
    pub expires_at: DateTime<Utc>,
    /// When the family ends in any case.
    pub family_expires_at: DateTime<Utc>,
    /// Since when the family is revoked.
    pub family_revoked_at: Option<DateTime<Utc>>,
}

/// Looks at a token.
pub async fn inspect(resources: &ResourceContext, token: &str) -> Result<Inspected, Fault> {
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

/// Ends a token, whoever's it is; says whether there was one to end.
pub async fn revoke(resources: &ResourceContext, token: &str) -> Result<bool, Fault> {
    revoke::end(resources, token, None, &Origin::default()).await
}
