//! Changes, RFC 7644 §3.5.2, with the forms that Entra and Okta send.

use serde_json::{Map, Value, json};

use super::attribute_name::{is_of_enterprise, without_urn};
use super::path::Path;
use super::refusal::{ScimRefusal, ScimResult, ScimType};
use super::schema::{Attribute, Meant, Mutability, ResourceType, Type};

/// What is done to an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Add values.
    Add,
    /// Replace values.
    Replace,
    /// Remove values.
    Remove,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What is done.
    pub op: Op,
    /// To what; `None`: to the attributes that the value names.
    pub path: Option<String>,
    /// The value.
    pub value: Value,
}

/// The most changes of a request.
const MOST: usize = 1000;

/// Reads the body of a PATCH.
pub fn operations(body: &Value) -> ScimResult<Vec<Operation>> {
    let syntax = |why: &str| ScimRefusal::bad(ScimType::InvalidSyntax, why);
    let Some(Value::Array(all)) = member(body, "Operations") else {
        return Err(syntax("Operations is a list of changes"));
    };
    if all.is_empty() || all.len() > MOST {
        return Err(syntax(&format!("a request has 1 to {MOST} changes")));
    }
    all.iter().map(operation).collect()
}

fn operation(one: &Value) -> ScimResult<Operation> {
    let syntax = |why: &str| ScimRefusal::bad(ScimType::InvalidSyntax, why);
    let op = member(one, "op").and_then(Value::as_str).unwrap_or_default();
    // Entra writes `Add`, `Replace` and `Remove`.
    let op = match op.to_ascii_lowercase().as_str() {
        "add" => Op::Add,
        "replace" => Op::Replace,
        "remove" => Op::Remove,
        _ => return Err(syntax("op is add, replace or remove")),
    };
    let path = match member(one, "path") {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) if path.is_empty() => None,
        Some(Value::String(path)) => Some(path.clone()),
        Some(_) => return Err(ScimRefusal::bad(ScimType::InvalidPath, "path is a text")),
    };
    let value = member(one, "value").cloned().unwrap_or_default();
    match (op, &path) {
        // RFC 7644 §3.5.2.2
        (Op::Remove, None) => {
            Err(ScimRefusal::bad(ScimType::NoTarget, "what is removed needs a path"))
        }
        (Op::Add | Op::Replace, None) if !value.is_object() => {
            Err(ScimRefusal::value("without a path, the value names the attributes"))
        }
        _ => Ok(Operation { op, path, value }),
    }
}

/// The member of this name, without regard to case.
fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let members = object.as_object()?;
    members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The same changes, each with a path: a change without one names attributes in its value. What
/// every resource has, and no change reaches, is left out there.
#[must_use]
pub fn with_paths(operations: &[Operation]) -> Vec<(Op, String, Value, bool)> {
    let mut each = Vec::new();
    for Operation { op, path, value } in operations {
        match (path, value) {
            (Some(path), value) => each.push((*op, path.clone(), value.clone(), true)),
            (None, Value::Object(members)) => {
                for (name, value) in members {
                    each.push((*op, name.clone(), value.clone(), false));
                }
            }
            (None, _) => {}
        }
    }
    each
}

/// Makes changes to a resource.
pub fn apply(
    of: ResourceType,
    resource: &mut Map<String, Value>,
    operations: &[Operation],
) -> ScimResult<()> {
    for (op, path, value, is_named) in with_paths(operations) {
        if !is_named && is_ignored(&path, of) {
            continue;
        }
        apply_one(of, resource, (op, &path), &value, is_named)?;
    }
    Ok(())
}

/// Whether a name in a value without a path is left out: what is read only, what is not kept, and
/// what nobody knows.
#[must_use]
pub fn is_ignored(name: &str, of: ResourceType) -> bool {
    let plain = without_urn(name);
    let first = plain.split(['.', '[']).next().unwrap_or_default();
    is_of_enterprise(name)
        || match of.meant(first) {
            Meant::Kept(attribute) => attribute.mutability == Mutability::ReadOnly,
            Meant::NotKept | Meant::Nothing => true,
        }
}

