//! `/login`: the sign-in page.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};

use super::cookies::SignInMethod;
use super::edge::Context;
use super::page::{self, Answered, Shown, retry_after};
use crate::accounts::browsers::SignedInUser;
use crate::accounts::passkeys::challenge::PasskeyPrompt;
use crate::accounts::sign_in::SignInRefused;
use crate::domain::identity::LinkedIdentity;
use crate::domain::interaction::Purpose;
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::domain::urls;
use crate::domain::verdict::{Error, Fault};
use crate::flows::interaction::{Subject, View};
use crate::flows::sign_in::{self, NotSignedIn, PasswordForm};
use crate::flows::submitted::Submitted;
use crate::flows::{
    connected_providers, mail_code, passkey_sign_in, recovery, sign_up_offer, upstream_login,
};
use crate::pages::{Frame, HiddenFields, ProviderNotice, SignInPage, SignInProblem, SignUpOffer};
use crate::web::interaction::{app, csrf, view};
use crate::web::page_request::PageRequest;
use crate::web::passkey_form::passkey_form;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::sign_in_options::{SignInOptions, buttons};
use crate::web::{detached, flash_messages, receive};

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let mut view = view(&shared, &mut page_request).await?;
    // A signed-in person may want to use another account, or may already be signing in to another
    // one.
    let provider_notice = page_request.form.get("note").is_some();
    let wants_another =
        page_request.form.get("another").is_some() || view.proof.is_some() || provider_notice;
    match view.subject {
        Subject::SignIn(_) => {}
        _ if wants_another => {}
        _ => {
            let next = Reply::Page(urls::AUTHORIZE_CONTINUE, view.handle);
            return Ok(respond(&shared, &page_request, next));
        }
    }
    let (language, in_app) = (page_request.language.as_str(), page_request.in_app().is_some());
    // A person who was redirected to a provider and returned with the back button stays on this
    // page.
    if !page_request.upstream_cookies(&shared).has_left(&view.interaction.id) {
        match upstream_login::start_by_hint(&shared.flows, &mut view, language, in_app).await {
            Ok(None) => {}
            Ok(Some(departure)) => return Ok(respond(&shared, &page_request, departure)),
            Err(error) => return Ok(respond(&shared, &page_request, error)),
        }
    }
    Ok(show(&shared, &page_request, &view, None).await)
}

/// The providers that the person who signs in again is connected with, and what a sign-in with a
/// passkey needs.
async fn means(
    shared: &Shared,
    view: &View,
    again: Option<&SignedInUser>,
) -> Result<(Option<Vec<LinkedIdentity>>, Option<PasskeyPrompt>), Fault> {
    let linked = match again {
        Some(person) => Some(connected_providers::linked(&shared.flows, person).await?),
        None => None,
    };
    let user = again.map(|person| &person.user.id);
    let passkey = passkey_sign_in::prompt(&shared.flows, &view.interaction, user).await?;
    Ok((linked, passkey))
}

/// What the page says about making an account. Who proves an account has one.
fn sign_up(shared: &Shared, view: &View, has_account: bool) -> SignUpOffer {
    if has_account {
        return SignUpOffer::Nothing;
    }
    let client = view.client.as_ref().map(|client| &client.client);
    match sign_up_offer::offer(&shared.flows, &view.interaction.purpose, client) {
        sign_up_offer::SignUpOffer::Open => SignUpOffer::Link,
        sign_up_offer::SignUpOffer::InviteOnly => SignUpOffer::Invitation,
        sign_up_offer::SignUpOffer::Closed => SignUpOffer::Nothing,
    }
}

pub(super) async fn show(
    shared: &Shared,
    page_request: &PageRequest,
    view: &View,
    problem: Option<SignInProblem>,
) -> Response<Body> {
    let again = match &view.subject {
        Subject::SignIn(again) => again.as_deref(),
        _ => None,
    };
    let hint = match &view.interaction.purpose {
        Purpose::Authorize(request) => request.login_hint.as_deref(),
        _ => None,
    };
    let wants_another = page_request.form.get("another").is_some();
    // If an account must be proven before an identity is connected to it, only this account may be
    // asked to sign in again.
    let proof = view.proof.as_ref();
    let is_theirs = |signed_in_user: &&SignedInUser| {
        proof.is_none_or(|proof| proof.user == signed_in_user.user.id)
    };
    let again = again.filter(|_| !wants_another).filter(is_theirs);
    let language = page_request.language.as_str();
    let provider_notice = flash_messages::of_query(page_request);
    let down =
        provider_notice.as_ref().filter(|(_, outcome)| *outcome == UpstreamOutcome::Unavailable);
    let (linked, passkey) = match means(shared, view, again).await {
        Ok(means) => means,
        Err(fault) => return respond(shared, page_request, fault),
    };
    let again_by = again.zip(linked.as_deref());
    let options = SignInOptions::of(
        shared,
        page_request,
        view,
        again_by,
        down.and_then(|(slug, _)| slug.as_ref()),
    );
    let prove = options.prove(language);
    let username = again.map(|signed_in_user| signed_in_user.user.username.as_str());
    let username = prove.map(|prove| prove.email).or(username).or(hint);
    let (app, csrf) = (app(shared, view), csrf(shared, &view.interaction));
    let mut here = page::address(shared, urls::LOGIN, &view.handle);
    if wants_another {
        here.push_str("&another=1");
    }
    let provider_notice = provider_notice.and_then(|(slug, outcome)| {
        let provider = slug.as_ref().and_then(|slug| options.name(slug, language));
        let says = provider.is_some()
            || outcome == UpstreamOutcome::Unknown
            || outcome == UpstreamOutcome::Another && prove.is_some();
        if says {
            here.push_str(&flash_messages::in_query(&(
                slug.clone().filter(|_| provider.is_some()),
                outcome,
            )));
        }
        says.then_some(ProviderNotice { outcome, provider })
    });
    let sign_in = SignInPage {
        frame: Frame { here: Some(&here), ..page_request.frame(shared) },
        app: app.as_ref().map(Shown::app),
        unvouched: app.as_ref().and_then(Shown::unvouched),
        hidden: HiddenFields { interaction: view.handle.as_str(), csrf: &csrf },
        username: page_request.form.get("username").or(username).unwrap_or_default(),
        fixed: again.is_some(),
        // Who signs in again is not asked again whether they stay signed in.
        keep: page_request.form.get("keep").is_some()
            || again.is_some_and(|person| person.session.kept),
        problem,
        others: !page_request.browser_state.people.is_empty(),
        providers: buttons(&options.offered, language),
        password: options.password,
        forgot: options.password && recovery::is_offered(&shared.flows),
        mail_code: options.password && mail_code::is_offered(&shared.flows),
        // A person who used the password before, or just now, sees its fields before the providers.
        password_first: problem.is_some()
            || page_request.last_sign_in_method(shared) == Some(SignInMethod::Password),
        sign_up: sign_up(shared, view, again.is_some() || prove.is_some()),
        prove,
        provider_notice,
        external_browser: options.out(language),
        passkey: passkey.as_ref().map(|prompt| passkey_form(prompt, &here)),
    };
    page::show(shared, status(problem), &sign_in, page_request)
}

