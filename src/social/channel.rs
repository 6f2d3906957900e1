//! The channel to one provider. Every call to the provider uses it. It limits calls in number, time
//! and size, and refuses them while the circuit breaker is open.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::call_limit::{CallLimit, QueueFull, Requester};
use super::circuit_breaker::CircuitBreaker;
use super::deadline;
use super::error::UpstreamError;
use crate::domain::clock::Clock;
use crate::domain::failure_reason::FailureReason;
use crate::outbound::{self, Outbound, OutboundError};

/// The channel to one provider.
#[derive(Debug)]
pub(super) struct Channel {
    outbound: Outbound,
    clock: Clock,
    breaker: Mutex<CircuitBreaker>,
    call_limit: CallLimit,
}

/// A call in progress. If it is dropped because the deadline of its work has passed, it counts as a
/// failure of the provider. If it is dropped earlier because the client closed the connection, it
/// does not.
struct UnderWay<'c> {
    channel: &'c Channel,
    requester: Option<&'c Requester>,
    ends: Option<Instant>,
}

impl UnderWay<'_> {
    /// The call has ended by itself.
    fn ended(mut self) {
        self.ends = None;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.ends.is_some_and(|ends| Instant::now() >= ends) {
            self.channel.failed(self.requester, false);
        }
    }
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// The provider failed too often a short time ago, so it is not called now.
    #[error("it failed too often; it is left alone for a while")]
    Resting,
    /// Too many requests wait for their turn.
    #[error("too many wait for their turn to call it")]
    QueueFull,
    /// The call failed. The text says why, for the operator.
    #[error("{1}")]
    Failed(OutboundError, String),
    /// The provider answered with a server error.
    #[error("{1} answers with status {0}")]
    Status(u16, String),
}

impl From<QueueFull> for CallError {
    fn from(QueueFull: QueueFull) -> Self {
        Self::QueueFull
    }
}

impl From<CallError> for UpstreamError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failed(OutboundError::TooLarge | OutboundError::Malformed, why) => {
                Self::refused(FailureReason::MalformedAnswer, why)
            }
            CallError::Failed(OutboundError::NotAllowed | OutboundError::Untrusted, why) => {
                Self::Misconfigured(why)
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl Channel {
    pub(super) fn new(outbound: Outbound, clock: Clock) -> Self {
        Self { outbound, clock, breaker: Mutex::default(), call_limit: CallLimit::default() }
    }

    /// The clock of the server.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Makes a call when it is its turn. A refusal of the provider (4xx) is returned as an answer;
    /// a server error (5xx) is an error.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, CallError> {
        let requester = deadline::requester();
        // Calls without a requester fetch documents for this server. Only one of them runs at a
        // time, so they need no permit.
        let _permit = match &requester {
            Some(requester) => Some(self.call_limit.take(requester).await?),
            None => None,
        };
        if !self.breaker().allows(self.clock.now(), requester.as_ref().map(Requester::place)) {
            return Err(CallError::Resting);
        }
        let url = request.uri().to_string();
        let began = Instant::now();
        let under_way =
            UnderWay { channel: self, requester: requester.as_ref(), ends: deadline::ends() };
        let sent = self.outbound.send(request).await;
        under_way.ended();
        let answered = match sent {
            Ok(response) if response.status().is_server_error() => {
                Err(CallError::Status(response.status().as_u16(), place(&url)))
            }
            Ok(response) => Ok(response),
            Err(failure) => Err(CallError::Failed(failure, self.why(failure, &url))),
        };
        match &answered {
            // Nothing was sent, so this says nothing about the provider.
            Err(CallError::Failed(OutboundError::NotAllowed, _)) => {}
            Ok(_)
            | Err(CallError::Failed(OutboundError::TooLarge | OutboundError::Malformed, _)) => {
                if began.elapsed() < deadline::SLOW {
                    self.breaker().answered();
                } else {
                    self.breaker().answered_slowly();
                }
            }
            // These failures happen before a request is sent.
            Err(CallError::Failed(
                OutboundError::UnknownName
                | OutboundError::NobodyThere
                | OutboundError::NoTls
                | OutboundError::Untrusted,
                _,
            )) => self.failed(requester.as_ref(), true),
            Err(_) => self.failed(requester.as_ref(), false),
        }
        answered
    }

    /// Counts a failed call. With `unsaid`, no request was sent yet, so no requester can have
    /// caused the failure.
    fn failed(&self, requester: Option<&Requester>, unsaid: bool) {
        let now = self.clock.now();
        match requester {
            Some(requester) if !unsaid => self.breaker().failed_for(now, requester.place()),
            _ => self.breaker().failed(now),
        }
    }

    /// Says why a call failed and to which host, for the operator. Path and query are left out,
    /// because they may contain a secret.
    fn why(&self, failure: OutboundError, url: &str) -> String {
        let host = || Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let host = host().unwrap_or_default();
        let place = place(url);
        let is_private = !self.outbound.allows_private() && outbound::may_call(url, true);
        match failure {
            OutboundError::NotAllowed if is_private => {
                format!("{host} is a private address: outbound.allow_private opens the own network")
            }
            OutboundError::NotAllowed => {
                format!("{place} is at an address that this server never calls")
            }
            OutboundError::Untrusted => format!(
                "the certificate of {host} is not trusted (outbound.ca_file adds an authority)"
            ),
            OutboundError::TimedOut => {
                let limit = self.outbound.timeout().as_secs();
                format!("cannot reach {place}: no answer in {limit} s")
            }
            OutboundError::TooLarge | OutboundError::Malformed => format!("{place}: {failure}"),
            OutboundError::UnknownName
            | OutboundError::NobodyThere
            | OutboundError::NoTls
            | OutboundError::Proxy
            | OutboundError::Unreachable => {
                format!("cannot reach {place}: {failure}")
            }
        }
    }

    /// Whether a browser may be redirected to this URL.
    pub(super) fn leads_somewhere(&self, url: &str) -> bool {
        url.starts_with("https://") || outbound::may_call(url, self.outbound.allows_private())
    }

    /// Fetches a JSON document, with a bearer token if there is one. Returns its status, too.
    pub(super) async fn get(
        &self,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<(u16, Value), UpstreamError> {
        let (status, body) = self.get_text(url, bearer).await?;
        parsed(status, &body)
    }

    /// Fetches a document as it is. Its content type is ignored, because providers often send a
    /// wrong one.
    pub(super) async fn get_text(
        &self,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<(u16, Vec<u8>), UpstreamError> {
        let mut request = http::Request::get(url).header("accept", "application/json");
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.text(request.body(Vec::new())).await
    }

    /// Makes a call whose answer is JSON. A request that cannot be built is refused.
    pub(super) async fn json(
        &self,
        request: Result<HttpRequest, http::Error>,
    ) -> Result<(u16, Value), UpstreamError> {
        let (status, body) = self.text(request).await?;
        parsed(status, &body)
    }

    async fn text(
        &self,
        request: Result<HttpRequest, http::Error>,
    ) -> Result<(u16, Vec<u8>), UpstreamError> {
        let unsendable =
            |_| UpstreamError::refused(FailureReason::MalformedToken, "it cannot be sent");
        let response = self.send(request.map_err(unsendable)?).await?;
        Ok((response.status().as_u16(), response.into_body()))
    }

    /// Whether the provider failed so often that it is not called for a while.
    pub(super) fn is_failing(&self) -> bool {
        self.breaker().is_open()
    }

    fn breaker(&self) -> MutexGuard<'_, CircuitBreaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'c> AsyncHttpClient<'c> for Channel {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let mut response = self.send(request).await?;
            // The crate only reads answers whose content type is JSON, but some providers send
            // another one.
            response.headers_mut().remove(http::header::CONTENT_TYPE);
            Ok(response)
        })
    }
}

