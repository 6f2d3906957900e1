//! The tokens with which apps register themselves: `mapae client registration-token` and its kin.

use chrono::Duration;
use clap::Args;
use serde_json::{Value, json};

use super::installation::{DatabaseUse, Installation};
use super::output::{note, table};
use crate::admin::authority::May;
use crate::admin::registration_tokens::{self, NewRegistrationToken};
use crate::app::config::Settings;
use crate::domain::registration_mode::RegistrationMode;
use crate::domain::registration_token::RegistrationTokenRecord;
use crate::domain::verdict::OrRejected;
use crate::settings::time;

#[derive(Debug, Args)]
pub(super) struct RegistrationTokenArguments {
    /// How long it is good
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = time::parse)]
    lifetime: Duration,
    /// How many apps may be registered with it
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    uses: u32,
    /// What you call it, for example for whom it is
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct OneRegistrationToken {
    /// Its id, as `client registration-tokens` shows it
    #[arg(long)]
    id: String,
}

impl RegistrationTokenArguments {
    /// Makes one and shows it.
    pub(super) async fn run(self, at: &Installation, settings: &Settings) -> OrRejected {
        let store = at.store(settings, DatabaseUse::Changes).await?;
        let Self { lifetime, uses, name } = &self;
        let (lifetime, uses) = (*lifetime, *uses);
        let new = NewRegistrationToken { name: name.as_deref(), lifetime, uses };
        let may = May::operator();
        let made = registration_tokens::create(&may, &store, &at.clock, new).await;
        let (record, token) = made?;
        if settings.registration.mode == RegistrationMode::Off {
            note("registration.mode is off: nobody can use the token before it is changed");
        }
        let mut json = shown(&record);
        if let Some(members) = json.as_object_mut() {
            members.insert("token".to_owned(), token.expose().into());
        }
        at.print(&json, token.expose());
        Ok(())
    }
}

impl OneRegistrationToken {
    /// Revokes it.
    pub(super) async fn run(self, at: &Installation, settings: &Settings) -> OrRejected {
        let store = at.store(settings, DatabaseUse::Changes).await?;
        let Self { id } = &self;
        registration_tokens::revoke(&May::operator(), &store, &at.clock, id, None).await?;
        at.done(&format!("revoked the registration token {id}"));
        Ok(())
    }
}

/// Lists every token.
pub(super) async fn list(at: &Installation, settings: &Settings) -> OrRejected {
    let store = at.store(settings, DatabaseUse::Reads).await?;
    let every = registration_tokens::list(&May::operator(), &*store).await?;
    let all: Vec<_> = every.iter().map(shown).collect();
    let rows: Vec<_> = every.iter().map(row).collect();
    let head = ["ID", "NAME", "USES LEFT", "CREATED", "EXPIRES"];
    at.print(&json!({ "tokens": all }), &table(&head, &rows));
    Ok(())
}

fn shown(token: &RegistrationTokenRecord) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "uses_left": token.uses_left,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
    })
}

fn row(token: &RegistrationTokenRecord) -> Vec<String> {
    vec![
        token.id.clone(),
        token.name.clone().unwrap_or_default(),
        token.uses_left.to_string(),
        token.created_at.to_rfc3339(),
        token.expires_at.to_rfc3339(),
    ]
}
