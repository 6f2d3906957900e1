//! Bulk requests, RFC 7644 §3.7: several operations, one after the other. An operation that refers
//! to a resource of a later one waits for it.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::answer::{Answer, Failed};
use super::limits::OPERATIONS;
use super::query;
use super::service::{Call, Service};
use crate::domain::scim::bulk::{Made, Operation, operations};
use crate::domain::scim::refusal::ScimRefusal;
use crate::domain::scim::schema::ResourceType;

pub(super) async fn call(service: &Service<'_>, body: &Value) -> Result<Answer, Failed> {
    let mut waiting: VecDeque<Operation> = operations(body, OPERATIONS)?.into();
    let stops_after = body.get("failOnErrors").and_then(Value::as_u64).unwrap_or(u64::MAX);
    let (mut made, mut done, mut failures) = (Made::new(), Vec::new(), 0);
    // How many operations in a row could not begin: if all of them, they wait for one another.
    let mut put_back = 0;
    while let Some(operation) = waiting.pop_front() {
        let waits = operation.waits(&made);
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

async fn run(service: &Service<'_>, operation: &Operation, made: &Made) -> Result<Answer, Failed> {
    let (segments, query) = operation.segments(made);
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
        path: operation.path.split('?').next().unwrap_or_default().to_owned(),
        query: query::pairs(query),
        body: operation.data(made),
        if_match: operation.version.clone(),
        if_none_match: None,
    };
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    Box::pin(service.on_resources(*of, &call, &rest)).await
}

/// What is said about an operation.
fn report(operation: &Operation, answer: Result<Answer, Failed>, made: &mut Made) -> Value {
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