/// Parses the JSON of an answer. An error answer (4xx or 5xx) may contain anything else.
fn parsed(status: u16, body: &[u8]) -> Result<(u16, Value), UpstreamError> {
    match serde_json::from_slice(body) {
        Ok(value) => Ok((status, value)),
        Err(_) if status >= 400 => Ok((status, Value::Null)),
        Err(_) => {
            Err(UpstreamError::refused(FailureReason::MalformedAnswer, "the answer is not JSON"))
        }
    }
}

/// The origin of a URL, without the parts that may contain a secret.
fn place(url: &str) -> String {
    let url = Url::parse(url).ok();
    url.map_or_else(
        || "an address that is not a URL".to_owned(),
        |url| url.origin().ascii_serialization(),
    )
}

/// Adds these parameters to a URL.
pub(super) fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{query}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_failure_names_the_place_and_no_secret() {
        let channel =
            Channel::new(Outbound::new(outbound::Config::default()).unwrap(), Clock::system());
        let url = "https://kauth.kakao.com/oauth/token?code=hush";
        for (failure, url, said) in [
            (
                OutboundError::UnknownName,
                url,
                "cannot reach https://kauth.kakao.com: the name is not known (DNS)",
            ),
            (
                OutboundError::NobodyThere,
                url,
                "cannot reach https://kauth.kakao.com: connection refused",
            ),
            (OutboundError::NoTls, url, "cannot reach https://kauth.kakao.com: no TLS there"),
            (
                OutboundError::TimedOut,
                url,
                "cannot reach https://kauth.kakao.com: no answer in 5 s",
            ),
            (
                OutboundError::Untrusted,
                url,
                "the certificate of kauth.kakao.com is not trusted (outbound.ca_file adds an authority)",
            ),
            (
                OutboundError::NotAllowed,
                "https://10.1.2.3/x",
                "10.1.2.3 is a private address: outbound.allow_private opens the own network",
            ),
            (
                OutboundError::NotAllowed,
                "https://169.254.169.254/x",
                "https://169.254.169.254 is at an address that this server never calls",
            ),
        ] {
            assert_eq!(channel.why(failure, url), said);
        }
    }

    /// The deadline of the work passes before the timeout of the call.
    #[tokio::test]
    async fn work_that_takes_too_long_counts_and_whoever_hangs_up_does_not() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let config = outbound::Config { allow_private: true, ..outbound::Config::default() };
        let channel = Channel::new(Outbound::new(config).unwrap(), Clock::system());
        let resting = UpstreamError::from(CallError::Resting);
        let limit = Duration::from_millis(300);
        let visit = |last: u8| {
            let requester = Requester::person([192, 0, 2, last].into());
            deadline::within(limit, Some(requester), Box::pin(channel.get(&url, None)))
        };
        for _ in 0..10 {
            assert!(visit(1).now_or_never().is_none(), "it is under way, and dropped");
        }
        for last in 0..5 {
            let late = visit(last).await.unwrap_err();
            assert!(matches!(late, UpstreamError::Unavailable(_)) && late != resting, "{late}");
        }
        assert_eq!(visit(0).await, Err(resting));
    }
}
