//! Pages over HTTP: their content security policy, their status, and the redirects between them.

use askama::Template;
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    X_FRAME_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::accounts::sign_in::SignInRefused;
use crate::clients::registry::Registered;
use crate::domain::client::RegisteredBy;
use crate::domain::error_code::ErrorCode;
use crate::domain::interaction::Handle;
use crate::domain::reason::Reason;
use crate::domain::verdict::FaultKind;
use crate::domain::{redirect_uri, urls};
use crate::oauth::refused::RefusedRequest;
use crate::pages::{
    App, ErrorPage, FORM_POST_SCRIPT, FormPostPage, Frame, Language, PageProblem, RedirectPage,
    Unvouched,
};
use crate::web::answer;
use crate::web::body::BadBody;
use crate::web::page_request::PageRequest;
use crate::web::shared::Shared;

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
const PURPOSE: HeaderName = HeaderName::from_static("purpose");
const X_PURPOSE: HeaderName = HeaderName::from_static("x-purpose");
const X_MOZ: HeaderName = HeaderName::from_static("x-moz");
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// The result of a page handler. Both sides are answers: `Err` lets `?` return one early.
pub(super) type Answered = Result<Response<Body>, Response<Body>>;

/// Shows a page.
pub(super) fn show(
    shared: &Shared,
    status: StatusCode,
    page: &impl Template,
    page_request: &PageRequest,
) -> Response<Body> {
    let mut response = html(status, page, &policy("'self'", OURS_AND_CALLS));
    if page_request.chose_language {
        shared.cookies.set_language(response.headers_mut(), page_request.language.as_str());
    }
    response
}

fn html(status: StatusCode, page: &impl Template, policy: &str) -> Response<Body> {
    let Ok(html) = page.render() else { return answer::server_error() };
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // No referrer is sent to another origin; forms of our own pages still send where they come
    // from.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    let nothing = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";
    headers.insert(PERMISSIONS, HeaderValue::from_static(nothing));
    headers
        .extend(HeaderValue::try_from(policy).ok().map(|policy| (CONTENT_SECURITY_POLICY, policy)));
    response
}

/// Forms may go to our own origin only. Chromium applies this to every redirect after a form, also
/// to the address where the app or the provider sends people next. So after a form, a page of ours
/// ([`onward`]) leads to other sites.
const OURS: &str = "form-action 'self'; ";
/// The same, and scripts may read our own pages: that of passkeys gets a new challenge from there.
const OURS_AND_CALLS: &str = "connect-src 'self'; form-action 'self'; ";

fn policy(scripts: &str, forms: &str) -> String {
    format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src {scripts}; \
         {forms}base-uri 'none'; frame-ancestors 'none'"
    )
}

/// Cuts the account page off from the window that opened it. All other pages may be in a window
/// that an app has opened and that sends the app a message at the end. There, this header would cut
/// the connection at the first redirect.
pub(super) async fn without_opener(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// The answer to a request for a page that nobody looks at: HEAD, and what a browser prefetches.
/// Both bring cookies, and a GET of ours may issue a code or sign a person out. So these requests
/// do nothing, and the browser asks again when the person opens the page.
pub(super) fn unasked(parts: &Parts) -> Option<Response<Body>> {
    let is_ahead = |name| {
        let said = parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let mut words = said.flat_map(|said| said.split([',', ';']));
        words.any(|word| matches!(word.trim(), "prefetch" | "prerender" | "preview"))
    };
    let status = if parts.method == Method::HEAD {
        StatusCode::NO_CONTENT
    } else if [SEC_PURPOSE, PURPOSE, X_PURPOSE, X_MOZ].into_iter().any(is_ahead) {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        return None;
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}

/// Redirects to another address by GET.
pub(super) fn see_other(location: &str) -> Response<Body> {
    let Ok(location) = HeaderValue::try_from(location) else { return answer::server_error() };
    let mut response = Response::new(Body::empty());
    // Never 307 or 308, which would send the posted form to the next address (RFC 9700 §4.12).
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, location);
    response
}

/// The address of the page at this path, for this interaction.
pub(super) fn address(shared: &Shared, path: &str, handle: &Handle) -> String {
    format!("{}{path}?interaction={}", shared.base, handle.as_str())
}

/// Leads the browser to an app or a provider. Chromium applies the form policy of a page to every
/// redirect after its form, and browsers carry a fragment through every redirect: showing a page of
/// ours in between ends both. A client that shows no pages gets a plain redirect.
pub(super) fn onward(
    shared: &Shared,
    page_request: &PageRequest,
    location: &str,
) -> Response<Body> {
    if !page_request.shows_pages() {
        return see_other(location);
    }
    let frame = Frame { here: None, ..page_request.frame(shared) };
    html(StatusCode::OK, &RedirectPage { frame, location }, &policy("'none'", OURS))
}

/// A page with a form that the browser posts to the app at once.
pub(super) fn form_post(
    shared: &Shared,
    page_request: &PageRequest,
    action: &str,
    fields: Vec<(&str, &str)>,
) -> Response<Body> {
    let frame = Frame { here: None, ..page_request.frame(shared) };
    let page = FormPostPage { frame, action, fields };
    let script = STANDARD.encode(Sha256::digest(FORM_POST_SCRIPT.as_bytes()));
    // The app may redirect the browser anywhere, so this page has no form policy.
    html(StatusCode::OK, &page, &policy(&format!("'sha256-{script}'"), ""))
}

/// After how many seconds another attempt to sign in makes sense.
pub(super) fn retry_after(refused: SignInRefused) -> Option<u64> {
    match refused {
        SignInRefused::Wrong => None,
        SignInRefused::Throttled(seconds) => Some(seconds),
        SignInRefused::Busy => Some(2),
    }
}

/// What an error page says.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    status: StatusCode,
    code: &'static str,
    /// The reason of the refusal; `None`: the failure is ours, or the log line was already written.
    reason: Option<Reason>,
    problem: PageProblem,
    app: Option<(String, Option<String>)>,
    /// Whether the interaction that the request names exists.
    is_there: bool,
}

