//! The `openidconnect` crate as a relying party: an independent judge of discovery, tokens and
//! claims.

use std::future::Future;
use std::pin::Pin;

use openidconnect::core::{
    CoreClient, CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AsyncHttpClient, ClientId, ClientSecret, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse, ResourceOwnerPassword, ResourceOwnerUsername, Scope, TokenResponse,
};

use crate::support::{PASSWORD, Server, USERNAME, both};

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

fn verified(verifier: &CoreIdTokenVerifier<'_>, token: &CoreIdToken) -> String {
    assert_eq!(*token.signing_alg().unwrap(), CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256);
    let no_nonce = |nonce: Option<&Nonce>| nonce.map_or(Ok(()), |_| Err("a nonce".to_owned()));
    token.claims(verifier, no_nonce).unwrap().subject().as_str().to_owned()
}
