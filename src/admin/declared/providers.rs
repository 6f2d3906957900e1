//! `[[provider]]`: the providers of social login in the database, not those of the settings file.

use std::collections::BTreeMap;

use serde_json::{Map, json};
use sha2::{Digest, Sha256};

use super::kind::{
    AfterCommit, Context, Current, Kind, Object, Wrong, variable, with_nulls, without_nulls,
};
use crate::admin::providers::{missing_client, missing_group};
use crate::domain::audit::{Event, EventKind};
use crate::domain::provider::{Credential, Preset, ProviderMetadata, Registration, Slug};
use crate::domain::secret::Secret;
use crate::domain::verdict::{Fault, OrRejected, reject};
use crate::social;
use crate::social::registry::{opened, sealed};
use crate::store::{Tx, audit_events, providers};

pub(super) struct Providers;

const SECRET: &str = "client_secret";
const KEY: &str = "private_key";

impl Kind for Providers {
    const WORD: &'static str = "provider";
    const NAME: &'static str = "slug";
    const SECRETS: &'static [&'static str] = &[SECRET, KEY];

    async fn every(tx: &Tx, cx: &Context<'_>) -> Result<BTreeMap<String, Current>, Fault> {
        let mut every = BTreeMap::new();
        for stored in providers::list_all(tx).await? {
            let registration = opened(cx.sealer, &stored)
                .map_err(|why| Fault::internal("opening the credential of a provider", why))?;
            every.insert(stored.slug.to_string(), current(&registration));
        }
        Ok(every)
    }

    async fn changed(
        tx: &Tx,
        cx: &Context<'_>,
        object: Object<'_>,
    ) -> Result<Result<Current, Wrong>, Fault> {
        Ok(registration(tx, cx, object).await?.map(|registration| current(&registration)))
    }

    async fn write(tx: &Tx, cx: &Context<'_>, object: Object<'_>) -> OrRejected {
        let registration = match registration(tx, cx, object).await? {
            Ok(registration) => registration,
            Err(Wrong(_, why)) => return reject(why),
        };
        let stored = sealed(cx.sealer, &registration)?;
        let kind = if object.before.is_some() {
            providers::update(tx, &stored).await?;
            EventKind::ProviderUpdated
        } else {
            if !providers::insert(tx, &stored).await? {
                return reject(format!("there is a provider {} already", registration.slug));
            }
            EventKind::ProviderAdded
        };
        let event = Event::new(kind).detail(registration.slug.as_str());
        audit_events::insert(tx, &[event]).await?;
        Ok(())
    }

    async fn delete(tx: &Tx, name: &str) -> OrRejected<AfterCommit> {
        let Some(slug) = Slug::parse(name) else { return reject("a bad name of a provider") };
        providers::delete(tx, &slug).await?;
        let event = Event::new(EventKind::ProviderDeleted).detail(slug.as_str());
        audit_events::insert(tx, &[event]).await?;
        Ok(AfterCommit::EndFamilies(slug))
    }
}

fn current(registration: &Registration) -> Current {
    let mut members = without_nulls(registration.metadata.to_json());
    let slug = registration.slug.as_str();
    members.insert("slug".to_owned(), json!(slug));
    let secret = match &registration.credential {
        Credential::None => None,
        Credential::Secret(secret) => {
            members.insert(SECRET.to_owned(), variable(slug, "CLIENT_SECRET"));
            Some(secret)
        }
        Credential::Key { team, id, private } => {
            members.insert("team_id".to_owned(), json!(team));
            members.insert("key_id".to_owned(), json!(id));
            members.insert(KEY.to_owned(), variable(slug, "PRIVATE_KEY"));
            Some(private)
        }
    };
    let secret = secret.map(|secret| Sha256::digest(secret.expose().trim().as_bytes()).into());
    Current { members, secret }
}

