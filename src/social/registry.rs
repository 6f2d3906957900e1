//! The providers of social login that this server has: those of the settings file, and those in the
//! database. The latter are kept in memory and read again when they change.

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::provider::Provider;
use super::{build, profiles};
use crate::domain::client::ClientId;
use crate::domain::clock::Clock;
use crate::domain::family::Family;
use crate::domain::language::Language;
use crate::domain::provider::{Credential, ProviderMetadata, Registration, Slug, came_by};
use crate::domain::secret::Secret;
use crate::domain::urls::{self, Issuer};
use crate::domain::verdict::{Error, Fault, Rejected, reject};
use crate::keys::seal::{Sealer, credential_name};
use crate::outbound::Outbound;
use crate::store::providers::{self, StoredProvider};
use crate::store::{Reader, Store};

/// A provider that is in use.
#[derive(Clone, Debug)]
pub struct ConfiguredProvider {
    /// Its registration.
    pub registration: Registration,
    /// The provider.
    pub provider: Arc<dyn Provider>,
}

impl ConfiguredProvider {
    /// The name of the provider in this language.
    #[must_use]
    pub fn name(&self, language: &str) -> &str {
        let ProviderMetadata { preset, name, .. } = &self.registration.metadata;
        let theirs = Language::of_tag(language).and_then(|it| it.provider_name(*preset));
        name.as_deref().or(theirs).unwrap_or(profiles::of(*preset).title)
    }

    /// Whether a person with these `amr` values signed in with this provider. The issuer is
    /// compared, too, because another provider may have had the same name before.
    #[must_use]
    pub fn vouched(&self, amr: &[String], issuer: Option<&str>) -> bool {
        came_by(amr) == Some(self.registration.slug.as_str())
            && issuer.is_some_and(|issuer| self.provider.issues(issuer))
    }

    /// A copy that is turned off or on.
    fn turned(&self, disabled: bool) -> Self {
        let mut same = self.clone();
        same.registration.disabled = disabled;
        same
    }

    /// Whether it refuses to work in the embedded browsers of apps.
    #[must_use]
    pub fn blocks_embedded_browsers(&self) -> bool {
        profiles::of(self.registration.metadata.preset).blocks_embedded_browsers
    }
}

/// Every provider of this server.
#[derive(Debug)]
pub struct Providers {
    store: Arc<Store>,
    sealer: Sealer,
    outbound: Outbound,
    clock: Clock,
    fixed: Vec<Arc<ConfiguredProvider>>,
    /// The providers of the settings, followed by those of the database.
    every: RwLock<Arc<[Arc<ConfiguredProvider>]>>,
}

/// What is wrong with a provider in the database.
struct Wrong {
    slug: Slug,
    why: String,
    /// Whether a server refuses to start because of it.
    grave: bool,
}

impl Providers {
    /// The providers of the settings. Those of the database are not read yet.
    pub fn new(
        store: Arc<Store>,
        sealer: Sealer,
        outbound: Outbound,
        clock: Clock,
        fixed: &[Registration],
    ) -> Result<Self, Error<Rejected>> {
        let configured = fixed.iter().map(|one| make(one, &outbound, &clock).map_err(Rejected));
        let fixed: Vec<_> = configured.collect::<Result<_, _>>()?;
        let every = RwLock::new(fixed.clone().into());
        Ok(Self { store, sealer, outbound, clock, fixed, every })
    }

    /// Reads the providers of the database at start. If one cannot be opened, or is in the
    /// settings, too, that is an error.
    pub async fn start(&self) -> Result<(), Error<Rejected>> {
        let wrong = self.read().await?;
        match wrong.into_iter().find(|wrong| wrong.grave) {
            Some(wrong) => reject(wrong.why),
            None => Ok(()),
        }
    }

    /// Reads the providers of the database again; it is called after each change. A provider that
    /// has not changed is kept. One that cannot be read any more is kept as well, except that it is
    /// turned off or on, so that its mistake does not affect the others.
    pub async fn reload(&self) -> Result<(), Fault> {
        self.read().await.map(drop)
    }

