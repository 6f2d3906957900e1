//! Identity assertion grants (ID-JAG, draft-ietf-oauth-identity-assertion-authz-grant): which client may
//! ask for one and where it is good, and whose grants a client may show here.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::scope::{self, Scope};

/// The type of such a grant in a token exchange.
pub const TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:id-jag";
/// The profile of `jwt-bearer`, as the metadata names it.
pub const PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";
/// `typ` in the header of such a grant.
pub const TYP: &str = "oauth-id-jag+jwt";

/// Another authorization server at which a client may act for the people who signed in to it here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdJagAudience {
    /// The issuer of the other server.
    pub audience: String,
    /// The `client_id` of the client there.
    pub client_id: String,
    /// The most that the client may do there.
    #[serde(with = "scope::text")]
    pub scope: Scope,
    /// The resources at which it may do it; none: the other server decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// The client as which the other server signs people in here: the grant names people by the `sub`
    /// that this one knows. `None`: by the `sub` that the asking client knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_of: Option<String>,
}

/// An issuer whose grants a client may show here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdJagIssuer {
    /// `iss`, byte for byte.
    pub issuer: String,
    /// Its keys (a JWK Set); `None`: it publishes them, OpenID Connect Discovery §4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
}
