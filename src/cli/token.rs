//! `mapae token`: inspects or revokes a token.

use clap::Subcommand;
use serde_json::json;

use super::installation::{DatabaseUse, Installation};
use super::output::{secret_from_stdin, words};
use crate::admin::tokens;
use crate::app;
use crate::domain::verdict::OrRejected;

/// Tokens, read from standard input.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// What a token says and whether it is good
    Inspect,
    /// End a token: a refresh token ends its family
    Revoke,
}

impl Token {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        let token = secret_from_stdin()?;
        let database_use =
            if matches!(self, Self::Inspect) { DatabaseUse::Reads } else { DatabaseUse::Changes };
        let store = at.store(&settings, database_use).await?;
        let master = app::existing_master_key(&settings, &store).await?;
        let services = app::Services::open(&settings, &store, &at.clock, &master).await?;
        let resources = &services.resources;
        let shown = match self {
            Self::Inspect => {
                let inspected = tokens::inspect(resources, token.expose()).await?;
                json!(inspected)
            }
            Self::Revoke => {
                let ended = tokens::revoke(resources, token.expose()).await?;
                json!({ "revoked": ended })
            }
        };
        at.print(&shown, &words(&shown));
        Ok(())
    }
}
