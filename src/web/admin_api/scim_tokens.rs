//! `/scim-tokens`: the tokens of connectors that provision people and groups.

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
use super::shown::{Shown, done, location};
use crate::admin::authority::{ChangeSecrets, ReadClients};
use crate::admin::scim_tokens;
use crate::domain::reason::Reason;
use crate::domain::scim_token::ScimTokenRecord;
use crate::settings::time;
use crate::web::shared::Shared;

/// The token of a connector, without what it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectorToken {
    /// Its id.
    id: String,
    /// What the operator calls it.
    name: String,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it ends; absent: it does not end by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
}

impl From<&ScimTokenRecord> for ConnectorToken {
    fn from(one: &ScimTokenRecord) -> Self {
        Self {
            id: one.id.clone(),
            name: one.name.clone(),
            created_at: one.created_at,
            expires_at: one.expires_at,
        }
    }
}

/// A token that was made, which is shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeConnectorToken {
    #[serde(flatten)]
    record: ConnectorToken,
    /// The token, for `Authorization: Bearer` at `/scim/v2`.
    token: String,
}

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewConnectorToken {
    /// What you call it, for example the name of the connector.
    name: String,
    /// How long it counts, like `365d`; without it, until it is revoked.
    #[serde(default)]
    expires: Option<String>,
}

/// Tokens of connectors, page by page
#[utoipa::path(get, path = "/scim-tokens", tag = "scim-tokens", params(Paging), responses(
    (status = 200, body = Page<ConnectorToken>), (status = 400, body = Problem),
))]
pub(super) async fn list(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Paging>,
) -> ApiResult<Shown<Page<ConnectorToken>>> {
    let every = scim_tokens::list(&may, &*shared.flows.store).await?;
    let items = every.iter().map(ConnectorToken::from).collect();
    Ok(Shown::of(asked.page(items, |one: &ConnectorToken| one.id.clone())?))
}

/// Make a token for a connector. It is in this answer and in no other
#[utoipa::path(post, path = "/scim-tokens", tag = "scim-tokens",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = NewConnectorToken,
    responses(
        (status = 201, body = MadeConnectorToken,
            headers(("Location" = String), ("ETag" = String))),
        (status = 403, body = Problem), (status = 422, body = Problem),
    ))]
pub(super) async fn create(
    Caller(may): Caller<ChangeSecrets>,
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> ApiResult<Response<Body>> {
    once(&shared, &may, request, async |new: NewConnectorToken| {
        let invalid = |why: String| Failed::because(Reason::AdminInvalid, why);
        let lifetime = new.expires.as_deref().map(time::parse).transpose();
        let lifetime = lifetime.map_err(|why| invalid(format!("expires {why}")))?;
        let (store, clock) = (&shared.flows.store, &shared.flows.clock);
        let (made, token) = scim_tokens::create(&may, store, clock, &new.name, lifetime).await?;
        let again = ConnectorToken::from(&made);
        let location = location(&shared, &["scim-tokens", &made.id]);
        let record = ConnectorToken::from(&made);
        let now = MadeConnectorToken { record, token: token.expose().to_owned() };
        Ok(Made::of(now, location, scim_tokens::version(&made)).again(&again))
    })
    .await
}

/// One token of a connector
#[utoipa::path(get, path = "/scim-tokens/{id}", tag = "scim-tokens",
    params(("id" = String, Path)), responses(
        (status = 200, body = ConnectorToken, headers(("ETag" = String))),
        (status = 404, body = Problem),
    ))]
pub(super) async fn show(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
) -> ApiResult<Shown<ConnectorToken>> {
    let found = scim_tokens::of_id(&may, &*shared.flows.store, &id).await?;
    Ok(Shown::of(ConnectorToken::from(&found)).version(scim_tokens::version(&found)))
}

/// End a token at once
#[utoipa::path(delete, path = "/scim-tokens/{id}", tag = "scim-tokens",
    params(("id" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 428, body = Problem),
    ))]
pub(super) async fn revoke(
    Caller(may): Caller<ChangeSecrets>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    scim_tokens::revoke(&may, store, clock, &id, seen.0.as_ref()).await?;
    Ok(done())
}