    async fn read(&self) -> Result<Vec<Wrong>, Fault> {
        let before = self.list();
        let (mut every, mut wrong) = (self.fixed.clone(), Vec::new());
        for stored in providers::list_all(&*self.store).await? {
            let is_same =
                |configured: &&Arc<ConfiguredProvider>| configured.registration.slug == stored.slug;
            if self.fixed.iter().any(|configured| is_same(&configured)) {
                wrong.push(Wrong::twice(&stored.slug));
                continue;
            }
            let old = before.iter().find(is_same);
            match self.configured(&stored, old) {
                Ok(configured) => every.push(configured),
                Err(problem) => {
                    every.extend(old.map(|old| Arc::new(old.turned(stored.disabled))));
                    wrong.push(problem);
                }
            }
        }
        for Wrong { slug, why, .. } in &wrong {
            tracing::error!(provider = %slug, why, "a provider cannot be read from the database; it stays as it was");
        }
        *self.every.write().unwrap_or_else(PoisonError::into_inner) = every.into();
        Ok(wrong)
    }

    /// The provider of a row: the old one, if the row has not changed.
    fn configured(
        &self,
        stored: &StoredProvider,
        old: Option<&Arc<ConfiguredProvider>>,
    ) -> Result<Arc<ConfiguredProvider>, Wrong> {
        let wrong = |why, grave| Wrong { slug: stored.slug.clone(), why, grave };
        let registration = opened(&self.sealer, stored).map_err(|why| wrong(why, true))?;
        match old {
            Some(same) if same.registration == registration => Ok(Arc::clone(same)),
            _ => make(&registration, &self.outbound, &self.clock).map_err(|why| wrong(why, false)),
        }
    }

    /// Seals the credentials of providers.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Sends requests to providers.
    #[must_use]
    pub fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// Every provider: those of the settings in their order, then those of the database in the
    /// order in which they were added.
    #[must_use]
    pub fn list(&self) -> Arc<[Arc<ConfiguredProvider>]> {
        Arc::clone(&self.every.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The providers that may be used for this client, or for a person's own account (`None`).
    #[must_use]
    pub fn usable(&self, client: Option<&ClientId>) -> Vec<Arc<ConfiguredProvider>> {
        usable(&self.list(), client).cloned().collect()
    }

    /// The provider of this name, if it may be used for this client. Otherwise the answer is the
    /// same as for one that does not exist.
    #[must_use]
    pub fn find(&self, slug: &Slug, client: Option<&ClientId>) -> Option<Arc<ConfiguredProvider>> {
        usable(&self.list(), client)
            .find(|configured| configured.registration.slug == *slug)
            .cloned()
    }

    /// Whether a person with this sign-in method may use this client. A provider is refused if it
    /// is not for this client or if another provider has its name now. Any other method is refused
    /// if only providers are allowed.
    #[must_use]
    pub fn admit(&self, client: &ClientId, amr: &[String], issuer: Option<&str>) -> bool {
        match came_by(amr) {
            Some(_) => {
                usable(&self.list(), Some(client)).any(|configured| configured.vouched(amr, issuer))
            }
            None => !self.are_the_only_way(Some(client)),
        }
    }

    /// Whether a family may still be used, given the sign-in method that it was started with.
    #[must_use]
    pub fn admit_family(&self, family: &Family) -> bool {
        self.admit(&family.client, &family.amr, family.provider_issuer.as_deref())
    }

    /// Whether people can sign in to this client only with a provider.
    #[must_use]
    pub fn are_the_only_way(&self, client: Option<&ClientId>) -> bool {
        self.list().iter().any(|configured| configured.registration.is_only_way(client))
    }
}

/// The providers that may be used for a client. If some are marked as the only sign-in method, all
/// others are left out.
fn usable<'a>(
    every: &'a [Arc<ConfiguredProvider>],
    client: Option<&'a ClientId>,
) -> impl Iterator<Item = &'a Arc<ConfiguredProvider>> {
    let only = every.iter().any(|configured| configured.registration.is_only_way(client));
    every.iter().filter(move |configured| {
        let one = &configured.registration;
        (!only || one.is_only_way(client)) && one.serves(client)
    })
}

