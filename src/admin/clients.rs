//! What an operator does with the registered clients.

use chrono::{DateTime, Duration, Utc};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::authority::{ChangeClients, ChangeSecrets, May, ReadClients, Right};
use super::client_roles;
use super::refused::{AdminResult, invalid};
use crate::accounts::session_endings;
use crate::clients::documents::document_url;
use crate::clients::registration::{self, ClientRejected, ClientResult, check, done, lock};
use crate::clients::sector::{self, CheckedChange};
use crate::domain::admin_right::{AdminRight, AdminScope, Rights};
use crate::domain::audit::EventKind;
use crate::domain::client::{AuthMethod, Client, ClientId, ClientKind, RegisteredBy};
use crate::domain::client_metadata::{ClientChange, ClientMetadata};
use crate::domain::client_secret::{self, HeldSecret, MOST};
use crate::domain::clock::Clock;
use crate::domain::family::FamilyFilter;
use crate::domain::secret::{ClientSecret, Plain};
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::domain::version::Version;
use crate::oauth::lifetimes::Lifetimes;
use crate::oauth::registration::removal;
use crate::store::clients::ClientPlace;
use crate::store::{Reader, Store, Tx, clients, device_grants};

/// A client to register.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// Its `client_id`.
    pub id: String,
    /// Whether it can keep a secret.
    pub kind: ClientKind,
    /// The metadata to register. What is not given gets its safe default.
    pub attributes: ClientChange,
}

impl NewClient {
    /// The client, if its registration is valid.
    pub fn checked(
        self,
        issuer: &urls::Issuer,
        lifetimes: &Lifetimes,
        now: DateTime<Utc>,
    ) -> Result<Client, ClientRejected> {
        let id = ClientId::parse(&self.id).filter(|id| id.as_str().len() <= ClientId::MOST);
        let Some(id) = id else {
            let why = "a client id has 1 to 255 characters of printable ASCII";
            return Err(ClientRejected::InvalidMetadata(why.to_owned()));
        };
        if id.is_like_a_sub() {
            let why = "43 letters, digits, - and _ are the sub of a person, not a client id";
            return Err(ClientRejected::InvalidMetadata(why.to_owned()));
        }
        let mut client = Client::new(id, self.kind, now);
        let has_keys =
            ["jwks", "jwks_uri"].iter().any(|name| self.attributes.0.contains_key(*name));
        if self.kind == ClientKind::Confidential && has_keys {
            client.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
        }
        apply(&self.attributes, &mut client, lifetimes)?;
        check(issuer, &client)?;
        Ok(client)
    }
}

fn apply(
    change: &ClientChange,
    client: &mut Client,
    lifetimes: &Lifetimes,
) -> Result<(), ClientRejected> {
    let mut change = change.clone();
    // One way to the keys takes the place of the other.
    for (given, other) in [("jwks", "jwks_uri"), ("jwks_uri", "jwks")] {
        if change.0.get(given).is_some_and(|value| !value.is_null())
            && !change.0.contains_key(other)
        {
            change.0.insert(other.to_owned(), json!(null));
        }
    }
    let changed = client.metadata.changed(&change);
    let checked = changed.and_then(|changed| lifetimes.check_client(&changed).map(|()| changed));
    client.metadata = checked.map_err(ClientRejected::InvalidMetadata)?;
    Ok(())
}

/// The client that a use case changes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its `client_id`.
    pub id: &'a str,
    /// What the client was when the caller saw it. If it is another one now, nothing is changed.
    pub version: Option<&'a Version>,
}

impl<'a> Target<'a> {
    /// The client of this id, whatever it is now.
    #[must_use]
    pub fn of(id: &'a str) -> Self {
        Self { id, version: None }
    }
}

/// What a client is now: whoever changes it can say which version they saw.
#[must_use]
pub fn version(client: &Client) -> Version {
    let secrets: Vec<_> =
        client.secrets.iter().map(|held| json!([held.id(), held.expires_at])).collect();
    let state = json!([client.disabled_at, client.tokens_from, secrets]);
    Version::of(&json!([client.id.as_str(), client.metadata.to_json(), state]))
}

