//! Introspection, RFC 7662. A token is shown as active to the client that it was issued to and to
//! the resource server that its audience names. To every other client it is shown as inactive.

use serde::Serialize;

use super::context::ResourceContext;
use super::people::People;
use crate::domain::authentication::Acr;
use crate::domain::client::{Client, RefreshPolicy};
use crate::domain::dpop::{Confirmation, token_type};
use crate::domain::form::Form;
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;
use crate::domain::secret::{Plain, RefreshToken};
use crate::domain::urls::Issuer;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::keys::jwt::Typ;
use crate::oauth::claims::{AccessToken, Act, AudienceClaim};
use crate::oauth::client_auth::Credentials;
use crate::oauth::error::Result;
use crate::rate_limits::CountedAccount;

/// The answer, RFC 7662 §2.2. For an inactive token only `active` is sent.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "every field is the member of that name")]
pub struct Introspection {
    pub active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<AudienceClaim>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// The key to which the token is bound, RFC 9449 §6.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// The person behind the token, whom `sub` names as its client knows them.
    #[serde(skip)]
    pub user: Option<UserId>,
    /// Who acts with the token, RFC 8693 §4.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
}

/// An answer, as the resource server gets it.
#[derive(Debug)]
pub enum Answer {
    /// As JSON.
    Json(Box<Introspection>),
    /// As a signed JWT, RFC 9701 §5.
    Jwt(String),
}

/// The claims of a signed answer, RFC 9701 §5. It has neither `sub` nor `exp`, so that nobody takes it
/// for a token.
#[derive(Serialize)]
struct SignedAnswer<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    token_introspection: &'a Introspection,
}

/// Answers an introspection request; with `as_jwt` by a signed JWT.
pub async fn introspect(
    context: &ResourceContext,
    credentials: &Credentials,
    form: &Form,
    as_jwt: bool,
) -> Result<Answer> {
    let client = context.clients.authenticate(credentials).await?;
    // RFC 7662 §2.1: the client that asks must prove its identity.
    let asker = client.confidential()?;
    let token = form.get("token").ok_or(Reason::TokenMissing)?;
    // `token_type_hint` is only a hint; the prefix of a refresh token says more.
    let mut found = if Plain::<RefreshToken>::is_meant(token) {
        refresh_token(context, asker, &Plain::presented(token)).await?
    } else {
        match context.access_tokens.verify(token).await? {
            Some(claims) if may_see(&context.url, asker, &claims) => active(claims),
            _ => Introspection::default(),
        }
    };
    // A token without a session belongs to the client itself.
    if let Some(user) = &found.user {
        let account = CountedAccount::Known { user: user.clone(), client: asker.id.clone() };
        context.clients.count_account(&account).await?;
    }
    introduce(&context.people, &mut found).await?;
    if !as_jwt {
        return Ok(Answer::Json(Box::new(found)));
    }
    // RFC 9701 §6: RS256 unless another algorithm was registered.
    let alg = asker.metadata.introspection_signed_response_alg.unwrap_or_default();
    let keyring = &context.access_tokens.keyring;
    keyring.ensure([alg]).await?;
    let answer = SignedAnswer {
        iss: context.url.as_str(),
        aud: asker.id.as_str(),
        iat: context.clock.now().timestamp(),
        token_introspection: &found,
    };
    Ok(Answer::Jwt(keyring.snapshot()?.signing(alg)?.sign(Typ::Introspection, &answer)?))
}

fn may_see(url: &Issuer, asker: &Client, claims: &AccessToken) -> bool {
    let is_audience = |audience: &String| {
        // The default audience is this server itself, so it gives no client the right to see the
        // token.
        audience != url.as_str() && claims.aud.contains(audience)
    };
    claims.client_id == asker.id.as_str() || asker.metadata.resource_servers.iter().any(is_audience)
}

fn active(claims: AccessToken) -> Introspection {
    Introspection {
        active: true,
        scope: Some(claims.scope),
        client_id: Some(claims.client_id),
        token_type: Some(token_type(claims.cnf.as_ref())),
        cnf: claims.cnf,
        act: claims.act,
        exp: Some(claims.exp),
        iat: Some(claims.iat),
        nbf: Some(claims.nbf),
        sub: Some(claims.sub),
        aud: Some(claims.aud),
        iss: Some(claims.iss),
        jti: Some(claims.jti),
        sid: claims.sid,
        auth_time: claims.auth_time,
        acr: claims.acr,
        amr: claims.amr,
        user: claims.user,
        ..Introspection::default()
    }
}

async fn refresh_token(
    context: &ResourceContext,
    asker: &Client,
    token: &Plain<RefreshToken>,
) -> Result<Introspection> {
    let Some((presented, token)) = context.refresh_tokens.find(token).await? else {
        return Ok(Introspection::default());
    };
    if token.family.client != asker.id || !context.refresh_tokens.is_active(&presented, &token) {
        return Ok(Introspection::default());
    }
    let end = match asker.metadata.refresh {
        // The idle end of a static token moves with every use, so the end of the family is shown.
        RefreshPolicy::Static => token.family.expires_at,
        RefreshPolicy::Rotate { .. } | RefreshPolicy::Strict => token.succession.idle_ends_at,
    };
    Ok(Introspection {
        active: true,
        scope: Some(token.family.scope.to_string()),
        client_id: Some(token.family.client.as_str().to_owned()),
        exp: Some(end.timestamp()),
        sub: Some(context.subjects.of(asker, &token.family.user).into_owned()),
        iss: Some(context.url.as_str().to_owned()),
        sid: Some(token.family.id.as_str().to_owned()),
        auth_time: Some(token.family.auth_time.timestamp()),
        acr: Some(token.family.acr),
        amr: token.family.amr.clone(),
        user: Some(token.family.user.clone()),
        ..Introspection::default()
    })
}

/// Adds the name of the person behind a token, RFC 7662 §2.2, and with the scope `email` their
/// address. The name is the same for every client, so with a pairwise `sub` it needs the scope
/// `profile`, as at userinfo (OpenID Connect Core §5.4).
async fn introduce(people: &People, token: &mut Introspection) -> Result<(), Fault> {
    // A token without a person belongs to the client itself.
    let Some(user) = token.user.clone() else { return Ok(()) };
    let Some(user) = people.ask(user).await?? else { return Ok(()) };
    let scope = token.scope.as_deref().map(Scope::parse).and_then(Result::ok).unwrap_or_default();
    if scope.contains("email") {
        token.email_verified = user.email.as_ref().map(|_| user.email_verified);
        token.email = user.email;
    }
    let is_public = token.sub.as_deref() == Some(user.id.as_str());
    if is_public || scope.contains("profile") {
        token.username = Some(user.username);
    }
    Ok(())
}
