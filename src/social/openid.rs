//! Any OpenID provider. Its issuer is enough to find its endpoints (OpenID Connect Discovery §4).

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use super::code_flow::{CodeFlow, CodeRequest, Tokens};
use super::error::UpstreamError;
use super::id_tokens::{self, Expected, KEEPING, Keys, NonceRule, ReceivedFrom, Source, Verified};
use super::metadata::Metadata;
use super::microsoft::Tenants;
use super::profiles::{AccessTokenCheck, DomainProof, NonceForm, OpenIdProfile, Userinfo};
use super::provider::{
    PresentedToken, Provider, ProviderAnswer, UpstreamAuthorizationRequest,
    UpstreamAuthorizationResponse, UpstreamToken, VerifiedIdentity,
};
use super::upstream::Upstream;
use super::{apple, claims, google, kakao, line};
use crate::domain::failure_reason::FailureReason;
use crate::domain::identity::Identity;
use crate::domain::secret::Secret;
use crate::keys::provider_keys::Signed;
use crate::outbound::document_cache::Cached;

/// How far the clocks of others may differ.
const SKEW: Duration = Duration::minutes(1);

/// An OpenID provider.
#[derive(Debug)]
pub(super) struct OpenId {
    upstream: Arc<Upstream>,
    profile: &'static OpenIdProfile,
    metadata: Cached<Metadata>,
    keys: Keys,
}

impl OpenId {
    pub(super) fn new(upstream: Upstream, profile: &'static OpenIdProfile) -> Self {
        Self {
            upstream: Arc::new(upstream),
            profile,
            metadata: Cached::new(KEEPING),
            keys: Keys::new(KEEPING),
        }
    }

    fn tenants(&self) -> Option<Tenants<'_>> {
        self.profile.is_multi_tenant.then(|| Tenants::of(&self.upstream))
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, UpstreamError> {
        let (upstream, has_tenants) = (Arc::clone(&self.upstream), self.profile.is_multi_tenant);
        let fetched = async move {
            let tenants = has_tenants.then(|| Tenants::of(&upstream));
            Metadata::fetch(&upstream, tenants.as_ref()).await
        };
        self.metadata.get(self.upstream.channel.clock().now(), Box::pin(fetched)).await
    }

