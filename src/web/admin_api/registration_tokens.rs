//! `/registration-tokens`: the tokens with which apps register themselves.

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
use crate::admin::authority::{ChangeClients, ReadClients};
use crate::admin::registration_tokens::{self, NewRegistrationToken};
use crate::domain::reason::Reason;
use crate::domain::registration_token::RegistrationTokenRecord;
use crate::settings::time;
use crate::web::shared::Shared;

/// A token with which apps register themselves, without what it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AppToken {
    /// Its id.
    id: String,
    /// What the operator calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// How many apps may still be registered with it.
    uses_left: u32,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it ends.
    expires_at: DateTime<Utc>,
}

impl From<&RegistrationTokenRecord> for AppToken {
    fn from(one: &RegistrationTokenRecord) -> Self {
        Self {
            id: one.id.clone(),
            name: one.name.clone(),
            uses_left: one.uses_left,
            created_at: one.created_at,
            expires_at: one.expires_at,
        }
    }
}

/// A token that was made, which is shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeAppToken {
    #[serde(flatten)]
    record: AppToken,
    /// The token, for `Authorization: Bearer` at `/register`.
    token: String,
}

/// A token to make.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct NewAppToken {
    /// What you call it, for example for whom it is.
    name: Option<String>,
    /// How long it is good, like `1h`; a day by default.
    lifetime: Option<String>,
    /// How many apps may be registered with it: 1 to 10 000, one by default.
    uses: Option<u32>,
}

/// Tokens with which apps register themselves, page by page
#[utoipa::path(get, path = "/registration-tokens", tag = "registration-tokens", params(Paging),
    responses((status = 200, body = Page<AppToken>), (status = 400, body = Problem)))]
pub(super) async fn list(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Paging>,
) -> ApiResult<Shown<Page<AppToken>>> {
    let every = registration_tokens::list(&may, &*shared.flows.store).await?;
    let items = every.iter().map(AppToken::from).collect();
    Ok(Shown::of(asked.page(items, |one: &AppToken| one.id.clone())?))
}

/// Make a token with which apps register themselves. It is in this answer and in no other
#[utoipa::path(post, path = "/registration-tokens", tag = "registration-tokens",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = NewAppToken,
    responses(
        (status = 201, body = MadeAppToken,
            headers(("Location" = String), ("ETag" = String))),
        (status = 422, body = Problem),
    ))]
pub(super) async fn create(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> ApiResult<Response<Body>> {
    once(&shared, &may, request, async |new: NewAppToken| {
        let invalid = |why: String| Failed::because(Reason::AdminInvalid, why);
        let lifetime = new.lifetime.as_deref().map(time::parse).transpose();
        let lifetime = lifetime.map_err(|why| invalid(format!("lifetime {why}")))?;
        let default = NewRegistrationToken::default();
        let asked = NewRegistrationToken {
            name: new.name.as_deref(),
            lifetime: lifetime.unwrap_or(default.lifetime),
            uses: new.uses.unwrap_or(default.uses),
        };
        let (store, clock) = (&shared.flows.store, &shared.flows.clock);
        let (made, token) = registration_tokens::create(&may, store, clock, asked).await?;
        let again = AppToken::from(&made);
        let location = location(&shared, &["registration-tokens", &made.id]);
        let record = AppToken::from(&made);
        let now = MadeAppToken { record, token: token.expose().to_owned() };
        Ok(Made::of(now, location, registration_tokens::version(&made)).again(&again))
    })
    .await
}

/// One token with which apps register themselves
#[utoipa::path(get, path = "/registration-tokens/{id}", tag = "registration-tokens",
    params(("id" = String, Path)), responses(
        (status = 200, body = AppToken, headers(("ETag" = String))),
        (status = 404, body = Problem),
    ))]
pub(super) async fn show(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
) -> ApiResult<Shown<AppToken>> {
    let found = registration_tokens::of_id(&may, &*shared.flows.store, &id).await?;
    Ok(Shown::of(AppToken::from(&found)).version(registration_tokens::version(&found)))
}

/// End a token at once. The apps that were registered with it stay
#[utoipa::path(delete, path = "/registration-tokens/{id}", tag = "registration-tokens",
    params(("id" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 428, body = Problem),
    ))]
pub(super) async fn revoke(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    registration_tokens::revoke(&may, store, clock, &id, seen.0.as_ref()).await?;
    Ok(done())
}
