//! The one place that turns the result of a step into the answer that a browser gets.

use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response};

use crate::domain::error_code::ErrorCode;
use crate::domain::interaction::Handle;
use crate::domain::reason::Reason;
use crate::domain::verdict::{Error, Fault};
use crate::domain::{request, urls};
use crate::flows::callback::CallbackOutcome;
use crate::flows::fresh_proof::NotFresh;
use crate::flows::logout::{Done, LogoutStep};
use crate::flows::outcome::{Advanced, InteractionError, NextStep};
use crate::flows::upstream_login::{Departure, NotStarted};
use crate::oauth::authorize::request::{RequestError, Untrusted};
use crate::oauth::authorize::response::{AuthorizationAnswer, SentAnswer};
use crate::pages::PageProblem;
use crate::web::flash_messages::{self, UpstreamNotice};
use crate::web::page::{self, Failed};
use crate::web::page_request::PageRequest;
use crate::web::shared::Shared;
use crate::web::signed_out;

/// The result of a request for a page, if it is not the page itself.
#[derive(Debug)]
pub(super) enum Reply {
    /// The next step after a form of ours. An answer for the app goes through a page of ours.
    Next(Advanced),
    /// The next step after a link. An answer for the app is a redirect.
    Redirect(Advanced),
    /// The next step of a request that goes on by itself, or after the return from a provider, where
    /// the person need not have done anything. An answer for the app goes through a page.
    Resumed(Advanced),
    /// A redirect to a provider; the browser keeps the sealed interaction in cookies.
    Departure(Departure),
    /// A redirect to the page of an interaction at this path.
    Page(&'static str, Handle),
    /// A redirect to the sign-in page, which shows what happened at a provider.
    SignIn(Handle, UpstreamNotice),
    /// An answer for the app.
    Answer(AuthorizationAnswer),
    /// The person is signed out.
    SignedOut(Done),
    /// The person was asked whether to sign out, and stays signed in.
    StayedSignedIn,
    /// An error page.
    Failed(Failed),
    /// The interaction cannot continue.
    InteractionError(InteractionError),
    /// A fault: a failure of ours.
    Fault(Fault),
}

impl<T: Into<Reply>, E: Into<Reply>> From<Result<T, E>> for Reply {
    fn from(result: Result<T, E>) -> Self {
        result.map_or_else(Into::into, Into::into)
    }
}

impl<R: Into<Reply>> From<Error<R>> for Reply {
    fn from(error: Error<R>) -> Self {
        match error {
            Error::Refused(refused) => refused.into(),
            Error::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Advanced> for Reply {
    fn from(advanced: Advanced) -> Self {
        Self::Next(advanced)
    }
}

impl From<InteractionError> for Reply {
    fn from(error: InteractionError) -> Self {
        Self::InteractionError(error)
    }
}

impl From<Departure> for Reply {
    fn from(departure: Departure) -> Self {
        Self::Departure(departure)
    }
}

impl From<NotStarted> for Reply {
    fn from(not_started: NotStarted) -> Self {
        match not_started {
            NotStarted::InteractionError(error) => Self::InteractionError(error),
            NotStarted::UpstreamNotice(handle, slug, outcome) => {
                Self::SignIn(handle, (Some(slug), outcome))
            }
        }
    }
}

impl From<NotFresh> for Reply {
    fn from(not_fresh: NotFresh) -> Self {
        match not_fresh {
            NotFresh::Confirm(advanced) => Self::Next(advanced),
            NotFresh::InteractionError(error) => Self::InteractionError(error),
        }
    }
}

impl From<CallbackOutcome> for Reply {
    fn from(outcome: CallbackOutcome) -> Self {
        match outcome {
            CallbackOutcome::Advanced(advanced) => Self::Resumed(advanced),
            CallbackOutcome::Departure(departure) => Self::Departure(departure),
            CallbackOutcome::UpstreamNotice(handle, slug, outcome) => {
                Self::SignIn(handle, (Some(slug), outcome))
            }
        }
    }
}

impl From<LogoutStep> for Reply {
    fn from(step: LogoutStep) -> Self {
        match step {
            LogoutStep::Confirm(handle) => Self::Page(urls::LOGOUT_CONFIRM, handle),
            LogoutStep::Done(done) => Self::SignedOut(done),
        }
    }
}

impl From<Done> for Reply {
    fn from(done: Done) -> Self {
        Self::SignedOut(done)
    }
}

impl From<RequestError> for Reply {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Page(untrusted) => Self::Failed(untrusted_request(untrusted)),
            RequestError::Answer(answer) => Self::Answer(answer),
            RequestError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<Failed> for Reply {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

/// Answers the browser.
pub(super) fn respond(
    shared: &Shared,
    page_request: &PageRequest,
    reply: impl Into<Reply>,
) -> Response<Body> {
    match reply.into() {
        Reply::Next(advanced) => next_step(shared, page_request, advanced, (to_app, page::onward)),
        Reply::Resumed(advanced) => {
            next_step(shared, page_request, advanced, (unasked, page::onward))
        }
        Reply::Answer(answer) => {
            unasked(shared, page_request, &answer, |_, _, location| page::see_other(location))
        }
        Reply::Redirect(advanced) => {
            let redirect: Lead = |_, _, location| page::see_other(location);
            next_step(shared, page_request, advanced, (unasked, redirect))
        }
        Reply::Departure(departure) => depart(shared, page_request, &departure),
        Reply::Page(path, handle) => page::see_other(&page::address(shared, path, &handle)),
        Reply::SignIn(handle, notice) => {
            page::see_other(&flash_messages::sign_in(shared, &handle, &notice))
        }
        Reply::SignedOut(done) => signed_out::show(shared, page_request, &done),
        Reply::StayedSignedIn => signed_out::show_stayed(shared, page_request),
        Reply::Failed(failed) => page::failed(shared, page_request, failed),
        Reply::InteractionError(error) => {
            page::failed(shared, page_request, interaction_error(error))
        }
        Reply::Fault(cause) => page::failed(shared, page_request, fault(&cause)),
    }
}

/// Redirects the person to a provider.
fn depart(shared: &Shared, page_request: &PageRequest, departure: &Departure) -> Response<Body> {
    let mut response = page::onward(shared, page_request, &departure.url);
    let kept = page_request.upstream_cookies(shared);
    kept.keep(&shared.cookies, response.headers_mut(), &shared.base, departure);
    response
}

/// Sends the browser to another site: by a page, or by a redirect.
type Lead = fn(&Shared, &PageRequest, &str) -> Response<Body>;

/// Sends an app its answer: [`to_app`] after a form of ours, and [`unasked`] otherwise.
type Answer = fn(&Shared, &PageRequest, &AuthorizationAnswer, Lead) -> Response<Body>;

/// Redirects the browser to its next step.
fn next_step(
    shared: &Shared,
    page_request: &PageRequest,
    advanced: Advanced,
    (send, lead): (Answer, Lead),
) -> Response<Body> {
    let to = |path, handle| page::see_other(&page::address(shared, path, &handle));
    let mut response = match advanced.next {
        NextStep::SignIn(handle) => to(urls::LOGIN, handle),
        NextStep::SignInAsAnother(handle) => {
            let address = page::address(shared, urls::LOGIN, &handle);
            page::see_other(&format!("{address}&another=1"))
        }
        NextStep::SecondFactor(handle) => to(urls::SECOND_FACTOR, handle),
        NextStep::SetUpFactor(handle) => to(urls::SET_UP_FACTOR, handle),
        NextStep::SignUp(handle) => to(urls::SIGN_UP, handle),
        NextStep::SignUpCode(handle) => to(urls::SIGN_UP_CODE, handle),
        NextStep::NewAccount(handle) => to(urls::SIGN_UP_ACCOUNT, handle),
        NextStep::Choose(handle) => to(urls::SELECT_ACCOUNT, handle),
        NextStep::KeepAccount(handle) => to(urls::KEEP_ACCOUNT, handle),
        NextStep::Terms(handle) => to(urls::TERMS, handle),
        NextStep::FrontPage(url) => lead(shared, page_request, &url),
        NextStep::Consent(handle) => to(urls::CONSENT, handle),
        NextStep::NewPassword(handle) => to(urls::RECOVER_PASSWORD, handle),
        NextStep::Continue(handle) => to(urls::AUTHORIZE_CONTINUE, handle),
        NextStep::Answer(answer) => send(shared, page_request, &answer, lead),
        NextStep::Account(session, to, said) => {
            page::see_other(&flash_messages::to_account(shared, &session, &to, said.as_ref()))
        }
    };
    if let Some(cookie) = &advanced.cookie {
        shared.cookies.set_browser(response.headers_mut(), cookie);
    }
    response
}

/// Sends the app an answer that no form of ours asked for. A refusal of an app for which no operator
/// vouches is a page, from which the person goes on to the app or does not.
fn unasked(
    shared: &Shared,
    page_request: &PageRequest,
    answer: &AuthorizationAnswer,
    lead: Lead,
) -> Response<Body> {
    let Some(code) = answer.refused_to_unvouched() else {
        return to_app(shared, page_request, answer, lead);
    };
    let failed = Failed::with_code(code, PageProblem::InvalidRequest);
    let failed = match sent(shared, page_request, answer) {
        Ok(SentAnswer::Redirect(location)) => failed.leading_to(&location),
        Ok(SentAnswer::Form { .. }) => failed,
        Err(response) => return response,
    };
    page::failed(shared, page_request, failed)
}

/// Sends the app its answer through the browser.
fn to_app(
    shared: &Shared,
    page_request: &PageRequest,
    answer: &AuthorizationAnswer,
    lead: Lead,
) -> Response<Body> {
    match sent(shared, page_request, answer) {
        Ok(SentAnswer::Redirect(location)) => lead(shared, page_request, &location),
        Ok(SentAnswer::Form { action, fields }) => {
            let fields = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            page::form_post(shared, page_request, &action, fields)
        }
        Err(response) => response,
    }
}

/// The answer as the browser brings it, signed where its mode says so. An address for which too many
/// refusals were signed gets a page. The log line of the refusal was already written.
#[expect(clippy::result_large_err, reason = "a page is the answer of a handler either way")]
fn sent(
    shared: &Shared,
    page_request: &PageRequest,
    answer: &AuthorizationAnswer,
) -> Result<SentAnswer, Response<Body>> {
    let now = shared.flows.clock.now();
    if answer.is_signed_refusal() {
        let address = request::current().and_then(|request| request.address);
        if let Err(seconds) = shared.signed_refusals.count(address, now) {
            tracing::debug!(seconds, "too many refusals were signed for this address");
            let many = Failed::with_code(ErrorCode::Throttled, PageProblem::Unavailable);
            let mut response = page::failed(shared, page_request, many);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            return Err(response);
        }
    }
    let sent = answer.sent(&shared.keyring, now);
    sent.map_err(|cause| page::failed(shared, page_request, fault(&cause)))
}

/// A fault: its causes are logged in one line, and the page names none of them.
fn fault(fault: &Fault) -> Failed {
    request::explained();
    tracing::error!(%fault, "a request failed");
    Failed::ours(fault.kind())
}

/// The error page for an interaction that cannot continue.
fn interaction_error(error: InteractionError) -> Failed {
    match error {
        InteractionError::Unknown => Failed::new(Reason::InteractionUnknown, PageProblem::Unknown),
        InteractionError::WrongBrowser => {
            let reason = Reason::InteractionOfAnotherBrowser;
            Failed::new(reason, PageProblem::WrongBrowser).found()
        }
        InteractionError::Forged => Failed::new(Reason::FormForged, PageProblem::Forbidden).found(),
        InteractionError::Expired(client) => {
            let expired = Failed::new(Reason::InteractionExpired, PageProblem::Expired);
            expired.found().of(client.as_deref())
        }
        InteractionError::Finished(client) => {
            let finished = Failed::new(Reason::InteractionFinished, PageProblem::Finished);
            finished.found().of(client.as_deref())
        }
        InteractionError::Untrusted(untrusted) => untrusted_request(untrusted),
        InteractionError::TooManyApps(most) => {
            let problem = PageProblem::TooManyApps { most };
            Failed::new(Reason::AppsOfPersonFull, problem).found()
        }
    }
}

/// The error page for a request whose client or redirect URI is not trusted: the browser is not
/// redirected (RFC 6749 §4.1.2.1). The code that read the request wrote the log line.
fn untrusted_request(untrusted: Untrusted) -> Failed {
    let (code, problem) = match untrusted {
        Untrusted::Client => (ErrorCode::UnknownClient, PageProblem::UnknownClient),
        Untrusted::RedirectUri => (ErrorCode::InvalidRedirectUri, PageProblem::InvalidRedirectUri),
        Untrusted::Request => (ErrorCode::InvalidRequest, PageProblem::InvalidRequest),
        Untrusted::RequestObject => (ErrorCode::InvalidRequestObject, PageProblem::InvalidRequest),
        Untrusted::RequestUri => (ErrorCode::InvalidRequestUri, PageProblem::Expired),
    };
    Failed::with_code(code, problem)
}
