//! What another mapae exported: one JSON object a line. Our own hashes stay as they are.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::json_rows::{Said, typed};
use super::person::{NewHash, NewPerson, hash, some, uuid};
use crate::domain::foreign_hash::{self, Argon2Variant, ForeignHash, ReadHash, Scheme};
use crate::domain::user::Profile;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sub: Option<String>,
    username: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    #[serde(default)]
    claims: Profile,
    #[serde(default)]
    password_hash: Option<String>,
    #[serde(default)]
    password_temporary: bool,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    created_at: Option<DateTime<Utc>>,
    #[serde(default)]
    identities: Vec<At>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct At {
    provider: String,
    subject: String,
}

/// The person of a line.
pub(super) fn row(value: Value) -> Said {
    let username = value.get("username").and_then(Value::as_str).map(str::to_owned);
    Said::Person(username, typed(value).and_then(person))
}

fn person(line: Line) -> Result<Box<NewPerson>, String> {
    let identities = line.identities.into_iter().map(|at| (at.provider, at.subject)).collect();
    let mut person = NewPerson {
        id: uuid(line.sub.as_deref()),
        username: line.username,
        email: some(line.email),
        email_verified: line.email_verified,
        profile: line.claims,
        hash: own(line.password_hash.as_deref())?,
        temporary: line.password_temporary,
        totp: None,
        identities,
        groups: line.groups,
        disabled: line.disabled,
        created_at: line.created_at,
        ..NewPerson::default()
    };
    person.take_attributes(line.attributes)?;
    Ok(Box::new(person))
}

/// A hash of our own, or one that waits for its person there as well.
fn own(text: Option<&str>) -> Result<Option<NewHash>, String> {
    let Some(text) = text else { return Ok(None) };
    match ForeignHash::of_stored(text) {
        Some(Ok(foreign)) => {
            let checked = foreign.checked().map_err(|refused| refused.to_string())?;
            return Ok(Some(NewHash::Foreign(ReadHash::Strong(checked))));
        }
        Some(Err(refused)) => return Err(refused.to_string()),
        None => {}
    }
    if let Ok(ReadHash::Strong(ForeignHash { scheme, output, .. })) = foreign_hash::read(text)
        && let Scheme::Argon2 { variant: Argon2Variant::Id, version: 0x13, lanes: 1, .. } = scheme
        && output.len() == 32
    {
        return Ok(Some(NewHash::Own(text.to_owned())));
    }
    hash(Some(text))
}
