//! `mapae scim`.

use chrono::Duration;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::installation::{DatabaseUse, Installation};
use super::output::table;
use super::usage::usage;
use crate::admin::authority::May;
use crate::admin::scim_tokens;
use crate::domain::scim_token::ScimTokenRecord;
use crate::domain::verdict::OrRejected;
use crate::settings::time;

/// Connectors that provision people and groups.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Tokens of connectors
    #[command(subcommand)]
    Token(Token),
}

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token; it is shown once
    Create(Create),
    /// Every token, without what it is
    List,
    /// End a token at once
    Revoke(One),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// What you call it, for example the name of the connector
    #[arg(long)]
    name: String,
    /// How long it counts, like 365d; without it, until it is revoked
    #[arg(long, value_name = "DURATION")]
    expires: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Its id, as `scim token list` shows it
    #[arg(value_name = "ID", required_unless_present = "named")]
    id: Option<String>,
    /// The same
    #[arg(long = "id", value_name = "ID", conflicts_with = "id")]
    named: Option<String>,
}

impl Verbs {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let Self::Token(verb) = self;
        let lifetime = match &verb {
            Token::Create(Create { expires: Some(text), .. }) => Some(lifetime(text)?),
            _ => None,
        };
        let settings = at.quiet_settings()?;
        let database_use =
            if matches!(verb, Token::List) { DatabaseUse::Reads } else { DatabaseUse::Changes };
        let opened = at.store(&settings, database_use).await?;
        let (store, clock) = (&*opened, &at.clock);
        match verb {
            Token::Create(new) => {
                let may = May::operator();
                let made = scim_tokens::create(&may, store, clock, &new.name, lifetime).await?;
                let (record, token) = made;
                let mut json = shown(&record);
                if let Some(members) = json.as_object_mut() {
                    members.insert("token".to_owned(), token.expose().into());
                }
                at.print(&json, &format!("{}\ntoken: {}", record.id, token.expose()));
            }
            Token::List => {
                let every = scim_tokens::list(&May::operator(), store).await?;
                let all: Vec<_> = every.iter().map(shown).collect();
                let rows: Vec<_> = every.iter().map(row).collect();
                let head = ["ID", "NAME", "CREATED", "EXPIRES"];
                at.print(&json!({ "tokens": all }), &table(&head, &rows));
            }
            Token::Revoke(one) => {
                let id = one.id.or(one.named).unwrap_or_default();
                scim_tokens::revoke(&May::operator(), store, clock, &id, None).await?;
                at.done(&format!("revoked the token {id}"));
            }
        }
        Ok(())
    }
}

fn lifetime(text: &str) -> OrRejected<Duration> {
    match time::parse(text) {
        Ok(lifetime) if lifetime > Duration::zero() => Ok(lifetime),
        _ => usage(format_args!("--expires {text}: write a duration, like 365d")),
    }
}

fn shown(token: &ScimTokenRecord) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
    })
}

fn row(token: &ScimTokenRecord) -> Vec<String> {
    let expires = token.expires_at.map(|end| end.to_rfc3339()).unwrap_or_default();
    vec![token.id.clone(), token.name.clone(), token.created_at.to_rfc3339(), expires]
}
