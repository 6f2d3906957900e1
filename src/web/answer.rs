//! Answers of the API: JSON, and errors that all have the same form.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::client::ClientId;
use crate::domain::error_code::ErrorCode;
use crate::domain::reason::Reason;
use crate::domain::request;
use crate::domain::verdict::{Fault, FaultKind};
use crate::oauth::error::{AuthenticateChallenge, Error, Onward, Refusal, Result};
use crate::oauth::possession::{Possession, Presented};
use crate::oauth::refused::{self, RefusedRequest};

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// The media type of a JWT, RFC 7519 §10.3.1.
pub(super) const JWT: &str = "application/jwt";
/// The media type of a signed answer of introspection, RFC 9701 §8.
pub(super) const INTROSPECTION_JWT: &str = "application/token-introspection+jwt";
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A successful answer in JSON, or the error, for this client. No cache may keep it (RFC 6749
/// §5.1).
pub(super) fn json<T: Serialize>(result: Result<T>, client: Option<&ClientId>) -> Response<Body> {
    answered(StatusCode::OK, result, client)
}

/// The same for what was made: 201.
pub(super) fn created<T: Serialize>(
    result: Result<T>,
    client: Option<&ClientId>,
) -> Response<Body> {
    answered(StatusCode::CREATED, result, client)
}

fn answered<T: Serialize>(
    done: StatusCode,
    result: Result<T>,
    client: Option<&ClientId>,
) -> Response<Body> {
    match result.map(|value| serde_json::to_vec(&value)) {
        Ok(Ok(body)) => api(done, body),
        Ok(Err(error)) => fault(&Fault::internal("writing an answer", error)),
        Err(Error::Fault(cause)) => fault(&cause),
        Err(Error::Refused(cause)) => refusal(&cause, client),
    }
}

/// A successful answer that is a JWT of this media type.
pub(super) fn jwt(jwt: String, media_type: &'static str) -> Response<Body> {
    let mut response = api(StatusCode::OK, jwt.into_bytes());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A refusal: RFC 6749 §5.2, RFC 6750 §3.
pub(super) fn refusal(refusal: &Refusal, client: Option<&ClientId>) -> Response<Body> {
    refused::log(refusal, client);
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let error = refusal.code().map(ErrorCode::as_str);
    let mut response = match error {
        Some(error) => {
            let mut body = description(error, &refusal.text());
            if let Some(onward) = refusal.onward.as_deref() {
                body.extend(going_on(onward));
            }
            api(status, Value::Object(body).to_string().into_bytes())
        }
        None => api(status, Vec::new()),
    };
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    match (refusal.challenge(), error) {
        (Some(AuthenticateChallenge::Basic), _) => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"mapae\""));
        }
        (Some(AuthenticateChallenge::Bearer), None) => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"mapae\""));
        }
        (Some(AuthenticateChallenge::Bearer), Some(error)) => {
            let challenge = format!(
                "Bearer realm=\"mapae\", error=\"{error}\", error_description=\"{}\"",
                refusal.text()
            );
            headers.extend(
                HeaderValue::try_from(challenge).ok().map(|value| (WWW_AUTHENTICATE, value)),
            );
        }
        (None, _) => {}
    }
    response
}

/// A fault: its causes are logged in one line, and the answer names none of them.
pub(super) fn fault(fault: &Fault) -> Response<Body> {
    request::explained();
    tracing::error!(%fault, "a request failed");
    match fault.kind() {
        FaultKind::Unavailable => described(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "try again in a moment",
        ),
        FaultKind::Internal => server_error(),
    }
}

/// The answer to a request that is refused for every client; also writes its log line.
pub(super) fn refused(status: StatusCode, reason: Reason) -> Response<Body> {
    RefusedRequest::from(reason).log();
    let error = reason.code().map_or("invalid_request", ErrorCode::as_str);
    described(status, error, reason.sentence())
}

/// The answer when not even another error answer can be built.
pub(super) fn server_error() -> Response<Body> {
    described(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "the server failed")
}

/// An error in the form of RFC 6749 §5.2.
fn described(status: StatusCode, error: &str, description: &str) -> Response<Body> {
    api(status, Value::Object(self::description(error, description)).to_string().into_bytes())
}

fn description(error: &str, description: &str) -> Map<String, Value> {
    [("error", error), ("error_description", description)]
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .into_iter()
        .collect()
}

/// How a first-party app goes on: OAuth 2.0 for First-Party Applications §5.2.2.
fn going_on(onward: &Onward) -> [(String, Value); 3] {
    [
        ("auth_session".to_owned(), Value::from(onward.auth_session.expose().as_str())),
        ("otp_required".to_owned(), Value::from(onward.otp_required)),
        ("recovery_code_possible".to_owned(), Value::from(onward.recovery_code_possible)),
    ]
}

fn api(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let is_empty = body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if !is_empty {
        headers.insert(CONTENT_TYPE, JSON);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// Adds the nonce for the next proof, RFC 9449 §8.2, to the answer to a request with a proof.
pub(super) fn with_nonce(
    response: &mut Response<Body>,
    possession: &Possession,
    presented: Presented<'_>,
) {
    let nonce = presented.and_then(|_| possession.nonce());
    if let Some(nonce) = nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
}

/// An empty success.
pub(super) fn empty() -> Response<Body> {
    api(StatusCode::OK, Vec::new())
}
