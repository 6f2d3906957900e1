//! Userinfo, OpenID Connect Core §5.3: the claims that the user has, by scope (§5.4). A claim that
//! is null or empty is left out.

use serde_json::{Map, Value, json};

use crate::domain::claim_names::by_scope;
use crate::domain::client::{Client, TokenAlg};
use crate::domain::dpop::{Confirmation, Thumbprint};
use crate::domain::family::FamilyId;
use crate::domain::reason::Reason;
use crate::domain::scope::{OPENID, Scope};
use crate::domain::user::User;
use crate::domain::verdict::Fault;
use crate::keys::jwt::Typ;
use crate::oauth::added_claims::{AddedClaims, Purpose};
use crate::oauth::error;
use crate::oauth::possession::Presented;
use crate::oauth::resource::context::ResourceContext;
use crate::store::{families, users};

/// An access token as it came to userinfo.
#[derive(Clone, Copy, Debug)]
pub struct PresentedToken<'a> {
    /// The token.
    pub token: &'a str,
    /// Whether it came by the scheme `DPoP`, RFC 9449 §7.1.
    pub is_dpop: bool,
    /// The proof of possession.
    pub proof: Presented<'a>,
    /// The thumbprint of the certificate that came with the request.
    pub certificate: Option<&'a Thumbprint>,
    /// The method of the request.
    pub method: &'a str,
}

/// The claims about a person, as the client gets them.
#[derive(Debug)]
pub enum Told {
    /// As JSON.
    Json(Value),
    /// As a signed JWT, OpenID Connect Core §5.3.2.
    Jwt(String),
}

/// Answers a userinfo request.
pub async fn userinfo(
    context: &ResourceContext,
    presented: PresentedToken<'_>,
) -> error::Result<Told> {
    let invalid = || Reason::AccessTokenInvalid;
    let PresentedToken { token, is_dpop, proof, certificate, method } = presented;
    let proof = if is_dpop {
        Some(context.possession.check_at_userinfo(proof, method, token)?)
    } else {
        None
    };
    let claims = context.access_tokens.verify(token).await?.ok_or_else(invalid)?;
    let bound_to = claims.cnf.clone().unwrap_or_default();
    check_certificate(&bound_to, certificate)?;
    // RFC 9449 §7.1: the token and the proof have one key. A bound token is no bearer token (§7.2).
    match (&bound_to.jkt, &proof) {
        (None, None) => {}
        (Some(_), None) => return Err(Reason::AccessTokenBound.into()),
        (None, Some(_)) => return Err(Reason::AccessTokenUnbound.into()),
        (Some(jkt), Some(proof)) if *jkt != proof.key => {
            return Err(Reason::AccessTokenKeyMismatch.into());
        }
        (Some(_), Some(proof)) => context.possession.use_up(proof).await?,
    }
    // RFC 9068 §4: a token whose audience does not name this server is refused.
    if !claims.aud.contains(context.url.as_str()) {
        return Err(invalid().into());
    }
    let scope = Scope::parse(&claims.scope).map_err(|_| invalid())?;
    let Some(sid) = claims.sid.filter(|_| scope.contains(OPENID)) else {
        return Err(Reason::AccessTokenScopeMissing.into());
    };
    let family =
        families::find(&*context.store, &FamilyId::from_stored(sid)).await?.ok_or_else(invalid)?;
    let user = users::find(&*context.store, &family.user).await?.ok_or_else(invalid)?;
    let client = context.added.clients.stored(&family.client).await?.ok_or_else(invalid)?;
    let client = &client.client;
    // OpenID Connect Core §5.3.2: the same `sub` as in the id token.
    let sub = context.subjects.of(client, &user.id);
    let told = tell(&context.added, client, (&user, &sub), &scope, &family.claims).await?;
    match client.metadata.userinfo_signed_response_alg {
        None => Ok(Told::Json(Value::Object(told))),
        Some(alg) => Ok(Told::Jwt(signed(context, client, told, alg).await?)),
    }
}

/// RFC 8705 §3: the token is for the certificate for which it was issued.
fn check_certificate(
    bound_to: &Confirmation,
    shown: Option<&Thumbprint>,
) -> Result<(), error::Refusal> {
    match (&bound_to.x5t, shown) {
        (Some(_), None) => Err(Reason::AccessTokenCertificateMissing.into()),
        (Some(bound_to), Some(shown)) if shown != bound_to => {
            Err(Reason::AccessTokenCertificateMismatch.into())
        }
        _ => Ok(()),
    }
}

