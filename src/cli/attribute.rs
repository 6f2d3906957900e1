//! `mapae attribute`.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::installation::{DatabaseUse, Installation};
use super::output::table;
use crate::admin::attributes::{self, AttributeChange, NewAttribute, Target};
use crate::admin::authority::May;
use crate::domain::attribute::{Attribute, AttributeType};
use crate::domain::verdict::OrRejected;

/// Attributes of people: `user update --attribute NAME=VALUE` gives them values, and a scope shows
/// them to apps.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Declare an attribute
    Create(Create),
    /// Change an attribute; its type stays
    Update(Update),
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
    /// People may change their own value on the account page
    #[arg(long)]
    editable: bool,
    #[command(flatten)]
    texts: Texts,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// The name
    #[arg(long)]
    name: String,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Change {
    /// The scope that shows it from now on
    #[arg(long)]
    scope: Option<String>,
    /// Whether people may change their own value on the account page
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    editable: Option<bool>,
    /// What the account page calls it, in English; an empty text takes it back
    #[arg(long, value_name = "TEXT")]
    text_en: Option<String>,
    /// The same in Korean
    #[arg(long, value_name = "TEXT")]
    text_ko: Option<String>,
}

#[derive(Debug, Args)]
struct Texts {
    /// What the account page calls it, in English; without words it says the name
    #[arg(long, value_name = "TEXT")]
    text_en: Option<String>,
    /// The same in Korean
    #[arg(long, value_name = "TEXT")]
    text_ko: Option<String>,
}

fn by_language(en: Option<String>, ko: Option<String>) -> BTreeMap<String, String> {
    let given = [("en", en), ("ko", ko)].into_iter();
    given.filter_map(|(tag, text)| Some((tag.to_owned(), text?))).collect()
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
            Self::Update(_) | Self::Delete(_) => DatabaseUse::Changes,
        };
        let opened = at.store(&settings, database_use).await?;
        let (store, clock) = (&*opened, &at.clock);
        match self {
            Self::Create(Create { name, kind, scope, editable, texts }) => {
                let texts = by_language(texts.text_en, texts.text_ko);
                let new = NewAttribute { name, kind, scope, editable, texts };
                let made = attributes::create(&May::operator(), store, clock, new).await?;
                at.print(&described(&made), &format!("declared the attribute {}", made.name));
            }
            Self::Update(Update { name, change }) => {
                let Change { scope, editable, text_en, text_ko } = change;
                let texts = by_language(text_en, text_ko);
                let change = AttributeChange { scope, editable, texts };
                let (may, target) = (May::operator(), Target::from(name.as_str()));
                let changed = attributes::update(&may, store, clock, target, change).await?;
                at.print(&described(&changed), &format!("changed the attribute {name}"));
            }
            Self::List => {
                let every = attributes::list(&May::operator(), store).await?;
                let row = |one: &Attribute| {
                    let editable = if one.editable { "yes" } else { "no" };
                    let kind = one.kind.as_str().to_owned();
                    vec![one.name.clone(), kind, one.scope.clone(), editable.to_owned()]
                };
                let rows: Vec<_> = every.iter().map(row).collect();
                let shown: Vec<Value> = every.iter().map(described).collect();
                let shown = json!({ "attributes": shown });
                at.print(&shown, &table(&["NAME", "TYPE", "SCOPE", "EDITABLE"], &rows));
            }
            Self::Delete(one) => {
                let target = Target::from(one.name.as_str());
                attributes::delete(&May::operator(), store, clock, target).await?;
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
        "editable": one.editable,
        "texts": one.texts,
        "created_at": one.created_at,
    })
}
