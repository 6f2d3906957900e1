//! `/account`: the profile.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use crate::accounts::browsers::SignedInUser;
use crate::domain::account_page::AccountPage;
use crate::domain::attribute::Attribute;
use crate::domain::profile_edit::{FieldProblem, ProfileField};
use crate::domain::verdict::Fault;
use crate::flows::my_attributes::{self, Changed, MyAttribute};
use crate::flows::my_profile;
use crate::flows::outcome::FlashMessage;
use crate::flows::submitted::AccountForm;
use crate::pages::{Account, AttributeInput, ProfileInput, ProfilePage, Zone};
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
    let mine = match my_attributes::of(&shared.flows, &signed_in_user.user.id).await {
        Ok(mine) => mine,
        Err(fault) => return Ok(respond(&shared, &page_request, fault)),
    };
    let shown = Shown { message: message.as_ref(), mine: &mine, ..Shown::default() };
    Ok(show(&shared, &page_request, &signed_in_user, &shown))
}

/// What of the page depends on what was done.
#[derive(Default)]
struct Shown<'a> {
    message: Option<&'a FlashMessage>,
    not_taken: &'a [NotTaken],
    mine: &'a [MyAttribute],
    attributes_not_taken: BTreeMap<String, FieldProblem>,
}

/// A field whose value was not taken.
type NotTaken = (ProfileField, FieldProblem);

/// Shows the page. If some values were not taken, it has what the person typed.
fn show(
    shared: &Shared,
    page_request: &PageRequest,
    signed_in_user: &SignedInUser,
    shown: &Shown<'_>,
) -> Response<Body> {
    let not_taken = shown.not_taken;
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
        shell: shell(PAGE, signed_in_user, &csrf, shown.message),
        email_verified: signed_in_user.user.email_verified,
        fields: ProfileField::ALL.into_iter().map(input).collect(),
        attributes: shown.mine.iter().map(|one| attribute(page_request, shown, one)).collect(),
        others: others
            .map(|other| Account { person: person(other), session: other.session.id.as_str() })
            .collect(),
    };
    let is_good = not_taken.is_empty() && shown.attributes_not_taken.is_empty();
    let status = if is_good { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    page::show(shared, status, &profile, page_request)
}

/// An attribute with its value, or with what the person typed.
fn attribute<'a>(
    page_request: &'a PageRequest,
    shown: &Shown<'_>,
    MyAttribute { attribute, value }: &'a MyAttribute,
) -> AttributeInput<'a> {
    let field = AttributeInput::field(&attribute.name);
    let is_typed = attribute.editable && !shown.attributes_not_taken.is_empty();
    let typed = page_request.form.get(&field).filter(|_| is_typed).map(str::to_owned);
    let stored = || value.as_ref().map(Attribute::typed).unwrap_or_default();
    AttributeInput {
        name: &attribute.name,
        label: attribute.label(page_request.language),
        kind: attribute.kind,
        is_editable: attribute.editable,
        value: typed.unwrap_or_else(stored),
        problem: shown.attributes_not_taken.get(&attribute.name).copied(),
    }
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
        let mine = match my_attributes::of(&shared.flows, &form.person().user.id).await {
            Ok(mine) => mine,
            Err(fault) => return Ok(respond(&shared, &page_request, fault)),
        };
        let shown = Shown { not_taken: &not_taken, mine: &mine, ..Shown::default() };
        return Ok(show(&shared, &page_request, form.person(), &shown));
    }
    let caller = page_request.caller();
    let changed = my_profile::change(&shared.flows, caller, &form, changes).await;
    let back = changed
        .map(|is_changed| account(&form, is_changed.then_some(FlashMessage::ProfileChanged)));
    Ok(respond(&shared, &page_request, back))
}

/// Changes attributes that the person may edit. One that the form does not have stays as it is.
pub(in crate::web) async fn change_attributes(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    let changed = changed_attributes(&shared, &page_request, &form).await;
    Ok(changed.unwrap_or_else(|fault| respond(&shared, &page_request, fault)))
}

async fn changed_attributes(
    shared: &Shared,
    page_request: &PageRequest,
    form: &AccountForm,
) -> Result<Response<Body>, Fault> {
    let (flows, fields) = (&shared.flows, &page_request.form);
    let mine = my_attributes::of(flows, &form.person().user.id).await?;
    let mut typed = BTreeMap::new();
    for one in &mine {
        let field = AttributeInput::field(&one.attribute.name);
        if fields.names(&field) {
            let value = fields.get(&field).unwrap_or_default();
            typed.insert(one.attribute.name.clone(), value.to_owned());
        }
    }
    let changed = my_attributes::change(flows, page_request.caller(), form, &typed).await?;
    let message = match changed {
        Changed::Yes => Some(FlashMessage::ProfileChanged),
        Changed::No => None,
        Changed::NotTaken(attributes_not_taken) => {
            let shown = Shown { mine: &mine, attributes_not_taken, ..Shown::default() };
            return Ok(show(shared, page_request, form.person(), &shown));
        }
    };
    Ok(respond(shared, page_request, Ok::<_, Fault>(account(form, message))))
}
