//! Groups as SCIM shows and changes them. Members are changed by their ids alone, so that a group of
//! any size is changed without reading its members.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::filter::{Comparison, Filter, Operand};
use super::patch::{Op, Operation, is_ignored, resource, with_paths};
use super::path::Path;
use super::person::{self, weak};
use super::refusal::{ScimRefusal, ScimResult, ScimType};
use super::schema::{GROUP, Mutability, ResourceType};
use crate::domain::group::Group;
use crate::domain::user::UserId;
use crate::domain::version::Version;

/// A group with everything that SCIM shows.
#[derive(Clone, Debug)]
pub struct ProvisionedGroup {
    /// The group.
    pub group: Group,
    /// The identifier that the connector gave.
    pub external_id: Option<String>,
    /// When a connector changed it last.
    pub updated_at: Option<DateTime<Utc>>,
    /// The members; `None` if they are not shown.
    pub members: Option<Vec<UserId>>,
}

/// What becomes of the identifier that a connector gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ExternalId {
    /// It stays.
    #[default]
    Keep,
    /// It is this one.
    Set(String),
    /// There is none any more.
    Clear,
}

impl ExternalId {
    /// What it is afterwards.
    #[must_use]
    pub fn after(&self, before: Option<String>) -> Option<String> {
        match self {
            Self::Keep => before,
            Self::Set(id) => Some(id.clone()),
            Self::Clear => None,
        }
    }
}

/// What is changed of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupChange {
    /// The new name.
    pub name: Option<String>,
    /// What becomes of the identifier of the connector.
    pub external_id: ExternalId,
    /// Whether nobody is a member any more, before others become members.
    pub clears: bool,
    /// Who becomes a member.
    pub adds: BTreeSet<String>,
    /// Who is no member any more.
    pub removes: BTreeSet<String>,
}

impl GroupChange {
    /// A whole group that a connector sends: what is missing is cleared.
    pub fn whole(body: &Value) -> ScimResult<Self> {
        let read = resource(ResourceType::Group, body)?;
        let Some(name) = read.get("displayName").and_then(Value::as_str) else {
            return Err(ScimRefusal::value("displayName is missing"));
        };
        let external_id = match read.get("externalId") {
            None | Some(Value::Null) => None,
            Some(value) => Some(external_id(value)?),
        };
        let mut whole = Self {
            name: Some(name.to_owned()),
            external_id: external_id.map_or(ExternalId::Clear, ExternalId::Set),
            clears: true,
            ..Self::default()
        };
        whole.adds = ids(read.get("members").unwrap_or(&Value::Null))?;
        Ok(whole)
    }

    /// The changes of a PATCH, one after the other.
    pub fn of(operations: &[Operation]) -> ScimResult<Self> {
        let mut change = Self::default();
        for (op, path, value, is_named) in with_paths(operations) {
            if is_named || !is_ignored(&path, ResourceType::Group) {
                change.take((op, &path), &value)?;
            }
        }
        Ok(change)
    }

    fn take(&mut self, (op, path): (Op, &str), value: &Value) -> ScimResult<()> {
        let Path::Kept { attribute, filter, sub } = Path::parse(path, ResourceType::Group)? else {
            return Ok(());
        };
        let fixed = || {
            let why = format!("{} cannot be changed so", attribute.name);
            ScimRefusal::bad(ScimType::Mutability, why)
        };
        if attribute.mutability == Mutability::ReadOnly || sub.is_some() {
            return Err(fixed());
        }
        let op = if op == Op::Replace && value.is_null() { Op::Remove } else { op };
        match (attribute.name, op, filter) {
            ("displayName", Op::Remove, _) => return Err(fixed()),
            ("displayName", ..) => self.name = Some(text(value, "displayName")?),
            ("externalId", Op::Remove, _) => self.external_id = ExternalId::Clear,
            ("externalId", ..) => self.external_id = ExternalId::Set(external_id(value)?),
            ("members", Op::Remove, Some(filter)) => self.remove(chosen(&filter)?),
            ("members", Op::Remove, None) if value.is_null() => self.clear(),
            // Entra names the members to be removed in the value.
            ("members", Op::Remove, None) => self.remove(ids(value)?),
            ("members", Op::Add, None) => self.add(ids(value)?),
            ("members", Op::Replace, None) => {
                self.clear();
                self.add(ids(value)?);
            }
            _ => return Err(fixed()),
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.clears = true;
        self.adds.clear();
        self.removes.clear();
    }

    fn add(&mut self, some: BTreeSet<String>) {
        self.removes.retain(|id| !some.contains(id));
        self.adds.extend(some);
    }

    fn remove(&mut self, some: BTreeSet<String>) {
        self.adds.retain(|id| !some.contains(id));
        self.removes.extend(some);
    }
}

fn text(value: &Value, name: &str) -> ScimResult<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(ScimRefusal::value(format!("{name} is a text"))),
    }
}

