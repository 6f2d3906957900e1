//! The authorization code flow as a client, RFC 6749 §4.1 with PKCE, for every provider.

use std::time::Duration;

use oauth2::basic::{
    BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse,
    BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CodeTokenRequest,
    CsrfToken, EndpointNotSet, EndpointSet, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RefreshToken, RequestTokenError, Scope, StandardErrorResponse, StandardRevocableToken,
    TokenResponse, TokenUrl,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::channel::{CallError, Channel};
use super::credential_check::CredentialCheck;
use super::error::UpstreamError;
use super::provider::{UpstreamAuthorizationRequest, UpstreamAuthorizationResponse};
use crate::domain::excerpt::excerpt;
use crate::domain::failure_reason::FailureReason;
use crate::domain::secret::Secret;

type Client = oauth2::Client<
    BasicErrorResponse,
    Tokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The answer of a token endpoint. It is read tolerantly: Naver's `expires_in` is a text, and
/// GitHub sends errors with status 200. A member that is not a text is treated as missing.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Tokens {
    #[serde(default, deserialize_with = "token")]
    access_token: Option<AccessToken>,
    #[serde(default, deserialize_with = "token")]
    id_token: Option<AccessToken>,
    #[serde(default, deserialize_with = "text")]
    error: Option<String>,
    #[serde(default, deserialize_with = "text")]
    error_description: Option<String>,
    #[serde(skip, default = "nothing")]
    nothing: AccessToken,
}

fn nothing() -> AccessToken {
    AccessToken::new(String::new())
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    })
}

fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<AccessToken>, D::Error> {
    Ok(text(deserializer)?.map(AccessToken::new))
}

/// The crate asks for the type of the token; this server does not use it.
static BEARER: BasicTokenType = BasicTokenType::Bearer;

impl TokenResponse for Tokens {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        self.access_token.as_ref().unwrap_or(&self.nothing)
    }

    fn token_type(&self) -> &BasicTokenType {
        &BEARER
    }

    fn expires_in(&self) -> Option<Duration> {
        None
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        None
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

impl Tokens {
    /// The access token.
    pub(super) fn access(&self) -> Result<&str, UpstreamError> {
        let token = self.access_token.as_ref().map(|token| token.secret().as_str());
        token.ok_or_else(|| {
            UpstreamError::refused(FailureReason::MalformedAnswer, "there is no access token")
        })
    }

    /// The id token.
    pub(super) fn id(&self) -> Result<&str, UpstreamError> {
        let token = self.id_token.as_ref().map(|token| token.secret().as_str());
        token.ok_or_else(|| {
            UpstreamError::refused(FailureReason::MalformedAnswer, "there is no id token")
        })
    }

    /// Turns an error that was sent with a success status into an error.
    fn checked(self) -> Result<Self, UpstreamError> {
        let Some(error) = &self.error else { return Ok(self) };
        Err(refusal(error, self.error_description.as_deref()))
    }
}

/// What an error code of a token endpoint means: those of RFC 6749 §5.2 and some that only certain
/// providers use.
fn refusal(error: &str, description: Option<&str>) -> UpstreamError {
    let detail = format!("{}: {}", excerpt(error), excerpt(description.unwrap_or_default()));
    match error {
        "invalid_client" | "incorrect_client_credentials" | "unauthorized_client" => {
            UpstreamError::Misconfigured(detail)
        }
        _ => UpstreamError::refused(FailureReason::CodeRefused, detail),
    }
}

/// This server as a client of a provider.
#[derive(Debug)]
pub(super) struct CodeFlow<'a> {
    /// The authorization endpoint, at which people sign in.
    pub(super) authorize: &'a str,
    /// The token endpoint, at which codes are redeemed.
    pub(super) token: &'a str,
    /// The client id of this server at the provider.
    pub(super) client_id: &'a str,
    /// The client secret.
    pub(super) secret: Option<&'a Secret>,
    /// Whether the secret is sent in the body.
    pub(super) in_body: bool,
}

