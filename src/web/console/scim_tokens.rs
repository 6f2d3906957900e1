//! The tokens of connectors, which make and change people and groups by SCIM.

use super::visit::Visit;
use crate::admin::authority::{ChangeSecrets, ReadClients};
use crate::admin::scim_tokens;
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::{console_urls as urls, scim_urls};
use crate::pages::console::scim_tokens as pages;
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::Settings;

/// `GET /admin/scim-tokens`
pub(super) async fn list(visit: Visit<ReadClients>) -> Answered {
    let flows = &visit.shared.flows;
    let tokens = scim_tokens::list(&visit.may, &*flows.store).await;
    let tokens = tokens.map_err(|error| visit.refused(SECTION, urls::SCIM_TOKENS, error))?;
    let (shell, now) = (visit.shell(SECTION), flows.clock.now());
    visit.show(&pages::list(visit.frame(), shell, &tokens, now))
}

/// `POST /admin/scim-tokens`
pub(super) async fn create(visit: Visit<ChangeSecrets>) -> Answered {
    let (flows, page) = (&visit.shared.flows, urls::SCIM_TOKENS);
    let lifetime = visit.lifetime("lifetime");
    let lifetime = lifetime.map_err(|refused| visit.refused(SECTION, page, refused))?;
    let (store, name) = (&flows.store, visit.field("name"));
    let made = scim_tokens::create(&visit.may, store, &flows.clock, name, lifetime).await;
    let (_, token) = made.map_err(|error| visit.refused(SECTION, page, error))?;
    let (shell, address) = (visit.shell(SECTION), flows.url.url(scim_urls::BASE));
    visit.show(&pages::made(visit.frame(), shell, address, token.expose()))
}

/// `GET /admin/scim-tokens/{id}/revoke`
pub(super) async fn ask_revoke(visit: Visit<ChangeSecrets>) -> Answered {
    let (may, page) = (visit.may_see_clients(), urls::SCIM_TOKENS);
    let may = may.map_err(|refused| visit.refused(SECTION, page, refused))?;
    let found = scim_tokens::of_id(&may, &*visit.shared.flows.store, visit.name()).await;
    let token = found.map_err(|error| visit.refused(SECTION, page, error))?;
    visit.show(&pages::confirm(visit.frame(), visit.shell(SECTION), &token))
}

/// `POST /admin/scim-tokens/{id}/revoke`
pub(super) async fn revoke(visit: Visit<ChangeSecrets>) -> Answered {
    let (flows, page) = (&visit.shared.flows, urls::SCIM_TOKENS);
    let (store, id) = (&flows.store, visit.name());
    let revoked = scim_tokens::revoke(&visit.may, store, &flows.clock, id, None).await;
    revoked.map_err(|error| visit.refused(SECTION, page, error))?;
    visit.done(page, ConsoleNotice::ScimTokenRevoked)
}
