//! `/account`: the profile.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use crate::accounts::browsers::SignedInUser;
use crate::domain::account_page::AccountPage;
use crate::domain::profile_edit::{FieldProblem, ProfileField};
use crate::flows::my_profile;
use crate::flows::outcome::FlashMessage;
use crate::flows::submitted::AccountForm;
use crate::pages::{Account, ProfileInput, ProfilePage, Zone};
use crate::web::account_session::{account, shell, submitted, visited};
use crate::web::edge::Context;
use crate::web::flash_messages;
use crate::web::page::{self, Answered};
use crate::web::page_request::PageRequest;
use crate::web::respond::respond;
use crate::web::shared::Shared;
use crate::web::shown::person;

const PAGE: AccountPage = AccountPage::Profile;

pub(in crate::web) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, signed_in_user) = visited(&shared, context, request, PAGE).await?;
    let message = flash_messages::at_account(&shared, &page_request, &signed_in_user.session.id);
    Ok(show(&shared, &page_request, &signed_in_user, message.as_ref(), &[]))
}

/// A field whose value was not taken.
type NotTaken = (ProfileField, FieldProblem);

/// Shows the page. If some values were not taken, it has what the person typed.
fn show(
    shared: &Shared,
    page_request: &PageRequest,
    signed_in_user: &SignedInUser,
    message: Option<&FlashMessage>,
    not_taken: &[NotTaken],
) -> Response<Body> {
    let csrf = AccountForm::token(&shared.flows, signed_in_user);
    let people = page_request.browser_state.people.iter();
    let others = people.filter(|one| one.session.id != signed_in_user.session.id);
    let input = |field: ProfileField| {
        let stored = field.of(&signed_in_user.user.profile);
        let typed = page_request.form.get(field.as_str()).filter(|_| !not_taken.is_empty());
        let problem = not_taken.iter().find(|(one, _)| *one == field).map(|(_, problem)| *problem);
        ProfileInput { field, value: typed.or(stored).unwrap_or_default(), problem }
    };
    let profile = ProfilePage {
        frame: page_request.frame(shared),
        shell: shell(PAGE, signed_in_user, &csrf, message),
        email_verified: signed_in_user.user.email_verified,
        fields: ProfileField::ALL.into_iter().map(input).collect(),
        others: others
            .map(|other| Account { person: person(other), session: other.session.id.as_str() })
            .collect(),
    };
    let status = if not_taken.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    page::show(shared, status, &profile, page_request)
}

/// Changes the profile. A field that the form does not have stays as it is.
pub(in crate::web) async fn change(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    let (mut changes, mut not_taken) = (Vec::new(), Vec::new());
    for field in ProfileField::ALL {
        if !page_request.form.names(field.as_str()) {
            continue;
        }
        let typed = page_request.form.get(field.as_str()).unwrap_or_default();
        // What is stored may be older than these rules: it stays until the person changes it.
        if field.of(&form.person().user.profile).unwrap_or_default() == typed {
            continue;
        }
        match field.check(typed, |zone| Zone::parse(zone).is_ok()) {
            Ok(value) => changes.push((field, value)),
            Err(problem) => not_taken.push((field, problem)),
        }
    }
    if !not_taken.is_empty() {
        return Ok(show(&shared, &page_request, form.person(), None, &not_taken));
    }
    let caller = page_request.caller();
    let changed = my_profile::change(&shared.flows, caller, &form, changes).await;
    let back = changed
        .map(|is_changed| account(&form, is_changed.then_some(FlashMessage::ProfileChanged)));
    Ok(respond(&shared, &page_request, back))
}
