//! Reads a form: POST only, one content type, at most 64 KB, within a time limit.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::answer::{refusal, refused};
use crate::domain::dpop::Thumbprint;
use crate::domain::form::{BadForm, Form};
use crate::domain::reason::Reason;
use crate::domain::request;
use crate::keys::certificates::{ClientCertificate, ShownCertificate};
use crate::oauth::client_auth::Credentials;
use crate::oauth::error::Refusal;
use crate::oauth::possession::Presented;

const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The largest size of a body, in bytes.
const LIMIT: usize = 64 * 1024;
/// The longest time for reading a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// The headers of a request, and the certificate that came with it.
pub(super) struct Head {
    headers: HeaderMap,
    certificate: Option<ShownCertificate>,
}

impl Head {
    /// The headers of a request whose body is not read.
    pub(super) fn of(request: Request) -> Self {
        Self::from(request.into_parts().0)
    }

    /// All headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// How the client of this form authenticates. A certificate that cannot be read is refused,
    /// whether anybody would look at it or not.
    pub(super) fn credentials(&self, form: &Form) -> Result<Credentials, Refusal> {
        let certificate = self.certificate()?;
        let credentials = Credentials::read(&self.authorization(), form)?;
        Ok(credentials.with_certificate(certificate.cloned()))
    }

    /// The thumbprint of the certificate that came with the request, if it can be read.
    pub(super) fn thumbprint(&self) -> Option<&Thumbprint> {
        self.certificate().ok().flatten().map(|certificate| certificate.thumbprint())
    }

    fn certificate(&self) -> Result<Option<&Arc<ClientCertificate>>, Reason> {
        let shown = self.certificate.as_ref().map(|ShownCertificate(shown)| shown.as_ref());
        shown.transpose().map_err(|reason| *reason)
    }

    /// All `Authorization` headers. The reader of them refuses more than one.
    pub(super) fn authorization(&self) -> Vec<&[u8]> {
        self.headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes).collect()
    }

    /// Whether the request asks for this media type by its name, RFC 9110 §12.5.1.
    pub(super) fn accepts(&self, wanted: &str) -> bool {
        let accepted = self.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        accepted.flat_map(|value| value.split(',')).any(|one| {
            let mut parts = one.split(';').map(str::trim);
            let is_wanted = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            let is_refused = |part: &str| {
                let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
                weight.is_some_and(|weight| weight.parse().is_ok_and(|weight: f64| weight <= 0.0))
            };
            is_wanted && !parts.any(is_refused)
        })
    }

    /// The proof of possession, RFC 9449 §4.3 (1).
    pub(super) fn proof(&self) -> Presented<'_> {
        let mut values = self.headers.get_all(DPOP).iter();
        let value = values.next()?;
        Some(match (value.to_str(), values.next()) {
            (Ok(proof), None) => Ok(proof),
            (Err(_), None) => Err(Reason::DpopProofMalformed),
            (_, Some(_)) => Err(Reason::DpopProofRepeated),
        })
    }
}

impl From<Parts> for Head {
    fn from(parts: Parts) -> Self {
        let Parts { headers, mut extensions, .. } = parts;
        Self { headers, certificate: extensions.remove() }
    }
}

/// Why a form could not be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct BadBody {
    /// The status of the answer.
    pub(super) status: StatusCode,
    /// The reason of the refusal.
    pub(super) reason: Reason,
}

impl BadBody {
    /// The error as an answer of the API.
    fn described(self) -> Response<Body> {
        refused(self.status, self.reason)
    }
}

/// Reads the form of a request; the error is the answer.
pub(super) async fn form(request: Request) -> Result<(Head, Form), Response<Body>> {
    form_by(Form::parse, request).await
}

/// The same for a token request.
pub(super) async fn token_form(request: Request) -> Result<(Head, Form), Response<Body>> {
    form_by(Form::parse_at_token, request).await
}

