//! The edge: what every request passes, whatever its route. It names the request, finds the client
//! address, sets the headers that everything carries, measures, and answers for a handler that panics.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version,
};
use axum::middleware::Next;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use metrics::{Counter, Gauge, Histogram};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::domain::address::TrustedProxies;
use crate::domain::audit::Origin;
use crate::domain::deadline::Deadline;
use crate::domain::excerpt::excerpt;
use crate::domain::reason::Reason;
use crate::domain::request::{self, RequestId};
use crate::domain::verdict::Fault;
use crate::domain::{random, urls};
use crate::runtime::handles::Handles;
use crate::settings::Collector;
use crate::settings::kinds::flag;
use crate::web::answer;
use crate::web::shared::Shared;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How far browsers are told to come over TLS alone (RFC 6797), once they came over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrictTransport {
    /// To this host.
    Host,
    /// And to every host below it.
    Subdomains,
}

impl StrictTransport {
    /// Declares and reads it.
    pub fn read(from: &mut Collector) -> Self {
        from.begin("TLS");
        let below = from.take(flag("http.hsts_include_subdomains", false).words(
            "With an https issuer browsers are told to come over TLS alone for two years (HSTS). With `true` this holds for every host below yours too.",
        ));
        if below { Self::Subdomains } else { Self::Host }
    }

    /// For two years.
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Host => "max-age=63072000",
            Self::Subdomains => "max-age=63072000; includeSubDomains",
        })
    }
}

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

/// What a request waits for ends by its deadline, and the answer says so in its own form. After so much
/// more it is answered without it.
const LAST_WORDS: Duration = Duration::from_secs(1);

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
    /// How long a request may take.
    timeout: Duration,
    /// Whether it was said that a trusted proxy says what cannot be read.
    warned: AtomicBool,
}

impl Edge {
    /// Around these routes.
    #[must_use]
    pub fn new(
        router: Router,
        proxies: TrustedProxies,
        strict: Option<StrictTransport>,
        timeout: Duration,
    ) -> Self {
        let mut headers = vec![
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        ];
        headers.extend(strict.map(|strict| (STRICT_TRANSPORT_SECURITY, strict.header())));
        let process = u64::from_be_bytes(random::bytes());
        let (requests, warned) = (AtomicU64::new(0), AtomicBool::new(false));
        Self(Arc::new(Inner { router, proxies, headers, process, requests, timeout, warned }))
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
        let address = inner.client(peer, request.headers());
        let names_host = names_host(&request);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Context { id, address });
        let method = method(request.method());
        let router = inner.router.clone();
        let handled =
            async move { if names_host { router.oneshot(request).await } else { Ok(no_host()) } };
        let handled = AssertUnwindSafe(handled).catch_unwind();
        let deadline = Deadline::within(inner.timeout);
        request::within(id, method, deadline, async move {
            let measured = Measured::begin();
            let mut response = match timeout(inner.timeout + LAST_WORDS, handled).await {
                Ok(Ok(Ok(response))) => response,
                Ok(Err(_)) => {
                    request::explained();
                    tracing::error!("a handler panicked");
                    answer::server_error()
                }
                Err(_) => {
                    answer::fault(&Fault::unavailable("answering a request", "it took too long"))
                }
            };
            measured.end(response.status());
            inner.finish(id, &mut response);
            Ok(response)
        })
        .boxed()
    }
}

