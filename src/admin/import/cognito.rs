//! Amazon Cognito: a table in the form of its import, or what `list-users` answers. It hands out no
//! password hashes.

use std::io::BufRead;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::csv_rows::{self, Cells, flag};
use super::json_rows::{self, Said, typed};
use super::person::{ATTRIBUTES, FACTORS, NewPerson, some, uuid};
use super::row::{BadFile, Row};

/// Reads a file of either form.
pub(super) fn read(
    mut file: impl BufRead,
    send: &mut dyn FnMut(Row) -> bool,
) -> Result<(), BadFile> {
    match json_rows::first(&mut file)? {
        Some(b'{' | b'[') => json_rows::users(file, row, send),
        _ => csv_rows::read(file, cells, send),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Person {
    username: String,
    #[serde(default)]
    attributes: Vec<Attribute>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default, rename = "MFAOptions")]
    factors: Vec<Value>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    name: String,
    #[serde(default)]
    value: String,
}

fn row(value: Value) -> Said {
    let username = value.get("Username").and_then(Value::as_str).map(str::to_owned);
    let person = typed(value).and_then(|one: Person| {
        let pairs = one.attributes.iter().map(|one| (one.name.as_str(), one.value.as_str()));
        let mut person = person(&one.username, pairs)?;
        person.disabled = !one.enabled;
        if !one.factors.is_empty() {
            person.left_out.push(FACTORS);
        }
        Ok(person)
    });
    Said::Person(username, person)
}

fn cells(cells: &Cells<'_>) -> Result<Box<NewPerson>, String> {
    let named = |name: &str| cells.iter().find(|(one, _)| *one == name).map(|(_, text)| *text);
    let username = named("cognito:username").or(named("username")).unwrap_or_default();
    person(username, cells.iter().copied())
}

fn person<'a>(
    username: &str,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Box<NewPerson>, String> {
    let mut person = NewPerson::default();
    let mut claims = Map::new();
    let mut preferred = None;
    for (name, text) in pairs.filter(|(_, text)| !text.trim().is_empty()) {
        match name {
            "cognito:username" | "username" | "updated_at" | "identities" => {}
            "sub" => person.id = uuid(Some(text)),
            "preferred_username" => preferred = some(Some(text.to_owned())),
            "email" => person.email = some(Some(text.to_owned())),
            "email_verified" => person.email_verified = flag(name, text)?,
            "cognito:mfa_enabled" => {
                if flag(name, text)? {
                    person.left_out.push(FACTORS);
                }
            }
            other if other.starts_with("custom:") || other.starts_with("cognito:") => {
                person.left_out.push(ATTRIBUTES);
            }
            other => {
                claims.insert(other.to_owned(), Value::String(text.to_owned()));
            }
        }
    }
    person.take_attributes(claims)?;
    person.left_out.dedup();
    // Where people sign in with their address, the user name is a UUID that nobody knows.
    let known = some(Some(username.to_owned())).filter(|name| uuid(Some(name)).is_none());
    let email = person.email.clone();
    let name = known.or(preferred).or(email).unwrap_or_else(|| username.to_owned());
    person.username = name;
    Ok(Box::new(person))
}
