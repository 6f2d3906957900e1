//! Writes people in batches. Who is there already is left alone.

use std::collections::{HashMap, HashSet};

use super::groups;
use super::person::{NewHash, NewPerson};
use super::report::{Importing, Skipped, TWICE};
use crate::accounts::hashing::Hasher;
use crate::admin::authority::{ChangePeople, May};
use crate::admin::providers;
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::foreign_hash::ReadHash;
use crate::domain::identity::Identity;
use crate::domain::provider::{Preset, Registration, Slug};
use crate::domain::user::{AccountSource, User, UserId};
use crate::domain::verdict::{Fault, OrRejected};
use crate::social::profiles;
use crate::store::{
    Reader, Store, Tx, attribute_values, audit_events, identities, one_time_codes, users,
};

/// The providers of this server, by their names.
#[derive(Debug)]
pub(super) struct Providers(Vec<(Slug, Preset, String)>);

/// An identity at one of them.
pub(super) type At = (Slug, Identity);

impl Providers {
    /// Those of the settings file and of the database.
    pub(super) async fn of(store: &Store, of_file: &[Registration]) -> Result<Self, Fault> {
        let every = providers::every(store, of_file).await?;
        let named = every.into_iter().map(|one| {
            let preset = one.metadata.preset;
            let usual = || profiles::of(preset).issuer.to_owned();
            (one.slug, preset, one.metadata.issuer.unwrap_or_else(usual))
        });
        Ok(Self(named.collect()))
    }

    /// The identities of a person at these providers. A provider is named by its slug, or by what it
    /// is, if there is one of the kind.
    pub(super) fn resolve(&self, person: &NewPerson) -> Result<Vec<At>, String> {
        person.identities.iter().map(|(name, subject)| self.identity(name, subject)).collect()
    }

    fn identity(&self, name: &str, subject: &str) -> Result<At, String> {
        let by_slug = self.0.iter().find(|(slug, ..)| slug.as_str() == name);
        let mut of_kind = self.0.iter().filter(|(_, preset, _)| preset.as_str() == name);
        let by_kind = of_kind.next().filter(|_| of_kind.next().is_none());
        let Some((slug, preset, issuer)) = by_slug.or(by_kind) else {
            return Err(format!("there is no provider {name:?}: add it, and import again"));
        };
        if *preset == Preset::Microsoft {
            return Err(format!(
                "an identity at {slug} cannot be imported, because the file does not name its \
                 tenant: remove it from the row, and the person connects it again"
            ));
        }
        if subject.is_empty() || subject.len() > 255 {
            return Err(format!("the subject of the identity at {slug} has 1 to 255 characters"));
        }
        Ok((slug.clone(), Identity::new(issuer.clone(), subject)))
    }
}

/// People who are written together.
#[derive(Debug, Default)]
pub(super) struct Batch(Vec<(u64, NewPerson, Vec<At>)>);

/// How often a batch is tried again because somebody else wrote the same names at the same time.
const TRIES: usize = 5;

impl Batch {
    /// Adds a person.
    pub(super) fn add(&mut self, line: u64, person: NewPerson, identities: Vec<At>) {
        self.0.push((line, person, identities));
    }

    /// The people who are left.
    pub(super) fn people(&self) -> impl Iterator<Item = &NewPerson> {
        self.0.iter().map(|(_, person, _)| person)
    }

