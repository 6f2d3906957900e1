//! Error answers: RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6, RFC 6750 §3.1, RFC 7009 §2.2.1, RFC 8707 §2.

use std::borrow::Cow;
use std::fmt;

use crate::domain::excerpt::excerpt;
use crate::domain::form::BadForm;
use crate::domain::verdict;

/// The ways in which this server refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the wire name of each says it")]
pub enum ErrorCode {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope,
    InvalidTarget,
    InvalidToken,
    InsufficientScope,
    UnsupportedResponseType,
    AccessDenied,
    LoginRequired,
    ConsentRequired,
    AccountSelectionRequired,
    UnmetAuthenticationRequirements,
    RequestNotSupported,
    RequestUriNotSupported,
    /// Too many failures: 429.
    Throttled,
    /// Too much to do: 503.
    Overloaded,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 19] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::InvalidScope,
        Self::InvalidTarget,
        Self::InvalidToken,
        Self::InsufficientScope,
        Self::UnsupportedResponseType,
        Self::AccessDenied,
        Self::LoginRequired,
        Self::ConsentRequired,
        Self::AccountSelectionRequired,
        Self::UnmetAuthenticationRequirements,
        Self::RequestNotSupported,
        Self::RequestUriNotSupported,
        Self::Throttled,
        Self::Overloaded,
    ];

    /// The value of `error`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::Throttled | Self::Overloaded => "temporarily_unavailable",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            // RFC 6749 §5.2, RFC 6750 §3.1
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::Throttled => 429,
            Self::Overloaded => 503,
            _ => 400,
        }
    }
}

/// The challenge of a 401, RFC 9110 §11.6.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// Client authentication by header.
    Basic,
    /// An access token, RFC 6750 §3.
    Bearer,
}

/// A refusal: ASCII text without quote and backslash (RFC 6749 §5.2). Details belong into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `error`; none when a bearer token is merely missing (RFC 6750 §3.1).
    pub code: Option<ErrorCode>,
    /// `error_description`.
    pub description: &'static str,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// `WWW-Authenticate`.
    pub challenge: Option<Challenge>,
    /// What the log says besides.
    pub detail: Option<Box<Detail>>,
}

/// What the log says of a refusal besides its description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Why, where the client is told less.
    pub reason: Option<&'static str>,
    /// The value that is wrong: never a secret.
    pub value: Option<String>,
    /// Whether the client is told the value.
    pub is_told: bool,
}

impl Refusal {
    /// A refusal of this kind.
    #[must_use]
    pub fn new(code: ErrorCode, description: &'static str) -> Self {
        let challenge = match code {
            ErrorCode::InvalidClient => Some(Challenge::Basic),
            ErrorCode::InvalidToken | ErrorCode::InsufficientScope => Some(Challenge::Bearer),
            _ => None,
        };
        Self { code: Some(code), description, retry_after: None, challenge, detail: None }
    }

    /// RFC 6750 §3.1: without any token the challenge carries no error.
    #[must_use]
    pub fn missing_token() -> Self {
        let description = "an access token is needed";
        let challenge = Some(Challenge::Bearer);
        Self { code: None, description, retry_after: None, challenge, detail: None }
    }

    /// Says after how many seconds another try makes sense.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Tells the client, too, which value it is that is wrong.
    #[must_use]
    pub fn naming(mut self, value: &str) -> Self {
        let detail = self.detail.get_or_insert_default();
        detail.value = Some(excerpt(value).to_string());
        detail.is_told = true;
        self
    }

    /// With the value that is wrong, for the log alone.
    #[must_use]
    pub fn with_value(mut self, value: &str) -> Self {
        self.detail.get_or_insert_default().value = Some(excerpt(value).to_string());
        self
    }

    /// With the reason, for the log alone.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.detail.get_or_insert_default().reason = Some(reason);
        self
    }

    /// The value of `error_description`. RFC 6749 §5.2 has no quote, no backslash and nothing but
    /// ASCII in it: a value with any of these is for the log alone.
    #[must_use]
    pub fn text(&self) -> Cow<'static, str> {
        let told = self.detail.as_ref().filter(|detail| detail.is_told);
        let legal = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        let value = told.and_then(|detail| detail.value.as_deref());
        // The sign at the end of what was cut is not ASCII.
        let (value, dots) = match value.and_then(|value| value.strip_suffix('…')) {
            Some(beginning) => (Some(beginning), "..."),
            None => (value, ""),
        };
        match value {
            Some(value) if value.bytes().all(legal) => {
                Cow::Owned(format!("{}: {value}{dots}", self.description))
            }
            _ => Cow::Borrowed(self.description),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.code.map_or(401, ErrorCode::status)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.map_or("unauthorized", ErrorCode::as_str), self.description)
    }
}

impl From<BadForm> for Refusal {
    fn from(bad: BadForm) -> Self {
        invalid_request(match bad {
            BadForm::Repeated => "a parameter is repeated",
            BadForm::TooMany => "there are more than 100 parameters",
            BadForm::Undecodable => "the body is not a form in UTF-8",
        })
    }
}

/// How every use case of the protocol ends.
pub type Error = verdict::Error<Refusal>;

/// The result of a use case of the protocol.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// RFC 6749 §5.2.
#[must_use]
pub fn invalid_request(description: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, description)
}

/// RFC 6749 §5.2.
#[must_use]
pub fn invalid_grant(description: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidGrant, description)
}

/// RFC 6749 §5.2.
#[must_use]
pub fn invalid_client() -> Refusal {
    Refusal::new(ErrorCode::InvalidClient, "client authentication failed")
}

/// RFC 6749 §5.2.
#[must_use]
pub fn invalid_scope(description: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidScope, description)
}
