//! The channel to one provider: every call to it goes through here, bounded in number, in time and in
//! size, and not at all while it rests.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::breaker::Breaker;
use super::trouble::Trouble;
use crate::domain::clock::Clock;
use crate::domain::reason::Reason;
use crate::outbound::{self, Failure, Outbound};

/// So many calls to one provider at once: a slow one holds up nobody else.
const AT_ONCE: usize = 64;

/// The channel to one provider.
#[derive(Debug)]
pub(super) struct Channel {
    outbound: Outbound,
    clock: Clock,
    breaker: Mutex<Breaker>,
    turns: Semaphore,
}

/// Why a call came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// It failed too often just now.
    #[error("it failed too often; it is left alone for a while")]
    Resting,
    /// Too many calls are under way.
    #[error("too many calls are under way")]
    Crowded,
    /// The call failed.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// It answered with a failure of its own.
    #[error("it answers with status {0}")]
    Status(u16),
}

impl From<Broken> for Trouble {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Failed(failure @ (Failure::TooLarge | Failure::Malformed)) => {
                Self::refused(Reason::MalformedAnswer, failure.to_string())
            }
            Broken::Failed(failure @ (Failure::NotAllowed | Failure::Untrusted)) => {
                Self::Misconfigured(failure.to_string())
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl Channel {
    pub(super) fn new(outbound: Outbound, clock: Clock) -> Self {
        Self { outbound, clock, breaker: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }

    /// The clock of the server.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Makes a call. A refusal is an answer; a failure of theirs is not.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Broken> {
        let _turn = self.turns.try_acquire().map_err(|_| Broken::Crowded)?;
        if !self.breaker().allows(self.clock.now()) {
            return Err(Broken::Resting);
        }
        let answered = match self.outbound.send(request).await {
            Ok(response) if response.status().is_server_error() => {
                Err(Broken::Status(response.status().as_u16()))
            }
            Ok(response) => Ok(response),
            Err(failure) => Err(failure.into()),
        };
        match &answered {
            Err(
                Broken::Status(_)
                | Broken::Failed(Failure::TimedOut | Failure::Unreachable | Failure::Untrusted),
            ) => {
                self.breaker().failed(self.clock.now());
            }
            // Nothing was sent.
            Err(Broken::Failed(Failure::NotAllowed)) => {}
            _ => self.breaker().answered(),
        }
        answered
    }

    /// Whether a browser may be sent there.
    pub(super) fn leads_somewhere(&self, url: &str) -> bool {
        url.starts_with("https://") || outbound::may_call(url, self.outbound.allows_private())
    }

    /// Gets a document in JSON, with a bearer token if there is one; its status comes along.
    pub(super) async fn get(
        &self,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<(u16, Value), Trouble> {
        let mut request = http::Request::get(url).header("accept", "application/json");
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.json(request.body(Vec::new())).await
    }

    /// Makes a call whose answer is JSON. What cannot stand in a request is refused here.
    pub(super) async fn json(
        &self,
        request: Result<HttpRequest, http::Error>,
    ) -> Result<(u16, Value), Trouble> {
        let unsendable = |_| Trouble::refused(Reason::MalformedToken, "it cannot be sent");
        let request = request.map_err(unsendable)?;
        let response = self.send(request).await?;
        let status = response.status().as_u16();
        match serde_json::from_slice(response.body()) {
            Ok(value) => Ok((status, value)),
            Err(_) if status >= 400 => Ok((status, Value::Null)),
            Err(_) => Err(Trouble::refused(Reason::MalformedAnswer, "the answer is not JSON")),
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'c> AsyncHttpClient<'c> for Channel {
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Broken>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// The same URL with these parameters behind what it has.
pub(super) fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{query}")
}