fn status(problem: Option<SignInProblem>) -> StatusCode {
    match problem {
        None => StatusCode::OK,
        Some(SignInProblem::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Some(SignInProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::BAD_REQUEST,
    }
}

/// Shows the same page with the error. It keeps what the person typed, except the password.
pub(super) async fn again(
    shared: &Shared,
    page_request: &mut PageRequest,
    problem: SignInProblem,
) -> Response<Body> {
    match view(shared, page_request).await {
        Ok(view) => show(shared, page_request, &view, Some(problem)).await,
        Err(response) => response,
    }
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let received = receive::interaction_form(&shared, context, request, urls::LOGIN).await?;
    detached::to_its_end(Box::pin(sign_in(shared, received))).await
}

async fn sign_in(
    shared: Arc<Shared>,
    (mut page_request, form): (PageRequest, Submitted),
) -> Answered {
    let typed = match (page_request.form.get("username"), page_request.form.get("password")) {
        (Some(username), Some(password)) => {
            PasswordForm { username, password, keep: page_request.form.get("keep").is_some() }
        }
        (None, _) => {
            return Ok(again(&shared, &mut page_request, SignInProblem::MissingUsername).await);
        }
        (_, None) => {
            return Ok(again(&shared, &mut page_request, SignInProblem::MissingPassword).await);
        }
    };
    let signing_in = sign_in::sign_in(&shared.flows, page_request.caller(), &form, typed);
    let reply = match Box::pin(signing_in).await {
        Ok(advanced) => {
            let mut response = respond(&shared, &page_request, advanced);
            shared.cookies.set_sign_in_method(response.headers_mut(), &SignInMethod::Password);
            return Ok(response);
        }
        Err(Error::Refused(NotSignedIn::Refused(refused))) => {
            let mut response = again(&shared, &mut page_request, problem(refused)).await;
            if let Some(seconds) = retry_after(refused) {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            return Ok(response);
        }
        Err(Error::Fault(fault)) => Reply::Fault(fault),
        Err(Error::Refused(NotSignedIn::InteractionError(error))) => error.into(),
        Err(Error::Refused(NotSignedIn::Another)) => {
            Reply::SignIn(form.handle().clone(), (None, UpstreamOutcome::Another))
        }
        // Password sign-in was turned off after the page was shown: the page is shown again with
        // the methods that are left.
        Err(Error::Refused(NotSignedIn::ByProviderOnly)) => {
            Reply::Page(urls::LOGIN, form.handle().clone())
        }
    };
    Ok(respond(&shared, &page_request, reply))
}

pub(super) fn problem(refused: SignInRefused) -> SignInProblem {
    match refused {
        SignInRefused::Wrong => SignInProblem::Wrong,
        SignInRefused::Throttled(seconds) => {
            SignInProblem::Throttled { minutes: seconds.div_ceil(60) }
        }
        SignInRefused::Busy => SignInProblem::Busy,
    }
}

/// The person continues without connecting the identity that the provider vouched for.
pub(super) async fn unconnected(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let received = receive::interaction_form(&shared, context, request, urls::LOGIN).await?;
    let (page_request, form) = received;
    let next = sign_in::forget_pending(&shared.flows, page_request.caller(), &form).await;
    Ok(respond(&shared, &page_request, next))
}

pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let received = receive::interaction_form(&shared, context, request, urls::LOGIN).await?;
    let (page_request, form) = received;
    // The person who cancels may give a reason: the provider is unavailable. The app learns nothing
    // else.
    let why = page_request.form.get("why") == Some(UpstreamOutcome::Unavailable.as_str());
    let refused = sign_in::turn_back(&shared.flows, page_request.caller(), &form, why).await;
    Ok(respond(&shared, &page_request, refused))
}
