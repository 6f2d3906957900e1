//! `/attributes`: the attributes of people that operators declared.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::creation::{Made, once};
use super::paging::{Page, Paging};
use super::problem::{ApiResult, Failed, Problem};
use super::received::{Named, Parameters, Seen};
use super::shown::{Shown, done, encoded};
use crate::admin::attributes;
use crate::admin::authority::{ChangeClients, ReadClients};
use crate::domain::admin_urls;
use crate::domain::attribute::{Attribute, AttributeType};
use crate::domain::reason::Reason;
use crate::web::shared::Shared;

/// An attribute of people.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeclaredAttribute {
    /// Its name, which is also the name of the claim.
    name: String,
    /// The type of its values: `string`, `integer`, `boolean` or `date`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The scope that shows it.
    scope: String,
    /// When it was declared.
    created_at: DateTime<Utc>,
}

impl From<&Attribute> for DeclaredAttribute {
    fn from(one: &Attribute) -> Self {
        Self {
            name: one.name.clone(),
            kind: one.kind.as_str(),
            scope: one.scope.clone(),
            created_at: one.created_at,
        }
    }
}

/// A new attribute.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAttribute {
    /// Its name, which is also the name of the claim.
    name: String,
    /// The type of its values: `string`, `integer`, `boolean` or `date`.
    #[serde(rename = "type")]
    kind: String,
    /// The scope that shows it.
    scope: String,
}

/// Attributes in the order of their names, page by page
#[utoipa::path(get, path = "/attributes", tag = "attributes", params(Paging), responses(
    (status = 200, body = Page<DeclaredAttribute>), (status = 400, body = Problem),
))]
pub(super) async fn list(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Paging>,
) -> ApiResult<Shown<Page<DeclaredAttribute>>> {
    // There are a hundred at most.
    let every = attributes::list(&may, &*shared.flows.store).await?;
    let items = every.iter().map(DeclaredAttribute::from).collect();
    Ok(Shown::of(asked.page(items, |one: &DeclaredAttribute| one.name.clone())?))
}

/// Declare an attribute
#[utoipa::path(post, path = "/attributes", tag = "attributes",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = NewAttribute,
    responses(
        (status = 201, body = DeclaredAttribute,
            headers(("Location" = String), ("ETag" = String))),
        (status = 409, body = Problem), (status = 422, body = Problem),
    ))]
pub(super) async fn create(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> ApiResult<Response<Body>> {
    once(&shared, &may, request, async |new: NewAttribute| {
        let (store, clock) = (&shared.flows.store, &shared.flows.clock);
        let kind: AttributeType =
            new.kind.parse().map_err(|why: String| Failed::because(Reason::AdminInvalid, why))?;
        let made = attributes::create(&may, store, clock, &new.name, kind, &new.scope).await?;
        let name = encoded(&made.name);
        let location = format!("{}{}/attributes/{name}", shared.base, admin_urls::API_V1);
        Ok(Made::of(DeclaredAttribute::from(&made), location, attributes::version(&made)))
    })
    .await
}

/// One attribute
#[utoipa::path(get, path = "/attributes/{name}", tag = "attributes",
    params(("name" = String, Path)), responses(
        (status = 200, body = DeclaredAttribute, headers(("ETag" = String))),
        (status = 404, body = Problem),
    ))]
pub(super) async fn show(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
) -> ApiResult<Shown<DeclaredAttribute>> {
    let found = attributes::find(&may, &*shared.flows.store, &name).await?;
    Ok(Shown::of(DeclaredAttribute::from(&found)).version(attributes::version(&found)))
}

/// Delete an attribute with the values of all people
#[utoipa::path(delete, path = "/attributes/{name}", tag = "attributes",
    params(("name" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 428, body = Problem),
    ))]
pub(super) async fn delete(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    attributes::delete_seen(&may, store, clock, &name, seen.0.as_ref()).await?;
    Ok(done())
}
