//! Errors of usage, which end with exit code 2.

use crate::domain::verdict::{Error, OrRejected, Rejected};

/// A usage error that only the verb can see begins with this.
pub(super) const USAGE: &str = "usage: ";

/// Refuses by exit code 2.
pub(super) fn usage<T>(why: impl std::fmt::Display) -> OrRejected<T> {
    Err(Error::Refused(Rejected(format!("{USAGE}{why}"))))
}
