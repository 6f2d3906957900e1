//! The JSON Schema of the settings file (draft 2020-12), for editors.

use serde_json::{Map, Value, json};

use super::declared::Declared;
use super::table::{KeyType, Table, TableKey};
use super::value_type::ValueType;

/// The whole schema.
#[must_use]
pub fn json(declared: &[Declared], tables: &[Table]) -> Value {
    let mut root = Map::new();
    for one in declared {
        put(&mut root, one.path, property(one));
        for alias in one.aliases {
            put(&mut root, alias, property(one));
        }
    }
    for table in tables {
        let mut of = object(&table.keys);
        of.insert("description".to_owned(), without_links(table.words).into());
        root.insert(table.name.to_owned(), json!({ "type": "array", "items": of }));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of mapae",
        "type": "object",
        "additionalProperties": false,
        "properties": root,
    })
}

/// Puts a property at its path. Missing tables on the path are created.
fn put(properties: &mut Map<String, Value>, path: &str, property: Value) {
    let Some((first, rest)) = path.split_once('.') else {
        properties.insert(path.to_owned(), property);
        return;
    };
    let empty = || json!({ "type": "object", "additionalProperties": false, "properties": {} });
    let table = properties.entry(first).or_insert_with(empty);
    if let Some(inner) = table.get_mut("properties").and_then(Value::as_object_mut) {
        put(inner, rest, property);
    }
}

fn property(one: &Declared) -> Value {
    let mut schema = match &one.form {
        ValueType::Text(_) | ValueType::Path(_) => json!({ "type": "string" }),
        ValueType::Duration(least, most) => {
            let digits = if *least == 0 { "[0-9]+" } else { "0*[1-9][0-9]*" };
            json!({
                "type": ["string", "integer"],
                "pattern": format!("^{digits}[smhd]?$"),
                "minimum": least,
                "maximum": most,
            })
        }
        ValueType::Whole(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        ValueType::Flag => json!({ "type": "boolean" }),
        ValueType::OneOf(known) => json!({ "enum": known }),
        ValueType::OneOfNumbers(known) => json!({ "enum": known }),
        ValueType::List(_) => json!({ "type": ["array", "string"], "items": { "type": "string" } }),
    };
    let default = one.default.as_deref().and_then(|text| default(&one.form, text));
    if let Some(schema) = schema.as_object_mut() {
        let description = one.unit.map_or_else(
            || without_links(&one.words),
            |unit| format!("{} ({unit})", one.words.trim_end_matches('.')),
        );
        schema.insert("description".to_owned(), description.into());
        schema.extend(default.map(|default| ("default".to_owned(), default)));
    }
    schema
}

/// Removes links but keeps their text, since relative links do not work in an editor.
fn without_links(words: &str) -> String {
    let mut plain = String::new();
    let mut rest = words;
    while let Some((before, after)) = rest.split_once("](") {
        let target = after.find(')').map_or(after.len(), |end| end + 1);
        match before.rsplit_once('[') {
            Some((text, link)) => plain.extend([text, link]),
            None => plain.push_str(before),
        }
        rest = after.get(target..).unwrap_or_default();
    }
    plain + rest
}

/// The default as a JSON value of this form; `None` where it depends on the machine.
fn default(form: &ValueType, text: &str) -> Option<Value> {
    match form {
        ValueType::Whole(..) | ValueType::OneOfNumbers(_) => {
            text.parse::<u32>().ok().map(Value::from)
        }
        ValueType::Flag => text.parse::<bool>().ok().map(Value::from),
        _ => Some(text.into()),
    }
}

fn object(keys: &[TableKey]) -> Map<String, Value> {
    let properties: Map<_, _> = keys.iter().map(|key| (key.name.to_owned(), of_key(key))).collect();
    let required: Vec<_> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut object = Map::new();
    object.insert("type".to_owned(), "object".into());
    object.insert("additionalProperties".to_owned(), false.into());
    object.insert("required".to_owned(), required.into());
    object.insert("properties".to_owned(), properties.into());
    object
}

fn of_key(key: &TableKey) -> Value {
    let mut schema = match &key.form {
        KeyType::Text | KeyType::Path => json!({ "type": "string" }),
        KeyType::OneOf(known) => json!({ "enum": known }),
        KeyType::Flag => json!({ "type": "boolean" }),
        KeyType::ByLanguage => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        KeyType::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        KeyType::Tables(inner) => json!({ "type": "array", "items": object(inner) }),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), key.words.as_str().into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_link_its_words_stay() {
        for (words, plain) in [
            ("none", "none"),
            ("see [a.md](b/a.md#c) and [x](y).", "see a.md and x."),
            ("each `[[social]]`: see [a](b)", "each `[[social]]`: see a"),
        ] {
            assert_eq!(without_links(words), plain);
        }
    }
}
