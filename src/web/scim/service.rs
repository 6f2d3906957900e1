//! What a method on a path means.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, Failed};
use super::discovery;
use super::limits::PAGE;
use super::query::{self, LIST, Pair};
use crate::admin::authority::{Authority, ChangePeople, May, ReadPeople};
use crate::admin::provisioned_people::Parts;
use crate::domain::scim::refusal::ScimRefusal;
use crate::domain::scim::schema::ResourceType;
use crate::domain::scim_urls::BASE;
use crate::domain::version::Version;
use crate::web::shared::Shared;

/// A request, or a part of a bulk request.
#[derive(Debug)]
pub(super) struct Call {
    /// The method.
    pub(super) method: String,
    /// The path below the base.
    pub(super) path: String,
    /// The query.
    pub(super) query: Vec<Pair>,
    /// The body; null if there is none.
    pub(super) body: Value,
    /// `If-Match`.
    pub(super) if_match: Option<String>,
    /// `If-None-Match`.
    pub(super) if_none_match: Option<String>,
}

impl Call {
    /// The version that the caller saw, RFC 7644 §3.14. `*` takes whatever is there. It is compared
    /// as a weak one, however it is written.
    pub(super) fn seen(&self) -> Result<Option<Version>, ScimRefusal> {
        let Some(text) = self.if_match.as_deref().map(str::trim) else { return Ok(None) };
        if text == "*" {
            return Ok(None);
        }
        match Version::from_etag(text.strip_prefix("W/").unwrap_or(text)) {
            Some(version) => Ok(Some(version)),
            None => Err(ScimRefusal::new(412, "it is not any more what If-Match says")),
        }
    }

    /// Whether the caller has this version already.
    pub(super) fn has(&self, version: &Version) -> bool {
        self.if_none_match.as_deref().is_some_and(|text| {
            let known = |one: &str| {
                let one = one.trim();
                one == "*"
                    || Version::from_etag(one.strip_prefix("W/").unwrap_or(one)).as_ref()
                        == Some(version)
            };
            text.split(',').any(known)
        })
    }
}

/// The service for one caller.
pub(super) struct Service<'s> {
    pub(super) shared: &'s Shared,
    pub(super) reads: May<ReadPeople>,
    pub(super) changes: May<ChangePeople>,
    /// The address of the service.
    pub(super) base: String,
}

impl<'s> Service<'s> {
    pub(super) fn new(shared: &'s Shared, authority: &Authority) -> Result<Self, Failed> {
        let (now, age) = (shared.flows.clock.now(), shared.admin.proof_age);
        Ok(Self {
            shared,
            reads: authority.may(now, age)?,
            changes: authority.may(now, age)?,
            base: shared.flows.url.url(BASE),
        })
    }

