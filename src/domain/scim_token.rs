//! The tokens of SCIM connectors.

use chrono::{DateTime, Utc};

/// The scope that a client asks for to act as a SCIM connector.
pub const SCOPE: &str = "scim";

/// A token as it is listed, without what it is.
#[derive(Clone, Debug)]
pub struct ScimTokenRecord {
    /// Its identifier.
    pub id: String,
    /// What the operator calls it.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends; `None`: it does not end by itself.
    pub expires_at: Option<DateTime<Utc>>,
}
