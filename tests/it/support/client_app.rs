//! A client that calls the server, and the answers that it gets.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::server::{PASSWORD, USERNAME, plain_http};

/// A registered client that calls the server.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
}

/// An answer of the server.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

/// Encodes the body of a form.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

impl Reply {
    pub(crate) async fn of(response: Response) -> Self {
        Self::try_of(response).await.expect("a body")
    }

    async fn try_of(response: Response) -> Option<Self> {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.ok()?;
        Some(Self { status, headers, text })
    }

    /// The access token and the refresh token.
    #[track_caller]
    pub(crate) fn pair(self) -> (String, String) {
        let reply = self.ok();
        (reply.text("access_token"), reply.text("refresh_token"))
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|_| panic!("JSON, not {} {:?}", self.status, self.text))
    }

    /// The text of a member of the JSON body.
    pub(crate) fn text(&self, member: &str) -> String {
        let json = self.json();
        json[member].as_str().unwrap_or_else(|| panic!("{member} in {json}")).to_owned()
    }

    /// The value of a header, or an empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Asserts that it is a success, and returns it.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self
    }

    /// Asserts that it is this refusal, in the form of RFC 6749 §5.2.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, error: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        let json = self.json();
        assert_eq!(json["error"], error, "{json}");
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        let described = json["error_description"].as_str().unwrap_or_default();
        let legal = described.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E));
        assert!(legal, "{described:?}");
    }
}

/// The redirect URI of apps in tests.
pub(crate) const CALLBACK: &str = "https://app.example.com/callback";
/// The PKCE verifier of their requests (RFC 7636 Appendix B).
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The challenge for this verifier.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// The `state` of their requests: 128 characters, with everything that must be returned unchanged.
pub(crate) const STATE: &str = "aA0-._~bB1-._~cC2-._~dD3-._~eE4-._~fF5-._~gG6-._~hH7-._~iI8-._~\
                                jJ9-._~kK0-._~lL1-._~mM2-._~nN3-._~oO4-._~pP5-._~qQ6-._~rR7-._~ab";

impl App {
    /// The same app, behind a proxy that reports this client address.
    pub(crate) fn behind_proxy(&self, address: &str) -> Self {
        let address = reqwest::header::HeaderValue::from_str(address).expect("a header");
        let said = [(reqwest::header::HeaderName::from_static("x-forwarded-for"), address)];
        let http = plain_http().default_headers(said.into_iter().collect()).build();
        Self { http: http.expect("a client"), ..self.clone() }
    }

    /// The URL of an authorization request. `changes` replaces or adds parameters; an empty one is
    /// left out.
    pub(crate) fn authorization_url(&self, changes: &[(&str, &str)]) -> String {
        format!("{}/authorize?{}", self.base, self.authorization_request(changes))
    }

    /// The same request as the body of a form.
    pub(crate) fn authorization_request(&self, changes: &[(&str, &str)]) -> String {
        let usual = [
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", CALLBACK),
            ("scope", "openid"),
            ("state", STATE),
            ("nonce", "a-nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let kept = usual.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
        let all: Vec<_> =
            kept.chain(changes).filter(|(_, value)| !value.is_empty()).copied().collect();
        form(&all)
    }

    /// Pushes an authorization request. `changes` replaces or adds parameters; an empty one is left
    /// out.
    pub(crate) async fn push(&self, changes: &[(&str, &str)]) -> Reply {
        let request = self.authorization_request(changes);
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(request.as_bytes()).into_owned().collect();
        let named = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        // How the client names itself is decided where it authenticates.
        let fields: Vec<_> = named.filter(|(name, _)| *name != "client_id").collect();
        self.post("/par", &fields).await
    }

    /// The URL that brings a pushed request.
    pub(crate) fn pushed_url(&self, pushed: &Reply) -> String {
        let request_uri = pushed.text("request_uri");
        let query = form(&[("client_id", &self.id), ("request_uri", &request_uri)]);
        format!("{}/authorize?{query}", self.base)
    }

    /// The metadata of the server.
    pub(crate) async fn metadata(&self) -> Value {
        let url = format!("{}/.well-known/openid-configuration", self.base);
        Reply::of(self.http.get(url).send().await.expect("an answer")).await.ok().json()
    }

    /// Redeems a code.
    pub(crate) async fn exchange(&self, code: &str) -> Reply {
        self.exchange_with(code, &[]).await
    }

    /// Redeems a code. `changes` replaces or adds parameters; an empty one is left out.
    pub(crate) async fn exchange_with(&self, code: &str, changes: &[(&str, &str)]) -> Reply {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let kept = usual.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
        let all: Vec<_> =
            kept.chain(changes).filter(|(_, value)| !value.is_empty()).copied().collect();
        self.token(&all).await
    }

    /// The same client at another server.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// Posts a form as this client, authenticated by header or by its name.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.try_post(path, fields).await.expect("an answer")
    }

    /// The same, if the server may stop before it has answered.
    pub(crate) async fn try_post(&self, path: &str, fields: &[(&str, &str)]) -> Option<Reply> {
        let mut fields = fields.to_vec();
        let mut request = self.http.post(format!("{}{path}", self.base));
        match &self.secret {
            Some(secret) => request = request.basic_auth(&self.id, Some(secret)),
            None => fields.push(("client_id", &self.id)),
        }
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").body(form(&fields));
        Reply::try_of(request.send().await.ok()?).await
    }

    /// A token request.
    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Reply {
        self.post("/token", fields).await
    }

    /// Signs in the person of the constants.
    pub(crate) async fn password(&self, scope: &str) -> Reply {
        self.password_as(USERNAME, PASSWORD, scope).await
    }

    /// Signs in a person with the password grant.
    pub(crate) async fn password_as(&self, username: &str, password: &str, scope: &str) -> Reply {
        self.token(&[
            ("grant_type", "password"),
            ("username", username),
            ("password", password),
            ("scope", scope),
        ])
        .await
    }

    /// Uses a refresh token, if the server may stop before it has answered.
    pub(crate) async fn try_refresh(&self, token: &str) -> Option<Reply> {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.try_post("/token", &fields).await
    }

    /// Uses a refresh token.
    pub(crate) async fn refresh(&self, token: &str) -> Reply {
        self.refresh_with(token, &[]).await
    }

    /// Uses a refresh token with more parameters.
    pub(crate) async fn refresh_with(&self, token: &str, more: &[(&str, &str)]) -> Reply {
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        fields.extend(more);
        self.token(&fields).await
    }

    /// Introspects a token, and returns the answer.
    pub(crate) async fn introspect(&self, token: &str) -> Value {
        self.post("/introspect", &[("token", token)]).await.ok().json()
    }

    /// Whether a token is active for this client.
    pub(crate) async fn is_active(&self, token: &str) -> bool {
        self.introspect(token).await["active"] == true
    }

    /// Revokes a token.
    pub(crate) async fn revoke(&self, token: &str) -> Reply {
        self.post("/revoke", &[("token", token)]).await
    }

    /// Asks for the claims of the person.
    pub(crate) async fn userinfo(&self, token: &str) -> Reply {
        let request = self.http.get(format!("{}/userinfo", self.base)).bearer_auth(token);
        Reply::of(request.send().await.expect("an answer")).await
    }
}

/// The claims of a JWT, unverified.
pub(crate) fn decode_claims(jwt: &str) -> Value {
    part(jwt, 1)
}

/// The header of a JWT, unverified.
pub(crate) fn decode_header(jwt: &str) -> Value {
    part(jwt, 0)
}

fn part(jwt: &str, number: usize) -> Value {
    let part = jwt.split('.').nth(number).expect("a part");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}
