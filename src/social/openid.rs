//! Any OpenID provider, by its issuer alone (OpenID Connect Discovery §4).

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::cached::Cached;
use super::claims::{self, Believed};
use super::code_flow::{CodeFlow, CodeRequest, Tokens};
use super::id_tokens::{self, Expected, Keys, NonceRule, Source, Verified};
use super::presets::Manner;
use super::site::Site;
use super::trouble::Trouble;
use super::{
    Answer, AuthorizationRequest, AuthorizationResponse, Presented, Proven, Provider, Token,
};
use super::{apple, google, kakao, line, microsoft, origin};
use crate::domain::identity::Identity;
use crate::domain::provider::Credential;
use crate::domain::reason::Reason;
use crate::domain::sensitive::Sensitive;

/// Clocks of others may differ by so much.
const SKEW: Duration = Duration::minutes(1);

/// What of its metadata is used.
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207 §3.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// An OpenID provider.
#[derive(Debug)]
pub(super) struct OpenId {
    site: Site,
    manner: Manner,
    metadata: Cached<Metadata>,
    keys: Keys,
}

impl OpenId {
    pub(super) fn new(site: Site, manner: Manner) -> Self {
        Self { site, manner, metadata: Cached::default(), keys: Keys::default() }
    }

    fn tenant(&self) -> Option<&str> {
        self.site.registration.terms.tenant.as_deref()
    }

