//! The line that the log has of every refused request. Like every line it names the request by the id
//! that the answer carries, so what an app developer reports is found.

use super::error::{Challenge, ErrorCode, Refusal};
use crate::domain::client::ClientId;
use crate::domain::excerpt::{Excerpt, excerpt};
use crate::domain::request;

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
        request::explained();
        let Self { client, error, reason, value } = *self;
        let (client_id, value) = (client.map(in_log), value.map(in_log));
        tracing::info!(client_id, error, reason, value, "refused a request");
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
        request::explained();
        let Why { client, error, reason, .. } = why;
        let client_id = client.map(in_log);
        tracing::debug!(client_id, error, reason, "refused a bearer token");
        return;
    }
    why.log();
}

fn in_log(text: &str) -> tracing::field::DisplayValue<Excerpt<&str>> {
    tracing::field::display(excerpt(text))
}

/// A URI without its query, which may hold what nobody but the app should see.
#[must_use]
pub fn without_query(uri: &str) -> &str {
    uri.split(['?', '#']).next().unwrap_or_default()
}
