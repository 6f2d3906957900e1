//! `/debug/token`: why a resource server refuses a token. Nothing of it is stored or logged.

#![expect(clippy::result_large_err, reason = "a page is the answer of a handler either way")]

use axum::body::Body;
use axum::http::Response;

use super::visit::Visit;
use crate::admin::authority::{ReadClients, ReadPeople};
use crate::admin::refused::Refused;
use crate::admin::token_facts;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::domain::token_explanation::explain;
use crate::domain::token_explanation::presented::Presented;
use crate::pages::console::token as pages;
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::Overview;

/// What is said about a token says something of people and of clients.
fn may_see_clients(visit: &Visit<ReadPeople>) -> Result<(), Response<Body>> {
    if visit.may_also::<ReadClients>().is_some() {
        return Ok(());
    }
    let why = Refused::Forbidden("you may not see clients".to_owned());
    Err(visit.refused(SECTION, urls::OVERVIEW, why))
}

/// `GET /debug/token`
pub(super) async fn form(visit: Visit<ReadPeople>) -> Answered {
    may_see_clients(&visit)?;
    visit.show(&pages::explain(visit.frame(), visit.shell(SECTION), "", None))
}

/// `POST /debug/token`
pub(super) async fn show(visit: Visit<ReadPeople>) -> Answered {
    may_see_clients(&visit)?;
    let resource = visit.field("as");
    let token = visit.field("token");
    if token.is_empty() {
        return visit.show(&pages::explain(visit.frame(), visit.shell(SECTION), resource, None));
    }
    let presented = Presented::read(token);
    let named = visit.given("as").map(str::to_owned);
    let facts = token_facts::from_database(&visit.shared.resources, &presented, named).await;
    let facts = facts.map_err(|fault| visit.fault(fault))?;
    let explanation = explain(&presented, &facts);
    let shell = visit.shell(SECTION);
    visit.show(&pages::explain(visit.frame(), shell, resource, Some(&explanation)))
}