    fn issuer(&self) -> String {
        match self.manner {
            Manner::Microsoft => microsoft::issuer(self.site.base(), self.tenant()),
            _ => self.site.base().to_owned(),
        }
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, Trouble> {
        self.metadata.get(self.site.channel.clock().now(), self.discover()).await
    }

    async fn discover(&self) -> Result<Metadata, Trouble> {
        let issuer = self.issuer();
        // Discovery §4.1: a slash at the end of the issuer is not doubled.
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let (status, document) = self.site.channel.get(&url, None).await?;
        if status != 200 {
            let detail = format!("the metadata is answered with status {status}");
            return Err(Trouble::Misconfigured(detail));
        }
        let metadata: Metadata = serde_json::from_value(document)
            .map_err(|error| Trouble::Misconfigured(format!("the metadata: {error}")))?;
        // Discovery §4.3
        let is_its_own = match self.manner {
            Manner::Microsoft => {
                let tenant = self.tenant();
                microsoft::may_be_called(&metadata.issuer, self.site.base(), tenant)
            }
            _ => metadata.issuer == issuer,
        };
        let leads_to_a_page = self.site.channel.leads_somewhere(&metadata.authorization_endpoint);
        match (is_its_own, leads_to_a_page) {
            (true, true) => Ok(metadata),
            (false, _) => {
                let stated = &metadata.issuer;
                Err(Trouble::Misconfigured(format!("the metadata names another issuer, {stated}")))
            }
            (true, false) => Err(Trouble::Misconfigured(
                "the authorization_endpoint is no web address".to_owned(),
            )),
        }
    }

    fn flow<'a>(
        &'a self,
        metadata: &'a Metadata,
        client_id: &'a str,
        secret: Option<&'a Sensitive>,
    ) -> CodeFlow<'a> {
        // OpenID Connect Core §9: Basic is what is meant where nothing is said.
        let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
        let basic = methods.is_none_or(|all| all.iter().any(|one| one == "client_secret_basic"));
        CodeFlow {
            authorize: &metadata.authorization_endpoint,
            token: &metadata.token_endpoint,
            client_id,
            secret,
            in_body: !basic || self.manner == Manner::Line,
        }
    }

    /// What we prove by who we are, at this moment.
    fn secret(&self, client_id: &str) -> Result<Option<Sensitive>, Trouble> {
        match &self.site.registration.credential {
            Credential::None => Ok(None),
            Credential::Secret(secret) => Ok(Some(secret.clone())),
            Credential::Key { .. } => {
                let now = self.site.channel.clock().now().timestamp();
                apple::client_secret(&self.site.registration, client_id, self.site.base(), now)
                    .map(Some)
            }
        }
    }

    async fn verify(
        &self,
        token: &str,
        expected: Expected<'_>,
    ) -> Result<(Verified, Identity), Trouble> {
        let metadata = self.metadata().await?;
        let issuer = match self.manner {
            Manner::Microsoft => {
                let claims = id_tokens::unverified(token);
                let tenant = self.tenant();
                microsoft::issuer_of(claims.as_ref(), self.site.base(), tenant)?
            }
            _ => metadata.issuer.clone(),
        };
        let source = Source {
            channel: &self.site.channel,
            keys: &self.keys,
            jwks_uri: &metadata.jwks_uri,
            issuer: &issuer,
        };
        let verified = id_tokens::verify(source, token, expected).await?;
        let identity = self.identity(&verified.claims, &issuer)?;
        Ok((verified, identity))
    }

    fn identity(&self, claims: &Value, issuer: &str) -> Result<Identity, Trouble> {
        let mut identity = if self.manner == Manner::Microsoft {
            microsoft::identity(claims, issuer)?
        } else {
            let subject = claims::name(claims, "sub");
            let nobody = || Trouble::refused(Reason::MalformedToken, "its sub is none");
            Identity::new(issuer, subject.ok_or_else(nobody)?)
        };
        claims::fill(&mut identity, claims, self.believed());
        Ok(identity)
    }

    fn believed(&self) -> Believed {
        match self.manner {
            Manner::Plain | Manner::Google => Believed::Claim,
            Manner::Apple => Believed::ClaimOrText,
            Manner::Kakao | Manner::Line | Manner::Microsoft => Believed::Never,
        }
    }

    /// What a code brought: its id token says who it is, and the access token more about them.
    async fn person(
        &self,
        tokens: &Tokens,
        audiences: &[&str],
        nonce: NonceRule<'_>,
        since: Option<DateTime<Utc>>,
    ) -> Result<Identity, Trouble> {
        let access_token = tokens.access().ok();
        let secret = self.site.secret().filter(|_| self.manner == Manner::Line);
        let expected = Expected { audiences, nonce, secret, access_token };
        let (verified, mut identity) = self.verify(tokens.id()?, expected).await?;
        if let Some(since) = since {
            self.check_freshness(&verified.claims, since)?;
        }
        if let Some(access_token) = access_token {
            self.ask_more(access_token, &verified.claims, &mut identity).await?;
        }
        Ok(identity)
    }

    /// Core §2: whoever was sent `max_age` says when the person proved who they are.
    fn check_freshness(&self, claims: &Value, since: DateTime<Utc>) -> Result<(), Trouble> {
        match claims.get("auth_time").and_then(Value::as_i64) {
            Some(at) if at < (since - SKEW).timestamp() => {
                Err(Trouble::refused(Reason::NotFresh, "they proved too long ago who they are"))
            }
            None if self.site.says_when() => Err(Trouble::refused(
                Reason::NotFresh,
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
    ) -> Result<(), Trouble> {
        if self.manner == Manner::Kakao {
            let api = kakao::api(self.site.elsewhere());
            return kakao::fill(&self.site.channel, api, access_token, identity).await;
        }
        let metadata = self.metadata().await?;
        let is_enough = identity.email.is_some() && identity.profile.name.is_some();
        let Some(url) = metadata.userinfo_endpoint.as_deref().filter(|_| !is_enough) else {
            return Ok(());
        };
        let (status, more) = self.site.channel.get(url, Some(access_token)).await?;
        if status != 200 {
            // The id token has said who it is; they are asked for more in vain.
            tracing::warn!(provider = %self.site.registration.slug, status, "userinfo says nothing");
            return Ok(());
        }
        // Core §5.3.2
        if more.get("sub") != claims.get("sub") {
            return Err(Trouble::refused(
                Reason::WrongSubject,
                "userinfo speaks of another person",
            ));
        }
        claims::fill(identity, &more, self.believed());
        Ok(())
    }

    /// Whose access token it is, if it was issued for one of these.
    async fn prove_access(&self, token: &str, accepted: &[&str]) -> Result<Identity, Trouble> {
        let own = self.site.elsewhere();
        match self.manner {
            Manner::Google => {
                let url = google::token_info(own);
                google::prove(&self.site.channel, &url, self.site.base(), token, accepted).await
            }
            Manner::Kakao => {
                let api = kakao::api(own);
                let (app, person) = kakao::issued(&self.site.channel, api, token).await?;
                if !accepted.contains(&app.as_str()) {
                    let detail = format!("it was issued for the app {app}");
                    return Err(Trouble::refused(Reason::WrongAudience, detail));
                }
                let mut identity = Identity::new(self.site.base(), person);
                kakao::fill(&self.site.channel, api, token, &mut identity).await?;
                Ok(identity)
            }
            Manner::Line => {
                line::prove(&self.site.channel, line::api(own), self.site.base(), token, accepted)
                    .await
            }
            Manner::Plain | Manner::Apple | Manner::Microsoft => Err(Trouble::Unprovable),
        }
    }

    /// Whose code it is. Apple's native codes belong to the app itself.
    async fn prove_code(
        &self,
        request: CodeRequest<'_>,
        presented: Presented<'_>,
    ) -> Result<Identity, Trouble> {
        let ours = self.site.client_id();
        let native = self.manner == Manner::Apple && request.redirect_uri.is_none();
        let app = presented.accepted.iter().copied().find(|id| *id != ours);
        let client_id = app.filter(|_| native).unwrap_or(ours);
        let (metadata, secret) = (self.metadata().await?, self.secret(client_id)?);
        let flow = self.flow(&metadata, client_id, secret.as_ref());
        let tokens = flow.redeem(&self.site.channel, request).await?;
        self.person(&tokens, &[client_id], self.nonce_rule(presented.nonce), None).await
    }

    fn nonce_rule<'a>(&self, nonce: Option<&'a str>) -> NonceRule<'a> {
        match nonce {
            None => NonceRule::Anything,
            Some(nonce) if self.manner == Manner::Apple => NonceRule::Apple(nonce),
            Some(nonce) => NonceRule::This(nonce),
        }
    }
}

