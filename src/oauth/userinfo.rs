//! Userinfo, OpenID Connect Core §5.3: the claims that the user has, by scope (§5.4), never null
//! and never empty.

use serde_json::{Map, Value, json};

use super::error::{ErrorCode, Refusal, Result};
use super::{Issuer, bearer};
use crate::domain::scope::{OPENID, Scope};
use crate::domain::user::{User, UserId};
use crate::domain::verdict::Fault;
use crate::store::users;

/// Which scope shows which claims, OpenID Connect Core §5.4; the metadata reads it too.
pub const SCOPE_CLAIMS: &[(&str, &[&str])] = &[
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// Answers a userinfo request.
pub async fn userinfo(issuer: &Issuer, token: &str) -> Result<Value> {
    let invalid = || Refusal::new(ErrorCode::InvalidToken, "the access token is not good");
    let claims = bearer::verify(issuer, token).await?.ok_or_else(invalid)?;
    // RFC 9068 §4: a token that was made out to somebody else is not for us.
    if !claims.aud.contains(issuer.url.as_str()) {
        return Err(invalid().into());
    }
    let scope = Scope::parse(&claims.scope).map_err(|_| invalid())?;
    if claims.sid.is_none() || !scope.contains(OPENID) {
        let description = "the access token does not have the scope openid";
        return Err(Refusal::new(ErrorCode::InsufficientScope, description).into());
    }
    let user = users::find(&*issuer.store, &UserId(claims.sub)).await?.ok_or_else(invalid)?;
    Ok(shown(&user, &scope)?)
}

fn shown(user: &User, scope: &Scope) -> Result<Value, Fault> {
    let mut every = every_claim(user)?;
    let mut shown = Map::new();
    shown.insert("sub".to_owned(), json!(user.id));
    let granted = SCOPE_CLAIMS.iter().filter(|(name, _)| scope.contains(name));
    for claim in granted.flat_map(|(_, claims)| *claims) {
        if let Some(value) = every.remove(*claim).filter(says_something) {
            shown.insert((*claim).to_owned(), value);
        }
    }
    Ok(Value::Object(shown))
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
    use crate::domain::user::{Address, Profile};

    fn user() -> User {
        User {
            id: UserId("u".to_owned()),
            username: "홍길동".to_owned(),
            email: Some("hong@example.com".to_owned()),
            email_verified: false,
            password_hash: None,
            profile: Profile {
                name: Some("홍길동".to_owned()),
                nickname: Some(String::new()),
                address: Some(Address::default()),
                ..Profile::default()
            },
            disabled_at: None,
            created_at: from_millis(0),
            updated_at: from_millis(1000),
        }
    }

    #[test]
    fn core_5_4_each_scope_shows_its_claims() {
        let shown = |scope: &str| shown(&user(), &Scope::parse(scope).unwrap()).unwrap();
        assert_eq!(shown("openid"), json!({ "sub": "u" }));
        assert_eq!(
            shown("openid email"),
            json!({ "sub": "u", "email": "hong@example.com", "email_verified": false })
        );
        assert_eq!(
            shown("openid profile address phone"),
            json!({ "sub": "u", "name": "홍길동", "preferred_username": "홍길동", "updated_at": 1 })
        );
    }
}
