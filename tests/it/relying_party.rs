//! The `openidconnect` crate as a relying party: an independent check of discovery, tokens and
//! claims.

use std::future::Future;
use std::pin::Pin;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreErrorResponseType,
    CoreGenderClaim, CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
    CoreTokenResponse, CoreTokenType, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, HttpRequest, HttpResponse, IdTokenFields, IssuerUrl,
    LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, ResourceOwnerPassword, ResourceOwnerUsername, Scope,
    StandardErrorResponse, StandardTokenResponse, TokenResponse, UserInfoClaims,
};

use serde::{Deserialize, Serialize};

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

/// The claims that are asked for besides the standard ones.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Memberships {
    groups: Vec<String>,
    roles: Vec<String>,
    tenant: String,
}

impl AdditionalClaims for Memberships {}

type Fields = IdTokenFields<
    Memberships,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Answer = StandardTokenResponse<Fields, CoreTokenType>;
type RelyingParty<A, B, C, D, E, F> = openidconnect::Client<
    Memberships,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Answer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    A,
    B,
    C,
    D,
    E,
    F,
>;

both! {
    async fn a_relying_party_reads_groups_roles_and_constants(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| {
            client.metadata.scope = mapae::domain::scope::Scope::parse("openid groups roles").unwrap();
            let rules = serde_json::json!(["groups", "tenant=acme"]);
            client.metadata.claims = serde_json::from_value(rules).unwrap();
        })
        .await;
        let cli = server.cli().await;
        for arguments in [
            &["group", "create", "--name", "staff"][..],
            &["user", "add-group", "--username", USERNAME, "--group", "staff"],
            &["role", "create", "--client", "app", "--name", "editor"],
            &["user", "grant-role", "--username", USERNAME, "--role", "app:editor"],
        ] {
            cli.json(arguments, None).await;
        }
        let http = Http(server.http.clone());
        let issuer = IssuerUrl::new(server.issuer().to_owned()).unwrap();
        let metadata = CoreProviderMetadata::discover_async(issuer, &http).await.unwrap();
        let secret = app.secret.clone().map(ClientSecret::new);
        let id = ClientId::new(app.id.clone());
        let client = RelyingParty::from_provider_metadata(metadata, id, secret);
        let (username, password) = (
            ResourceOwnerUsername::new(USERNAME.to_owned()),
            ResourceOwnerPassword::new(PASSWORD.to_owned()),
        );
        let asking = client.exchange_password(&username, &password).unwrap();
        let scopes = ["openid", "groups", "roles"].map(|scope| Scope::new(scope.to_owned()));
        let tokens: Answer = asking.add_scopes(scopes).request_async(&http).await.unwrap();
        let no_nonce = |nonce: Option<&Nonce>| nonce.map_or(Ok(()), |_| Err("a nonce".to_owned()));
        let verifier = client.id_token_verifier();
        let id_token = tokens.extra_fields().id_token().unwrap();
        let told = id_token.claims(&verifier, no_nonce).unwrap().additional_claims().clone();
        let info: UserInfoClaims<Memberships, CoreGenderClaim> = client
            .user_info(tokens.access_token().clone(), None)
            .unwrap()
            .request_async(&http)
            .await
            .unwrap();
        for told in [&told, info.additional_claims()] {
            assert_eq!((&told.groups[..], &told.roles[..]), (&["staff".to_owned()][..], &["editor".to_owned()][..]));
            assert_eq!(told.tenant, "acme");
        }
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
