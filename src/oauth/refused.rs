//! Logs and counts every refused request. The log line has the same request id as the answer, so
//! the line can be found when an app developer reports a problem.

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
    /// The reason.
    pub reason: Reason,
    /// The wrong value. It is never a secret, and it has no query.
    pub value: Option<&'a str>,
    /// The redirect URI that the request names, if it was read. The log shows it without its query.
    pub redirect_uri: Option<&'a str>,
}

static REFUSALS: Handles<(&str, &str), Counter> = Handles::new(
    |(error, reason)| metrics::counter!("mapae_refusals_total", "error" => error, "reason" => reason),
);

/// In the log and the metrics, the `error` of a request without a bearer token, which has no code.
const UNAUTHORIZED: &str = "unauthorized";

/// The counter of refusals with this reason.
pub fn count(code: Option<ErrorCode>, reason: Reason) -> Counter {
    REFUSALS.of((code.map_or(UNAUTHORIZED, ErrorCode::as_str), reason.as_str()))
}

impl From<Reason> for RefusedRequest<'_> {
    fn from(reason: Reason) -> Self {
        Self { client: None, code: reason.code(), reason, value: None, redirect_uri: None }
    }
}

impl RefusedRequest<'_> {
    /// Writes the log line and increments the counter.
    pub fn log(&self) {
        let Self { client, code, reason, value, redirect_uri } = *self;
        request::refused(reason);
        count(code, reason).increment(1);
        let (client_id, value) = (client.map(in_log), value.map(in_log));
        let redirect_uri = redirect_uri.map(without_query).map(in_log);
        let address = request::current().and_then(|request| request.address);
        let address = address.map(tracing::field::display);
        let (error, description) =
            (code.map_or(UNAUTHORIZED, ErrorCode::as_str), reason.sentence());
        tracing::info!(client_id, error, %reason, description, value, redirect_uri, address, "refused a request");
    }
}

/// Writes the log line of a refusal by the protocol.
pub fn log(refusal: &Refusal, client: Option<&ClientId>) {
    of(refusal, client).log();
}

/// Writes the log line of a refusal that is sent to this redirect URI.
pub fn log_redirected(refusal: &Refusal, client: &ClientId, redirect_uri: &str) {
    let redirect_uri = Some(redirect_uri);
    RefusedRequest { redirect_uri, ..of(refusal, Some(client)) }.log();
}

fn of<'a>(refusal: &'a Refusal, client: Option<&'a ClientId>) -> RefusedRequest<'a> {
    RefusedRequest {
        client: client.map(ClientId::as_str),
        value: refusal.value.as_deref(),
        ..refusal.reason.into()
    }
}

fn in_log(text: &str) -> tracing::field::DisplayValue<Excerpt<&str>> {
    tracing::field::display(excerpt(text))
}

/// A URI without its query and fragment, which may contain secrets of the app.
#[must_use]
pub fn without_query(uri: &str) -> &str {
    uri.split(['?', '#']).next().unwrap_or_default()
}
