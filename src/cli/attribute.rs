//! `mapae attribute`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::installation::{DatabaseUse, Installation};
use super::output::table;
use crate::admin::attributes;
use crate::admin::authority::May;
use crate::domain::attribute::{Attribute, AttributeType};
use crate::domain::verdict::OrRejected;

/// Attributes of people: `user update --attribute NAME=VALUE` gives them values, and a scope shows
/// them to apps.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Declare an attribute
    Create(Create),
    /// Every attribute
    List,
    /// Delete an attribute with the values of all people
    Delete(One),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The name, which is also the name of the claim
    #[arg(long)]
    name: String,
    /// string, integer, boolean or date
    #[arg(long = "type", value_name = "TYPE")]
    kind: AttributeType,
    /// The scope that shows it
    #[arg(long)]
    scope: String,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The name
    #[arg(long)]
    name: String,
}

impl Verbs {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        let database_use = match &self {
            Self::Create(_) => DatabaseUse::Adds,
            Self::List => DatabaseUse::Reads,
            Self::Delete(_) => DatabaseUse::Changes,
        };
        let opened = at.store(&settings, database_use).await?;
        let (store, clock) = (&*opened, &at.clock);
        match self {
            Self::Create(Create { name, kind, scope }) => {
                let made =
                    attributes::create(&May::operator(), store, clock, &name, kind, &scope).await?;
                at.print(&described(&made), &format!("declared the attribute {name}"));
            }
            Self::List => {
                let every = attributes::list(&May::operator(), store).await?;
                let row = |one: &Attribute| {
                    vec![one.name.clone(), one.kind.as_str().to_owned(), one.scope.clone()]
                };
                let rows: Vec<_> = every.iter().map(row).collect();
                let shown: Vec<Value> = every.iter().map(described).collect();
                let shown = json!({ "attributes": shown });
                at.print(&shown, &table(&["NAME", "TYPE", "SCOPE"], &rows));
            }
            Self::Delete(one) => {
                attributes::delete(&May::operator(), store, clock, &one.name).await?;
                at.done(&format!("deleted the attribute {}", one.name));
            }
        }
        Ok(())
    }
}

fn described(one: &Attribute) -> Value {
    json!({
        "name": one.name,
        "type": one.kind,
        "scope": one.scope,
        "created_at": one.created_at,
    })
}
