//! `/account/email`: a person changes the address of their account.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use super::security::{self, SecurityAnswer};
use crate::accounts::browsers::SignedInUser;
use crate::accounts::new_address::AddressRefused;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::new_address::{self, AddressNotAsked};
use crate::flows::outcome::FlashMessage;
use crate::flows::submitted::AccountForm;
use crate::pages::{AddressProblem, MailedCodeKind, MailedCodePage, MailedCodeProblem};
use crate::web::account_session::{account, submitted, visited};
use crate::web::detached;
use crate::web::edge::Context;
use crate::web::page::{self, Answered};
use crate::web::page_request::PageRequest;
use crate::web::respond::respond;
use crate::web::shared::Shared;

pub(in crate::web) async fn ask(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, security::PAGE).await?;
    detached::to_its_end(Box::pin(send(shared, page_request, form))).await
}

async fn send(shared: Arc<Shared>, page_request: PageRequest, form: AccountForm) -> Answered {
    let typed = page_request.form.get("email").unwrap_or_default();
    let (caller, language) = (page_request.caller(), page_request.language);
    let asked = Box::pin(new_address::ask(&shared.flows, caller, &form, typed, language)).await;
    let problem = match asked {
        Ok(()) => {
            let (base, path) = (&shared.base, urls::ACCOUNT_EMAIL);
            let session = form.person().session.id.as_str();
            return Ok(page::see_other(&format!("{base}{path}?session={session}")));
        }
        Err(Error::Fault(fault)) => return Ok(respond(&shared, &page_request, fault)),
        Err(Error::Refused(AddressNotAsked::NotFresh(not_fresh))) => {
            return Ok(respond(&shared, &page_request, not_fresh));
        }
        // The section is not shown without mails.
        Err(Error::Refused(AddressNotAsked::NoMail)) => {
            return Ok(respond(&shared, &page_request, account(&form, None)));
        }
        Err(Error::Refused(AddressNotAsked::Malformed)) => AddressProblem::Malformed,
        Err(Error::Refused(AddressNotAsked::Same)) => AddressProblem::Same,
    };
    Ok(show_section(&shared, &page_request, form.person(), problem).await)
}

/// Shows the page with the section, which says why the address is not changed.
async fn show_section(
    shared: &Shared,
    page_request: &PageRequest,
    person: &SignedInUser,
    problem: AddressProblem,
) -> Response<Body> {
    let says = SecurityAnswer { address: Some(problem), ..SecurityAnswer::default() };
    security::show(shared, page_request, person, StatusCode::BAD_REQUEST, says).await
}

/// The page that asks for the code.
pub(in crate::web) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, person) = visited(&shared, context, request, security::PAGE).await?;
    Ok(show(&shared, &page_request, &person, None).await)
}

async fn show(
    shared: &Shared,
    page_request: &PageRequest,
    person: &SignedInUser,
    problem: Option<MailedCodeProblem>,
) -> Response<Body> {
    let session = person.session.id.as_str();
    let security = format!("{}?session={session}", security::PAGE.path());
    let email = match new_address::asked_for(&shared.flows, person).await {
        Ok(Some(email)) => email,
        Ok(None) => return page::see_other(&format!("{}{security}", shared.base)),
        Err(fault) => return respond(shared, page_request, fault),
    };
    let csrf = AccountForm::token(&shared.flows, person);
    let page = MailedCodePage {
        frame: page_request.frame(shared),
        app: None,
        kind: MailedCodeKind::NewAddress(&email),
        fields: vec![("csrf", &csrf), ("session", session)],
        back: &security,
        problem,
    };
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    page::show(shared, status, &page, page_request)
}

pub(in crate::web) async fn confirm(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, security::PAGE).await?;
    let Some(typed) = page_request.form.get("code") else {
        let missing = Some(MailedCodeProblem::Missing);
        return Ok(show(&shared, &page_request, form.person(), missing).await);
    };
    let caller = page_request.caller();
    let problem = match new_address::confirm_by_code(&shared.flows, caller, &form, typed).await {
        Ok(()) => {
            let back = account(&form, Some(FlashMessage::AddressChanged));
            return Ok(respond(&shared, &page_request, back));
        }
        Err(Error::Fault(fault)) => return Ok(respond(&shared, &page_request, fault)),
        Err(Error::Refused(AddressRefused::Secret)) => MailedCodeProblem::Wrong,
        Err(Error::Refused(AddressRefused::Taken)) => {
            let taken = AddressProblem::Taken;
            return Ok(show_section(&shared, &page_request, form.person(), taken).await);
        }
    };
    Ok(show(&shared, &page_request, form.person(), Some(problem)).await)
}
