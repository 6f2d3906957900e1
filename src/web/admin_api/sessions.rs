//! The sessions of a person at apps.

#![expect(unused_qualifications, reason = "the macro of utoipa writes them")]

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::paging::{Page, limit};
use super::problem::{ApiResult, Problem};
use super::received::{Named, Parameters};
use super::shown::{Shown, done};
use crate::admin::authority::{ChangePeople, ReadPeople};
use crate::admin::sessions;
use crate::admin::users::Who;
use crate::domain::family::Family;
use crate::web::shared::Shared;

/// A session of a person at an app. It has a refresh token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AppSession {
    /// `sid` of its tokens.
    id: String,
    /// The client.
    client: String,
    /// What it may do.
    scope: String,
    /// When the person signed in.
    auth_time: DateTime<Utc>,
    /// When it ends in any case.
    expires_at: DateTime<Utc>,
}

impl From<Family> for AppSession {
    fn from(family: Family) -> Self {
        Self {
            id: family.id.as_str().to_owned(),
            client: family.client.as_str().to_owned(),
            scope: family.scope.to_string(),
            auth_time: family.auth_time,
            expires_at: family.expires_at,
        }
    }
}

/// Which sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Search {
    /// The `sub` of the person.
    user: String,
    /// So many at most: 1 to 200, 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `next` of an earlier page.
    after: Option<String>,
}

/// The live sessions of a person at apps
#[utoipa::path(get, path = "/sessions", tag = "sessions", params(Search), responses(
    (status = 200, body = Page<AppSession>), (status = 400, body = Problem),
    (status = 404, body = Problem),
))]
pub(super) async fn list(
    Caller(may): Caller<ReadPeople>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Search>,
) -> ApiResult<Shown<Page<AppSession>>> {
    let limit = limit(asked.limit)?;
    let (store, who) = (&*shared.flows.store, Who::Id(&asked.user));
    let now = shared.flows.clock.now();
    let page = sessions::of_user(&may, store, who, asked.after.as_deref(), limit, now).await?;
    let (families, next) = page;
    Ok(Shown::of(Page { items: families.into_iter().map(AppSession::from).collect(), next }))
}

/// End a session at an app: its tokens are good no longer
#[utoipa::path(delete, path = "/sessions/{sid}", tag = "sessions", params(("sid" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn end(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(sid): Named<String>,
) -> ApiResult<StatusCode> {
    let flows = &shared.flows;
    sessions::end(&may, &flows.store, &flows.clock, &sid).await?;
    flows.notices.nudge();
    Ok(done())
}
