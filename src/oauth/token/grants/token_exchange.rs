//! `urn:ietf:params:oauth:grant-type:token-exchange`, RFC 8693: exchanges what an app got from a provider
//! for tokens of this server, or an access token of this server for one with which a client acts for the
//! person.

use serde::Deserialize;

use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::keys::jwt;
use crate::oauth::error::{Refusal, Result};
use crate::oauth::token::delegation::{self, Exchange};
use crate::oauth::token::grant::{Cx, Grant, required, resources, scope};
use crate::oauth::token::mint::Entitlement;
use crate::oauth::token::upstream_tokens::{self, exchange};
use crate::social::UpstreamToken;

const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The only type that no RFC defines: an authorization code of a provider, which this server
/// redeems.
const CODE: &str = "urn:mapae:params:oauth:token-type:authorization_code";

#[derive(Clone, Copy, Debug)]
enum Type {
    Id,
    Access,
    Code,
}

/// The parameters of the request, RFC 8693 §2.1.
#[derive(Debug)]
pub struct TokenExchange {
    subject_type: Type,
    subject: Secret,
    issuer: Option<String>,
    nonce: Option<String>,
    redirect_uri: Option<String>,
    verifier: Option<Secret>,
    state: Option<String>,
    scope: Option<Scope>,
    resources: Vec<String>,
    actor: Option<Secret>,
    audiences: Vec<String>,
}

impl Grant for TokenExchange {
    const TYPE: GrantType = GrantType::TokenExchange;

    fn parse(form: &Form) -> Result<Self, Refusal> {
        let subject_type =
            match required(form, "subject_token_type", Reason::SubjectTokenTypeMissing)? {
                ID_TOKEN => Type::Id,
                ACCESS_TOKEN => Type::Access,
                CODE => Type::Code,
                _ => {
                    return Err(Reason::SubjectTokenTypeUnsupported.into());
                }
            };
        // RFC 8693 §2.1: the type stands with the token, and without it there is none.
        let actor = match (form.get("actor_token"), form.get("actor_token_type")) {
            (None, None) => None,
            (Some(actor), Some(ACCESS_TOKEN)) => Some(Secret::text(actor)),
            _ => return Err(Reason::ActorTokenTypeUnsupported.into()),
        };
        if form.get("requested_token_type").is_some_and(|wanted| wanted != ACCESS_TOKEN) {
            return Err(Reason::RequestedTokenTypeUnsupported.into());
        }
        let text = |name| form.get(name).map(str::to_owned);
        Ok(Self {
            subject_type,
            subject: required(form, "subject_token", Reason::SubjectTokenMissing)?
                .to_owned()
                .into(),
            issuer: text("subject_issuer"),
            nonce: text("nonce"),
            redirect_uri: text("redirect_uri"),
            verifier: text("code_verifier").map(Secret::new),
            state: text("state"),
            scope: scope(form)?,
            resources: resources(form),
            actor,
            audiences: form.all("audience").map(str::to_owned).collect(),
        })
    }

    async fn redeem(self, cx: &Cx<'_>) -> Result<Entitlement> {
        if self.is_ours(cx) {
            return self.delegate(cx).await;
        }
        if self.actor.is_some() {
            return Err(Reason::ActorTokenUnsupported.into());
        }
        if !self.audiences.is_empty() {
            // RFC 8693 §2.2.2: an audience that the server does not support is refused.
            return Err(Reason::AudienceUnsupported.into());
        }
        let token = match self.subject_type {
            Type::Id => UpstreamToken::Id(self.subject.expose()),
            Type::Access => UpstreamToken::Access(self.subject.expose()),
            Type::Code => UpstreamToken::Code {
                code: self.subject.expose(),
                redirect_uri: self.redirect_uri.as_deref(),
                verifier: self.verifier.as_ref().map(|verifier| verifier.expose().as_str()),
                state: self.state.as_deref(),
            },
        };
        let entitlement = exchange(
            cx,
            upstream_tokens::Exchange {
                token,
                issuer: self.issuer.as_deref(),
                nonce: self.nonce.as_deref(),
                scope: self.scope,
                resources: self.resources,
            },
        )
        .await?;
        Ok(Entitlement { issued_token_type: Some(ACCESS_TOKEN), ..entitlement })
    }
}

impl TokenExchange {
    /// Whether the request is about an access token of this server. It is not verified yet.
    fn is_ours(&self, cx: &Cx<'_>) -> bool {
        let ours = cx.server.url.as_str();
        let issuer = || jwt::unverified::<Issued>(self.subject.expose()).ok();
        matches!(self.subject_type, Type::Access)
            && self.issuer.as_deref().is_none_or(|named| named == ours)
            && (self.issuer.is_some() || issuer().is_some_and(|issued| issued.iss == ours))
    }

    async fn delegate(self, cx: &Cx<'_>) -> Result<Entitlement> {
        let mut targets = self.resources;
        // RFC 8693 §2.1: both name where the token is used.
        for audience in self.audiences {
            if !targets.contains(&audience) {
                targets.push(audience);
            }
        }
        let Self { subject, actor, scope, .. } = self;
        let entitlement =
            delegation::exchange(cx, Exchange { subject, actor, scope, targets }).await?;
        Ok(Entitlement { issued_token_type: Some(ACCESS_TOKEN), ..entitlement })
    }
}

/// What tells whose token it is.
#[derive(Deserialize)]
struct Issued {
    iss: String,
}
