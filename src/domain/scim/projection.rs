//! Which attributes an answer has, RFC 7644 §3.9.

use serde_json::{Map, Value};

use super::attribute_name::without_urn;

/// What a request asks for.
#[derive(Clone, Debug, Default)]
pub struct Projection {
    /// `attributes`: these alone, and what every resource has.
    pub attributes: Vec<String>,
    /// `excludedAttributes`: all but these.
    pub excluded: Vec<String>,
}

/// What every answer has.
const ALWAYS: &[&str] = &["schemas", "id"];

impl Projection {
    /// Whether the answer has this attribute or a part of it.
    #[must_use]
    pub fn shows(&self, name: &str) -> bool {
        let is_it = |asked: &String| {
            let asked = without_urn(asked);
            asked.split('.').next().is_some_and(|first| first.eq_ignore_ascii_case(name))
        };
        if self.attributes.is_empty() {
            let is_whole = |asked: &&String| !without_urn(asked).contains('.');
            return !self.excluded.iter().filter(is_whole).any(is_it);
        }
        self.attributes.iter().any(is_it)
    }

    /// The part of a resource that is shown.
    #[must_use]
    pub fn of(&self, resource: Value) -> Value {
        let Value::Object(members) = resource else { return resource };
        let mut shown = Map::new();
        for (name, value) in members {
            if ALWAYS.contains(&name.as_str()) {
                shown.insert(name, value);
            } else if self.shows(&name) {
                let part = self.parts(&name, value);
                shown.insert(name, part);
            }
        }
        Value::Object(shown)
    }

    /// The parts of an attribute that are shown.
    fn parts(&self, name: &str, value: Value) -> Value {
        let of_this = |asked: &String| {
            let (first, part) = without_urn(asked).split_once('.')?;
            first.eq_ignore_ascii_case(name).then(|| part.to_ascii_lowercase())
        };
        let is_whole = |asked: &String| without_urn(asked).eq_ignore_ascii_case(name);
        if self.attributes.is_empty() {
            let hidden: Vec<_> = self.excluded.iter().filter_map(of_this).collect();
            return only(value, &|part| !hidden.contains(&part.to_ascii_lowercase()));
        }
        if self.attributes.iter().any(is_whole) {
            return value;
        }
        let shown: Vec<_> = self.attributes.iter().filter_map(of_this).collect();
        only(value, &|part| shown.contains(&part.to_ascii_lowercase()))
    }
}

fn only(value: Value, is_shown: &impl Fn(&str) -> bool) -> Value {
    match value {
        Value::Object(members) => {
            members.into_iter().filter(|(name, _)| is_shown(name)).collect::<Map<_, _>>().into()
        }
        Value::Array(values) => {
            values.into_iter().map(|one| only(one, is_shown)).collect::<Vec<_>>().into()
        }
        other => other,
    }
}
