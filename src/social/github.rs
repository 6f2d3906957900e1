//! GitHub: OAuth without OpenID Connect. Only an address that is primary and verified counts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::code_flow::CodeRequest;
use super::error::UpstreamError;
use super::plain_oauth::PlainOAuth;
use super::provider::{
    PresentedToken, Provider, ProviderAnswer, UpstreamAuthorizationRequest,
    UpstreamAuthorizationResponse, UpstreamToken, VerifiedIdentity,
};
use super::upstream::Upstream;
use super::{channel, claims};
use crate::domain::failure_reason::FailureReason;
use crate::domain::identity::Identity;

/// The most pages of addresses that are read.
const PAGES: u32 = 5;

/// GitHub, or a GitHub Enterprise Server.
#[derive(Debug)]
pub(super) struct GitHub {
    pub(super) oauth: PlainOAuth,
    pub(super) api: String,
}

impl GitHub {
    pub(super) fn new(upstream: Upstream) -> Self {
        let api = match upstream.custom_issuer() {
            Some(own) => format!("{own}/api/v3"),
            None => upstream.api().to_owned(),
        };
        let authorize = format!("{}/login/oauth/authorize", upstream.issuer());
        let token = format!("{}/login/oauth/access_token", upstream.issuer());
        Self { oauth: PlainOAuth::new(upstream, authorize, token), api }
    }

    async fn person(&self, access_token: &str) -> Result<Identity, UpstreamError> {
        let url = format!("{}/user", self.api);
        let (status, person) = self.oauth.upstream.channel.get(&url, Some(access_token)).await?;
        let subject = claims::name_of(status, &person, "id", FailureReason::PersonRefused)?;
        let mut identity = Identity::new(self.oauth.upstream.issuer(), subject);
        identity.username = claims::text(&person, "login");
        identity.profile.name = claims::text(&person, "name").or(identity.username.clone());
        identity.profile.picture = claims::link(&person, "avatar_url");
        identity.profile.profile = claims::link(&person, "html_url");
        // The address in `/user` is the one that the person shows in public; it is not verified.
        identity.email = self.primary_address(access_token).await?;
        identity.email_verified = identity.email.is_some();
        Ok(identity)
    }

    /// The primary address, if it is verified. It may be on any page.
    async fn primary_address(&self, access_token: &str) -> Result<Option<String>, UpstreamError> {
        for page in 1..=PAGES {
            let page = page.to_string();
            let url = format!("{}/user/emails", self.api);
            let url = channel::with_query(&url, &[("per_page", "100"), ("page", &page)]);
            let answer = match self.oauth.upstream.channel.get(&url, Some(access_token)).await {
                Ok((200, answer)) => answer,
                // The person can sign in without an address.
                Ok(_) | Err(UpstreamError::Refused { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            let emails = answer.as_array().map(Vec::as_slice).unwrap_or_default();
            let is = |entry: &Value, member| entry.get(member) == Some(&Value::Bool(true));
            if let Some(primary) = emails.iter().find(|entry| is(entry, "primary")) {
                let email = claims::email(primary, "email");
                return Ok(email.filter(|_| is(primary, "verified")));
            }
            if emails.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    /// Checks that an access token was issued for this client. GitHub only answers the app that the
    /// token belongs to.
    async fn check_issued(&self, token: &str) -> Result<(), UpstreamError> {
        let id = self.oauth.upstream.client_id();
        let secret = self.oauth.upstream.secret().map_or("", |secret| secret.expose());
        let basic = STANDARD.encode(format!("{id}:{secret}"));
        let request = http::Request::post(format!("{}/applications/{id}/token", self.api))
            .header("accept", "application/json")
            .header("authorization", format!("Basic {basic}"))
            .header("content-type", "application/json")
            .body(json!({ "access_token": token }).to_string().into_bytes());
        let (status, answer) = self.oauth.upstream.channel.json(request).await?;
        let app = answer.get("app").and_then(|app| claims::text(app, "client_id"));
        match status {
            200 if app.as_deref() == Some(id) => Ok(()),
            401 | 403 => Err(UpstreamError::Misconfigured(format!("status {status}"))),
            200 | 404 => Err(UpstreamError::another_app()),
            _ => {
                Err(UpstreamError::refused(FailureReason::TokenRefused, format!("status {status}")))
            }
        }
    }
}

impl Provider for GitHub {
    fn start<'a>(
        &'a self,
        request: UpstreamAuthorizationRequest<'a>,
    ) -> ProviderAnswer<'a, String> {
        let hint = request.login_hint.map(|hint| ("login", hint));
        Box::pin(std::future::ready(self.oauth.authorization_url(request, hint.as_slice())))
    }

    fn finish<'a>(
        &'a self,
        response: UpstreamAuthorizationResponse<'a>,
    ) -> ProviderAnswer<'a, Identity> {
        Box::pin(async move {
            let token = self.oauth.redeem(CodeRequest::of(response)).await?;
            self.person(&token).await
        })
    }

    fn prove<'a>(&'a self, presented: PresentedToken<'a>) -> ProviderAnswer<'a, VerifiedIdentity> {
        Box::pin(async move {
            match presented.token {
                UpstreamToken::Id(_) => Err(UpstreamError::Unprovable),
                UpstreamToken::Access(token) => {
                    self.check_issued(token).await?;
                    Ok(self.person(token).await?.into())
                }
                UpstreamToken::Code { code, redirect_uri, verifier, .. } => {
                    let request = CodeRequest { code, redirect_uri, verifier, extra: &[] };
                    let token = self.oauth.redeem(request).await?;
                    Ok(self.person(&token).await?.into())
                }
            }
        })
    }

    fn issues(&self, issuer: &str) -> bool {
        issuer == self.oauth.upstream.issuer()
    }

    /// GitHub's `iss` in callbacks differs from the issuer of its people. An older Enterprise
    /// Server sends no `iss`.
    fn answers_as<'a>(&'a self, iss: Option<&'a str>) -> ProviderAnswer<'a, bool> {
        let own = format!("{}/login/oauth", self.oauth.upstream.issuer());
        Box::pin(std::future::ready(Ok(iss.is_none_or(|iss| iss == own))))
    }

    fn is_failing(&self) -> bool {
        self.oauth.upstream.channel.is_failing()
    }

    fn check<'a>(&'a self, redirect_uri: &'a str) -> ProviderAnswer<'a, Vec<String>> {
        Box::pin(async move {
            self.oauth.check(redirect_uri).await?;
            Ok(vec!["it knows the client id and takes the secret".to_owned()])
        })
    }
}
