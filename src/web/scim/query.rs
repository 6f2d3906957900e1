//! What a request asks for: a list, and which attributes, RFC 7644 §3.4.2 and §3.4.3.

use serde_json::Value;

use super::limits::PAGE;
use crate::admin::provisioned_people::ListQuery;
use crate::domain::scim::attribute_name::sort_path;
use crate::domain::scim::filter::Filter;
use crate::domain::scim::projection::Projection;
use crate::domain::scim::refusal::{ScimRefusal, ScimResult, ScimType};
use crate::domain::scim::schema::ResourceType;

/// The schema of a list.
pub(super) const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// A parameter of a request: its name and its value.
pub(super) type Pair = (String, String);

/// Reads a query.
pub(super) fn pairs(query: &str) -> Vec<Pair> {
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// The same parameters out of a search request, RFC 7644 §3.4.3.
pub(super) fn of_search(body: &Value) -> ScimResult<Vec<Pair>> {
    let Some(members) = body.as_object() else {
        return Err(ScimRefusal::bad(ScimType::InvalidSyntax, "the body is a JSON object"));
    };
    let mut found = Vec::new();
    for (name, value) in members {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Array(all) if name != "schemas" => {
                let all: Vec<_> = all.iter().filter_map(Value::as_str).collect();
                all.join(",")
            }
            _ => continue,
        };
        found.push((name.clone(), text));
    }
    Ok(found)
}

fn one<'q>(pairs: &'q [Pair], name: &str) -> Option<&'q str> {
    let named = pairs.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str())
}

/// More names than a resource has attributes with all their parts; the rest is not read.
const MOST_NAMES: usize = 200;

/// Which attributes are asked for.
pub(super) fn projection(pairs: &[Pair]) -> Projection {
    let list = |name| -> Vec<String> {
        let text = one(pairs, name).unwrap_or_default();
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.take(MOST_NAMES).map(str::to_owned).collect()
    };
    Projection { attributes: list("attributes"), excluded: list("excludedAttributes") }
}

/// Which list is asked for, and the number of its first resource.
pub(super) fn list(pairs: &[Pair], of: ResourceType) -> ScimResult<(ListQuery, u64)> {
    let filter = match one(pairs, "filter") {
        Some(text) => Some(Filter::parse(text, of)?),
        None => None,
    };
    let number = |name: &str| match one(pairs, name) {
        Some(text) => match text.parse::<i64>() {
            // RFC 7644 §3.4.2.4: less counts as the least.
            Ok(number) => Ok(Some(u64::try_from(number).unwrap_or_default())),
            Err(_) => Err(ScimRefusal::value(format!("{name} is a number"))),
        },
        None => Ok(None),
    };
    let start = number("startIndex")?.unwrap_or(1).max(1);
    let count = number("count")?.unwrap_or(PAGE).min(PAGE);
    let sort_by = match one(pairs, "sortBy") {
        Some(text) => sort_path(text, of)?,
        None => None,
    };
    let order = one(pairs, "sortOrder").unwrap_or_default();
    let is_descending = sort_by.is_some() && order.eq_ignore_ascii_case("descending");
    Ok((ListQuery { filter, sort_by, is_descending, skip: start - 1, count }, start))
}
