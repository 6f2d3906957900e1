//! Usage errors, which end with exit code 2.

use crate::domain::verdict::{Error, OrRejected, Rejected};

/// The prefix of a usage error that the verb itself finds.
pub(super) const USAGE: &str = "usage: ";

/// Refuses with exit code 2.
pub(super) fn usage<T>(why: impl std::fmt::Display) -> OrRejected<T> {
    Err(Error::Refused(Rejected(format!("{USAGE}{why}"))))
}
