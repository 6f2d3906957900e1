//! Why a use case of the administration was refused.

use chrono::Duration;

use crate::clients::registration::ClientRejected;
use crate::domain::scim::refusal::ScimRefusal;
use crate::domain::verdict::{Error, Rejected};
use crate::domain::version::Version;

/// Why a use case was refused, in words for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// What it is about does not exist.
    #[error("{0}")]
    NotFound(String),
    /// It does not fit what is there, for example because a name is taken.
    #[error("{0}")]
    Conflict(String),
    /// It is not any more what the caller saw.
    #[error("it was changed meanwhile: read it again")]
    Changed,
    /// A value is not valid.
    #[error("{0}")]
    Invalid(String),
    /// Whoever asked may not do it to this person or with this value.
    #[error("{0}")]
    Forbidden(String),
    /// Whoever asked proved who they are longer ago than this.
    #[error(
        "this needs a proof of who you are that is not older than {} minutes: sign out, sign in and do \
         it again",
        .0.num_minutes()
    )]
    ProofOld(Duration),
}

/// The result of a use case.
pub type AdminResult<T = ()> = Result<T, Error<Refused>>;

impl From<Refused> for Error<Refused> {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Error<Refused>> for Error<Rejected> {
    fn from(error: Error<Refused>) -> Self {
        error.map(|refused| Rejected(refused.to_string()))
    }
}

impl From<Error<ClientRejected>> for Error<Refused> {
    fn from(error: Error<ClientRejected>) -> Self {
        error.map(|rejected| {
            let why = rejected.to_string();
            match rejected {
                ClientRejected::InvalidMetadata(_) => Refused::Invalid(why),
                ClientRejected::BeyondRights(_) => Refused::Forbidden(why),
                ClientRejected::Changed => Refused::Changed,
                ClientRejected::ProofOld(age) => Refused::ProofOld(age),
                ClientRejected::Unknown(_) | ClientRejected::NoSuchSecret(_) => {
                    Refused::NotFound(why)
                }
                ClientRejected::Taken(_)
                | ClientRejected::TooManySecrets
                | ClientRejected::OnlySecret
                | ClientRejected::WithoutSecret
                | ClientRejected::NoSecretToRotate => Refused::Conflict(why),
            }
        })
    }
}

impl From<Error<Refused>> for Error<ScimRefusal> {
    fn from(error: Error<Refused>) -> Self {
        error.map(|refused| {
            let why = refused.to_string();
            match refused {
                Refused::NotFound(_) => ScimRefusal::new(404, why),
                Refused::Conflict(_) => ScimRefusal::taken(why),
                Refused::Changed => ScimRefusal::new(412, why),
                Refused::Invalid(_) => ScimRefusal::value(why),
                Refused::Forbidden(_) | Refused::ProofOld(_) => ScimRefusal::new(403, why),
            }
        })
    }
}

impl From<ScimRefusal> for Error<ScimRefusal> {
    fn from(refused: ScimRefusal) -> Self {
        Self::Refused(refused)
    }
}

pub(super) fn invalid<T>(why: impl Into<String>) -> AdminResult<T> {
    Err(Refused::Invalid(why.into()).into())
}

pub(super) fn not_found<T>(why: impl Into<String>) -> AdminResult<T> {
    Err(Refused::NotFound(why.into()).into())
}

pub(super) fn conflict<T>(why: impl Into<String>) -> AdminResult<T> {
    Err(Refused::Conflict(why.into()).into())
}

/// What was found, if it is what the caller saw. Where nothing was found, `unknown` says so.
pub(super) fn unchanged<T>(
    found: Option<T>,
    seen: Option<&Version>,
    version: fn(&T) -> Version,
    unknown: impl FnOnce() -> AdminResult<T>,
) -> AdminResult<T> {
    match found {
        Some(one) if seen.is_some_and(|seen| *seen != version(&one)) => {
            Err(Refused::Changed.into())
        }
        Some(one) => Ok(one),
        None => unknown(),
    }
}
