//! Authorization responses, RFC 6749 §4.1.2, RFC 9207, JARM §2. An answer is sent only to a
//! [`ReturnAddress`], and one is made only when the URI matches a registered redirect URI exactly.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};
use url::form_urlencoded::byte_serialize;

use crate::domain::authorization::{AuthorizationRequest, ResponseMode};
use crate::domain::client::{Client, ClientId, RegisteredBy, TokenAlg};
use crate::domain::error_code::ErrorCode;
use crate::domain::redirect_uri;
use crate::domain::secret::{AuthorizationCode, Plain};
use crate::domain::urls::Issuer;
use crate::domain::verdict::Fault;
use crate::keys::jwt::Typ;
use crate::keys::keyring::Keyring;
use crate::oauth::error::Refusal;

/// How long a signed answer counts. JARM §2.1 recommends ten minutes at most.
const LIFE: Duration = Duration::minutes(5);

/// The redirect URI that an answer is sent to, and how it is sent.
#[derive(Clone, Debug)]
pub struct ReturnAddress {
    uri: String,
    mode: ResponseMode,
    state: Option<String>,
    issuer: String,
    client: ClientId,
    /// Whether an operator vouches for the client.
    is_vouched: bool,
    alg: TokenAlg,
}

/// An answer to an authorization request. It is signed, where its mode says so, when it is sent: no
/// transaction is open then.
#[derive(Clone, Debug)]
pub struct AuthorizationAnswer {
    to: Box<ReturnAddress>,
    fields: Vec<(&'static str, String)>,
    /// Why the request is refused, if it is.
    refused: Option<ErrorCode>,
}

/// An answer as the browser brings it.
#[derive(Clone, Debug)]
pub enum SentAnswer {
    /// The browser is redirected to this URI.
    Redirect(String),
    /// The browser posts this form, OAuth 2.0 Form Post Response Mode §2.
    Form {
        /// The URI that the form is posted to.
        action: String,
        /// The fields of the form.
        fields: Vec<(&'static str, String)>,
    },
}

impl ReturnAddress {
    /// The address of a URI that is registered for the client.
    #[must_use]
    pub fn registered(issuer: &Issuer, client: &Client, uri: &str) -> Option<Self> {
        let metadata = &client.metadata;
        let matches = match client.registered_by {
            RegisteredBy::Operator => redirect_uri::matches,
            RegisteredBy::Itself | RegisteredBy::Document => redirect_uri::matches_of_unvouched,
        };
        let known = metadata.redirect_uris.iter().any(|known| matches(known, uri));
        known.then(|| Self {
            uri: uri.to_owned(),
            mode: ResponseMode::Query,
            state: None,
            issuer: issuer.as_str().to_owned(),
            client: client.id.clone(),
            is_vouched: client.registered_by == RegisteredBy::Operator,
            alg: metadata.authorization_signed_response_alg.unwrap_or_default(),
        })
    }

    /// The address of a request that was checked before. It is checked again, because the
    /// registration of the client may have changed since.
    #[must_use]
    pub fn of(issuer: &Issuer, client: &Client, request: &AuthorizationRequest) -> Option<Self> {
        let address = Self::registered(issuer, client, &request.redirect_uri)?;
        Some(address.by(request.response_mode).with_state(request.state.as_deref()))
    }

    /// Sends the answer by this response mode.
    #[must_use]
    pub fn by(mut self, mode: ResponseMode) -> Self {
        self.mode = mode;
        self
    }

    /// The algorithm by which the answer is signed, if it is (JARM).
    #[must_use]
    pub fn signed_by(&self) -> Option<TokenAlg> {
        self.mode.is_signed().then_some(self.alg)
    }

    /// Adds this `state` to the answer.
    #[must_use]
    pub fn with_state(mut self, state: Option<&str>) -> Self {
        self.state = state.map(str::to_owned);
        self
    }

    /// The answer with a code, RFC 6749 §4.1.2.
    #[must_use]
    pub fn code(&self, code: &Plain<AuthorizationCode>) -> AuthorizationAnswer {
        self.answer(vec![("code", code.expose().to_owned())])
    }

    /// The answer with an error, RFC 6749 §4.1.2.1.
    #[must_use]
    pub fn error(&self, refusal: &Refusal) -> AuthorizationAnswer {
        let code = refusal.code().map_or("server_error", ErrorCode::as_str);
        let answer = self.answer(vec![
            ("error", code.to_owned()),
            ("error_description", refusal.text().into_owned()),
        ]);
        AuthorizationAnswer { refused: refusal.code(), ..answer }
    }