    /// The parts of the use cases.
    pub(super) fn parts(&self) -> Parts<'_> {
        let flows = &self.shared.flows;
        Parts {
            store: &flows.store,
            clock: &flows.clock,
            hasher: &flows.password.hasher,
            mailer: flows.mailer.as_ref(),
        }
    }

    /// Answers a request.
    pub(super) async fn call(&self, call: Call) -> Result<Answer, Failed> {
        let segments: Vec<&str> = call.path.trim_matches('/').split('/').collect();
        match (call.method.as_str(), segments.as_slice()) {
            ("POST", [".search"]) => self.search_everything(&call).await,
            // RFC 7644 §3.11: it need not be offered.
            (_, ["Me"]) => Err(ScimRefusal::new(501, "/Me is not offered").into()),
            ("GET", ["ServiceProviderConfig"]) => {
                described(&call, discovery::service_provider_config(&self.base))
            }
            ("GET", ["ResourceTypes"]) => {
                described(&call, discovery::list(&discovery::resource_types(&self.base)))
            }
            ("GET", ["ResourceTypes", id]) => {
                described_one(&call, discovery::resource_types(&self.base), id)
            }
            ("GET", ["Schemas"]) => {
                described(&call, discovery::list(&discovery::schemas(&self.base)))
            }
            ("GET", ["Schemas", id]) => described_one(&call, discovery::schemas(&self.base), id),
            (_, [endpoint, rest @ ..]) => {
                let of = ResourceType::ALL.iter().find(|of| of.endpoint() == *endpoint);
                match of {
                    Some(of) => Box::pin(self.on_resources(*of, &call, rest)).await,
                    None if discovery::ENDPOINTS.contains(endpoint) => Err(not_allowed().into()),
                    None => Err(ScimRefusal::not_found("such endpoint").into()),
                }
            }
            (_, []) => Err(ScimRefusal::not_found("such endpoint").into()),
        }
    }

    /// The same without the parts of a bulk request, which call it.
    pub(super) async fn on_resources(
        &self,
        of: ResourceType,
        call: &Call,
        rest: &[&str],
    ) -> Result<Answer, Failed> {
        match (of, call.method.as_str(), rest) {
            (_, "POST", [".search"]) => {
                let pairs = query::of_search(&call.body)?;
                self.list(of, &pairs).await
            }
            (_, "GET", []) => self.list(of, &call.query).await,
            (ResourceType::User, "POST", []) => self.create_person(call).await,
            (ResourceType::User, "GET", [id]) => self.show_person(call, id).await,
            (ResourceType::User, "PUT", [id]) => self.replace_person(call, id).await,
            (ResourceType::User, "PATCH", [id]) => self.patch_person(call, id).await,
            (ResourceType::User, "DELETE", [id]) => self.delete_person(call, id).await,
            (ResourceType::Group, "POST", []) => self.create_group(call).await,
            (ResourceType::Group, "GET", [id]) => self.show_group(call, id).await,
            (ResourceType::Group, "PUT", [id]) => self.replace_group(call, id).await,
            (ResourceType::Group, "PATCH", [id]) => self.patch_group(call, id).await,
            (ResourceType::Group, "DELETE", [id]) => self.delete_group(call, id).await,
            (_, _, [] | [_]) => Err(not_allowed().into()),
            _ => Err(ScimRefusal::not_found("such endpoint").into()),
        }
    }

    async fn list(&self, of: ResourceType, pairs: &[Pair]) -> Result<Answer, Failed> {
        let (query, start) = query::list(pairs, of)?;
        let projection = query::projection(pairs);
        let (total, resources) = match of {
            ResourceType::User => self.people(&query).await?,
            ResourceType::Group => self.groups(&query, projection.shows("members")).await?,
        };
        let resources: Vec<Value> = resources.into_iter().map(|one| projection.of(one)).collect();
        Ok(Answer::of(listed(total, start, &resources)))
    }

    /// People and groups in one list, RFC 7644 §3.4.3.
    async fn search_everything(&self, call: &Call) -> Result<Answer, Failed> {
        let pairs = query::of_search(&call.body)?;
        let projection = query::projection(&pairs);
        let (mut total, mut resources, mut first) = (0, Vec::new(), 1);
        let mut left = PAGE;
        for of in ResourceType::ALL {
            let (mut query, start) = match query::list(&pairs, *of) {
                Ok(read) => read,
                // What only the other type has matches nothing here.
                Err(_) if *of == ResourceType::Group => continue,
                Err(refused) => return Err(refused.into()),
            };
            first = start;
            query.skip = query.skip.saturating_sub(total);
            query.count = query.count.min(left);
            let (found, some) = match of {
                ResourceType::User => self.people(&query).await?,
                ResourceType::Group => self.groups(&query, projection.shows("members")).await?,
            };
            total += found;
            left = left.saturating_sub(some.len() as u64);
            resources.extend(some.into_iter().map(|one| projection.of(one)));
        }
        Ok(Answer::of(listed(total, first, &resources)))
    }
}

/// A document that describes the service. RFC 7644 §4: there is no filter on it.
fn described(call: &Call, body: Value) -> Result<Answer, Failed> {
    if call.query.iter().any(|(name, _)| name == "filter") {
        return Err(ScimRefusal::new(403, "there is no filter on this").into());
    }
    Ok(Answer::of(body))
}

fn described_one(call: &Call, all: Vec<Value>, id: &str) -> Result<Answer, Failed> {
    let found = all.into_iter().find(|one| one.get("id").and_then(Value::as_str) == Some(id));
    described(call, found.ok_or_else(|| ScimRefusal::not_found("such document"))?)
}

pub(super) fn not_allowed() -> ScimRefusal {
    ScimRefusal::new(StatusCode::METHOD_NOT_ALLOWED.as_u16(), "this method is not offered here")
}

fn listed(total: u64, start: u64, resources: &[Value]) -> Value {
    json!({
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}
