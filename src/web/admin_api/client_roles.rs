//! `/clients/{id}/roles`: the roles that people have at a client.

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
use super::paging::{Page, Paging};
use super::problem::{ApiResult, Failed, Problem};
use super::received::{Named, Parameters, Seen};
use super::shown::{Shown, done, location};
use super::users::{Person, people};
use crate::admin::authority::{ChangeClients, ChangePeople, ReadClients, ReadPeople};
use crate::admin::client_roles::{self, RoleTarget};
use crate::admin::users::{self, Target, UserSearch};
use crate::domain::client::ClientId;
use crate::domain::client_role::{self, RoleName};
use crate::domain::reason::Reason;
use crate::web::shared::Shared;

/// A role at a client.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClientRole {
    /// Its name, which tokens have in the claim `roles`.
    name: String,
    /// The client.
    client: String,
    /// When it was made.
    created_at: DateTime<Utc>,
}

impl From<&client_role::ClientRole> for ClientRole {
    fn from(role: &client_role::ClientRole) -> Self {
        Self {
            name: role.name.as_str().to_owned(),
            client: role.client.as_str().to_owned(),
            created_at: role.created_at,
        }
    }
}

/// A new role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRole {
    /// 1 to 100 characters, none of them a colon or a control character; compared byte for byte.
    name: String,
}

/// A role at a client.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OfClient {
    /// The `client_id`.
    id: String,
    /// The name of the role.
    role: String,
}

/// A person who has a role at a client.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct Holder {
    /// The `client_id`.
    id: String,
    /// The name of the role.
    role: String,
    /// The `sub` of the person.
    user: String,
}

impl Holder {
    fn role(&self) -> ApiResult<(ClientId, RoleName)> {
        let unknown = || {
            let why = format!("the client {:?} has no role {:?}", self.id, self.role);
            Failed::because(Reason::AdminUnknown, why)
        };
        let client = ClientId::parse(&self.id).ok_or_else(unknown)?;
        Ok((client, RoleName::parse(&self.role).map_err(|_| unknown())?))
    }
}

/// The roles of a client in the order of their names, page by page
#[utoipa::path(get, path = "/clients/{id}/roles", tag = "client-roles",
    params(("id" = String, Path), Paging), responses(
        (status = 200, body = Page<ClientRole>), (status = 400, body = Problem),
        (status = 404, body = Problem),
    ))]
pub(super) async fn list(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    Parameters(asked): Parameters<Paging>,
) -> ApiResult<Shown<Page<ClientRole>>> {
    let (limit, store) = (asked.limit()?, &*shared.flows.store);
    let page = client_roles::list(&may, store, &id, asked.after(), limit).await?;
    let items = page.roles.iter().map(ClientRole::from).collect();
    Ok(Shown::of(Page { items, next: page.next }))
}

/// Make a role at a client
#[utoipa::path(post, path = "/clients/{id}/roles", tag = "client-roles",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = NewRole, responses(
        (status = 201, body = ClientRole, headers(("Location" = String), ("ETag" = String))),
        (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem),
    ))]
pub(super) async fn create(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    request: Request,
) -> ApiResult<Response<Body>> {
    once(&shared, &may, request, async |new: NewRole| {
        let (store, clock) = (&shared.flows.store, &shared.flows.clock);
        let made = client_roles::create(&may, store, clock, &id, &new.name).await?;
        let path = ["clients", made.client.as_str(), "roles", made.name.as_str()];
        let location = location(&shared, &path);
        Ok(Made::of(ClientRole::from(&made), location, client_roles::version(&made)))
    })
    .await
}

/// One role of a client
#[utoipa::path(get, path = "/clients/{id}/roles/{role}", tag = "client-roles", params(OfClient),
    responses(
        (status = 200, body = ClientRole, headers(("ETag" = String))),
        (status = 404, body = Problem),
    ))]
pub(super) async fn show(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Named(of): Named<OfClient>,
) -> ApiResult<Shown<ClientRole>> {
    let role = client_roles::find(&may, &*shared.flows.store, &of.id, &of.role).await?;
    Ok(Shown::of(ClientRole::from(&role)).version(client_roles::version(&role)))
}

/// Delete a role of a client: nobody has it any more
#[utoipa::path(delete, path = "/clients/{id}/roles/{role}", tag = "client-roles",
    params(OfClient, ("If-Match" = String, Header)), responses(
        (status = 204), (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 428, body = Problem),
    ))]
pub(super) async fn delete(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(of): Named<OfClient>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    let target = RoleTarget { client: &of.id, name: &of.role, version: seen.0.as_ref() };
    client_roles::delete(&may, store, clock, target).await?;
    Ok(done())
}

/// The people who have a role at a client, page by page
#[utoipa::path(get, path = "/clients/{id}/roles/{role}/holders", tag = "client-roles",
    params(OfClient, Paging), responses(
        (status = 200, body = Page<Person>), (status = 400, body = Problem),
    ))]
pub(super) async fn holders(
    Caller(may): Caller<ReadPeople>,
    State(shared): State<Arc<Shared>>,
    Named(of): Named<OfClient>,
    Parameters(asked): Parameters<Paging>,
) -> ApiResult<Shown<Page<Person>>> {
    let (limit, lists) = (asked.limit()?, shared.flows.store.lists());
    let role = Some(format!("{}:{}", of.id, of.role));
    let search = UserSearch { role, ..UserSearch::default() };
    let page = users::filtered(&may, lists, &search, asked.after(), limit).await;
    let page = page.map_err(Failed::of_query)?;
    let items = people(&may, &shared, &page.users).await?;
    Ok(Shown::of(Page { items, next: page.next }))
}

/// Give a person a role at a client
#[utoipa::path(put, path = "/clients/{id}/roles/{role}/holders/{user}", tag = "client-roles",
    params(Holder), responses(
        (status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
    ))]
pub(super) async fn grant(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(of): Named<Holder>,
) -> ApiResult<StatusCode> {
    let ((client, name), flows) = (of.role()?, &shared.flows);
    let (target, role) = (Target::of_id(&of.user), (&client, &name));
    client_roles::grant(&may, &flows.store, &flows.clock, target, role).await?;
    Ok(done())
}

/// Take a role at a client from a person
#[utoipa::path(delete, path = "/clients/{id}/roles/{role}/holders/{user}", tag = "client-roles",
    params(Holder), responses(
        (status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
    ))]
pub(super) async fn revoke(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(of): Named<Holder>,
) -> ApiResult<StatusCode> {
    let ((client, name), flows) = (of.role()?, &shared.flows);
    let (target, role) = (Target::of_id(&of.user), (&client, &name));
    client_roles::revoke(&may, &flows.store, &flows.clock, target, role).await?;
    Ok(done())
}
