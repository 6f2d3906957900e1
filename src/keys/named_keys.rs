//! Random keys of this installation. Each has a name, and is sealed under the master key, so what was
//! made with it stays valid when the master key changes.

use super::seal::Sealer;
use crate::domain::clock::Clock;
use crate::domain::random;
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;
use crate::store::{Store, Tx, sealed_keys};

/// Reads and opens the key of this name. It is created if there is none.
pub(super) async fn open(
    store: &Store,
    clock: &Clock,
    sealer: &Sealer,
    name: &'static str,
) -> Result<Secret<Vec<u8>>, Fault> {
    if let Some(sealed) = sealed_keys::find(store, name).await? {
        return opened(sealer, name, &sealed);
    }
    let made = Secret::new(random::bytes::<32>());
    let tx = store.begin(clock.now()).await?;
    sealed_keys::insert(&tx, name, sealer.seal(name, made.expose())?).await?;
    tx.commit().await?;
    // When two processes create a key at the same time, the first one is kept.
    let sealed = sealed_keys::find(store, name).await?;
    let missing = || Fault::internal("making a key", format!("the key {name} is not there"));
    opened(sealer, name, &sealed.ok_or_else(missing)?)
}

fn opened(sealer: &Sealer, name: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, Fault> {
    sealer.open(name, sealed).ok_or_else(|| {
        let why = format!("the master key is not the one that sealed the key {name}");
        Fault::internal("opening a key", why)
    })
}

/// Replaces the key by a new one.
pub(super) async fn replace(tx: &Tx, sealer: &Sealer, name: &str) -> Result<(), Fault> {
    let made = Secret::new(random::bytes::<32>());
    sealed_keys::reseal(tx, name, sealer.seal(name, made.expose())?).await
}

/// Seals the key under another master key.
pub(super) async fn reseal(tx: &Tx, from: &Sealer, to: &Sealer, name: &str) -> Result<(), Fault> {
    let Some(sealed) = sealed_keys::find(tx, name).await? else { return Ok(()) };
    let sealed = to.seal(name, opened(from, name, &sealed)?.expose())?;
    sealed_keys::reseal(tx, name, sealed).await
}
