//! The edge: the code that every request passes, whatever its route is. It gives the request an id,
//! finds the client address, sets the headers that all answers have, measures, and answers when a
//! handler panics.

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
use crate::domain::error_code::ErrorCode;
use crate::domain::excerpt::excerpt;
use crate::domain::reason::Reason;
use crate::domain::request::{self, RequestId};
use crate::domain::shown_certificates::{self, MOST};
use crate::domain::trace::TraceParent;
use crate::domain::verdict::Fault;
use crate::domain::{random, urls};
use crate::keys::certificates::{ClientCertificate, ShownCertificate};
use crate::runtime::handles::Handles;
use crate::runtime::spans::{self, OpenSpan, Value};
use crate::settings::Collector;
use crate::settings::kinds::flag;
use crate::web::answer;
use crate::web::shared::Shared;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// Which hosts browsers are told to contact over TLS only (HSTS, RFC 6797). A browser follows it
/// after its first answer over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrictTransport {
    /// This host only.
    Host,
    /// This host and every host below it.
    Subdomains,
}

impl StrictTransport {
    /// Declares the setting and reads it.
    pub fn read(from: &mut Collector) -> Self {
        from.begin("TLS");
        let below = from.take(flag("http.hsts_include_subdomains", false).words(
            "With an https issuer browsers are told to come over TLS alone for two years (HSTS). With `true` this holds for every host below yours too.",
        ));
        if below { Self::Subdomains } else { Self::Host }
    }

    /// The header, valid for two years.
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Host => "max-age=63072000",
            Self::Subdomains => "max-age=63072000; includeSubDomains",
        })
    }
}

/// Where a request came from, for handlers.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    id: RequestId,
    /// The client address.
    pub address: IpAddr,
}

impl Context {
    /// The origin, as audit events record it.
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

/// From where a listener takes client certificates. From anywhere else they are not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// It takes none.
    Nowhere,
    /// From the TLS handshake.
    Handshake,
    /// From the headers of trusted proxies, RFC 9440.
    Proxies,
}

/// Everything that a request waits for ends by its deadline, and the handler then answers in its
/// own form. If the handler has not answered so much later, the edge answers for it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The edge of one listener.
#[derive(Clone, Debug)]
pub struct Edge(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    router: Router,
    proxies: TrustedProxies,
    certificates: CertificateSource,
    headers: Vec<(HeaderName, HeaderValue)>,
    process: u64,
    requests: AtomicU64,
    /// The time limit of a request.
    timeout: Duration,
    /// Whether the warning about an unreadable `X-Forwarded-For` of a trusted proxy was already
    /// logged.
    warned: AtomicBool,
}

impl Edge {
    /// An edge around these routes.
    #[must_use]
    pub fn new(
        router: Router,
        proxies: TrustedProxies,
        certificates: CertificateSource,
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
        Self(Arc::new(Inner {
            router,
            proxies,
            certificates,
            headers,
            process,
            requests,
            timeout,
            warned,
        }))
    }