impl Wrong {
    fn twice(slug: &Slug) -> Self {
        let why = format!(
            "the provider {slug} stands in the settings and in the database: take it out of the \
             file, or `mapae provider delete --slug {slug}`"
        );
        Self { slug: slug.clone(), why, grave: true }
    }
}

fn make(
    registration: &Registration,
    outbound: &Outbound,
    clock: &Clock,
) -> Result<Arc<ConfiguredProvider>, String> {
    match build::provider(registration, outbound, clock) {
        Ok(provider) => {
            Ok(Arc::new(ConfiguredProvider { registration: registration.clone(), provider }))
        }
        Err(problems) => Err(format!("the provider {} is not good: {problems}", registration.slug)),
    }
}

/// The callback for a provider, which has to be registered there as redirect URI.
#[must_use]
pub fn redirect_uri(issuer: &Issuer, slug: &Slug) -> String {
    issuer.url(&urls::LOGIN_CALLBACK.replace("{provider}", slug.as_str()))
}

/// Whether this redirect URI is a callback of this server.
#[must_use]
pub fn is_callback(issuer: &Issuer, uri: &str) -> bool {
    let every = issuer.url(&urls::LOGIN_CALLBACK.replace("{provider}", ""));
    uri.to_ascii_lowercase().starts_with(&every.to_ascii_lowercase())
}

/// A credential in the form in which it is sealed.
#[derive(Deserialize, Serialize)]
enum Text {
    None,
    Secret(String),
    Key { team: String, id: String, private: String },
}

/// Seals the credential of a registration.
pub(crate) fn sealed(
    sealer: &Sealer,
    registration: &Registration,
) -> Result<StoredProvider, Fault> {
    let text = match &registration.credential {
        Credential::None => Text::None,
        Credential::Secret(secret) => Text::Secret(secret.expose().to_owned()),
        Credential::Key { team, id, private } => {
            Text::Key { team: team.clone(), id: id.clone(), private: private.expose().to_owned() }
        }
    };
    let text = serde_json::to_vec(&text).map(Secret::new);
    let text = text.map_err(|error| Fault::internal("writing a credential", error))?;
    let Registration { slug, metadata, .. } = registration;
    let sealed = sealer.seal(&credential_name(slug, metadata), text.expose())?;
    Ok(StoredProvider::new(slug.clone(), metadata, sealed))
}

/// Reads a registration and opens its credential. The error says why that is not possible.
pub(crate) fn opened(sealer: &Sealer, stored: &StoredProvider) -> Result<Registration, String> {
    let metadata = stored.metadata().map_err(|fault| fault.to_string())?;
    let slug = stored.slug.clone();
    let text = sealer.open(&credential_name(&slug, &metadata), &stored.sealed_credential);
    let text = text.and_then(|text| serde_json::from_slice(text.expose()).ok());
    let credential = match text {
        Some(Text::None) => Credential::None,
        Some(Text::Secret(secret)) => Credential::Secret(Secret::text(secret)),
        Some(Text::Key { team, id, private }) => {
            Credential::Key { team, id, private: Secret::text(private) }
        }
        None => {
            return Err(format!(
                "the credential of {slug} does not open: it was sealed under another master key or for another issuer"
            ));
        }
    };
    Ok(Registration { slug, metadata, credential, disabled: stored.disabled })
}

/// Every provider of the database, with opened credentials.
pub async fn stored(
    reader: &impl Reader,
    sealer: &Sealer,
) -> Result<Vec<Registration>, Error<Rejected>> {
    let stored = providers::list_all(reader).await?;
    let every = stored.iter().map(|stored| opened(sealer, stored).map_err(Rejected));
    Ok(every.collect::<Result<_, _>>()?)
}
