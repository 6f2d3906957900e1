//! The attributes of people that operators declared.

#![expect(clippy::result_large_err, reason = "a page is the answer of a handler either way")]

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::visit::Visit;
use super::words::written;
use crate::admin::attributes::{self, AttributeChange, NewAttribute, Target};
use crate::admin::authority::{ChangeClients, May, ReadClients, Right};
use crate::admin::refused::{AdminResult, Refused};
use crate::domain::attribute::{Attribute, AttributeType};
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::domain::verdict::Error;
use crate::domain::version::Version;
use crate::pages::console::attribute_definitions::{self as pages, DefinitionInput};
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::Settings;

impl<R: Right> Visit<R> {
    /// The attribute of the path.
    async fn attribute(&self) -> Result<(May<ReadClients>, Attribute), Response<Body>> {
        let (may, page) = (self.may_see_clients(), urls::ATTRIBUTES);
        let may = may.map_err(|refused| self.refused(SECTION, page, refused))?;
        let found = attributes::find(&may, &*self.shared.flows.store, self.name()).await;
        Ok((may, found.map_err(|error| self.refused(SECTION, page, error))?))
    }

    fn is_editable(&self) -> bool {
        self.given("editable").is_some()
    }
}

/// `GET /admin/attributes`
pub(super) async fn list(visit: Visit<ReadClients>) -> Answered {
    let every = attributes::list(&visit.may, &*visit.shared.flows.store).await;
    let every = every.map_err(|error| visit.refused(SECTION, urls::ATTRIBUTES, error))?;
    visit.show(&pages::list(visit.frame(), visit.shell(SECTION), &every))
}

fn show_form(
    visit: &Visit<ChangeClients>,
    status: StatusCode,
    problem: Option<String>,
) -> Answered {
    let (scope, editable, texts) = (visit.field("scope"), visit.is_editable(), &visit.words());
    let input = DefinitionInput { scope, editable, texts };
    let named = (visit.field("name"), visit.field("type"));
    let shell = visit.shell(SECTION);
    visit.show_as(status, &pages::new(visit.frame(), shell, named, &input, problem))
}

/// `GET /admin/new-attribute`
pub(super) async fn form(visit: Visit<ChangeClients>) -> Answered {
    show_form(&visit, StatusCode::OK, None)
}

async fn make(visit: &Visit<ChangeClients>) -> AdminResult<Attribute> {
    let flows = &visit.shared.flows;
    let kind: Result<AttributeType, String> = visit.field("type").parse();
    let new = NewAttribute {
        name: visit.field("name").to_owned(),
        kind: kind.map_err(Refused::Invalid)?,
        scope: visit.field("scope").to_owned(),
        editable: visit.is_editable(),
        texts: written(visit.words()),
    };
    attributes::create(&visit.may, &flows.store, &flows.clock, new).await
}

/// `POST /admin/new-attribute`
pub(super) async fn create(visit: Visit<ChangeClients>) -> Answered {
    match make(&visit).await {
        Ok(made) => visit.done(&urls::of(urls::ATTRIBUTE, &made.name), ConsoleNotice::Created),
        Err(error) => {
            let (status, problem) = visit.problem(error)?;
            show_form(&visit, status, Some(problem))
        }
    }
}

/// `GET /admin/attributes/{name}`
pub(super) async fn show(visit: Visit<ReadClients>) -> Answered {
    let (_, one) = visit.attribute().await?;
    let input = DefinitionInput { scope: &one.scope, editable: one.editable, texts: &one.texts };
    let (shell, version) = (visit.shell(SECTION), attributes::version(&one).etag());
    visit.show(&pages::show(visit.frame(), shell, &one, (&input, &version), None))
}

/// `POST /admin/attributes/{name}`
pub(super) async fn change(visit: Visit<ChangeClients>) -> Answered {
    let page = urls::of(urls::ATTRIBUTE, visit.name());
    let (_, before) = visit.attribute().await?;
    let (scope, editable, texts) = (visit.field("scope"), visit.is_editable(), visit.words());
    let version = Version::from_etag(visit.field("version"));
    let target = Target { name: visit.name(), version: version.as_ref() };
    let (flows, scope_now) = (&visit.shared.flows, Some(scope.to_owned()));
    let change =
        AttributeChange { scope: scope_now, editable: Some(editable), texts: texts.clone() };
    let changed = attributes::update(&visit.may, &flows.store, &flows.clock, target, change).await;
    match changed {
        Ok(_) => visit.done(&page, ConsoleNotice::Saved),
        Err(Error::Refused(refused @ (Refused::Invalid(_) | Refused::Conflict(_)))) => {
            let (status, problem) = visit.problem(refused)?;
            let input = DefinitionInput { scope, editable, texts: &texts };
            let (shell, typed) = (visit.shell(SECTION), (&input, visit.field("version")));
            let shown = pages::show(visit.frame(), shell, &before, typed, Some(problem));
            visit.show_as(status, &shown)
        }
        Err(error) => Err(visit.refused(SECTION, &page, error)),
    }
}

/// `GET /admin/attributes/{name}/delete`
pub(super) async fn ask_delete(visit: Visit<ChangeClients>) -> Answered {
    let (may, one) = visit.attribute().await?;
    let people = attributes::holders(&may, visit.shared.flows.store.lists(), &one.name).await;
    let people = people.map_err(|fault| visit.fault(fault))?;
    visit.show(&pages::confirm(visit.frame(), visit.shell(SECTION), &one.name, people))
}

/// `POST /admin/attributes/{name}/delete`
pub(super) async fn delete(visit: Visit<ChangeClients>) -> Answered {
    let (flows, name) = (&visit.shared.flows, visit.name());
    let deleted = attributes::delete(&visit.may, &flows.store, &flows.clock, name.into()).await;
    deleted.map_err(|error| visit.refused(SECTION, urls::ATTRIBUTES, error))?;
    visit.done(urls::ATTRIBUTES, ConsoleNotice::Deleted)
}
