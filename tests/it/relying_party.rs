//! The `openidconnect` crate as a relying party: an independent check of discovery, tokens and
//! claims.

use std::future::Future;
use std::pin::Pin;

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    HttpRequest, HttpResponse, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl,
    ResourceOwnerPassword, ResourceOwnerUsername, Scope, TokenResponse,
};

use crate::support::{CALLBACK, PASSWORD, Server, USERNAME, both};

/// Sends the crate's requests through our own client.
struct Http(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = openidconnect::HttpClientError<reqwest::Error>;
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
            builder.body(body).map_err(openidconnect::HttpClientError::Http)
        })
    }
}

both! {
    async fn a_relying_party_that_knows_the_issuer_alone_is_served(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.client("app", |_| {}).await;
        let http = Http(server.http.clone());
        let issuer = IssuerUrl::new(server.issuer().to_owned()).unwrap();
        let metadata = CoreProviderMetadata::discover_async(issuer, &http).await.unwrap();
        let client = CoreClient::from_provider_metadata(
            metadata,
            ClientId::new(app.id.clone()),
            app.secret.clone().map(ClientSecret::new),
        );

        let (username, password) = (
            ResourceOwnerUsername::new(USERNAME.to_owned()),
            ResourceOwnerPassword::new(PASSWORD.to_owned()),
        );
        let tokens: CoreTokenResponse = client
            .exchange_password(&username, &password)
            .unwrap()
            .add_scope(Scope::new("openid".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .request_async(&http)
            .await
            .unwrap();
        let verifier = client.id_token_verifier();
        assert_eq!(verified(&verifier, tokens.id_token().unwrap()), sub);

        let info: CoreUserInfoClaims = client
            .user_info(tokens.access_token().clone(), None)
            .unwrap()
            .request_async(&http)
            .await
            .unwrap();
        assert_eq!(info.subject().as_str(), sub);
        assert_eq!(info.preferred_username().unwrap().as_str(), USERNAME);

        let refreshed: CoreTokenResponse = client
            .exchange_refresh_token(tokens.refresh_token().unwrap())
            .unwrap()
            .request_async(&http)
            .await
            .unwrap();
        assert_eq!(verified(&verifier, refreshed.id_token().unwrap()), sub);
        assert_ne!(refreshed.access_token().secret(), tokens.access_token().secret());
    }
}

both! {
    async fn a_relying_party_runs_the_whole_code_flow(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server
            .web_app("app", |client| {
                client.metadata.post_logout_redirect_uris = vec!["https://app.example.com/bye".to_owned()];
            })
            .await;
        let http = Http(server.http.clone());
        let issuer = IssuerUrl::new(server.issuer().to_owned()).unwrap();
        let metadata = ProviderMetadataWithLogout::discover_async(issuer, &http).await.unwrap();
        let logout = metadata.additional_metadata().end_session_endpoint.clone().unwrap();
        let client = CoreClient::from_provider_metadata(
            metadata,
            ClientId::new(app.id.clone()),
            app.secret.clone().map(ClientSecret::new),
        )
        .set_redirect_uri(RedirectUrl::new(CALLBACK.to_owned()).unwrap());

        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let (url, state, nonce) = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        let mut browser = server.browser();
        let heard = browser.arrive(url.as_str()).await.authorization_response();
        assert_eq!(heard.get("state"), state.secret());
        assert_eq!(heard.get("iss"), server.issuer());

        let tokens: CoreTokenResponse = client
            .exchange_code(AuthorizationCode::new(heard.code()))
            .unwrap()
            .set_pkce_verifier(verifier)
            .request_async(&http)
            .await
            .unwrap();
        let id_token = tokens.id_token().unwrap();
        let id_token_verifier = client.id_token_verifier();
        let claims = id_token.claims(&id_token_verifier, &nonce).unwrap();
        assert_eq!(claims.subject().as_str(), sub);
        let hash = AccessTokenHash::from_token(
            tokens.access_token(),
            id_token.signing_alg().unwrap(),
            id_token.signing_key(&id_token_verifier).unwrap(),
        );
        assert_eq!(Some(&hash.unwrap()), claims.access_token_hash());
        assert!(id_token.claims(&id_token_verifier, &Nonce::new_random()).is_err());

        let info: CoreUserInfoClaims = client
            .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
            .unwrap()
            .request_async(&http)
            .await
            .unwrap();
        assert_eq!(info.name().unwrap().get(None).unwrap().as_str(), "Alice");
        let refreshed: CoreTokenResponse = client
            .exchange_refresh_token(tokens.refresh_token().unwrap())
            .unwrap()
            .request_async(&http)
            .await
            .unwrap();
        assert_eq!(verified(&id_token_verifier, refreshed.id_token().unwrap()), sub);

        let bye = PostLogoutRedirectUrl::new("https://app.example.com/bye".to_owned()).unwrap();
        let request = LogoutRequest::from(logout).set_id_token_hint(id_token);
        let request = request.set_post_logout_redirect_uri(bye).set_state(CsrfToken::new("s".to_owned()));
        let out = browser.open(request.http_get_url().as_str()).await;
        assert_eq!(out.location(), Some("https://app.example.com/bye?state=s"));
        assert!(browser.open(url.as_str()).await.has("login-submit"));
    }
}

fn verified(verifier: &CoreIdTokenVerifier<'_>, token: &CoreIdToken) -> String {
    assert_eq!(*token.signing_alg().unwrap(), CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256);
    let no_nonce = |nonce: Option<&Nonce>| nonce.map_or(Ok(()), |_| Err("a nonce".to_owned()));
    token.claims(verifier, no_nonce).unwrap().subject().as_str().to_owned()
}
