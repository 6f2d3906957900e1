//! What a request brings besides its token: parameters, a body, the version that it saw.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_TYPE, IF_MATCH};
use axum::http::request::Parts;
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::problem::{ApiResult, Failed};
use crate::domain::nul;
use crate::domain::reason::Reason;
use crate::domain::version::Version;
use crate::web::body;
use crate::web::shared::Shared;

const NUL: &str = "a text has no NUL";

/// Whether a part of a URL has an encoded NUL: no text of the database has one.
fn has_nul(part: Option<&str>) -> bool {
    part.is_some_and(|part| part.contains("%00"))
}

/// The parameters of the query.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Shared>> for Parameters<T> {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> ApiResult<Self> {
        if has_nul(parts.uri.query()) {
            return Err(Failed::because(Reason::AdminQueryMalformed, NUL));
        }
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(read)) => Ok(Self(read)),
            Err(bad) => Err(Failed::because(Reason::AdminQueryMalformed, bad.body_text())),
        }
    }
}

/// The parameters in the path.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Shared>> for Named<T> {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> ApiResult<Self> {
        if has_nul(Some(parts.uri.path())) {
            return Err(Failed::because(Reason::AdminUnknown, NUL));
        }
        match Path::<T>::from_request_parts(parts, shared).await {
            Ok(Path(read)) => Ok(Self(read)),
            Err(bad) => Err(Failed::because(Reason::AdminUnknown, bad.body_text())),
        }
    }
}

/// The version that the caller saw, RFC 9110 §13.1.1. `*` takes whatever is there.
pub(super) struct Seen(pub(super) Option<Version>);

impl FromRequestParts<Arc<Shared>> for Seen {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> ApiResult<Self> {
        let mut given = parts.headers.get_all(IF_MATCH).iter();
        // RFC 6585 §3
        let (Some(one), None) = (given.next(), given.next()) else {
            return Err(Reason::AdminVersionMissing.into());
        };
        match one.to_str().unwrap_or_default().trim() {
            "*" => Ok(Self(None)),
            etag => match Version::from_etag(etag) {
                Some(version) => Ok(Self(Some(version))),
                None => Err(Reason::AdminChanged.into()),
            },
        }
    }
}

/// The JSON body.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequest<Arc<Shared>> for Sent<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, _: &Arc<Shared>) -> ApiResult<Self> {
        let (parts, sent) = request.into_parts();
        json(&json_body(&parts, sent).await?).map(Self)
    }
}

/// The media type of the body, without its parameters.
pub(super) fn media_type(parts: &Parts) -> &str {
    let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim()
}

/// Reads the body of a request, which must be JSON.
pub(super) async fn json_body(parts: &Parts, sent: Body) -> ApiResult<Bytes> {
    if !media_type(parts).eq_ignore_ascii_case("application/json") {
        let why = "send it with Content-Type: application/json";
        return Err(Failed::because(Reason::ContentTypeUnsupported, why));
    }
    body::bytes(sent).await.map_err(|bad| Failed::from(bad.reason))
}

/// Reads JSON of this form.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    // In JSON a NUL is always escaped.
    let may_have_nul = bytes.windows(6).any(|some| some == b"\\u0000");
    if may_have_nul && serde_json::from_slice(bytes).is_ok_and(|value| nul::is_within(&value)) {
        return Err(Failed::because(Reason::AdminBodyMalformed, NUL));
    }
    serde_json::from_slice(bytes)
        .map_err(|bad| Failed::because(Reason::AdminBodyMalformed, bad.to_string()))
}
