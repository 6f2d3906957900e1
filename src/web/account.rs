//! `/account`: the page on which people manage their own account.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};
use chrono::DateTime;

use super::edge::Context;
use super::page::{self, Answered, Shown, retry_after};
use crate::accounts::browsers::SignedInUser;
use crate::accounts::new_password::PasswordUnchanged;
use crate::accounts::password_rules::{LEAST, PasswordRefused};
use crate::accounts::sign_in::SignInRefused;
use crate::domain::client::ClientId;
use crate::domain::secret::Secret;
use crate::domain::session::{Session, SessionId};
use crate::domain::verdict::Error;
use crate::domain::{device, urls};
use crate::flows::connected_providers::{ProviderConnection, connections};
use crate::flows::logout::Done;
use crate::flows::my_account::{self, Part};
use crate::flows::outcome::FlashMessage;
use crate::flows::start;
use crate::flows::submitted::AccountForm;
use crate::pages::{
    Account, AccountNotice, AccountPage, AppAccess, Brand, ConnectedProvider, Device,
    PasswordProblem, ProviderNotice,
};
use crate::web::account_session::{account, account_with, submitted, whose};
use crate::web::page_request::PageRequest;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::shown::{permissions, person};
use crate::web::sign_in_options::buttons;
use crate::web::{detached, flash_messages, receive};

/// `/` redirects to the account page.
pub(super) async fn front(State(shared): State<Arc<Shared>>) -> Response<Body> {
    page::see_other(&format!("{}{}", shared.base, urls::ACCOUNT))
}

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let page_request = receive::get(&shared, context, request).await?;
    let Some(person) = whose(&shared, &page_request) else {
        let begun = start::begin_account(&shared.flows, page_request.caller()).await;
        return Ok(respond(&shared, &page_request, begun));
    };
    let message = flash_messages::at_account(&shared, &page_request, &person.session.id);
    let says = Says { message, problem: None, part: part(&page_request) };
    Ok(show(&shared, &page_request, person, says).await)
}

/// What one answer shows in addition to the account itself: a message, an error, a part of a list.
#[derive(Clone, Debug, Default)]
struct Says {
    message: Option<FlashMessage>,
    problem: Option<PasswordProblem>,
    part: Part,
}

/// The notice that the page shows for what the person has just done.
fn notice(message: &FlashMessage) -> Option<AccountNotice> {
    Some(match message {
        FlashMessage::Confirmed => AccountNotice::Confirmed,
        FlashMessage::OneTimeCodesRemoved => AccountNotice::OneTimeCodesRemoved,
        FlashMessage::PasswordChanged => AccountNotice::PasswordChanged,
        FlashMessage::DeviceSignedOut => AccountNotice::DeviceSignedOut,
        FlashMessage::AppRemoved => AccountNotice::AppRemoved,
        FlashMessage::Linked => AccountNotice::ProviderLinked,
        FlashMessage::Unlinked => AccountNotice::ProviderUnlinked,
        FlashMessage::UpstreamNotice(..) => return None,
    })
}

/// Which part of the lists the query asks for. A value that cannot be read asks for the first part.
fn part(page_request: &PageRequest) -> Part {
    let devices = page_request.form.get("devices").and_then(|behind| behind.split_once('.'));
    let devices_behind = devices.and_then(|(proven_at, id)| {
        // The id must be printable ASCII: the database refuses a NUL character.
        let is_name = id.bytes().all(|byte| byte.is_ascii_graphic());
        let proven_at = DateTime::from_timestamp_millis(proven_at.parse().ok()?)?;
        is_name.then(|| (proven_at, SessionId::from_stored(id.to_owned())))
    });
    Part { devices_behind, apps_behind: page_request.form.get("apps").and_then(ClientId::parse) }
}

/// Shows the page with the reason why the password was not changed.
async fn show_problem(
    shared: &Shared,
    page_request: &PageRequest,
    signed_in_user: &SignedInUser,
    problem: PasswordProblem,
) -> Response<Body> {
    show(shared, page_request, signed_in_user, Says { problem: Some(problem), ..Says::default() })
        .await
}

