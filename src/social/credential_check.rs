//! Tests the credential of a registration by redeeming an invented code. The error shows whether
//! the token endpoint refuses only the code, or this client.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use serde_json::Value;

use super::channel::{CallError, Channel};
use super::error::UpstreamError;
use crate::domain::excerpt::excerpt;

/// A channel that remembers the answer.
pub(super) struct CredentialCheck<'c> {
    channel: &'c Channel,
    heard: Mutex<Option<TokenEndpointAnswer>>,
}

/// The status of an answer, and its JSON.
struct TokenEndpointAnswer {
    status: u16,
    answer: Option<Value>,
}

impl<'c> CredentialCheck<'c> {
    pub(super) fn new(channel: &'c Channel) -> Self {
        Self { channel, heard: Mutex::default() }
    }

    /// What the answer says about the credential, if there was an answer. It is good if only the
    /// code is refused.
    pub(super) fn judge(self, unknown_code_errors: &[&str]) -> Option<Result<(), UpstreamError>> {
        let heard = self.heard.into_inner().unwrap_or_else(PoisonError::into_inner);
        heard.map(|heard| heard.judge(unknown_code_errors))
    }
}

impl<'t> AsyncHttpClient<'t> for CredentialCheck<'_> {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 't>>;

    fn call(&'t self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let response = self.channel.send(request).await?;
            let status = response.status().as_u16();
            let answer = serde_json::from_slice(response.body()).ok();
            *self.heard.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(TokenEndpointAnswer { status, answer });
            Ok(response)
        })
    }
}

impl TokenEndpointAnswer {
    fn judge(&self, unknown_code_errors: &[&str]) -> Result<(), UpstreamError> {
        let Some((error, description)) = self.error() else {
            let problem = format!(
                "the token endpoint answers with status {} and no error of OAuth (RFC 6749 §5.2): \
                 it may be another address",
                self.status
            );
            return Err(UpstreamError::Misconfigured(problem));
        };
        let is_the_code = error == "invalid_grant" || unknown_code_errors.contains(&error.as_str());
        if is_the_code && !is_redirect_uri(&description) {
            return Ok(());
        }
        Err(UpstreamError::Misconfigured(format!("{}: {}", excerpt(error), excerpt(description))))
    }

    /// The error code and its description: as in RFC 6749 §5.2, or Facebook's object with a number.
    fn error(&self) -> Option<(String, String)> {
        let answer = self.answer.as_ref()?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        match answer.get("error")? {
            Value::String(error) => {
                Some((error.clone(), text(answer.get("error_description")).unwrap_or_default()))
            }
            error => {
                let code = error.get("code").and_then(Value::as_i64)?;
                Some((code.to_string(), text(error.get("message")).unwrap_or_default()))
            }
        }
    }
}

/// Whether an `invalid_grant` is about the redirect URI, like Kakao's KOE303. Many servers always
/// send the full text of RFC 6749 §5.2, so a description that mentions the URI is not enough.
fn is_redirect_uri(description: &str) -> bool {
    description.to_ascii_lowercase().replace('_', " ").contains("redirect uri mismatch")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(status: u16, answer: Value, unknown_code_errors: &[&str]) -> Result<(), String> {
        let heard = TokenEndpointAnswer { status, answer: Some(answer) };
        heard.judge(unknown_code_errors).map_err(|error| error.to_string())
    }

    #[test]
    fn rfc6749_5_2_a_refused_code_is_no_fault_of_ours() {
        let doorkeeper = "The provided authorization grant is invalid, expired, revoked, does not \
                          match the redirection URI used in the authorization request, or was \
                          issued to another client.";
        let facebook = json!({ "error": { "code": 100, "message": "Invalid verification code" } });
        for (answer, words) in [
            (json!({ "error": "invalid_grant" }), &[][..]),
            (json!({ "error": "invalid_grant", "error_description": doorkeeper }), &[]),
            (json!({ "error": "bad_verification_code" }), &["bad_verification_code"]),
            (json!({ "error": "invalid_request" }), &["invalid_request"]),
            (facebook, &["100"]),
        ] {
            assert_eq!(judged(400, answer.clone(), words), Ok(()), "{answer}");
        }
    }

    #[test]
    fn whatever_else_is_said_is_our_fault() {
        let mismatch = "Redirect URI mismatch.";
        for (answer, said) in [
            (json!({ "error": "invalid_client" }), "invalid_client"),
            (json!({ "error": "unsupported_grant_type" }), "unsupported_grant_type"),
            (json!({ "error": "bad_verification_code" }), "bad_verification_code"),
            (json!({ "error": "invalid_request" }), "invalid_request"),
            (json!({ "error": "redirect_uri_mismatch" }), "redirect_uri_mismatch"),
            (json!({ "error": "invalid_grant", "error_description": mismatch }), mismatch),
            (json!({ "error": { "code": 191, "message": "Can't Load URL" } }), "191: Can't Load"),
            (json!({ "message": "Unauthorized" }), "status 401"),
            (json!({ "access_token": "x" }), "status 401"),
            (json!("invalid_grant"), "status 401"),
        ] {
            let problem = judged(401, answer.clone(), &[]).unwrap_err();
            assert!(problem.contains(said), "{answer} {problem}");
        }
        let html = TokenEndpointAnswer { status: 404, answer: None };
        assert!(html.judge(&[]).unwrap_err().to_string().contains("status 404"));
    }
}
