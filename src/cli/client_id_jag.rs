//! `mapae client id-jag` and `mapae client trust-id-jag`: grants between authorization servers.

use std::path::PathBuf;

use clap::Args;

use super::client_rules::{ListOf, keys_of, origin_of};
use super::installation::Installation;
use super::output::note;
use super::usage::usage;
use crate::admin::authority::May;
use crate::admin::clients;
use crate::domain::client::Client;
use crate::domain::grant_type::GrantType;
use crate::domain::id_jag::{IdJagAudience, IdJagIssuer};
use crate::domain::scope::Scope;
use crate::domain::urls::Issuer;
use crate::domain::verdict::OrRejected;
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
        let Some(audience) = &self.audience else {
            AUDIENCES.show(at, &client);
            return Ok(());
        };
        let is_meant = |one: &IdJagAudience| one.audience == *audience;
        let new = (!self.remove).then(|| self.entry(audience)).transpose()?;
        let rules = (limits.issuer, limits.lifetimes);
        let changed = AUDIENCES.change(at, store, rules, &client, (is_meant, new)).await?;
        if !self.remove {
            advise(&changed, GrantType::TokenExchange, limits.id_jag);
        }
        AUDIENCES.show(at, &changed);
        Ok(())
    }

    fn entry(&self, audience: &str) -> OrRejected<IdJagAudience> {
        let (Some(client_id), Some(scope)) = (&self.client_id_there, &self.scope) else {
            return usage("an entry needs --client-id-there and --scope");
        };
        let scope = Scope::parse(scope).or_else(|why| usage(format!("--scope: {why}")))?;
        Ok(IdJagAudience {
            audience: audience.to_owned(),
            client_id: client_id.clone(),
            scope,
            resources: self.resources.clone(),
            sub_of: self.sub_of.clone(),
        })
    }
}

const AUDIENCES: ListOf<IdJagAudience> = ListOf {
    name: "id_jag_audiences",
    of: |metadata| &metadata.id_jag_audiences,
    without: "has no such entry",
    head: &["AUDIENCE", "CLIENT ID THERE", "SCOPE", "RESOURCES"],
    row: |one| {
        let resources = one.resources.join(" ");
        vec![one.audience.clone(), one.client_id.clone(), one.scope.to_string(), resources]
    },
};

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
        let Some(issuer) = &self.issuer else {
            ISSUERS.show(at, &client);
            return Ok(());
        };
        let is_meant = |one: &IdJagIssuer| one.issuer == *issuer;
        let new = (!self.remove).then(|| self.trusted(issuer)).transpose()?;
        let rules = (limits.issuer, limits.lifetimes);
        let changed = ISSUERS.change(at, store, rules, &client, (is_meant, new)).await?;
        if !self.remove {
            advise(&changed, GrantType::JwtBearer, limits.id_jag);
        }
        ISSUERS.show(at, &changed);
        Ok(())
    }

    fn trusted(&self, issuer: &str) -> OrRejected<IdJagIssuer> {
        let jwks = self.jwks.as_deref().map(keys_of).transpose()?;
        Ok(IdJagIssuer { issuer: issuer.to_owned(), jwks })
    }
}

const ISSUERS: ListOf<IdJagIssuer> = ListOf {
    name: "id_jag_issuers",
    of: |metadata| &metadata.id_jag_issuers,
    without: "does not trust it",
    head: &["ISSUER", "KEYS"],
    row: |one| vec![one.issuer.clone(), origin_of(one.jwks.as_ref())],
};

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
