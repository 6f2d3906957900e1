//! Sending the vectors to a resource server.

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use serde_json::{Value, json};

use super::vectors::Vector;
use crate::domain::verdict::{OrRejected, reject};
use crate::outbound::{OperatorClient, OutboundError};

/// The longest time of a request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a server that is still starting is asked again, and the pause between.
const ATTEMPTS: u32 = 120;
const PAUSE: Duration = Duration::from_millis(250);

/// Whether a server answered as it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    AsExpected,
    WronglyAccepted,
    WronglyRefused,
    /// Neither accepted nor refused, like a fault of the server.
    Unclear,
}

/// A vector, and what was answered to it.
pub(super) struct Played<'a> {
    pub(super) vector: &'a Vector,
    status: StatusCode,
    pub(super) verdict: Verdict,
}

impl Played<'_> {
    pub(super) fn json(&self) -> Value {
        json!({
            "name": self.vector.name,
            "reason": self.vector.reason,
            "accept": self.vector.accept,
            "status": self.status.as_u16(),
            "as_expected": self.verdict == Verdict::AsExpected,
        })
    }

    pub(super) fn row(&self) -> Vec<String> {
        let verdict = match self.verdict {
            Verdict::AsExpected => "ok",
            Verdict::WronglyAccepted => "WRONG: it must be refused",
            Verdict::WronglyRefused => "WRONG: it must be accepted",
            Verdict::Unclear => "WRONG: neither accepted nor refused",
        };
        let Vector { name, reason, .. } = self.vector;
        vec![name.clone(), reason.clone(), self.status.as_u16().to_string(), verdict.to_owned()]
    }
}

/// How a server answers to each of these, in order.
pub(super) async fn play<'a>(
    url: &Uri,
    method: &Method,
    vectors: &'a [Vector],
) -> OrRejected<Vec<Played<'a>>> {
    let client = match OperatorClient::new(None, TIMEOUT) {
        Ok(client) => client,
        Err(error) => return reject(error.to_string()),
    };
    is_there(&client, url).await?;
    let mut played = Vec::with_capacity(vectors.len());
    for vector in vectors {
        let answer = client.send(request(url, method, vector)?).await;
        let status = match answer {
            Ok(answer) => answer.status(),
            Err(error) => return reject(format!("{url}: {error}")),
        };
        played.push(Played { vector, status, verdict: judged(vector, status) });
    }
    Ok(played)
}

/// Waits for a server that is still starting: CI starts both at once.
async fn is_there(client: &OperatorClient, url: &Uri) -> OrRejected {
    let mut pauses = tokio::time::interval(PAUSE);
    for _ in 0..ATTEMPTS {
        pauses.tick().await;
        let request = Request::builder().uri(url.clone()).body(Vec::new());
        let Ok(request) = request else { return reject(format!("{url}: is not a URL")) };
        match client.send(request).await {
            Err(OutboundError::NobodyThere) => {}
            Err(error) => return reject(format!("{url}: {error}")),
            Ok(_) => return Ok(()),
        }
    }
    reject(format!("{url}: nobody answers"))
}

fn request(url: &Uri, method: &Method, vector: &Vector) -> OrRejected<Request<Vec<u8>>> {
    let mut request = Request::new(Vec::new());
    *request.uri_mut() = url.clone();
    *request.method_mut() = method.clone();
    let bearer = [(AUTHORIZATION.as_str(), format!("Bearer {}", vector.token))];
    let more = vector
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default().to_owned()));
    for (name, value) in bearer.into_iter().chain(more) {
        match (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            (Ok(name), Ok(value)) => drop(request.headers_mut().insert(name, value)),
            _ => return reject(format!("{}: {name} is no header", vector.name)),
        }
    }
    Ok(request)
}

/// Refused is 401, or 403 for a scope. Accepted is 2xx and 3xx. Anything else says nothing of the token:
/// 404 is what a wrong address answers, before or behind the verifier.
fn judged(vector: &Vector, status: StatusCode) -> Verdict {
    let is_refused = status == StatusCode::UNAUTHORIZED
        || status == StatusCode::FORBIDDEN && (vector.reason == "scope" || vector.accept);
    let is_accepted = status.is_success() || status.is_redirection();
    match (vector.accept, is_refused, is_accepted) {
        (true, true, _) => Verdict::WronglyRefused,
        (false, true, _) | (true, _, true) => Verdict::AsExpected,
        (false, _, true) => Verdict::WronglyAccepted,
        (_, false, false) => Verdict::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_is_401_or_403_for_a_scope_and_accepted_is_what_succeeds() {
        let vector = |reason: &str| Vector {
            name: String::new(),
            reason: reason.to_owned(),
            token: String::new(),
            accept: reason == "good",
            headers: serde_json::Map::new(),
        };
        for (reason, status, verdict) in [
            ("expired", 401, Verdict::AsExpected),
            ("expired", 403, Verdict::Unclear),
            ("expired", 400, Verdict::Unclear),
            ("expired", 503, Verdict::Unclear),
            ("expired", 200, Verdict::WronglyAccepted),
            ("expired", 302, Verdict::WronglyAccepted),
            ("expired", 404, Verdict::Unclear),
            ("scope", 403, Verdict::AsExpected),
            ("scope", 401, Verdict::AsExpected),
            ("scope", 204, Verdict::WronglyAccepted),
            ("good", 200, Verdict::AsExpected),
            ("good", 204, Verdict::AsExpected),
            ("good", 303, Verdict::AsExpected),
            ("good", 404, Verdict::Unclear),
            ("good", 405, Verdict::Unclear),
            ("good", 429, Verdict::Unclear),
            ("good", 401, Verdict::WronglyRefused),
            ("good", 403, Verdict::WronglyRefused),
            ("good", 500, Verdict::Unclear),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(judged(&vector(reason), status), verdict, "{reason} {status}");
        }
    }
}
