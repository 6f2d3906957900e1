//! `urn:ietf:params:oauth:grant-type:token-exchange`, RFC 8693: exchanges what an app got from a provider
//! for tokens of this server, an access token of this server for one with which a client acts for the
//! person, or what a client got when the person signed in for a grant for another server (ID-JAG).

use serde::Deserialize;
use serde_json::Map;

use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::domain::id_jag::TOKEN_TYPE;
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::keys::jwt;
use crate::oauth::error::{Refusal, Result};
use crate::oauth::token::delegation::{self, Exchange};
use crate::oauth::token::grant::{Cx, Grant, required, resources, scope};
use crate::oauth::token::id_jag::issuing::{self, Asked, Subject};
use crate::oauth::token::mint::Entitlement;
use crate::oauth::token::upstream_tokens::{self, exchange};
use crate::social::UpstreamToken;

const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const REFRESH_TOKEN: &str = "urn:ietf:params:oauth:token-type:refresh_token";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The only type that no RFC defines: an authorization code of a provider, which this server
/// redeems.
const CODE: &str = "urn:mapae:params:oauth:token-type:authorization_code";

#[derive(Clone, Copy, Debug)]
enum Type {
    Id,
    Access,
    Code,
    /// Good for a grant for another server alone.
    Refresh,
}

/// `requested_token_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Requested {
    Access,
    IdJag,
}

/// The parameters of the request, RFC 8693 §2.1.
#[derive(Debug)]
pub struct TokenExchange {
    requested: Requested,
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
        let requested = match form.get("requested_token_type") {
            None | Some(ACCESS_TOKEN) => Requested::Access,
            Some(TOKEN_TYPE) => Requested::IdJag,
            Some(_) => return Err(Reason::RequestedTokenTypeUnsupported.into()),
        };
        let subject_type =
            match required(form, "subject_token_type", Reason::SubjectTokenTypeMissing)? {
                ID_TOKEN => Type::Id,
                ACCESS_TOKEN => Type::Access,
                CODE => Type::Code,
                REFRESH_TOKEN if requested == Requested::IdJag => Type::Refresh,
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
        // What it would narrow would be granted in full.
        if requested == Requested::IdJag && form.get("authorization_details").is_some() {
            return Err(Reason::IdJagDetailsUnsupported.into());
        }
        let text = |name| form.get(name).map(str::to_owned);
        Ok(Self {
            requested,
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
        if self.requested == Requested::IdJag {
            return self.for_another_server(cx).await;
        }
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
            Type::Refresh => return Err(Reason::SubjectTokenTypeUnsupported.into()),
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

    /// ID-JAG §4.3
    async fn for_another_server(self, cx: &Cx<'_>) -> Result<Entitlement> {
        if !cx.server.id_jag.enabled {
            return Err(Reason::RequestedTokenTypeUnsupported.into());
        }
        if self.actor.is_some() {
            return Err(Reason::ActorTokenUnsupported.into());
        }
        let subject = match self.subject_type {
            Type::Id => Subject::IdToken(self.subject),
            Type::Refresh => Subject::RefreshToken(self.subject),
            Type::Access | Type::Code => return Err(Reason::IdJagSubjectTypeUnsupported.into()),
        };
        let Self { audiences, resources, scope, .. } = self;
        let asked = Asked { subject, audiences, resources, scope };
        let jag = Box::pin(issuing::claims(cx, asked)).await?;
        Ok(Entitlement {
            family: None,
            scope: Scope::default(),
            resources: Vec::new(),
            refresh_token: None,
            nonce: None,
            claims: Map::new(),
            status: None,
            issued_token_type: None,
            delegation: None,
            id_jag: Some(Box::new(jag)),
        })
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
