//! `/users/find`, `/users/export` and `/users/{id}/overview`: people as the command line finds, shows
//! and exports them.

#![expect(unused_qualifications, reason = "the macro of utoipa writes them")]

use std::sync::Arc;

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::problem::{ApiResult, Failed, Problem};
use super::received::{Named, Parameters};
use super::sessions::AppSession;
use super::shown::Shown;
use super::users::{self as people, Person};
use crate::admin::authority::ReadPeople;
use crate::admin::export_people::{self, Rows};
use crate::admin::person_overview;
use crate::admin::users::{self, Factors, Who};
use crate::domain::session::Session;
use crate::web::shared::Shared;

/// Who is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The user name, the address, the `sub`, or an identity as `PROVIDER:SUBJECT`.
    named: String,
}

/// Where an export goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportPlace {
    /// `next` of an earlier page.
    after: Option<String>,
}

/// Some people as rows of an import.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExportedPeople {
    /// What `mapae import --from mapae` takes, one a line. Password hashes are not among it.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Value>,
    /// What the request for the next page has as `after`; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The ways in which a person can sign in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WaysIn {
    /// Whether there is a password.
    password: bool,
    /// The slugs of the providers that the account is connected with.
    providers: Vec<String>,
    /// How many passkeys there are.
    passkeys: usize,
    /// Whether there are one-time codes.
    one_time_codes: bool,
    /// How many recovery codes can still be used.
    recovery_codes_left: u64,
}

impl From<Factors> for WaysIn {
    fn from(factors: Factors) -> Self {
        let Factors { password, providers, passkeys, one_time_codes, recovery_codes_left } =
            factors;
        Self { password, providers, passkeys, one_time_codes, recovery_codes_left }
    }
}

/// A browser in which a person is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BrowserSession {
    /// What it says about itself.
    browser: Option<String>,
    /// Where it was.
    address: Option<String>,
    /// When it ends if it is not used.
    ends_at: DateTime<Utc>,
}

impl From<&Session> for BrowserSession {
    fn from(session: &Session) -> Self {
        let (browser, address) = (session.user_agent.clone(), session.address.clone());
        Self { browser, address, ends_at: session.ends_at() }
    }
}

/// How a person signs in, and what is open for them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PersonOverview {
    /// The ways in which they can sign in.
    factors: WaysIn,
    /// The browsers in which they are signed in: at most the first hundred.
    sessions: Vec<BrowserSession>,
    /// Their sessions at apps: at most the first hundred.
    apps: Vec<AppSession>,
    /// When they last signed in, as far as the audit knows.
    last_sign_in: Option<DateTime<Utc>>,
}

/// The one person who is named in any way
#[utoipa::path(get, path = "/users/find", tag = "users", params(Wanted), responses(
    (status = 200, body = Person, headers(("ETag" = String))), (status = 400, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem),
))]
pub(super) async fn find(
    Caller(may): Caller<ReadPeople>,
    State(shared): State<Arc<Shared>>,
    Parameters(wanted): Parameters<Wanted>,
) -> ApiResult<Shown<Person>> {
    let (store, now) = (&*shared.flows.store, shared.flows.clock.now());
    let found = users::find_any(&may, store, &wanted.named, now).await?;
    people::shown(&may, &shared, &found).await
}

/// How a person signs in, the browsers and apps in which they are signed in, and when they came last
#[utoipa::path(get, path = "/users/{id}/overview", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = PersonOverview), (status = 404, body = Problem)))]
pub(super) async fn overview(
    Caller(may): Caller<ReadPeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
) -> ApiResult<Shown<PersonOverview>> {
    let (store, now) = (&*shared.flows.store, shared.flows.clock.now());
    let user = users::find(&may, store, Who::Id(&id)).await?;
    let factors = users::factors(&may, store, &user).await?.into();
    let open = person_overview::of(&may, store, &user, now).await?;
    Ok(Shown::of(PersonOverview {
        factors,
        sessions: open.browsers.items.iter().map(BrowserSession::from).collect(),
        apps: open.families.items.into_iter().map(AppSession::from).collect(),
        last_sign_in: open.last_sign_in,
    }))
}

/// People as rows that an import elsewhere takes, 200 a page
#[utoipa::path(get, path = "/users/export", tag = "users", params(ExportPlace), responses(
    (status = 200, body = ExportedPeople), (status = 400, body = Problem),
))]
pub(super) async fn export(
    Caller(may): Caller<ReadPeople>,
    State(shared): State<Arc<Shared>>,
    Parameters(place): Parameters<ExportPlace>,
) -> ApiResult<Shown<ExportedPeople>> {
    let lists = shared.flows.store.lists();
    let rows = export_people::some(&may, lists, place.after.as_deref(), false).await;
    let Rows { rows: items, next } = rows.map_err(Failed::of_query)?;
    Ok(Shown::of(ExportedPeople { items, next }))
}
