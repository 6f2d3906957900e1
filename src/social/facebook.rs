//! Facebook: OAuth without OpenID Connect on the web, where every call contains a proof of the
//! app's secret. Id tokens come from the Limited Login of its SDK for iOS.

use serde_json::Value;

use super::code_flow::CodeRequest;
use super::error::UpstreamError;
use super::id_tokens::{self, Expected, Keys, NonceRule, ReceivedFrom, Source};
use super::plain_oauth::PlainOAuth;
use super::profiles::EmailTrust;
use super::provider::{
    PresentedToken, Provider, ProviderAnswer, UpstreamAuthorizationRequest,
    UpstreamAuthorizationResponse, UpstreamToken, VerifiedIdentity,
};
use super::upstream::Upstream;
use super::{channel, claims};
use crate::domain::failure_reason::FailureReason;
use crate::domain::identity::Identity;
use crate::domain::secret::Secret;
use crate::keys::provider_credentials::hmac_hex;

/// The issuer of the id tokens of Limited Login.
const LIMITED: &str = "https://limited.facebook.com";

/// Facebook.
#[derive(Debug)]
pub(super) struct Facebook {
    pub(super) oauth: PlainOAuth,
    pub(super) graph: String,
    pub(super) limited: String,
    keys: Keys,
}

impl Facebook {
    pub(super) fn new(upstream: Upstream) -> Self {
        let graph = upstream.api().to_owned();
        let limited = upstream.custom_issuer().unwrap_or(LIMITED).to_owned();
        let authorize = format!("{}/dialog/oauth", upstream.issuer());
        let token = format!("{graph}/oauth/access_token");
        let oauth = PlainOAuth::new(upstream, authorize, token);
        Self { oauth, graph, limited, keys: Keys::new(id_tokens::KEEPING) }
    }

    fn secret(&self) -> Result<&Secret, UpstreamError> {
        let missing = || UpstreamError::Misconfigured("there is no secret".to_owned());
        self.oauth.upstream.secret().ok_or_else(missing)
    }

    async fn person(&self, access_token: &str) -> Result<Identity, UpstreamError> {
        let proof = hmac_hex(self.secret()?, access_token);
        let fields = "id,name,first_name,last_name,email,picture";
        let url = channel::with_query(
            &format!("{}/me", self.graph),
            &[("fields", fields), ("appsecret_proof", &proof)],
        );
        let (status, person) = self.oauth.upstream.channel.get(&url, Some(access_token)).await?;
        let subject = claims::name_of(status, &person, "id", FailureReason::PersonRefused)?;
        let mut identity = Identity::new(self.oauth.upstream.issuer(), subject);
        // Facebook does not say whether it verified the address.
        identity.email = claims::email(&person, "email");
        let profile = &mut identity.profile;
        profile.name = claims::text(&person, "name");
        profile.given_name = claims::text(&person, "first_name");
        profile.family_name = claims::text(&person, "last_name");
        let picture = person.get("picture").and_then(|picture| picture.get("data"));
        profile.picture = picture.and_then(|data| claims::link(data, "url"));
        Ok(identity)
    }

    /// Checks that an access token was issued for one of these apps, and returns whose token it is.
    async fn check_issued(&self, token: &str, accepted: &[&str]) -> Result<String, UpstreamError> {
        let app = format!("{}|{}", self.oauth.upstream.client_id(), self.secret()?.expose());
        let url = channel::with_query(
            &format!("{}/debug_token", self.graph),
            &[("input_token", token), ("access_token", &app)],
        );
        let (status, answer) = self.oauth.upstream.channel.get(&url, None).await?;
        let Some(data) = answer.get("data").filter(|_| status == 200) else {
            return Err(UpstreamError::refused(
                FailureReason::TokenRefused,
                format!("status {status}"),
            ));
        };
        if data.get("is_valid") != Some(&Value::Bool(true)) {
            return Err(UpstreamError::refused(
                FailureReason::TokenRefused,
                "it is not valid any more",
            ));
        }
        let app = claims::name(data, "app_id");
        if !app.is_some_and(|app| accepted.contains(&app.as_str())) {
            return Err(UpstreamError::another_app());
        }
        let nobody =
            || UpstreamError::refused(FailureReason::MalformedAnswer, "the token names no person");
        claims::name(data, "user_id").ok_or_else(nobody)
    }

