//! What an operator does with the registered clients.

use chrono::{DateTime, Duration, Utc};

use super::client_roles;
use crate::accounts::session_endings;
use crate::clients::registration::{self, ClientRejected, ClientResult, check, done, find, lock};
use crate::domain::audit::EventKind;
use crate::domain::client::{AuthMethod, Client, ClientId, ClientKind};
use crate::domain::client_metadata::ClientChange;
use crate::domain::client_secret::{self, HeldSecret, MOST};
use crate::domain::clock::Clock;
use crate::domain::family::{FamilyFilter, FamilyOwner};
use crate::domain::secret::{ClientSecret, Plain};
use crate::domain::urls;
use crate::oauth::lifetimes::Lifetimes;
use crate::store::{Store, clients, consents, families};

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
        let Some(id) = ClientId::parse(&self.id) else {
            let why = "a client id has 1 to 255 characters of printable ASCII";
            return Err(ClientRejected::InvalidMetadata(why.to_owned()));
        };
        let mut client = Client::new(id, self.kind, now);
        if self.kind == ClientKind::Confidential && self.attributes.0.contains_key("jwks") {
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
    let changed = client.metadata.changed(change);
    let checked = changed.and_then(|changed| lifetimes.check_client(&changed).map(|()| changed));
    client.metadata = checked.map_err(ClientRejected::InvalidMetadata)?;
    Ok(())
}

/// Changes a client. Only what is given is replaced, so changes that others make at the same time
/// are kept.
pub async fn update(
    store: &Store,
    clock: &Clock,
    (issuer, lifetimes): (&urls::Issuer, &Lifetimes),
    id: &str,
    change: &ClientChange,
) -> ClientResult<Client> {
    registration::update(store, clock, issuer, id, |client| apply(change, client, lifetimes)).await
}

/// Every client.
pub async fn list(store: &Store) -> ClientResult<Vec<Client>> {
    Ok(clients::list_all(store).await?)
}

/// Makes a new secret. The others stop working after the overlap, or at once if there is none.
pub async fn rotate_secret(
    store: &Store,
    clock: &Clock,
    id: &str,
    overlap: Option<Duration>,
) -> ClientResult<Plain<ClientSecret>> {
    let (tx, mut client) = lock(store, clock, id).await?;
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
pub async fn secrets(store: &Store, clock: &Clock, id: &str) -> ClientResult<Vec<HeldSecret>> {
    let mut client = find(store, id).await?;
    let now = clock.now();
    client.secrets.retain(|held| held.is_live(now));
    Ok(client.secrets)
}

/// Ends a secret at once. One that still counts stays.
pub async fn drop_secret(store: &Store, clock: &Clock, id: &str, secret: &str) -> ClientResult {
    let (tx, mut client) = lock(store, clock, id).await?;
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
pub async fn set_enabled(store: &Store, clock: &Clock, id: &str, enabled: bool) -> ClientResult {
    let client = find(store, id).await?;
    if enabled && !client.is_enabled() {
        // A disabling that was interrupted is carried out first.
        session_endings::end_every(store, clock, FamilyFilter::Client(&client.id)).await?;
    }
    let tx = store.begin(clock.now()).await?;
    let disabled_at = (!enabled).then(|| tx.now());
    clients::set_disabled(&tx, &client.id, disabled_at).await?;
    let kind = if enabled { EventKind::ClientEnabled } else { EventKind::ClientDisabled };
    done(tx, kind, &client.id).await?;
    if !enabled {
        session_endings::end_every(store, clock, FamilyFilter::Client(&client.id)).await?;
    }
    Ok(())
}

/// How many rows of a client one transaction deletes.
const STEP: u64 = 2000;

/// Deletes a client and all its families. It is disabled at once; its families and consents are
/// then deleted in steps, so their number does not matter.
pub async fn delete(store: &Store, clock: &Clock, id: &str) -> ClientResult {
    let client = find(store, id).await?;
    let tx = store.begin(clock.now()).await?;
    clients::set_disabled(&tx, &client.id, Some(tx.now())).await?;
    tx.commit().await?;
    session_endings::end_every(store, clock, FamilyFilter::Client(&client.id)).await?;
    loop {
        let tx = store.begin(clock.now()).await?;
        let families = families::delete_some(&tx, FamilyOwner::Client(&client.id), STEP).await?;
        let consents = consents::delete_some(&tx, &client.id, STEP).await?;
        tx.commit().await?;
        if families < STEP && consents < STEP {
            break;
        }
    }
    client_roles::take_all(store, clock, &client.id).await?;
    let tx = store.begin(clock.now()).await?;
    clients::delete(&tx, &client.id).await?;
    done(tx, EventKind::ClientDeleted, &client.id).await
}
