//! Answers of the API: JSON with the version of what is shown.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::domain::admin_urls;
use crate::domain::version::Version;
use crate::web::answer;
use crate::web::shared::Shared;

/// A JSON answer.
pub(super) struct Shown<T> {
    status: StatusCode,
    body: T,
    version: Option<Version>,
    location: Option<String>,
}

impl<T: Serialize> Shown<T> {
    /// What was asked for.
    pub(super) fn of(body: T) -> Self {
        Self { status: StatusCode::OK, body, version: None, location: None }
    }

    /// With another status than 200.
    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// With the place where it is.
    pub(super) fn location(mut self, location: String) -> Self {
        self.location = Some(location);
        self
    }

    /// With the version of what is shown.
    pub(super) fn version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }
}

impl<T: Serialize> IntoResponse for Shown<T> {
    fn into_response(self) -> Response<Body> {
        let Ok(body) = serde_json::to_vec(&self.body) else { return answer::server_error() };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let of = |text: String| HeaderValue::try_from(text).ok();
        let etag = self.version.and_then(|version| of(version.etag()));
        headers.extend(etag.map(|value| (ETAG, value)));
        headers.extend(self.location.and_then(of).map(|value| (LOCATION, value)));
        response
    }
}

/// Where something is, whose path below the API has these parts.
pub(super) fn location(shared: &Shared, path: &[&str]) -> String {
    let path: String = path.iter().flat_map(|part| ["/".to_owned(), encoded(part)]).collect();
    format!("{}{}{path}", shared.base, admin_urls::API_V1)
}

fn encoded(part: &str) -> String {
    // RFC 3986 §2.3
    const RESERVED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(part, RESERVED).to_string()
}

/// Done, and there is nothing to show.
pub(super) fn done() -> StatusCode {
    StatusCode::NO_CONTENT
}