    async fn prove_id(
        &self,
        token: &str,
        presented: PresentedToken<'_>,
    ) -> Result<VerifiedIdentity, UpstreamError> {
        let nonce = presented.nonce.map_or(NonceRule::Anything, NonceRule::This);
        // Over the years, Limited Login has used both of these issuers.
        let stated = id_tokens::unverified(token);
        let stated = stated.as_ref().and_then(|claims| claims.get("iss")).and_then(Value::as_str);
        let (base, limited) = (self.oauth.upstream.issuer(), self.limited.as_str());
        let issuer = if stated == Some(base) { base } else { limited };
        let audiences = presented.accepted;
        let additional_audiences =
            self.oauth.upstream.additional_audiences(|audience| audience.clients.is_empty());
        let (secret, access_token) = (None, None);
        let additional_audiences = additional_audiences.as_slice();
        let received_from = ReceivedFrom::App;
        let expected = Expected {
            audiences,
            additional_audiences,
            nonce,
            received_from,
            secret,
            access_token,
        };
        let jwks_uri = format!("{}/.well-known/oauth/openid/jwks/", self.limited);
        let channel = &self.oauth.upstream.channel;
        let source = Source { channel, keys: &self.keys, jwks_uri: &jwks_uri, issuer };
        let verified = id_tokens::verify(source, token, expected).await?;
        let subject = claims::name(&verified.claims, "sub");
        let nobody = || {
            UpstreamError::refused(
                FailureReason::MalformedToken,
                "its sub is missing or is not a text",
            )
        };
        // The person gets the same issuer as on the web, so both ways lead to one identity.
        let mut identity = Identity::new(self.oauth.upstream.issuer(), subject.ok_or_else(nobody)?);
        claims::fill(&mut identity, &verified.claims, EmailTrust::Never);
        Ok(VerifiedIdentity { identity, once: Some(verified.once()) })
    }
}

impl Provider for Facebook {
    fn start<'a>(
        &'a self,
        request: UpstreamAuthorizationRequest<'a>,
    ) -> ProviderAnswer<'a, String> {
        Box::pin(std::future::ready(self.oauth.authorization_url(request, &[])))
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
                UpstreamToken::Id(token) => self.prove_id(token, presented).await,
                UpstreamToken::Access(token) => {
                    let subject = self.check_issued(token, presented.accepted).await?;
                    let identity = self.person(token).await?;
                    if identity.subject != subject {
                        return Err(UpstreamError::refused(
                            FailureReason::WrongSubject,
                            "the person is another one",
                        ));
                    }
                    Ok(identity.into())
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
        issuer == self.oauth.upstream.issuer() || issuer == self.limited
    }

    fn is_failing(&self) -> bool {
        self.oauth.upstream.channel.is_failing()
    }

    fn check<'a>(&'a self, redirect_uri: &'a str) -> ProviderAnswer<'a, Vec<String>> {
        Box::pin(async move {
            let app = format!("{}|{}", self.oauth.upstream.client_id(), self.secret()?.expose());
            let url = channel::with_query(
                &format!("{}/debug_token", self.graph),
                &[("input_token", &app), ("access_token", &app)],
            );
            let (status, answer) = self.oauth.upstream.channel.get(&url, None).await?;
            if status != 200 || answer.get("data").is_none() {
                let problem = format!("debug_token answers with status {status}");
                return Err(UpstreamError::Misconfigured(problem));
            }
            self.oauth.check(redirect_uri).await?;
            Ok(vec!["it knows the app and takes the secret".to_owned()])
        })
    }
}
