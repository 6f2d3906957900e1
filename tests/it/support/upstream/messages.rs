//! The requests and the answers between an app and a provider.

use std::convert::Infallible;
use std::future::pending;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, Method, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use serde_json::Value;
use url::form_urlencoded;

use super::grant::{CLIENT_ID, CLIENT_SECRET, Refused};

/// Names and values, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    /// The first value of this name, or nothing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Every name and value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Sets this field, in place of an earlier value.
    #[must_use]
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        let mut fields = self.without(name);
        fields.0.push((name.to_owned(), value.to_owned()));
        fields
    }

    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

/// The words of a scope; some providers separate them by commas.
pub(crate) fn words(scope: &str) -> impl Iterator<Item = &str> {
    scope.split([' ', ',']).filter(|word| !word.is_empty())
}

pub(crate) fn has_word(scope: &str, word: &str) -> bool {
    words(scope).any(|known| known == word)
}

/// A request as the provider received it.
#[derive(Clone, Debug)]
pub(crate) struct RecordedRequest {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Fields,
    pub(crate) form: Fields,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl RecordedRequest {
    pub(super) async fn read(request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1024 * 1024).await.unwrap_or_default();
        let body = String::from_utf8_lossy(&body).into_owned();
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form =
            kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: Fields::parse(parts.uri.query().unwrap_or_default()),
            form: if is_form { Fields::parse(&body) } else { Fields::default() },
            headers: parts.headers,
            body,
        }
    }

    /// The authorization request that a person's browser sends.
    pub(super) fn sign_in_at_provider(path: &str, query: &str) -> Self {
        Self {
            method: Method::GET,
            path: path.to_owned(),
            query: Fields::parse(query),
            form: Fields::default(),
            headers: HeaderMap::new(),
            body: String::new(),
        }
    }

    /// A field of the form or of the query, or an empty text.
    pub(crate) fn get(&self, name: &str) -> &str {
        if self.form.has(name) { self.form.get(name) } else { self.query.get(name) }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn bearer(&self) -> &str {
        self.header(AUTHORIZATION.as_str()).strip_prefix("Bearer ").unwrap_or_default()
    }

    /// The client id and secret of Basic authentication; both are form-encoded (RFC 6749 §2.3.1).
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header(AUTHORIZATION.as_str()).strip_prefix("Basic ")?;
        let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (id, secret) = pair.split_once(':')?;
        let plain = |text: &str| Fields::parse(&format!("v={text}")).get("v").to_owned();
        Some((plain(id), plain(secret)))
    }

    /// Checks that the client is our app, by the form or the query, and by Basic if the provider
    /// accepts it.
    pub(super) fn authenticated(&self, takes_basic: bool) -> Result<(), Refused> {
        let posted = (self.get("client_id").to_owned(), self.get("client_secret").to_owned());
        let basic = if takes_basic { self.basic() } else { None };
        let (id, secret) = basic.unwrap_or(posted);
        match (id.as_str(), secret.as_str()) {
            (CLIENT_ID, CLIENT_SECRET) => Ok(()),
            (CLIENT_ID, _) => Err(Refused::Secret),
            _ => Err(Refused::Client),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// An answer of the provider.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    /// The number of spaces before the body.
    padding: usize,
    body: Vec<u8>,
    never: bool,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![(CONTENT_TYPE.as_str(), content_type.to_owned())];
        Self { status, headers, padding: 0, body: body.into(), never: false }
    }

    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::new(status, "application/json;charset=UTF-8", value.to_string())
    }

    pub(crate) fn html(status: u16, body: &str) -> Self {
        Self::new(status, "text/html;charset=UTF-8", body)
    }

    pub(crate) fn form(status: u16, fields: &Fields) -> Self {
        Self::new(status, "application/x-www-form-urlencoded; charset=utf-8", fields.encoded())
    }

    pub(crate) fn redirect(status: u16, to: &str) -> Self {
        Self::html(status, "").with(LOCATION.as_str(), to)
    }

    pub(crate) fn not_found() -> Self {
        Self::html(404, "There is no such page.")
    }

    /// Accepts the request, and never answers it.
    pub(crate) fn never() -> Self {
        Self { never: true, ..Self::html(200, "") }
    }

    #[must_use]
    pub(crate) fn with(mut self, header: &'static str, value: &str) -> Self {
        self.headers.push((header, value.to_owned()));
        self
    }

    /// The same after this many spaces, which are legal before any JSON, sent in chunks.
    #[must_use]
    pub(crate) fn padded(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The body as JSON.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(super) async fn send(self) -> Response<Body> {
        const CHUNK: usize = 64 * 1024;
        if self.never {
            pending::<()>().await;
        }
        let body = if self.padding == 0 {
            Body::from(self.body)
        } else {
            let spaces = Bytes::from(vec![b' '; CHUNK]);
            let chunks = std::iter::repeat_n(spaces, self.padding.div_ceil(CHUNK));
            let chunks = chunks.chain([Bytes::from(self.body)]).map(Ok::<_, Infallible>);
            Body::from_stream(stream::iter(chunks))
        };
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(body).expect("an answer")
    }
}
