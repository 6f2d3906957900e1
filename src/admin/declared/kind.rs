//! What a kind of object that can be declared has to be able to do.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use crate::admin::authority::{ChangeClients, ChangePeople, ChangeProviders, ChangeSecrets, May};
use crate::domain::client::{Client, ClientId, ClientMetadata};
use crate::domain::client_role::RoleName;
use crate::domain::clock::Clock;
use crate::domain::provider::{Registration, Slug};
use crate::domain::secret::Secret;
use crate::domain::urls;
use crate::domain::verdict::{Fault, OrRejected};
use crate::keys::seal::Sealer;
use crate::oauth::lifetimes::Lifetimes;
use crate::store::{Store, Tx};

/// The proof that somebody may make, change and delete everything that can be declared, and its
/// secrets.
#[derive(Debug)]
pub struct MayDeclare {
    /// Clients.
    pub clients: May<ChangeClients>,
    /// Secrets of clients.
    pub secrets: May<ChangeSecrets>,
    /// Providers.
    pub providers: May<ChangeProviders>,
    /// Groups of people.
    pub people: May<ChangePeople>,
}

impl MayDeclare {
    /// The proof of the operator at the command line.
    #[must_use]
    pub fn operator() -> Self {
        let (clients, secrets) = (May::operator(), May::operator());
        Self { clients, secrets, providers: May::operator(), people: May::operator() }
    }
}

/// What the use cases of this file need.
#[derive(Debug)]
pub struct Context<'a> {
    /// The proof that this may be done.
    pub may: &'a MayDeclare,
    /// The database.
    pub store: &'a Store,
    /// The clock.
    pub clock: &'a Clock,
    /// The issuer.
    pub issuer: &'a urls::Issuer,
    /// How long tokens live at most.
    pub lifetimes: &'a Lifetimes,
    /// Opens and seals the credentials of providers.
    pub sealer: &'a Sealer,
    /// The providers of the settings file, which are not declared.
    pub of_file: &'a [Registration],
    /// Whether providers may be in a private network.
    pub allow_private: bool,
    /// The variables to which `{ env = "N" }` refers.
    pub environment: &'a HashMap<String, String>,
}

/// An object as it is: its members as the file has them. A member that is not set is an empty text.
#[derive(Clone, Debug, Default)]
pub(super) struct Current {
    pub(super) members: Map<String, Value>,
    /// Says whether a secret is the one that is stored; empty if there is none. It never leaves the
    /// server in plain.
    pub(super) secret: Option<[u8; 32]>,
}

/// A mistake in the file: the key, if it is of one, and what is wrong.
#[derive(Debug)]
pub(super) struct Wrong(pub(super) Option<String>, pub(super) String);

impl Wrong {
    pub(super) fn of(key: &str, why: impl Into<String>) -> Self {
        Self(Some(key.to_owned()), why.into())
    }

    pub(super) fn whole(why: impl Into<String>) -> Self {
        Self(None, why.into())
    }
}

/// A kind of object that can be declared.
pub(super) trait Kind {
    /// Its name: `[[client]]`.
    const WORD: &'static str;
    /// The key that names an object.
    const NAME: &'static str;
    /// The key that holds a reference to a secret.
    const SECRETS: &'static [&'static str];

    /// Every object that there is, by name.
    async fn every(tx: &Tx, cx: &Context<'_>) -> Result<BTreeMap<String, Current>, Fault>;

    /// The members that the object has after the change, checked. `secret` is the one that the file
    /// refers to.
    async fn changed(
        tx: &Tx,
        cx: &Context<'_>,
        object: Object<'_>,
    ) -> Result<Result<Current, Wrong>, Fault>;

    /// Ends what people gave by the object as it was before, if that may not live on. It is called before
    /// the object is written. `Some`: that is more than one transaction ends, so nothing may be committed
    /// before the rest has ended.
    fn end_outdated(
        _: &Tx,
        _: &Context<'_>,
        _: Object<'_>,
    ) -> impl Future<Output = OrRejected<Option<Outdated>>> {
        std::future::ready(Ok(None))
    }

    /// Writes it.
    async fn write(tx: &Tx, cx: &Context<'_>, object: Object<'_>) -> OrRejected;

    /// Ends it in this transaction, so that it cannot be used any more. What it gave is ended after the
    /// commit.
    async fn delete(tx: &Tx, name: &str) -> OrRejected<AfterCommit>;
}

/// A client of which a change ends more than one transaction does.
#[derive(Debug)]
pub(super) struct Outdated {
    pub(super) before: ClientMetadata,
    pub(super) after: Client,
}

/// An object that is made or changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'a> {
    pub(super) name: &'a str,
    /// `None`: it is new.
    pub(super) before: Option<&'a Current>,
    /// What the file says.
    pub(super) members: &'a Map<String, Value>,
    pub(super) secret: Option<&'a Secret>,
}

/// What is left to do when the transaction has committed: it takes steps, however many rows there
/// are, and can be repeated.
#[derive(Debug)]
pub(super) enum AfterCommit {
    Nothing,
    DeleteClient(ClientId),
    DeleteGroup(String),
    DeleteAttribute(String),
    DeleteRole(ClientId, RoleName),
    EndFamilies(Slug),
}

/// Writes what is not set as an empty text: TOML has no word for nothing.
pub(super) fn without_nulls(members: Map<String, Value>) -> Map<String, Value> {
    let set = |value: Value| if value.is_null() { Value::from("") } else { value };
    members.into_iter().map(|(key, value)| (key, set(value))).collect()
}

/// The reverse, for what has no value by default. Another empty text is a text.
pub(super) fn with_nulls(
    members: &Map<String, Value>,
    defaults: &Map<String, Value>,
) -> Map<String, Value> {
    let is_optional = |key: &String| defaults.get(key).is_some_and(Value::is_null);
    let set = |(key, value): (&String, &Value)| {
        let value = if value == "" && is_optional(key) { Value::Null } else { value.clone() };
        (key.clone(), value)
    };
    members.iter().map(set).collect()
}

/// The name of a variable that is proposed for a secret.
pub(super) fn variable(name: &str, what: &str) -> Value {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = name.chars().map(letter).collect();
    json!({ "env": format!("{name}_{what}") })
}