/// The rights that a client gives: its scopes to whoever has its tokens, and the issuers whose grants it
/// redeems to whoever names them, since those say who a person is, as a provider does.
fn rights(client: &Client) -> Rights {
    let given = AdminScope::rights_to_give(&client.metadata.scope.to_string());
    let vouches = !client.metadata.id_jag_issuers.is_empty();
    let named = vouches.then(|| Rights::of(&[AdminRight::ChangeProviders]));
    Rights::every_of(named.into_iter().chain([given]))
}

/// Refuses what would be done with a client that may ask for scopes of the administration API which
/// the caller lacks: whoever has its secret has its scopes.
fn over<R: Right>(may: &May<R>, client: &Client) -> Result<(), ClientRejected> {
    let given = rights(client);
    if may.includes(given) {
        // Whoever has its credentials does without any proof what its scopes allow.
        return if given == Rights::default() { Ok(()) } else { fresh(may) };
    }
    Err(ClientRejected::BeyondRights(client.id.as_str().to_owned()))
}

fn fresh<R: Right>(may: &May<R>) -> Result<(), ClientRejected> {
    may.stale().map_or(Ok(()), |age| Err(ClientRejected::ProofOld(age)))
}

/// What is replaced of a client when it gets other credentials.
const CREDENTIALS: &[&str] = &[
    "id_jag_audiences",
    "id_jag_issuers",
    "jwks",
    "jwks_uri",
    "may_act",
    "profile",
    "resource_servers",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_email",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_uri",
    "tls_client_auth_subject_dn",
    "token_endpoint_auth_method",
    "trusted_issuers",
];

/// Whether whoever registers this client may use it for more than it was made for: it has credentials,
/// or acts for people.
fn has_credentials(metadata: &ClientMetadata) -> bool {
    metadata.token_endpoint_auth_method != AuthMethod::None
        || metadata.jwks.is_some()
        || metadata.jwks_uri.is_some()
        || !metadata.resource_servers.is_empty()
        || !metadata.may_act.is_empty()
        || !metadata.trusted_issuers.is_empty()
        || !metadata.id_jag_audiences.is_empty()
        || !metadata.id_jag_issuers.is_empty()
}

fn fresh_for<R: Right>(may: &May<R>, change: &ClientChange) -> Result<(), ClientRejected> {
    if CREDENTIALS.iter().any(|name| change.0.contains_key(*name)) { fresh(may) } else { Ok(()) }
}

/// Whether the caller may change this client, and has seen what it is now.
fn check_target<R: Right>(
    may: &May<R>,
    target: Target<'_>,
    client: &Client,
) -> Result<(), ClientRejected> {
    match target.version {
        Some(seen) if *seen != version(client) => Err(ClientRejected::Changed),
        _ => over(may, client),
    }
}

/// Locks the client, if the caller may change it.
async fn locked<R: Right>(
    may: &May<R>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
) -> ClientResult<(Tx, Client)> {
    let (tx, client) = lock(&may.acting(store), clock, target.id).await?;
    match check_target(may, target, &client) {
        Ok(()) => Ok((tx, client)),
        Err(why) => {
            tx.abandon().await;
            Err(why.into())
        }
    }
}

/// Changes a client. Only what is given is replaced, so changes that others make at the same time
/// are kept. The client gets no scope of the administration API that the caller lacks. If it would
/// know people by another `sub` then, or a security profile begins, what they gave it ends.
pub async fn update<'a>(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    (issuer, lifetimes): (&urls::Issuer, &Lifetimes),
    target: Target<'_>,
    change: impl Into<CheckedChange<'a>>,
) -> ClientResult<Client> {
    let checked: CheckedChange<'a> = change.into();
    fresh_for(may, checked.change)?;
    let change = |client: &mut Client| {
        let before = client.metadata.clone();
        apply(checked.change, client, lifetimes)?;
        over(may, client)?;
        checked.check(&before, &client.metadata)
    };
    loop {
        // Each step checks everything again before it ends anything, while nobody else can change it.
        let (tx, client) = locked(may, store, clock, target).await?;
        let step = registration::update_or_end_some(tx, issuer, &client, change);
        if let Some(updated) = Box::pin(step).await? {
            return Ok(updated);
        }
        tokio::task::yield_now().await;
    }
}

