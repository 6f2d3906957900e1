//! HTTP: extract, call, render. This file is the whole map of URLs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::HeaderValue;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, post};

use crate::accounts::browsers::SignedInUser;
use crate::clients::logos::Logos;
use crate::domain::scope::{OFFLINE_ACCESS, OPENID, Scope};
use crate::domain::urls;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::keys::keyring::Keyring;
use crate::oauth::authorize::context::RequestContext;
use crate::oauth::metadata;
use crate::oauth::resource::context::ResourceContext;
use crate::oauth::token::endpoint::TokenEndpoint;
use crate::pages::{Look, Permission, Person};
use crate::runtime::supervisor::Supervisor;
use bytes::Bytes;

mod account;
mod account_session;
mod answer;
mod assets;
mod authorize;
mod body;
mod connections;
mod consent;
mod cookies;
mod cors;
mod detached;
pub mod edge;
mod flash_messages;
mod health;
mod interaction;
mod introspect;
mod login;
mod logout;
mod missing;
mod page;
mod page_request;
mod revoke;
mod select_account;
mod sign_in_options;
mod social_login;
mod token;
mod userinfo;
mod well_known;

use cookies::Cookies;

/// What the handlers are given.
#[derive(Debug)]
pub struct Parts {
    /// Says which workers are down.
    pub supervisor: Supervisor,
    /// Leads people through pages.
    pub flows: Flows,
    /// Checks requests that browsers bring.
    pub requests: RequestContext,
    /// The token endpoint.
    pub token: Arc<TokenEndpoint>,
    /// The endpoints that take tokens.
    pub resources: ResourceContext,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// The logos of apps.
    pub logos: Logos,
    /// The look of the pages.
    pub look: Look,
}

/// What the handlers share.
#[derive(Debug)]
pub struct Shared {
    supervisor: Supervisor,
    flows: Flows,
    requests: RequestContext,
    token: Arc<TokenEndpoint>,
    resources: ResourceContext,
    keyring: Arc<Keyring>,
    logos: Logos,
    metadata: Bytes,
    look: Look,
    /// The path of the issuer.
    base: String,
    /// Its origin.
    origin: String,
    cookies: Cookies,
    ready: AtomicBool,
    jwks_cache: HeaderValue,
}

impl Shared {
    /// Around these; ready until said otherwise.
    pub fn new(parts: Parts) -> Result<Arc<Self>, Fault> {
        let Parts { supervisor, flows, requests, token, resources, keyring, logos, look } = parts;
        let seconds = keyring.policy().jwks_max_age.num_seconds();
        let cache = HeaderValue::try_from(format!("public, max-age={seconds}"));
        let jwks_cache = cache.unwrap_or_else(|_| HeaderValue::from_static("no-store"));
        let url = &flows.url;
        Ok(Arc::new(Self {
            base: url.path(),
            origin: url.origin(),
            cookies: Cookies::of(url.as_str()),
            ready: AtomicBool::new(true),
            metadata: metadata::document(url)?,
            jwks_cache,
            supervisor,
            flows,
            requests,
            token,
            resources,
            keyring,
            logos,
            look,
        }))
    }

    /// Says no more to `/readyz`: the server is about to stop.
    pub fn drain(&self) {
        self.ready.store(false, Ordering::SeqCst);
    }
}

