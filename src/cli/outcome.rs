//! How a verb ends.

use crate::domain::verdict::{Error, Rejected};

/// How a verb ends.
pub(super) type Outcome<T = ()> = Result<T, Error<Rejected>>;

/// A usage error that only the verb can see.
pub(super) const USAGE: &str = "usage: ";

/// Refuses by exit code 2.
pub(super) fn usage<T>(why: impl std::fmt::Display) -> Outcome<T> {
    Err(Error::Refused(Rejected(format!("{USAGE}{why}"))))
}
