//! `/terms`: the documents that a person is asked to accept.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use super::edge::Context;
use super::page::{self, Answered, Shown};
use crate::domain::terms::{Acceptance, Document};
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::due_terms::open_documents;
use crate::flows::interaction::{Subject, View};
use crate::flows::terms::{self, NotAccepted};
use crate::pages::{DocumentToAccept, HiddenFields, TermsPage};
use crate::web::interaction::{app, csrf, view};
use crate::web::page_request::PageRequest;
use crate::web::receive;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::shown::person;

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let view = view(&shared, &mut page_request).await?;
    Ok(show(&shared, &page_request, view, false).await)
}

async fn show(
    shared: &Shared,
    page_request: &PageRequest,
    view: View,
    is_missing: bool,
) -> Response<Body> {
    let Subject::Terms(signed_in_user) = &view.subject else {
        let next = Reply::Page(urls::AUTHORIZE_CONTINUE, view.handle);
        return respond(shared, page_request, next);
    };
    let documents =
        match open_documents(&shared.flows, &*shared.flows.store, &signed_in_user.user.id).await {
            Ok(documents) => documents,
            Err(fault) => return respond(shared, page_request, fault),
        };
    let (app, csrf) = (app(shared, &view), csrf(shared, &view.interaction));
    let terms = TermsPage {
        frame: page_request.frame(shared),
        app: app.as_ref().map(Shown::app),
        hidden: HiddenFields { interaction: view.handle.as_str(), csrf: &csrf },
        person: person(signed_in_user),
        documents: shown(documents, page_request),
        is_missing,
    };
    let status = if is_missing { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    page::show(shared, status, &terms, page_request)
}

/// The documents, as pages show them. Boxes that were ticked in the form stay ticked.
pub(super) fn shown<'a>(
    documents: impl IntoIterator<Item = &'a Document>,
    page_request: &PageRequest,
) -> Vec<DocumentToAccept<'a>> {
    let language = page_request.language.as_str();
    let shown = |document: &'a Document| DocumentToAccept {
        id: &document.id,
        version: &document.version,
        title: document.title(language),
        url: document.url(language),
        required: document.required,
        is_ticked: page_request.form.get(&field(document)) == Some(&document.version),
    };
    documents.into_iter().map(shown).collect()
}

/// The acceptances in a form.
pub(super) fn accepted(shared: &Shared, page_request: &PageRequest) -> Vec<Acceptance> {
    let read = |document: &Document| {
        let version = page_request.form.get(&field(document))?.to_owned();
        Some(Acceptance { document: document.id.clone(), version })
    };
    shared.flows.terms.0.iter().filter_map(read).collect()
}

/// The name of the box of a document.
fn field(document: &Document) -> String {
    format!("terms-{}", document.id)
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let received = receive::interaction_form(&shared, context, request, urls::TERMS).await?;
    let (mut page_request, form) = received;
    let accepted = accepted(&shared, &page_request);
    let answering = terms::accept(&shared.flows, page_request.caller(), &form, &accepted);
    let answered = Box::pin(answering).await;
    match answered {
        Ok(advanced) => Ok(respond(&shared, &page_request, advanced)),
        Err(Error::Fault(fault)) => Ok(respond(&shared, &page_request, fault)),
        Err(Error::Refused(NotAccepted::InteractionError(error))) => {
            Ok(respond(&shared, &page_request, error))
        }
        Err(Error::Refused(NotAccepted::Missing)) => {
            let view = view(&shared, &mut page_request).await?;
            Ok(show(&shared, &page_request, view, true).await)
        }
    }
}