/// A code with the parameters that it is redeemed with, RFC 6749 §4.1.3.
#[derive(Clone, Copy)]
pub(super) struct CodeRequest<'a> {
    pub(super) code: &'a str,
    pub(super) redirect_uri: Option<&'a str>,
    pub(super) verifier: Option<&'a str>,
    /// Further parameters that a provider needs.
    pub(super) extra: &'a [(&'a str, &'a str)],
}

impl<'a> CodeRequest<'a> {
    /// The code with which a person returned to the callback.
    pub(super) fn of(response: UpstreamAuthorizationResponse<'a>) -> Self {
        Self {
            code: response.code,
            redirect_uri: Some(response.redirect_uri),
            verifier: Some(response.verifier),
            extra: &[],
        }
    }
}

impl CodeFlow<'_> {
    fn client(&self) -> Result<Client, UpstreamError> {
        let bad = |name: &str, error: url::ParseError| {
            UpstreamError::refused(
                FailureReason::MalformedMetadata,
                format!("the {name} is not a URL: {error}"),
            )
        };
        let authorize = AuthUrl::new(self.authorize.to_owned());
        let token = TokenUrl::new(self.token.to_owned());
        let client = oauth2::Client::new(ClientId::new(self.client_id.to_owned()))
            .set_auth_uri(authorize.map_err(|error| bad("authorization_endpoint", error))?)
            .set_token_uri(token.map_err(|error| bad("token_endpoint", error))?)
            .set_auth_type(if self.in_body { AuthType::RequestBody } else { AuthType::BasicAuth });
        Ok(match self.secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
            None => client,
        })
    }

    /// The URL at which a person signs in, RFC 6749 §4.1.1.
    pub(super) fn authorization_url(
        &self,
        request: UpstreamAuthorizationRequest<'_>,
        scopes: &str,
        extra: &[(&str, &str)],
    ) -> Result<String, UpstreamError> {
        let client = self.client()?.set_redirect_uri(redirect_url(request.redirect_uri)?);
        let verifier = PkceCodeVerifier::new(request.verifier.to_owned());
        let state = CsrfToken::new(request.state.to_owned());
        let scopes = scopes.split_ascii_whitespace().map(|scope| Scope::new(scope.to_owned()));
        let mut url = client
            .authorize_url(|| state)
            .add_scopes(scopes)
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        for (name, value) in extra {
            url = url.add_extra_param(*name, *value);
        }
        Ok(url.url().0.into())
    }

    /// Redeems a code, RFC 6749 §4.1.3.
    pub(super) async fn redeem(
        &self,
        channel: &Channel,
        request: CodeRequest<'_>,
    ) -> Result<Tokens, UpstreamError> {
        let client = self.client_for(request)?;
        let answered = exchange(&client, request).request_async(channel).await;
        answered.map_err(UpstreamError::from).and_then(Tokens::checked).map_err(|error| {
            let verifier = request.verifier.unwrap_or_default();
            error.without(&[request.code, verifier, self.exposed()])
        })
    }

    /// Whether the provider knows this client. It does if it refuses an invented code with
    /// `invalid_grant` or one of these errors, and does not refuse the client.
    pub(super) async fn check(
        &self,
        channel: &Channel,
        redirect_uri: &str,
        unknown_code_errors: &[&str],
    ) -> Result<(), UpstreamError> {
        let request = CodeRequest {
            code: "mapae-provider-check",
            redirect_uri: Some(redirect_uri),
            verifier: Some("mapae-provider-check-mapae-provider-check-x"),
            extra: &[],
        };
        let client = self.client_for(request)?;
        let trial = CredentialCheck::new(channel);
        let answered = exchange(&client, request).request_async(&trial).await;
        match (trial.judge(unknown_code_errors), answered) {
            (Some(judged), _) => judged.map_err(|error| error.without(&[self.exposed()])),
            (None, Err(error)) => Err(error.into()),
            (None, Ok(_)) => Ok(()),
        }
    }

    fn client_for(&self, request: CodeRequest<'_>) -> Result<Client, UpstreamError> {
        let client = self.client()?;
        Ok(match request.redirect_uri {
            Some(uri) => client.set_redirect_uri(redirect_url(uri)?),
            None => client,
        })
    }

    fn exposed(&self) -> &str {
        self.secret.map_or("", |secret| secret.expose())
    }
}

