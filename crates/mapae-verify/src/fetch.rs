//! How documents of the issuer are fetched.

use std::future::Future;
use std::pin::Pin;

use http::{Request, Response};

/// The longest body that is read, in bytes.
#[cfg(feature = "client")]
pub(crate) const LONGEST_BODY: usize = 8 << 20;

/// The answer to a request, later.
pub type Fetching = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, FetchError>> + Send>>;

/// Makes the HTTP requests of a verifier. The feature `client` has one that uses reqwest.
///
/// It follows no redirects. A limit of time is set by the verifier.
pub trait Fetch: Send + Sync + 'static {
    /// Sends a request and reads the whole answer.
    fn fetch(&self, request: Request<Vec<u8>>) -> Fetching;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

#[cfg(feature = "client")]
impl Fetch for reqwest::Client {
    fn fetch(&self, request: Request<Vec<u8>>) -> Fetching {
        let words = |error: reqwest::Error| FetchError(error.to_string());
        let client = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let sent = client.request(parts.method, parts.uri.to_string()).headers(parts.headers);
            let mut answer = sent.body(body).send().await.map_err(words)?;
            let mut body = Vec::new();
            while let Some(more) = answer.chunk().await.map_err(words)? {
                body.extend_from_slice(&more);
                if body.len() > LONGEST_BODY {
                    return Err(FetchError("the body is too long".to_owned()));
                }
            }
            let mut response = Response::new(body);
            *response.status_mut() = answer.status();
            response.headers_mut().clone_from(answer.headers());
            Ok(response)
        })
    }
}

/// The client that is used unless another is handed in.
#[cfg(feature = "client")]
pub(crate) fn client() -> Result<reqwest::Client, FetchError> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.user_agent(concat!("mapae-verify/", env!("CARGO_PKG_VERSION")));
    client.build().map_err(|error| FetchError(error.to_string()))
}

/// Whether a URL may be fetched: without TLS anybody on the way could hand out keys, so only a
/// machine that talks to itself may do without.
pub(crate) fn is_safe(url: &str) -> bool {
    let Ok(url) = url.parse::<http::Uri>() else { return false };
    let host = url.host().unwrap_or_default();
    match url.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => {
            host == "localhost"
                || host == "[::1]"
                || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for (url, safe) in [
            ("https://id.example.com/jwks", true),
            ("http://localhost:8080/jwks", true),
            ("http://127.0.0.1/jwks", true),
            ("http://[::1]:80/jwks", true),
            ("http://id.example.com/jwks", false),
            ("http://127.0.0.1.example.com/", false),
            ("http://localhost@example.com/", false),
            ("file:///etc/passwd", false),
            ("/jwks", false),
        ] {
            assert_eq!(super::is_safe(url), safe, "{url}");
        }
    }
}