impl Inner {
    fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let forwarded_for = forwarded_for(headers);
        let chain = self.proxies.client(peer.ip(), forwarded_for.as_deref());
        if let Some(unreadable) = chain.unreadable
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                proxy = %chain.client,
                unreadable = %excerpt(unreadable),
                "a trusted proxy sends an X-Forwarded-For that cannot be read: whoever comes \
                 through it counts as one client (this is said once)"
            );
        }
        chain.client
    }

    fn finish(&self, id: RequestId, response: &mut Response<Body>) {
        let status = response.status();
        tracing::debug!(status = status.as_u16(), "answered");
        RESPONSES.of(class(status)).increment(1);
        explain(status);
        let headers = response.headers_mut();
        for (name, value) in &self.headers {
            // A page may know better.
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if !headers.contains_key(CONTENT_SECURITY_POLICY) {
            let policy = "default-src 'none'; frame-ancestors 'none'";
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        }
        // RFC 9110 §15.6.4: whoever says that it cannot be answered now, a page or an endpoint.
        if status == StatusCode::SERVICE_UNAVAILABLE && !headers.contains_key(RETRY_AFTER) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        headers.extend(HeaderValue::try_from(id.to_string()).ok().map(|id| (REQUEST_ID, id)));
    }
}

/// The answer names the request, so the log must have a line of it, whoever refused it.
fn explain(status: StatusCode) {
    let is_error = status.is_client_error() || status.is_server_error();
    let is_explained = request::current().is_none_or(|request| request.is_explained);
    if !is_error || is_explained {
        return;
    }
    let (status, name) = (status.as_u16(), status.canonical_reason());
    // Of 503 nothing is broken: somebody was asked to come again.
    let reason = match status {
        503 => Reason::NotNow,
        500.. => return tracing::error!(status, name, "answered with an error"),
        _ => Reason::ShownOnPage,
    };
    tracing::info!(status, name, %reason, description = reason.sentence(), "refused a request");
}

/// The method as the log writes it: what somebody made up is not repeated.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "other",
    }
}

fn no_host() -> Response<Body> {
    answer::refused(StatusCode::BAD_REQUEST, Reason::HostInvalid)
}

/// RFC 9112 §3.2: one `Host`, which is one. RFC 9113 §8.3.1: `:authority` and `Host` say the same.
fn names_host(request: &Request<Incoming>) -> bool {
    let mut given = request.headers().get_all(HOST).iter();
    let authority = request.uri().authority();
    let host = match (given.next(), given.next()) {
        (Some(host), None) => host,
        (Some(_), Some(_)) => return false,
        (None, _) => {
            let is_plain = |named: &Authority| !named.as_str().contains('@');
            return authority.map_or(request.version() <= Version::HTTP_10, is_plain);
        }
    };
    let Ok(host) = Authority::try_from(host.as_bytes()) else { return false };
    // Of HTTP/1.1 a target with a host counts instead of the header (RFC 9112 §3.2.2).
    let is_split = request.version() >= Version::HTTP_2;
    !host.as_str().contains('@') && authority.is_none_or(|named| !is_split || *named == host)
}

/// Notes which route a request takes, for the edge, which stands before all routes.
pub(super) async fn name_route(
    State(shared): State<Arc<Shared>>,
    request: axum::extract::Request,
    next: Next,
) -> Response<Body> {
    let path = request.extensions().get::<MatchedPath>();
    if let Some(route) = path.and_then(|path| urls::template(path.as_str(), &shared.base)) {
        request::took(route);
    }
    next.run(request).await
}

static RESPONSES: Handles<&str, Counter> =
    Handles::new(|class| metrics::counter!("mapae_responses_total", "class" => class));

static IN_FLIGHT: LazyLock<Gauge> = LazyLock::new(|| metrics::gauge!("mapae_requests_in_flight"));

/// How long requests took, by route, method and status.
static DURATION: Handles<(&str, &str, u16), Histogram> = Handles::new(|(route, method, status)| {
    let status = status.to_string();
    metrics::histogram!("mapae_http_request_duration_seconds", "route" => route, "method" => method, "status" => status)
});

/// A request that is being answered. Whoever hangs up ends it too.
struct Measured(Instant);

impl Measured {
    fn begin() -> Self {
        IN_FLIGHT.increment(1);
        Self(Instant::now())
    }

    fn end(self, status: StatusCode) {
        let Some(request) = request::current() else { return };
        let labels = (request.route.unwrap_or("none"), request.method, status.as_u16());
        DURATION.of(labels).record(self.0.elapsed());
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        IN_FLIGHT.decrement(1);
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
