//! Checks an installation for mistakes that its database shows. Nothing is changed.

use chrono::{DateTime, Duration, Utc};

use crate::domain::client::TokenAlg;
use crate::domain::provider::Registration;
use crate::keys::seal::Sealer;
use crate::keys::{keyring, ring};
use crate::social::registry;
use crate::store::{Store, users};

/// The result of a check: what is right, or what is wrong.
pub type Checked = Result<String, String>;

/// Checks that every signing key can be opened, that none was made by a server whose clock was far
/// ahead, and that each algorithm has a key.
pub async fn signing_keys(
    store: &Store,
    sealer: &Sealer,
    now: DateTime<Utc>,
    lead: Duration,
) -> Checked {
    let keys =
        crate::store::signing_keys::list_all(store).await.map_err(|fault| fault.to_string())?;
    if let Some(key) = keys.iter().find(|key| sealer.open(&key.kid, &key.sealed_private).is_none())
    {
        return Err(format!("the master key does not open {}", key.kid));
    }
    keys.iter()
        .try_for_each(|key| keyring::inspect(sealer, key))
        .map_err(|fault| fault.to_string())?;
    if let Some(stray) = keys.iter().find(|key| ring::is_stray(now, key.signs_from, lead)) {
        return Err(format!(
            "{} signs from {} on: a clock that was far ahead made it. mapae key drop {}",
            stray.kid, stray.signs_from, stray.kid
        ));
    }
    for alg in &TokenAlg::USUAL {
        if !keys.iter().any(|key| key.alg == *alg) {
            return Err(format!("there is none for {}: the first start makes it", alg.as_str()));
        }
    }
    Ok(format!("{} keys, all of them open", keys.len()))
}

/// Checks the user names: if one is the verified address of another account, that account's person
/// cannot sign in with their address.
pub async fn user_names(store: &Store) -> Checked {
    let clashes = users::clashes(store, 10).await.map_err(|fault| fault.to_string())?;
    if clashes.is_empty() {
        return Ok("none is the verified address of another account".to_owned());
    }
    let of = |(name, owner): &(String, String)| {
        format!(
            "{name} is a user name, and the verified address of {owner}, who cannot sign in by it"
        )
    };
    Err(clashes.iter().map(of).collect::<Vec<_>>().join("; "))
}

/// Checks that the providers of the database can be read, and that none of them is also in the
/// settings file.
pub async fn registered_providers(
    store: &Store,
    sealer: &Sealer,
    of_file: &[Registration],
) -> Checked {
    let stored = registry::stored(store, sealer).await.map_err(|error| error.to_string())?;
    let twice = stored.iter().find(|one| of_file.iter().any(|it| it.slug == one.slug));
    if let Some(one) = twice {
        return Err(format!("{} stands in the settings and in the database", one.slug));
    }
    Ok(format!("{} in the settings, {} in the database", of_file.len(), stored.len()))
}
