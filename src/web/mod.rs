//! HTTP: each handler reads the request, calls a use case and renders the result. This file lists
//! all URLs.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, post};

use crate::domain::urls;

mod account;
mod account_session;
pub mod admin_api;
mod answer;
mod assets;
mod authorize;
mod authorize_challenge;
mod body;
mod connections;
mod consent;
pub mod console;
pub mod cookies;
mod cors;
mod detached;
mod device;
mod device_authorization;
mod doctor;
pub mod edge;
mod flash_messages;
mod forgot;
mod health;
mod interaction;
mod introspect;
mod keep_account;
mod login;
mod logout;
mod mail_code;
mod mail_links;
mod missing;
mod new_password;
mod one_time_codes;
mod page;
mod page_request;
mod par;
mod passkey_form;
mod passkeys;
mod rate_limit;
mod receive;
mod registration;
mod respond;
mod revocations;
mod revoke;
mod scim;
mod second_factor;
mod select_account;
mod set_up_factor;
mod shared;
mod shown;
mod sign_in_options;
mod sign_up;
mod signed_out;
mod social_login;
mod status_lists;
mod terms;
mod token;
mod upstream_cookies;
mod userinfo;
mod well_known;

use admin_api::settings::ApiPlace;
pub use shared::{Shared, SharedParts};

/// The pages on which people manage their own account.
fn my_account() -> Router<Arc<Shared>> {
    Router::new()
        .route(urls::ACCOUNT, get(account::profile::get))
        .route(urls::ACCOUNT_SECURITY, get(account::security::get))
        .route(urls::ACCOUNT_DEVICES, get(account::devices::get))
        .route(urls::ACCOUNT_APPS, get(account::apps::get))
        .route(urls::ACCOUNT_ACTIVITY, get(account::activity::get))
        .route(urls::ACCOUNT_DATA, get(account::data::get))
        .route(urls::ACCOUNT_DATA_EXPORT, post(account::data::export))
        .route(urls::ACCOUNT_DELETE, post(account::deletion::ask))
        .route(urls::ACCOUNT_DELETE_CONFIRM, post(account::deletion::confirm))
        .route(urls::ACCOUNT_PROFILE, post(account::profile::change))
        .route(urls::ACCOUNT_ATTRIBUTES, post(account::profile::change_attributes))
        .route(urls::ACCOUNT_EMAIL, get(account::address::get).post(account::address::ask))
        .route(urls::ACCOUNT_EMAIL_CODE, post(account::address::confirm))
        .route(urls::ACCOUNT_PASSWORD, post(account::password::post))
        .route(urls::ACCOUNT_DEVICES_END, post(account::devices::end))
        .route(urls::ACCOUNT_APPS_REMOVE, post(account::apps::remove))
        .route(urls::ACCOUNT_APPS_STOP, post(account::apps::stop))
        .route(urls::ACCOUNT_APPS_ALLOW, post(account::apps::allow))
        .route(urls::ACCOUNT_PASSKEYS_ADD, post(account::passkeys::add))
        .route(urls::ACCOUNT_PASSKEYS_RENAME, post(account::passkeys::rename))
        .route(urls::ACCOUNT_PASSKEYS_REMOVE, post(account::passkeys::remove))
        .route(urls::ACCOUNT_PROVIDERS_LINK, post(connections::link))
        .route(urls::ACCOUNT_PROVIDERS_UNLINK, post(connections::unlink))
        .route(urls::ACCOUNT_ONE_TIME_CODES, get(one_time_codes::get).post(one_time_codes::confirm))
        .route(urls::ACCOUNT_ONE_TIME_CODES_ADD, post(one_time_codes::add))
        .route(urls::ACCOUNT_ONE_TIME_CODES_REMOVE, post(one_time_codes::remove))
        .route(urls::ACCOUNT_RECOVERY_CODES, post(one_time_codes::renew))
        .route(urls::ACCOUNT_SIGN_OUT, post(account::sign_out))
        .route_layer(map_response(page::without_opener))
}

/// The routes of the administration API for the admin listener, if it is there.
pub fn admin_router(shared: &Arc<Shared>) -> Option<Router> {
    if shared.admin.api != ApiPlace::Admin {
        return None;
    }
    let routes = match shared.base.as_str() {
        "" => admin_api::routes(),
        base => Router::new().nest(base, admin_api::routes()),
    };
    let names = from_fn_with_state(Arc::clone(shared), edge::name_route);
    let missing = routes.fallback(missing::path).method_not_allowed_fallback(missing::method);
    Some(missing.layer(names).with_state(Arc::clone(shared)))
}

