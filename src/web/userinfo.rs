//! `GET /userinfo` and `POST /userinfo`. The token is sent in exactly one way (RFC 6750 §2), and
//! never in the query, where logs would keep it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::body::{self, Head};
use crate::domain::form::Form;
use crate::domain::reason::Reason;
use crate::oauth::error::Refusal;
use crate::oauth::resource::{bearer, userinfo};
use crate::web::shared::Shared;
use crate::web::{answer, cors};

pub(super) async fn get(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    respond(&shared, &Head::of(request), &Form::default()).await
}

pub(super) async fn post(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    match body::form(request).await {
        Ok((head, form)) => respond(&shared, &head, &form).await,
        Err(answer) => answer,
    }
}

async fn respond(shared: &Shared, head: &Head, form: &Form) -> Response<Body> {
    let (response, client) = match presented(head, form) {
        Ok(token) => {
            let client = bearer::claimed_client(token);
            let told = userinfo::userinfo(&shared.resources, token).await;
            (answer::json(told, client.as_ref()), client)
        }
        Err(refusal) => (answer::refusal(&refusal, None), None),
    };
    cors::answers(client, response)
}

pub(super) fn presented<'a>(head: &'a Head, form: &'a Form) -> Result<&'a str, Refusal> {
    let invalid = || Reason::AccessTokenMalformed;
    match (head.authorization().as_slice(), form.get("access_token")) {
        ([], None) => Err(Reason::AccessTokenMissing.into()),
        ([], Some(token)) => Ok(token),
        ([header], None) => {
            let header = std::str::from_utf8(header).map_err(|_| invalid())?;
            match header.split_once(' ') {
                // RFC 9110 §11.1: the scheme is compared without case.
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
                Some((_, _)) | None => Err(Reason::AccessTokenMissing.into()),
            }
        }
        // RFC 6750 §2: the token may be sent in one way only.
        _ => Err(Reason::AccessTokenRepeated.into()),
    }
}
