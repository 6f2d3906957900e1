//! `/account/activity`: what happened to an account.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use chrono::DateTime;

use crate::domain::account_page::AccountPage;
use crate::flows::my_activity::{self, AccountEvent, EventPlace, MyActivity};
use crate::flows::submitted::AccountForm;
use crate::pages::{ActivityEntry, ActivityPage};
use crate::web::account_session::{shell, visited};
use crate::web::edge::Context;
use crate::web::page::{self, Answered};
use crate::web::page_request::PageRequest;
use crate::web::respond::respond;
use crate::web::shared::Shared;

const PAGE: AccountPage = AccountPage::Activity;

pub(in crate::web) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, signed_in_user) = visited(&shared, context, request, PAGE).await?;
    let behind = behind(&page_request);
    let some = my_activity::activity(&shared.flows, &signed_in_user, behind).await;
    let MyActivity { entries, more } = match some {
        Ok(some) => some,
        Err(fault) => return Ok(respond(&shared, &page_request, fault)),
    };
    let csrf = AccountForm::token(&shared.flows, &signed_in_user);
    let language = page_request.language.as_str();
    let shown = ActivityPage {
        frame: page_request.frame(&shared),
        shell: shell(PAGE, &signed_in_user, &csrf, None),
        entries: entries.iter().map(|one| entry(one, language)).collect(),
        more: more.map(|last| format!("{}.{}", last.at.timestamp_millis(), last.id)),
    };
    Ok(page::show(&shared, StatusCode::OK, &shown, &page_request))
}

/// Which part of the list the query asks for. A value that cannot be read asks for the first part.
fn behind(page_request: &PageRequest) -> Option<EventPlace> {
    let (at, id) = page_request.form.get("behind")?.split_once('.')?;
    // The id must be printable ASCII: the database refuses a NUL character.
    let is_name = id.bytes().all(|byte| byte.is_ascii_graphic());
    let at = DateTime::from_timestamp_millis(at.parse().ok()?)?;
    is_name.then(|| EventPlace { at, id: id.to_owned() })
}

fn entry<'a>(one: &'a AccountEvent, language: &str) -> ActivityEntry<'a> {
    ActivityEntry {
        activity: one.activity,
        at: one.event.at,
        times: u64::try_from(one.event.times).unwrap_or(1),
        app: one.client.as_ref().map(|client| client.client.metadata.client_name.as_str()),
        provider: one.provider.as_ref().map(|provider| provider.name(language)),
        address: one.event.address.as_deref(),
    }
}
