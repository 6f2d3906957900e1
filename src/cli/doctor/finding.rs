//! What the doctor finds.

use serde_json::{Value, json};

use crate::admin::installation_checks::Checked;

/// How bad a finding is. Only an error makes the doctor exit with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Ok,
    Warning,
    Error,
}

impl Level {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The result of one check.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) level: Level,
    pub(super) detail: String,
    /// How to mend it; empty if nothing is wrong.
    pub(super) mend: String,
}

impl Finding {
    pub(super) fn good(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, detail: detail.into(), mend: String::new() }
    }

    pub(super) fn warning(
        check: &'static str,
        detail: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { check, level: Level::Warning, detail: detail.into(), mend: mend.into() }
    }

    pub(super) fn error(
        check: &'static str,
        detail: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { check, level: Level::Error, detail: detail.into(), mend: mend.into() }
    }

    /// A result whose problems are errors that are mended so.
    pub(super) fn of(check: &'static str, found: Checked, mend: &str) -> Self {
        match found {
            Ok(detail) => Self::good(check, detail),
            Err(detail) => Self::error(check, detail, mend),
        }
    }

    pub(super) fn json(&self) -> Value {
        let Self { check, level, detail, mend } = self;
        json!({ "check": check, "level": level.as_str(), "detail": detail, "mend": mend })
    }
}
