//! MCP servers: resources that find out by themselves where their tokens come from. This server hosts
//! their metadata (RFC 9728), since it knows issuer, scopes and URL already.

use serde_json::{Map, Value, json};

use crate::domain::resource::{ResourceMetadata, mcp_place};
use crate::domain::urls::{self, Issuer};
use crate::keys::dpop;
use crate::settings::kinds::flag;
use crate::settings::settings;

settings! {
    /// Model Context Protocol.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct McpSettings in "Model Context Protocol" {
        /// MCP clients find this server: it hosts the metadata of the MCP servers that `mapae mcp resource
        /// add` registered (RFC 9728), and its own metadata names their scopes.
        pub enabled: bool = flag("mcp.enabled", false),
    }
}

/// Where the metadata of an MCP server is hosted.
#[must_use]
pub fn metadata_url(issuer: &Issuer, resource: &str) -> String {
    let place = mcp_place(resource).unwrap_or_default();
    format!("{}{}/{place}", issuer.origin(), urls::PROTECTED_RESOURCES)
}

/// What the MCP server answers with a 401, RFC 9728 §5.1 and RFC 6750 §3.
#[must_use]
pub fn challenge(issuer: &Issuer, resource: &str, metadata: &ResourceMetadata) -> String {
    let url = metadata_url(issuer, resource);
    if metadata.scope.is_empty() {
        return format!("Bearer resource_metadata=\"{url}\"");
    }
    format!("Bearer resource_metadata=\"{url}\", scope=\"{}\"", metadata.scope)
}

/// A line for nginx: clients that ask the MCP server itself for its metadata get it from here.
#[must_use]
pub fn proxy_line(issuer: &Issuer, resource: &str) -> String {
    let path = mcp_place(resource).unwrap_or_default();
    let path = path.split_once('/').map_or("", |(_, path)| path);
    let path = if path.is_empty() { String::new() } else { format!("/{path}") };
    format!(
        "location = {}{path} {{ proxy_pass {}; }}",
        urls::PROTECTED_RESOURCES,
        metadata_url(issuer, resource)
    )
}

/// The metadata, RFC 9728 §2.
#[must_use]
pub fn document(issuer: &Issuer, resource: &str, metadata: &ResourceMetadata) -> Value {
    let mut members = Map::new();
    members.insert("resource".to_owned(), json!(resource));
    members.insert("authorization_servers".to_owned(), json!([issuer.as_str()]));
    members.insert("bearer_methods_supported".to_owned(), json!(["header"]));
    members.insert("dpop_signing_alg_values_supported".to_owned(), json!(dpop::ALGORITHMS));
    if !metadata.scope.is_empty() {
        members.insert("scopes_supported".to_owned(), metadata.scope.iter().collect());
    }
    if !metadata.resource_name.is_empty() {
        members.insert("resource_name".to_owned(), json!(metadata.resource_name));
    }
    Value::Object(members)
}
