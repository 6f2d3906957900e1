//! `/attributes`: the attributes of people that operators declared.

use std::collections::BTreeMap;
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
use super::received::{Named, Parameters, Seen, Sent};
use super::shown::{Shown, done, location};
use crate::admin::attributes::{self, AttributeChange, Target};
use crate::admin::authority::{ChangeClients, ReadClients};
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
    /// Whether people may change their own value on the account page.
    editable: bool,
    /// What the account page calls it, by the tag of the language: `en`, `ko`.
    texts: BTreeMap<String, String>,
    /// When it was declared.
    created_at: DateTime<Utc>,
}

impl From<&Attribute> for DeclaredAttribute {
    fn from(one: &Attribute) -> Self {
        Self {
            name: one.name.clone(),
            kind: one.kind.as_str(),
            scope: one.scope.clone(),
            editable: one.editable,
            texts: one.texts.clone(),
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
    /// Whether people may change their own value on the account page.
    #[serde(default)]
    editable: bool,
    /// What the account page calls it, by the tag of the language: `en`, `ko`. Without words it says
    /// the name.
    #[serde(default)]
    texts: BTreeMap<String, String>,
}

/// What of an attribute is changed. Its type stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AttributeUpdate {
    /// The scope that shows it from now on.
    scope: Option<String>,
    /// Whether people may change their own value on the account page.
    editable: Option<bool>,
    /// Words to replace, by the tag of the language; an empty text removes one.
    #[serde(default)]
    texts: BTreeMap<String, String>,
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
        let NewAttribute { name, scope, editable, texts, .. } = new;
        let new = attributes::NewAttribute { name, kind, scope, editable, texts };
        let made = attributes::create(&may, store, clock, new).await?;
        let location = location(&shared, &["attributes", &made.name]);
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
    Ok(shown(&found))
}

fn shown(one: &Attribute) -> Shown<DeclaredAttribute> {
    Shown::of(DeclaredAttribute::from(one)).version(attributes::version(one))
}

/// Change an attribute
#[utoipa::path(patch, path = "/attributes/{name}", tag = "attributes",
    params(("name" = String, Path), ("If-Match" = String, Header)), request_body = AttributeUpdate,
    responses(
        (status = 200, body = DeclaredAttribute, headers(("ETag" = String))),
        (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem),
        (status = 428, body = Problem),
    ))]
pub(super) async fn change(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
    seen: Seen,
    Sent(sent): Sent<AttributeUpdate>,
) -> ApiResult<Shown<DeclaredAttribute>> {
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    let target = Target { name: &name, version: seen.0.as_ref() };
    let AttributeUpdate { scope, editable, texts } = sent;
    let change = AttributeChange { scope, editable, texts };
    Ok(shown(&attributes::update(&may, store, clock, target, change).await?))
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
    let target = Target { name: &name, version: seen.0.as_ref() };
    attributes::delete(&may, store, clock, target).await?;
    Ok(done())
}
