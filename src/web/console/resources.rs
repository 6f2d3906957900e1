//! Resources: the APIs that access tokens are for.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::app_settings::{Kind, place_of, read};
use super::visit::Visit;
use crate::admin::authority::{ChangeClients, May, ReadClients, Right};
use crate::admin::refused::Refused;
use crate::admin::resources::{self, Target};
use crate::admin::scopes;
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::domain::verdict::Error;
use crate::domain::version::Version;
use crate::pages::console::app_settings::RefusedInput;
use crate::pages::console::resources::{self as pages, ResourceFacts};
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::Apps;
/// How many resources one page has.
const PAGE: u64 = 25;
/// The field of the identifier, which is there as long as the resource is not.
const ID: &str = "id";

/// Every other field of the form: a member of what is registered, and how it is read.
const FIELDS: [(&str, Kind); 6] = [
    ("resource_name", Kind::Text),
    ("scope", Kind::Text),
    ("access_lifetime", Kind::Duration),
    ("token_alg", Kind::Optional),
    ("status_list", Kind::Tick),
    ("mcp", Kind::Tick),
];

impl<R: Right> Visit<R> {
    fn resource_page(&self) -> String {
        urls::of(urls::RESOURCE, self.name())
    }
}

/// `GET /admin/resources`
pub(super) async fn list(visit: Visit<ReadClients>) -> Answered {
    let (lists, after) = (visit.shared.flows.store.lists(), visit.given("after"));
    let page = resources::list(&visit.may, lists, after, PAGE).await;
    let page = page.map_err(|error| visit.refused(SECTION, urls::RESOURCES, error))?;
    let (shell, next) = (visit.shell(SECTION), page.next.as_deref());
    visit.show(&pages::list(visit.frame(), shell, &page.resources, next))
}

/// `GET /admin/new-resource`
pub(super) async fn form(visit: Visit<ChangeClients>) -> Answered {
    visit.show(&pages::new(visit.frame(), visit.shell(SECTION), None))
}

/// What was typed, or the field that cannot be read and why.
fn typed(
    visit: &Visit<ChangeClients>,
) -> Result<Map<String, Value>, (Refused, Option<&'static str>)> {
    let mut members = Map::new();
    for (name, kind) in FIELDS {
        match read(visit, name, kind) {
            Some(Ok(value)) => {
                members.insert(name.to_owned(), value);
            }
            Some(Err(why)) => return Err((Refused::Invalid(why), Some(name))),
            None => {}
        }
    }
    Ok(members)
}

/// What was typed, for a page that shows it again, with the field that the words are about: one whose
/// value they quote, or one that they name.
fn refused_input(
    visit: &Visit<ChangeClients>,
    why: String,
    field: Option<&'static str>,
) -> RefusedInput {
    let form = &visit.page_request.form;
    let names = || std::iter::once(ID).chain(FIELDS.iter().map(|(name, _)| *name));
    let is_quoted =
        |name: &&str| visit.given(name).is_some_and(|typed| why.contains(&format!("{typed:?}")));
    // "An MCP server" is about `mcp`.
    let words = why.to_ascii_lowercase();
    let named = || names().filter_map(|name| Some((place_of(&words, name)?, name))).min();
    let field = field.or_else(|| names().find(is_quoted));
    let field = field.or_else(|| named().map(|(_, name)| name));
    let sent = names().filter(|name| form.names(name));
    let typed = sent.map(|name| (name.to_owned(), visit.field(name).to_owned())).collect();
    RefusedInput { typed, why, field }
}

/// `POST /admin/new-resource`
pub(super) async fn create(visit: Visit<ChangeClients>) -> Answered {
    let flows = &visit.shared.flows;
    let (store, clock, id) = (&flows.store, &flows.clock, visit.field(ID));
    let lifetimes = &visit.shared.token.mint.lifetimes;
    let (refused, field) = match typed(&visit) {
        Ok(members) => {
            let made = resources::create(&visit.may, store, clock, lifetimes, id, &members);
            match Box::pin(made).await {
                Ok(made) => {
                    let page = urls::of(urls::RESOURCE, &made.id);
                    return visit.done(&page, ConsoleNotice::Created);
                }
                Err(Error::Refused(refused)) => (refused, None),
                Err(Error::Fault(fault)) => return Err(visit.fault(fault)),
            }
        }
        Err(unread) => unread,
    };
    let (status, why) = visit.problem(refused)?;
    let refused = refused_input(&visit, why, field);
    let page = pages::new(visit.frame(), visit.shell(SECTION), Some(&refused));
    visit.show_as(status, &page)
}