/// The metadata that a client would have, if the document of its sector has to be read before it is
/// changed like this ([`sector::check`]). Nothing is fetched for those who may not change it.
pub async fn of_sector(
    may: &May<ChangeClients>,
    reader: &impl Reader,
    target: Target<'_>,
    change: &ClientChange,
) -> ClientResult<Option<ClientMetadata>> {
    if !sector::is_concerned(change) {
        return Ok(None);
    }
    fresh_for(may, change)?;
    let mut client = registration::find(reader, target.id).await?;
    check_target(may, target, &client)?;
    client.metadata = client.metadata.changed(change).map_err(ClientRejected::InvalidMetadata)?;
    over(may, &client)?;
    Ok(client.metadata.sector_identifier_uri.is_some().then_some(client.metadata))
}

/// Whether the caller may register this client.
pub fn may_create(may: &May<ChangeClients>, client: &Client) -> Result<(), ClientRejected> {
    over(may, client)?;
    if has_credentials(&client.metadata) { fresh(may) } else { Ok(()) }
}

/// Registers a client, and makes its secret if its authentication method has one. The client gets
/// no scope of the administration API that the caller lacks.
pub async fn create(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    issuer: &urls::Issuer,
    client: Client,
) -> ClientResult<Option<Plain<ClientSecret>>> {
    may_create(may, &client)?;
    registration::create(&may.acting(store), clock, issuer, client).await
}

/// The client of this id.
pub async fn find(_may: &May<ReadClients>, reader: &impl Reader, id: &str) -> ClientResult<Client> {
    registration::find(reader, id).await
}

/// Every client.
pub async fn list(_may: &May<ReadClients>, store: &Store) -> ClientResult<Vec<Client>> {
    Ok(clients::list_all(store).await?)
}

/// A page of clients.
#[derive(Debug)]
pub struct ClientPage {
    /// The clients.
    pub clients: Vec<Client>,
    /// What the next page begins after, if there is one.
    pub next: Option<String>,
}

