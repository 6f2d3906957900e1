//! The character NUL, which no text of the database has.

use serde_json::Value;

/// Whether a text or a name in this JSON has one.
#[must_use]
pub fn is_within(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(is_within),
        Value::Object(members) => {
            members.iter().any(|(name, value)| name.contains('\0') || is_within(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
