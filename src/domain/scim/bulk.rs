//! The operations of a bulk request, RFC 7644 §3.7, and how they refer to one another.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::refusal::{ScimRefusal, ScimResult, ScimType};

/// How an operation refers to the resource that another one makes.
const REFERENCE: &str = "bulkId:";

/// The ids of what was made, by `bulkId`.
pub type Made = BTreeMap<String, String>;

/// An operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `method`, in upper case.
    pub method: String,
    /// `path`, as it was sent.
    pub path: String,
    /// `bulkId`. A POST has one.
    pub bulk_id: Option<String>,
    /// `version`.
    pub version: Option<String>,
    data: Value,
}

/// Reads the body of a bulk request of at most so many operations.
pub fn operations(body: &Value, most: usize) -> ScimResult<Vec<Operation>> {
    let Some(all) = body.get("Operations").and_then(Value::as_array) else {
        return Err(ScimRefusal::bad(ScimType::InvalidSyntax, "Operations is a list"));
    };
    if all.len() > most {
        let why = format!("a bulk request has at most {most} operations");
        return Err(ScimRefusal::new(413, why));
    }
    all.iter().map(read).collect()
}

fn read(one: &Value) -> ScimResult<Operation> {
    let text = |name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
    let syntax = |why: &str| ScimRefusal::bad(ScimType::InvalidSyntax, why);
    let method = text("method").unwrap_or_default().to_ascii_uppercase();
    if !["POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
        return Err(syntax("method is POST, PUT, PATCH or DELETE"));
    }
    let path = text("path").ok_or_else(|| syntax("an operation has a path"))?;
    let bulk_id = text("bulkId");
    if method == "POST" && bulk_id.is_none() {
        return Err(syntax("a POST has a bulkId"));
    }
    let data = one.get("data").cloned().unwrap_or_default();
    Ok(Operation { method, path, bulk_id, version: text("version"), data })
}

impl Operation {
    /// Whether it refers to a resource that is not made yet.
    #[must_use]
    pub fn waits(&self, made: &Made) -> bool {
        let is_open = |text: &str| {
            text.split_once(REFERENCE).is_some_and(|(_, id)| {
                let id = id.split('/').next().unwrap_or_default();
                !made.contains_key(id)
            })
        };
        is_open(&self.path) || any_text(&self.data, &is_open)
    }

    /// The segments of its path and the query behind it, with the ids of what was made.
    #[must_use]
    pub fn segments(&self, made: &Made) -> (Vec<String>, &str) {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let segment = |segment: &str| match segment.strip_prefix(REFERENCE) {
            Some(id) => made.get(id).cloned().unwrap_or_default(),
            None => segment.to_owned(),
        };
        (path.trim_matches('/').split('/').map(segment).collect(), query)
    }

    /// Its data with the ids of what was made.
    #[must_use]
    pub fn data(&self, made: &Made) -> Value {
        resolved(&self.data, made)
    }
}

fn any_text(value: &Value, holds: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => text.starts_with(REFERENCE) && holds(text),
        Value::Array(all) => all.iter().any(|one| any_text(one, holds)),
        Value::Object(members) => members.values().any(|one| any_text(one, holds)),
        _ => false,
    }
}

fn resolved(value: &Value, made: &Made) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix(REFERENCE).and_then(|id| made.get(id)) {
            Some(id) => id.clone().into(),
            None => value.clone(),
        },
        Value::Array(all) => all.iter().map(|one| resolved(one, made)).collect(),
        Value::Object(members) => {
            let each = members.iter().map(|(name, one)| (name.clone(), resolved(one, made)));
            Value::Object(each.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}