/// The routes of the listener that asks for client certificates: those for which the metadata names an
/// alias (RFC 8705 §5), and no others.
pub fn mtls_router(shared: &Arc<Shared>) -> Router {
    let routes = Router::new()
        .route(urls::TOKEN, post(token::token))
        .route(urls::PAR, post(par::post))
        .route(urls::REVOKE, post(revoke::revoke))
        .route(urls::INTROSPECT, post(introspect::introspect))
        .route(urls::DEVICE_AUTHORIZATION, post(device_authorization::post))
        .route_layer(from_fn_with_state(Arc::clone(shared), rate_limit::of_address))
        .route(urls::USERINFO, get(userinfo::get).post(userinfo::post));
    let routes = match shared.base.as_str() {
        "" => routes,
        base => Router::new().nest(base, routes),
    };
    let names = from_fn_with_state(Arc::clone(shared), edge::name_route);
    let missing = routes.fallback(missing::path).method_not_allowed_fallback(missing::method);
    missing.layer(names).with_state(Arc::clone(shared))
}

/// The routes of the administration API for the main listener, if it is there.
fn admin_routes(shared: &Shared) -> Router<Arc<Shared>> {
    let api = if shared.admin.api == ApiPlace::Main { admin_api::routes() } else { Router::new() };
    api.merge(scim::routes())
}

/// What the scripts of registered origins may call.
fn for_scripts(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
        .route(urls::TOKEN, post(token::token).options(cors::preflight))
        .route(urls::PAR, post(par::post).options(cors::preflight))
        .route(urls::REVOKE, post(revoke::revoke).options(cors::preflight))
        .route(urls::AUTHORIZE_CHALLENGE, post(authorize_challenge::post).options(cors::preflight))
        .route_layer(from_fn_with_state(Arc::clone(shared), rate_limit::of_address))
        .route(urls::USERINFO, get(userinfo::get).post(userinfo::post).options(cors::preflight))
        .method_not_allowed_fallback(missing::method)
        .layer(from_fn_with_state(Arc::clone(shared), cors::allow))
}

/// Where apps register themselves.
fn registration(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    let one = get(registration::get).put(registration::put).delete(registration::delete);
    Router::new()
        .route(urls::REGISTER, post(registration::post).options(registration::preflight))
        .route(urls::REGISTER_CLIENT, one.options(registration::preflight))
        .method_not_allowed_fallback(missing::method)
        .route_layer(from_fn_with_state(Arc::clone(shared), rate_limit::of_address))
        .route_layer(from_fn_with_state(Arc::clone(shared), registration::guard))
}

