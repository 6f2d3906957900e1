//! `/sign-up`: the pages on which a person makes an account.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};

use super::cookies::SignInMethod;
use super::edge::Context;
use super::page::{self, Answered, Failed, Shown};
use crate::accounts::passkeys::adding::{NotAdded, PasskeyOwner};
use crate::accounts::password_rules::{LEAST, PasswordRefused};
use crate::accounts::sign_up::mail_address;
use crate::domain::interaction::Purpose;
use crate::domain::mail_secret::MailPurpose;
use crate::domain::newcomer::Newcomer;
use crate::domain::reason::Reason;
use crate::domain::secret::{Plain, Secret};
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::interaction::View;
use crate::flows::new_account::{self, AccountDetails};
use crate::flows::new_way_in::{self, NewWayIn};
use crate::flows::sign_up::{self, NotSignedUp, SignUpProblem};
use crate::flows::sign_up_offer::{SignUpOffer, offer};
use crate::flows::submitted::Submitted;
use crate::pages::{
    AccountFormPage, AccountFormProblem, AddressPage, ConfirmAddressPage, Frame, HiddenFields,
    MailedLink, PageProblem, ProvenAddress, SignUpCodePage,
};
use crate::web::interaction::{app, csrf, view};
use crate::web::page_request::PageRequest;
use crate::web::passkey_form::{new_passkey, passkey_form};
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::terms::{accepted, shown};
use crate::web::{detached, receive};

/// The first form: the address alone where mails can be sent, and the whole account where not.
pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let view = view(&shared, &mut page_request).await?;
    Ok(show_first(&shared, &page_request, view, None))
}

fn show_first(
    shared: &Shared,
    page_request: &PageRequest,
    view: View,
    problem: Option<SignUpProblem>,
) -> Response<Body> {
    let client = view.client.as_ref().map(|client| &client.client);
    if offer(&shared.flows, &view.interaction.purpose, client) != SignUpOffer::Open {
        return respond(shared, page_request, Reply::Page(urls::AUTHORIZE_CONTINUE, view.handle));
    }
    if shared.flows.mailer.is_none() {
        return show_account(shared, page_request, &view, problem);
    }
    let asked = view.interaction.newcomer.as_ref().map(|newcomer| newcomer.email.as_str());
    let known = page_request.form.get("email").or(asked).or_else(|| hinted_address(&view));
    let (app, csrf) = (app(shared, &view), csrf(shared, &view.interaction));
    let address = AddressPage {
        frame: page_request.frame(shared),
        app: app.as_ref().map(Shown::app),
        hidden: HiddenFields { interaction: view.handle.as_str(), csrf: &csrf },
        email: known.unwrap_or_default(),
        is_wrong: problem.is_some(),
    };
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    page::show(shared, status, &address, page_request)
}

/// The address that the app gives as `login_hint`.
fn hinted_address(view: &View) -> Option<&str> {
    let Purpose::Authorize(request) = &view.interaction.purpose else { return None };
    request.login_hint.as_deref().filter(|hint| mail_address(hint).is_some())
}

/// A person asks for a mail.
pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let received = receive::interaction_form(&shared, context, request, urls::SIGN_UP).await?;
    let (mut page_request, form) = received;
    let language = page_request.reads(form.ui_locales());
    let email = page_request.form.get("email").unwrap_or_default();
    let asked = sign_up::ask(&shared.flows, page_request.caller(), &form, email, language).await;
    match asked {
        Ok(advanced) => Ok(respond(&shared, &page_request, advanced)),
        Err(Error::Refused(NotSignedUp::Problem(problem))) => {
            let view = view(&shared, &mut page_request).await?;
            Ok(show_first(&shared, &page_request, view, Some(problem)))
        }
        Err(error) => Ok(refused(&shared, &page_request, &form, error)),
    }
}

/// The answer to a step that was not taken, if it is not the same form again.
fn refused(
    shared: &Shared,
    page_request: &PageRequest,
    form: &Submitted,
    error: Error<NotSignedUp>,
) -> Response<Body> {
    let reply = match error {
        Error::Fault(fault) => Reply::Fault(fault),
        Error::Refused(NotSignedUp::InteractionError(error)) => error.into(),
        Error::Refused(NotSignedUp::Link) => link_unknown().into(),
        Error::Refused(NotSignedUp::Elsewhere | NotSignedUp::Problem(_)) => {
            Reply::Page(urls::AUTHORIZE_CONTINUE, form.handle().clone())
        }
    };
    respond(shared, page_request, reply)
}

fn link_unknown() -> Failed {
    Failed::new(Reason::MailLinkUnknown, PageProblem::Unknown)
}

/// The page that says that a mail is on its way, and takes its code.
pub(super) async fn code(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let view = view(&shared, &mut page_request).await?;
    Ok(show_code(&shared, &page_request, view, false))
}