async fn show(
    shared: &Shared,
    page_request: &PageRequest,
    signed_in_user: &SignedInUser,
    says: Says,
) -> Response<Body> {
    let connected = match connections(&shared.flows, signed_in_user).await {
        Ok(connected) => connected,
        Err(fault) => return respond(shared, page_request, fault),
    };
    let language = page_request.language.as_str();
    let Says { message, problem, part } = says;
    let provider_notice = match &message {
        Some(FlashMessage::UpstreamNotice(slug, outcome)) => {
            Some((shared.flows.providers.find(slug, None), *outcome))
        }
        _ => None,
    };
    let opened = match my_account::opened(&shared.flows, signed_in_user, &part).await {
        Ok(opened) => opened,
        Err(fault) => return respond(shared, page_request, fault),
    };
    let csrf = AccountForm::token(&shared.flows, signed_in_user);
    let apps: Vec<Shown> =
        opened.apps.iter().map(|access| Shown::of(shared, &access.client, None)).collect();
    let access = |(access, shown)| {
        let access: &my_account::Access = access;
        let shown: &Shown = shown;
        AppAccess {
            client: access.client.client.id.as_str(),
            app: shown.app(),
            permissions: permissions(
                &access.scope,
                access.claims.iter().map(String::as_str),
                &access.resources,
            ),
            since: access.since,
        }
    };
    let others = page_request
        .browser_state
        .people
        .iter()
        .filter(|one| one.session.id != signed_in_user.session.id);
    let account = AccountPage {
        frame: page_request.frame(shared),
        csrf: &csrf,
        session: signed_in_user.session.id.as_str(),
        person: person(signed_in_user),
        email_verified: signed_in_user.user.email_verified,
        has_password: signed_in_user.user.password_hash.is_some(),
        problem,
        notice: message.as_ref().and_then(notice),
        devices: opened.devices.iter().map(|session| device(session, signed_in_user)).collect(),
        more_devices: opened.devices.last().filter(|_| opened.more_devices).map(|last| {
            format!(
                "{}.{}",
                last.authentication.signed_in_at().timestamp_millis(),
                last.id.as_str()
            )
        }),
        more_apps: opened.more_apps.as_ref().map(ClientId::as_str),
        apps: opened.apps.iter().zip(&apps).map(access).collect(),
        linked: connected.linked.iter().map(|one| linked(one, language)).collect(),
        linkable: buttons(&connected.linkable, language),
        provider_notice: provider_notice.as_ref().map(|(provider, outcome)| ProviderNotice {
            outcome: *outcome,
            provider: provider.as_ref().map(|provider| provider.name(language)),
        }),
        others: others
            .map(|other| Account { person: person(other), session: other.session.id.as_str() })
            .collect(),
    };
    let status = match problem {
        None => StatusCode::OK,
        Some(PasswordProblem::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Some(PasswordProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    page::show(shared, status, &account, page_request)
}

fn linked<'a>(connection: &'a ProviderConnection, language: &str) -> ConnectedProvider<'a> {
    let slug = connection.linked.provider.as_str();
    let configured = connection.configured.as_deref();
    ConnectedProvider {
        id: &connection.name,
        name: configured.map_or(slug, |configured| configured.name(language)),
        brand: configured.map_or(Brand::Other, |configured| {
            Brand::of_preset(configured.registration.metadata.preset)
        }),
        email: connection.linked.email.as_deref(),
        since: connection.linked.linked_at,
        removable: connection.removable,
    }
}

fn device<'a>(session: &'a Session, signed_in_user: &SignedInUser) -> Device<'a> {
    Device {
        id: session.id.as_str(),
        browser: session.user_agent.as_deref().and_then(device::browser),
        system: session.user_agent.as_deref().and_then(device::system),
        address: session.address.as_deref(),
        signed_in_at: session.authentication.signed_in_at(),
        seen_at: session.seen_at(),
        current: session.id == signed_in_user.session.id,
    }
}

pub(super) async fn password(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request).await?;
    detached::to_its_end(Box::pin(change_password(shared, page_request, form))).await
}

