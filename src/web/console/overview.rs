//! The first page of the console.

use super::audit::line;
use super::visit::Visit;
use crate::admin::audit::{self, PageQuery};
use crate::admin::authority::{ReadAudit, ReadKeys, ReadPeople};
use crate::admin::overview;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::domain::urls::Issuer;
use crate::domain::verdict::Fault;
use crate::pages::console::overview::{self as pages, Attention, DayLine, OverviewFacts};
use crate::pages::console::signing_keys::KeyFacts;
use crate::web::page::{self, Answered};

const SECTION: ConsoleSection = ConsoleSection::Overview;
/// How many events the page has.
const EVENTS: u64 = 8;

/// `GET /admin`
pub(super) async fn root(visit: Visit<ReadPeople>) -> Answered {
    Ok(page::see_other(&format!("{}{}", visit.shared.base, urls::OVERVIEW)))
}

/// `GET /admin/`
pub(super) async fn show(visit: Visit<ReadPeople>) -> Answered {
    let events = match visit.may_also::<ReadAudit>() {
        Some(may) => {
            let query = PageQuery { limit: EVENTS, ..PageQuery::default() };
            let page = audit::page(&may, visit.shared.flows.store.lists(), query).await;
            let page = page.map_err(|error| visit.refused(SECTION, urls::OVERVIEW, error))?;
            Some(page.0.into_iter().map(line).collect())
        }
        None => None,
    };
    let keys = match visit.may_also::<ReadKeys>() {
        Some(may) => Some(visit.key_facts(&may).await.map_err(|fault| visit.fault(fault))?),
        None => None,
    };
    let days = days(&visit).await.map_err(|fault| visit.fault(fault))?;
    let attention = attention(&visit, keys.as_ref()).await.map_err(|fault| visit.fault(fault))?;
    let facts = OverviewFacts { attention, days, counted: overview::COUNTED, keys, events };
    visit.show(&pages::show(visit.frame(), visit.shell(SECTION), &facts))
}

async fn days(visit: &Visit<ReadPeople>) -> Result<Vec<DayLine>, Fault> {
    let Some(may) = visit.may_also::<ReadAudit>() else { return Ok(Vec::new()) };
    let flows = &visit.shared.flows;
    let days = overview::days(&may, flows.store.lists(), flows.clock.now()).await?;
    let line = |day: overview::Day| DayLine {
        begins_at: day.begins_at,
        by_way: [day.counts.password, day.counts.passkey, day.counts.provider],
        refused: day.counts.refused,
        refreshes: day.refreshes,
    };
    Ok(days.into_iter().map(line).collect())
}

/// What needs attention, for who may see all of it.
async fn attention(
    visit: &Visit<ReadPeople>,
    keys: Option<&KeyFacts>,
) -> Result<Option<Vec<Attention>>, Fault> {
    let (Some(may), Some(keys)) = (visit.may_also::<ReadAudit>(), keys) else { return Ok(None) };
    let flows = &visit.shared.flows;
    let mut some = Vec::new();
    let waiting = overview::waiting(&may, flows.store.lists()).await?;
    if waiting.mails > 0 {
        some.push(Attention::Mails(waiting.mails));
    }
    if waiting.notices > 0 {
        some.push(Attention::Notices(waiting.notices));
    }
    if waiting.messages > 0 {
        some.push(Attention::Messages(waiting.messages));
    }
    let hashing = flows.password.hasher.waiting();
    if hashing > 0 {
        some.push(Attention::Hashing(u64::try_from(hashing).unwrap_or(u64::MAX)));
    }
    let missing = keys.next.iter().filter(|next| !next.missing.is_empty());
    some.extend(
        missing.map(|next| Attention::KeyNotFetched(next.alg.clone(), next.missing.join(", "))),
    );
    let language = visit.page_request.language.as_str();
    let failing = flows.providers.list();
    let failing = failing.iter().filter(|one| one.provider.is_failing());
    some.extend(failing.map(|one| Attention::Provider(one.name(language).to_owned())));
    if flows.url == Issuer::localhost() {
        some.push(Attention::Localhost);
    }
    Ok(Some(some))
}