/// Makes the request that redeems a code.
fn exchange<'a>(
    client: &'a Client,
    request: CodeRequest<'a>,
) -> CodeTokenRequest<'a, BasicErrorResponse, Tokens> {
    let CodeRequest { code, verifier, extra, .. } = request;
    let mut exchange = client.exchange_code(AuthorizationCode::new(code.to_owned()));
    if let Some(verifier) = verifier {
        exchange = exchange.set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()));
    }
    for (name, value) in extra {
        exchange = exchange.add_extra_param(*name, *value);
    }
    exchange
}

fn redirect_url(uri: &str) -> Result<RedirectUrl, UpstreamError> {
    let bad = |error: url::ParseError| {
        UpstreamError::refused(FailureReason::MalformedRedirectUri, error.to_string())
    };
    RedirectUrl::new(uri.to_owned()).map_err(bad)
}

/// An error of a token endpoint, RFC 6749 §5.2.
type TokenError = RequestTokenError<CallError, StandardErrorResponse<BasicErrorResponseType>>;

impl From<TokenError> for UpstreamError {
    fn from(error: TokenError) -> Self {
        match error {
            RequestTokenError::Request(broken) => broken.into(),
            RequestTokenError::ServerResponse(response) => {
                let description = response.error_description().map(String::as_str);
                refusal(response.error().as_ref(), description)
            }
            RequestTokenError::Parse(_, body) => in_other_words(&body),
            RequestTokenError::Other(_) => unreadable(),
        }
    }
}

/// The error for an answer that cannot be read. The answer itself is not quoted, because it may
/// contain a token.
fn unreadable() -> UpstreamError {
    UpstreamError::refused(
        FailureReason::MalformedAnswer,
        "the token endpoint's answer cannot be read",
    )
}

/// Reads an error whose other members have unusual types. Facebook's error is an object with a
/// number: 1 is a wrong secret, 101 a wrong app.
fn in_other_words(body: &[u8]) -> UpstreamError {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let error = answer.as_ref().and_then(|answer| answer.get("error"));
    if let Some(error) = error.and_then(Value::as_str).filter(|error| !error.is_empty()) {
        return refusal(error, None);
    }
    match error.and_then(|error| error.get("code")).and_then(Value::as_i64) {
        Some(code @ (1 | 101)) => UpstreamError::Misconfigured(format!("code {code}")),
        Some(code) => UpstreamError::refused(FailureReason::CodeRefused, format!("code {code}")),
        None => unreadable(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(answer: &Value) -> Tokens {
        serde_json::from_value(answer.clone()).unwrap()
    }

    #[test]
    fn rfc6749_5_1_members_that_are_not_needed_may_be_anything() {
        let tokens = read(&json!({
            "access_token": "a", "id_token": "i", "token_type": 1, "expires_in": "soon",
            "refresh_token": {}, "scope": ["openid"], "error": "", "error_description": [],
        }));
        let tokens = tokens.checked().unwrap();
        assert_eq!((tokens.access().unwrap(), tokens.id().unwrap()), ("a", "i"));
        for none in [json!({}), json!({ "access_token": null }), json!({ "access_token": 5 })] {
            assert!(read(&none).checked().unwrap().access().is_err(), "{none}");
        }
        let odd = json!({ "error": "invalid_client", "error_description": { "ko": "x" } });
        assert!(matches!(read(&odd).checked(), Err(UpstreamError::Misconfigured(_))));
        let error = in_other_words(odd.to_string().as_bytes());
        assert!(matches!(error, UpstreamError::Misconfigured(_)), "{error}");
    }

    #[test]
    fn what_a_token_endpoint_says_is_short_in_the_log() {
        let long = "x".repeat(9000);
        let answer = json!({ "error": long, "error_description": long });
        let error = read(&answer).checked().unwrap_err().to_string();
        assert!(error.len() < 300, "{}", error.len());
        assert!(in_other_words(answer.to_string().as_bytes()).to_string().len() < 300);
    }
}
