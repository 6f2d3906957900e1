//! What an import works with, and what it reports.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::accounts::hashing::Hasher;
use crate::domain::clock::Clock;
use crate::domain::provider::Registration;
use crate::keys::factor_key::FactorKey;
use crate::store::Store;

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The line of the file in which it begins.
    pub line: u64,
    /// The user name.
    pub username: Option<String>,
    /// Why it was not taken.
    pub reason: String,
}

/// What an import did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImportSummary {
    /// How many rows were taken, or would be taken.
    pub taken: u64,
    /// How many were not.
    #[serde(skip)]
    pub skipped: u64,
    /// What of the rows that were taken was left out, and how often.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Weak password hashes that were put into a hash of our own, or would be.
    pub wrapped: u64,
    /// For a dry run: about how many seconds the import will spend on them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrapping_seconds: Option<u64>,
    /// Whether nothing was written.
    pub dry_run: bool,
}

/// What an import works with.
#[derive(Debug)]
pub struct Importing<'a> {
    /// The database.
    pub store: &'a Store,
    /// The clock.
    pub clock: &'a Clock,
    /// Puts weak hashes into hashes of our own.
    pub hasher: &'a Hasher,
    /// How many threads it has for the import.
    pub threads: u32,
    /// How many weak hashes wait for them at once. They go before the passwords of people who sign
    /// in, so one at a time where people sign in on the same threads.
    pub hashes_at_once: usize,
    /// Seals the secrets of one-time codes; `None` in a dry run.
    pub factors: Option<&'a FactorKey>,
    /// The providers of the settings file.
    pub of_file: &'a [Registration],
}

/// Why the second of two rows is not taken.
pub(super) const TWICE: &str = "the file has another row with this user name or verified address";
