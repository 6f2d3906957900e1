//! `/clients/{id}/secrets`: the secrets of a client. Each is shown once, when it is made.

#![expect(unused_qualifications, reason = "the macro of utoipa writes them")]

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::creation::{Made, once};
use super::paging::Page;
use super::problem::{ApiResult, Failed, Problem};
use super::received::{Named, Seen};
use super::shown::{Shown, done, location};
use crate::admin::authority::{ChangeSecrets, ReadClients};
use crate::admin::clients::{self, Target};
use crate::domain::client_secret::HeldSecret;
use crate::domain::reason::Reason;
use crate::settings::time;
use crate::web::shared::Shared;

/// A secret of a client, without its value.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClientSecret {
    /// Its name here.
    id: String,
    /// When it was made; absent if that was before secrets had a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<DateTime<Utc>>,
    /// When it ends; absent if it does not end by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
}

impl From<&HeldSecret> for ClientSecret {
    fn from(held: &HeldSecret) -> Self {
        Self { id: held.id(), created_at: held.created_at, expires_at: held.expires_at }
    }
}

/// How a new secret takes the place of the others.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Overlap {
    /// The secrets that there are go on counting for so long, like `24h`. Without it they end at once.
    overlap: Option<String>,
}

/// A new secret, which is shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewClientSecret {
    /// Its name here.
    id: String,
    /// The secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

/// A secret of a client.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OfClient {
    /// The `client_id`.
    id: String,
    /// The name of the secret, as the list shows it.
    secret: String,
}

/// The secrets of a client that still count, the newest first. The `ETag` is that of the client
#[utoipa::path(get, path = "/clients/{id}/secrets", tag = "client-secrets", params(("id" = String, Path)),
    responses(
        (status = 200, body = Page<ClientSecret>, headers(("ETag" = String))),
        (status = 404, body = Problem),
    ))]
pub(super) async fn list(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
) -> ApiResult<Shown<Page<ClientSecret>>> {
    let client = clients::find(&may, &*shared.flows.store, &id).await?;
    let now = shared.flows.clock.now();
    let live = client.secrets.iter().filter(|held| held.is_live(now));
    let page = Page { items: live.map(ClientSecret::from).collect(), next: None };
    Ok(Shown::of(page).version(clients::version(&client)))
}

/// Make a new secret for a client: the others end after the overlap
#[utoipa::path(post, path = "/clients/{id}/secrets", tag = "client-secrets",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Overlap, responses(
        (status = 201, body = NewClientSecret, headers(("Location" = String), ("ETag" = String))),
        (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem),
    ))]
pub(super) async fn create(
    Caller(may): Caller<ChangeSecrets>,
    State(shared): State<Arc<Shared>>,
    Named(client): Named<String>,
    request: Request,
) -> ApiResult<Response<Body>> {
    once(&shared, &may, request, async |sent: Overlap| {
        let overlap = sent.overlap.as_deref().map(time::parse).transpose();
        let overlap = overlap
            .map_err(|why| Failed::because(Reason::AdminInvalid, format!("the overlap {why}")))?;
        let (store, clock) = (&shared.flows.store, &shared.flows.clock);
        let made = clients::rotate_secret(&may, store, clock, Target::of(&client), overlap).await?;
        let id = HeldSecret::new(made.hashed(), clock.now()).id();
        let location = location(&shared, &["clients", &client, "secrets", &id]);
        let after = clients::after(&may, &**store, &client).await?;
        let again = NewClientSecret { id: id.clone(), client_secret: None };
        let now = NewClientSecret { id, client_secret: Some(made.expose().to_owned()) };
        Ok(Made::of(now, location, clients::version(&after)).again(&again))
    })
    .await
}

/// End a secret of a client at once. The last one that counts stays
#[utoipa::path(delete, path = "/clients/{id}/secrets/{secret}", tag = "client-secrets",
    params(OfClient, ("If-Match" = String, Header)), responses(
        (status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 428, body = Problem),
    ))]
pub(super) async fn drop(
    Caller(may): Caller<ChangeSecrets>,
    State(shared): State<Arc<Shared>>,
    Named(of): Named<OfClient>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    let target = Target { id: &of.id, version: seen.0.as_ref() };
    clients::drop_secret(&may, store, clock, target, &of.secret).await?;
    Ok(done())
}
