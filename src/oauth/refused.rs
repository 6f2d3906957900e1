//! The line that the log has of every refused request. It names the request by the id that the answer
//! carries, so what an app developer reports is found.

use std::fmt;

use super::error::{Challenge, ErrorCode, Refusal, cut};
use crate::domain::client::ClientId;

/// A number that no other request of this process has, behind one that no other process has.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(pub u64, pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:x}", self.0, self.1)
    }
}

#[derive(Clone)]
struct Request {
    id: RequestId,
    path: String,
}

tokio::task_local! {
    // A span would be made for every request, and most are not refused.
    static REQUEST: Request;
}

/// Answers a request, known by this id and this path. The path has no query.
pub async fn within<F: Future>(id: RequestId, path: String, answering: F) -> F::Output {
    REQUEST.scope(Request { id, path }, answering).await
}

/// The same work as a part of this request, wherever it goes on: for a task of its own.
pub fn of_this_request<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let request = REQUEST.try_with(Clone::clone).ok();
    async move {
        match request {
            Some(request) => REQUEST.scope(request, work).await,
            None => work.await,
        }
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug)]
pub struct Why<'a> {
    /// The client, as the request names it.
    pub client: Option<&'a str>,
    /// `error`, or the code of an error page.
    pub error: &'a str,
    /// In words.
    pub reason: &'a str,
    /// The value that is wrong: never a secret, and without any query.
    pub value: Option<&'a str>,
}

impl Why<'_> {
    /// Writes the line.
    pub fn log(&self) {
        let (id, path) = request();
        let Self { client, error, reason, value } = *self;
        let (client_id, value) = (client.map(cut), value.map(cut));
        tracing::info!(
            request_id = id,
            endpoint = path,
            client_id,
            error,
            reason,
            value,
            "refused a request"
        );
    }
}

/// Writes the line of a refusal by the protocol.
pub fn log(refusal: &Refusal, client: Option<&ClientId>) {
    let detail = refusal.detail.as_deref();
    let why = Why {
        client: client.map(ClientId::as_str),
        error: refusal.code.map_or("unauthorized", ErrorCode::as_str),
        reason: detail.and_then(|detail| detail.reason).unwrap_or(refusal.description),
        value: detail.and_then(|detail| detail.value.as_deref()),
    };
    if refusal.challenge == Some(Challenge::Bearer) {
        // A token that has expired is no news: apps come with one and refresh.
        let (id, path) = request();
        let Why { client, error, reason, .. } = why;
        let client_id = client.map(cut);
        tracing::debug!(
            request_id = id,
            endpoint = path,
            client_id,
            error,
            reason,
            "refused a bearer token"
        );
        return;
    }
    why.log();
}

fn request() -> (Option<String>, Option<String>) {
    REQUEST.try_with(|request| (request.id.to_string(), cut(&request.path))).ok().unzip()
}

/// A URI without its query, which may hold what nobody but the app should see.
#[must_use]
pub fn without_query(uri: &str) -> &str {
    uri.split(['?', '#']).next().unwrap_or_default()
}
