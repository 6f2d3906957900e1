//! The HTTP client that makes every call to other servers.

use std::error::Error;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::tls::{Certificate, Version};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response};
use url::{Host, Url};

use super::address_policy::{AddressPolicy, is_localhost};
use super::proxy::{self, Proxy};
use super::resolver::{Refused, Resolver, Unknown};
use crate::domain::outbound_error::OutboundError;
use crate::runtime::spans;
use crate::settings::kinds::{flag, optional_path};
use crate::settings::value_type::Holds;
use crate::settings::{fixed, group, settings};

/// The most bytes that are read of an answer, even if the caller would accept more.
const MOST: usize = 1024 * 1024;
/// The longest time of a call, from the look-up of the name to the last byte.
const TIMEOUT: Duration = Duration::from_secs(5);

settings! {
    /// What an operator decides about calls.
    #[derive(Clone, Debug)]
    pub struct Config in "Calls to clients and providers" {
        /// Authorities in PEM that are trusted beside those of the system.
        pub ca_file: Option<PathBuf> = optional_path("outbound.ca_file", Holds::File),
        /// Whether clients and providers may live at private and loopback addresses, and at plain http
        /// on loopback. Whoever registers clients can then make the server call into your network.
        /// Link-local addresses are never called.
        pub allow_private: bool = flag("outbound.allow_private", false),
        /// The longest that a call may take.
        pub timeout: Duration = fixed(TIMEOUT),
        /// What calls go through.
        pub proxy: Option<Proxy> = group(proxy::read),
    }
}

impl Default for Config {
    fn default() -> Self {
        crate::settings::defaults()
    }
}

/// Why no calls are possible at all, for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    fn file(file: &Path, problem: impl Display) -> Self {
        Self(format!("outbound.ca_file: {}: {problem}", file.display()))
    }
}

/// An answer that was read completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status, which may be that of a redirect: redirects are not followed.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: Option<String>,
    /// The `Cache-Control`.
    pub cache_control: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// The client that makes every call.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: Client,
    /// Decides which URLs are called through the proxy, together with the client that uses the
    /// proxy.
    proxied: Option<(Arc<Matcher>, Client)>,
    policy: AddressPolicy,
    timeout: Duration,
}

