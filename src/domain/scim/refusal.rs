//! How SCIM refuses, RFC 7644 §3.12.

use serde_json::{Value, json};

/// The schema of errors.
pub const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The `scimType` of an error, RFC 7644 §3.12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the RFC")]
pub enum ScimType {
    InvalidFilter,
    TooMany,
    Uniqueness,
    Mutability,
    InvalidSyntax,
    InvalidPath,
    NoTarget,
    InvalidValue,
}

impl ScimType {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
        }
    }
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ScimRefusal {
    /// The status of the answer.
    pub status: u16,
    /// `scimType`.
    pub kind: Option<ScimType>,
    /// What is wrong.
    pub detail: String,
}

/// A result that may be such a refusal.
pub type ScimResult<T> = Result<T, ScimRefusal>;

impl ScimRefusal {
    /// A refusal of this status.
    #[must_use]
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, kind: None, detail: detail.into() }
    }

    /// 400 with a `scimType`.
    #[must_use]
    pub fn bad(kind: ScimType, detail: impl Into<String>) -> Self {
        Self { status: 400, kind: Some(kind), detail: detail.into() }
    }

    /// A value is not valid.
    #[must_use]
    pub fn value(detail: impl Into<String>) -> Self {
        Self::bad(ScimType::InvalidValue, detail)
    }

    /// What is asked for does not exist.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(404, format!("there is no {what}"))
    }

    /// 409: somebody else has it.
    #[must_use]
    pub fn taken(detail: impl Into<String>) -> Self {
        Self { status: 409, kind: Some(ScimType::Uniqueness), detail: detail.into() }
    }

    /// The body of the answer.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = json!({
            "schemas": [SCHEMA],
            "status": self.status.to_string(),
            "detail": self.detail,
        });
        if let (Some(kind), Some(members)) = (self.kind, body.as_object_mut()) {
            members.insert("scimType".to_owned(), kind.as_str().into());
        }
        body
    }
}
