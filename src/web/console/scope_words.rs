//! Scopes with words, which the consent page says in place of their names.

#![expect(clippy::result_large_err, reason = "a page is the answer of a handler either way")]

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::visit::Visit;
use super::words::written;
use crate::admin::authority::{ChangeClients, ReadClients, Right};
use crate::admin::refused::{AdminResult, Refused};
use crate::admin::scopes::{self, Target};
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::domain::scope_words::ScopeWords;
use crate::domain::verdict::Error;
use crate::domain::version::Version;
use crate::pages::console::scope_words::{self as pages, ScopeFacts};
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::Settings;
/// How many scopes one page has.
const PAGE: u64 = 50;

impl<R: Right> Visit<R> {
    /// The scope of the path.
    async fn scope(&self) -> Result<ScopeWords, Response<Body>> {
        let (may, page) = (self.may_see_clients(), urls::SCOPES);
        let may = may.map_err(|refused| self.refused(SECTION, page, refused))?;
        let found = scopes::find(&may, &*self.shared.flows.store, self.name()).await;
        found.map_err(|error| self.refused(SECTION, page, error))
    }
}

/// `GET /admin/scopes`
pub(super) async fn list(visit: Visit<ReadClients>) -> Answered {
    let (store, after) = (&*visit.shared.flows.store, visit.given("after"));
    let page = scopes::list(&visit.may, store, after, PAGE).await;
    let page = page.map_err(|error| visit.refused(SECTION, urls::SCOPES, error))?;
    let (shell, next) = (visit.shell(SECTION), page.next.as_deref());
    visit.show(&pages::list(visit.frame(), shell, &page.scopes, next))
}

fn show_form(
    visit: &Visit<ChangeClients>,
    status: StatusCode,
    problem: Option<String>,
) -> Answered {
    let (shell, name) = (visit.shell(SECTION), visit.field("name"));
    visit.show_as(status, &pages::new(visit.frame(), shell, name, &visit.words(), problem))
}

/// `GET /admin/new-scope`
pub(super) async fn form(visit: Visit<ChangeClients>) -> Answered {
    show_form(&visit, StatusCode::OK, None)
}

async fn make(visit: &Visit<ChangeClients>) -> AdminResult<ScopeWords> {
    let (flows, texts) = (&visit.shared.flows, written(visit.words()));
    if texts.is_empty() {
        let why = "give the words in one language at least".to_owned();
        return Err(Refused::Invalid(why).into());
    }
    let name = visit.field("name");
    scopes::create(&visit.may, &flows.store, &flows.clock, name, texts).await
}

/// `POST /admin/new-scope`
pub(super) async fn create(visit: Visit<ChangeClients>) -> Answered {
    match make(&visit).await {
        Ok(made) => visit.done(&urls::of(urls::SCOPE, &made.name), ConsoleNotice::Created),
        Err(error) => {
            let (status, problem) = visit.problem(error)?;
            show_form(&visit, status, Some(problem))
        }
    }
}

/// `GET /admin/scopes/{name}`
pub(super) async fn show(visit: Visit<ReadClients>) -> Answered {
    let scope = visit.scope().await?;
    let version = scopes::version(&scope).etag();
    let facts = ScopeFacts { name: &scope.name, texts: &scope.texts, version: &version };
    visit.show(&pages::show(visit.frame(), visit.shell(SECTION), &facts, None))
}

/// `POST /admin/scopes/{name}`
pub(super) async fn change(visit: Visit<ChangeClients>) -> Answered {
    let page = urls::of(urls::SCOPE, visit.name());
    let before = visit.scope().await?;
    let typed = visit.words();
    let had = |tag: &String| before.texts.contains_key(tag);
    // Words that were emptied are refused: they are replaced, or taken away as a whole.
    let texts = typed.iter().filter(|(tag, text)| !text.is_empty() || had(tag));
    let texts: BTreeMap<_, _> = texts.map(|(tag, text)| (tag.clone(), text.clone())).collect();
    let version = Version::from_etag(visit.field("version"));
    let target = Target { name: visit.name(), version: version.as_ref() };
    let flows = &visit.shared.flows;
    let changed = scopes::update(&visit.may, &flows.store, &flows.clock, target, texts).await;
    match changed {
        Ok(_) => visit.done(&page, ConsoleNotice::Saved),
        Err(Error::Refused(refused @ Refused::Invalid(_))) => {
            let (status, problem) = visit.problem(refused)?;
            let (name, version) = (visit.name(), visit.field("version"));
            let facts = ScopeFacts { name, texts: &typed, version };
            let shell = visit.shell(SECTION);
            visit.show_as(status, &pages::show(visit.frame(), shell, &facts, Some(problem)))
        }
        Err(error) => Err(visit.refused(SECTION, &page, error)),
    }
}

/// `GET /admin/scopes/{name}/delete`
pub(super) async fn ask_delete(visit: Visit<ChangeClients>) -> Answered {
    let scope = visit.scope().await?;
    visit.show(&pages::confirm(visit.frame(), visit.shell(SECTION), &scope))
}

/// `POST /admin/scopes/{name}/delete`
pub(super) async fn delete(visit: Visit<ChangeClients>) -> Answered {
    let (flows, name) = (&visit.shared.flows, visit.name());
    let deleted = scopes::delete(&visit.may, &flows.store, &flows.clock, name).await;
    deleted.map_err(|error| visit.refused(SECTION, urls::SCOPES, error))?;
    visit.done(urls::SCOPES, ConsoleNotice::Deleted)
}
