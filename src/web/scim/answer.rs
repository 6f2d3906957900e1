//! Answers of SCIM, RFC 7644 §3.1 and §3.12.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::Value;

use crate::admin::authority::NotAllowed;
use crate::admin::refused::Refused;
use crate::domain::reason::Reason;
use crate::domain::scim::person::weak;
use crate::domain::scim::refusal::ScimRefusal;
use crate::domain::verdict::{Error, Fault};
use crate::domain::version::Version;
use crate::oauth::refused::RefusedRequest;
use crate::web::answer;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: StatusCode,
    /// The body.
    pub(super) body: Option<Value>,
    /// `ETag`.
    pub(super) etag: Option<String>,
    /// `Location`.
    pub(super) location: Option<String>,
}

impl Answer {
    /// 200 with this body.
    pub(super) fn of(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body), etag: None, location: None }
    }

    /// 204.
    pub(super) fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, etag: None, location: None }
    }

    /// With a version, and the place that the resource names.
    pub(super) fn version(mut self, version: &Version, location: String) -> Self {
        self.etag = Some(weak(version));
        self.location = Some(location);
        self
    }

    /// With this status.
    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
}

/// What ends a request without a result.
#[derive(Debug)]
pub(super) enum Failed {
    /// A refusal.
    Refused(ScimRefusal),
    /// A refusal that every endpoint has.
    Because(Reason),
    /// A failure of ours.
    Fault(Fault),
}

impl Failed {
    pub(super) fn because(reason: Reason) -> Self {
        Self::Because(reason)
    }

    /// What a use case of the administration refused.
    pub(super) fn of_admin(error: Error<Refused>) -> Self {
        Error::<ScimRefusal>::from(error).into()
    }

    /// The refusal as it is shown.
    pub(super) fn shown(&self) -> ScimRefusal {
        match self {
            Self::Refused(refused) => refused.clone(),
            Self::Because(reason) => {
                ScimRefusal::new(reason.status().unwrap_or(400), reason.sentence())
            }
            Self::Fault(fault) => {
                let response = answer::fault(fault);
                let sentence = response.status().canonical_reason().unwrap_or("failed");
                ScimRefusal::new(response.status().as_u16(), sentence)
            }
        }
    }
}

impl From<ScimRefusal> for Failed {
    fn from(refused: ScimRefusal) -> Self {
        Self::Refused(refused)
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error<ScimRefusal>> for Failed {
    fn from(error: Error<ScimRefusal>) -> Self {
        match error {
            Error::Refused(refused) => Self::Refused(refused),
            Error::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<NotAllowed> for Failed {
    fn from(_: NotAllowed) -> Self {
        Self::Because(Reason::AdminScopeMissing)
    }
}

/// The reason in the log, by the status.
fn reason(refused: &ScimRefusal) -> Reason {
    match refused.status {
        403 => Reason::AdminForbidden,
        404 => Reason::AdminUnknown,
        409 => Reason::AdminConflict,
        412 => Reason::AdminChanged,
        _ => Reason::ScimRequestInvalid,
    }
}

fn respond(status: StatusCode, body: Option<&Value>) -> Response<Body> {
    let bytes = body.map(ToString::to_string).unwrap_or_default();
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
    }
    response
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response<Body> {
        let mut response = respond(self.status, self.body.as_ref());
        let headers = response.headers_mut();
        let of = |text: String| HeaderValue::try_from(text).ok();
        headers.extend(self.etag.and_then(of).map(|value| (ETAG, value)));
        headers.extend(self.location.and_then(of).map(|value| (LOCATION, value)));
        response
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response<Body> {
        let shown = self.shown();
        let logged = match &self {
            Self::Refused(refused) => Some(reason(refused)),
            Self::Because(reason) => Some(*reason),
            Self::Fault(_) => None,
        };
        if let Some(reason) = logged {
            RefusedRequest::from(reason).log();
        }
        let status = StatusCode::from_u16(shown.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = respond(status, Some(&shown.body()));
        // RFC 6750 §3
        if shown.status == 401 {
            let challenge = match logged.and_then(Reason::code) {
                Some(code) => format!("Bearer realm=\"mapae\", error=\"{}\"", code.as_str()),
                None => "Bearer realm=\"mapae\"".to_owned(),
            };
            let value = HeaderValue::try_from(challenge).ok();
            response.headers_mut().extend(value.map(|value| (WWW_AUTHENTICATE, value)));
        }
        response
    }
}
