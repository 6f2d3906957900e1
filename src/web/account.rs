//! `/account`: my account.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};
use zeroize::Zeroizing;

use super::connections::Wrong;
use super::edge::Context;
use super::guest::Guest;
use super::login::retry_after;
use super::page::{self, Answered, Ends, Failed, Shown};
use super::ways::buttons;
use super::{Shared, connections, cookies, person, wishes};
use crate::accounts::browsers::{Cookie, Present};
use crate::accounts::new_password::{LEAST, Unchanged};
use crate::accounts::sign_in::Refused;
use crate::domain::client::ClientId;
use crate::domain::device;
use crate::domain::session::Session;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::oauth::connections::connections as my_connections;
use crate::oauth::logout::Done;
use crate::oauth::{interactions, my_account};
use crate::pages::{Access, Account, AccountPage, Device, Notice, PasswordProblem, Problem};

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let guest = Guest::of_get(&shared, context, request).await?;
    Ok(match whose(&guest) {
        Some(present) => {
            let notice = match guest.form.get("done") {
                Some("password") => Some(Notice::PasswordChanged),
                Some("device") => Some(Notice::DeviceSignedOut),
                Some("app") => Some(Notice::AppRemoved),
                Some(done) => connections::notice(done),
                None => None,
            };
            let wrong = Wrong::of_query(&shared, &guest);
            let says = Says { notice, problem: None, wrong: wrong.as_ref() };
            show(&shared, &guest, present, says).await
        }
        None => match interactions::begin_account(&shared.issuer, guest.caller()).await {
            Ok(led) => page::lead(&shared, &guest, led),
            Err(error) => page::lost(&shared, &guest, error),
        },
    })
}

