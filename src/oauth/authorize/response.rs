//! Authorization responses, RFC 6749 §4.1.2, RFC 9207. An answer is sent only to a
//! [`ReturnAddress`], and one is made only when the URI matches a registered redirect URI exactly.

use url::form_urlencoded::byte_serialize;

use crate::domain::authorization::{AuthorizationRequest, ResponseMode};
use crate::domain::client::Client;
use crate::domain::error_code::ErrorCode;
use crate::domain::redirect_uri;
use crate::domain::secret::{AuthorizationCode, Plain};
use crate::domain::urls::Issuer;
use crate::oauth::error::Refusal;

/// The redirect URI that an answer is sent to, and how it is sent.
#[derive(Clone, Debug)]
pub struct ReturnAddress {
    uri: String,
    mode: ResponseMode,
    state: Option<String>,
    issuer: String,
}

/// An answer to an authorization request, ready to be sent.
#[derive(Clone, Debug)]
pub enum AuthorizationAnswer {
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
        let known =
            client.metadata.redirect_uris.iter().any(|known| redirect_uri::matches(known, uri));
        known.then(|| Self {
            uri: uri.to_owned(),
            mode: ResponseMode::Query,
            state: None,
            issuer: issuer.as_str().to_owned(),
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
        self.answer(vec![
            ("error", code.to_owned()),
            ("error_description", refusal.text().into_owned()),
        ])
    }

    fn answer(&self, mut fields: Vec<(&'static str, String)>) -> AuthorizationAnswer {
        fields.extend(self.state.clone().map(|state| ("state", state)));
        // RFC 9207 §2: every answer names the issuer.
        fields.push(("iss", self.issuer.clone()));
        match self.mode {
            ResponseMode::Query => {
                let separator = if self.uri.contains('?') { '&' } else { '?' };
                AuthorizationAnswer::Redirect(format!(
                    "{}{separator}{}",
                    self.uri,
                    encoded(&fields)
                ))
            }
            ResponseMode::Fragment => {
                AuthorizationAnswer::Redirect(format!("{}#{}", self.uri, encoded(&fields)))
            }
            ResponseMode::FormPost => {
                AuthorizationAnswer::Form { action: self.uri.clone(), fields }
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

    fn location(answer: AuthorizationAnswer) -> String {
        match answer {
            AuthorizationAnswer::Redirect(location) => location,
            AuthorizationAnswer::Form { .. } => panic!("a form"),
        }
    }

    #[test]
    fn rfc6749_4_1_2_the_query_of_a_redirect_uri_stays_as_it_is() {
        let refusal = Refusal::new(Reason::PromptUnknown);
        let error = |address: ReturnAddress| location(address.error(&refusal));
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