/// The clients whose id or name begins so, without regard to the case of ASCII letters; every client
/// without a search. A page begins after what an earlier one returned as `next`. It may have fewer
/// clients than it has room for, although there are more.
pub async fn page(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    search: Option<&str>,
    after: Option<&str>,
    limit: u64,
) -> AdminResult<ClientPage> {
    let behind: Option<ClientPlace> = match after.map(|text| URL_SAFE_NO_PAD.decode(text)) {
        None => None,
        Some(json) => match json.ok().and_then(|json| serde_json::from_slice(&json).ok()) {
            // No text of a database has a NUL.
            Some(ClientPlace::Id(text) | ClientPlace::Name(text, _)) if text.contains('\0') => {
                return invalid("`after` is the `next` of an earlier page");
            }
            Some(place) => Some(place),
            None => return invalid("`after` is the `next` of an earlier page"),
        },
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let search = search.unwrap_or_default();
    let page = clients::page(reader, search, behind.as_ref(), limit).await?;
    let next = page.next.map(|place| URL_SAFE_NO_PAD.encode(json!(place).to_string()));
    Ok(ClientPage { clients: page.clients, next })
}

/// Makes a new secret. The others stop working after the overlap, or at once if there is none.
pub async fn rotate_secret(
    may: &May<ChangeSecrets>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
    overlap: Option<Duration>,
) -> ClientResult<Plain<ClientSecret>> {
    let (tx, mut client) = locked(may, store, clock, target).await?;
    if !client.metadata.token_endpoint_auth_method.has_secret() {
        tx.abandon().await;
        return Err(ClientRejected::NoSecretToRotate.into());
    }
    let secret = Plain::generate();
    let until = overlap.map(|overlap| tx.now() + overlap);
    client.secrets = client_secret::rotated(&client.secrets, secret.hashed(), tx.now(), until);
    if client.secrets.len() > MOST {
        tx.abandon().await;
        return Err(ClientRejected::TooManySecrets.into());
    }
    clients::update(&tx, &client).await?;
    done(tx, EventKind::ClientSecretRotated, &client.id).await?;
    Ok(secret)
}

/// The secrets of a client that still count, the newest first.
pub async fn secrets(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    clock: &Clock,
    id: &str,
) -> ClientResult<Vec<HeldSecret>> {
    let mut client = registration::find(reader, id).await?;
    let now = clock.now();
    client.secrets.retain(|held| held.is_live(now));
    Ok(client.secrets)
}

/// Ends a secret at once. One that still counts stays.
pub async fn drop_secret(
    may: &May<ChangeSecrets>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
    secret: &str,
) -> ClientResult {
    let (tx, mut client) = locked(may, store, clock, target).await?;
    let now = tx.now();
    let before = client.secrets.len();
    client.secrets.retain(|held| held.id() != secret);
    let refused = if client.secrets.len() == before {
        Some(ClientRejected::NoSuchSecret(secret.to_owned()))
    } else if client.secrets.iter().any(|held| held.is_live(now)) {
        None
    } else {
        Some(ClientRejected::OnlySecret)
    };
    if let Some(refused) = refused {
        tx.abandon().await;
        return Err(refused.into());
    }
    clients::update(&tx, &client).await?;
    done(tx, EventKind::ClientSecretDropped, &client.id).await
}

/// Disables or enables a client. When it is disabled, everything that it was given ends, and stays
/// ended when it is enabled again.
pub async fn set_enabled(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
    enabled: bool,
) -> ClientResult {
    let acting = &may.acting(store);
    let client = match registration::find(store, target.id).await {
        // An app may be turned away before it ever came.
        Err(Error::Refused(ClientRejected::Unknown(_))) if !enabled => {
            Box::pin(document(acting, clock, target.id)).await?
        }
        other => other?,
    };
    over(may, &client)?;
    if enabled && !client.is_enabled() {
        // A disabling that was interrupted is carried out first.
        let every = FamilyFilter::Client(&client.id);
        Box::pin(session_endings::end_every(acting, clock, every)).await?;
    }
    let (tx, client) = locked(may, store, clock, target).await?;
    let disabled_at = (!enabled).then(|| tx.now());
    clients::set_disabled(&tx, &client.id, disabled_at).await?;
    clients::set_swept(&tx, &client.id, enabled).await?;
    device_grants::delete_of_client(&tx, &client.id).await?;
    let kind = if enabled { EventKind::ClientEnabled } else { EventKind::ClientDisabled };
    done(tx, kind, &client.id).await?;
    if !enabled {
        let every = FamilyFilter::Client(&client.id);
        Box::pin(session_endings::end_every(acting, clock, every)).await?;
    }
    Ok(())
}

/// The client of a document that nobody allowed yet.
async fn document(store: &Store, clock: &Clock, id: &str) -> ClientResult<Client> {
    let unknown = || ClientRejected::Unknown(id.to_owned());
    let id = ClientId::parse(id).filter(|id| document_url(id, true).is_some());
    let id = id.ok_or_else(unknown)?;
    let tx = store.begin(clock.now()).await?;
    let mut client = Client::new(id, ClientKind::Public, tx.now());
    client.registered_by = RegisteredBy::Document;
    clients::insert(&tx, &client).await?;
    tx.commit().await?;
    Ok(client)
}

/// Deletes a client and all its families. It is disabled at once; its families and consents are
/// then deleted in steps, so their number does not matter.
pub async fn delete(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
) -> ClientResult {
    let (tx, client) = locked(may, store, clock, target).await?;
    let store = &may.acting(store);
    removal::end(tx, store, clock, &client.id).await?;
    client_roles::take_all(store, clock, &client.id).await?;
    removal::delete(store, clock, &client.id).await?;
    Ok(())
}

/// The client whose secret was replaced just now, for whoever replaced it.
pub async fn after(
    _may: &May<ChangeSecrets>,
    reader: &impl Reader,
    id: &str,
) -> ClientResult<Client> {
    registration::find(reader, id).await
}

/// The client that was registered just now, for whoever registered it.
pub async fn of_id(
    _may: &May<ChangeClients>,
    reader: &impl Reader,
    id: &str,
) -> ClientResult<Client> {
    registration::find(reader, id).await
}
