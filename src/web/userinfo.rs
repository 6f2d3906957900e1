//! `GET /userinfo` and `POST /userinfo`. The token is sent in exactly one way (RFC 6750 §2, RFC 9449
//! §7.1), and never in the query, where logs would keep it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, Method, Response, StatusCode};

use super::body::{self, Head};
use crate::domain::error_code::ErrorCode;
use crate::domain::form::Form;
use crate::domain::reason::Reason;
use crate::keys::dpop::ALGORITHMS;
use crate::oauth::error::{Error, Refusal};
use crate::oauth::resource::bearer;
use crate::oauth::resource::userinfo::{self, PresentedToken, Told};
use crate::web::shared::Shared;
use crate::web::{answer, cors};

pub(super) async fn get(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let method = request.method().clone();
    respond(&shared, &method, &Head::of(request), &Form::default()).await
}

pub(super) async fn post(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    match body::form(request).await {
        Ok((head, form)) => respond(&shared, &Method::POST, &head, &form).await,
        Err(answer) => answer,
    }
}

async fn respond(shared: &Shared, method: &Method, head: &Head, form: &Form) -> Response<Body> {
    let credential = credential(head, form);
    let is_dpop = credential.as_ref().is_ok_and(|credential| credential.is_dpop);
    let (told, client) = match credential {
        Ok(Credential { token, is_dpop }) => {
            let (client, proof) = (bearer::claimed_client(token), head.proof());
            let (certificate, method) = (head.thumbprint(), method.as_str());
            let presented = PresentedToken { token, is_dpop, proof, certificate, method };
            (userinfo::userinfo(&shared.resources, presented).await, client)
        }
        Err(refusal) => (Err(refusal.into()), None),
    };
    let refusal = match &told {
        Err(Error::Refused(refusal)) => Some(refusal.clone()),
        _ => None,
    };
    let mut response = match told {
        Ok(Told::Json(told)) => answer::json(Ok(told), None),
        Ok(Told::Jwt(jwt)) => answer::jwt(jwt, answer::JWT),
        Err(error) => answer::json::<()>(Err(error), client.as_ref()),
    };
    if let Some(refusal) = refusal {
        challenge(&mut response, &refusal, is_dpop);
    }
    answer::with_nonce(&mut response, &shared.token.possession, head.proof());
    cors::answers(client, response)
}

/// RFC 9449 §7.1: a refusal says that tokens may be bound, and by which algorithms. Whoever came with
/// the scheme `DPoP` is answered in it.
fn challenge(response: &mut Response<Body>, refusal: &Refusal, is_dpop: bool) {
    let code = refusal.code();
    if matches!(code, Some(ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce)) {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    let is_refused = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if !is_refused || (response.status() == StatusCode::FORBIDDEN && !is_dpop) {
        return;
    }
    let error = code.filter(|_| is_dpop).map(|code| {
        format!(", error=\"{}\", error_description=\"{}\"", code.as_str(), refusal.text())
    });
    let (error, algs) = (error.unwrap_or_default(), ALGORITHMS.join(" "));
    let challenge = format!("DPoP realm=\"mapae\"{error}, algs=\"{algs}\"");
    let Ok(challenge) = HeaderValue::try_from(challenge) else { return };
    if is_dpop {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    } else {
        response.headers_mut().append(WWW_AUTHENTICATE, challenge);
    }
}

/// An access token and the scheme by which it came.
struct Credential<'a> {
    token: &'a str,
    is_dpop: bool,
}

/// The bearer token of a request to an endpoint that takes no other.
pub(super) fn presented<'a>(head: &'a Head, form: &'a Form) -> Result<&'a str, Refusal> {
    let credential = credential(head, form)?;
    if credential.is_dpop { Err(Reason::AccessTokenBound.into()) } else { Ok(credential.token) }
}

fn credential<'a>(head: &'a Head, form: &'a Form) -> Result<Credential<'a>, Refusal> {
    let invalid = || Reason::AccessTokenMalformed;
    match (head.authorization().as_slice(), form.get("access_token")) {
        ([], None) => Err(Reason::AccessTokenMissing.into()),
        ([], Some(token)) => Ok(Credential { token, is_dpop: false }),
        ([header], None) => {
            let header = std::str::from_utf8(header).map_err(|_| invalid())?;
            let (scheme, token) = header.split_once(' ').ok_or(Reason::AccessTokenMissing)?;
            // RFC 9110 §11.1: the scheme is compared without case.
            let is = |named: &str| scheme.eq_ignore_ascii_case(named);
            if is("bearer") || is("dpop") {
                Ok(Credential { token: token.trim(), is_dpop: is("dpop") })
            } else {
                Err(Reason::AccessTokenMissing.into())
            }
        }
        // RFC 6750 §2: the token may be sent in one way only.
        _ => Err(Reason::AccessTokenRepeated.into()),
    }
}
