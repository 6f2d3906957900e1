//! `/account/devices`: the browsers in which a person is signed in.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};

use crate::accounts::browsers::SignedInUser;
use crate::domain::account_page::AccountPage;
use crate::domain::device;
use crate::domain::session::{Session, SessionId};
use crate::flows::logout::Done;
use crate::flows::my_account::{self, MyDevices};
use crate::flows::outcome::FlashMessage;
use crate::flows::submitted::AccountForm;
use crate::pages::{Device, DevicesPage};
use crate::web::account_session::{account, account_with, shell, submitted, visited};
use crate::web::edge::Context;
use crate::web::flash_messages;
use crate::web::page::{self, Answered};
use crate::web::page_request::PageRequest;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;

const PAGE: AccountPage = AccountPage::Devices;

pub(in crate::web) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, signed_in_user) = visited(&shared, context, request, PAGE).await?;
    let behind = behind(&page_request);
    let some = my_account::devices(&shared.flows, &signed_in_user, behind.as_ref()).await;
    let MyDevices { devices, is_more } = match some {
        Ok(some) => some,
        Err(fault) => return Ok(respond(&shared, &page_request, fault)),
    };
    let message = flash_messages::at_account(&shared, &page_request, &signed_in_user.session.id);
    let csrf = AccountForm::token(&shared.flows, &signed_in_user);
    let last = devices.last().filter(|_| is_more);
    let shown = DevicesPage {
        frame: page_request.frame(&shared),
        shell: shell(PAGE, &signed_in_user, &csrf, message.as_ref()),
        devices: devices.iter().map(|session| device(session, &signed_in_user)).collect(),
        more: last.map(|last| {
            format!(
                "{}.{}",
                last.authentication.signed_in_at().timestamp_millis(),
                last.id.as_str()
            )
        }),
    };
    Ok(page::show(&shared, StatusCode::OK, &shown, &page_request))
}

/// Which part of the list the query asks for. A value that cannot be read asks for the first part.
fn behind(page_request: &PageRequest) -> Option<(DateTime<Utc>, SessionId)> {
    let (proven_at, id) = page_request.form.get("devices")?.split_once('.')?;
    // The id must be printable ASCII: the database refuses a NUL character.
    let is_name = id.bytes().all(|byte| byte.is_ascii_graphic());
    let proven_at = DateTime::from_timestamp_millis(proven_at.parse().ok()?)?;
    is_name.then(|| (proven_at, SessionId::from_stored(id.to_owned())))
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

pub(in crate::web) async fn end(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
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
