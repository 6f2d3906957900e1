//! The export of a realm of Keycloak: `kc.sh export --realm R --file F`, or one of its files
//! `R-users-0.json`.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::json_rows::{Said, typed};
use super::person::{FACTORS, NewHash, NewPerson, of_read, some, uuid};
use crate::domain::foreign_hash::{
    Argon2Variant, Digest, Scheme, argon2_by_parts, pbkdf2_by_parts,
};
use crate::domain::secret::Secret;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    id: Option<String>,
    username: String,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    #[serde(default = "yes")]
    enabled: bool,
    first_name: Option<String>,
    last_name: Option<String>,
    created_timestamp: Option<i64>,
    #[serde(default)]
    credentials: Vec<Credential>,
    #[serde(default)]
    federated_identities: Vec<At>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    attributes: Option<Map<String, Value>>,
    #[serde(default)]
    required_actions: Vec<String>,
    service_account_client_id: Option<String>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct At {
    identity_provider: String,
    user_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    #[serde(rename = "type")]
    kind: String,
    secret_data: Option<String>,
    credential_data: Option<String>,
    #[serde(default)]
    temporary: Option<bool>,
}

/// The person of a member of `users`. The accounts of clients are not people.
pub(super) fn row(value: Value) -> Said {
    let username = value.get("username").and_then(Value::as_str).map(str::to_owned);
    match typed::<Person>(value) {
        Ok(one) if one.service_account_client_id.is_some() => Said::Other,
        read => Said::Person(username, read.and_then(person)),
    }
}

fn person(one: Person) -> Result<Box<NewPerson>, String> {
    let mut person = NewPerson {
        id: uuid(one.id.as_deref()),
        username: one.username,
        email: some(one.email),
        email_verified: one.email_verified,
        disabled: !one.enabled,
        created_at: one.created_timestamp.and_then(DateTime::from_timestamp_millis),
        ..NewPerson::default()
    };
    person.take_attributes(one.attributes.unwrap_or_default())?;
    let (first, last) = (some(one.first_name), some(one.last_name));
    let names: Vec<&str> = [&first, &last].into_iter().flatten().map(String::as_str).collect();
    person.profile.name = person.profile.name.or(some(Some(names.join(" "))));
    person.profile.given_name = first;
    person.profile.family_name = last;
    for credential in one.credentials {
        match credential.kind.as_str() {
            "password" => {
                person.temporary |= credential.temporary == Some(true);
                person.hash = password(&credential)?;
            }
            "otp" if person.totp.is_none() => person.totp = Some(one_time_codes(&credential)?),
            _ => person.left_out.push(FACTORS),
        }
    }
    person.temporary |= one.required_actions.iter().any(|action| action == "UPDATE_PASSWORD");
    let identities = one.federated_identities.into_iter();
    person.identities = identities.map(|at| (at.identity_provider, at.user_id)).collect();
    // A group is written as its path: "/staff", "/staff/seoul". Ours are not nested.
    let name = |path: String| path.strip_prefix('/').map(str::to_owned).unwrap_or(path);
    person.groups = one.groups.into_iter().map(name).collect();
    Ok(Box::new(person))
}

#[derive(Debug, Deserialize)]
struct SecretData {
    value: String,
    #[serde(default)]
    salt: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PasswordData {
    hash_iterations: u32,
    algorithm: String,
    #[serde(default)]
    additional_parameters: Option<Map<String, Value>>,
}

/// The two texts of a credential are JSON in themselves.
fn parts<A, B>(credential: &Credential) -> Result<(A, B), String>
where
    A: serde::de::DeserializeOwned,
    B: serde::de::DeserializeOwned,
{
    let damaged = || format!("the credential of the type {:?} is damaged", credential.kind);
    let (secret, data) = (&credential.secret_data, &credential.credential_data);
    let secret = secret.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let data = data.as_deref().and_then(|text| serde_json::from_str(text).ok());
    secret.zip(data).ok_or_else(damaged)
}

fn password(credential: &Credential) -> Result<Option<NewHash>, String> {
    let (SecretData { value, salt }, data) = parts::<SecretData, PasswordData>(credential)?;
    let rounds = data.hash_iterations;
    let digest = match data.algorithm.as_str() {
        "pbkdf2" => Digest::Sha1,
        "pbkdf2-sha256" => Digest::Sha256,
        "pbkdf2-sha512" => Digest::Sha512,
        "argon2" => {
            let parameters = data.additional_parameters.unwrap_or_default();
            let scheme = argon2(rounds, &parameters);
            let scheme = scheme.ok_or("the parameters of Argon2 are damaged")?;
            return of_read(argon2_by_parts(scheme, &salt, &value));
        }
        other => return Err(format!("the password hash {other:?} is not known")),
    };
    of_read(pbkdf2_by_parts((digest, rounds), &salt, &value))
}

fn argon2(passes: u32, parameters: &Map<String, Value>) -> Option<Scheme> {
    let text = |name: &str| parameters.get(name)?.get(0)?.as_str();
    let number = |name: &str| text(name)?.parse::<u32>().ok();
    let variant = match text("type").unwrap_or("id") {
        "id" => Argon2Variant::Id,
        "i" => Argon2Variant::I,
        "d" => Argon2Variant::D,
        _ => return None,
    };
    let version = match text("version").unwrap_or("1.3") {
        "1.3" => 0x13,
        "1.0" => 0x10,
        _ => return None,
    };
    let (memory, lanes) = (number("memory")?, number("parallelism")?);
    Some(Scheme::Argon2 { variant, version, memory, passes, lanes })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CodesData {
    sub_type: Option<String>,
    digits: Option<u32>,
    period: Option<u32>,
    algorithm: Option<String>,
    secret_encoding: Option<String>,
}

/// The secret of one-time codes. Authenticator apps have it already, so its parameters have to be
/// those of ours.
fn one_time_codes(credential: &Credential) -> Result<Secret<Vec<u8>>, String> {
    let (SecretData { value, .. }, data) = parts::<SecretData, CodesData>(credential)?;
    let is_ours = data.sub_type.as_deref().unwrap_or("totp") == "totp"
        && data.digits.unwrap_or(6) == 6
        && data.period.unwrap_or(30) == 30
        && data.algorithm.as_deref().unwrap_or("HmacSHA1") == "HmacSHA1"
        && data.secret_encoding.is_none();
    // RFC 4226 §4: 128 bits at least.
    if !is_ours || value.len() < 16 {
        return Err("the one-time codes are of another kind than six digits by HMAC-SHA1 every \
                    30 seconds"
            .to_owned());
    }
    Ok(Secret::new(value.into_bytes()))
}
