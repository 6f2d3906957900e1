//! `mapae token`: an operator's look at a token, and its end.

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::words;
use super::output::secret_from_stdin;
use super::{Installation, Outcome};
use crate::app;
use crate::domain::audit::Origin;
use crate::domain::secret::{Plain, RefreshToken};
use crate::domain::verdict::Fault;
use crate::oauth::{Issuer, bearer, revoke};
use crate::store::refresh_tokens;

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
        let store = at.store(&settings).await?;
        let issuer = app::open_issuer(&settings, &store, &at.clock).await?;
        let shown = match self {
            Self::Inspect => inspect(&issuer, &token).await?,
            Self::Revoke => {
                let ended = revoke::end(&issuer, &token, None, &Origin::default()).await?;
                json!({ "revoked": ended })
            }
        };
        at.print(&shown, &words(&shown));
        Ok(())
    }
}

async fn inspect(issuer: &Issuer, token: &str) -> Result<Value, Fault> {
    if Plain::<RefreshToken>::is_meant(token) {
        return refresh_token(issuer, token).await;
    }
    let active = bearer::verify(issuer, token).await?.is_some();
    Ok(match bearer::read(issuer, token)? {
        Some(claims) => {
            json!({ "kind": "access_token", "ours": true, "active": active, "claims": claims })
        }
        None => json!({ "kind": "unknown", "ours": false, "active": false }),
    })
}

async fn refresh_token(issuer: &Issuer, token: &str) -> Result<Value, Fault> {
    let hash = Plain::<RefreshToken>::presented(token).hashed();
    let found = refresh_tokens::find(&*issuer.store, &[hash]).await?.pop();
    let now = issuer.clock.now();
    Ok(match found {
        Some(token) => json!({
            "kind": "refresh_token",
            "ours": true,
            "active": token.spent_at.is_none()
                && token.expires_at > now
                && token.family.is_live(now)
                && token.user_enabled,
            "client_id": token.family.client.as_str(),
            "sub": token.family.user,
            "sid": token.family.id.0,
            "scope": token.family.scope.to_string(),
            "generation": token.generation,
            "expires_at": token.expires_at,
            "spent_at": token.spent_at,
            "family_expires_at": token.family.expires_at,
            "family_revoked_at": token.family.revoked_at,
        }),
        None => json!({ "kind": "refresh_token", "ours": false, "active": false }),
    })
}
