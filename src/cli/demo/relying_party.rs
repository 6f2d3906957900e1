//! The demo's third-party app as an OpenID Connect relying party. It knows only the issuer URL and
//! its own registration.

use std::fmt::Display;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpClientError, HttpRequest, HttpResponse, IssuerUrl,
    LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RefreshToken, Scope,
    TokenResponse,
};

use crate::domain::verdict::{OrRejected, reject};

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A relying party.
pub(super) struct RelyingParty {
    client: Client,
    logout: openidconnect::EndSessionUrl,
    home: PostLogoutRedirectUrl,
    issuer: String,
    http: Http,
}

/// What the app must remember while the person signs in at the server.
pub(super) struct Away {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// The tokens and claims that a sign-in or a refresh returned.
#[derive(Clone)]
pub(super) struct Brought {
    /// The token as the server sent it.
    pub(super) access_token: String,
    /// The token as the server sent it.
    pub(super) refresh_token: Option<String>,
    /// The token as the server sent it.
    pub(super) id_token: Option<String>,
    /// The answer of userinfo.
    pub(super) person: serde_json::Value,
}

/// Why it did not work, as a text for the person who tries the demo.
pub(super) type Refused = String;

impl RelyingParty {
    /// Reads the metadata of an issuer. `ca_file` names its certificate authority if the system
    /// does not know it.
    pub(super) async fn discover(
        issuer: &str,
        id: &str,
        secret: &str,
        home: &str,
        ca_file: Option<&Path>,
    ) -> OrRejected<Self> {
        match Self::try_discover(issuer, id, secret, home, ca_file).await {
            Ok(party) => Ok(party),
            Err(why) => reject(format!("the app of the demo does not find its issuer: {why}")),
        }
    }

    async fn try_discover(
        issuer: &str,
        id: &str,
        secret: &str,
        home: &str,
        ca_file: Option<&Path>,
    ) -> Result<Self, Refused> {
        let mut http =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        if let Some(file) = ca_file {
            let pem = std::fs::read(file).map_err(words)?;
            http = http.tls_certs_only([reqwest::Certificate::from_pem(&pem).map_err(words)?]);
        }
        let http = Http(http.build().map_err(words)?);
        let url = IssuerUrl::new(issuer.to_owned()).map_err(words)?;
        let metadata =
            ProviderMetadataWithLogout::discover_async(url, &http).await.map_err(words)?;
        let logout = metadata.additional_metadata().end_session_endpoint.clone();
        let client = CoreClient::from_provider_metadata(
            metadata,
            ClientId::new(id.to_owned()),
            Some(ClientSecret::new(secret.to_owned())),
        );
        let callback = RedirectUrl::new(format!("{home}/callback")).map_err(words)?;
        Ok(Self {
            client: client.set_redirect_uri(callback),
            logout: logout.ok_or("the issuer has no end_session_endpoint")?,
            home: PostLogoutRedirectUrl::new(format!("{home}/")).map_err(words)?,
            issuer: issuer.to_owned(),
            http,
        })
    }

    /// The URL of the issuer.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The URL of an authorization request, and what to remember for its answer.
    pub(super) fn leave(&self) -> (String, Away) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = self.client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        let scopes = ["profile", "email", "api:read"].map(|scope| Scope::new(scope.to_owned()));
        let (url, state, nonce) = request.add_scopes(scopes).set_pkce_challenge(challenge).url();
        (url.to_string(), Away { state, nonce, verifier })
    }

    /// Checks the authorization response and exchanges its code for tokens.
    pub(super) async fn take(
        &self,
        away: Away,
        answer: impl Fn(&str) -> Option<String>,
    ) -> Result<Brought, Refused> {
        if answer("state").as_deref() != Some(away.state.secret()) {
            return Err("the answer belongs to another request".to_owned());
        }
        // RFC 9207 §2.4: the response must name our issuer.
        if answer("iss").as_deref() != Some(&self.issuer) {
            return Err("the answer comes from another issuer".to_owned());
        }
        if let Some(error) = answer("error") {
            let described = answer("error_description").unwrap_or_default();
            return Err(format!("{error}: {described}"));
        }
        let code = AuthorizationCode::new(answer("code").unwrap_or_default());
        let request = self.client.exchange_code(code).map_err(words)?;
        let request = request.set_pkce_verifier(away.verifier);
        let tokens = request.request_async(&self.http).await.map_err(words)?;
        let id_token = tokens.id_token().ok_or("there is no id token")?;
        id_token.claims(&self.client.id_token_verifier(), &away.nonce).map_err(words)?;
        self.brought(&tokens, None).await
    }

    /// Refreshes the tokens.
    pub(super) async fn refresh(&self, old: &Brought) -> Result<Brought, Refused> {
        let token = old.refresh_token.clone().ok_or("there is no refresh token")?;
        let token = RefreshToken::new(token);
        let request = self.client.exchange_refresh_token(&token).map_err(words)?;
        let tokens = request.request_async(&self.http).await.map_err(words)?;
        self.brought(&tokens, Some(old)).await
    }

    async fn brought(
        &self,
        tokens: &CoreTokenResponse,
        old: Option<&Brought>,
    ) -> Result<Brought, Refused> {
        let access_token = tokens.access_token();
        let request = self.client.user_info(access_token.clone(), None).map_err(words)?;
        let person: CoreUserInfoClaims = request.request_async(&self.http).await.map_err(words)?;
        let id_token = tokens.id_token().map(ToString::to_string);
        let refresh_token = tokens.refresh_token().map(|token| token.secret().clone());
        Ok(Brought {
            access_token: access_token.secret().clone(),
            refresh_token: refresh_token.or_else(|| old.and_then(|old| old.refresh_token.clone())),
            id_token: id_token.or_else(|| old.and_then(|old| old.id_token.clone())),
            person: serde_json::to_value(&person).map_err(words)?,
        })
    }

    /// The URL that signs the person out (RP-Initiated Logout §2).
    pub(super) fn sign_out(&self, brought: &Brought) -> String {
        let request = LogoutRequest::from(self.logout.clone());
        let request = request.set_post_logout_redirect_uri(self.home.clone());
        let mut url = request.http_get_url();
        if let Some(hint) = &brought.id_token {
            url.query_pairs_mut().append_pair("id_token_hint", hint);
        }
        url.to_string()
    }
}

/// The HTTP client that the library sends its requests with.
struct Http(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpClientError<reqwest::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Self::Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let request = request.try_into().map_err(Box::new)?;
            let response = self.0.execute(request).await.map_err(Box::new)?;
            let mut builder = http::Response::builder().status(response.status());
            for (name, value) in response.headers() {
                builder = builder.header(name, value);
            }
            let body = response.bytes().await.map_err(Box::new)?.to_vec();
            builder.body(body).map_err(HttpClientError::Http)
        })
    }
}

fn words(error: impl Display) -> Refused {
    error.to_string()
}
