//! The rules of a client that are lists: `mapae client may-act` and `mapae client trust`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::installation::Installation;
use super::output::{note, table, text_of};
use super::usage::usage;
use crate::admin::authority::May;
use crate::admin::clients::{self, Target};
use crate::clients::registration::ClientRejected;
use crate::domain::client::Client;
use crate::domain::client_metadata::{ClientChange, ClientMetadata};
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
        limits: (&Issuer, &Lifetimes),
    ) -> OrRejected {
        let client = clients::find(&May::operator(), store, &self.id).await?;
        let Some(for_client) = &self.for_client else {
            MAY_ACT.show(at, &client);
            return Ok(());
        };
        let is_meant = |rule: &MayAct| {
            rule.for_client == *for_client
                && self.resource.as_ref().is_none_or(|named| rule.resource == *named)
        };
        let new = (!self.remove).then(|| self.rule(for_client)).transpose()?;
        let changed = MAY_ACT.change(at, store, limits, &client, (is_meant, new)).await?;
        if !self.remove {
            self.warn(store, &changed).await;
        }
        MAY_ACT.show(at, &changed);
        Ok(())
    }

    /// Says what the rule still lacks, since it may be made before the rest, and what it shows.
    async fn warn(&self, store: &Store, actor: &Client) {
        if !actor.may_use(GrantType::TokenExchange) {
            note(&format!(
                "{:?} is not registered for the grant {}: it cannot act yet",
                self.id,
                GrantType::TokenExchange.as_str()
            ));
        }
        let Some(id) = &self.for_client else { return };
        let Ok(app) = clients::find(&May::operator(), store, id).await else {
            note(&format!("there is no client {id:?} yet"));
            return;
        };
        // OpenID Connect Core §8.1: who acts reads the `sub` of the app and gets its own.
        if app.metadata.known_by_text() != actor.metadata.known_by_text() {
            note(&format!(
                "{:?} and {id:?} know a person by different subs (pairwise subjects): {:?} gets tokens \
                 with both, so it can tell that the two are one person",
                self.id, self.id
            ));
        }
    }

    fn rule(&self, for_client: &str) -> OrRejected<MayAct> {
        let (Some(resource), Some(scope)) = (&self.resource, &self.scope) else {
            return usage("a rule needs --resource and --scope");
        };
        let scope = Scope::parse(scope).or_else(|why| usage(format!("--scope: {why}")))?;
        Ok(MayAct { for_client: for_client.to_owned(), resource: resource.clone(), scope })
    }
}

const MAY_ACT: ListOf<MayAct> = ListOf {
    name: "may_act",
    of: |metadata| &metadata.may_act,
    without: "has no such rule",
    head: &["WITH TOKENS OF", "AT", "SCOPE"],
    row: |rule| vec![rule.for_client.clone(), rule.resource.clone(), rule.scope.to_string()],
};

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
        limits: (&Issuer, &Lifetimes),
    ) -> OrRejected {
        let client = clients::find(&May::operator(), store, &self.id).await?;
        let Some(issuer) = &self.issuer else {
            TRUSTED.show(at, &client);
            return Ok(());
        };
        let is_meant = |one: &TrustedIssuer| {
            one.issuer == *issuer && self.subject.as_ref().is_none_or(|named| one.subject == *named)
        };
        let new = (!self.remove).then(|| self.trusted(issuer)).transpose()?;
        let changed = TRUSTED.change(at, store, limits, &client, (is_meant, new)).await?;
        if !self.remove && self.jwks.is_none() && issuer.starts_with("http://") {
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
        TRUSTED.show(at, &changed);
        Ok(())
    }

    fn trusted(&self, issuer: &str) -> OrRejected<TrustedIssuer> {
        let Some(subject) = &self.subject else { return usage("--subject says who it is there") };
        let jwks = self.jwks.as_deref().map(keys_of).transpose()?;
        Ok(TrustedIssuer { issuer: issuer.to_owned(), subject: subject.clone(), jwks })
    }
}

const TRUSTED: ListOf<TrustedIssuer> = ListOf {
    name: "trusted_issuers",
    of: |metadata| &metadata.trusted_issuers,
    without: "does not trust it",
    head: &["ISSUER", "SUBJECT", "KEYS"],
    row: |one| vec![one.issuer.clone(), one.subject.clone(), origin_of(one.jwks.as_ref())],
};

/// Where the keys of an issuer come from.
pub(super) fn origin_of(jwks: Option<&Value>) -> String {
    if jwks.is_some() { "given" } else { "published" }.to_owned()
}

/// The JWK Set in a file.
pub(super) fn keys_of(file: &Path) -> OrRejected<Value> {
    serde_json::from_str(&text_of(file)?)
        .or_else(|error| usage(format!("--jwks: this is not JSON: {error}")))
}

/// A list of a client that a verb shows, and changes entry by entry.
pub(super) struct ListOf<T> {
    /// What it is called among the metadata of the client.
    pub(super) name: &'static str,
    /// Where it is there.
    pub(super) of: fn(&ClientMetadata) -> &[T],
    /// What is said of a client that has no entry to remove.
    pub(super) without: &'static str,
    /// The heads of the table for people.
    pub(super) head: &'static [&'static str],
    /// The row of an entry in it.
    pub(super) row: fn(&T) -> Vec<String>,
}

impl<T: Serialize> ListOf<T> {
    pub(super) fn show(&self, at: &Installation, client: &Client) {
        let entries = (self.of)(&client.metadata);
        let rows: Vec<_> = entries.iter().map(self.row).collect();
        let json = json!({ "client_id": client.id, self.name: entries });
        at.print(&json, &table(self.head, &rows));
    }

    /// The list with the new entry instead of those that are meant, or without these.
    fn replaced(
        &self,
        client: &Client,
        (is_meant, new): (impl Fn(&T) -> bool, Option<T>),
    ) -> OrRejected<Value> {
        let before = (self.of)(&client.metadata);
        let mut list: Vec<&T> = before.iter().filter(|one| !is_meant(one)).collect();
        if new.is_none() && list.len() == before.len() {
            return reject(format!("{:?} {}", client.id.as_str(), self.without));
        }
        list.extend(new.as_ref());
        Ok(json!(list))
    }

    /// Puts the new entry instead of those that are meant, or removes these, if nobody has changed the
    /// client meanwhile.
    pub(super) async fn change(
        &self,
        at: &Installation,
        store: &Store,
        limits: (&Issuer, &Lifetimes),
        client: &Client,
        entry: (impl Fn(&T) -> bool, Option<T>),
    ) -> OrRejected<Client> {
        let list = self.replaced(client, entry)?;
        let change = ClientChange(Map::from_iter([(self.name.to_owned(), list)]));
        let (may, version) = (May::operator(), clients::version(client));
        let target = Target { id: client.id.as_str(), version: Some(&version) };
        let changed = clients::update(&may, store, &at.clock, limits, target, &change).await;
        changed.or_else(|error| match error {
            Error::Refused(ClientRejected::InvalidMetadata(why)) => usage(why),
            other => Err(other.into()),
        })
    }
}
