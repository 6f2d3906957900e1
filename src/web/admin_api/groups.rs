//! `/groups`: groups of people.

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
use super::paging::{Page, Paging, Searching};
use super::problem::{ApiResult, Failed, Problem};
use super::received::{Named, Parameters, Seen};
use super::shown::{Shown, done, location};
use super::users::{Person, people};
use crate::admin::authority::{ChangePeople, ReadPeople};
use crate::admin::groups;
use crate::admin::users::{self, Target, UserSearch};
use crate::domain::group;
use crate::web::shared::Shared;

/// A group of people.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Group {
    /// Its id. It stays when the name changes.
    id: String,
    /// Its name, which apps get as the claim `groups`.
    name: String,
    /// When it was made.
    created_at: DateTime<Utc>,
}

impl From<&group::Group> for Group {
    fn from(group: &group::Group) -> Self {
        Self {
            id: group.id.as_str().to_owned(),
            name: group.name.as_str().to_owned(),
            created_at: group.created_at,
        }
    }
}

/// A new group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewGroup {
    /// 1 to 100 characters, none of them a control character; compared byte for byte.
    name: String,
}

/// A member of a group.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct Member {
    /// The id of the group.
    id: String,
    /// The `sub` of the person.
    user: String,
}

/// Groups in the order of their names, page by page. A search finds the beginning of a name, byte
/// for byte
#[utoipa::path(get, path = "/groups", tag = "groups", params(Searching), responses(
    (status = 200, body = Page<Group>), (status = 400, body = Problem),
))]
pub(super) async fn list(
    Caller(may): Caller<ReadPeople>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Searching>,
) -> ApiResult<Shown<Page<Group>>> {
    let (limit, lists) = (asked.limit()?, shared.flows.store.lists());
    let (search, after) = (asked.search.as_deref(), asked.after.as_deref());
    let page = groups::search(&may, lists, search, after, limit).await;
    let page = page.map_err(Failed::of_query)?;
    let items = page.groups.iter().map(Group::from).collect();
    Ok(Shown::of(Page { items, next: page.next }))
}

/// Make a group
#[utoipa::path(post, path = "/groups", tag = "groups",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = NewGroup, responses(
        (status = 201, body = Group, headers(("Location" = String), ("ETag" = String))),
        (status = 409, body = Problem), (status = 422, body = Problem),
    ))]
pub(super) async fn create(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> ApiResult<Response<Body>> {
    once(&shared, &may, request, async |new: NewGroup| {
        let flows = &shared.flows;
        let made = groups::create(&may, &flows.store, &flows.clock, &new.name).await?;
        let location = location(&shared, &["groups", made.id.as_str()]);
        Ok(Made::of(Group::from(&made), location, groups::version(&made)))
    })
    .await
}

/// One group
#[utoipa::path(get, path = "/groups/{id}", tag = "groups", params(("id" = String, Path)),
    responses(
        (status = 200, body = Group, headers(("ETag" = String))), (status = 404, body = Problem),
    ))]
pub(super) async fn show(
    Caller(may): Caller<ReadPeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
) -> ApiResult<Shown<Group>> {
    let found = groups::of_id(&may, &*shared.flows.store, &id).await?;
    Ok(Shown::of(Group::from(&found)).version(groups::version(&found)))
}

/// Delete a group: nobody is in it any more
#[utoipa::path(delete, path = "/groups/{id}", tag = "groups",
    params(("id" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 428, body = Problem),
    ))]
pub(super) async fn delete(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let (flows, seen) = (&shared.flows, seen.0.as_ref());
    groups::delete_seen(&may, &flows.store, &flows.clock, &id, seen).await?;
    Ok(done())
}

/// The people in a group, page by page
#[utoipa::path(get, path = "/groups/{id}/members", tag = "groups",
    params(("id" = String, Path), Paging), responses(
        (status = 200, body = Page<Person>), (status = 400, body = Problem),
        (status = 404, body = Problem),
    ))]
pub(super) async fn members(
    Caller(may): Caller<ReadPeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    Parameters(asked): Parameters<Paging>,
) -> ApiResult<Shown<Page<Person>>> {
    let (limit, lists) = (asked.limit()?, shared.flows.store.lists());
    let group = groups::of_id(&may, lists, &id).await?;
    let search =
        UserSearch { group: Some(group.name.as_str().to_owned()), ..UserSearch::default() };
    let page = users::filtered(&may, lists, &search, asked.after(), limit).await;
    let page = page.map_err(Failed::of_query)?;
    let items = people(&may, &shared, &page.users).await?;
    Ok(Shown::of(Page { items, next: page.next }))
}

/// Add a person to a group
#[utoipa::path(put, path = "/groups/{id}/members/{user}", tag = "groups", params(Member),
    responses(
        (status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
    ))]
pub(super) async fn add(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(of): Named<Member>,
) -> ApiResult<StatusCode> {
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    let group = groups::of_id(&may, &**store, &of.id).await?;
    let name = group.name.as_str();
    groups::add_member(&may, store, clock, Target::of_id(&of.user), name).await?;
    Ok(done())
}

/// Remove a person from a group
#[utoipa::path(delete, path = "/groups/{id}/members/{user}", tag = "groups", params(Member),
    responses(
        (status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
    ))]
pub(super) async fn remove(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(of): Named<Member>,
) -> ApiResult<StatusCode> {
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    let group = groups::of_id(&may, &**store, &of.id).await?;
    let name = group.name.as_str();
    groups::remove_member(&may, store, clock, Target::of_id(&of.user), name).await?;
    Ok(done())
}
