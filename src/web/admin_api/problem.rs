//! Problem details, RFC 9457: how the API refuses.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::authority::NotAllowed;
use crate::admin::refused::Refused;
use crate::clients::registration::ClientRejected;
use crate::domain::admin_right::{AdminRight, AdminScope};
use crate::domain::reason::Reason;
use crate::domain::verdict::{Error, Fault, Rejected};
use crate::oauth::refused::RefusedRequest;
use crate::web::answer;

/// The media type of problem details.
pub(super) const PROBLEM: &str = "application/problem+json";

/// Why a request was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// A URN that names the reason.
    #[serde(rename = "type")]
    kind: String,
    /// The reason in words.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What is wrong with this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The stable name of the reason.
    reason: &'static str,
}

/// What ends a request without a result.
#[derive(Debug)]
pub(super) enum Failed {
    /// A refusal.
    Refused { reason: Reason, detail: Option<String>, challenge: Option<String> },
    /// A failure of ours.
    Fault(Fault),
}

/// The result of a handler.
pub(super) type ApiResult<T> = Result<T, Failed>;

impl Failed {
    /// A refusal with these words about the request.
    pub(super) fn because(reason: Reason, detail: impl Into<String>) -> Self {
        Self::Refused { reason, detail: Some(detail.into()), challenge: None }
    }

    /// A use case that reads refused a parameter of the query.
    pub(super) fn of_query(error: Error<Refused>) -> Self {
        match error {
            Error::Refused(why) => Self::because(Reason::AdminQueryMalformed, why.to_string()),
            Error::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<Reason> for Failed {
    fn from(reason: Reason) -> Self {
        let challenge = match reason {
            // RFC 6750 §3.1: without a token there is no error code.
            Reason::AccessTokenMissing => Some(String::new()),
            _ => reason.code().filter(|code| code.status() == 401).map(|code| {
                format!(
                    ", error=\"{}\", error_description=\"{}\"",
                    code.as_str(),
                    reason.sentence()
                )
            }),
        };
        Self::Refused { reason, detail: None, challenge }
    }
}

impl From<NotAllowed> for Failed {
    fn from(not_allowed: NotAllowed) -> Self {
        let (reason, hint) = match not_allowed {
            // RFC 6750 §3.1
            NotAllowed::Right(right) => (Reason::AdminScopeMissing, scopes_for(right)),
            // RFC 9470 §3
            NotAllowed::Strength => (Reason::AdminProofWeak, ", acr_values=\"2\"".to_owned()),
            NotAllowed::Age(age) => {
                (Reason::AdminProofOld, format!(", max_age=\"{}\"", age.num_seconds()))
            }
        };
        let code = reason.code().map(crate::domain::error_code::ErrorCode::as_str);
        let challenge = code.map(|code| {
            let words = reason.sentence();
            format!(", error=\"{code}\", error_description=\"{words}\"{hint}")
        });
        Self::Refused { reason, detail: None, challenge }
    }
}

/// The scope that allows this with the fewest other rights.
fn scopes_for(right: AdminRight) -> String {
    let allow = AdminScope::ALL.iter().filter(|scope| scope.rights().contains(right));
    let least = allow.min_by_key(|scope| {
        AdminRight::ALL.iter().filter(|one| scope.rights().contains(**one)).count()
    });
    least.map(|scope| format!(", scope=\"{}\"", scope.as_str())).unwrap_or_default()
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error<Refused>> for Failed {
    fn from(error: Error<Refused>) -> Self {
        let refused = match error {
            Error::Refused(refused) => refused,
            Error::Fault(fault) => return Self::Fault(fault),
        };
        let reason = match &refused {
            // RFC 9470 §3
            Refused::ProofOld(age) => return NotAllowed::Age(*age).into(),
            Refused::NotFound(_) => Reason::AdminUnknown,
            Refused::Conflict(_) => Reason::AdminConflict,
            Refused::Changed => Reason::AdminChanged,
            Refused::Invalid(_) => Reason::AdminInvalid,
            Refused::Forbidden(_) => Reason::AdminForbidden,
        };
        Self::because(reason, refused.to_string())
    }
}

impl From<Error<ClientRejected>> for Failed {
    fn from(error: Error<ClientRejected>) -> Self {
        Error::<Refused>::from(error).into()
    }
}

impl From<Error<Rejected>> for Failed {
    fn from(error: Error<Rejected>) -> Self {
        match error {
            Error::Refused(rejected) => Self::because(Reason::AdminConflict, rejected.to_string()),
            Error::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response<Body> {
        let (reason, detail, challenge) = match self {
            Self::Refused { reason, detail, challenge } => (reason, detail, challenge),
            Self::Fault(fault) => return answer::fault(&fault),
        };
        RefusedRequest::from(reason).log();
        let status = reason.status().unwrap_or(400);
        let problem = Problem {
            kind: format!("urn:mapae:reason:{reason}"),
            title: reason.sentence(),
            status,
            detail,
            reason: reason.as_str(),
        };
        let Ok(body) = serde_json::to_vec(&problem) else { return answer::server_error() };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(more) = challenge {
            let challenge = HeaderValue::try_from(format!("Bearer realm=\"mapae\"{more}"));
            headers.extend(challenge.ok().map(|value| (WWW_AUTHENTICATE, value)));
        }
        response
    }
}