    fn flow<'a>(
        &'a self,
        metadata: &'a Metadata,
        client_id: &'a str,
        secret: Option<&'a Secret>,
    ) -> CodeFlow<'a> {
        CodeFlow {
            authorize: &metadata.authorization_endpoint,
            token: &metadata.token_endpoint,
            client_id,
            secret,
            in_body: self.profile.secret_in_body || !metadata.takes_basic,
        }
    }

    async fn verify(
        &self,
        token: &str,
        expected: Expected<'_>,
    ) -> Result<(Verified, Identity), UpstreamError> {
        let metadata = self.metadata().await?;
        let issuer = match self.tenants() {
            Some(tenants) => tenants.issuer_named(id_tokens::unverified(token).as_ref())?,
            None => metadata.issuer.clone(),
        };
        let source = self.source(&metadata, &issuer);
        let verified = id_tokens::verify(source, token, expected).await?;
        if !self.is_of_allowed_domain(&verified.claims) {
            return Err(UpstreamError::refused(
                FailureReason::DomainNotAllowed,
                "it is of no such domain",
            ));
        }
        let identity = self.identity(&verified.claims, &issuer)?;
        Ok((verified, identity))
    }

    /// Checks the domain if the token proves it. If the email address is the proof, the domain is
    /// checked later, with the account.
    fn is_of_allowed_domain(&self, claims: &Value) -> bool {
        match self.profile.domain_proof {
            DomainProof::EmailAddress => true,
            DomainProof::HostedDomain => google::is_of_allowed_domain(&self.upstream, claims),
        }
    }

    fn source<'a>(&'a self, metadata: &'a Metadata, issuer: &'a str) -> Source<'a> {
        let (channel, keys) = (&self.upstream.channel, &self.keys);
        Source { channel, keys, jwks_uri: &metadata.jwks_uri, issuer }
    }

    /// The identity of the person of a token: its key is issuer and subject.
    fn identity(&self, claims: &Value, issuer: &str) -> Result<Identity, UpstreamError> {
        let name = self.profile.subject_claim;
        let nobody = || {
            UpstreamError::refused(
                FailureReason::MalformedToken,
                format!("its {name} is missing or has the wrong type"),
            )
        };
        let mut identity = Identity::new(issuer, claims::name(claims, name).ok_or_else(nobody)?);
        claims::fill(&mut identity, claims, self.profile.email_trust);
        identity.groups = claims::groups(claims, &self.upstream.registration.metadata);
        Ok(identity)
    }

    /// The person of a redeemed code. The id token says who they are, and the access token is used
    /// to ask for more about them.
    async fn person(
        &self,
        tokens: &Tokens,
        audiences: &[&str],
        nonce: NonceRule<'_>,
        since: Option<DateTime<Utc>>,
    ) -> Result<Identity, UpstreamError> {
        let access_token = tokens.access().ok();
        let secret = self.upstream.secret().filter(|_| self.profile.signs_by_secret);
        let additional_audiences = self.upstream.additional_audiences(|_| true);
        let received_from = ReceivedFrom::Provider;
        let expected = Expected {
            audiences,
            additional_audiences: &additional_audiences,
            nonce,
            received_from,
            secret,
            access_token,
        };
        let (verified, mut identity) = self.verify(tokens.id()?, expected).await?;
        if let Some(since) = since {
            self.check_freshness(&verified.claims, since)?;
        }
        if let Some(access_token) = access_token {
            self.ask_more(access_token, &verified.claims, &mut identity).await?;
        }
        Ok(identity)
    }

    /// Core §2: a provider that was sent `max_age` says when the person proved who they are.
    fn check_freshness(&self, claims: &Value, since: DateTime<Utc>) -> Result<(), UpstreamError> {
        match claims.get("auth_time").and_then(Value::as_i64) {
            Some(at) if at < (since - SKEW).timestamp() => Err(UpstreamError::refused(
                FailureReason::NotFresh,
                "their last sign-in is too long ago",
            )),
            None if self.upstream.requires_auth_time() => Err(UpstreamError::refused(
                FailureReason::NotFresh,
                "it does not say when they proved who they are",
            )),
            _ => Ok(()),
        }
    }

    async fn ask_more(
        &self,
        access_token: &str,
        claims: &Value,
        identity: &mut Identity,
    ) -> Result<(), UpstreamError> {
        if self.profile.userinfo == Userinfo::Kakao {
            return kakao::userinfo(&self.upstream, access_token, identity).await;
        }
        let metadata = self.metadata().await?;
        let rules = &self.upstream.registration.metadata;
        let lacks_groups =
            rules.group_claim.as_deref().is_some_and(|one| claims.get(one).is_none());
        let is_enough =
            identity.email.is_some() && identity.profile.name.is_some() && !lacks_groups;
        let Some(url) = metadata.userinfo_endpoint.as_deref().filter(|_| !is_enough) else {
            return Ok(());
        };
        let Some(more) = self.userinfo(&metadata, url, access_token, claims).await? else {
            return Ok(());
        };
        // Core §5.3.2: `sub` must be the same. Some providers send it as a number.
        if claims::name(&more, "sub") != claims::name(claims, "sub") {
            return Err(UpstreamError::refused(
                FailureReason::WrongSubject,
                "userinfo speaks of another person",
            ));
        }
        claims::fill(identity, &more, self.profile.email_trust);
        if lacks_groups {
            identity.groups = claims::groups(&more, rules);
        }
        Ok(())
    }

    /// The answer of the userinfo endpoint. The id token has already said who the person is, so if
    /// the answer cannot be used, the sign-in continues without it.
    async fn userinfo(
        &self,
        metadata: &Metadata,
        url: &str,
        access_token: &str,
        claims: &Value,
    ) -> Result<Option<Value>, UpstreamError> {
        let passed_over = |why: &str| {
            tracing::warn!(provider = %self.upstream.registration.slug, why, "what the userinfo endpoint of this provider answered is not used");
            Ok(None)
        };
        let (status, body) = match self.upstream.channel.get_text(url, Some(access_token)).await {
            Ok(answer) => answer,
            Err(UpstreamError::Refused { detail, .. }) => return passed_over(&detail),
            Err(error) => return Err(error),
        };
        if status != 200 {
            return passed_over(&format!("status {status}"));
        }
        match serde_json::from_slice(&body) {
            Ok(more @ Value::Object(_)) => return Ok(Some(more)),
            Ok(_) => return passed_over("it is not a JSON object"),
            Err(_) => {}
        }
        let text = std::str::from_utf8(&body).unwrap_or_default().trim();
        let Some(signed) = Signed::parse(text) else {
            return passed_over("it is neither JSON nor a JWT");
        };
        // Core §5.3.2: `iss` and `aud` are as in the id token, or missing.
        let more = signed.claims();
        let is_ours = id_tokens::audiences(more)
            .is_some_and(|named| named.contains(&self.upstream.client_id()));
        let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        if more.get("iss").is_some_and(|iss| iss != issuer) || more.get("aud").is_some() && !is_ours
        {
            return passed_over("it is a JWT of another issuer, or for another app");
        }
        let source = self.source(metadata, issuer);
        match id_tokens::verify_signature(source, &signed, None, ReceivedFrom::Provider).await {
            Ok(()) => Ok(Some(signed.into_claims())),
            Err(UpstreamError::Refused { detail, .. }) => passed_over(&detail),
            Err(error) => Err(error),
        }
    }

    /// Finds the person of a code. A native code was issued to the client id of the app, so it is
    /// redeemed with that client id.
    async fn prove_code(
        &self,
        request: CodeRequest<'_>,
        presented: PresentedToken<'_>,
    ) -> Result<Identity, UpstreamError> {
        let ours = self.upstream.client_id();
        let native = self.upstream.has_native_codes() && request.redirect_uri.is_none();
        let app = presented.accepted.iter().copied().find(|id| *id != ours);
        let client_id = app.filter(|_| native).unwrap_or(ours);
        let (metadata, secret) = (self.metadata().await?, self.upstream.secret_of(client_id)?);
        let flow = self.flow(&metadata, client_id, secret.as_ref());
        let tokens = flow.redeem(&self.upstream.channel, request).await?;
        self.person(&tokens, &[client_id], self.nonce_rule(presented.nonce), None).await
    }

    fn nonce_rule<'a>(&self, nonce: Option<&'a str>) -> NonceRule<'a> {
        match (nonce, self.profile.nonce) {
            (None, _) => NonceRule::Anything,
            (Some(nonce), NonceForm::Plain) => NonceRule::This(nonce),
            (Some(nonce), NonceForm::PlainOrHashed) => NonceRule::Hashed(nonce),
        }
    }

    /// Finds the person of an access token, if it was issued for one of these client ids.
    async fn check_access_token(
        &self,
        token: &str,
        accepted: &[&str],
    ) -> Result<Identity, UpstreamError> {
        let upstream = &self.upstream;
        match self.profile.access_token_check.ok_or(UpstreamError::Unprovable)? {
            AccessTokenCheck::Google => google::check_access_token(upstream, token, accepted).await,
            AccessTokenCheck::Kakao => kakao::check_access_token(upstream, token, accepted).await,
            AccessTokenCheck::Line => line::check_access_token(upstream, token, accepted).await,
        }
    }
}