fn apply_one(
    of: ResourceType,
    resource: &mut Map<String, Value>,
    (op, path): (Op, &str),
    value: &Value,
    is_named: bool,
) -> ScimResult<()> {
    let Path::Kept { attribute, filter, sub } = Path::parse(path, of)? else { return Ok(()) };
    if attribute.mutability == Mutability::ReadOnly {
        return if is_named { Err(read_only(attribute)) } else { Ok(()) };
    }
    // RFC 7644 §3.5.2: to replace by nothing is to remove.
    let op = if op == Op::Replace && value.is_null() { Op::Remove } else { op };
    if op == Op::Remove {
        let removed = value_to_remove(attribute, sub, value)?;
        return remove(resource, attribute, sub, |one| {
            filter.as_ref().is_none_or(|filter| filter.matches(one))
                && removed.as_ref().is_none_or(|removed| removed.contains(&key_of(one)))
        });
    }
    if !attribute.many {
        let mut entry = resource.remove(attribute.name).unwrap_or_default();
        change(&mut entry, attribute, sub, value)?;
        resource.insert(attribute.name.to_owned(), entry);
        return Ok(());
    }
    let Some(filter) = filter else {
        return in_list(resource, attribute, |values| {
            if sub.is_none() {
                let new = read_many(attribute, value)?;
                if op == Op::Replace {
                    values.clear();
                }
                return add(values, new);
            }
            if values.is_empty() {
                values.push(Value::Object(Map::new()));
            }
            values.iter_mut().try_for_each(|one| change(one, attribute, sub, value))
        });
    };
    in_list(resource, attribute, |values| {
        let mut matched = false;
        for one in values.iter_mut().filter(|one| filter.matches(one)) {
            matched = true;
            change(one, attribute, sub, value)?;
        }
        if matched {
            return Ok(());
        }
        if op == Op::Add {
            let mut one = Value::Object(Map::new());
            change(&mut one, attribute, sub, value)?;
            put_type(&mut one, attribute, path);
            values.push(one);
            return Ok(());
        }
        // RFC 7644 §3.5.2.3
        let why = format!("no value of {} matches", attribute.name);
        Err(ScimRefusal::bad(ScimType::NoTarget, why))
    })
}

fn read_only(attribute: &Attribute) -> ScimRefusal {
    ScimRefusal::bad(ScimType::Mutability, format!("{} cannot be changed", attribute.name))
}

/// Changes the values of an attribute that has many.
fn in_list(
    resource: &mut Map<String, Value>,
    attribute: &Attribute,
    change: impl FnOnce(&mut Vec<Value>) -> ScimResult<()>,
) -> ScimResult<()> {
    let mut values = match resource.remove(attribute.name) {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    };
    change(&mut values)?;
    resource.insert(attribute.name.to_owned(), Value::Array(values));
    Ok(())
}

/// The most values of an attribute of a person: they are compared with each other.
const MOST_VALUES: usize = 200;

/// Adds values that are not there yet. A new primary value is the only primary one.
fn add(values: &mut Vec<Value>, new: Vec<Value>) -> ScimResult<()> {
    if new.iter().any(|one| one.get("primary") == Some(&Value::Bool(true))) {
        for one in values.iter_mut().filter_map(Value::as_object_mut) {
            one.insert("primary".to_owned(), false.into());
        }
    }
    if values.len() + new.len() > MOST_VALUES {
        return Err(ScimRefusal::value(format!("an attribute has at most {MOST_VALUES} values")));
    }
    for one in new {
        let is_there = values.iter().any(|known| key_of(known) == key_of(&one));
        if is_there {
            values.retain(|known| key_of(known) != key_of(&one));
        }
        values.push(one);
    }
    Ok(())
}

/// By what a value among many is recognised.
fn key_of(one: &Value) -> String {
    let value = one.get("value").unwrap_or(one);
    value.as_str().map_or_else(|| value.to_string(), str::to_lowercase)
}

/// A value that a filter did not find has what the filter asked for, if that is a type.
fn put_type(one: &mut Value, attribute: &Attribute, path: &str) {
    let asked = path.split('"').nth(1).filter(|_| path.to_ascii_lowercase().contains("[type eq "));
    if let (Some(asked), Some(members)) = (asked, one.as_object_mut())
        && attribute.sub("type").is_some()
    {
        members.insert("type".to_owned(), asked.into());
    }
}

/// Changes one value: all of it, or one of its parts.
fn change(
    entry: &mut Value,
    attribute: &'static Attribute,
    sub: Option<&'static Attribute>,
    value: &Value,
) -> ScimResult<()> {
    match (sub, attribute.of) {
        (Some(sub), _) => {
            if sub.mutability == Mutability::ReadOnly {
                return Err(read_only(sub));
            }
            let new = read_one(sub, value)?;
            in_members(entry, |members| {
                members.insert(sub.name.to_owned(), new);
            });
        }
        (None, Type::Complex) => {
            let new = read_one(attribute, value)?;
            in_members(entry, |members| {
                let new = new.as_object().into_iter().flatten();
                members.extend(new.map(|(name, value)| (name.clone(), value.clone())));
            });
        }
        (None, _) => *entry = read_one(attribute, value)?,
    }
    Ok(())
}

