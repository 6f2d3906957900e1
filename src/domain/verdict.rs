//! How a use case ends: done, refused, or failed.
//!
//! A *refusal* is an answer: what was written while refusing (a spent code, a revoked family, a
//! failed sign-in) must stay. A *fault* is ours: nothing of it may stay.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// Why there is no result: the asker's doing or ours.
#[derive(Debug)]
pub enum Error<R> {
    /// The asker's doing; what was written on the way stays.
    Refused(R),
    /// Our failure; what was written on the way is undone.
    Fault(Fault),
}

impl<R> Error<R> {
    /// The same with another refusal.
    pub fn map<S>(self, refusal: impl FnOnce(R) -> S) -> Error<S> {
        match self {
            Self::Refused(refused) => Error::Refused(refusal(refused)),
            Self::Fault(fault) => Error::Fault(fault),
        }
    }
}

impl<R> From<Fault> for Error<R> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<R: fmt::Display> fmt::Display for Error<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

/// What failed on our side. Its text goes to the log and to the operator, never to a client.
#[derive(Clone, Debug)]
pub struct Fault {
    kind: FaultKind,
    doing: &'static str,
    source: Arc<dyn StdError + Send + Sync>,
}

/// Whether asking again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A part that we need does not answer: 503, and worth another try.
    Unavailable,
    /// A broken invariant: 500.
    Internal,
}

impl Fault {
    /// Something that we need does not answer.
    pub fn unavailable(
        doing: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind: FaultKind::Unavailable, doing, source: Arc::from(source.into()) }
    }

    /// An invariant of ours does not hold.
    pub fn internal(
        doing: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind: FaultKind::Internal, doing, source: Arc::from(source.into()) }
    }

    /// Whether asking again may help.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        self.kind
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed while {}", self.doing)?;
        let mut source: Option<&dyn StdError> = Some(&*self.source);
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl StdError for Fault {}

/// What an operator asked for and cannot have, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rejected(pub String);

impl From<Rejected> for Error<Rejected> {
    fn from(rejected: Rejected) -> Self {
        Self::Refused(rejected)
    }
}

/// What an operator asked for, or why they cannot have it.
pub type OrRejected<T = ()> = Result<T, Error<Rejected>>;

/// Shorthand for a rejection.
pub fn reject<T>(why: impl Into<String>) -> OrRejected<T> {
    Err(Error::Refused(Rejected(why.into())))
}