/// The identifier that a connector gives, as people have it.
fn external_id(value: &Value) -> ScimResult<String> {
    let id = text(value, "externalId")?;
    person::check_external_id(&id)?;
    Ok(id)
}

/// The ids of members.
fn ids(value: &Value) -> ScimResult<BTreeSet<String>> {
    let all = match value {
        Value::Null => return Ok(BTreeSet::new()),
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let id = |one: &Value| {
        let named = |name: &str| one.get(name).and_then(Value::as_str);
        if named("type").is_some_and(|of| !of.eq_ignore_ascii_case("User")) {
            return Err(ScimRefusal::value("the members of a group are people, not groups"));
        }
        let id = one.as_str().or_else(|| named("value"));
        // A member may be named by its address alone, RFC 7643 §8.4.
        let id = id.or_else(|| named("$ref").and_then(|at| at.rsplit('/').next()));
        id.map(str::to_owned).ok_or_else(|| ScimRefusal::value("a member has a value: its id"))
    };
    all.iter().map(id).collect()
}

/// The ids that the filter of a path chooses.
fn chosen(filter: &Filter) -> ScimResult<BTreeSet<String>> {
    match filter {
        Filter::Compare(named, Comparison::Eq, Operand::Text(id))
            if named.attribute.name == "value" =>
        {
            Ok(BTreeSet::from([id.clone()]))
        }
        Filter::Or(one, other) => {
            let mut both = chosen(one)?;
            both.extend(chosen(other)?);
            Ok(both)
        }
        _ => {
            let why = "members are chosen by value eq";
            Err(ScimRefusal::bad(ScimType::InvalidFilter, why))
        }
    }
}

impl ProvisionedGroup {
    /// The version of what SCIM shows of the group.
    #[must_use]
    pub fn version(&self) -> Version {
        let members = self.members.iter().flatten();
        let members: Vec<_> = members.map(UserId::as_str).collect();
        let Group { id, name, .. } = &self.group;
        Version::of(&json!([
            id.as_str(),
            name.as_str(),
            self.external_id,
            self.updated_at,
            members
        ]))
    }

    /// The group as it is shown. `base` is the address of this SCIM service.
    #[must_use]
    pub fn shown(&self, base: &str) -> Value {
        let Group { id, name, created_at } = &self.group;
        let id = id.as_str();
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        put("schemas", json!([GROUP]));
        put("id", id.into());
        put("displayName", name.as_str().into());
        if let Some(external_id) = &self.external_id {
            put("externalId", external_id.clone().into());
        }
        let mut meta = json!({
            "resourceType": ResourceType::Group.name(),
            "created": created_at,
            "lastModified": self.updated_at.unwrap_or(*created_at),
            "location": format!("{base}/Groups/{id}"),
        });
        if let Some(members) = &self.members {
            // Without the members, the version is not known.
            if let Some(meta) = meta.as_object_mut() {
                meta.insert("version".to_owned(), weak(&self.version()).into());
            }
            let shown = |member: &UserId| {
                let id = member.as_str();
                json!({
                    "value": id,
                    "$ref": format!("{base}/Users/{id}"),
                    "type": "User",
                })
            };
            if !members.is_empty() {
                put("members", members.iter().map(shown).collect());
            }
        }
        put("meta", meta);
        Value::Object(shown)
    }
}