/// The provider as it is after the change.
async fn registration(
    tx: &Tx,
    cx: &Context<'_>,
    object: Object<'_>,
) -> Result<Result<Registration, Wrong>, Fault> {
    let Some(slug) = Slug::parse(object.name) else {
        return Ok(Err(Wrong::of("slug", "has lower-case letters, digits, hyphens, underscores")));
    };
    if cx.of_file.iter().any(|one| one.slug == slug) {
        return Ok(Err(Wrong::of("slug", "stands in the settings file: change it there")));
    }
    let defaults = ProviderMetadata::new(Preset::Oidc, "").to_json();
    let mut members = with_nulls(object.members, &defaults);
    let mut text = |key: &str| members.remove(key).and_then(|it| it.as_str().map(str::to_owned));
    let (team, key_id) = (text("team_id"), text("key_id"));
    let is_attribute =
        |key: &String| ProviderMetadata::ATTRIBUTES.iter().any(|one| one.name == *key);
    if let Some(unknown) = members.keys().find(|key| !is_attribute(key)) {
        return Ok(Err(Wrong::of(unknown, "is not an attribute of a provider")));
    }
    let stored = providers::lock(tx, &slug).await?;
    let known = match stored.as_ref().map(|stored| opened(cx.sealer, stored)).transpose() {
        Ok(known) => known,
        Err(why) => return Ok(Err(Wrong::whole(why))),
    };
    let mut every = known.as_ref().map_or_else(Map::new, |known| known.metadata.to_json());
    every.extend(members);
    let metadata = match ProviderMetadata::from_json(every) {
        Ok(metadata) => metadata,
        Err(problems) => {
            let first = problems.0.into_iter().next();
            let wrong = first.map(|(key, why)| Wrong::of(key, why));
            return Ok(Err(wrong.unwrap_or_else(|| Wrong::whole("cannot be read"))));
        }
    };
    let disabled = known.as_ref().is_some_and(|known| known.disabled);
    let old = known.map_or(Credential::None, |known| known.credential);
    let credential = credential(old, team, key_id, object.secret);
    let registration = Registration { slug, metadata, credential, disabled };
    if let Err(problems) = social::check(&registration, cx.allow_private) {
        let first = problems.into_iter().next();
        let wrong = first.map(|(key, why)| Wrong::of(key, why));
        return Ok(Err(wrong.unwrap_or_else(|| Wrong::whole("is not valid"))));
    }
    if let Some(client) = missing_client(tx, &registration.metadata).await? {
        return Ok(Err(Wrong::whole(format!("there is no client {:?}", client.as_str()))));
    }
    if let Some(group) = missing_group(tx, &registration.metadata).await? {
        return Ok(Err(Wrong::of("group_map", format!("there is no group {:?}", group.as_str()))));
    }
    Ok(Ok(registration))
}

/// What is not given stays.
fn credential(
    old: Credential,
    team: Option<String>,
    key_id: Option<String>,
    secret: Option<&Secret>,
) -> Credential {
    let is_key = team.is_some() || key_id.is_some() || matches!(old, Credential::Key { .. });
    match (old, secret) {
        (Credential::Key { team: old_team, id, private }, secret) => Credential::Key {
            team: team.unwrap_or(old_team),
            id: key_id.unwrap_or(id),
            private: secret.cloned().unwrap_or(private),
        },
        (_, Some(secret)) if is_key => Credential::Key {
            team: team.unwrap_or_default(),
            id: key_id.unwrap_or_default(),
            private: secret.clone(),
        },
        (_, Some(secret)) => Credential::Secret(secret.clone()),
        (old, None) => old,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_that_is_not_given_stays() {
        let old = Credential::Secret(Secret::text("x"));
        assert_eq!(credential(old.clone(), None, None, None), old);
        let new = Secret::text("y");
        assert_eq!(credential(old, None, None, Some(&new)), Credential::Secret(new.clone()));
        let key = credential(Credential::None, Some("t".to_owned()), None, Some(&new));
        assert!(matches!(key, Credential::Key { team, .. } if team == "t"));
    }
}