impl Failed {
    /// Marks that the interaction that the request names exists: the page may repeat its name.
    pub(super) fn found(self) -> Self {
        Self { is_there: true, ..self }
    }

    /// A page for a refused request.
    pub(super) fn new(reason: Reason, problem: PageProblem) -> Self {
        let code = reason.code().unwrap_or(ErrorCode::InvalidRequest);
        Self { reason: Some(reason), ..Self::with_code(code, problem) }
    }

    /// A page for a body that cannot be read.
    pub(super) fn of_body(bad: BadBody, problem: PageProblem) -> Self {
        Self { status: bad.status, ..Self::new(bad.reason, problem) }
    }

    /// A page for a bad request whose log line was already written.
    pub(super) fn explained(problem: PageProblem) -> Self {
        Self::with_code(ErrorCode::InvalidRequest, problem)
    }

    /// The same with this error code.
    pub(super) fn with_code(code: ErrorCode, problem: PageProblem) -> Self {
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, code: code.as_str(), reason: None, problem, app: None, is_there: false }
    }

    /// A page for a failure of ours.
    pub(super) fn ours(kind: FaultKind) -> Self {
        match kind {
            FaultKind::Unavailable => {
                Self::with_code(ErrorCode::Overloaded, PageProblem::Unavailable)
            }
            FaultKind::Internal => Self {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                code: "server_error",
                ..Self::explained(PageProblem::Internal)
            },
        }
    }

    /// Adds a link to this address of an app, named by its host.
    pub(super) fn leading_to(mut self, location: &str) -> Self {
        self.app = Some((redirect_uri::shown_host(location), Some(location.to_owned())));
        self
    }

    /// Adds the link back to the app.
    pub(super) fn of(mut self, client: Option<&Registered>) -> Self {
        self.app = client.map(|registered| {
            let client = &registered.client;
            let home =
                client.metadata.redirect_uris.iter().find_map(|uri| redirect_uri::front_page(uri));
            (client.metadata.client_name.clone(), home)
        });
        self
    }
}

/// Shows an error page.
pub(super) fn failed(
    shared: &Shared,
    page_request: &PageRequest,
    failed: Failed,
) -> Response<Body> {
    let frame = page_request.frame_of_no(shared, failed.is_there);
    let mut response = error(frame, failed);
    if page_request.chose_language {
        shared.cookies.set_language(response.headers_mut(), page_request.language.as_str());
    }
    response
}

/// Shows an error page before the request was read far enough to know browser and language.
pub(super) fn turned_away(shared: &Shared, failed: Failed) -> Response<Body> {
    let language = Language::default();
    error(Frame { look: &shared.look, language, base: &shared.base, here: None }, failed)
}

fn error(frame: Frame<'_>, failed: Failed) -> Response<Body> {
    if let Some(reason) = failed.reason {
        RefusedRequest::from(reason).log();
    }
    let (name, back) = failed.app.unzip();
    let page = ErrorPage {
        frame,
        code: failed.code,
        problem: failed.problem,
        back: back.as_ref().and_then(|back| back.as_deref()),
        app_name: name.as_deref(),
    };
    html(failed.status, &page, &policy("'self'", OURS))
}

/// An app, as pages show it.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    name: String,
    host: Option<String>,
    logo: Option<String>,
    policy_uri: Option<String>,
    tos_uri: Option<String>,
    /// Whether an operator vouches for it.
    is_vouched: bool,
    /// The host of the document that describes it.
    document: Option<String>,
    /// Whether the answer goes to a program on the person's device.
    is_local: bool,
}

impl Shown {
    /// The app, with the host of the URI that its answer goes to.
    pub(super) fn of(shared: &Shared, registered: &Registered, uri: Option<&str>) -> Self {
        let client = &registered.client;
        let uri = uri.or(client.metadata.redirect_uris.first().map(String::as_str));
        let id: String =
            url::form_urlencoded::byte_serialize(client.id.as_str().as_bytes()).collect();
        let logo = urls::CLIENT_LOGO.replace("{client}", &id.replace('+', "%20"));
        Self {
            name: client.metadata.client_name.clone(),
            host: uri.map(redirect_uri::shown_host),
            logo: client.metadata.logo_uri.as_ref().map(|_| format!("{}{logo}", shared.base)),
            policy_uri: client.metadata.policy_uri.clone(),
            tos_uri: client.metadata.tos_uri.clone(),
            is_vouched: client.registered_by == RegisteredBy::Operator,
            document: (client.registered_by == RegisteredBy::Document)
                .then(|| redirect_uri::shown_host(client.id.as_str())),
            is_local: uri.is_some_and(redirect_uri::is_unclaimed),
        }
    }

    /// Where the app comes from, if nobody vouches for it.
    pub(super) fn unvouched(&self) -> Option<Unvouched<'_>> {
        if self.is_vouched {
            return None;
        }
        let redirect = self.host.as_deref().unwrap_or_default();
        Some(Unvouched { document: self.document.as_deref(), redirect, is_local: self.is_local })
    }

    pub(super) fn app(&self) -> App<'_> {
        App {
            name: &self.name,
            host: self.host.as_deref(),
            logo: self.logo.as_deref(),
            policy_uri: self.policy_uri.as_deref(),
            tos_uri: self.tos_uri.as_deref(),
        }
    }
}
