//! Bulk requests, RFC 7644 §3.7: several operations, one after the other. An operation that refers
//! to a resource of a later one waits for it.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};

use super::answer::{Answer, Failed};
use super::limits::OPERATIONS;
use super::query;
use super::service::{Call, Service};
use crate::domain::scim::refusal::{ScimRefusal, ScimResult, ScimType};
use crate::domain::scim::schema::ResourceType;

/// How an operation refers to the resource that another one makes.
const REFERENCE: &str = "bulkId:";

/// An operation.
struct Operation {
    method: String,
    path: String,
    bulk_id: Option<String>,
    version: Option<String>,
    data: Value,
}

pub(super) async fn call(service: &Service<'_>, body: &Value) -> Result<Answer, Failed> {
    let syntax = |why: String| ScimRefusal::bad(ScimType::InvalidSyntax, why);
    let Some(all) = body.get("Operations").and_then(Value::as_array) else {
        return Err(syntax("Operations is a list".to_owned()).into());
    };
    if all.len() > OPERATIONS {
        let why = format!("a bulk request has at most {OPERATIONS} operations");
        return Err(ScimRefusal::new(413, why).into());
    }
    let stops_after = body.get("failOnErrors").and_then(Value::as_u64).unwrap_or(u64::MAX);
    let mut waiting: VecDeque<Operation> = all.iter().map(read).collect::<ScimResult<_>>()?;
    let (mut made, mut done, mut failures) = (BTreeMap::new(), Vec::new(), 0);
    // How many operations in a row could not begin: if all of them, they wait for one another.
    let mut put_back = 0;
    while let Some(operation) = waiting.pop_front() {
        let waits = unresolved(&operation, &made);
        if waits && put_back <= waiting.len() {
            put_back += 1;
            waiting.push_back(operation);
            continue;
        }
        put_back = 0;
        let answer = if waits {
            // RFC 7644 §3.7.1
            Err(ScimRefusal::new(409, "it refers to a bulkId that is not made").into())
        } else {
            run(service, &operation, &made).await
        };
        if answer.is_err() {
            failures += 1;
        }
        done.push(report(&operation, answer, &mut made));
        if failures >= stops_after {
            break;
        }
    }
    let schema = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
    Ok(Answer::of(json!({ "schemas": [schema], "Operations": done })))
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

/// Whether it refers to a resource that is not made yet.
fn unresolved(operation: &Operation, made: &BTreeMap<String, String>) -> bool {
    let is_open = |text: &str| {
        text.split_once(REFERENCE).is_some_and(|(_, id)| {
            let id = id.split('/').next().unwrap_or_default();
            !made.contains_key(id)
        })
    };
    is_open(&operation.path) || any_text(&operation.data, &is_open)
}

fn any_text(value: &Value, holds: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => text.starts_with(REFERENCE) && holds(text),
        Value::Array(all) => all.iter().any(|one| any_text(one, holds)),
        Value::Object(members) => members.values().any(|one| any_text(one, holds)),
        _ => false,
    }
}

/// The same with the ids of what was made.
fn resolved(value: &Value, made: &BTreeMap<String, String>) -> Value {
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

async fn run(
    service: &Service<'_>,
    operation: &Operation,
    made: &BTreeMap<String, String>,
) -> Result<Answer, Failed> {
    let (path, query) = operation.path.split_once('?').unwrap_or((&operation.path, ""));
    let segment = |segment: &str| match segment.strip_prefix(REFERENCE) {
        Some(id) => made.get(id).cloned().unwrap_or_default(),
        None => segment.to_owned(),
    };
    let segments: Vec<String> = path.trim_matches('/').split('/').map(segment).collect();
    let Some((endpoint, rest)) = segments.split_first() else {
        return Err(ScimRefusal::not_found("such endpoint").into());
    };
    // RFC 7644 §3.7: a bulk request changes resources.
    if rest.first().is_some_and(|one| one == ".search") {
        return Err(ScimRefusal::not_found("such endpoint").into());
    }
    let Some(of) = ResourceType::ALL.iter().find(|of| of.endpoint() == endpoint) else {
        return Err(ScimRefusal::not_found("such endpoint").into());
    };
    let call = Call {
        method: operation.method.clone(),
        path: path.to_owned(),
        query: query::pairs(query),
        body: resolved(&operation.data, made),
        if_match: operation.version.clone(),
        if_none_match: None,
    };
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    Box::pin(service.on_resources(*of, &call, &rest)).await
}

/// What is said about an operation.
fn report(
    operation: &Operation,
    answer: Result<Answer, Failed>,
    made: &mut BTreeMap<String, String>,
) -> Value {
    let mut said = Map::new();
    let mut put = |name: &str, value: Value| drop(said.insert(name.to_owned(), value));
    put("method", operation.method.clone().into());
    if let Some(bulk_id) = &operation.bulk_id {
        put("bulkId", bulk_id.clone().into());
    }
    match answer {
        Ok(answer) => {
            put("status", answer.status.as_u16().to_string().into());
            if let Some(location) = answer.location {
                let id = location.rsplit('/').next().unwrap_or_default().to_owned();
                if let (Some(bulk_id), "POST") = (&operation.bulk_id, operation.method.as_str()) {
                    made.insert(bulk_id.clone(), id);
                }
                put("location", location.into());
            }
            if let Some(version) = answer.etag {
                put("version", version.into());
            }
        }
        Err(failed) => {
            let refused = failed.shown();
            put("status", refused.status.to_string().into());
            put("response", refused.body());
        }
    }
    Value::Object(said)
}
