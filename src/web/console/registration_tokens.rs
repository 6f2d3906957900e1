//! The tokens with which apps register themselves.

use super::visit::Visit;
use crate::admin::authority::{ChangeClients, ReadClients};
use crate::admin::refused::Refused;
use crate::admin::registration_tokens::{self, NewRegistrationToken};
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::pages::console::registration_tokens as pages;
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::Apps;

/// `GET /admin/registration-tokens`
pub(super) async fn list(visit: Visit<ReadClients>) -> Answered {
    let flows = &visit.shared.flows;
    let tokens = registration_tokens::list(&visit.may, &*flows.store).await;
    let tokens = tokens.map_err(|error| visit.refused(SECTION, urls::APPS, error))?;
    let facts = pages::TokenFacts {
        tokens: &tokens,
        now: flows.clock.now(),
        is_on: visit.shared.registration.is_on(),
    };
    visit.show(&pages::list(visit.frame(), visit.shell(SECTION), &facts))
}

/// What was typed into the form. What is empty is as usual.
fn typed(visit: &Visit<ChangeClients>) -> Result<NewRegistrationToken<'_>, Refused> {
    let mut new =
        NewRegistrationToken { name: visit.given("name"), ..NewRegistrationToken::default() };
    if let Some(lifetime) = visit.lifetime("lifetime")? {
        new.lifetime = lifetime;
    }
    if let Some(text) = visit.given("uses") {
        new.uses =
            text.parse().map_err(|_| Refused::Invalid(format!("uses is not a number: {text}")))?;
    }
    Ok(new)
}

/// `POST /admin/registration-tokens`
pub(super) async fn create(visit: Visit<ChangeClients>) -> Answered {
    let flows = &visit.shared.flows;
    let page = urls::REGISTRATION_TOKENS;
    let new = typed(&visit).map_err(|refused| visit.refused(SECTION, page, refused))?;
    let made = registration_tokens::create(&visit.may, &flows.store, &flows.clock, new).await;
    let (_, token) = made.map_err(|error| visit.refused(SECTION, page, error))?;
    visit.show(&pages::made(visit.frame(), visit.shell(SECTION), token.expose()))
}

/// `POST /admin/registration-tokens/revoke`
pub(super) async fn revoke(visit: Visit<ChangeClients>) -> Answered {
    let (flows, page) = (&visit.shared.flows, urls::REGISTRATION_TOKENS);
    let (store, id) = (&flows.store, visit.field("id"));
    let revoked = registration_tokens::revoke(&visit.may, store, &flows.clock, id, None).await;
    revoked.map_err(|error| visit.refused(SECTION, page, error))?;
    visit.done(page, ConsoleNotice::RegistrationTokenRevoked)
}
