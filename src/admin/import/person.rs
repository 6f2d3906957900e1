//! A person as a row describes them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::domain::foreign_hash::{self, HashRefused, ReadHash};
use crate::domain::group::GroupName;
use crate::domain::person;
use crate::domain::secret::Secret;
use crate::domain::user::Profile;

/// The most groups and identities of a person who comes by a request.
const MOST_GROUPS: usize = 100;
const MOST_IDENTITIES: usize = 20;
/// How long a check of their hash may take, in nanoseconds: bcrypt with a cost of 13 takes less.
const WORK: u64 = 500_000_000;
const AT_THE_MACHINE: &str = "import this person with `mapae import`";

/// A person who is imported.
#[derive(Debug, Default)]
pub(super) struct NewPerson {
    /// The subject identifier, where tokens of the other program had one that may be ours.
    pub(super) id: Option<String>,
    pub(super) username: String,
    pub(super) email: Option<String>,
    pub(super) email_verified: bool,
    pub(super) profile: Profile,
    pub(super) hash: Option<NewHash>,
    /// Whether the password has to be changed at the first sign-in.
    pub(super) temporary: bool,
    /// The secret of one-time codes.
    pub(super) totp: Option<Secret<Vec<u8>>>,
    /// The identities: the name of the provider, and the subject there.
    pub(super) identities: Vec<(String, String)>,
    /// The names of the groups.
    pub(super) groups: Vec<String>,
    /// The attributes that are no standard claims, by name.
    pub(super) attributes: BTreeMap<String, String>,
    /// The values of those that the operator has declared.
    pub(super) values: Vec<(String, Value)>,
    pub(super) disabled: bool,
    pub(super) created_at: Option<DateTime<Utc>>,
    /// What the row has besides that is not taken.
    pub(super) left_out: Vec<&'static str>,
}

/// The hash of a password.
#[derive(Debug)]
pub(super) enum NewHash {
    /// It is one of our own.
    Own(String),
    /// Another program made it.
    Foreign(ReadHash),
}

/// What is left out of a row that is taken.
pub(super) const GROUPS: &str = "groups";
pub(super) const ATTRIBUTES: &str = "attributes";
pub(super) const FACTORS: &str = "second_factors";

impl NewPerson {
    /// The person, if their names and their address are well formed.
    pub(super) fn checked(mut self: Box<Self>) -> Result<Self, String> {
        let username = self.username.trim().to_owned();
        self.username = username;
        if self.username.is_empty() {
            return Err("there is no user name".to_owned());
        }
        if person::username_key(&self.username).is_none() {
            return Err(
                "the user name has no canonical form (RFC 8265): no spaces, no invisible characters"
                    .to_owned(),
            );
        }
        self.email = self.email.map(|email| email.trim().to_owned()).filter(|one| !one.is_empty());
        match &self.email {
            Some(email) if person::email_key(email).is_none() => {
                return Err("the e-mail address is not valid".to_owned());
            }
            Some(_) => {}
            None => self.email_verified = false,
        }
        self.groups.sort();
        self.groups.dedup();
        for group in &self.groups {
            if let Err(bad) = GroupName::parse(group) {
                return Err(format!("the group {group:?}: {bad}"));
            }
        }
        Ok(*self)
    }

    /// Refuses what costs more than a request may: a hash that is slow to check is so at every attempt
    /// to sign in, and each group and identity is looked up.
    pub(super) fn within_a_request(self) -> Result<Self, String> {
        if self.groups.len() > MOST_GROUPS || self.identities.len() > MOST_IDENTITIES {
            return Err(format!(
                "more than {MOST_GROUPS} groups or {MOST_IDENTITIES} identities: {AT_THE_MACHINE}"
            ));
        }
        match &self.hash {
            Some(NewHash::Foreign(ReadHash::Strong(hash))) if hash.work() > WORK => {
                Err(format!("the password hash is too costly for a request: {AT_THE_MACHINE}"))
            }
            _ => Ok(self),
        }
    }

    /// Whether the hash of the password is so weak that it is not stored as it is.
    pub(super) fn has_weak_hash(&self) -> bool {
        matches!(self.hash, Some(NewHash::Foreign(ReadHash::Weak(_))))
    }

    /// The keys of all names by which they sign in.
    pub(super) fn keys(&self) -> Vec<String> {
        person::keys(&self.username, self.email.as_deref().filter(|_| self.email_verified))
    }

    /// Takes attributes: those that are standard claims become claims. `Err` names one of a wrong
    /// type.
    pub(super) fn take_attributes(&mut self, attributes: Map<String, Value>) -> Result<(), String> {
        let mut others = Map::new();
        for (name, value) in attributes {
            if value.is_null() {
                continue;
            }
            let value = plain(&name, value);
            let claim = Map::from_iter([(name.clone(), value.clone())]);
            match serde_json::from_value::<Profile>(Value::Object(claim)) {
                Ok(claim) => self.profile.follow(claim),
                Err(_) if is_claim(&name) => {
                    return Err(format!("the attribute {name:?} has a value of a wrong type"));
                }
                Err(_) => drop(others.insert(name, value)),
            }
        }
        self.take_other_attributes(others);
        Ok(())
    }

    /// Takes attributes of which none is a standard claim. A list or an object is the value of no
    /// attribute, and is left out.
    pub(super) fn take_other_attributes(&mut self, attributes: Map<String, Value>) {
        for (name, value) in attributes {
            match text(plain(&name, value)) {
                Some(text) => drop(self.attributes.insert(name, text)),
                None => self.leave_out(ATTRIBUTES),
            }
        }
    }

    /// Notes that something of the row is not taken.
    pub(super) fn leave_out(&mut self, what: &'static str) {
        if !self.left_out.contains(&what) {
            self.left_out.push(what);
        }
    }
}

/// The text of a value that is neither a list nor an object.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A list of one value is that value, and a flag may be written as text.
fn plain(name: &str, value: Value) -> Value {
    match value {
        Value::Array(mut some) if some.len() == 1 => plain(name, some.remove(0)),
        Value::String(text) if name == "phone_number_verified" => match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::String(text),
        },
        // The address is a JSON object (OpenID Connect Core §5.1.1); some write it as one line.
        Value::String(text) if name == "address" => serde_json::from_str(&text)
            .ok()
            .filter(Value::is_object)
            .unwrap_or_else(|| serde_json::json!({ "formatted": text })),
        other => other,
    }
}

fn is_claim(name: &str) -> bool {
    const PROFILE: [&str; 15] = [
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "phone_number",
        "phone_number_verified",
        "address",
    ];
    PROFILE.contains(&name)
}

/// Reads a password hash; none and an empty one mean that there is no password.
pub(super) fn hash(text: Option<&str>) -> Result<Option<NewHash>, String> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => of_read(foreign_hash::read(text)),
    }
}

/// A hash that was read, or why it is not taken.
pub(super) fn of_read(read: Result<ReadHash, HashRefused>) -> Result<Option<NewHash>, String> {
    read.map(|hash| Some(NewHash::Foreign(hash))).map_err(|refused| refused.to_string())
}

/// A text, if it is not empty.
pub(super) fn some(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The subject identifier of another program, if it is a UUID, as ours are.
pub(super) fn uuid(text: Option<&str>) -> Option<String> {
    text.and_then(|text| uuid::Uuid::parse_str(text).ok()).map(|id| id.hyphenated().to_string())
}
