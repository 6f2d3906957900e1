//! `/providers`: the providers of social login.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::caller::Caller;
use super::creation::{Made, once};
use super::paging::{Page, Paging};
use super::problem::{ApiResult, Failed, Problem};
use super::received::{Named, Parameters, Seen, Sent};
use super::shown::{Shown, done, location};
use crate::admin::authority::{ChangeProviders, ReadProviders};
use crate::admin::provider_check::ProviderCheck;
use crate::admin::providers::{self, Addition, Listed, Target};
use crate::admin::refused::Refused;
use crate::domain::provider::{Credential, ProviderMetadata, Registration, Slug};
use crate::domain::provider_metadata::ProviderChange;
use crate::domain::reason::Reason;
use crate::domain::secret::Secret;
use crate::domain::urls::Issuer;
use crate::domain::verdict::Error;
use crate::social::registry;
use crate::web::shared::Shared;

/// A provider, without its credential.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Provider {
    /// Its name on this server.
    slug: String,
    /// Whether it is turned off.
    disabled: bool,
    /// Whether it is in the settings file: it is changed there.
    in_settings_file: bool,
    /// The redirect URI to register there.
    redirect_uri: String,
    /// Its metadata.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

impl Provider {
    fn new(issuer: &Issuer, one: &Listed) -> Self {
        Self {
            slug: one.slug.as_str().to_owned(),
            disabled: one.disabled,
            in_settings_file: one.is_of_file,
            redirect_uri: registry::redirect_uri(issuer, &one.slug),
            metadata: one.metadata.to_json(),
        }
    }
}

/// How this server authenticates at a provider. It is never read back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCredential {
    /// The client secret; every preset but `apple` has one.
    #[serde(default)]
    #[schema(format = Password)]
    client_secret: Option<String>,
    /// `apple`: the team.
    #[serde(default)]
    team_id: Option<String>,
    /// `apple`: the name of the key.
    #[serde(default)]
    key_id: Option<String>,
    /// `apple`: the key, PKCS#8 in PEM.
    #[serde(default)]
    #[schema(format = Password)]
    private_key: Option<String>,
}

impl NewCredential {
    fn read(self) -> ApiResult<Credential> {
        let Self { client_secret, team_id, key_id, private_key } = self;
        match (client_secret, team_id, key_id, private_key) {
            (Some(secret), None, None, None) => Ok(Credential::Secret(Secret::text(secret.trim()))),
            (None, Some(team), Some(id), Some(private)) => {
                Ok(Credential::Key { team, id, private: Secret::from(private) })
            }
            _ => {
                let why = "a credential is a client_secret, or team_id, key_id and private_key";
                Err(Failed::because(Reason::AdminInvalid, why))
            }
        }
    }
}

/// A provider to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProvider {
    /// Its name on this server: 1 to 32 lower-case letters, digits, `-` and `_`.
    slug: String,
    /// Its metadata: `preset`, `client_id` and what else `mapae provider add` takes.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// How this server authenticates there.
    #[serde(default)]
    credential: Option<NewCredential>,
}

/// What changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderUpdate {
    /// The members to replace, without `preset`; `null` takes one back, and the others stay.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// Another credential.
    #[serde(default)]
    credential: Option<NewCredential>,
}

/// What a check of a provider found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Finding {
    /// The provider.
    slug: String,
    /// The redirect URI to register there.
    redirect_uri: String,
    /// Whether nothing is wrong.
    good: bool,
    /// What is right.
    findings: Vec<String>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Hints.
    notes: Vec<String>,
}

fn slug(text: &str) -> ApiResult<Slug> {
    Slug::parse(text).ok_or_else(|| unknown(text))
}

fn unknown(name: &str) -> Failed {
    Failed::because(Reason::AdminUnknown, format!("there is no provider {name:?}"))
}

fn shown(shared: &Shared, one: &Listed) -> Shown<Provider> {
    Shown::of(Provider::new(&shared.flows.url, one)).version(providers::version(one))
}

fn target<'a>(slug: &'a Slug, seen: &'a Seen) -> Target<'a> {
    Target { slug, version: seen.0.as_ref() }
}

/// Providers, page by page
#[utoipa::path(get, path = "/providers", tag = "providers", params(Paging), responses(
    (status = 200, body = Page<Provider>), (status = 400, body = Problem),
))]
pub(super) async fn list(
    Caller(may): Caller<ReadProviders>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Paging>,
) -> ApiResult<Shown<Page<Provider>>> {
    let (issuer, of_file) = (&shared.flows.url, &shared.providers_of_file);
    let every = providers::list(&may, &shared.flows.store, of_file).await?;
    let every = every.iter().map(|one| Provider::new(issuer, one)).collect();
    Ok(Shown::of(asked.page(every, |one: &Provider| one.slug.clone())?))
}

/// Add a provider
#[utoipa::path(post, path = "/providers", tag = "providers",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = NewProvider, responses(
        (status = 201, body = Provider, headers(("Location" = String), ("ETag" = String))),
        (status = 409, body = Problem), (status = 422, body = Problem),
    ))]
