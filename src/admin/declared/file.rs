//! Reading and writing the file, with the line of each key.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use crate::domain::verdict::{OrRejected, Rejected, reject};

/// An object as the file declares it.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) members: Map<String, Value>,
    pub(super) lines: BTreeMap<String, usize>,
}

/// An object as a table of TOML.
pub(super) fn written(
    word: &str,
    members: &Map<String, Value>,
) -> Result<String, toml::ser::Error> {
    // What a value of TOML cannot say is not written in a table of a table.
    let one =
        Value::from_iter([(word.to_owned(), Value::from(vec![Value::Object(members.clone())]))]);
    toml::to_string(&one)
}

/// The objects of a file, by the word of their kind.
pub(super) fn read(source: &str) -> OrRejected<BTreeMap<String, Vec<Declared>>> {
    let parsed = DeTable::parse(source).map_err(|error| {
        let line = error.span().map_or(1, |span| line(source, span.start));
        Rejected(format!("line {line}: {}", error.message()))
    })?;
    let mut every: BTreeMap<String, Vec<Declared>> = BTreeMap::new();
    for (word, value) in parsed.into_inner() {
        let at = line(source, word.span().start);
        let word = word.into_inner().into_owned();
        let DeValue::Array(tables) = value.into_inner() else {
            return reject(format!("line {at}: write [[{word}]]"));
        };
        let objects = every.entry(word.clone()).or_default();
        for table in tables {
            let at = line(source, table.span().start);
            let DeValue::Table(table) = table.into_inner() else {
                return reject(format!("line {at}: write [[{word}]]"));
            };
            objects.push(object(source, at, table)?);
        }
    }
    Ok(every)
}

fn object(source: &str, at: usize, table: DeTable<'_>) -> OrRejected<Declared> {
    let (mut members, mut lines) = (Map::new(), BTreeMap::new());
    for (key, value) in table {
        let here = line(source, key.span().start);
        let key = key.into_inner().into_owned();
        let Some(value) = json(value.into_inner()) else {
            return reject(format!("line {here}: {key}: this kind of value is not used"));
        };
        lines.insert(key.clone(), here);
        members.insert(key, value);
    }
    Ok(Declared { name: String::new(), line: at, members, lines })
}

fn json(value: DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::from(text.into_owned()),
        DeValue::Integer(number) => {
            Value::from(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        DeValue::Boolean(flag) => Value::from(flag),
        DeValue::Array(items) => {
            let items = items.into_iter().map(|item| json(item.into_inner()));
            Value::from(items.collect::<Option<Vec<_>>>()?)
        }
        DeValue::Table(table) => {
            let member = |(key, value): (
                toml::Spanned<std::borrow::Cow<'_, str>>,
                toml::Spanned<DeValue<'_>>,
            )| {
                Some((key.into_inner().into_owned(), json(value.into_inner())?))
            };
            Value::Object(table.into_iter().map(member).collect::<Option<Map<_, _>>>()?)
        }
        DeValue::Float(_) | DeValue::Datetime(_) => return None,
    })
}

fn line(source: &str, at: usize) -> usize {
    source.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_line() {
        for (source, words) in [
            ("\n[[client]]\nclient_id = \n", "line 3"),
            ("client = 1", "line 1: write [[client]]"),
            ("[[client]]\nclient_id = \"a\"\nlater = 1.5\n", "line 3: later"),
        ] {
            let said = read(source).unwrap_err().to_string();
            assert!(said.starts_with(words), "{said}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let members = serde_json::json!({
            "client_id": "a", "list": ["x", "y"], "flag": true, "number": 5,
            "client_secret": { "env": "A_SECRET" }, "text": "한 \"줄\"\n",
        });
        let members = members.as_object().cloned().unwrap();
        let read = read(&written("client", &members).unwrap()).unwrap();
        assert_eq!(read["client"][0].members, members);
    }
}
