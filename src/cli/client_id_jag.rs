//! `mapae client id-jag` and `mapae client trust-id-jag`: grants between authorization servers.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::client_rules::{change, keys_of};
use super::installation::Installation;
use super::output::{note, table};
use super::usage::usage;
use crate::admin::authority::May;
use crate::admin::clients;
use crate::domain::client::Client;
use crate::domain::grant_type::GrantType;
use crate::domain::id_jag::{IdJagAudience, IdJagIssuer};
use crate::domain::scope::Scope;
use crate::domain::urls::Issuer;
use crate::domain::verdict::{OrRejected, reject};
use crate::oauth::lifetimes::Lifetimes;
use crate::oauth::token::id_jag::IdJagSettings;
use crate::store::Store;

/// What the settings say about what is registered.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) issuer: &'a Issuer,
    pub(super) lifetimes: &'a Lifetimes,
    pub(super) id_jag: IdJagSettings,
}

#[derive(Debug, Args)]
pub(super) struct IdJagArgs {
    /// The `client_id` of the client here
    #[arg(long)]
    id: String,
    /// The issuer of the other authorization server, as its metadata writes it; without it the entries
    /// are listed
    #[arg(long, value_name = "URL")]
    audience: Option<String>,
    /// The `client_id` of the client there
    #[arg(long, value_name = "ID", requires = "audience")]
    client_id_there: Option<String>,
    /// The most that it may do there
    #[arg(long, value_name = "SCOPES", requires = "audience")]
    scope: Option<String>,
    /// An API at which it may do that; repeatable. Without one the other server decides
    #[arg(long = "resource", value_name = "URI", requires = "audience")]
    resources: Vec<String>,
    /// The client as which the other server signs people in here: people are named by the `sub` that this
    /// one knows. It matters for pairwise subjects
    #[arg(long, value_name = "ID", requires = "audience")]
    sub_of: Option<String>,
    /// Remove the entry
    #[arg(
        long,
        requires = "audience",
        conflicts_with_all = ["client_id_there", "scope", "resources", "sub_of"]
    )]
    remove: bool,
}

impl IdJagArgs {
    /// Whether it only lists.
    pub(super) fn reads(&self) -> bool {
        self.audience.is_none()
    }

    pub(super) async fn run(
        self,
        at: &Installation,
        store: &Store,
        limits: Limits<'_>,
    ) -> OrRejected {
        let client = clients::find(&May::operator(), store, &self.id).await?;
        let Some(entries) = self.changed(client.metadata.id_jag_audiences.clone())? else {
            shown(at, &client);
            return Ok(());
        };
        let (list, rules) = (json!(entries), (limits.issuer, limits.lifetimes));
        let changed = change(at, store, rules, &client, "id_jag_audiences", list).await?;
        if !self.remove {
            advise(&changed, GrantType::TokenExchange, limits.id_jag);
        }
        shown(at, &changed);
        Ok(())
    }

    /// The entries after the change; `None` if they are only listed.
    fn changed(&self, mut entries: Vec<IdJagAudience>) -> OrRejected<Option<Vec<IdJagAudience>>> {
        let Some(audience) = &self.audience else { return Ok(None) };
        let before = entries.len();
        // The same again is replaced.
        entries.retain(|one| one.audience != *audience);
        if self.remove {
            if entries.len() == before {
                return reject(format!("{:?} has no such entry", self.id));
            }
            return Ok(Some(entries));
        }
        let (Some(client_id), Some(scope)) = (&self.client_id_there, &self.scope) else {
            return usage("an entry needs --client-id-there and --scope");
        };
        let scope = Scope::parse(scope).or_else(|why| usage(format!("--scope: {why}")))?;
        entries.push(IdJagAudience {
            audience: audience.clone(),
            client_id: client_id.clone(),
            scope,
            resources: self.resources.clone(),
            sub_of: self.sub_of.clone(),
        });
        Ok(Some(entries))
    }
}

#[derive(Debug, Args)]
pub(super) struct TrustIdJagArgs {
    /// The `client_id`
    #[arg(long)]
    id: String,
    /// The issuer, as its grants write it (`iss`); without it the issuers are listed
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The keys of the issuer (a JWK Set), if this server cannot fetch them
    #[arg(long, value_name = "FILE", requires = "issuer", conflicts_with = "remove")]
    jwks: Option<PathBuf>,
    /// Trust it no more
    #[arg(long, requires = "issuer")]
    remove: bool,
}

impl TrustIdJagArgs {
    /// Whether it only lists.
    pub(super) fn reads(&self) -> bool {
        self.issuer.is_none()
    }

    pub(super) async fn run(
        self,
        at: &Installation,
        store: &Store,
        limits: Limits<'_>,
    ) -> OrRejected {
        let client = clients::find(&May::operator(), store, &self.id).await?;
        let Some(issuers) = self.changed(client.metadata.id_jag_issuers.clone())? else {
            trust_shown(at, &client);
            return Ok(());
        };
        let (list, rules) = (json!(issuers), (limits.issuer, limits.lifetimes));
        let changed = change(at, store, rules, &client, "id_jag_issuers", list).await?;
        if !self.remove {
            advise(&changed, GrantType::JwtBearer, limits.id_jag);
        }
        trust_shown(at, &changed);
        Ok(())
    }

    /// The issuers after the change; `None` if they are only listed.
    fn changed(&self, mut issuers: Vec<IdJagIssuer>) -> OrRejected<Option<Vec<IdJagIssuer>>> {
        let Some(issuer) = &self.issuer else { return Ok(None) };
        let before = issuers.len();
        // The same again has other keys.
        issuers.retain(|one| one.issuer != *issuer);
        if self.remove {
            if issuers.len() == before {
                return reject(format!("{:?} does not trust it", self.id));
            }
            return Ok(Some(issuers));
        }
        let jwks = self.jwks.as_deref().map(keys_of).transpose()?;
        issuers.push(IdJagIssuer { issuer: issuer.clone(), jwks });
        Ok(Some(issuers))
    }
}

/// Says what is missing so that an entry has an effect.
fn advise(client: &Client, needed: GrantType, settings: IdJagSettings) {
    if !settings.enabled {
        note("id_jag.enabled is off: nothing comes of it before it is turned on");
    }
    if !client.may_use(needed) {
        note(&format!(
            "the client may not use the grant {} yet: `client update --grant`",
            needed.as_str()
        ));
    }
}

fn shown(at: &Installation, client: &Client) {
    let entries = &client.metadata.id_jag_audiences;
    let row = |one: &IdJagAudience| {
        let resources = one.resources.join(" ");
        vec![one.audience.clone(), one.client_id.clone(), one.scope.to_string(), resources]
    };
    let rows: Vec<_> = entries.iter().map(row).collect();
    let words = table(&["AUDIENCE", "CLIENT ID THERE", "SCOPE", "RESOURCES"], &rows);
    at.print(&json!({ "client_id": client.id, "id_jag_audiences": entries }), &words);
}

fn trust_shown(at: &Installation, client: &Client) {
    let issuers = &client.metadata.id_jag_issuers;
    let row = |one: &IdJagIssuer| {
        let keys = if one.jwks.is_some() { "given" } else { "published" };
        vec![one.issuer.clone(), keys.to_owned()]
    };
    let rows: Vec<_> = issuers.iter().map(row).collect();
    let words = table(&["ISSUER", "KEYS"], &rows);
    at.print(&json!({ "client_id": client.id, "id_jag_issuers": issuers }), &words);
}
