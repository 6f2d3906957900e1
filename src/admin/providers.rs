//! What an operator does with the providers of the database.

use crate::domain::audit::{Event, Kind};
use crate::domain::client::ClientId;
use crate::domain::clock::Clock;
use crate::domain::provider::{Registration, Slug, Terms};
use crate::domain::verdict::{Error, Fault, Rejected, reject};
use crate::keys::seal::Sealer;
use crate::social::{self, registry};
use crate::store::{Store, Tx, audit_events, clients, providers};

type Outcome<T> = Result<T, Error<Rejected>>;

/// Adds a provider; whether it may live in the own network is the operator's word.
pub async fn add(
    store: &Store,
    clock: &Clock,
    sealer: &Sealer,
    registration: Registration,
    allow_private: bool,
) -> Outcome<()> {
    social::check(&registration, allow_private).map_err(|why| Rejected(why.to_string()))?;
    if let Some(client) = missing_client(store, &registration.terms).await? {
        return reject(format!("there is no client {:?}", client.as_str()));
    }
    let slug = registration.slug.clone();
    let tx = store.begin(clock.now()).await?;
    if !providers::insert(&tx, &registry::sealed(sealer, &registration)?).await? {
        tx.abandon().await;
        return reject(format!("there is a provider {slug} already"));
    }
    done(tx, Kind::ProviderAdded, &slug).await
}

/// A client of ours that the terms name and that is not there.
pub async fn missing_client(store: &Store, terms: &Terms) -> Result<Option<ClientId>, Fault> {
    for client in terms.clients() {
        if clients::find(store, client).await?.is_none() {
            return Ok(Some(client.clone()));
        }
    }
    Ok(None)
}

/// Turns a provider off or on.
pub async fn set_enabled(store: &Store, clock: &Clock, slug: &Slug, enabled: bool) -> Outcome<()> {
    let tx = store.begin(clock.now()).await?;
    let disabled_at = (!enabled).then(|| tx.now());
    if !providers::set_disabled(&tx, slug, disabled_at).await? {
        tx.abandon().await;
        return unknown(slug);
    }
    let kind = if enabled { Kind::ProviderEnabled } else { Kind::ProviderDisabled };
    done(tx, kind, slug).await
}

/// Deletes a provider. Who came by it keeps their account, and comes by it again if it is added
/// again.
pub async fn delete(store: &Store, clock: &Clock, slug: &Slug) -> Outcome<()> {
    let tx = store.begin(clock.now()).await?;
    if !providers::delete(&tx, slug).await? {
        tx.abandon().await;
        return unknown(slug);
    }
    done(tx, Kind::ProviderDeleted, slug).await
}

fn unknown<T>(slug: &Slug) -> Outcome<T> {
    reject(format!("there is no provider {slug} in the database"))
}

async fn done(tx: Tx, kind: Kind, slug: &Slug) -> Outcome<()> {
    audit_events::insert(&tx, &[Event::new(kind).detail(slug.as_str())]).await?;
    Ok(tx.commit().await?)
}
