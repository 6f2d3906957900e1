//! How a use case ends: done, refused, or failed.
//!
//! A *refusal* is an answer to the caller: what was written before it (a spent code, a revoked
//! family, a failed sign-in) is committed. A *fault* is our own failure: everything that was
//! written is rolled back.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// Why there is no result: a mistake of the caller, or a failure of ours.
#[derive(Debug)]
pub enum Error<R> {
    /// A mistake of the caller; what was written before is committed.
    Refused(R),
    /// A failure of ours; what was written before is rolled back.
    Fault(Fault),
}

impl<R> Error<R> {
    /// The same error with another type of refusal.
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
    is_conflict: bool,
    doing: &'static str,
    source: Arc<dyn StdError + Send + Sync>,
}

/// Whether a retry may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A part that we need does not answer: 503, and a retry may help.
    Unavailable,
    /// A broken invariant: 500.
    Internal,
}

impl Fault {
    /// A fault because something that we need does not answer.
    pub fn unavailable(
        doing: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(FaultKind::Unavailable, doing, source)
    }

    /// A fault because one of our invariants does not hold.
    pub fn internal(
        doing: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(FaultKind::Internal, doing, source)
    }

    /// A fault because the database undid a transaction in favour of another one.
    pub fn conflict(
        doing: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { is_conflict: true, ..Self::unavailable(doing, source) }
    }

    fn new(
        kind: FaultKind,
        doing: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind, is_conflict: false, doing, source: Arc::from(source.into()) }
    }

    /// Whether the same transaction may succeed at once: another one was in its way.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.is_conflict
    }

    /// Whether a retry may help.
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

/// Why an operator's request is refused, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rejected(pub String);

impl From<Rejected> for Error<Rejected> {
    fn from(rejected: Rejected) -> Self {
        Self::Refused(rejected)
    }
}

/// The result of an operator's request, or why it is refused.
pub type OrRejected<T = ()> = Result<T, Error<Rejected>>;

/// Refuses an operator's request with this text.
pub fn reject<T>(why: impl Into<String>) -> OrRejected<T> {
    Err(Error::Refused(Rejected(why.into())))
}
