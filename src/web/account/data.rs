//! `/account/data`: what is stored about a person, to look at and to take along.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, Response, StatusCode};
use futures_util::stream::{StreamExt, iter, try_unfold};

use crate::accounts::browsers::SignedInUser;
use crate::domain::account_page::AccountPage;
use crate::domain::verdict::Fault;
use crate::flows::interaction::Caller;
use crate::flows::my_data::{self, MyData};
use crate::flows::outcome::FlashMessage;
use crate::flows::submitted::AccountForm;
use crate::pages::DataPage;
use crate::web::account_session::{shell, submitted, visited};
use crate::web::edge::Context;
use crate::web::flash_messages;
use crate::web::page::{self, Answered};
use crate::web::page_request::PageRequest;
use crate::web::respond::respond;
use crate::web::shared::Shared;

const PAGE: AccountPage = AccountPage::Data;

/// What one answer shows in addition to what can be done.
#[derive(Clone, Debug, Default)]
pub(super) struct DataAnswer {
    /// The message about what happened.
    pub(super) message: Option<FlashMessage>,
    /// Whether the account is not deleted because nobody else is an owner of the administration.
    pub(super) is_last_owner: bool,
}

pub(in crate::web) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, signed_in_user) = visited(&shared, context, request, PAGE).await?;
    let message = flash_messages::at_account(&shared, &page_request, &signed_in_user.session.id);
    let says = DataAnswer { message, ..DataAnswer::default() };
    Ok(show(&shared, &page_request, &signed_in_user, says))
}

/// Shows the page.
pub(super) fn show(
    shared: &Shared,
    page_request: &PageRequest,
    signed_in_user: &SignedInUser,
    says: DataAnswer,
) -> Response<Body> {
    let DataAnswer { message, is_last_owner } = says;
    let csrf = AccountForm::token(&shared.flows, signed_in_user);
    let shown = DataPage {
        frame: page_request.frame(shared),
        shell: shell(PAGE, signed_in_user, &csrf, message.as_ref()),
        is_last_owner,
    };
    let status = if is_last_owner { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    page::show(shared, status, &shown, page_request)
}

pub(in crate::web) async fn export(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    let begun = begin(&shared, page_request.caller(), &form).await;
    match begun {
        Ok((first, rest)) => Ok(document(first, rest)),
        Err(fault) => Ok(respond(&shared, &page_request, fault)),
    }
}

/// The first piece is read before the answer begins, so that a database that does not answer is an
/// error page.
async fn begin(
    shared: &Shared,
    caller: Caller<'_>,
    form: &AccountForm,
) -> Result<(String, MyData), Fault> {
    let mut data = my_data::export(&shared.flows, caller, form).await?;
    let first = data.next().await?.unwrap_or_default();
    Ok((first, data))
}

/// The document. It is written while it is read. If the database fails in the middle, the
/// connection ends early, and the browser says that the download failed.
fn document(first: String, rest: MyData) -> Response<Body> {
    let rest = try_unfold(rest, |mut rest| async move {
        match rest.next().await {
            Ok(piece) => Ok(piece.map(|piece| (piece, rest))),
            Err(fault) => {
                tracing::error!(%fault, "a document was not written to its end");
                Err(fault)
            }
        }
    });
    let mut response = Response::new(Body::from_stream(iter([Ok::<_, Fault>(first)]).chain(rest)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = HeaderValue::from_static("attachment; filename=\"my-account.json\"");
    headers.insert(CONTENT_DISPOSITION, name);
    response
}