/// Every route.
pub fn router(shared: Arc<Shared>) -> Router {
    let metadata = get(well_known::metadata).options(well_known::preflight);
    let my_account = Router::new()
        .route(urls::ACCOUNT, get(account::get))
        .route(urls::ACCOUNT_PASSWORD, post(account::password))
        .route(urls::ACCOUNT_DEVICES_END, post(account::end_device))
        .route(urls::ACCOUNT_APPS_REMOVE, post(account::remove_app))
        .route(urls::ACCOUNT_PROVIDERS_LINK, post(connections::link))
        .route(urls::ACCOUNT_PROVIDERS_UNLINK, post(connections::unlink))
        .route(urls::ACCOUNT_SIGN_OUT, post(account::sign_out))
        .route_layer(map_response(page::without_opener));
    let for_scripts = Router::new()
        .route(urls::TOKEN, post(token::token).options(cors::preflight))
        .route(urls::REVOKE, post(revoke::revoke).options(cors::preflight))
        .route(urls::USERINFO, get(userinfo::get).post(userinfo::post).options(cors::preflight))
        .method_not_allowed_fallback(missing::method)
        .layer(from_fn_with_state(Arc::clone(&shared), cors::allow));
    let routes = Router::new()
        .merge(for_scripts)
        .merge(my_account)
        .route(urls::INTROSPECT, post(introspect::introspect))
        .route(urls::AUTHORIZE, get(authorize::get).post(authorize::post))
        .route(urls::AUTHORIZE_CONTINUE, get(authorize::go_on))
        .route(urls::LOGIN, get(login::get).post(login::post))
        .route(urls::LOGIN_CANCEL, post(login::cancel))
        .route(urls::LOGIN_UNCONNECTED, post(login::unconnected))
        .route(urls::LOGIN_WITH, get(social_login::with_nothing).post(social_login::with))
        .route(urls::LOGIN_CALLBACK, get(social_login::get).post(social_login::post))
        .route(urls::LOGIN_ELSEWHERE, get(social_login::elsewhere))
        .route(urls::SELECT_ACCOUNT, get(select_account::get).post(select_account::post))
        .route(urls::CONSENT, get(consent::get).post(consent::post))
        .route(urls::LOGOUT, get(logout::get).post(logout::post))
        .route(urls::LOGOUT_CONTINUE, get(logout::go_on))
        .route(urls::LOGOUT_CONFIRM, get(logout::asking).post(logout::confirm))
        .route(urls::ASSETS, get(assets::asset))
        .route(urls::CLIENT_LOGO, get(assets::client_logo))
        .route(urls::JWKS, get(well_known::jwks).options(well_known::preflight))
        .route(urls::OPENID_CONFIGURATION, metadata.clone())
        .route(urls::OAUTH_AUTHORIZATION_SERVER, metadata.clone())
        .route(urls::CHANGE_PASSWORD, get(well_known::change_password))
        .route(urls::FRONT, get(account::front))
        .route(urls::LIVEZ, get(health::livez))
        .route(urls::READYZ, get(health::readyz))
        .fallback(missing::path)
        .method_not_allowed_fallback(missing::method);
    let path = shared.flows.url.path();
    if path.is_empty() {
        let names = from_fn_with_state(Arc::clone(&shared), edge::name_route);
        return routes.layer(names).with_state(shared);
    }
    // RFC 8414 §3.1: the well-known path stands between host and path of the issuer.
    let inserted = format!("{}{path}", urls::OAUTH_AUTHORIZATION_SERVER);
    Router::new()
        .nest(&path, routes)
        .route(&inserted, metadata)
        .route(&format!("{path}/"), get(account::front))
        // The well-known path of an origin stands at its root.
        .route(urls::CHANGE_PASSWORD, get(well_known::change_password))
        .route(urls::LIVEZ, get(health::livez))
        .route(urls::READYZ, get(health::readyz))
        .fallback(missing::path)
        .method_not_allowed_fallback(missing::method)
        .layer(from_fn_with_state(Arc::clone(&shared), edge::name_route))
        .with_state(shared)
}

/// What pages show of a person.
fn person(present: &SignedInUser) -> Person<'_> {
    let user = &present.user;
    let name = user.profile.name.as_deref().filter(|name| !name.trim().is_empty());
    Person { name, username: &user.username, email: user.email.as_deref() }
}

/// What pages say that an app wants, each thing once.
fn permissions<'a>(
    scope: &'a Scope,
    claims: impl IntoIterator<Item = &'a str>,
    resources: impl IntoIterator<Item = &'a String>,
) -> Vec<Permission<'a>> {
    let of_scope = scope.iter().map(|token| match token {
        OPENID => Permission::Identity,
        OFFLINE_ACCESS => Permission::Offline,
        "profile" => Permission::Profile,
        "email" => Permission::Email,
        "address" => Permission::Address,
        "phone" => Permission::Phone,
        other => Permission::Other(other),
    });
    let by_name = claims.into_iter().map(|claim| match claim {
        "sub" => Permission::Identity,
        "name" | "given_name" | "family_name" | "middle_name" => Permission::Claim("name"),
        "email" | "email_verified" => Permission::Email,
        "address" => Permission::Address,
        "phone_number" | "phone_number_verified" => Permission::Phone,
        other => Permission::Claim(other),
    });
    let mut permissions: Vec<Permission<'_>> = Vec::new();
    let at = resources.into_iter().map(|resource| Permission::At(resource));
    for permission in of_scope.chain(by_name).chain(at) {
        if !permissions.contains(&permission) {
            permissions.push(permission);
        }
    }
    // What a person can weigh stands first: what has no words of ours stands last.
    permissions.sort_by_key(Permission::rank);
    permissions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_can_weigh_stands_before_the_names_of_permissions() {
        let text = "admin:write api:read email offline_access openid profile";
        let scope = Scope::parse(text).unwrap();
        let expected = [
            Permission::Identity,
            Permission::Profile,
            Permission::Email,
            Permission::Claim("locale"),
            Permission::Offline,
            Permission::Other("admin:write"),
            Permission::Other("api:read"),
            Permission::At("https://api.example"),
        ];
        let resources = ["https://api.example".to_owned()];
        assert_eq!(permissions(&scope, ["locale", "email"], &resources), expected);
    }
}
