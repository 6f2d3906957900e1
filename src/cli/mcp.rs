//! `mapae mcp`.

mod probe;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::installation::{DatabaseUse, Installation};
use super::output::{note, table};
use crate::admin::authority::May;
use crate::admin::resources::{self, Target};
use crate::domain::resource::Resource;
use crate::domain::urls::Issuer;
use crate::domain::verdict::{OrRejected, reject};
use crate::oauth::mcp::{challenge, metadata_url, proxy_line};
use crate::store::resources::list_all;

/// Model Context Protocol: MCP servers as resources, and whether a client finds its way to one.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// MCP servers
    #[command(subcommand)]
    Resource(Resources),
    /// Walk the way of an MCP client and say where it ends
    Probe(probe::Probe),
}

#[derive(Debug, Subcommand)]
pub(super) enum Resources {
    /// Register an MCP server, and print what it has to answer
    Add(Add),
    /// Every MCP server
    List,
    /// Delete an MCP server
    Remove(One),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The URL that clients call, like `https://mcp.example.com/mcp`
    url: String,
    /// The scopes that mean something there
    #[arg(long, value_name = "SCOPES", default_value = "")]
    scope: String,
    /// The name that people see
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Its URL
    url: String,
}

impl Verbs {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        match self {
            Self::Resource(verb) => verb.run(at).await,
            Self::Probe(probe) => probe.run(at).await,
        }
    }
}

impl Resources {
    async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        let database_use = match &self {
            Self::Add(_) => DatabaseUse::Adds,
            Self::List => DatabaseUse::Reads,
            Self::Remove(_) => DatabaseUse::Changes,
        };
        let store = at.store(&settings, database_use).await?;
        let (may, issuer) = (May::operator(), &settings.issuer);
        match self {
            Self::Add(Add { url, scope, name }) => {
                let mut metadata = Map::from_iter([("mcp".to_owned(), json!(true))]);
                metadata.insert("scope".to_owned(), json!(scope));
                metadata.extend(name.map(|name| ("resource_name".to_owned(), json!(name))));
                let (clock, lifetimes) = (&at.clock, &settings.lifetimes);
                let made = resources::create(&may, &store, clock, lifetimes, &url, &metadata);
                let made = described(issuer, &made.await?);
                if !settings.mcp.enabled {
                    note("its metadata is hosted when the setting mcp.enabled is true");
                }
                at.print(&made, &words(&made));
            }
            Self::List => {
                let every = list_all(&*store).await?;
                let every: Vec<Value> = every
                    .iter()
                    .filter(|one| one.metadata.mcp)
                    .map(|one| described(issuer, one))
                    .collect();
                let text = |one: &Value, member: &str| {
                    one.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
                };
                let rows: Vec<_> = every
                    .iter()
                    .map(|one| ["resource", "scope", "metadata_url"].map(|it| text(one, it)).into())
                    .collect();
                let words = table(&["RESOURCE", "SCOPE", "METADATA"], &rows);
                at.print(&json!({ "resources": every }), &words);
            }
            Self::Remove(One { url }) => {
                if !resources::find(&May::operator(), &*store, &url).await?.metadata.mcp {
                    return reject(format!("{url:?} is no MCP server: `mapae resource delete`"));
                }
                resources::delete(&may, &store, &at.clock, Target::of(&url)).await?;
                at.done(&format!("removed {url}"));
            }
        }
        Ok(())
    }
}

fn described(issuer: &Issuer, resource: &Resource) -> Value {
    let Resource { id, metadata, .. } = resource;
    json!({
        "resource": id,
        "resource_name": metadata.resource_name,
        "scope": metadata.scope.to_string(),
        "metadata_url": metadata_url(issuer, id),
        "www_authenticate": challenge(issuer, id, metadata),
        "proxy": proxy_line(issuer, id),
    })
}

fn words(described: &Value) -> String {
    let text = |member: &str| described.get(member).and_then(Value::as_str).unwrap_or_default();
    format!(
        "resource:         {}\nmetadata_url:     {}\nWWW-Authenticate: {}\nnginx:            {}",
        text("resource"),
        text("metadata_url"),
        text("www_authenticate"),
        text("proxy")
    )
}
