//! A row of a file.

use super::person::NewPerson;

/// Why a row with a NUL is not taken.
pub(super) const NUL: &str = "a text has no NUL";

/// A row of a file.
#[derive(Debug)]
pub(super) struct Row {
    /// The line in which it begins.
    pub(super) line: u64,
    /// The user name, as far as it could be read.
    pub(super) username: Option<String>,
    /// The person, or why there is none.
    pub(super) person: Result<Box<NewPerson>, String>,
}

/// Why a file cannot be read to its end.
#[derive(Debug)]
pub(super) struct BadFile {
    /// The line, if the file was read up to there.
    pub(super) line: Option<u64>,
    pub(super) reason: String,
}

impl BadFile {
    pub(super) fn new(reason: impl std::fmt::Display) -> Self {
        Self { line: None, reason: reason.to_string() }
    }
}