pub(super) async fn create(
    Caller(may): Caller<ChangeProviders>,
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> ApiResult<Response<Body>> {
    once(&shared, &may, request, async |new: NewProvider| {
        let invalid = |why: String| Failed::because(Reason::AdminInvalid, why);
        let slug = Slug::parse(&new.slug).ok_or_else(|| {
            invalid("a slug has 1 to 32 lower-case letters, digits, - and _".to_owned())
        })?;
        let metadata = ProviderMetadata::from_json(new.metadata);
        let metadata = metadata.map_err(|problems| invalid(problems.to_string()))?;
        let credential = new.credential.map_or(Ok(Credential::None), NewCredential::read)?;
        let registration = Registration { slug, metadata, credential, disabled: false };
        let Registration { slug, metadata, disabled, .. } = registration.clone();
        let made = Listed { slug, metadata, disabled, is_of_file: false };
        let (flows, of_file) = (&shared.flows, &shared.providers_of_file);
        let allow_private = flows.providers.outbound().allows_private();
        let addition = Addition::new(registration, of_file, allow_private);
        let addition = addition.map_err(|unfit| Error::<Refused>::from(Error::Refused(unfit)))?;
        let sealer = flows.providers.sealer();
        providers::add(&may, &flows.store, &flows.clock, sealer, addition).await?;
        let location = location(&shared, &["providers", made.slug.as_str()]);
        Ok(Made::of(Provider::new(&flows.url, &made), location, providers::version(&made)))
    })
    .await
}

/// One provider
#[utoipa::path(get, path = "/providers/{slug}", tag = "providers", params(("slug" = String, Path)),
    responses(
        (status = 200, body = Provider, headers(("ETag" = String))),
        (status = 404, body = Problem),
    ))]
pub(super) async fn show(
    Caller(may): Caller<ReadProviders>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
) -> ApiResult<Shown<Provider>> {
    let (slug, of_file) = (slug(&name)?, &shared.providers_of_file);
    let every = providers::list(&may, &shared.flows.store, of_file).await?;
    let found = every.iter().find(|one| one.slug == slug).ok_or_else(|| unknown(&name))?;
    Ok(shown(&shared, found))
}

/// Change a provider
#[utoipa::path(patch, path = "/providers/{slug}", tag = "providers",
    params(("slug" = String, Path), ("If-Match" = String, Header)),
    request_body = ProviderUpdate, responses(
        (status = 200, body = Provider, headers(("ETag" = String))),
        (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem),
        (status = 428, body = Problem),
    ))]
pub(super) async fn change(
    Caller(may): Caller<ChangeProviders>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
    seen: Seen,
    Sent(sent): Sent<ProviderUpdate>,
) -> ApiResult<Shown<Provider>> {
    if sent.metadata.contains_key("preset") {
        return Err(Failed::because(Reason::AdminInvalid, "the preset of a provider stays"));
    }
    let (slug, flows) = (slug(&name)?, &shared.flows);
    let credential = sent.credential.map(NewCredential::read).transpose()?;
    let (change, sealer) = (ProviderChange(sent.metadata), flows.providers.sealer());
    let allow_private = flows.providers.outbound().allows_private();
    let rules = (&shared.providers_of_file[..], allow_private);
    let asked = (target(&slug, &seen), &change, credential);
    let changed = providers::update(&may, &flows.store, &flows.clock, sealer, rules, asked).await;
    Ok(shown(&shared, &changed.map_err(Error::<Refused>::from)?))
}

/// Ask a provider whether the registration there is good, and look for what is missing here
#[utoipa::path(post, path = "/providers/{slug}/check", tag = "providers",
    params(("slug" = String, Path)),
    responses(
        (status = 200, body = Finding), (status = 404, body = Problem),
        (status = 409, body = Problem),
    ))]
pub(super) async fn check(
    // It sends the credential to the provider.
    _: Caller<ChangeProviders>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
) -> ApiResult<Shown<Finding>> {
    let (slug, flows) = (slug(&name)?, &shared.flows);
    let mut every = shared.providers_of_file.clone();
    every.extend(registry::stored(&*flows.store, flows.providers.sealer()).await?);
    let one = every.iter().find(|one| one.slug == slug).ok_or_else(|| unknown(&name))?;
    let outbound = flows.providers.outbound();
    let checking = ProviderCheck {
        issuer: &flows.url,
        store: Some(&flows.store),
        outbound,
        clock: &flows.clock,
        allow_private: outbound.allows_private(),
    };
    let found = checking.check(one).await?;
    let good = found.said.is_ok();
    let (findings, problem) = match found.said {
        Ok(findings) => (findings, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let (slug, redirect_uri, notes) = (name, found.redirect_uri, found.notes);
    Ok(Shown::of(Finding { slug, redirect_uri, good, findings, problem, notes }))
}

/// Turn a provider off, and end what people opened with it
#[utoipa::path(post, path = "/providers/{slug}/disable", tag = "providers",
    params(("slug" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 428, body = Problem),
    ))]
pub(super) async fn disable(
    Caller(may): Caller<ChangeProviders>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let (flows, of_file) = (&shared.flows, &shared.providers_of_file);
    let (slug, store, clock) = (slug(&name)?, &flows.store, &flows.clock);
    providers::set_enabled(&may, store, clock, of_file, target(&slug, &seen), false).await?;
    Ok(done())
}

/// Turn a provider on again
#[utoipa::path(post, path = "/providers/{slug}/enable", tag = "providers",
    params(("slug" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 428, body = Problem),
    ))]
pub(super) async fn enable(
    Caller(may): Caller<ChangeProviders>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let (flows, of_file) = (&shared.flows, &shared.providers_of_file);
    let (slug, store, clock) = (slug(&name)?, &flows.store, &flows.clock);
    providers::set_enabled(&may, store, clock, of_file, target(&slug, &seen), true).await?;
    Ok(done())
}

/// Delete a provider. People who signed in with it keep their accounts
#[utoipa::path(delete, path = "/providers/{slug}", tag = "providers",
    params(("slug" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 428, body = Problem),
    ))]
pub(super) async fn delete(
    Caller(may): Caller<ChangeProviders>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let (flows, slug) = (&shared.flows, slug(&name)?);
    providers::delete(&may, &flows.store, &flows.clock, target(&slug, &seen)).await?;
    Ok(done())
}
