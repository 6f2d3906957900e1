//! `mapae token`: an operator's look at a token, and its end.

use clap::Subcommand;
use serde_json::{Value, json};

use super::installation::{Installation, Kind};
use super::outcome::Outcome;
use super::output::{secret_from_stdin, words};
use crate::app;
use crate::domain::audit::Origin;
use crate::domain::secret::{Plain, RefreshToken};
use crate::domain::verdict::Fault;
use crate::oauth::resource::context::ResourceContext;
use crate::oauth::resource::revoke;

/// Tokens, read from standard input.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// What a token says and whether it is good
    Inspect,
    /// End a token: a refresh token ends its family
    Revoke,
}

impl Token {
    pub(super) async fn run(self, at: &Installation) -> Outcome {
        let settings = at.quiet_settings()?;
        let token = secret_from_stdin()?;
        let kind = if matches!(self, Self::Inspect) { Kind::Reads } else { Kind::Changes };
        let store = at.store(&settings, kind).await?;
        let master = app::existing_master_key(&settings, &store).await?;
        let services = app::Services::open(&settings, &store, &at.clock, &master).await?;
        let resources = &services.resources;
        let shown = match self {
            Self::Inspect => inspect(resources, &token).await?,
            Self::Revoke => {
                let ended = revoke::end(resources, &token, None, &Origin::default()).await?;
                json!({ "revoked": ended })
            }
        };
        at.print(&shown, &words(&shown));
        Ok(())
    }
}

async fn inspect(resources: &ResourceContext, token: &str) -> Result<Value, Fault> {
    if Plain::<RefreshToken>::is_meant(token) {
        return refresh_token(resources, token).await;
    }
    let active = resources.access_tokens.verify(token).await?.is_some();
    Ok(match resources.access_tokens.read(token)? {
        Some(claims) => {
            json!({ "kind": "access_token", "ours": true, "active": active, "claims": claims })
        }
        None => json!({ "kind": "unknown", "ours": false, "active": false }),
    })
}

async fn refresh_token(resources: &ResourceContext, token: &str) -> Result<Value, Fault> {
    let found = resources.refresh_tokens.find(&Plain::presented(token)).await?;
    Ok(match found {
        Some((token, found)) => json!({
            "kind": "refresh_token",
            "ours": true,
            "active": resources.refresh_tokens.is_active(&token, &found),
            "client_id": found.family.client.as_str(),
            "sub": found.family.user,
            "sid": found.family.id.0,
            "scope": found.family.scope.to_string(),
            "generation": token.place.generation,
            "attempt": token.place.attempt,
            "spent": token.place != found.succession.leaf,
            "expires_at": found.succession.idle_ends_at,
            "family_expires_at": found.family.expires_at,
            "family_revoked_at": found.family.revoked_at,
        }),
        None => json!({ "kind": "refresh_token", "ours": false, "active": false }),
    })
}