    fn answer(&self, mut fields: Vec<(&'static str, String)>) -> AuthorizationAnswer {
        fields.extend(self.state.clone().map(|state| ("state", state)));
        // RFC 9207 §2: every answer names the issuer.
        fields.push(("iss", self.issuer.clone()));
        AuthorizationAnswer { to: Box::new(self.clone()), fields, refused: None }
    }
}

impl AuthorizationAnswer {
    /// Why an app for which no operator vouches is refused, if this is such an answer. Nobody is
    /// redirected by it who did not ask for that: such an app could send people anywhere by a link to
    /// this server (RFC 9700 §4.11.2).
    #[must_use]
    pub fn refused_to_unvouched(&self) -> Option<ErrorCode> {
        self.refused.filter(|_| !self.to.is_vouched)
    }

    /// Whether it is a refusal that is signed, other than that a person said no: nobody needs to sign in
    /// to get one.
    #[must_use]
    pub fn is_signed_refusal(&self) -> bool {
        let by_itself = self.refused.filter(|code| *code != ErrorCode::AccessDenied);
        by_itself.is_some() && self.to.signed_by().is_some()
    }

    /// The answer as the browser brings it, at this instant.
    pub fn sent(&self, keyring: &Keyring, now: DateTime<Utc>) -> Result<SentAnswer, Fault> {
        let Some(alg) = self.to.signed_by() else {
            return Ok(self.carried(self.fields.clone()));
        };
        let keys = keyring.snapshot()?;
        let signed = keys.signing(alg)?.sign(Typ::AuthorizationResponse, &self.claims(now))?;
        // JARM §2.3: the JWT is the one parameter.
        Ok(self.carried(vec![("response", signed)]))
    }

    /// The claims of a signed answer: its parameters, for whom it is, and until when. JARM §2.1.
    fn claims(&self, now: DateTime<Utc>) -> Map<String, Value> {
        let parameters = self.fields.iter();
        let mut claims: Map<String, Value> =
            parameters.map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        claims.insert("aud".to_owned(), json!(self.to.client));
        claims.insert("exp".to_owned(), json!((now + LIFE).timestamp()));
        claims
    }

    fn carried(&self, fields: Vec<(&'static str, String)>) -> SentAnswer {
        let uri = &self.to.uri;
        match self.to.mode {
            ResponseMode::Query | ResponseMode::QueryJwt => {
                let separator = if uri.contains('?') { '&' } else { '?' };
                SentAnswer::Redirect(format!("{uri}{separator}{}", encoded(&fields)))
            }
            ResponseMode::Fragment | ResponseMode::FragmentJwt => {
                SentAnswer::Redirect(format!("{uri}#{}", encoded(&fields)))
            }
            ResponseMode::FormPost | ResponseMode::FormPostJwt => {
                SentAnswer::Form { action: uri.clone(), fields }
            }
        }
    }
}

/// Adds a parameter to a URI that has no fragment.
#[must_use]
pub fn with_parameter(uri: &str, name: &'static str, value: &str) -> String {
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}{}", encoded(&[(name, value.to_owned())]))
}

/// Form-encodes the fields. A space becomes `%20`, because not every reader takes `+` for a space.
fn encoded(fields: &[(&'static str, String)]) -> String {
    let pair = |(name, value): &(&str, String)| {
        let value: String = byte_serialize(value.as_bytes()).collect();
        format!("{name}={}", value.replace('+', "%20"))
    };
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client::{ClientId, ClientKind};
    use crate::domain::clock::from_millis;
    use crate::domain::reason::Reason;

    fn address(uri: &str) -> ReturnAddress {
        let id = ClientId::parse("app").unwrap();
        let mut client = Client::new(id, ClientKind::Public, from_millis(0));
        client.metadata.redirect_uris = vec![uri.to_owned()];
        ReturnAddress::registered(&Issuer::localhost(), &client, uri).unwrap()
    }

    fn location(answer: &AuthorizationAnswer) -> String {
        match answer.carried(answer.fields.clone()) {
            SentAnswer::Redirect(location) => location,
            SentAnswer::Form { .. } => panic!("a form"),
        }
    }

    #[test]
    fn rfc6749_4_1_2_the_query_of_a_redirect_uri_stays_as_it_is() {
        let refusal = Refusal::new(Reason::PromptUnknown);
        let error = |address: ReturnAddress| location(&address.error(&refusal));
        let rest = "error=invalid_request&error_description=a%20prompt%20is%20unknown";
        let iss = "iss=http%3A%2F%2Flocalhost%3A8080";
        assert_eq!(error(address("https://rp/cb")), format!("https://rp/cb?{rest}&{iss}"));
        assert_eq!(
            error(address("https://rp/cb?b=%2f&a")),
            format!("https://rp/cb?b=%2f&a&{rest}&{iss}")
        );
        let state =
            address("https://rp/cb").with_state(Some("a+b&\r\n\"><마")).by(ResponseMode::Fragment);
        let state = error(state);
        let expected = "state=a%2Bb%26%0D%0A%22%3E%3C%EB%A7%88";
        assert_eq!(state, format!("https://rp/cb#{rest}&{expected}&{iss}"));
    }
}
