//! `/providers`: the providers of social login.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::caller::Caller;
use super::paging::{Page, Paging};
use super::problem::{ApiResult, Failed, Problem};
use super::received::{Named, Parameters};
use super::shown::{Shown, done};
use crate::admin::authority::{ChangeProviders, ReadProviders};
use crate::admin::providers::{self, Listed};
use crate::domain::provider::Slug;
use crate::domain::reason::Reason;
use crate::domain::verdict::Fault;
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
    /// Its metadata.
    #[schema(value_type = Object)]
    metadata: Value,
}

impl TryFrom<Listed> for Provider {
    type Error = Fault;

    fn try_from(one: Listed) -> Result<Self, Fault> {
        let metadata = serde_json::to_value(&one.metadata)
            .map_err(|error| Fault::internal("writing the metadata of a provider", error))?;
        Ok(Self {
            slug: one.slug.as_str().to_owned(),
            disabled: one.disabled,
            in_settings_file: one.is_of_file,
            metadata,
        })
    }
}

fn slug(text: &str) -> ApiResult<Slug> {
    let unknown =
        || Failed::because(Reason::AdminUnknown, format!("there is no provider {text:?}"));
    Slug::parse(text).ok_or_else(unknown)
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
    let of_file = &shared.providers_of_file;
    let every = providers::list(&may, &shared.flows.store, of_file).await?;
    let every: Vec<Provider> =
        every.into_iter().map(Provider::try_from).collect::<Result<_, _>>()?;
    Ok(Shown::of(asked.page(every, |one: &Provider| one.slug.clone())?))
}

/// One provider
#[utoipa::path(get, path = "/providers/{slug}", tag = "providers", params(("slug" = String, Path)),
    responses((status = 200, body = Provider), (status = 404, body = Problem)))]
pub(super) async fn show(
    Caller(may): Caller<ReadProviders>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
) -> ApiResult<Shown<Provider>> {
    let (slug, of_file) = (slug(&name)?, &shared.providers_of_file);
    let found = providers::find(&may, &shared.flows.store, of_file, &slug).await;
    let found = found.map_err(|error| {
        error.map(|why| crate::admin::refused::Refused::NotFound(why.to_string()))
    })?;
    Ok(Shown::of(Provider::try_from(found)?))
}

/// Turn a provider off, and end what people opened with it
#[utoipa::path(post, path = "/providers/{slug}/disable", tag = "providers",
    params(("slug" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn disable(
    Caller(may): Caller<ChangeProviders>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
) -> ApiResult<StatusCode> {
    let (flows, of_file) = (&shared.flows, &shared.providers_of_file);
    let slug = slug(&name)?;
    providers::set_enabled(&may, &flows.store, &flows.clock, of_file, &slug, false).await?;
    Ok(done())
}

/// Turn a provider on again
#[utoipa::path(post, path = "/providers/{slug}/enable", tag = "providers",
    params(("slug" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn enable(
    Caller(may): Caller<ChangeProviders>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
) -> ApiResult<StatusCode> {
    let (flows, of_file) = (&shared.flows, &shared.providers_of_file);
    let slug = slug(&name)?;
    providers::set_enabled(&may, &flows.store, &flows.clock, of_file, &slug, true).await?;
    Ok(done())
}

/// Delete a provider. People who signed in with it keep their accounts
#[utoipa::path(delete, path = "/providers/{slug}", tag = "providers",
    params(("slug" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn delete(
    Caller(may): Caller<ChangeProviders>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
) -> ApiResult<StatusCode> {
    let flows = &shared.flows;
    providers::delete(&may, &flows.store, &flows.clock, &slug(&name)?).await?;
    Ok(done())
}
