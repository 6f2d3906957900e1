//! What an operator does with the providers in the database.

use std::fmt;

use serde_json::json;

use super::authority::{ChangeProviders, May, ReadProviders};
use super::refused::{AdminResult, Refused, conflict};
use crate::accounts::{provider_groups, session_endings};
use crate::domain::admin_right::{AdminRight, Rights};
use crate::domain::audit::{Event, EventKind};
use crate::domain::client::ClientId;
use crate::domain::clock::Clock;
use crate::domain::family::FamilyFilter;
use crate::domain::group::GroupName;
use crate::domain::provider::{Credential, ProviderMetadata, Registration, Slug};
use crate::domain::provider_metadata::{AttributeProblems, ProviderChange};
use crate::domain::verdict::{Error, Fault, OrRejected, reject};
use crate::domain::version::Version;
use crate::keys::seal::Sealer;
use crate::social::registry::{opened, sealed};
use crate::social::{self, Problems};
use crate::store::providers::StoredProvider;
use crate::store::{Reader, Store, Tx, audit_events, clients, groups, providers};

/// A provider that was checked and may be added.
#[derive(Debug)]
pub struct Addition(Registration);

/// Why a provider cannot be added or changed.
#[derive(Debug)]
pub enum Unfit {
    /// Its registration is not valid.
    Registration(Problems, Box<Registration>),
    /// The settings file has a provider of this name.
    InFile(Slug),
    /// The database has no provider of this name.
    Unknown(Slug),
    /// Its row cannot be read; this says why.
    Unreadable(String),
    /// An attribute has a wrong value.
    Attributes(AttributeProblems),
    /// It names a client that does not exist.
    NoClient(ClientId),
    /// It names a group that does not exist.
    NoGroup(GroupName),
    /// It gives people groups, and who asks may not do that.
    BeyondRights,
    /// It is not any more what the caller saw.
    Changed,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registration(problems, _) => problems.fmt(f),
            Self::InFile(slug) => write!(f, "{slug} stands in the settings file: change it there"),
            Self::Unknown(slug) => write!(f, "there is no provider {slug} in the database"),
            Self::Unreadable(why) => f.write_str(why),
            Self::Attributes(problems) => problems.fmt(f),
            Self::NoClient(client) => write!(f, "there is no client {:?}", client.as_str()),
            Self::NoGroup(group) => write!(f, "there is no group {:?}", group.as_str()),
            Self::BeyondRights => f.write_str(
                "its groups are mapped to groups here, and you may not put people into groups",
            ),
            Self::Changed => Refused::Changed.fmt(f),
        }
    }
}

impl From<Error<Unfit>> for Error<Refused> {
    fn from(error: Error<Unfit>) -> Self {
        error.map(|unfit| {
            let why = unfit.to_string();
            match unfit {
                Unfit::Registration(..)
                | Unfit::Attributes(_)
                | Unfit::NoClient(_)
                | Unfit::NoGroup(_) => Refused::Invalid(why),
                Unfit::BeyondRights => Refused::Forbidden(why),
                Unfit::InFile(_) | Unfit::Unreadable(_) => Refused::Conflict(why),
                Unfit::Unknown(_) => Refused::NotFound(why),
                Unfit::Changed => Refused::Changed,
            }
        })
    }
}

impl From<Unfit> for Error<Unfit> {
    fn from(unfit: Unfit) -> Self {
        Self::Refused(unfit)
    }
}

impl Addition {
    /// Checks a registration, and that the settings file does not have the name. `allow_private`
    /// says whether the operator allows providers in a private network.
    pub fn new(
        registration: Registration,
        of_file: &[Registration],
        allow_private: bool,
    ) -> Result<Self, Unfit> {
        if let Err(problems) = social::check(&registration, allow_private) {
            return Err(Unfit::Registration(problems, Box::new(registration)));
        }
        if is_among(of_file, &registration.slug) {
            return Err(Unfit::InFile(registration.slug));
        }
        Ok(Self(registration))
    }

    /// Whether no client accepts passwords any more after this provider is added.
    #[must_use]
    pub fn ends_passwords(&self) -> bool {
        self.0.metadata.only && self.0.metadata.allowed_clients.is_empty()
    }
}

fn is_among(some: &[Registration], slug: &Slug) -> bool {
    some.iter().any(|one| one.slug == *slug)
}

/// What a provider is now: whoever changes it can say which version they saw.
#[must_use]
pub fn version(one: &Listed) -> Version {
    let Listed { slug, metadata, disabled, is_of_file } = one;
    Version::of(&json!([slug, metadata, disabled, is_of_file]))
}

/// The provider that a use case changes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its name.
    pub slug: &'a Slug,
    /// What it was when the caller saw it. If it is another one now, nothing is changed.
    pub version: Option<&'a Version>,
}