fn show_code(
    shared: &Shared,
    page_request: &PageRequest,
    view: View,
    is_wrong: bool,
) -> Response<Body> {
    let newcomer = view.interaction.newcomer.as_deref();
    let Some(newcomer) = newcomer.filter(|newcomer| newcomer.proven_by.is_none()) else {
        return respond(shared, page_request, Reply::Page(urls::SIGN_UP_ACCOUNT, view.handle));
    };
    let (app, csrf) = (app(shared, &view), csrf(shared, &view.interaction));
    let code = SignUpCodePage {
        frame: page_request.frame(shared),
        app: app.as_ref().map(Shown::app),
        hidden: HiddenFields { interaction: view.handle.as_str(), csrf: &csrf },
        email: &newcomer.email,
        is_wrong,
    };
    let status = if is_wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    page::show(shared, status, &code, page_request)
}

pub(super) async fn enter_code(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let path = urls::SIGN_UP_CODE;
    let (mut page_request, form) =
        receive::interaction_form(&shared, context, request, path).await?;
    let typed = page_request.form.get("code").unwrap_or_default();
    let entered = sign_up::enter_code(&shared.flows, page_request.caller(), &form, typed).await;
    match entered {
        Ok(advanced) => Ok(respond(&shared, &page_request, advanced)),
        Err(Error::Refused(NotSignedUp::Problem(_))) => {
            let view = view(&shared, &mut page_request).await?;
            Ok(show_code(&shared, &page_request, view, true))
        }
        Err(error) => Ok(refused(&shared, &page_request, &form, error)),
    }
}

/// The page behind the link of a mail that a person asked for.
pub(super) async fn asked(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    show_link(&shared, context, request, MailedLink::Asked).await
}

/// The page behind the link of an invitation.
pub(super) async fn invited(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    show_link(&shared, context, request, MailedLink::Invitation).await
}

/// The path of the page of such a link, and what the link is for.
fn of_link(link: MailedLink) -> (&'static str, MailPurpose) {
    match link {
        MailedLink::Asked => (urls::SIGN_UP_CONFIRM, MailPurpose::SignUp),
        MailedLink::Invitation => (urls::SIGN_UP_INVITATION, MailPurpose::Invitation),
    }
}

async fn show_link(
    shared: &Shared,
    context: Context,
    request: Request,
    link: MailedLink,
) -> Answered {
    let page_request = receive::get(shared, context, request).await?;
    let (path, purpose) = of_link(link);
    let secret = Plain::presented(page_request.form.get("secret").unwrap_or_default());
    let email = match sign_up::is_open(&shared.flows, purpose, &secret).await {
        Ok(Some(email)) => email,
        Ok(None) => return Ok(respond(shared, &page_request, link_unknown())),
        Err(fault) => return Ok(respond(shared, &page_request, fault)),
    };
    let here = format!("{}{path}?secret={}", shared.base, secret.expose());
    let page = ConfirmAddressPage {
        frame: Frame { here: Some(&here), ..page_request.frame(shared) },
        link,
        secret: secret.expose(),
        email: &email,
    };
    Ok(page::show(shared, StatusCode::OK, &page, &page_request))
}

/// A person presses the button behind the link of a mail.
pub(super) async fn confirm(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    use_link(&shared, context, request, MailedLink::Asked).await
}

/// A person accepts an invitation.
pub(super) async fn accept(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    use_link(&shared, context, request, MailedLink::Invitation).await
}

async fn use_link(
    shared: &Shared,
    context: Context,
    request: Request,
    link: MailedLink,
) -> Answered {
    let (path, purpose) = of_link(link);
    let (page_request, same_origin) = receive::post(shared, context, request, path).await?;
    let secret = Plain::presented(page_request.form.get("secret").unwrap_or_default());
    let caller = page_request.caller();
    let confirmed = sign_up::confirm(&shared.flows, caller, &same_origin, purpose, &secret).await;
    let reply = match confirmed {
        Ok(advanced) => advanced.into(),
        Err(Error::Fault(fault)) => Reply::Fault(fault),
        Err(Error::Refused(NotSignedUp::InteractionError(error))) => error.into(),
        Err(Error::Refused(_)) => link_unknown().into(),
    };
    Ok(respond(shared, &page_request, reply))
}

/// The form for the account, after the address was proven.
pub(super) async fn account(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let view = view(&shared, &mut page_request).await?;
    let is_made = view.interaction.session.is_some() || view.interaction.unfinished.is_some();
    if proven(&view).is_none() || is_made {
        let next = Reply::Page(urls::AUTHORIZE_CONTINUE, view.handle);
        return Ok(respond(&shared, &page_request, next));
    }
    Ok(show_account(&shared, &page_request, &view, None))
}

fn proven(view: &View) -> Option<&Newcomer> {
    let newcomer = view.interaction.newcomer.as_deref();
    newcomer.filter(|newcomer| newcomer.proven_by.is_some())
}

