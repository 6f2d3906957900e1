//! The administration API, `/admin/api/v1`: JSON for programs. Each handler reads a request, calls
//! a use case of [`admin`](crate::admin) and shows the result. Who may do it is known before
//! anything of the request is judged: `caller::Caller` stands first in every handler.

mod attributes;
mod audit;
mod caller;
mod client_roles;
mod client_secrets;
mod clients;
mod creation;
mod groups;
mod imports;
mod in_force;
mod invitations;
mod keys;
mod lookups;
mod paging;
mod problem;
mod providers;
mod received;
mod registration_tokens;
mod resources;
mod roles;
mod scim_tokens;
mod scopes;
mod sessions;
pub mod settings;
mod shown;
mod tokens;
mod users;
mod webhooks;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::routing::get;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, SecurityRequirement, Server,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::problem::PROBLEM;
use self::settings::ApiPlace;
use crate::domain::admin_urls;
use crate::web::answer;
use crate::web::shared::Shared;

/// The name of the scheme by which callers authenticate, in the description.
const BEARER: &str = "bearer";

/// Every operation, with its description.
fn operations() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info()).build())
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::show, users::change, users::delete))
        .routes(routes!(users::disable))
        .routes(routes!(users::enable))
        .routes(routes!(users::logout))
        .routes(routes!(users::reset_mfa))
        .routes(routes!(users::recover))
        .routes(routes!(users::set_password))
        .routes(routes!(lookups::find))
        .routes(routes!(lookups::overview))
        .routes(routes!(lookups::export))
        .routes(routes!(imports::import))
        .routes(routes!(invitations::create))
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::show, groups::delete))
        .routes(routes!(groups::members))
        .routes(routes!(groups::add, groups::remove))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(roles::list))
        .routes(routes!(roles::of_user))
        .routes(routes!(roles::grant, roles::revoke))
        .routes(routes!(clients::list, clients::create))
        .routes(routes!(clients::show, clients::change, clients::delete))
        .routes(routes!(clients::disable))
        .routes(routes!(clients::enable))
        .routes(routes!(client_secrets::list, client_secrets::create))
        .routes(routes!(client_secrets::drop))
        .routes(routes!(client_roles::list, client_roles::create))
        .routes(routes!(client_roles::show, client_roles::delete))
        .routes(routes!(client_roles::holders))
        .routes(routes!(client_roles::grant, client_roles::revoke))
        .routes(routes!(scopes::list, scopes::create))
        .routes(routes!(scopes::show, scopes::change, scopes::delete))
        .routes(routes!(attributes::list, attributes::create))
        .routes(routes!(attributes::show, attributes::change, attributes::delete))
        .routes(routes!(providers::list, providers::create))
        .routes(routes!(providers::show, providers::change, providers::delete))
        .routes(routes!(providers::check))
        .routes(routes!(resources::list, resources::create))
        .routes(routes!(resources::show, resources::change, resources::delete))
        .routes(routes!(providers::disable))
        .routes(routes!(providers::enable))
        .routes(routes!(keys::list))
        .routes(routes!(keys::fetchers))
        .routes(routes!(keys::rotate))
        .routes(routes!(keys::drop))
        .routes(routes!(audit::list))
        .routes(routes!(in_force::list))
        .routes(routes!(tokens::preview))
        .routes(routes!(tokens::explained))
        .routes(routes!(tokens::inspected))
        .routes(routes!(tokens::revoked))
        .routes(routes!(tokens::revoked_before))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::show, webhooks::delete))
        .routes(routes!(webhooks::rotate_secret))
        .routes(routes!(webhooks::replay))
        .routes(routes!(webhooks::replay_to_all))
        .routes(routes!(scim_tokens::list, scim_tokens::create))
        .routes(routes!(scim_tokens::show, scim_tokens::revoke))
        .routes(routes!(registration_tokens::list, registration_tokens::create))
        .routes(routes!(registration_tokens::show, registration_tokens::revoke))
}

fn info() -> utoipa::openapi::Info {
    InfoBuilder::new()
        .title("mapae administration API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "People, groups, attributes, roles, clients, resources, scopes, providers, keys, sessions, \
             audit events and settings of one issuer. A request carries an access token whose audience is `{issuer}/admin/api`. Lists are read \
             page by page: `next` of one answer is `after` of the next request. A change needs \
             `If-Match` with the `ETag` that was read.",
        ))
        .build()
}

/// The description of the API, `OpenAPI` 3.1, without the servers that offer it.
#[must_use]
pub fn description() -> OpenApi {
    let mut api = operations().split_for_parts().1;
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = api.components.get_or_insert_default();
    components.security_schemes.insert(BEARER.to_owned(), SecurityScheme::Http(scheme).into());
    api.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    let paths = std::mem::take(&mut api.paths.paths);
    let below = |(path, mut item): (String, PathItem)| {
        let PathItem { get, put, post, delete, patch, .. } = &mut item;
        let operations = [get, put, post, delete, patch].into_iter().flatten();
        operations.for_each(complete);
        (format!("{}{path}", admin_urls::API_V1), item)
    };
    api.paths.paths = paths.into_iter().map(below).collect();
    api
}

/// Adds what every operation has in common: an id of its own, refusals that are problem details
/// (RFC 9457), and a description of each response.
fn complete(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
    let name = operation.operation_id.take().unwrap_or_default();
    operation.operation_id = Some(format!("{}_{name}", tag.replace('-', "_")));
    let problem = || Content::new(Some(Ref::from_schema_name("Problem")));
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let known = status.parse::<StatusCode>().ok().and_then(|known| known.canonical_reason());
        known.unwrap_or_default().clone_into(&mut response.description);
        if status.starts_with('4') {
            response.content.clear();
            response.content.insert(PROBLEM.to_owned(), problem().into());
        }
    }
    let refusal = ResponseBuilder::new().description("A refusal").content(PROBLEM, problem());
    let responses = &mut operation.responses.responses;
    responses.insert("default".to_owned(), refusal.build().into());
}

/// The routes of the API. They are made once: with each of them its description is made, which is then
/// not needed, and a process may start many servers.
pub(super) fn routes() -> Router<Arc<Shared>> {
    static OPERATIONS: LazyLock<Router<Arc<Shared>>> =
        LazyLock::new(|| operations().split_for_parts().0);
    let operations = OPERATIONS.clone();
    Router::new().nest(admin_urls::API_V1, operations).route(admin_urls::OPENAPI, get(openapi))
}

/// The description, which everybody may read.
async fn openapi(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let mut api = description();
    // On the admin listener the API is at the address that was asked.
    let server = match shared.admin.api {
        ApiPlace::Main => shared.flows.url.as_str().to_owned(),
        ApiPlace::Admin | ApiPlace::Off if shared.base.is_empty() => "/".to_owned(),
        ApiPlace::Admin | ApiPlace::Off => shared.base.clone(),
    };
    api.servers = Some(vec![Server::new(server)]);
    let Ok(body) = serde_json::to_vec(&api) else { return answer::server_error() };
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
