//! `[[social]]` in the settings file: the providers of social login.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::domain::provider::{Credential, Preset, ProviderMetadata, Registration, Slug};
use crate::domain::provider_metadata::{Attribute, AttributeForm};
use crate::domain::secret::Secret;
use crate::keys::secret_file;
use crate::settings::Collector;
use crate::settings::table::{KeyType, TableKey, table};
use crate::social::{self, Problems};

table! {
    /// What a table has besides the attributes of [`ProviderMetadata`].
    struct Raw {
        /// Its name in URLs, forms and `amr`: 1 to 32 of `a-z`, `0-9`, `-`, `_`. The button is
        /// `login-with-<slug>`.
        slug: String,
        /// The secret that the provider gave.
        client_secret: Option<String>,
        /// The file that holds the secret, instead of the secret itself.
        client_secret_file: Option<PathBuf>,
        /// Apple: the team that the key belongs to.
        team_id: Option<String>,
        /// Apple: the name of the key.
        key_id: Option<String>,
        /// Apple: the file that holds the private key, instead of a secret.
        private_key_file: Option<PathBuf>,
        /// Whether nobody can use it for now. What people opened by it stands still until then.
        #[serde(default)]
        disabled: bool,
    }
}

table! {
    /// What the reference says of a further client id; [`Audience`] reads it.
    #[expect(dead_code, reason = "declared for the reference")]
    struct RawAudience {
        /// A further client id there; for Kakao's access tokens the numeric app id.
        id: String,
        /// The clients here that may present its tokens. Without any it may only stand beside
        /// `client_id` in a token.
        #[serde(default)]
        clients: Vec<String>,
    }
}

/// The keys of a table: its slug, the attributes, and the credential.
fn keys() -> Vec<TableKey> {
    let mut keys = Raw::keys();
    let attributes = ProviderMetadata::ATTRIBUTES.iter().map(|attribute| TableKey {
        name: attribute.key(),
        form: match attribute.form {
            AttributeForm::Text => KeyType::Text,
            AttributeForm::Preset => KeyType::OneOf(Preset::ALL.map(Preset::as_str).to_vec()),
            AttributeForm::Texts => KeyType::Texts,
            AttributeForm::Flag => KeyType::Flag,
            AttributeForm::Audiences => KeyType::Tables(RawAudience::keys()),
        },
        required: attribute.is_required,
        words: attribute.words.to_owned(),
    });
    keys.splice(1..1, attributes);
    keys
}

/// The name of the tables in the file.
pub(super) const NAME: &str = "social";

/// Declares the tables and reads each. Errors become problems of the settings.
pub(super) fn read(from: &mut Collector) -> Vec<Registration> {
    from.begin("Social login");
    let words = "Each `[[social]]` is a provider of social login: see [social/README.md](social/README.md). It has no name in the environment.";
    let Some(value) = from.take_table(NAME, words, keys()) else { return Vec::new() };
    let toml::Value::Array(tables) = value else {
        from.problem(NAME, "is a list of tables: [[social]]");
        return Vec::new();
    };
    let mut read: Vec<Registration> = Vec::new();
    let mut slugs = BTreeSet::new();
    for (at, table) in tables.iter().enumerate() {
        let (raw, members) = match split(table) {
            Ok(parts) => parts,
            Err(problem) => {
                from.problem(&format!("{NAME}[{at}]"), problem);
                continue;
            }
        };
        let name = if raw.slug.is_empty() { at.to_string() } else { raw.slug.clone() };
        let registration = match registration(&raw, members) {
            Ok(registration) => registration,
            Err(problems) => {
                for (key, problem) in problems {
                    from.problem(&keyed(&name, key), problem);
                }
                continue;
            }
        };
        if !slugs.insert(registration.slug.clone()) {
            from.problem(&keyed(&name, "slug"), "is taken by another [[social]]");
        }
        for (key, value) in shown(&registration) {
            from.show_of_table(key, value);
        }
        read.push(registration);
    }
    read
}

/// Checks the providers against the setting for calls to private addresses.
pub(super) fn check(registrations: &[Registration], allow_private: bool, from: &mut Collector) {
    for one in registrations {
        for (key, problem) in social::check(one, allow_private).err().into_iter().flatten() {
            from.problem(&keyed(one.slug.as_str(), key), problem);
        }
    }
}

/// Splits a table into the attributes, by their names, and the other keys.
fn split(table: &toml::Value) -> Result<(Raw, Map<String, Value>), String> {
    let mut rest = table.clone();
    let mut members = Map::new();
    let of_table = rest.as_table_mut().ok_or("is not a table")?;
    for attribute in ProviderMetadata::ATTRIBUTES {
        let Some(value) = of_table.remove(attribute.key()) else { continue };
        let value = serde_json::to_value(value).map_err(|error| error.to_string())?;
        members.insert(attribute.name.to_owned(), value);
    }
    let raw = rest.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    let is_missing = |one: &&Attribute| one.is_required && !members.contains_key(one.name);
    match ProviderMetadata::ATTRIBUTES.iter().find(is_missing) {
        Some(missing) => Err(format!("missing field `{}`", missing.key())),
        None => Ok((raw, members)),
    }
}

