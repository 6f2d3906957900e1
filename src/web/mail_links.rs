//! The pages behind the links of mails. Opening one changes nothing, because mail scanners open
//! links; its button uses the link up.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use super::edge::Context;
use super::page::{self, Answered, Failed};
use crate::accounts::browsers::new_browser_session;
use crate::accounts::mail_secrets::MailSecretRefused;
use crate::accounts::new_address::AddressRefused;
use crate::domain::reason::Reason;
use crate::domain::urls;
use crate::flows::{new_address, recovery};
use crate::pages::{MailLinkKind, MailLinkPage, MailLinkState, PageProblem};
use crate::web::page_request::PageRequest;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::{detached, receive};

impl From<MailSecretRefused> for Reply {
    fn from(_: MailSecretRefused) -> Self {
        Self::Failed(Failed::new(Reason::MailLinkRefused, PageProblem::Unknown))
    }
}

impl From<AddressRefused> for Reply {
    fn from(refused: AddressRefused) -> Self {
        match refused {
            AddressRefused::Secret => MailSecretRefused.into(),
            AddressRefused::Taken => {
                Self::Failed(Failed::new(Reason::AddressTaken, PageProblem::AddressTaken))
            }
        }
    }
}

/// The page with the button.
fn show(shared: &Shared, page_request: &PageRequest, kind: MailLinkKind) -> Response<Body> {
    let link = page_request.form.get("secret").unwrap_or_default();
    let page = MailLinkPage {
        // The address of the page has the secret, so no link on it repeats the address.
        frame: crate::pages::Frame { here: None, ..page_request.frame(shared) },
        kind,
        state: MailLinkState::Asks(link),
    };
    let mut response = page::show(shared, StatusCode::OK, &page, page_request);
    if page_request.browser_state.browser.is_none() {
        // What the button begins is bound to this browser.
        shared.cookies.set_browser(response.headers_mut(), &new_browser_session().1);
    }
    response
}

async fn asked(
    shared: Arc<Shared>,
    context: Context,
    request: Request,
    kind: MailLinkKind,
) -> Answered {
    let page_request = receive::get(&shared, context, request).await?;
    Ok(show(&shared, &page_request, kind))
}

pub(super) async fn recovery(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    asked(shared, context, request, MailLinkKind::Recovery).await
}

pub(super) async fn address(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    asked(shared, context, request, MailLinkKind::NewAddress).await
}

pub(super) async fn undo(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    asked(shared, context, request, MailLinkKind::UndoAddress).await
}

pub(super) async fn recover(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, _) = receive::post(&shared, context, request, urls::RECOVER).await?;
    let link = page_request.form.get("secret").unwrap_or_default();
    let (caller, language) = (page_request.caller(), page_request.language);
    let opened = recovery::open(&shared.flows, caller, link, language).await;
    Ok(respond(&shared, &page_request, opened))
}

pub(super) async fn confirm_address(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let path = urls::CONFIRM_ADDRESS;
    let (page_request, _) = receive::post(&shared, context, request, path).await?;
    let link = page_request.form.get("secret").unwrap_or_default();
    let taken = new_address::confirm_by_link(&shared.flows, page_request.caller(), link).await;
    Ok(match taken {
        Ok(user) => {
            let page = MailLinkPage {
                frame: page_request.frame(&shared),
                kind: MailLinkKind::NewAddress,
                state: MailLinkState::Done(user.email.as_deref().unwrap_or_default()),
            };
            page::show(&shared, StatusCode::OK, &page, &page_request)
        }
        Err(error) => respond(&shared, &page_request, error),
    })
}

pub(super) async fn undo_address(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let path = urls::UNDO_ADDRESS;
    let (page_request, _) = receive::post(&shared, context, request, path).await?;
    detached::to_its_end(Box::pin(async move {
        let link = page_request.form.get("secret").unwrap_or_default();
        let (caller, language) = (page_request.caller(), page_request.language);
        let taken_back = new_address::take_back(&shared.flows, caller, link, language).await;
        Ok(respond(&shared, &page_request, taken_back))
    }))
    .await
}
