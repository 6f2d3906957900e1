//! `mapae resource`.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::client::{lifetime, signing_alg};
use super::installation::{DatabaseUse, Installation};
use super::output::table;
use super::paged::Paged;
use super::usage::usage;
use crate::admin::authority::May;
use crate::admin::resources::{self, Target};
use crate::domain::resource::Resource;
use crate::domain::verdict::OrRejected;
use crate::oauth::lifetimes::Lifetimes;
use crate::store::Store;

/// Resources: the APIs that access tokens are for (RFC 8707). `client create --audience` lets a client
/// ask for one.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Register a resource
    Create(Change),
    /// The resources, a page at a time
    List(Paged),
    /// One resource
    Show(One),
    /// Change a resource: only what is given
    Update(Change),
    /// Delete a resource. Clients may still ask for its audience
    Delete(One),
}

#[derive(Debug, Args)]
pub(super) struct Change {
    /// Its identifier: the URL that its callers use, and `aud` of its tokens
    #[arg(long, value_name = "URI")]
    id: String,
    #[command(flatten)]
    given: Given,
}

#[derive(Debug, Args, Serialize)]
struct Given {
    /// The name that people see
    #[arg(long = "name", value_name = "TEXT")]
    resource_name: Option<String>,
    /// The scopes that mean something there; its tokens have no other ones. An empty one: whatever the
    /// client was granted
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
    /// The algorithm that signs access tokens for it; an empty one: that of the client
    #[arg(long, value_name = "ALG", value_parser = signing_alg)]
    token_alg: Option<String>,
    /// How long access tokens for it are good, like `5m`, at most as the client's; an empty one: as the
    /// client's
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    access_lifetime: Option<Value>,
    /// Access tokens whose first resource it is name their place in a status list
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    status_list: Option<bool>,
    /// It is an MCP server: its metadata is hosted here, and a token is for it only if the request names
    /// it
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    mcp: Option<bool>,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Its identifier
    #[arg(long, value_name = "URI")]
    id: String,
}

impl Given {
    /// The members that were given. An empty value brings the default back.
    fn members(&self) -> OrRejected<Map<String, Value>> {
        let Ok(Value::Object(mut given)) = serde_json::to_value(self) else {
            return usage("the arguments cannot be read");
        };
        given.retain(|_, value| !value.is_null());
        for value in given.values_mut().filter(|value| **value == json!("")) {
            *value = Value::Null;
        }
        Ok(given)
    }
}

impl Verbs {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        let database_use = match &self {
            Self::Create(_) => DatabaseUse::Adds,
            Self::List(_) | Self::Show(_) => DatabaseUse::Reads,
            Self::Update(_) | Self::Delete(_) => DatabaseUse::Changes,
        };
        let opened = at.store(&settings, database_use).await?;
        let (store, clock, lifetimes) = (&*opened, &at.clock, &settings.lifetimes);
        match self {
            Self::Create(change) => change.create(at, store, lifetimes).await?,
            Self::Update(change) => change.update(at, store, lifetimes).await?,
            Self::List(asked) => list(at, store, &asked).await?,
            Self::Show(one) => {
                show(at, &resources::find(&May::operator(), store, &one.id).await?);
            }
            Self::Delete(one) => {
                let target = Target::of(&one.id);
                resources::delete(&May::operator(), store, clock, target).await?;
                at.done(&format!("deleted the resource {}", one.id));
            }
        }
        Ok(())
    }
}

impl Change {
    async fn create(self, at: &Installation, store: &Store, lifetimes: &Lifetimes) -> OrRejected {
        let (may, members) = (May::operator(), self.given.members()?);
        let made = resources::create(&may, store, &at.clock, lifetimes, &self.id, &members);
        show(at, &made.await?);
        Ok(())
    }

    async fn update(self, at: &Installation, store: &Store, lifetimes: &Lifetimes) -> OrRejected {
        let (may, members, target) = (May::operator(), self.given.members()?, Target::of(&self.id));
        let updated = resources::update(&may, store, &at.clock, lifetimes, target, &members);
        show(at, &updated.await?);
        Ok(())
    }
}

async fn list(at: &Installation, store: &Store, asked: &Paged) -> OrRejected {
    let (may, after) = (May::operator(), asked.after.as_deref());
    let page = resources::list(&may, store, after, asked.limit).await?;
    let row = |one: &Resource| {
        let Resource { id, metadata, .. } = one;
        vec![id.clone(), metadata.resource_name.clone(), metadata.scope.to_string()]
    };
    let rows: Vec<_> = page.resources.iter().map(row).collect();
    let every: Vec<Value> = page.resources.iter().map(described).collect();
    let shown = json!({ "resources": every, "next": page.next });
    at.print(&shown, &table(&["ID", "NAME", "SCOPE"], &rows));
    at.more(page.next);
    Ok(())
}

fn show(at: &Installation, one: &Resource) {
    let shown = described(one);
    let words = shown.as_object().into_iter().flatten().map(|(name, value)| {
        format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    at.print(&shown, &words.collect::<Vec<_>>().join("\n"));
}

fn described(one: &Resource) -> Value {
    let mut members = one.metadata.to_json();
    members.insert("id".to_owned(), json!(one.id));
    members.insert("created_at".to_owned(), json!(one.created_at));
    members.insert("updated_at".to_owned(), json!(one.updated_at));
    Value::Object(members)
}
