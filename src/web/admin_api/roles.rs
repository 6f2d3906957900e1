//! `/roles` and the roles of a person.

#![expect(unused_qualifications, reason = "the macro of utoipa writes them")]

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::paging::Page;
use super::problem::{ApiResult, Failed, Problem};
use super::received::Named;
use super::shown::{Shown, done};
use crate::admin::authority::{GrantRoles, ReadPeople};
use crate::admin::roles;
use crate::admin::users::{self, Who};
use crate::domain::admin_right::AdminRight;
use crate::domain::admin_role::AdminRole;
use crate::domain::reason::Reason;
use crate::web::shared::Shared;

/// A role in the administration.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Role {
    /// Its name.
    name: &'static str,
    /// What it allows.
    rights: Vec<&'static str>,
}

impl From<AdminRole> for Role {
    fn from(role: AdminRole) -> Self {
        let rights = AdminRight::ALL.iter().filter(|right| role.rights().contains(**right));
        Self { name: role.as_str(), rights: rights.map(|right| right.as_str()).collect() }
    }
}

/// A role of a person.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OfPerson {
    /// The `sub` of the person.
    id: String,
    /// `owner`, `admin`, `support` or `auditor`.
    role: String,
}

impl OfPerson {
    fn role(&self) -> ApiResult<AdminRole> {
        self.role.parse().map_err(|why: String| Failed::because(Reason::AdminUnknown, why))
    }
}

/// The roles that there are
#[utoipa::path(get, path = "/roles", tag = "roles", responses((status = 200, body = Page<Role>)))]
pub(super) async fn list(_: Caller<ReadPeople>) -> Shown<Page<Role>> {
    let items = AdminRole::ALL.iter().copied().map(Role::from).collect();
    Shown::of(Page { items, next: None })
}

/// The roles of a person
#[utoipa::path(get, path = "/users/{id}/roles", tag = "roles", params(("id" = String, Path)),
    responses((status = 200, body = Page<Role>), (status = 404, body = Problem)))]
pub(super) async fn of_user(
    Caller(may): Caller<ReadPeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
) -> ApiResult<Shown<Page<Role>>> {
    let store = &*shared.flows.store;
    let user = users::find(&may, store, Who::Id(&id)).await?;
    let roles = roles::of_user(&may, store, &user).await?;
    Ok(Shown::of(Page { items: roles.into_iter().map(Role::from).collect(), next: None }))
}

/// Give a person a role
#[utoipa::path(put, path = "/users/{id}/roles/{role}", tag = "roles", params(OfPerson), responses(
    (status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
))]
pub(super) async fn grant(
    Caller(may): Caller<GrantRoles>,
    State(shared): State<Arc<Shared>>,
    Named(of): Named<OfPerson>,
) -> ApiResult<StatusCode> {
    let flows = &shared.flows;
    roles::grant(&may, &flows.store, &flows.clock, Who::Id(&of.id), of.role()?).await?;
    Ok(done())
}

/// Take a role from a person
#[utoipa::path(delete, path = "/users/{id}/roles/{role}", tag = "roles", params(OfPerson),
    responses(
        (status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem),
    ))]
pub(super) async fn revoke(
    Caller(may): Caller<GrantRoles>,
    State(shared): State<Arc<Shared>>,
    Named(of): Named<OfPerson>,
) -> ApiResult<StatusCode> {
    let flows = &shared.flows;
    let what = (of.role()?, false);
    roles::revoke(&may, &flows.store, &flows.clock, Who::Id(&of.id), what).await?;
    Ok(done())
}
