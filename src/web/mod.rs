//! HTTP: extract, call, render. This file is the whole map of URLs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::HeaderValue;
use axum::routing::{get, post};

use crate::domain::urls;
use crate::oauth::Issuer;

mod answer;
mod authorize;
mod body;
pub mod edge;
mod health;
mod introspect;
mod revoke;
mod token;
mod userinfo;
mod well_known;

/// What the handlers share.
#[derive(Debug)]
pub struct Shared {
    issuer: Arc<Issuer>,
    ready: AtomicBool,
    jwks_cache: HeaderValue,
}

impl Shared {
    /// Around this issuer; ready until said otherwise.
    #[must_use]
    pub fn new(issuer: Arc<Issuer>) -> Arc<Self> {
        let seconds = issuer.keyring.policy().jwks_max_age.num_seconds();
        let cache = HeaderValue::try_from(format!("public, max-age={seconds}"));
        let jwks_cache = cache.unwrap_or_else(|_| HeaderValue::from_static("no-store"));
        Arc::new(Self { issuer, ready: AtomicBool::new(true), jwks_cache })
    }

    /// Says no more to `/readyz`: the server is about to stop.
    pub fn drain(&self) {
        self.ready.store(false, Ordering::SeqCst);
    }
}

/// Every route.
pub fn router(shared: Arc<Shared>) -> Router {
    let metadata = get(well_known::metadata).options(well_known::preflight);
    let routes = Router::new()
        .route(urls::TOKEN, post(token::token))
        .route(urls::INTROSPECT, post(introspect::introspect))
        .route(urls::REVOKE, post(revoke::revoke))
        .route(urls::USERINFO, get(userinfo::get).post(userinfo::post))
        .route(urls::AUTHORIZE, get(authorize::authorize).post(authorize::authorize))
        .route(urls::JWKS, get(well_known::jwks).options(well_known::preflight))
        .route(urls::OPENID_CONFIGURATION, metadata.clone())
        .route(urls::OAUTH_AUTHORIZATION_SERVER, metadata.clone())
        .route(urls::LIVEZ, get(health::livez))
        .route(urls::READYZ, get(health::readyz))
        .fallback(answer::not_found)
        .method_not_allowed_fallback(answer::method_not_allowed);
    let path = shared.issuer.url.path();
    if path.is_empty() {
        return routes.with_state(shared);
    }
    // RFC 8414 §3.1: the well-known path stands between host and path of the issuer.
    let inserted = format!("{}{path}", urls::OAUTH_AUTHORIZATION_SERVER);
    Router::new()
        .nest(&path, routes)
        .route(&inserted, metadata)
        .route(urls::LIVEZ, get(health::livez))
        .route(urls::READYZ, get(health::readyz))
        .fallback(answer::not_found)
        .method_not_allowed_fallback(answer::method_not_allowed)
        .with_state(shared)
}