    /// Answers a request that this peer sent.
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
        let in_handshake = request.extensions_mut().remove::<ShownCertificate>();
        request.extensions_mut().insert(Context { id, address });
        if let Some(shown) = inner.certificate(peer, request.headers(), in_handshake) {
            request.extensions_mut().insert(shown);
        }
        let method = method(request.method());
        let span = spans::of_request(method, || inner.trace_parent(peer, request.headers()));
        let mut asked = request::Request::new(id, method, Deadline::within(inner.timeout));
        asked.address = Some(address);
        asked.trace = span.as_ref().and_then(OpenSpan::place);
        let router = inner.router.clone();
        let handled =
            async move { if names_host { router.oneshot(request).await } else { Ok(no_host()) } };
        let handled = AssertUnwindSafe(handled).catch_unwind();
        request::within(asked, async move {
            let measured = Measured::begin(span);
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

    /// The client certificate of a request.
    fn certificate(
        &self,
        peer: SocketAddr,
        headers: &HeaderMap,
        in_handshake: Option<ShownCertificate>,
    ) -> Option<ShownCertificate> {
        match self.certificates {
            CertificateSource::Nowhere => None,
            CertificateSource::Handshake => in_handshake,
            CertificateSource::Proxies => {
                let is_trusted = || self.proxies.trusts(peer.ip().to_canonical());
                let chain = handed_on(headers).filter(|_| is_trusted())?;
                Some(ShownCertificate(
                    chain.and_then(|chain| ClientCertificate::read(&chain)).map(Arc::new),
                ))
            }
        }
    }

    /// The trace that a trusted proxy hands on. Nobody else decides what is kept here.
    fn trace_parent(&self, peer: SocketAddr, headers: &HeaderMap) -> Option<TraceParent> {
        let mut given = headers.get_all(TRACE_PARENT).iter();
        let (Some(one), None) = (given.next(), given.next()) else { return None };
        let is_trusted = self.proxies.trusts(peer.ip().to_canonical());
        TraceParent::parse(one.to_str().ok()?).filter(|_| is_trusted)
    }

    fn finish(&self, id: RequestId, response: &mut Response<Body>) {
        let status = response.status();
        tracing::debug!(status = status.as_u16(), "answered");
        RESPONSES.of(class(status)).increment(1);
        explain(status);
        let headers = response.headers_mut();
        for (name, value) in &self.headers {
            // A page may have set a value of its own.
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if !headers.contains_key(CONTENT_SECURITY_POLICY) {
            let policy = "default-src 'none'; frame-ancestors 'none'";
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        }
        // RFC 9110 §15.6.4: every 503 says when to try again, whether a page or an endpoint
        // answered.
        if status == StatusCode::SERVICE_UNAVAILABLE && !headers.contains_key(RETRY_AFTER) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        headers.extend(HeaderValue::try_from(id.to_string()).ok().map(|id| (REQUEST_ID, id)));
    }
}

/// An error answer shows the id of its request, so the log must have a line with that id. This
/// writes one if no other code has.
fn explain(status: StatusCode) {
    let is_error = status.is_client_error() || status.is_server_error();
    let Some(request) = request::current() else { return };
    if !is_error || request.is_explained {
        return;
    }
    let (status, name) = (status.as_u16(), status.canonical_reason());
    // With 503 nothing is broken: the client is asked to try again.
    let reason = match status {
        503 => Reason::NotNow,
        500.. => return tracing::error!(status, name, "answered with an error"),
        _ => Reason::ShownOnPage,
    };
    let error = reason.code().map(ErrorCode::as_str);
    let address = request.address.map(tracing::field::display);
    tracing::info!(status, name, error, %reason, description = reason.sentence(), address, "refused a request");
}

/// The method for the log. Invented methods become `other`.
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

/// Whether the request has exactly one valid `Host` (RFC 9112 §3.2), and an equal `:authority` if
/// it has one (RFC 9113 §8.3.1).
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
    // In HTTP/1.1 the host in the request target replaces the header (RFC 9112 §3.2.2).
    let is_split = request.version() >= Version::HTTP_2;
    !host.as_str().contains('@') && authority.is_none_or(|named| !is_split || *named == host)
}

/// Notes the route of a request for the edge, which runs before the router.
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

/// Counts a request as in flight until it is dropped, also when the client closes the connection.
struct Measured {
    since: Instant,
    span: Option<OpenSpan>,
}

impl Measured {
    fn begin(span: Option<OpenSpan>) -> Self {
        IN_FLIGHT.increment(1);
        Self { since: Instant::now(), span }
    }

    fn end(mut self, status: StatusCode) {
        let Some(request) = request::current() else { return };
        let labels = (request.route.unwrap_or("none"), request.method, status.as_u16());
        DURATION.of(labels).record(self.since.elapsed());
        if let Some(span) = &mut self.span {
            describe(span, &request, status);
        }
    }
}

/// Describes the span of a request by the names that OpenTelemetry's conventions for HTTP have. No
/// path and no query: they may hold secrets.
fn describe(span: &mut OpenSpan, request: &request::Request, status: StatusCode) {
    span.describe(|span| {
        span.has_failed = status.is_server_error();
        let text = |text: &'static str| Value::Text(text.into());
        let said = &mut span.attributes;
        said.push(("http.request.method", text(request.method)));
        said.push(("http.response.status_code", Value::Number(status.as_u16().into())));
        said.push(("mapae.request_id", Value::Text(request.id.to_string().into())));
        if let Some(route) = request.route {
            span.name = format!("{} {route}", request.method).into();
            said.push(("http.route", text(route)));
        }
        if let Some(address) = request.address {
            said.push(("client.address", Value::Text(address.to_string().into())));
        }
        if let Some(reason) = request.reason {
            said.push(("error.type", text(reason.as_str())));
        }
    });
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

/// The client certificate that a proxy hands on, RFC 9440 §2, with those above it.
fn handed_on(headers: &HeaderMap) -> Option<Result<Vec<Vec<u8>>, Reason>> {
    let mut given = headers.get_all(CLIENT_CERT).iter();
    let one = given.next()?;
    if given.next().is_some() {
        return Some(Err(Reason::CertificateRepeated));
    }
    let mut chain = one.to_str().ok().and_then(shown_certificates::item).map(|own| vec![own]);
    for above in headers.get_all(CLIENT_CERT_CHAIN) {
        let above = above.to_str().ok().and_then(shown_certificates::list);
        let longer = chain.zip(above).map(|(chain, above)| [chain, above].concat());
        chain = longer.filter(|chain| chain.len() <= MOST);
    }
    Some(chain.ok_or(Reason::CertificateMalformed))
}

/// All `X-Forwarded-For` lines as one chain, in their order.
fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all(FORWARDED_FOR).iter().peekable();
    lines.peek()?;
    let lines: Vec<_> = lines.map(|line| line.to_str().unwrap_or("unreadable")).collect();
    Some(lines.join(","))
}
