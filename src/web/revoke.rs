//! `POST /revoke`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::edge::Context;
use crate::oauth::client_auth::Credentials;
use crate::oauth::error::Error;
use crate::oauth::resource::revoke::{self, Browser};
use crate::web::shared::Shared;
use crate::web::{answer, body, cors};

pub(super) async fn revoke(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Response<Body> {
    let (head, form) = match body::form(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let script = cors::origin(head.headers());
    let credentials = head.credentials(&form);
    let client = credentials.as_ref().ok().and_then(Credentials::client);
    let cookie = client.as_ref().and_then(|id| shared.cookies.refresh_token(head.headers(), id));
    let browser = Browser { script, cookie };
    let origin = context.origin();
    let revoked = match credentials {
        Ok(credentials) => {
            revoke::revoke(&shared.resources, &credentials, &form, browser, &origin).await
        }
        Err(refusal) => Err(refusal.into()),
    };
    let response = match revoked {
        // RFC 7009 §2.2: the content of the answer is ignored.
        Ok(revoked) => {
            let mut response = answer::empty();
            if let Some(client) = &revoked.cookie_of {
                shared.cookies.clear_refresh_token(response.headers_mut(), client);
            }
            response
        }
        Err(Error::Refused(refusal)) => answer::refusal(&refusal, client.as_ref()),
        Err(Error::Fault(fault)) => answer::fault(&fault),
    };
    cors::answers(client, response)
}
