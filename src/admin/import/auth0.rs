//! The export of users of Auth0, and the file with password hashes that its support hands out.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::json_rows::{Said, typed};
use super::person::{ATTRIBUTES, NewPerson, hash, some};

#[derive(Debug, Deserialize)]
struct Person {
    username: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: Option<bool>,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    nickname: Option<String>,
    picture: Option<String>,
    phone_number: Option<String>,
    phone_verified: Option<bool>,
    user_id: Option<String>,
    #[serde(default)]
    blocked: Option<bool>,
    created_at: Option<Value>,
    #[serde(alias = "passwordHash")]
    password_hash: Option<String>,
    #[serde(default)]
    identities: Vec<At>,
    #[serde(default)]
    user_metadata: Option<Map<String, Value>>,
    #[serde(default)]
    app_metadata: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
struct At {
    provider: String,
    user_id: Value,
}

/// The person of a row.
pub(super) fn row(value: Value) -> Said {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let username = text("username").or(text("email")).or(text("user_id")).map(str::to_owned);
    Said::Person(username, typed(value).and_then(person))
}

fn person(one: Person) -> Result<Box<NewPerson>, String> {
    let email = some(one.email);
    let username = some(one.username).or_else(|| email.clone()).or(one.user_id);
    let mut person = NewPerson {
        username: username.unwrap_or_default(),
        email,
        email_verified: one.email_verified.unwrap_or_default(),
        hash: hash(one.password_hash.as_deref())?,
        disabled: one.blocked.unwrap_or_default(),
        created_at: one.created_at.as_ref().and_then(instant),
        ..NewPerson::default()
    };
    let profile = &mut person.profile;
    profile.name = some(one.name);
    profile.given_name = some(one.given_name);
    profile.family_name = some(one.family_name);
    profile.nickname = some(one.nickname);
    profile.picture = some(one.picture);
    profile.phone_number = some(one.phone_number);
    profile.phone_number_verified = one.phone_verified.filter(|_| profile.phone_number.is_some());
    for At { provider, user_id } in one.identities {
        let provider = match provider.as_str() {
            // A password, or a code by mail or message.
            "auth0" | "email" | "sms" => continue,
            "google-oauth2" => "google",
            "windowslive" | "waad" => "microsoft",
            "oidc" => "oidc",
            other => other,
        };
        let subject = match user_id {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return Err(format!("the identity at {provider} has no user_id")),
        };
        person.identities.push((provider.to_owned(), subject));
    }
    person.take_other_attributes(one.app_metadata.unwrap_or_default());
    // People may write the other metadata themselves, and our attributes are the operator's word.
    if one.user_metadata.is_some_and(|metadata| !metadata.is_empty()) {
        person.leave_out(ATTRIBUTES);
    }
    Ok(Box::new(person))
}

/// An instant as text, or as `{"$date": "…"}` in the file of the support.
fn instant(value: &Value) -> Option<DateTime<Utc>> {
    let text = value.as_str().or_else(|| value.get("$date")?.as_str())?;
    Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
}
