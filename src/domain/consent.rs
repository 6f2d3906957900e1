//! The consent that people gave to apps.

use super::scope::Scope;

/// The consent that one person gave to one app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// The scope that was allowed.
    pub scope: Scope,
    /// The single claims that were allowed.
    pub claims: Vec<String>,
    /// The resources that were allowed, RFC 8707.
    pub resources: Vec<String>,
    /// What the person saw of an app for which no operator vouches, as a hash: how it authenticates,
    /// and where its answers go.
    pub seen: Option<String>,
}

impl Consent {
    /// Whether all of this scope and all of these resources were allowed.
    #[must_use]
    pub fn covers(&self, scope: &Scope, resources: &[String]) -> bool {
        scope.is_within(&self.scope)
            && resources.iter().all(|resource| self.resources.contains(resource))
    }
}