impl<'a> From<&'a Slug> for Target<'a> {
    /// The provider of this name, whatever it is now.
    fn from(slug: &'a Slug) -> Self {
        Self { slug, version: None }
    }
}

impl Target<'_> {
    /// Whether the locked row is what the caller saw.
    fn is_seen(self, stored: &StoredProvider) -> Result<bool, Fault> {
        let Some(seen) = self.version else { return Ok(true) };
        let (slug, metadata) = (stored.slug.clone(), stored.metadata()?);
        let now = Listed { slug, metadata, disabled: stored.disabled, is_of_file: false };
        Ok(*seen == version(&now))
    }
}

/// Adds a provider to the database.
pub async fn add(
    may: &May<ChangeProviders>,
    store: &Store,
    clock: &Clock,
    sealer: &Sealer,
    addition: Addition,
) -> AdminResult {
    let store = &may.acting(store);
    let Addition(registration) = addition;
    if let Some(client) = missing_client(store, &registration.metadata).await? {
        return Err(Error::from(Unfit::NoClient(client)).into());
    }
    check_groups(may, store, &registration.metadata).await?;
    let slug = registration.slug.clone();
    let tx = store.begin(clock.now()).await?;
    if !providers::insert(&tx, &sealed(sealer, &registration)?).await? {
        tx.abandon().await;
        return conflict(format!("there is a provider {slug} already"));
    }
    Ok(done(tx, EventKind::ProviderAdded, &slug).await?)
}