/// The values of a provider that are in force, by their keys, without the secret.
fn shown(one: &Registration) -> Vec<(String, String)> {
    let Registration { slug, metadata, credential, disabled } = one;
    let members = metadata.to_json();
    let attribute = |attribute: &Attribute| {
        let value = members.get(attribute.name).map(plain).unwrap_or_default();
        (attribute.key(), value)
    };
    let (secret, team, key) = match credential {
        Credential::None => ("", "", ""),
        Credential::Secret(_) => ("(secret)", "", ""),
        Credential::Key { team, id, .. } => ("", team.as_str(), id.as_str()),
    };
    let private = if key.is_empty() { "" } else { "(secret)" };
    let more = [
        ("client_secret", secret.to_owned()),
        ("team_id", team.to_owned()),
        ("key_id", key.to_owned()),
        ("private_key_file", private.to_owned()),
        ("disabled", disabled.to_string()),
    ];
    let pairs = ProviderMetadata::ATTRIBUTES.iter().map(attribute).chain(more);
    // An empty value was not given.
    let given = pairs.filter(|(_, value)| !value.is_empty());
    given.map(|(key, value)| (keyed(slug.as_str(), key), value)).collect()
}

/// Writes a value of an attribute on one line.
fn plain(value: &Value) -> String {
    let every =
        |items: &[Value], between| items.iter().map(plain).collect::<Vec<_>>().join(between);
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_object) => every(items, " "),
        Value::Array(items) => every(items, ","),
        Value::Object(audience) => {
            let of = |name| audience.get(name).map(plain).unwrap_or_default();
            format!("{}={}", of("id"), of("clients"))
        }
        other => other.to_string(),
    }
}

fn keyed(name: &str, key: &str) -> String {
    format!("social.{name}.{key}")
}

fn registration(raw: &Raw, members: Map<String, Value>) -> Result<Registration, Problems> {
    let mut problems = Problems::default();
    let slug = Slug::parse(&raw.slug);
    if slug.is_none() {
        let shape = "must be 1 to 32 lower-case letters, digits, - and _";
        problems.add("slug", shape);
    }
    let preset = members.get("preset").and_then(Value::as_str).unwrap_or_default();
    let credential = credential(raw, preset).unwrap_or_else(|(key, problem)| {
        problems.add(key, problem);
        Credential::None
    });
    let metadata = ProviderMetadata::from_json(members);
    for (name, problem) in metadata.as_ref().err().into_iter().flat_map(|problems| &problems.0) {
        let of_name = ProviderMetadata::ATTRIBUTES.iter().find(|one| one.name == *name);
        problems.add(of_name.map_or(*name, Attribute::key), problem.clone());
    }
    match (slug, metadata) {
        (Some(slug), Ok(metadata)) if problems.is_empty() => {
            Ok(Registration { slug, metadata, credential, disabled: raw.disabled })
        }
        _ => Err(problems),
    }
}

/// A key in the table that does not belong to this preset, and why.
fn stray(raw: &Raw, preset: &str) -> Option<(&'static str, String)> {
    let is_apple = preset == Preset::Apple.as_str();
    let why = if is_apple {
        "is not for apple: it has team_id, key_id and private_key_file"
    } else {
        "is for the preset apple alone"
    };
    let given = [
        ("client_secret", is_apple && raw.client_secret.is_some()),
        ("client_secret_file", is_apple && raw.client_secret_file.is_some()),
        ("team_id", !is_apple && raw.team_id.is_some()),
        ("key_id", !is_apple && raw.key_id.is_some()),
        ("private_key_file", !is_apple && raw.private_key_file.is_some()),
    ];
    let stray = given.into_iter().find(|(_, is_stray)| *is_stray);
    stray.map(|(key, _)| (key, why.to_owned()))
}

fn credential(raw: &Raw, preset: &str) -> Result<Credential, (&'static str, String)> {
    if let Some(stray) = stray(raw, preset) {
        return Err(stray);
    }
    match (&raw.client_secret, &raw.client_secret_file) {
        (Some(_), Some(_)) => {
            let both = "is given together with client_secret_file: choose one";
            return Err(("client_secret", both.to_owned()));
        }
        (Some(secret), None) => return Ok(Credential::Secret(Secret::text(secret))),
        (None, Some(file)) => {
            let secret = text_of(file).map_err(|problem| ("client_secret_file", problem))?;
            return Ok(Credential::Secret(secret));
        }
        (None, None) => {}
    }
    match (&raw.team_id, &raw.key_id, &raw.private_key_file) {
        (None, None, None) => Ok(Credential::None),
        (Some(team), Some(id), Some(file)) => {
            let private = text_of(file).map_err(|problem| ("private_key_file", problem))?;
            Ok(Credential::Key { team: team.clone(), id: id.clone(), private })
        }
        (None, ..) => Err(("team_id", "is missing".to_owned())),
        (_, None, _) => Err(("key_id", "is missing".to_owned())),
        (.., None) => Err(("private_key_file", "is missing".to_owned())),
    }
}

fn text_of(file: &Path) -> Result<Secret, String> {
    match secret_file::read_text(file) {
        Ok(text) => Ok(Secret::text(text.expose().trim_end_matches(['\r', '\n']))),
        Err(unreadable) => Err(unreadable.to_string()),
    }
}
