//! The line that the log has of every refused request, and its count. Like every line it names the
//! request by the id that the answer carries, so what an app developer reports is found.

use metrics::Counter;

use super::error::Refusal;
use crate::domain::client::ClientId;
use crate::domain::error_code::ErrorCode;
use crate::domain::excerpt::{Excerpt, excerpt};
use crate::domain::reason::Reason;
use crate::domain::request;
use crate::runtime::handles::Handles;

/// A refused request.
#[derive(Clone, Copy, Debug)]
pub struct RefusedRequest<'a> {
    /// The client, as the request names it.
    pub client: Option<&'a str>,
    /// `error`, or the code of an error page.
    pub code: Option<ErrorCode>,
    /// Why.
    pub reason: Reason,
    /// The value that is wrong: never a secret, and without any query.
    pub value: Option<&'a str>,
}

static REFUSALS: Handles<(&str, &str), Counter> = Handles::new(
    |(error, reason)| metrics::counter!("mapae_refusals_total", "error" => error, "reason" => reason),
);

/// The `error` of a bearer token that is merely missing, in the log and in the metrics.
const UNAUTHORIZED: &str = "unauthorized";

/// The count of the refusals for this reason.
pub fn count(code: Option<ErrorCode>, reason: Reason) -> Counter {
    REFUSALS.of((code.map_or(UNAUTHORIZED, ErrorCode::as_str), reason.as_str()))
}

impl From<Reason> for RefusedRequest<'_> {
    fn from(reason: Reason) -> Self {
        Self { client: None, code: reason.code(), reason, value: None }
    }
}

impl RefusedRequest<'_> {
    /// Writes the line, and counts.
    pub fn log(&self) {
        request::explained();
        let Self { client, code, reason, value } = *self;
        count(code, reason).increment(1);
        let (client_id, value) = (client.map(in_log), value.map(in_log));
        let (error, description) =
            (code.map_or(UNAUTHORIZED, ErrorCode::as_str), reason.sentence());
        // A token that has expired is no news: apps come with one and refresh.
        if matches!(code, None | Some(ErrorCode::InvalidToken | ErrorCode::InsufficientScope)) {
            tracing::debug!(client_id, error, %reason, description, "refused a bearer token");
        } else {
            tracing::info!(client_id, error, %reason, description, value, "refused a request");
        }
    }
}

/// Writes the line of a refusal by the protocol.
pub fn log(refusal: &Refusal, client: Option<&ClientId>) {
    let refused = RefusedRequest {
        client: client.map(ClientId::as_str),
        value: refusal.value.as_deref(),
        ..refusal.reason.into()
    };
    refused.log();
}

fn in_log(text: &str) -> tracing::field::DisplayValue<Excerpt<&str>> {
    tracing::field::display(excerpt(text))
}

/// A URI without its query, which may hold what nobody but the app should see.
#[must_use]
pub fn without_query(uri: &str) -> &str {
    uri.split(['?', '#']).next().unwrap_or_default()
}
