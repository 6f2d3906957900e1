//! `manage.py dumpdata auth.user` of Django, as JSON or with `--format jsonl`.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::json_rows::{Said, typed};
use super::person::{GROUPS, NewPerson, hash, some};

#[derive(Debug, Deserialize)]
struct Fields {
    username: String,
    #[serde(default)]
    email: Option<String>,
    password: Option<String>,
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    last_name: Option<String>,
    #[serde(default = "yes")]
    is_active: bool,
    #[serde(default)]
    date_joined: Option<DateTime<Utc>>,
    #[serde(default)]
    groups: Vec<Value>,
}

fn yes() -> bool {
    true
}

/// The person of an object, if its fields are those of a person: `auth.user`, or a model of the
/// project's own.
pub(super) fn row(mut value: Value) -> Said {
    let Some(fields) = value.get_mut("fields").map(Value::take) else { return Said::Other };
    let username = fields.get("username").and_then(Value::as_str).map(str::to_owned);
    if fields.get("password").is_none() {
        return Said::Other;
    }
    Said::Person(username, typed(fields).and_then(person))
}

fn person(one: Fields) -> Result<Box<NewPerson>, String> {
    // An unusable password begins with "!".
    let usable = one.password.filter(|password| !password.starts_with('!'));
    let mut person = NewPerson {
        username: one.username,
        email: some(one.email),
        // Django does not say whether an address was proven.
        email_verified: false,
        hash: hash(usable.as_deref())?,
        disabled: !one.is_active,
        created_at: one.date_joined,
        ..NewPerson::default()
    };
    let (first, last) = (some(one.first_name), some(one.last_name));
    let names: Vec<&str> = [&first, &last].into_iter().flatten().map(String::as_str).collect();
    person.profile.name = some(Some(names.join(" ")));
    person.profile.given_name = first;
    person.profile.family_name = last;
    // With --natural-foreign a group is its name in a list, else only its number in the other database.
    for group in one.groups {
        match group.get(0).and_then(Value::as_str) {
            Some(name) => person.groups.push(name.to_owned()),
            None => person.leave_out(GROUPS),
        }
    }
    Ok(Box::new(person))
}
