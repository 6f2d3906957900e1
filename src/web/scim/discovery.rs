//! What the service can do, RFC 7643 §5 to §7 and RFC 7644 §4.

use serde_json::{Value, json};

use super::limits::{LARGEST, OPERATIONS};
use super::query::LIST;
use crate::admin::provisioned_people::MOST_COMPARED;
use crate::domain::scim::schema::ResourceType;

/// Whether this is the path of a document that describes the service.
pub(super) fn is_document(path: &str) -> bool {
    let first = path.trim_matches('/').split('/').next().unwrap_or_default();
    ["ServiceProviderConfig", "ResourceTypes", "Schemas"].contains(&first)
}

/// The endpoints that describe the service, and those of one method.
pub(super) const ENDPOINTS: &[&str] =
    &["ServiceProviderConfig", "ResourceTypes", "Schemas", "Bulk", ".search"];

pub(super) fn service_provider_config(base: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": true, "maxOperations": OPERATIONS, "maxPayloadSize": LARGEST },
        "filter": { "supported": true, "maxResults": MOST_COMPARED },
        "changePassword": { "supported": true },
        "sort": { "supported": true },
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token of `mapae scim token create`, or an access token of a client with the scope `scim` for this audience",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base}/ServiceProviderConfig"),
        },
    })
}

pub(super) fn resource_types(base: &str) -> Vec<Value> {
    let described = |of: &ResourceType| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": of.name(),
            "name": of.name(),
            "endpoint": format!("/{}", of.endpoint()),
            "schema": of.schema(),
            "schemaExtensions": [],
            "meta": {
                "resourceType": "ResourceType",
                "location": format!("{base}/ResourceTypes/{}", of.name()),
            },
        })
    };
    ResourceType::ALL.iter().map(described).collect()
}

pub(super) fn schemas(base: &str) -> Vec<Value> {
    let described = |of: &ResourceType| {
        let mut schema = of.definition();
        if let Some(members) = schema.as_object_mut() {
            let location = format!("{base}/Schemas/{}", of.schema());
            let meta = json!({ "resourceType": "Schema", "location": location });
            members.insert("meta".to_owned(), meta);
        }
        schema
    };
    ResourceType::ALL.iter().map(described).collect()
}

/// A list of such documents.
pub(super) fn list(all: &[Value]) -> Value {
    json!({
        "schemas": [LIST],
        "totalResults": all.len(),
        "startIndex": 1,
        "itemsPerPage": all.len(),
        "Resources": all,
    })
}
