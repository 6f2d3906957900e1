//! The rules of a client that are lists: `mapae client may-act` and `mapae client trust`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::installation::Installation;
use super::output::{note, table, text_of};
use super::usage::usage;
use crate::admin::authority::May;
use crate::admin::clients::{self, Target};
use crate::clients::registration::ClientRejected;
use crate::domain::client::Client;
use crate::domain::client_metadata::ClientChange;
use crate::domain::grant_type::GrantType;
use crate::domain::may_act::MayAct;
use crate::domain::scope::Scope;
use crate::domain::trusted_issuer::TrustedIssuer;
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
            shown(at, &client);
            return Ok(());
        };
        let changed = change(at, store, (issuer, lifetimes), &client, "may_act", json!(rules));
        let changed = changed.await?;
        if !self.remove {
            self.warn(store, &changed).await;
        }
        shown(at, &changed);
        Ok(())
    }

    /// Says what the rule still lacks: it may be made before the rest.
    async fn warn(&self, store: &Store, actor: &Client) {
        if !actor.may_use(GrantType::TokenExchange) {
            note(&format!(
                "{:?} is not registered for the grant {}: it cannot act yet",
                self.id,
                GrantType::TokenExchange.as_str()
            ));
        }
        if let Some(app) = &self.for_client
            && clients::find(&May::operator(), store, app).await.is_err()
        {
            note(&format!("there is no client {app:?} yet"));
        }
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

#[derive(Debug, Args)]
pub(super) struct TrustArgs {
    /// The `client_id`
    #[arg(long)]
    id: String,
    /// The issuer, as its tokens write it (`iss`), like
    /// `https://token.actions.githubusercontent.com`; without it whom the client trusts is listed
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Who the client is there, as the tokens write it (`sub`), like
    /// `repo:octo/shop:ref:refs/heads/main`
    #[arg(long, value_name = "TEXT", requires = "issuer")]
    subject: Option<String>,
    /// The keys of the issuer (a JWK Set), if this server cannot fetch them
    #[arg(long, value_name = "FILE", requires = "subject", conflicts_with = "remove")]
    jwks: Option<PathBuf>,
    /// Trust it no more; without a subject, the issuer with all its subjects
    #[arg(long, requires = "issuer")]
    remove: bool,
}

impl TrustArgs {
    /// Whether it only lists.
    pub(super) fn reads(&self) -> bool {
        self.issuer.is_none()
    }

    pub(super) async fn run(
        self,
        at: &Installation,
        store: &Store,
        (issuer, lifetimes): (&Issuer, &Lifetimes),
    ) -> OrRejected {
        let client = clients::find(&May::operator(), store, &self.id).await?;
        let Some(trusted) = self.changed(client.metadata.trusted_issuers.clone())? else {
            trust_shown(at, &client);
            return Ok(());
        };
        let (limits, list) = ((issuer, lifetimes), json!(trusted));
        let changed = change(at, store, limits, &client, "trusted_issuers", list).await?;
        if !self.remove
            && self.jwks.is_none()
            && self.issuer.as_ref().is_some_and(|issuer| issuer.starts_with("http://"))
        {
            note(
                "the keys of an issuer are fetched over https, or over http where \
                 outbound.allow_private is set: give them with --jwks otherwise",
            );
        }
        if !self.remove && changed.metadata.token_endpoint_auth_method.has_secret() {
            note(
                "its secret still counts as well: `client update --auth-method private_key_jwt` \
                 takes that away",
            );
        }
        trust_shown(at, &changed);
        Ok(())
    }

    /// Whom it trusts after the change; `None` if they are only listed.
    fn changed(&self, mut trusted: Vec<TrustedIssuer>) -> OrRejected<Option<Vec<TrustedIssuer>>> {
        let Some(issuer) = &self.issuer else { return Ok(None) };
        let named = |one: &TrustedIssuer| {
            one.issuer == *issuer && self.subject.as_ref().is_none_or(|named| one.subject == *named)
        };
        if self.remove {
            let before = trusted.len();
            trusted.retain(|one| !named(one));
            if trusted.len() == before {
                return reject(format!("{:?} does not trust it", self.id));
            }
            return Ok(Some(trusted));
        }
        let Some(subject) = &self.subject else { return usage("--subject says who it is there") };
        let jwks = self.jwks.as_deref().map(keys_of).transpose()?;
        // The same again has other keys.
        trusted.retain(|one| !named(one));
        trusted.push(TrustedIssuer { issuer: issuer.clone(), subject: subject.clone(), jwks });
        Ok(Some(trusted))
    }
}

fn trust_shown(at: &Installation, client: &Client) {
    let trusted = &client.metadata.trusted_issuers;
    let rows: Vec<_> = trusted
        .iter()
        .map(|one| {
            let keys = if one.jwks.is_some() { "given" } else { "published" };
            vec![one.issuer.clone(), one.subject.clone(), keys.to_owned()]
        })
        .collect();
    let words = table(&["ISSUER", "SUBJECT", "KEYS"], &rows);
    at.print(&json!({ "client_id": client.id, "trusted_issuers": trusted }), &words);
}

/// The JWK Set in a file.
pub(super) fn keys_of(file: &Path) -> OrRejected<Value> {
    serde_json::from_str(&text_of(file)?)
        .or_else(|error| usage(format!("--jwks: this is not JSON: {error}")))
}

/// Replaces a list of a client, if nobody has changed the client meanwhile.
pub(super) async fn change(
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