fn show_account(
    shared: &Shared,
    page_request: &PageRequest,
    view: &View,
    problem: Option<SignUpProblem>,
) -> Response<Body> {
    let (app, csrf) = (app(shared, view), csrf(shared, &view.interaction));
    let typed = |field| page_request.form.get(field).unwrap_or_default();
    let email = page_request.form.get("email").or_else(|| hinted_address(view));
    let proven = proven(view);
    let asks_username = new_account::asks_for_username(&shared.flows, proven);
    let path = if proven.is_some() { urls::SIGN_UP_ACCOUNT } else { urls::SIGN_UP };
    let here = page::address(shared, path, &view.handle);
    // The script puts the names there that the person types.
    let known = proven.map(|newcomer| newcomer.email.as_str());
    let known = known.unwrap_or_else(|| shared.look.name());
    let (user, has) = (view.interaction.id.newcomer(), &[]);
    let owner = PasskeyOwner { user: &user, username: known, name: known, has };
    let prompt = new_way_in::prompt(&shared.flows, &view.interaction, owner, shared.look.name());
    let prompt = match prompt {
        Ok(prompt) => prompt,
        Err(fault) => return respond(shared, page_request, fault),
    };
    let account = AccountFormPage {
        frame: page_request.frame(shared),
        app: app.as_ref().map(Shown::app),
        hidden: HiddenFields { interaction: view.handle.as_str(), csrf: &csrf },
        proven: proven.map(|newcomer| ProvenAddress(&newcomer.email)),
        email: email.unwrap_or_default(),
        name: typed("name"),
        username: asks_username.then(|| typed("username")),
        keep: page_request.form.get("keep").is_some(),
        documents: shown(&shared.flows.terms.0, page_request),
        passkey: prompt.as_ref().map(|prompt| passkey_form(prompt, &here)),
        passkey_again: new_passkey(&page_request.form).is_some()
            && !matches!(problem, Some(SignUpProblem::Passkey(_))),
        problem: problem.map(shown_problem),
    };
    let status = match problem {
        None => StatusCode::OK,
        Some(SignUpProblem::Throttled(_)) => StatusCode::TOO_MANY_REQUESTS,
        Some(SignUpProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    let mut response = page::show(shared, status, &account, page_request);
    let wait = match problem {
        Some(SignUpProblem::Throttled(seconds)) => Some(seconds),
        Some(SignUpProblem::Busy) => Some(2),
        _ => None,
    };
    let headers = response.headers_mut();
    headers.extend(wait.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
    response
}

fn shown_problem(problem: SignUpProblem) -> AccountFormProblem {
    match problem {
        SignUpProblem::Email | SignUpProblem::Code => AccountFormProblem::Email,
        SignUpProblem::Name => AccountFormProblem::Name,
        SignUpProblem::Username => AccountFormProblem::Username,
        SignUpProblem::UsernameTaken => AccountFormProblem::UsernameTaken,
        SignUpProblem::Password(PasswordRefused::TooShort) => {
            AccountFormProblem::PasswordTooShort { least: LEAST }
        }
        SignUpProblem::Password(PasswordRefused::TooLong) => AccountFormProblem::PasswordTooLong,
        SignUpProblem::Password(PasswordRefused::TooEasy) => AccountFormProblem::PasswordTooEasy,
        SignUpProblem::Password(PasswordRefused::Breached) => AccountFormProblem::PasswordBreached,
        SignUpProblem::Passkey(NotAdded::Late) => AccountFormProblem::PasskeyLate,
        SignUpProblem::Passkey(NotAdded::Refused) => AccountFormProblem::NoPasskey,
        SignUpProblem::Terms => AccountFormProblem::Terms,
        SignUpProblem::AccountExists => AccountFormProblem::AccountExists,
        SignUpProblem::Throttled(seconds) => {
            AccountFormProblem::Throttled { minutes: seconds.div_ceil(60) }
        }
        SignUpProblem::Busy => AccountFormProblem::Busy,
    }
}

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let path = urls::SIGN_UP_ACCOUNT;
    let received = receive::interaction_form(&shared, context, request, path).await?;
    detached::to_its_end(Box::pin(make_account(shared, received))).await
}

async fn make_account(
    shared: Arc<Shared>,
    (mut page_request, form): (PageRequest, Submitted),
) -> Answered {
    let typed = |field| page_request.form.get(field).unwrap_or_default();
    let password = Secret::text(typed("password"));
    let way_in = match new_passkey(&page_request.form) {
        Some(new) => NewWayIn::Passkey(new),
        None => NewWayIn::Password(&password),
    };
    let accepted = accepted(&shared, &page_request);
    let details = AccountDetails {
        email: typed("email"),
        name: typed("name"),
        username: typed("username"),
        way_in,
        keep: page_request.form.get("keep").is_some(),
        accepted: &accepted,
        language: page_request.reads(form.ui_locales()),
    };
    let made = new_account::create(&shared.flows, page_request.caller(), &form, details);
    match Box::pin(made).await {
        Ok(advanced) => {
            let mut response = respond(&shared, &page_request, advanced);
            if let NewWayIn::Password(_) = way_in {
                let method = &SignInMethod::Password;
                shared.cookies.set_sign_in_method(response.headers_mut(), method);
            }
            Ok(response)
        }
        Err(Error::Refused(NotSignedUp::Problem(problem))) => {
            let view = view(&shared, &mut page_request).await?;
            Ok(show_account(&shared, &page_request, &view, Some(problem)))
        }
        Err(error) => Ok(refused(&shared, &page_request, &form, error)),
    }
}
