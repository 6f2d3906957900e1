//! The edge: what every request passes, whatever its route. It names the request, finds the client
//! address, sets the headers that everything carries, and answers for a handler that panics.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use tower::ServiceExt;

use super::answer;
use crate::domain::address::TrustedProxies;
use crate::domain::audit::Origin;
use crate::domain::random;
use crate::oauth::refused::{self, RequestId};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What a handler may know of where a request came from.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    id: RequestId,
    /// The client address.
    pub address: IpAddr,
}

impl Context {
    /// For audit events.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin { address: Some(self.address.to_string()), request_id: Some(self.id.to_string()) }
    }
}

impl<S: Sync> FromRequestParts<S> for Context {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get().copied().ok_or_else(answer::server_error)
    }
}

/// The edge of one listener.
#[derive(Clone, Debug)]
pub struct Edge(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    router: Router,
    proxies: TrustedProxies,
    headers: Vec<(HeaderName, HeaderValue)>,
    process: u64,
    requests: AtomicU64,
}

impl Edge {
    /// Around these routes.
    #[must_use]
    pub fn new(router: Router, proxies: TrustedProxies, is_https: bool) -> Self {
        let mut headers = vec![
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (OPENER_POLICY, HeaderValue::from_static("same-origin")),
        ];
        if is_https {
            let two_years = HeaderValue::from_static("max-age=63072000; includeSubDomains");
            headers.push((STRICT_TRANSPORT_SECURITY, two_years));
        }
        let process = u64::from_be_bytes(random::bytes());
        Self(Arc::new(Inner { router, proxies, headers, process, requests: AtomicU64::new(0) }))
    }

    /// Answers a request that came from this peer.
    pub fn call(
        &self,
        peer: SocketAddr,
        request: Request<Incoming>,
    ) -> BoxFuture<'static, Result<Response<Body>, Infallible>> {
        let inner = Arc::clone(&self.0);
        let number = inner.requests.fetch_add(1, Ordering::Relaxed);
        let id = RequestId(inner.process, number);
        let address = inner.proxies.client(peer.ip(), forwarded_for(request.headers()).as_deref());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Context { id, address });
        let path = request.uri().path().to_owned();
        let handled = refused::within(id, path, inner.router.clone().oneshot(request));
        let handled = AssertUnwindSafe(handled).catch_unwind();
        async move {
            let mut response = handled.await.map_or_else(
                |_| {
                    tracing::error!(request_id = %id, "a handler panicked");
                    answer::server_error()
                },
                |Ok(response)| response,
            );
            inner.finish(id, &mut response);
            Ok(response)
        }
        .boxed()
    }
}

impl Inner {
    fn finish(&self, id: RequestId, response: &mut Response<Body>) {
        let status = response.status();
        tracing::debug!(request_id = %id, status = status.as_u16(), "answered");
        metrics::counter!("mapae_responses_total", "class" => class(status)).increment(1);
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(request_id = %id, status = status.as_u16(), "answered with an error");
        }
        let headers = response.headers_mut();
        for (name, value) in &self.headers {
            // A page may know better.
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if !headers.contains_key(CONTENT_SECURITY_POLICY) {
            let policy = "default-src 'none'; frame-ancestors 'none'";
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        }
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        headers.extend(HeaderValue::try_from(id.to_string()).ok().map(|id| (REQUEST_ID, id)));
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

/// All `X-Forwarded-For` lines as one chain, in their order.
fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all(FORWARDED_FOR).iter().peekable();
    lines.peek()?;
    let lines: Vec<_> = lines.map(|line| line.to_str().unwrap_or("unreadable")).collect();
    Some(lines.join(","))
}