    /// Removes the people who are there already, or who come twice.
    pub(super) async fn leave_alone(
        &mut self,
        store: &Store,
        clock: &Clock,
    ) -> Result<Vec<Skipped>, Fault> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let owners = users::owners(store, &self.keys(), clock.now()).await?;
        self.without_taken(store, &owners).await
    }

    fn keys(&self) -> Vec<String> {
        self.people().flat_map(NewPerson::keys).collect()
    }

    async fn without_taken(
        &mut self,
        reader: &impl Reader,
        owners: &HashMap<String, UserId>,
    ) -> Result<Vec<Skipped>, Fault> {
        let mut skipped = Vec::new();
        let (mut names, mut subjects) = (HashSet::new(), HashSet::new());
        let mut left = Vec::with_capacity(self.0.len());
        for (line, person, identities) in std::mem::take(&mut self.0) {
            let reason = refused(reader, &person, &identities, owners, (&names, &subjects)).await?;
            if let Some(reason) = reason {
                skipped.push(Skipped { line, username: Some(person.username), reason });
                continue;
            }
            names.extend(person.keys());
            subjects.extend(identities.iter().map(|(_, one)| key(one)));
            left.push((line, person, identities));
        }
        self.0 = left;
        Ok(skipped)
    }

    /// Puts the weak hashes into hashes of our own, so many at once.
    pub(super) async fn wrap(&mut self, hasher: &Hasher, at_once: usize) -> Result<(), Fault> {
        let people = self.0.iter_mut().map(|(_, person, _)| person);
        let mut weak: Vec<&mut NewPerson> =
            people.filter(|person| person.has_weak_hash()).collect();
        for some in weak.chunks_mut(at_once.max(1)) {
            let wrapped = some.iter_mut().map(|person| wrap(hasher, person));
            futures_util::future::try_join_all(wrapped).await?;
        }
        Ok(())
    }

    /// Writes the people, and returns those who came in between.
    pub(super) async fn write(
        &mut self,
        may: &May<ChangePeople>,
        at: &Importing<'_>,
    ) -> OrRejected<Vec<Skipped>> {
        let mut skipped = Vec::new();
        for _ in 0..TRIES {
            if self.0.is_empty() {
                return Ok(skipped);
            }
            let tx = may.acting(at.store).begin(at.clock.now()).await?;
            let keys = self.keys();
            users::free(&tx, &keys).await?;
            let owners = users::owners(&tx, &keys, tx.now()).await?;
            skipped.extend(self.without_taken(&tx, &owners).await?);
            if self.insert(&tx, at).await? {
                tx.commit().await?;
                return Ok(skipped);
            }
            tx.abandon().await;
        }
        let why = "others wrote the same names at the same time";
        Err(Fault::conflict("writing imported people", why).into())
    }

    async fn insert(&self, tx: &Tx, at: &Importing<'_>) -> Result<bool, Fault> {
        if self.0.is_empty() {
            return Ok(true);
        }
        let every: Vec<User> = self.people().map(|person| user(tx, person)).collect();
        if !users::insert_many(tx, &every).await? {
            return Ok(false);
        }
        let mut events = Vec::with_capacity(every.len());
        for ((_, person, identities), user) in self.0.iter().zip(&every) {
            let created = Event::new(EventKind::UserCreated).user(&user.id);
            events.push(created.detail("import"));
            for (slug, identity) in identities {
                if !identities::insert(tx, identity, &user.id, slug).await? {
                    return Ok(false);
                }
                let linked = Event::new(EventKind::IdentityLinked).user(&user.id);
                events.push(linked.detail(slug.as_str()));
            }
            if let (Some(secret), Some(key)) = (&person.totp, at.factors) {
                one_time_codes::put(tx, &user.id, key.seal(&user.id, secret)?, 0).await?;
                let added = Event::new(EventKind::FactorAdded).user(&user.id);
                events.push(added.detail("import"));
            }
        }
        let ids = every.iter().map(|user| &user.id);
        let belonging: Vec<_> = self.people().zip(ids).collect();
        events.extend(groups::join(tx, &belonging).await?);
        let mut values = Vec::new();
        for (person, id) in belonging {
            values.extend(person.values.iter().map(|(name, value)| (id, name, value)));
        }
        attribute_values::insert_many(tx, values.into_iter()).await?;
        audit_events::insert(tx, &events).await?;
        Ok(true)
    }
}

/// Puts the weak hash of a person into one of our own.
async fn wrap(hasher: &Hasher, person: &mut NewPerson) -> Result<(), Fault> {
    if let Some(NewHash::Foreign(ReadHash::Weak(weak))) = &person.hash {
        let wrapped = hasher.wrap(weak.clone()).await?;
        person.hash = Some(NewHash::Foreign(ReadHash::Strong(wrapped)));
    }
    Ok(())
}

fn key(identity: &Identity) -> (String, String) {
    (identity.issuer.clone(), identity.subject.clone())
}

/// Why a person is not taken, if so.
async fn refused(
    reader: &impl Reader,
    person: &NewPerson,
    identities: &[At],
    owners: &HashMap<String, UserId>,
    (names, subjects): (&HashSet<String>, &HashSet<(String, String)>),
) -> Result<Option<String>, Fault> {
    let keys = person.keys();
    if keys.iter().any(|key| names.contains(key)) {
        return Ok(Some(TWICE.to_owned()));
    }
    if keys.iter().any(|key| owners.contains_key(key)) {
        let there = "an account with this user name or verified address is there already, and is \
                     left alone";
        return Ok(Some(there.to_owned()));
    }
    if let Some(id) = &person.id
        && users::find(reader, &UserId::from_stored(id.clone())).await?.is_some()
    {
        return Ok(Some(format!("an account with the id {id} is there already")));
    }
    for (slug, identity) in identities {
        let is_taken = subjects.contains(&key(identity))
            || identities::find(reader, &identity.issuer, &identity.subject).await?.is_some();
        if is_taken {
            return Ok(Some(format!("the identity at {slug} belongs to another account")));
        }
    }
    Ok(None)
}

fn user(tx: &Tx, person: &NewPerson) -> User {
    let password_hash = match &person.hash {
        Some(NewHash::Own(text)) => Some(text.clone()),
        Some(NewHash::Foreign(ReadHash::Strong(hash))) => Some(hash.stored()),
        // Weak hashes were wrapped before; one that was not is never stored.
        Some(NewHash::Foreign(ReadHash::Weak(_))) | None => None,
    };
    User {
        id: person.id.clone().map_or_else(UserId::generate, UserId::from_stored),
        username: person.username.clone(),
        email: person.email.clone(),
        email_verified: person.email_verified,
        password_temporary: person.temporary && password_hash.is_some(),
        password_hash,
        totp_since: person.totp.as_ref().map(|_| tx.now()),
        profile: person.profile.clone(),
        disabled_at: person.disabled.then(|| tx.now()),
        deletion_at: None,
        created_at: person.created_at.filter(|at| *at <= tx.now()).unwrap_or_else(|| tx.now()),
        updated_at: tx.now(),
        made_by: AccountSource::Operator,
        email_by: AccountSource::Operator,
    }
}