impl Provider for OpenId {
    fn start<'a>(
        &'a self,
        request: UpstreamAuthorizationRequest<'a>,
    ) -> ProviderAnswer<'a, String> {
        Box::pin(async move {
            let metadata = self.metadata().await?;
            let mut extra = vec![("nonce", request.nonce), ("ui_locales", request.language)];
            if self.profile.form_post {
                extra.push(("response_mode", "form_post"));
            }
            extra.extend(self.upstream.reauthentication(request));
            if request.again && self.upstream.requires_auth_time() {
                extra.push(("max_age", "0"));
            }
            extra.extend(request.login_hint.map(|hint| ("login_hint", hint)));
            let flow = self.flow(&metadata, self.upstream.client_id(), None);
            flow.authorization_url(
                request,
                request.scopes.unwrap_or(self.upstream.scopes()),
                &extra,
            )
        })
    }

    fn finish<'a>(
        &'a self,
        response: UpstreamAuthorizationResponse<'a>,
    ) -> ProviderAnswer<'a, Identity> {
        Box::pin(async move {
            let metadata = self.metadata().await?;
            let client_id = self.upstream.client_id();
            let secret = self.upstream.secret_of(client_id)?;
            let request = CodeRequest::of(response);
            let flow = self.flow(&metadata, client_id, secret.as_ref());
            let tokens = flow.redeem(&self.upstream.channel, request).await?;
            let nonce = NonceRule::This(response.nonce);
            let mut identity = self.person(&tokens, &[client_id], nonce, response.since).await?;
            if let Some(user) = response.user.filter(|_| self.profile.form_post) {
                apple::take_name(&mut identity, user);
            }
            Ok(identity)
        })
    }

    fn prove<'a>(&'a self, presented: PresentedToken<'a>) -> ProviderAnswer<'a, VerifiedIdentity> {
        Box::pin(async move {
            match presented.token {
                UpstreamToken::Id(token) => {
                    let additional_audiences =
                        self.upstream.additional_audiences(|audience| audience.clients.is_empty());
                    let expected = Expected {
                        audiences: presented.accepted,
                        additional_audiences: &additional_audiences,
                        received_from: ReceivedFrom::App,
                        nonce: self.nonce_rule(presented.nonce),
                        // A secret that is contained in an app can be read and used to sign tokens,
                        // so it does not count here.
                        secret: None,
                        access_token: None,
                    };
                    let (verified, identity) = self.verify(token, expected).await?;
                    Ok(VerifiedIdentity { identity, once: Some(verified.once()) })
                }
                UpstreamToken::Access(token) => {
                    Ok(self.check_access_token(token, presented.accepted).await?.into())
                }
                UpstreamToken::Code { code, redirect_uri, verifier, .. } => {
                    let request = CodeRequest { code, redirect_uri, verifier, extra: &[] };
                    Ok(self.prove_code(request, presented).await?.into())
                }
            }
        })
    }

    fn issues(&self, issuer: &str) -> bool {
        match self.tenants() {
            Some(tenants) => tenants.issues(issuer),
            None => issuer == self.upstream.issuer(),
        }
    }

    fn answers_as<'a>(&'a self, iss: Option<&'a str>) -> ProviderAnswer<'a, bool> {
        Box::pin(async move {
            let Some(iss) = iss else {
                return Ok(!self.metadata().await?.authorization_response_iss_parameter_supported);
            };
            Ok(self.issues(iss))
        })
    }

    fn names_redirect_uri(&self) -> bool {
        !self.upstream.has_native_codes()
    }

    fn is_failing(&self) -> bool {
        self.upstream.channel.is_failing()
    }

    fn check<'a>(&'a self, redirect_uri: &'a str) -> ProviderAnswer<'a, Vec<String>> {
        Box::pin(async move {
            let metadata = self.metadata().await?;
            let client_id = self.upstream.client_id();
            let secret = self.upstream.secret_of(client_id)?;
            let flow = self.flow(&metadata, client_id, secret.as_ref());
            flow.check(&self.upstream.channel, redirect_uri, self.upstream.unknown_code_errors())
                .await?;
            let keys =
                id_tokens::fetch(Arc::clone(&self.upstream.channel), metadata.jwks_uri.clone())
                    .await?;
            if keys.count() == 0 {
                let problem = format!("there are no keys at the jwks_uri, {}", metadata.jwks_uri);
                return Err(UpstreamError::Misconfigured(problem));
            }
            Ok(vec![
                format!("{} answers with its metadata and its keys", metadata.issuer),
                "it knows the client id and takes the credential".to_owned(),
            ])
        })
    }
}
