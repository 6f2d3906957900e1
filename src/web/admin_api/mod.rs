//! The administration API, `/admin/api/v1`: JSON for programs. Each handler reads a request, calls
//! a use case of [`admin`](crate::admin) and shows the result. Who may do it is known before
//! anything of the request is judged: `caller::Caller` stands first in every handler.

mod audit;
mod caller;
mod clients;
mod creation;
mod groups;
mod keys;
mod paging;
mod problem;
mod providers;
mod received;
mod resources;
mod roles;
mod sessions;
pub mod settings;
mod shown;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use axum::routing::get;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, SecurityRequirement, Server};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

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
        .routes(routes!(clients::rotate_secret))
        .routes(routes!(resources::list, resources::create))
        .routes(routes!(resources::show, resources::change, resources::delete))
        .routes(routes!(providers::list))
        .routes(routes!(providers::show, providers::delete))
        .routes(routes!(providers::disable))
        .routes(routes!(providers::enable))
        .routes(routes!(keys::list))
        .routes(routes!(keys::rotate))
        .routes(routes!(keys::drop))
        .routes(routes!(audit::list))
}

fn info() -> utoipa::openapi::Info {
    InfoBuilder::new()
        .title("mapae administration API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "People, groups, roles, clients, resources, providers, keys, sessions and audit events of one \
             issuer. A request carries an access token whose audience is `{issuer}/admin/api`. Lists are read \
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
    let below = |(path, item)| (format!("{}{path}", admin_urls::API_V1), item);
    api.paths.paths = paths.into_iter().map(below).collect();
    api
}

/// The routes of the API.
pub(super) fn routes() -> Router<Arc<Shared>> {
    let operations = operations().split_for_parts().0;
    Router::new().nest(admin_urls::API_V1, operations).route(admin_urls::OPENAPI, get(openapi))
}

/// The description, which everybody may read.
async fn openapi(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let mut api = description();
    api.servers = Some(vec![Server::new(shared.flows.url.as_str())]);
    let Ok(body) = serde_json::to_vec(&api) else { return answer::server_error() };
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