/// Changes these attributes of a provider in the database, and its credential if a new one is
/// given. The checks are made on the changed provider.
pub async fn update(
    may: &May<ChangeProviders>,
    store: &Store,
    clock: &Clock,
    sealer: &Sealer,
    (of_file, allow_private): (&[Registration], bool),
    (target, change, credential): (impl Into<Target<'_>>, &ProviderChange, Option<Credential>),
) -> Result<Listed, Error<Unfit>> {
    let target = target.into();
    let slug = target.slug;
    if is_among(of_file, slug) {
        return Err(Unfit::InFile(slug.clone()).into());
    }
    let tx = may.acting(store).begin(clock.now()).await?;
    let asked = (target, change, credential);
    let updated = Box::pin(update_in(may, &tx, sealer, allow_private, asked)).await;
    tx.settle(updated).await
}

async fn update_in(
    may: &May<ChangeProviders>,
    tx: &Tx,
    sealer: &Sealer,
    allow_private: bool,
    (target, change, credential): (Target<'_>, &ProviderChange, Option<Credential>),
) -> Result<Listed, Error<Unfit>> {
    let slug = target.slug;
    let stored = providers::lock(tx, slug).await?.ok_or_else(|| Unfit::Unknown(slug.clone()))?;
    if !target.is_seen(&stored)? {
        return Err(Unfit::Changed.into());
    }
    let mut registration = opened(sealer, &stored).map_err(Unfit::Unreadable)?;
    registration.metadata = registration.metadata.changed(change).map_err(Unfit::Attributes)?;
    registration.credential = credential.unwrap_or(registration.credential);
    if let Err(problems) = social::check(&registration, allow_private) {
        return Err(Unfit::Registration(problems, Box::new(registration)).into());
    }
    if let Some(client) = missing_client(tx, &registration.metadata).await? {
        return Err(Unfit::NoClient(client).into());
    }
    check_groups(may, tx, &registration.metadata).await?;
    providers::update(tx, &sealed(sealer, &registration)?).await?;
    let event = Event::new(EventKind::ProviderUpdated).detail(slug.as_str());
    audit_events::insert(tx, &[event]).await?;
    let Registration { slug, metadata, disabled, .. } = registration;
    Ok(Listed { slug, metadata, disabled, is_of_file: false })
}

/// A provider in a list, without its credential.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The name of the provider on this server.
    pub slug: Slug,
    /// Its metadata.
    pub metadata: ProviderMetadata,
    /// Whether it is turned off.
    pub disabled: bool,
    /// Whether it is in the settings file and not in the database.
    pub is_of_file: bool,
}

/// Every provider, from the settings file and from the database. No credential is decrypted.
pub async fn list(
    _may: &May<ReadProviders>,
    store: &Store,
    of_file: &[Registration],
) -> Result<Vec<Listed>, Fault> {
    every(store, of_file).await
}

pub(super) async fn every(store: &Store, of_file: &[Registration]) -> Result<Vec<Listed>, Fault> {
    let of_file = of_file.iter().map(|one| Listed {
        slug: one.slug.clone(),
        metadata: one.metadata.clone(),
        disabled: one.disabled,
        is_of_file: true,
    });
    let mut every: Vec<_> = of_file.collect();
    for stored in providers::list_all(store).await? {
        let (metadata, disabled) = (stored.metadata()?, stored.disabled);
        every.push(Listed { slug: stored.slug, metadata, disabled, is_of_file: false });
    }
    Ok(every)
}

/// Finds one provider in that list.
pub async fn find(
    _may: &May<ReadProviders>,
    store: &Store,
    of_file: &[Registration],
    slug: &Slug,
) -> OrRejected<Listed> {
    let every = every(store, of_file).await?;
    match every.into_iter().find(|one| one.slug == *slug) {
        Some(one) => Ok(one),
        None => reject(format!("there is no provider {slug}")),
    }
}

/// A client that the metadata names but that is not registered here, if there is one.
pub async fn missing_client(
    reader: &impl Reader,
    metadata: &ProviderMetadata,
) -> Result<Option<ClientId>, Fault> {
    for client in metadata.clients() {
        if clients::find(reader, client).await?.is_none() {
            return Ok(Some(client.clone()));
        }
    }
    Ok(None)
}

/// Checks the groups that a provider gives: each exists, and who asks may put people into groups.
/// Whoever could change such a provider otherwise could let it say whatever they like.
async fn check_groups(
    may: &May<ChangeProviders>,
    reader: &impl Reader,
    metadata: &ProviderMetadata,
) -> Result<(), Error<Unfit>> {
    if metadata.group_map.is_empty() {
        return Ok(());
    }
    if !may.includes(Rights::of(&[AdminRight::ChangePeople])) {
        return Err(Unfit::BeyondRights.into());
    }
    match missing_group(reader, metadata).await? {
        Some(group) => Err(Unfit::NoGroup(group).into()),
        None => Ok(()),
    }
}

/// A group that the metadata names and that does not exist, if there is one.
pub(super) async fn missing_group(
    reader: &impl Reader,
    metadata: &ProviderMetadata,
) -> Result<Option<GroupName>, Fault> {
    for mapping in &metadata.group_map {
        if groups::find(reader, &mapping.ours).await?.is_none() {
            return Ok(Some(mapping.ours.clone()));
        }
    }
    Ok(None)
}

/// Turns a provider of the database off or on. When it is turned off, what people opened with it
/// ends, and stays ended when it is turned on again.
pub async fn set_enabled(
    may: &May<ChangeProviders>,
    store: &Store,
    clock: &Clock,
    of_file: &[Registration],
    target: impl Into<Target<'_>>,
    enabled: bool,
) -> AdminResult {
    let (store, target) = (&may.acting(store), target.into());
    let slug = target.slug;
    if is_among(of_file, slug) {
        return conflict(format!(
            "{slug} stands in the settings file: write disabled = true there and restart"
        ));
    }
    if enabled {
        let every = every(store, &[]).await?;
        if every.iter().any(|one| one.slug == *slug && one.disabled) {
            // A turning off that was interrupted is carried out first.
            session_endings::end_every(store, clock, FamilyFilter::Provider(slug)).await?;
        }
    }
    let tx = locked(store, clock, target).await?;
    let disabled_at = (!enabled).then(|| tx.now());
    providers::set_disabled(&tx, slug, disabled_at).await?;
    let kind = if enabled { EventKind::ProviderEnabled } else { EventKind::ProviderDisabled };
    done(tx, kind, slug).await?;
    if !enabled {
        session_endings::end_every(store, clock, FamilyFilter::Provider(slug)).await?;
    }
    Ok(())
}

/// Deletes a provider from the database. If a provider is also in the settings file, this resolves
/// the conflict. People who signed in with it keep their accounts, and can sign in with it again if
/// it is added again; what they opened with it ends.
pub async fn delete(
    may: &May<ChangeProviders>,
    store: &Store,
    clock: &Clock,
    target: impl Into<Target<'_>>,
) -> AdminResult {
    let (store, target) = (&may.acting(store), target.into());
    let slug = target.slug;
    let tx = locked(store, clock, target).await?;
    providers::delete(&tx, slug).await?;
    done(tx, EventKind::ProviderDeleted, slug).await?;
    session_endings::end_every(store, clock, FamilyFilter::Provider(slug)).await?;
    provider_groups::take_from_everybody(store, || clock.now(), slug).await?;
    Ok(())
}

/// Locks a provider of the database that is what the caller saw.
async fn locked(store: &Store, clock: &Clock, target: Target<'_>) -> AdminResult<Tx> {
    let tx = store.begin(clock.now()).await?;
    let refused = match providers::lock(&tx, target.slug).await? {
        Some(stored) if target.is_seen(&stored)? => return Ok(tx),
        Some(_) => Refused::Changed,
        None => Refused::NotFound(Unfit::Unknown(target.slug.clone()).to_string()),
    };
    tx.abandon().await;
    Err(refused.into())
}

async fn done(tx: Tx, kind: EventKind, slug: &Slug) -> Result<(), Fault> {
    audit_events::insert(&tx, &[Event::new(kind).detail(slug.as_str())]).await?;
    tx.commit().await
}
