//! Error answers: RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6, RFC 6750 §3.1, RFC 7009
//! §2.2.1, RFC 8707 §2.

use std::borrow::Cow;
use std::fmt;

use crate::domain::error_code::ErrorCode;
use crate::domain::excerpt::excerpt;
use crate::domain::reason::Reason;
use crate::domain::secret::Secret;
use crate::domain::verdict;
use crate::rate_limits::Exceeded;

/// The challenge in a 401 answer, RFC 9110 §11.6.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticateChallenge {
    /// HTTP Basic: the client has to authenticate.
    Basic,
    /// Bearer: an access token is needed, RFC 6750 §3.
    Bearer,
}

/// A refusal: its reason, and the details for the answer and the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// The wrong value. It is never a secret.
    pub value: Option<Box<str>>,
    /// Whether the value is also told to the client.
    pub is_value_told: bool,
    /// How a first-party app goes on.
    pub onward: Option<Box<Onward>>,
}

/// How a first-party app goes on at the challenge endpoint, OAuth 2.0 for First-Party Applications
/// §5.2.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onward {
    /// `auth_session`.
    pub auth_session: Secret,
    /// Whether a one-time code is asked for: `otp_required`.
    pub otp_required: bool,
    /// Whether a recovery code will do, too: `recovery_code_possible`.
    pub recovery_code_possible: bool,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, retry_after: None, value: None, is_value_told: false, onward: None }
    }
}

impl From<Exceeded> for Refusal {
    fn from(exceeded: Exceeded) -> Self {
        Self::new(Reason::RequestsTooMany).naming(exceeded.of).retry_after(exceeded.retry_after)
    }
}

impl Refusal {
    /// A refusal for this reason.
    #[must_use]
    pub fn new(reason: Reason) -> Self {
        reason.into()
    }

    /// Sets the number of seconds after which the client may try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Adds the wrong value, for the log and for the client.
    #[must_use]
    pub fn naming(self, value: &str) -> Self {
        Self { is_value_told: true, ..self.with_value(value) }
    }

    /// Adds the wrong value, for the log only.
    #[must_use]
    pub fn with_value(mut self, value: &str) -> Self {
        self.value = Some(excerpt(value).to_string().into());
        self
    }

    /// Says how a first-party app goes on.
    #[must_use]
    pub fn going_on(mut self, onward: Option<Onward>) -> Self {
        self.onward = onward.map(Box::new);
        self
    }

    /// The `error` code. There is none when a bearer token is missing (RFC 6750 §3.1).
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        self.reason.code()
    }

    /// The challenge for `WWW-Authenticate`.
    #[must_use]
    pub fn challenge(&self) -> Option<AuthenticateChallenge> {
        match self.code() {
            Some(ErrorCode::InvalidClient) => Some(AuthenticateChallenge::Basic),
            None | Some(ErrorCode::InvalidToken | ErrorCode::InsufficientScope) => {
                Some(AuthenticateChallenge::Bearer)
            }
            Some(_) => None,
        }
    }

    /// The value of `error_description`. RFC 6749 §5.2 allows only ASCII without quotes and
    /// backslashes there, so a value with any other character is only written to the log.
    #[must_use]
    pub fn text(&self) -> Cow<'static, str> {
        let description = self.reason.told().sentence();
        let legal = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        let value = self.value.as_deref().filter(|_| self.is_value_told);
        // A shortened value ends with a sign that is not ASCII.
        let (value, dots) = match value.and_then(|value| value.strip_suffix('…')) {
            Some(beginning) => (Some(beginning), "..."),
            None => (value, ""),
        };
        match value {
            Some(value) if value.bytes().all(legal) => {
                Cow::Owned(format!("{description}: {value}{dots}"))
            }
            _ => Cow::Borrowed(description),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.code().map_or(401, ErrorCode::status)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code().map_or("unauthorized", ErrorCode::as_str), self.reason)
    }
}

/// Why a use case of the protocol does not succeed: a refusal or a fault.
pub type Error = verdict::Error<Refusal>;

/// The result of a use case of the protocol.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason.into())
    }
}