impl Provider for OpenId {
    fn start<'a>(&'a self, request: AuthorizationRequest<'a>) -> Answer<'a, String> {
        Box::pin(async move {
            let metadata = self.metadata().await?;
            let mut extra = vec![("nonce", request.nonce), ("ui_locales", request.language)];
            if self.manner == Manner::Apple {
                // Apple: whoever asks for a name is answered by a form.
                extra.push(("response_mode", "form_post"));
            }
            extra.extend(self.site.again(request));
            if request.again && self.site.says_when() {
                extra.push(("max_age", "0"));
            }
            extra.extend(request.login_hint.map(|hint| ("login_hint", hint)));
            let flow = self.flow(&metadata, self.site.client_id(), None);
            flow.leave(request, self.site.scopes(), &extra)
        })
    }

    fn finish<'a>(&'a self, response: AuthorizationResponse<'a>) -> Answer<'a, Identity> {
        Box::pin(async move {
            let metadata = self.metadata().await?;
            let client_id = self.site.client_id();
            let secret = self.secret(client_id)?;
            let request = CodeRequest::of(response);
            let flow = self.flow(&metadata, client_id, secret.as_ref());
            let tokens = flow.redeem(&self.site.channel, request).await?;
            let nonce = NonceRule::This(response.nonce);
            let mut identity = self.person(&tokens, &[client_id], nonce, response.since).await?;
            if let Some(user) = response.user.filter(|_| self.manner == Manner::Apple) {
                apple::take_name(&mut identity, user);
            }
            Ok(identity)
        })
    }

    fn prove<'a>(&'a self, presented: Presented<'a>) -> Answer<'a, Proven> {
        Box::pin(async move {
            match presented.token {
                Token::Id(token) => {
                    let expected = Expected {
                        audiences: presented.accepted,
                        nonce: self.nonce_rule(presented.nonce),
                        // Whoever can read the secret in an app could sign.
                        secret: None,
                        access_token: None,
                    };
                    let (verified, identity) = self.verify(token, expected).await?;
                    Ok(Proven { identity, once: Some(verified.once()) })
                }
                Token::Access(token) => {
                    Ok(self.prove_access(token, presented.accepted).await?.into())
                }
                Token::Code { code, redirect_uri, verifier, .. } => {
                    let request = CodeRequest { code, redirect_uri, verifier, extra: &[] };
                    Ok(self.prove_code(request, presented).await?.into())
                }
            }
        })
    }

    fn issues(&self, issuer: &str) -> bool {
        match self.manner {
            Manner::Microsoft => {
                let tenant =
                    issuer.strip_prefix(self.site.base()).and_then(|rest| rest.strip_prefix('/'));
                let tenant = tenant.and_then(|rest| rest.strip_suffix("/v2.0"));
                tenant.is_some_and(microsoft::is_tenant)
            }
            _ => issuer == self.site.base(),
        }
    }

    fn answers_as<'a>(&'a self, iss: Option<&'a str>) -> Answer<'a, bool> {
        Box::pin(async move {
            let Some(iss) = iss else {
                return Ok(!self.metadata().await?.authorization_response_iss_parameter_supported);
            };
            Ok(self.issues(iss))
        })
    }

    fn origins(&self) -> Vec<String> {
        let known = self.metadata.peek();
        let endpoint = known.and_then(|metadata| origin(&metadata.authorization_endpoint));
        // Until it was asked once nobody knows where its page is.
        let anywhere = || Some("https:".to_owned()).filter(|_| self.manner == Manner::Plain);
        self.site.origins().into_iter().chain(endpoint.or_else(anywhere)).collect()
    }

    fn check<'a>(&'a self, redirect_uri: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let metadata = self.metadata().await?;
            let client_id = self.site.client_id();
            let secret = self.secret(client_id)?;
            let flow = self.flow(&metadata, client_id, secret.as_ref());
            flow.check(&self.site.channel, redirect_uri).await?;
            Ok(vec![
                format!("{} answers with its metadata", metadata.issuer),
                "it knows the client id and takes the credential".to_owned(),
            ])
        })
    }
}
