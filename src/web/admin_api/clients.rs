//! `/clients`: the registered clients.

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
use super::paging::{Page, Searching};
use super::problem::{ApiResult, Failed, Problem};
use super::received::{Named, Parameters, Seen, Sent};
use super::shown::{Shown, done, location};
use crate::admin::authority::{ChangeClients, ReadClients};
use crate::admin::clients::{self, NewClient, Target};
use crate::clients::sector::{self, CheckedChange};
use crate::domain::client::{Client, ClientKind};
use crate::domain::client_metadata::ClientChange;
use crate::domain::reason::Reason;
use crate::domain::verdict::Error;
use crate::web::shared::Shared;

/// A client, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct App {
    /// Its `client_id`.
    id: String,
    /// `public` or `confidential`.
    kind: &'static str,
    /// Who registered it: `operator`, the app `itself`, or nobody (`document`). An app that no operator
    /// registered is never first-party and always asks people for consent.
    registered_by: &'static str,
    /// The id of the registration token with which it registered itself, if it had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_token: Option<String>,
    /// When it was disabled.
    disabled_at: Option<DateTime<Utc>>,
    /// When it was registered.
    created_at: DateTime<Utc>,
    /// Its metadata, RFC 7591 §2.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

impl From<&Client> for App {
    fn from(client: &Client) -> Self {
        Self {
            id: client.id.as_str().to_owned(),
            kind: client.kind.as_str(),
            registered_by: client.registered_by.as_str(),
            registration_token: client.came_by.clone(),
            disabled_at: client.disabled_at,
            created_at: client.created_at,
            metadata: client.metadata.to_json(),
        }
    }
}

/// A client that was registered, with its secret, which is shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewApp {
    #[serde(flatten)]
    app: App,
    /// The secret, if its authentication method has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

/// A client to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    /// Its `client_id`.
    id: String,
    /// `public` or `confidential`; confidential by default.
    #[serde(default)]
    kind: Option<String>,
    /// Its metadata, RFC 7591 §2. What is absent gets its safe default.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// What changes: the members of the metadata that are given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AppChange {
    /// The members to replace; the others stay.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

fn shown(client: &Client) -> Shown<App> {
    Shown::of(App::from(client)).version(clients::version(client))
}

fn target<'a>(id: &'a str, seen: &'a Seen) -> Target<'a> {
    Target { id, version: seen.0.as_ref() }
}

/// Clients, page by page. A search finds the beginning of an id or a name
#[utoipa::path(get, path = "/clients", tag = "clients", params(Searching), responses(
    (status = 200, body = Page<App>), (status = 400, body = Problem),
))]
pub(super) async fn list(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Searching>,
) -> ApiResult<Shown<Page<App>>> {
    let (limit, lists) = (asked.limit()?, shared.flows.store.lists());
    let (search, after) = (asked.search.as_deref(), asked.after.as_deref());
    let page = clients::page(&may, lists, search, after, limit).await;
    let page = page.map_err(Failed::of_query)?;
    let items = page.clients.iter().map(App::from).collect();
    Ok(Shown::of(Page { items, next: page.next }))
}

/// Register a client
#[utoipa::path(post, path = "/clients", tag = "clients",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = Registration, responses(
        (status = 201, body = NewApp, headers(("Location" = String), ("ETag" = String))),
        (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem),
    ))]
pub(super) async fn create(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> ApiResult<Response<Body>> {
    let registering = once(&shared, &may, request, async |sent: Registration| {
        let kind = sent.kind.as_deref().unwrap_or(ClientKind::Confidential.as_str());
        let kind: ClientKind =
            kind.parse().map_err(|why: String| Failed::because(Reason::AdminInvalid, why))?;
        let (flows, store, clock) = (&shared.flows, &shared.flows.store, &shared.flows.clock);
        let new = NewClient { id: sent.id, kind, attributes: ClientChange(sent.metadata) };
        let lifetimes = &shared.token.mint.lifetimes;
        let client = new.checked(&flows.url, lifetimes, clock.now()).map_err(Error::Refused)?;
        clients::may_create(&may, &client).map_err(Error::Refused)?;
        sector::check(flows.providers.outbound(), &client.metadata)
            .await
            .map_err(Error::Refused)?;
        let secret = clients::create(&may, store, clock, &flows.url, client.clone()).await?;
        let made = clients::of_id(&may, &**store, client.id.as_str()).await?;
        let location = location(&shared, &["clients", made.id.as_str()]);
        let client_secret = secret.map(|secret| secret.expose().to_owned());
        let shown = NewApp { app: App::from(&made), client_secret };
        // The secret is shown once.
        let again = NewApp { app: App::from(&made), client_secret: None };
        Ok(Made::of(shown, location, clients::version(&made)).again(&again))
    });
    Box::pin(registering).await
}

/// One client
#[utoipa::path(get, path = "/clients/{id}", tag = "clients", params(("id" = String, Path)),
    responses(
        (status = 200, body = App, headers(("ETag" = String))), (status = 404, body = Problem),
    ))]
pub(super) async fn show(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
) -> ApiResult<Shown<App>> {
    Ok(shown(&clients::find(&may, &*shared.flows.store, &id).await?))
}

/// Change the metadata of a client
#[utoipa::path(patch, path = "/clients/{id}", tag = "clients",
    params(("id" = String, Path), ("If-Match" = String, Header)), request_body = AppChange,
    responses(
        (status = 200, body = App, headers(("ETag" = String))), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem), (status = 428, body = Problem),
    ))]
pub(super) async fn change(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
    Sent(sent): Sent<AppChange>,
) -> ApiResult<Shown<App>> {
    let (flows, change) = (&shared.flows, ClientChange(sent.metadata));
    let (store, clock, target) = (&flows.store, &flows.clock, target(&id, &seen));
    let rules = (&flows.url, &shared.token.mint.lifetimes);
    let sector = clients::of_sector(&may, &**store, target, &change).await?;
    if let Some(changed) = &sector {
        sector::check(flows.providers.outbound(), changed).await.map_err(Error::Refused)?;
    }
    let checked = CheckedChange { change: &change, seen: sector.as_ref() };
    let changed = clients::update(&may, store, clock, rules, target, checked).await?;
    Ok(shown(&changed))
}

/// Delete a client with everything that it was given
#[utoipa::path(delete, path = "/clients/{id}", tag = "clients",
    params(("id" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 428, body = Problem),
    ))]
pub(super) async fn delete(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let flows = &shared.flows;
    clients::delete(&may, &flows.store, &flows.clock, target(&id, &seen)).await?;
    Ok(done())
}

/// Turn a client away, and end everything that it was given
#[utoipa::path(post, path = "/clients/{id}/disable", tag = "clients",
    params(("id" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 428, body = Problem),
    ))]
pub(super) async fn disable(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let flows = &shared.flows;
    let target = target(&id, &seen);
    clients::set_enabled(&may, &flows.store, &flows.clock, target, false).await?;
    Ok(done())
}

/// Let a client in again
#[utoipa::path(post, path = "/clients/{id}/enable", tag = "clients",
    params(("id" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 428, body = Problem),
    ))]
pub(super) async fn enable(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let flows = &shared.flows;
    let target = target(&id, &seen);
    clients::set_enabled(&may, &flows.store, &flows.clock, target, true).await?;
    Ok(done())
}
