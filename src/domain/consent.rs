//! What people allowed apps.

use super::scope::Scope;

/// What one person allowed one app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// The scope.
    pub scope: Scope,
    /// Single claims.
    pub claims: Vec<String>,
    /// For which resources, RFC 8707.
    pub resources: Vec<String>,
}