async fn change_password(
    shared: Arc<Shared>,
    page_request: PageRequest,
    form: AccountForm,
) -> Answered {
    let typed = |name| page_request.form.get(name).map(|text| Secret::new(text.to_owned()));
    let (current, new) = match (typed("current-password"), typed("new-password")) {
        (Some(current), Some(new)) => (current, new),
        (None, _) => {
            let missing = PasswordProblem::MissingCurrent;
            return Ok(show_problem(&shared, &page_request, form.person(), missing).await);
        }
        (_, None) => {
            let missing = PasswordProblem::MissingNew;
            return Ok(show_problem(&shared, &page_request, form.person(), missing).await);
        }
    };
    let caller = page_request.caller();
    let changed = my_account::change_password(&shared.flows, caller, &form, &current, &new).await;
    let unchanged = match changed {
        Err(Error::Refused(unchanged)) => unchanged,
        Err(Error::Fault(fault)) => return Ok(respond(&shared, &page_request, fault)),
        Ok(cookie) => {
            let message = Some(FlashMessage::PasswordChanged);
            let back = account_with(&form, message, Some(cookie));
            return Ok(respond(&shared, &page_request, back));
        }
    };
    let problem = problem(unchanged);
    let mut response = show_problem(&shared, &page_request, form.person(), problem).await;
    if let PasswordUnchanged::Refused(refused) = unchanged
        && let Some(seconds) = retry_after(refused)
    {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

fn problem(unchanged: PasswordUnchanged) -> PasswordProblem {
    match unchanged {
        PasswordUnchanged::NotAccepted(refused) => match refused {
            PasswordRefused::TooShort => PasswordProblem::TooShort { least: LEAST },
            PasswordRefused::TooLong => PasswordProblem::TooLong,
            PasswordRefused::TooEasy => PasswordProblem::TooEasy,
            PasswordRefused::Breached => PasswordProblem::Breached,
        },
        PasswordUnchanged::Same => PasswordProblem::SameAsOld,
        PasswordUnchanged::Refused(SignInRefused::Wrong) => PasswordProblem::WrongCurrent,
        PasswordUnchanged::Refused(SignInRefused::Throttled(seconds)) => {
            PasswordProblem::Throttled { minutes: seconds.div_ceil(60) }
        }
        PasswordUnchanged::Refused(SignInRefused::Busy) => PasswordProblem::Busy,
    }
}

pub(super) async fn end_device(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request).await?;
    let (flows, caller) = (&shared.flows, page_request.caller());
    if page_request.form.get("device") == Some("all") {
        let ended = my_account::end_everywhere(flows, caller, &form).await;
        let done = ended.map(|cookie| Done::on_account_page(form.person(), Some(cookie)));
        return Ok(respond(&shared, &page_request, done));
    }
    let Some(device) = page_request.session("device") else {
        return Ok(respond(&shared, &page_request, account(&form, None)));
    };
    let ended = my_account::end_device(flows, caller, &form, &device).await;
    let done = ended.map(|cookie| {
        if device == form.person().session.id {
            Reply::SignedOut(Done::on_account_page(form.person(), cookie))
        } else {
            account_with(&form, Some(FlashMessage::DeviceSignedOut), cookie)
        }
    });
    Ok(respond(&shared, &page_request, done))
}

pub(super) async fn sign_out(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request).await?;
    let (caller, here) = (page_request.caller(), &form.person().session.id);
    let ended = my_account::end_device(&shared.flows, caller, &form, here).await;
    let done = ended.map(|cookie| Done::on_account_page(form.person(), cookie));
    Ok(respond(&shared, &page_request, done))
}

pub(super) async fn remove_app(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request).await?;
    let Some(client) = page_request.form.get("client").and_then(ClientId::parse) else {
        return Ok(respond(&shared, &page_request, account(&form, None)));
    };
    let caller = page_request.caller();
    let removed = my_account::remove_app(&shared.flows, caller, &form, &client).await;
    let message = |had_access: bool| had_access.then_some(FlashMessage::AppRemoved);
    let back = removed.map(|had_access| account(&form, message(had_access)));
    Ok(respond(&shared, &page_request, back))
}
