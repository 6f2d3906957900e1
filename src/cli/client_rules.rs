//! The rules of a client that are lists: `mapae client may-act`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::installation::Installation;
use super::output::table;
use super::usage::usage;
use crate::admin::authority::May;
use crate::admin::clients::{self, Target};
use crate::clients::registration::ClientRejected;
use crate::domain::client::Client;
use crate::domain::client_metadata::ClientChange;
use crate::domain::may_act::MayAct;
use crate::domain::scope::Scope;
use crate::domain::urls::Issuer;
use crate::domain::verdict::{Error, OrRejected, reject};
use crate::oauth::lifetimes::Lifetimes;
use crate::store::Store;

#[derive(Debug, Args)]
pub(super) struct MayActArgs {
    /// The `client_id` of the client that acts
    #[arg(long)]
    id: String,
    /// The `client_id` of the app with whose tokens it acts; without it the rules are listed
    #[arg(long, value_name = "ID")]
    for_client: Option<String>,
    /// The resource at which it acts
    #[arg(long, value_name = "URI", requires = "for_client")]
    resource: Option<String>,
    /// The most that it may do there
    #[arg(long, value_name = "SCOPES", requires = "resource", conflicts_with = "remove")]
    scope: Option<String>,
    /// Remove the rule; without a resource, every rule for the app
    #[arg(long, requires = "for_client")]
    remove: bool,
}

impl MayActArgs {
    /// Whether it only lists.
    pub(super) fn reads(&self) -> bool {
        self.for_client.is_none()
    }

    pub(super) async fn run(
        self,
        at: &Installation,
        store: &Store,
        (issuer, lifetimes): (&Issuer, &Lifetimes),
    ) -> OrRejected {
        let client = clients::find(&May::operator(), store, &self.id).await?;
        let Some(rules) = self.changed(client.metadata.may_act.clone())? else {
            return Ok(shown(at, &client));
        };
        let changed = change(at, store, (issuer, lifetimes), &client, "may_act", json!(rules));
        Ok(shown(at, &changed.await?))
    }

    /// The rules after the change; `None` if they are only listed.
    fn changed(&self, mut rules: Vec<MayAct>) -> OrRejected<Option<Vec<MayAct>>> {
        let Some(for_client) = &self.for_client else { return Ok(None) };
        let named = |rule: &MayAct| {
            rule.for_client == *for_client
                && self.resource.as_ref().is_none_or(|named| rule.resource == *named)
        };
        if self.remove {
            let before = rules.len();
            rules.retain(|rule| !named(rule));
            if rules.len() == before {
                return reject(format!("{:?} has no such rule", self.id));
            }
            return Ok(Some(rules));
        }
        let (Some(resource), Some(scope)) = (&self.resource, &self.scope) else {
            return usage("a rule needs --resource and --scope");
        };
        let scope = Scope::parse(scope).or_else(|why| usage(format!("--scope: {why}")))?;
        // A rule for the same client and resource is replaced.
        rules.retain(|rule| !named(rule));
        rules.push(MayAct { for_client: for_client.clone(), resource: resource.clone(), scope });
        Ok(Some(rules))
    }
}

/// Replaces a list of a client, if nobody has changed the client meanwhile.
async fn change(
    at: &Installation,
    store: &Store,
    limits: (&Issuer, &Lifetimes),
    client: &Client,
    name: &str,
    list: Value,
) -> OrRejected<Client> {
    let change = ClientChange(Map::from_iter([(name.to_owned(), list)]));
    let (may, version) = (May::operator(), clients::version(client));
    let target = Target { id: client.id.as_str(), version: Some(&version) };
    let changed = clients::update(&may, store, &at.clock, limits, target, &change).await;
    changed.or_else(|error| match error {
        Error::Refused(ClientRejected::InvalidMetadata(why)) => usage(why),
        other => Err(other.into()),
    })
}

fn shown(at: &Installation, client: &Client) {
    let rules = &client.metadata.may_act;
    let rows: Vec<_> = rules
        .iter()
        .map(|rule| vec![rule.for_client.clone(), rule.resource.clone(), rule.scope.to_string()])
        .collect();
    let words = table(&["WITH TOKENS OF", "AT", "SCOPE"], &rows);
    at.print(&json!({ "client_id": client.id, "may_act": rules }), &words);
}