impl Outbound {
    /// A client with the operator's settings.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let Config { ca_file, allow_private, timeout, proxy } = config;
        let policy = AddressPolicy { allows_private: allow_private };
        let own = ca_file.as_deref().map(authorities).transpose()?.unwrap_or_default();
        let finish = |make: &dyn Fn() -> ClientBuilder| finish(make, &own, ca_file.as_deref());
        let guarded = || client(timeout).dns_resolver(Arc::new(Resolver(policy)));
        let client_of_proxy = |proxy: &Proxy| {
            let through = reqwest::Proxy::all(proxy.url.expose());
            // The error is replaced, because it would show the URL.
            let through =
                through.map_err(|_| ConfigError("outbound.proxy: cannot be used".to_owned()));
            let through = through?;
            let client = finish(&|| client(timeout).proxy(through.clone()))?;
            Ok((Arc::new(proxy.matcher()), client))
        };
        Ok(Self {
            client: finish(&guarded)?,
            proxied: proxy.as_ref().map(client_of_proxy).transpose()?,
            policy,
            timeout,
        })
    }

    /// Decides how a URL is called, or refuses it.
    fn route(&self, url: &str) -> Result<Route<'_>, OutboundError> {
        let url = checked(url, self.policy)?;
        match &self.proxied {
            Some((matcher, client)) if proxy::takes(matcher, &url) => {
                if !proxy::may_ask(&url, self.policy) {
                    return Err(OutboundError::NotAllowed);
                }
                Ok(Route { url, client, is_proxied: true })
            }
            _ => Ok(Route { url, client: &self.client, is_proxied: false }),
        }
    }

    /// Posts a form, and returns the status of the answer. The body is not read.
    pub async fn post_form(
        &self,
        url: &str,
        fields: &[(&str, &str)],
    ) -> Result<u16, OutboundError> {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let Route { url, client, is_proxied } = self.route(url)?;
        let request =
            client.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        self.within_timeout(async { Ok(answer(request, is_proxied).await?.status().as_u16()) })
            .await
    }

    /// Sends a request, and returns the status of the answer. The body is not read.
    pub async fn status_of(&self, request: http::Request<Vec<u8>>) -> Result<u16, OutboundError> {
        let (head, body) = request.into_parts();
        let Route { url, client, is_proxied } = self.route(&head.uri.to_string())?;
        let request = client.request(head.method, url).headers(head.headers).body(body);
        self.within_timeout(async { Ok(answer(request, is_proxied).await?.status().as_u16()) })
            .await
    }

    /// Fetches a URL, of which at most this many bytes are accepted.
    pub async fn get(&self, url: &str, most: usize) -> Result<HttpResponse, OutboundError> {
        let Route { url, client, is_proxied } = self.route(url)?;
        let request = client.get(url);
        let most = most.min(MOST);
        self.within_timeout(async {
            let response = answer(request, is_proxied).await?;
            let header = |name| {
                let value = response.headers().get(name).and_then(|value| value.to_str().ok());
                value.map(str::to_owned)
            };
            Ok(HttpResponse {
                status: response.status().as_u16(),
                content_type: header(CONTENT_TYPE),
                cache_control: header(CACHE_CONTROL),
                body: body(response, most).await?,
            })
        })
        .await
    }

    /// Sends a request and reads the answer, whatever its status is.
    pub async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, OutboundError> {
        let (head, form) = request.into_parts();
        let Route { url, client, is_proxied } = self.route(&head.uri.to_string())?;
        let request = client.request(head.method, url).headers(head.headers).body(form);
        self.within_timeout(async {
            let response = answer(request, is_proxied).await?;
            let mut answered = http::Response::new(Vec::new());
            *answered.status_mut() = response.status();
            *answered.headers_mut() = response.headers().clone();
            *answered.body_mut() = body(response, MOST).await?.into();
            Ok(answered)
        })
        .await
    }

    /// The longest time of a call.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether private and loopback addresses may be called.
    #[must_use]
    pub fn allows_private(&self) -> bool {
        self.policy.allows_private
    }

    async fn within_timeout<T>(
        &self,
        call: impl Future<Output = Result<T, OutboundError>>,
    ) -> Result<T, OutboundError> {
        let _span = spans::of_part("call to another server");
        tokio::time::timeout(self.timeout, call).await.unwrap_or(Err(OutboundError::TimedOut))
    }
}

/// How a URL is called.
struct Route<'o> {
    url: Url,
    client: &'o Client,
    is_proxied: bool,
}

/// Whether a URL may be called, as far as that can be decided before its name is looked up. Private
/// addresses are allowed only with [`Config::allow_private`].
#[must_use]
pub fn may_call(url: &str, allow_private: bool) -> bool {
    checked(url, AddressPolicy { allows_private: allow_private }).is_ok()
}

fn checked(url: &str, policy: AddressPolicy) -> Result<Url, OutboundError> {
    let url = Url::parse(url).map_err(|_| OutboundError::NotAllowed)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OutboundError::NotAllowed);
    }
    let (reachable, is_local) = match url.host() {
        Some(Host::Domain(name)) => (true, is_localhost(name)),
        Some(Host::Ipv4(address)) => (policy.allows(address.into()), address.is_loopback()),
        Some(Host::Ipv6(address)) => (policy.allows(address.into()), address.is_loopback()),
        None => (false, false),
    };
    let may_pass = match url.scheme() {
        "https" => true,
        "http" => policy.allows_private && is_local,
        _ => false,
    };
    if reachable && may_pass { Ok(url) } else { Err(OutboundError::NotAllowed) }
}

pub(super) fn authorities(file: &Path) -> Result<Vec<Certificate>, ConfigError> {
    let pem = std::fs::read(file).map_err(|error| ConfigError::file(file, error))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(authorities) if !authorities.is_empty() => Ok(authorities),
        _ => Err(ConfigError::file(file, "holds no certificates in PEM")),
    }
}