/// `GET /admin/resources/{id}`
pub(super) async fn show(visit: Visit<ReadClients>) -> Answered {
    Box::pin(page(&visit, &visit.may, None)).await
}

/// The page of a resource, with what was refused of its form and the status for that.
async fn page<R: Right>(
    visit: &Visit<R>,
    may: &May<ReadClients>,
    refused: Option<(StatusCode, &RefusedInput)>,
) -> Answered {
    let no_resource = |error| visit.refused(SECTION, urls::RESOURCES, error);
    let store = &*visit.shared.flows.store;
    let resource = resources::find(may, store, visit.name()).await.map_err(no_resource)?;
    let names: Vec<&str> = resource.metadata.scope.iter().collect();
    let words = scopes::of_names(may, store, &names).await.map_err(no_resource)?;
    // Whoever corrects a form has still seen what was there before.
    let seen = refused.and_then(|_| visit.given("version")).map(str::to_owned);
    let facts = ResourceFacts {
        resource: &resource,
        version: seen.unwrap_or_else(|| resources::version(&resource).etag()),
        words: &words,
        refused: refused.map(|(_, input)| input),
    };
    let status = refused.map_or(StatusCode::OK, |(status, _)| status);
    visit.show_as(status, &pages::show(visit.frame(), visit.shell(SECTION), &facts))
}

/// `POST /admin/resources/{id}`
pub(super) async fn change(visit: Visit<ChangeClients>) -> Answered {
    let flows = &visit.shared.flows;
    let (store, clock) = (&flows.store, &flows.clock);
    let lifetimes = &visit.shared.token.mint.lifetimes;
    let version = Version::from_etag(visit.field("version"));
    let target = Target { id: visit.name(), version: version.as_ref() };
    let (refused, field) = match typed(&visit) {
        Ok(members) => {
            let saved = resources::update(&visit.may, store, clock, lifetimes, target, &members);
            match Box::pin(saved).await {
                Ok(_) => return visit.done(&visit.resource_page(), ConsoleNotice::Saved),
                Err(Error::Refused(refused)) => (refused, None),
                Err(Error::Fault(fault)) => return Err(visit.fault(fault)),
            }
        }
        Err(unread) => unread,
    };
    match (refused, visit.may_also::<ReadClients>()) {
        (refused @ (Refused::Invalid(_) | Refused::Conflict(_)), Some(may)) => {
            let (status, why) = visit.problem(refused)?;
            let input = refused_input(&visit, why, field);
            Box::pin(page(&visit, &may, Some((status, &input)))).await
        }
        (refused, _) => Err(visit.refused(SECTION, &visit.resource_page(), refused)),
    }
}

/// `GET /admin/resources/{id}/delete`
pub(super) async fn ask_delete(visit: Visit<ChangeClients>) -> Answered {
    let Some(may) = visit.may_also::<ReadClients>() else {
        let why = Refused::Forbidden("you may not see resources".to_owned());
        return Err(visit.refused(SECTION, urls::APPS, why));
    };
    let found = resources::find(&may, &*visit.shared.flows.store, visit.name()).await;
    let resource = found.map_err(|error| visit.refused(SECTION, urls::RESOURCES, error))?;
    let (shell, version) = (visit.shell(SECTION), resources::version(&resource).etag());
    visit.show(&pages::confirm(visit.frame(), shell, &resource, &version))
}

/// `POST /admin/resources/{id}/delete`
pub(super) async fn delete(visit: Visit<ChangeClients>) -> Answered {
    let flows = &visit.shared.flows;
    let version = Version::from_etag(visit.field("version"));
    let target = Target { id: visit.name(), version: version.as_ref() };
    let deleted = resources::delete(&visit.may, &flows.store, &flows.clock, target).await;
    deleted.map_err(|error| visit.refused(SECTION, &visit.resource_page(), error))?;
    visit.done(urls::RESOURCES, ConsoleNotice::Deleted)
}