async fn form_by(
    parse: fn(&[u8]) -> Result<Form, BadForm>,
    request: Request,
) -> Result<(Head, Form), Response<Body>> {
    let (parts, body) = read(request).await.map_err(BadBody::described)?;
    let form = parse(&body).map_err(|bad| refusal(&Reason::from(bad).into(), None))?;
    Ok((Head::from(parts), form))
}

/// Reads the body of a request that must be a form.
pub(super) async fn read(request: Request) -> Result<(Parts, bytes::Bytes), BadBody> {
    let (parts, body) = request.into_parts();
    let body = bytes(body).await?;
    let is_form = is_form(&parts.headers, &body);
    let is_empty = body.is_empty() && !parts.headers.contains_key(CONTENT_TYPE);
    if !(is_form || is_empty) || parts.headers.contains_key(CONTENT_ENCODING) {
        return Err(BadBody {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            reason: Reason::ContentTypeUnsupported,
        });
    }
    Ok((parts, body))
}

pub(super) async fn bytes(body: Body) -> Result<bytes::Bytes, BadBody> {
    bytes_up_to(body, LIMIT).await
}

/// The same with a larger limit.
pub(super) async fn bytes_up_to(body: Body, limit: usize) -> Result<bytes::Bytes, BadBody> {
    let bad = |status, reason| Err(BadBody { status, reason });
    let read = Limited::new(body, limit).collect();
    match tokio::time::timeout(request::at_most(BODY_TIMEOUT), read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            bad(StatusCode::PAYLOAD_TOO_LARGE, Reason::BodyTooLarge)
        }
        Ok(Err(_)) => bad(StatusCode::BAD_REQUEST, Reason::BodyUnreadable),
        Err(_) => bad(StatusCode::REQUEST_TIMEOUT, Reason::BodyTimedOut),
    }
}

/// Whether the media type is that of a form, with UTF-8 if a charset is named (RFC 6749 Appendix
/// B). A body of ASCII alone is valid UTF-8, so other charsets that contain ASCII are accepted for
/// it.
fn is_form(headers: &HeaderMap, body: &[u8]) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        && parts.filter(|part| !part.is_empty()).all(|part| {
            part.split_once('=').is_none_or(|(name, value)| {
                !name.trim().eq_ignore_ascii_case("charset")
                    || is_read(value.trim().trim_matches('"'), body)
            })
        })
}

/// Whether a body in this charset can be read as UTF-8.
fn is_read(charset: &str, body: &[u8]) -> bool {
    let is = |names: &[&str]| names.iter().any(|name| charset.eq_ignore_ascii_case(name));
    is(&["utf-8", "utf8"])
        || body.is_ascii()
            && is(&["us-ascii", "ascii", "iso-8859-1", "latin1", "iso-8859-15", "windows-1252"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6749_b_a_form_of_ascii_bytes_is_read_whatever_its_charset_is_called() {
        let form = "application/x-www-form-urlencoded";
        let (ascii, utf8, latin): (&[u8], &[u8], &[u8]) =
            (b"a=%C3%A9", "a=\u{e9}".as_bytes(), b"a=\xe9");
        for (parameters, body, is_read) in [
            ("", ascii, true),
            ("; charset=utf-8", utf8, true),
            (";charset=\"UTF8\"", utf8, true),
            ("; charset = us-ascii", ascii, true),
            ("; charset=US-ASCII", utf8, false),
            ("; charset=ISO-8859-1", ascii, true),
            ("; charset=ISO-8859-1", latin, false),
            ("; charset=utf-16", ascii, false),
            ("; charset=", ascii, false),
            ("; boundary=x", ascii, true),
        ] {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::try_from(format!("{form}{parameters}")).unwrap();
            headers.insert(CONTENT_TYPE, value);
            assert_eq!(is_form(&headers, body), is_read, "{parameters:?} {body:?}");
        }
    }
}