/// A client that trusts the authorities of the system and of the operator.
pub(super) fn finish(
    make: &dyn Fn() -> ClientBuilder,
    own: &[Certificate],
    file: Option<&Path>,
) -> Result<Client, ConfigError> {
    match (make().tls_certs_merge(own.to_vec()).build(), file) {
        (Ok(client), _) => Ok(client),
        (Err(error), Some(file)) => Err(ConfigError::file(file, innermost(&error))),
        (Err(error), None) => {
            // A minimal container has no authorities. That is no error, because it may never make a
            // call.
            let error = innermost(&error);
            tracing::warn!(%error, "the system's authorities cannot be used: calls over https will fail");
            let nobody = make().tls_certs_only([]).build();
            nobody.map_err(|error| ConfigError(error.to_string()))
        }
    }
}

pub(super) fn client(timeout: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent("mapae")
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .tls_version_min(Version::TLS_1_2)
        .connect_timeout(timeout)
        // Connections are not kept, because their addresses would not be checked again.
        .pool_max_idle_per_host(0)
}

pub(super) async fn answer(
    request: RequestBuilder,
    is_proxied: bool,
) -> Result<Response, OutboundError> {
    request.send().await.map_err(|error| match why(&error) {
        // The connection that failed is the one to the proxy.
        OutboundError::UnknownName | OutboundError::NobodyThere | OutboundError::Unreachable
            if is_proxied && error.is_connect() =>
        {
            OutboundError::Proxy
        }
        failure => failure,
    })
}

pub(super) async fn body(mut response: Response, most: usize) -> Result<Bytes, OutboundError> {
    let is_more = |length: u64| usize::try_from(length).is_ok_and(|length| length <= most);
    if !response.content_length().is_none_or(is_more) {
        return Err(OutboundError::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| why(&error))? {
        if body.len() + chunk.len() > most {
            return Err(OutboundError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

/// Finds out what an error of the HTTP client means, from the chain of its causes.
fn why(error: &reqwest::Error) -> OutboundError {
    if error.is_timeout() {
        return OutboundError::TimedOut;
    }
    for error in causes(error) {
        if error.is::<Refused>() {
            return OutboundError::NotAllowed;
        }
        if error.is::<Unknown>() {
            return OutboundError::UnknownName;
        }
        match error.downcast_ref() {
            Some(rustls::Error::InvalidCertificate(_)) => return OutboundError::Untrusted,
            Some(_) => return OutboundError::NoTls,
            None => {}
        }
        let kind = error.downcast_ref().map(std::io::Error::kind);
        if kind == Some(std::io::ErrorKind::ConnectionRefused) {
            return OutboundError::NobodyThere;
        }
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return OutboundError::Malformed;
        }
    }
    OutboundError::Unreachable
}

/// An error and all its causes.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // An I/O error reports the cause of the error that it wraps, so the wrapped error itself is
        // taken from it directly.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|error| error as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_judged_however_it_is_written() {
        for bad in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.01/",
            "https://127.0.0.1./",
            "https://%31%32%37.0.0.1/",
            "https://１２７.0.0.1/",
            "https://0/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a00:1]/",
            "https://[64:ff9b::10.0.0.1]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://10.1.2.3/",
            "https://192.168.0.1:8443/",
            "http://example.com/",
            "http://localhost/",
            "https://user@example.com/",
            "https://user:secret@example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "ftp://example.com/",
            "unix:/run/docker.sock",
            "example.com",
            "",
        ] {
            assert!(!may_call(bad, false), "{bad}");
        }
        for good in ["https://example.com/x?y=z", "https://1.1.1.1/", "https://[2606:4700::1111]/"]
        {
            assert!(may_call(good, false), "{good}");
        }
    }

    #[test]
    fn an_operator_may_open_the_own_network_and_nothing_more() {
        for good in [
            "https://10.1.2.3/",
            "https://[fd00::1]/",
            "http://127.0.0.1:8080/",
            "http://[::1]:8080/",
            "http://localhost:8080/",
            "http://rp.localhost./",
        ] {
            assert!(may_call(good, true), "{good}");
        }
        for bad in [
            "http://10.1.2.3/",
            "http://example.com/",
            "http://localhost.example.com/",
            "https://169.254.169.254/",
            "https://[fe80::1]/",
            "https://0.0.0.0/",
            "https://224.0.0.1/",
            "ftp://127.0.0.1/",
        ] {
            assert!(!may_call(bad, true), "{bad}");
        }
    }
}