/// Changes the members of an object; what is no object becomes one.
fn in_members(entry: &mut Value, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut members = match entry.take() {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    change(&mut members);
    *entry = Value::Object(members);
}

/// The keys of the values that a removal names; `None` if it names none. Entra names the members to
/// be removed in the value.
fn value_to_remove(
    attribute: &'static Attribute,
    sub: Option<&Attribute>,
    value: &Value,
) -> ScimResult<Option<Vec<String>>> {
    if value.is_null() || !attribute.many || sub.is_some() {
        return Ok(None);
    }
    Ok(Some(read_many(attribute, value)?.iter().map(key_of).collect()))
}

fn remove(
    resource: &mut Map<String, Value>,
    attribute: &Attribute,
    sub: Option<&Attribute>,
    is_meant: impl Fn(&Value) -> bool,
) -> ScimResult<()> {
    // RFC 7644 §3.5.2.2
    if attribute.required {
        return Err(read_only(attribute));
    }
    match (resource.get_mut(attribute.name), sub) {
        (Some(Value::Array(values)), Some(sub)) => {
            for one in values.iter_mut().filter(|one| is_meant(one)) {
                in_members(one, |members| drop(members.remove(sub.name)));
            }
            values.retain(|one| one.get("value").is_some());
        }
        (Some(Value::Array(values)), None) => values.retain(|one| !is_meant(one)),
        (Some(Value::Object(members)), Some(sub)) => {
            members.remove(sub.name);
        }
        (Some(_), None) => {
            resource.remove(attribute.name);
        }
        _ => {}
    }
    Ok(())
}

/// The attributes of a whole resource that a connector sends. What is read only, not kept or unknown
/// is left out, RFC 7644 §3.3 and §3.5.1.
pub fn resource(of: ResourceType, body: &Value) -> ScimResult<Map<String, Value>> {
    let Some(sent) = body.as_object() else {
        return Err(ScimRefusal::bad(ScimType::InvalidSyntax, "the body is a JSON object"));
    };
    let mut read = Map::new();
    for (name, value) in sent {
        let Meant::Kept(attribute) = of.meant(without_urn(name)) else { continue };
        if attribute.mutability == Mutability::ReadOnly {
            continue;
        }
        let value = if attribute.many {
            Value::Array(read_many(attribute, value)?)
        } else {
            read_one(attribute, value)?
        };
        read.insert(attribute.name.to_owned(), value);
    }
    Ok(read)
}

fn read_many(attribute: &'static Attribute, value: &Value) -> ScimResult<Vec<Value>> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(values) => values.iter().map(|one| read_one(attribute, one)).collect(),
        one => Ok(vec![read_one(attribute, one)?]),
    }
}

/// Reads one value of an attribute, in the form that is kept.
fn read_one(attribute: &'static Attribute, value: &Value) -> ScimResult<Value> {
    let wrong = || ScimRefusal::value(format!("{} has a value of another type", attribute.name));
    match (attribute.of, value) {
        (_, Value::Null) => Ok(Value::Null),
        (Type::String | Type::Reference | Type::DateTime, Value::String(_))
        | (Type::Boolean, Value::Bool(_)) => Ok(value.clone()),
        // Entra sends "True" and "False".
        (Type::Boolean, Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => Err(wrong()),
        },
        (Type::Complex, Value::Object(sent)) => {
            let mut members = Map::new();
            for (name, value) in sent {
                let Some(sub) = attribute.sub(name) else { continue };
                if sub.mutability != Mutability::ReadOnly {
                    members.insert(sub.name.to_owned(), read_one(sub, value)?);
                }
            }
            Ok(Value::Object(members))
        }
        // A bare address or id.
        (Type::Complex, Value::String(_)) if attribute.many => Ok(json!({ "value": value })),
        // Some connectors send a list of one.
        (_, Value::Array(values)) if !attribute.many => match values.as_slice() {
            [Value::Object(only)] if only.contains_key("value") => {
                read_one(attribute, only.get("value").unwrap_or(&Value::Null))
            }
            [only] if !only.is_array() => read_one(attribute, only),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}
