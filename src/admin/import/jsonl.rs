//! One JSON object a line: the form for data from anywhere.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::json_rows::{Said, typed};
use super::person::{NewPerson, hash, some};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Line {
    username: String,
    email: Option<String>,
    email_verified: Option<bool>,
    name: Option<String>,
    password_hash: Option<String>,
    groups: Option<Vec<String>>,
    attributes: Option<Map<String, Value>>,
    identities: Option<Vec<At>>,
    disabled: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    provider: String,
    subject: String,
}

/// The person of a line.
pub(super) fn row(value: Value) -> Said {
    let username = value.get("username").and_then(Value::as_str).map(str::to_owned);
    let person = typed(value).and_then(person);
    Said::Person(username, person)
}

fn person(line: Line) -> Result<Box<NewPerson>, String> {
    let mut person = NewPerson {
        username: line.username,
        email: some(line.email),
        email_verified: line.email_verified.unwrap_or_default(),
        hash: hash(line.password_hash.as_deref())?,
        disabled: line.disabled.unwrap_or_default(),
        ..NewPerson::default()
    };
    person.take_attributes(line.attributes.unwrap_or_default())?;
    person.profile.name = some(line.name).or(person.profile.name);
    let identities = line.identities.unwrap_or_default();
    person.identities = identities.into_iter().map(|at| (at.provider, at.subject)).collect();
    person.groups = line.groups.unwrap_or_default();
    Ok(Box::new(person))
}
