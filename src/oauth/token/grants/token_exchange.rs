//! `urn:ietf:params:oauth:grant-type:token-exchange`: exchanges what an app got from a provider for
//! tokens of this server, RFC 8693.

use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::oauth::error::{Refusal, Result};
use crate::oauth::token::grant::{Cx, Grant, required, resources, scope};
use crate::oauth::token::mint::Entitlement;
use crate::oauth::token::upstream_tokens::{Exchange, exchange};
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
        // RFC 8693 §2.1: an actor, who acts for another person, is not supported.
        if form.get("actor_token").is_some() || form.get("actor_token_type").is_some() {
            return Err(Reason::ActorTokenUnsupported.into());
        }
        if form.get("requested_token_type").is_some_and(|wanted| wanted != ACCESS_TOKEN) {
            return Err(Reason::RequestedTokenTypeUnsupported.into());
        }
        if form.get("audience").is_some() {
            // RFC 8693 §2.2.2: an audience that the server does not support is refused.
            return Err(Reason::AudienceUnsupported.into());
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
        })
    }

    async fn redeem(self, cx: &Cx<'_>) -> Result<Entitlement> {
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
            Exchange {
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
