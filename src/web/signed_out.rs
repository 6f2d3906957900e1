//! The pages at the end of a sign-out.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use crate::flows::logout::Done;
use crate::pages::{Frame, SignedOutPage, StillSignedInPage};
use crate::web::page::{self, Shown};
use crate::web::page_request::PageRequest;
use crate::web::shared::Shared;

/// Shows that the person is signed out, or redirects back to the app.
pub(super) fn show(shared: &Shared, page_request: &PageRequest, done: &Done) -> Response<Body> {
    let mut response = if let Some(location) = done.onward() {
        page::onward(shared, page_request, location)
    } else {
        let app = done.client.as_ref().map(|client| Shown::of(shared, client, None));
        let frame = Frame { here: None, ..page_request.frame(shared) };
        let app = app.as_ref().map(Shown::app);
        let every = shared.flows.providers.list();
        let came = every.iter().filter(|one| done.providers.contains(&one.registration.slug));
        let providers = came.map(|one| one.name(page_request.language.as_str())).collect();
        let page = SignedOutPage { frame, app, back: done.location.as_deref(), providers };
        page::show(shared, StatusCode::OK, &page, page_request)
    };
    if let Some(cookie) = &done.cookie {
        shared.cookies.set_browser(response.headers_mut(), cookie);
    }
    response
}

/// Shows that the person stays signed in.
pub(super) fn show_stayed(shared: &Shared, page_request: &PageRequest) -> Response<Body> {
    let page = StillSignedInPage { frame: page_request.frame(shared) };
    page::show(shared, StatusCode::OK, &page, page_request)
}
