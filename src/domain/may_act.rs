//! Rules that say with whose tokens a client may act for people, RFC 8693.

use serde::{Deserialize, Serialize};

use super::scope::{self, Scope};

/// A rule of a client that acts: with the tokens of this client, at this resource, with this scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MayAct {
    /// The client to which the tokens were issued that it exchanges.
    pub for_client: String,
    /// The resource at which it may act.
    pub resource: String,
    /// The most that it may do there.
    #[serde(with = "scope::text")]
    pub scope: Scope,
}
