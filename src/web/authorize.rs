//! `/authorize`. Clients demand the endpoint in the metadata; people cannot sign in here yet.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::answer;
use crate::pages::ErrorPage;

pub(super) async fn authorize() -> Response<Body> {
    let page = ErrorPage {
        code: "unsupported_response_type",
        title: "Signing in by browser is not possible here",
        advice: "This server does not have sign-in pages. Go back to the app.",
    };
    answer::page(StatusCode::BAD_REQUEST, &page)
}
