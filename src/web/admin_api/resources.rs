//! `/resources`: the APIs that access tokens are for, RFC 8707. In a path the identifier of a resource
//! is percent-encoded.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::caller::Caller;
use super::creation::{Made, once};
use super::paging::{Page, Paging};
use super::problem::{ApiResult, Problem};
use super::received::{Named, Parameters, Seen, Sent};
use super::shown::{Shown, done, location};
use crate::admin::authority::{ChangeClients, ReadClients};
use crate::admin::resources::{self, Target};
use crate::domain::resource::Resource;
use crate::web::shared::Shared;

/// A resource: an API that access tokens are for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Registered {
    /// Its identifier, which is the audience of its tokens.
    id: String,
    /// When it was registered.
    created_at: DateTime<Utc>,
    /// When it was changed last.
    updated_at: DateTime<Utc>,
    /// What is registered: `resource_name`, `scope`, `token_alg`, `access_lifetime`, `status_list`, `mcp`.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

impl From<&Resource> for Registered {
    fn from(resource: &Resource) -> Self {
        Self {
            id: resource.id.clone(),
            created_at: resource.created_at,
            updated_at: resource.updated_at,
            metadata: resource.metadata.to_json(),
        }
    }
}

/// A resource to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewResource {
    /// Its identifier: an absolute URI without a fragment.
    id: String,
    /// What is registered. What is absent gets its default.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// What changes: the members that are given. `null` brings the default back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResourceChange {
    /// The members to replace; the others stay.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

fn shown(resource: &Resource) -> Shown<Registered> {
    Shown::of(Registered::from(resource)).version(resources::version(resource))
}

fn target<'a>(id: &'a str, seen: &'a Seen) -> Target<'a> {
    Target { id, version: seen.0.as_ref() }
}

/// Resources, page by page
#[utoipa::path(get, path = "/resources", tag = "resources", params(Paging), responses(
    (status = 200, body = Page<Registered>), (status = 400, body = Problem),
))]
pub(super) async fn list(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Paging>,
) -> ApiResult<Shown<Page<Registered>>> {
    let (limit, store) = (asked.limit()?, shared.flows.store.lists());
    let page = resources::list(&may, store, asked.after(), limit).await?;
    let items = page.resources.iter().map(Registered::from).collect();
    Ok(Shown::of(Page { items, next: page.next }))
}

/// Register a resource
#[utoipa::path(post, path = "/resources", tag = "resources",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = NewResource, responses(
        (status = 201, body = Registered, headers(("Location" = String), ("ETag" = String))),
        (status = 409, body = Problem), (status = 422, body = Problem),
    ))]
pub(super) async fn create(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> ApiResult<Response<Body>> {
    once(&shared, &may, request, async |sent: NewResource| {
        let (store, clock) = (&shared.flows.store, &shared.flows.clock);
        let lifetimes = &shared.token.mint.lifetimes;
        let made = resources::create(&may, store, clock, lifetimes, &sent.id, &sent.metadata);
        let made = made.await?;
        let location = location(&shared, &["resources", &made.id]);
        Ok(Made::of(Registered::from(&made), location, resources::version(&made)))
    })
    .await
}

/// One resource
#[utoipa::path(get, path = "/resources/{id}", tag = "resources", params(("id" = String, Path)),
    responses(
        (status = 200, body = Registered, headers(("ETag" = String))),
        (status = 404, body = Problem),
    ))]
pub(super) async fn show(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
) -> ApiResult<Shown<Registered>> {
    Ok(shown(&resources::find(&may, &*shared.flows.store, &id).await?))
}

/// Change what is registered of a resource
#[utoipa::path(patch, path = "/resources/{id}", tag = "resources",
    params(("id" = String, Path), ("If-Match" = String, Header)), request_body = ResourceChange,
    responses(
        (status = 200, body = Registered, headers(("ETag" = String))),
        (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem), (status = 428, body = Problem),
    ))]
pub(super) async fn change(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
    Sent(sent): Sent<ResourceChange>,
) -> ApiResult<Shown<Registered>> {
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    let (lifetimes, target) = (&shared.token.mint.lifetimes, target(&id, &seen));
    let changed = resources::update(&may, store, clock, lifetimes, target, &sent.metadata).await?;
    Ok(shown(&changed))
}

/// Delete a resource
#[utoipa::path(delete, path = "/resources/{id}", tag = "resources",
    params(("id" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 428, body = Problem),
    ))]
pub(super) async fn delete(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let flows = &shared.flows;
    resources::delete(&may, &flows.store, &flows.clock, target(&id, &seen)).await?;
    Ok(done())
}
