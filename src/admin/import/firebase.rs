//! What `firebase auth:export users.json` writes.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;

use super::json_rows::{Said, typed};
use super::person::{ATTRIBUTES, FACTORS, NewPerson, of_read, some};
use crate::domain::foreign_hash::{self, FirebaseConfig};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    local_id: String,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    password_hash: Option<String>,
    salt: Option<String>,
    display_name: Option<String>,
    photo_url: Option<String>,
    phone_number: Option<String>,
    created_at: Option<String>,
    #[serde(default)]
    disabled: bool,
    custom_attributes: Option<String>,
    #[serde(default)]
    provider_user_info: Vec<At>,
    #[serde(default)]
    mfa_info: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct At {
    provider_id: String,
    raw_id: Option<String>,
}

/// The person of a member of `users`.
pub(super) fn row(value: Value, config: Option<&FirebaseConfig>) -> Said {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let username = text("email").or(text("localId")).map(str::to_owned);
    Said::Person(username, typed(value).and_then(|one| person(one, config)))
}

fn person(one: Person, config: Option<&FirebaseConfig>) -> Result<Box<NewPerson>, String> {
    let (email, phone) = (some(one.email), some(one.phone_number));
    let hash = match (config, some(one.password_hash)) {
        (Some(config), Some(hash)) => {
            let salt = one.salt.ok_or("the password hash has no salt")?;
            of_read(foreign_hash::firebase(config, &salt, &hash))?
        }
        _ => None,
    };
    let mut person = NewPerson {
        // People sign in at Firebase with their address.
        username: email.clone().or_else(|| phone.clone()).unwrap_or(one.local_id),
        email,
        email_verified: one.email_verified,
        hash,
        disabled: one.disabled,
        created_at: one
            .created_at
            .and_then(|text| text.parse().ok())
            .and_then(DateTime::from_timestamp_millis),
        ..NewPerson::default()
    };
    person.profile.name = some(one.display_name);
    person.profile.picture = some(one.photo_url);
    // Firebase takes a number only by a message to it.
    person.profile.phone_number_verified = phone.is_some().then_some(true);
    person.profile.phone_number = phone;
    for At { provider_id, raw_id } in one.provider_user_info {
        let provider = match provider_id.as_str() {
            "password" | "phone" | "firebase" => continue,
            "google.com" => "google",
            "facebook.com" => "facebook",
            "github.com" => "github",
            "apple.com" => "apple",
            "microsoft.com" => "microsoft",
            other => other.strip_prefix("oidc.").unwrap_or(other),
        };
        let subject = raw_id.ok_or_else(|| format!("the identity at {provider} has no rawId"))?;
        person.identities.push((provider.to_owned(), subject));
    }
    if !one.mfa_info.is_empty() {
        person.left_out.push(FACTORS);
    }
    if some(one.custom_attributes).is_some_and(|text| text != "{}") {
        person.left_out.push(ATTRIBUTES);
    }
    Ok(Box::new(person))
}