/// OpenID Connect Core §5.3.2: a signed answer names its issuer, and the client as its audience.
async fn signed(
    context: &ResourceContext,
    client: &Client,
    mut told: Map<String, Value>,
    alg: TokenAlg,
) -> Result<String, Fault> {
    told.insert("iss".to_owned(), json!(context.url.as_str()));
    told.insert("aud".to_owned(), json!(client.id.as_str()));
    let keyring = &context.access_tokens.keyring;
    keyring.ensure([alg]).await?;
    keyring.snapshot()?.signing(alg)?.sign(Typ::Userinfo, &told)
}

/// What a client, which knows a person by this `sub`, is told about them at userinfo. `by_name` are single claims that it asked for.
pub async fn tell(
    added: &AddedClaims,
    client: &Client,
    (user, sub): (&User, &str),
    scope: &Scope,
    by_name: &[String],
) -> Result<Map<String, Value>, Fault> {
    let mut told = shown(user, scope, by_name)?;
    told.insert("sub".to_owned(), json!(sub));
    told.extend(added.of(Purpose::Userinfo, client, scope, Some(&user.id), Vec::new).await?.client);
    Ok(told)
}

fn shown(user: &User, scope: &Scope, by_name: &[String]) -> Result<Map<String, Value>, Fault> {
    named(user, by_scope(scope).chain(by_name.iter().map(String::as_str)))
}

/// The claims with these names that the user has.
pub fn named<'a>(
    user: &User,
    names: impl Iterator<Item = &'a str>,
) -> Result<Map<String, Value>, Fault> {
    let mut every = every_claim(user)?;
    let has = |name: &str| Some((name.to_owned(), every.remove(name).filter(says_something)?));
    Ok(names.filter_map(has).collect())
}

fn every_claim(user: &User) -> Result<Map<String, Value>, Fault> {
    let profile = serde_json::to_value(&user.profile)
        .map_err(|error| Fault::internal("reading a profile", error))?;
    let Value::Object(mut claims) = profile else { return Ok(Map::new()) };
    claims.insert("preferred_username".to_owned(), json!(user.username));
    claims.insert("updated_at".to_owned(), json!(user.updated_at.timestamp()));
    if let Some(email) = &user.email {
        claims.insert("email".to_owned(), json!(email));
        claims.insert("email_verified".to_owned(), json!(user.email_verified));
    }
    Ok(claims)
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(members) => members.values().any(says_something),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;
    use crate::domain::user::{AccountSource, Address, Profile, UserId};

    fn user() -> User {
        User {
            id: UserId::from_stored("u".to_owned()),
            username: "홍길동".to_owned(),
            email: Some("hong@example.com".to_owned()),
            email_verified: false,
            password_hash: None,
            password_temporary: false,
            totp_since: None,
            profile: Profile {
                name: Some("홍길동".to_owned()),
                nickname: Some(String::new()),
                address: Some(Address::default()),
                ..Profile::default()
            },
            disabled_at: None,
            deletion_at: None,
            created_at: from_millis(0),
            updated_at: from_millis(1000),
            made_by: AccountSource::Operator,
            email_by: AccountSource::Operator,
        }
    }

    #[test]
    fn core_5_4_each_scope_shows_its_claims() {
        let shown = |scope: &str| {
            Value::Object(shown(&user(), &Scope::parse(scope).unwrap(), &[]).unwrap())
        };
        assert_eq!(shown("openid"), json!({}));
        assert_eq!(
            shown("openid email"),
            json!({ "email": "hong@example.com", "email_verified": false })
        );
        assert_eq!(
            shown("openid profile address phone"),
            json!({ "name": "홍길동", "preferred_username": "홍길동", "updated_at": 1 })
        );
    }

    #[test]
    fn core_5_5_claims_that_were_asked_for_by_name_are_shown() {
        let scope = Scope::parse("openid").unwrap();
        let by_name = ["name", "nickname", "phone_number"].map(str::to_owned);
        let shown = shown(&user(), &scope, &by_name).unwrap();
        assert_eq!(Value::Object(shown), json!({ "name": "홍길동" }));
    }
}
