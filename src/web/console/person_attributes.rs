//! The attributes of a person: what is changed about them.

use std::collections::BTreeMap;

use super::person;
use super::visit::Visit;
use crate::admin::attributes;
use crate::admin::authority::{ChangePeople, May, ReadPeople};
use crate::admin::refused::{AdminResult, Refused};
use crate::admin::users::{self, ClaimsChange, Target, Who};
use crate::domain::attribute::Attribute;
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::version::Version;
use crate::pages::console::person_attributes::{RefusedAttribute, field_name};
use crate::web::page::Answered;

/// What was typed into the fields that the form has, by the names of the attributes.
struct Typed {
    every: BTreeMap<String, String>,
    /// What is another value now. An attribute that is not named stays as it is.
    changed: BTreeMap<String, String>,
    /// The first one that is no value of its attribute, and why.
    wrong: Option<(String, String)>,
}

async fn typed(visit: &Visit<ChangePeople>, may: &May<ReadPeople>) -> AdminResult<Typed> {
    let store = &*visit.shared.flows.store;
    let user = users::find(may, store, Who::Id(visit.name())).await?;
    let belongings = users::belongings(may, store, std::slice::from_ref(&user)).await?;
    let belongings = belongings.into_iter().next().unwrap_or_default();
    let held = attributes::held(may, store, &belongings.attributes).await?;
    let mut read = Typed { every: BTreeMap::new(), changed: BTreeMap::new(), wrong: None };
    let form = &visit.page_request.form;
    for (attribute, value) in held {
        let field = field_name(&attribute.name);
        if !form.names(&field) {
            continue;
        }
        let text = form.get(&field).unwrap_or_default().trim().to_owned();
        read.every.insert(attribute.name.clone(), text.clone());
        let before = value.as_ref().map(Attribute::typed).unwrap_or_default();
        if text == before.trim() {
            continue;
        }
        let checked = if text.is_empty() { Ok(()) } else { attribute.read(&text).map(drop) };
        if let Err(why) = checked
            && read.wrong.is_none()
        {
            read.wrong = Some((attribute.name.clone(), why));
        }
        read.changed.insert(attribute.name, text);
    }
    Ok(read)
}

/// `POST /admin/people/{id}/attributes`
pub(super) async fn change(visit: Visit<ChangePeople>) -> Answered {
    let Some(may) = visit.may_also::<ReadPeople>() else {
        let why = Refused::Forbidden("you may not see people".to_owned());
        return visit.changed(Err(why.into()));
    };
    let Typed { every, changed, wrong } = match Box::pin(typed(&visit, &may)).await {
        Ok(read) => read,
        Err(error) => return visit.changed(Err(error)),
    };
    if let Some((name, why)) = wrong {
        visit.problem(Refused::Invalid(why.clone()))?;
        let refused = RefusedAttribute { typed: every, name, why };
        return Box::pin(person::page(&visit, &may, Some(&refused))).await;
    }
    if changed.is_empty() {
        return visit.changed(Ok(ConsoleNotice::Nothing));
    }
    let version = Version::from_etag(visit.field("version"));
    let target = Target { who: Who::Id(visit.name()), version: version.as_ref() };
    let (flows, mailer) = (&visit.shared.flows, visit.shared.flows.mailer.as_ref());
    let change = ClaimsChange { attributes: changed, ..ClaimsChange::default() };
    let saved = users::update(&visit.may, &flows.store, &flows.clock, mailer, target, change).await;
    visit.changed(saved.map(|_| ConsoleNotice::Saved))
}
