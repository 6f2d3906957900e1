//! The declaration of a setting, without its value.

use serde::Serialize;

use super::value_type::{self, ValueType};

/// A setting as it is declared, without its value.
#[derive(Clone, Debug, Serialize)]
pub struct Declared {
    /// The heading under which it is listed.
    pub section: &'static str,
    /// The path in the file.
    #[serde(rename = "key")]
    pub path: &'static str,
    /// Other paths that mean the same.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub aliases: &'static [&'static str],
    /// The name in the environment.
    pub env: String,
    /// Names in the environment that many tools use. They count if the setting is given nowhere
    /// else.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub common_env: &'static [&'static str],
    /// The form of its value.
    #[serde(rename = "type", serialize_with = "value_type::in_words")]
    pub form: ValueType,
    /// The unit of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'static str>,
    /// The default value; `None` if there is no value then.
    pub default: Option<String>,
    /// Whether its value is never shown.
    pub secret: bool,
    /// Its description, for operators.
    #[serde(rename = "description")]
    pub words: String,
}

/// The name in the environment: `token.access_lifetime` is `MAPAE_TOKEN_ACCESS_LIFETIME`.
#[must_use]
pub fn env(path: &str) -> String {
    format!("MAPAE_{}", path.replace('.', "_").to_uppercase())
}