/// Whose account the request is about: the one that it names, or the only one.
fn whose(guest: &Guest) -> Option<&Present> {
    match (guest.session("session"), guest.visitor.people.as_slice()) {
        (Some(session), _) => guest.visitor.present(&session),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// What the forms of this account are bound to.
fn purpose(present: &Present) -> String {
    format!("account {}", present.session.id.0)
}

/// What the page says besides.
#[derive(Clone, Copy, Debug, Default)]
struct Says<'a> {
    notice: Option<Notice>,
    problem: Option<PasswordProblem>,
    wrong: Option<&'a Wrong>,
}

/// The page with why nothing was connected.
pub(super) async fn wrong(
    shared: &Shared,
    guest: &Guest,
    present: &Present,
    wrong: &Wrong,
) -> Response<Body> {
    show(shared, guest, present, Says { wrong: Some(wrong), ..Says::default() }).await
}

/// The page with why the password was not changed.
async fn show_problem(
    shared: &Shared,
    guest: &Guest,
    present: &Present,
    problem: PasswordProblem,
) -> Response<Body> {
    show(shared, guest, present, Says { problem: Some(problem), ..Says::default() }).await
}

async fn show(shared: &Shared, guest: &Guest, present: &Present, says: Says<'_>) -> Response<Body> {
    let connected = match my_connections(&shared.issuer, present).await {
        Ok(connected) => connected,
        Err(fault) => return page::fault(shared, guest, &fault),
    };
    let names: Vec<String> = connected.linked.iter().map(|one| one.linked.name()).collect();
    let language = guest.language.as_str();
    let Says { notice, problem, wrong } = says;
    let opened = match my_account::opened(&shared.issuer, present).await {
        Ok(opened) => opened,
        Err(fault) => return page::fault(shared, guest, &fault),
    };
    let csrf = shared.issuer.forms.token(&present.session.browser, &purpose(present));
    let apps: Vec<Shown> =
        opened.apps.iter().map(|access| Shown::of(shared, &access.client, None)).collect();
    let access = |(access, shown)| {
        let access: &my_account::Access = access;
        let shown: &Shown = shown;
        Access {
            client: access.client.client.id.as_str(),
            app: shown.app(),
            wishes: wishes(&access.scope, access.claims.iter().map(String::as_str)),
            since: access.since,
        }
    };
    let others = guest.visitor.people.iter().filter(|one| one.session.id != present.session.id);
    let account = AccountPage {
        frame: guest.frame(shared),
        csrf: &csrf,
        session: &present.session.id.0,
        person: person(present),
        email_verified: present.user.email_verified,
        has_password: present.user.password_hash.is_some(),
        problem,
        notice,
        devices: opened.devices.iter().map(|session| device(session, present)).collect(),
        apps: opened.apps.iter().zip(&apps).map(access).collect(),
        linked: connected
            .linked
            .iter()
            .zip(&names)
            .map(|(one, name)| connections::linked(one, name, language))
            .collect(),
        linkable: buttons(&connected.linkable, language),
        link_problem: wrong.map(|wrong| wrong.shown(language)),
        others: others
            .map(|other| Account { person: person(other), session: &other.session.id.0 })
            .collect(),
    };
    let status = match problem {
        None => StatusCode::OK,
        Some(PasswordProblem::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Some(PasswordProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    page::show(status, &account, &Ends::default().through(&connected.linkable), guest)
}

fn device<'a>(session: &'a Session, present: &Present) -> Device<'a> {
    Device {
        id: &session.id.0,
        browser: session.user_agent.as_deref().and_then(device::browser),
        system: session.user_agent.as_deref().and_then(device::system),
        address: session.address.as_deref(),
        signed_in_at: session.auth_time,
        seen_at: session.seen_at(),
        current: session.id == present.session.id,
    }
}

/// Somebody who sends a form of their account page.
pub(super) async fn submitted(
    shared: &Shared,
    context: Context,
    request: Request,
) -> Result<(Guest, Present), Response<Body>> {
    let mut guest = Guest::of_post(shared, context, request).await?;
    guest.at(shared, urls::ACCOUNT);
    let Some(present) = whose(&guest).cloned() else {
        // Signed out meanwhile: signing in again is the way on.
        return Err(page::see_other(&format!("{}{}", shared.base, urls::ACCOUNT)));
    };
    let browser = &present.session.browser;
    if !shared.issuer.forms.verifies(guest.csrf(), browser, &purpose(&present)) {
        let forged = Failed::new(StatusCode::FORBIDDEN, "forbidden", Problem::Forbidden);
        return Err(page::failed(shared, &guest, forged));
    }
    Ok((guest, present))
}

/// Back to the page, with word of what was done and the new cookie.
pub(super) fn done(
    shared: &Shared,
    present: &Present,
    what: &str,
    cookie: Option<&Cookie>,
) -> Response<Body> {
    let session = &present.session.id.0;
    let account = format!("{}{}?session={session}&done={what}", shared.base, urls::ACCOUNT);
    let mut response = page::see_other(&account);
    if let Some(cookie) = cookie {
        cookies::set_browser(response.headers_mut(), cookie);
    }
    response
}

pub(super) async fn password(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (guest, present) = submitted(&shared, context, request).await?;
    let typed = |name| guest.form.get(name).map(|text| Zeroizing::new(text.to_owned()));
    let (current, new) = match (typed("current-password"), typed("new-password")) {
        (Some(current), Some(new)) => (current, new),
        (None, _) => {
            let missing = PasswordProblem::MissingCurrent;
            return Ok(show_problem(&shared, &guest, &present, missing).await);
        }
        (_, None) => {
            let missing = PasswordProblem::MissingNew;
            return Ok(show_problem(&shared, &guest, &present, missing).await);
        }
    };
    let caller = guest.caller();
    let changed =
        my_account::change_password(&shared.issuer, caller, &present, &current, &new).await;
    Ok(match changed {
        Ok(cookie) => done(&shared, &present, "password", Some(&cookie)),
        Err(Error::Fault(fault)) => page::fault(&shared, &guest, &fault),
        Err(Error::Refused(unchanged)) => {
            let problem = problem(unchanged);
            let mut response = show_problem(&shared, &guest, &present, problem).await;
            if let Unchanged::Refused(refused) = unchanged
                && let Some(seconds) = retry_after(refused)
            {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
    })
}

fn problem(unchanged: Unchanged) -> PasswordProblem {
    match unchanged {
        Unchanged::TooShort => PasswordProblem::TooShort { least: LEAST },
        Unchanged::TooLong => PasswordProblem::TooLong,
        Unchanged::TooEasy => PasswordProblem::TooEasy,
        Unchanged::Same => PasswordProblem::SameAsOld,
        Unchanged::Refused(Refused::Wrong) => PasswordProblem::WrongCurrent,
        Unchanged::Refused(Refused::Throttled(seconds)) => {
            PasswordProblem::Throttled { minutes: seconds.div_ceil(60) }
        }
        Unchanged::Refused(Refused::Busy) => PasswordProblem::Busy,
    }
}

pub(super) async fn end_device(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (guest, present) = submitted(&shared, context, request).await?;
    if guest.form.get("device") == Some("all") {
        return Ok(
            match my_account::end_everywhere(&shared.issuer, guest.caller(), &present).await {
                Ok(cookie) => gone(&shared, &guest, Some(cookie)),
                Err(fault) => page::fault(&shared, &guest, &fault),
            },
        );
    }
    let Some(device) = guest.session("device") else {
        return Ok(done(&shared, &present, "", None));
    };
    Ok(match my_account::end_device(&shared.issuer, guest.caller(), &present, &device).await {
        Ok(cookie) if device == present.session.id => gone(&shared, &guest, cookie),
        Ok(cookie) => done(&shared, &present, "device", cookie.as_ref()),
        Err(fault) => page::fault(&shared, &guest, &fault),
    })
}

pub(super) async fn sign_out(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (guest, present) = submitted(&shared, context, request).await?;
    let device = &present.session.id;
    Ok(match my_account::end_device(&shared.issuer, guest.caller(), &present, device).await {
        Ok(cookie) => gone(&shared, &guest, cookie),
        Err(fault) => page::fault(&shared, &guest, &fault),
    })
}

/// Signed out here.
fn gone(shared: &Shared, guest: &Guest, cookie: Option<Cookie>) -> Response<Body> {
    super::logout::signed_out(shared, guest, &Done { location: None, client: None, cookie })
}

pub(super) async fn remove_app(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (guest, present) = submitted(&shared, context, request).await?;
    let Some(client) = guest.form.get("client").and_then(ClientId::parse) else {
        return Ok(done(&shared, &present, "", None));
    };
    Ok(match my_account::remove_app(&shared.issuer, guest.caller(), &present, &client).await {
        Ok(true) => done(&shared, &present, "app", None),
        Ok(false) => done(&shared, &present, "", None),
        Err(fault) => page::fault(&shared, &guest, &fault),
    })
}