/// Every route.
pub fn router(shared: Arc<Shared>) -> Router {
    let metadata = get(well_known::metadata).options(well_known::preflight);
    let resource = get(well_known::protected_resource).options(well_known::preflight);
    let routes = Router::new()
        .route(urls::INTROSPECT, post(introspect::introspect))
        .route(urls::DEVICE_AUTHORIZATION, post(device_authorization::post))
        .route_layer(from_fn_with_state(Arc::clone(&shared), rate_limit::of_address))
        .merge(for_scripts(&shared))
        .merge(registration(&shared))
        .merge(my_account().merge(console::routes()).merge(admin_routes(&shared)))
        .route(urls::AUTHORIZE, get(authorize::get).post(authorize::post))
        .route(urls::AUTHORIZE_CONTINUE, get(authorize::resume))
        .route(urls::LOGIN, get(login::get).post(login::post))
        .route(urls::LOGIN_CANCEL, post(login::cancel))
        .route(urls::LOGIN_UNCONNECTED, post(login::unconnected))
        .route(urls::LOGIN_PASSKEY, post(passkeys::sign_in))
        .route(urls::LOGIN_WITH, get(social_login::with_nothing).post(social_login::with))
        .route(urls::LOGIN_CALLBACK, get(social_login::get).post(social_login::post))
        .route(urls::LOGIN_ELSEWHERE, get(social_login::elsewhere))
        .route(urls::SECOND_FACTOR, get(second_factor::get).post(second_factor::post))
        .route(urls::SECOND_FACTOR_SKIP, post(second_factor::skip))
        .route(urls::SET_UP_FACTOR, get(set_up_factor::get).post(set_up_factor::post))
        .route(urls::LOGIN_FORGOT, get(forgot::get).post(forgot::post))
        .route(urls::LOGIN_CODE, get(mail_code::get).post(mail_code::post))
        .route(urls::LOGIN_CODE_SEND, post(mail_code::send))
        .route(urls::RECOVER, get(mail_links::recovery).post(mail_links::recover))
        .route(urls::RECOVER_PASSWORD, get(new_password::get).post(new_password::post))
        .route(urls::CONFIRM_ADDRESS, get(mail_links::address).post(mail_links::confirm_address))
        .route(urls::UNDO_ADDRESS, get(mail_links::undo).post(mail_links::undo_address))
        .route(urls::SIGN_UP, get(sign_up::get).post(sign_up::post))
        .route(urls::SIGN_UP_CODE, get(sign_up::code).post(sign_up::enter_code))
        .route(urls::SIGN_UP_CONFIRM, get(sign_up::asked).post(sign_up::confirm))
        .route(urls::SIGN_UP_INVITATION, get(sign_up::invited).post(sign_up::accept))
        .route(urls::SIGN_UP_ACCOUNT, get(sign_up::account).post(sign_up::create))
        .route(urls::TERMS, get(terms::get).post(terms::post))
        .route(urls::SELECT_ACCOUNT, get(select_account::get).post(select_account::post))
        .route(urls::DEVICE, get(device::get).post(device::post))
        .route(urls::CONSENT, get(consent::get).post(consent::post))
        .route(urls::KEEP_ACCOUNT, get(keep_account::get).post(keep_account::post))
        .route(urls::LOGOUT, get(logout::get).post(logout::post))
        .route(urls::LOGOUT_CONTINUE, get(logout::resume))
        .route(urls::LOGOUT_CONFIRM, get(logout::asking).post(logout::confirm))
        .route(urls::ASSETS, get(assets::asset))
        .route(urls::CLIENT_LOGO, get(assets::client_logo))
        .route(urls::JWKS, get(well_known::jwks).options(well_known::preflight))
        .route(urls::STATUS_LISTS, get(status_lists::aggregation).options(well_known::preflight))
        .route(urls::STATUS_LIST, get(status_lists::list).options(well_known::preflight))
        .route(urls::REVOCATIONS, get(revocations::get))
        .route(urls::OPENID_CONFIGURATION, metadata.clone())
        .route(urls::OAUTH_AUTHORIZATION_SERVER, metadata.clone())
        .route(urls::PROTECTED_RESOURCE, resource.clone())
        .route(urls::CHANGE_PASSWORD, get(well_known::change_password))
        .route(urls::RELATED_ORIGINS, get(passkeys::related_origins))
        .route(urls::FRONT, get(account::front))
        .route(urls::DOCTOR, get(doctor::get))
        .route(urls::LIVEZ, get(health::livez))
        .route(urls::READYZ, get(health::readyz))
        .fallback(missing::path)
        .method_not_allowed_fallback(missing::method);
    let path = shared.flows.url.path();
    if path.is_empty() {
        let names = from_fn_with_state(Arc::clone(&shared), edge::name_route);
        return routes.layer(names).with_state(shared);
    }
    // RFC 8414 §3.1: the well-known path is inserted between the host and the path of the issuer.
    let inserted = format!("{}{path}", urls::OAUTH_AUTHORIZATION_SERVER);
    // MCP clients look for the other document in the same way.
    let of_openid = format!("{}{path}", urls::OPENID_CONFIGURATION);
    Router::new()
        .nest(&path, routes)
        .route(&inserted, metadata.clone())
        .route(&of_openid, metadata)
        // They are hosted at the root of the origin, wherever the issuer is.
        .route(urls::PROTECTED_RESOURCE, resource)
        .route(&format!("{path}/"), get(account::front))
        // The well-known paths of browsers are at the root of the origin.
        .route(urls::CHANGE_PASSWORD, get(well_known::change_password))
        .route(urls::RELATED_ORIGINS, get(passkeys::related_origins))
        .route(urls::LIVEZ, get(health::livez))
        .route(urls::READYZ, get(health::readyz))
        .fallback(missing::path)
        .method_not_allowed_fallback(missing::method)
        .layer(from_fn_with_state(Arc::clone(&shared), edge::name_route))
        .with_state(shared)
}
