//! Groups of people.

use super::visit::Visit;
use crate::admin::authority::{ChangePeople, May, ReadPeople, Right};
use crate::admin::groups;
use crate::admin::refused::AdminResult;
use crate::admin::users::{self, UserPage, UserSearch};
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::pages::console::groups as pages;
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::Groups;
/// How many groups or members one page has.
const PAGE: u64 = 50;
/// How many members are counted before a group is deleted.
const COUNTED: u64 = 200;

impl<R: Right> Visit<R> {
    /// The name of a group, byte for byte.
    fn group(&self) -> &str {
        self.page_request.form.get("name").unwrap_or_default()
    }

    async fn members(&self, may: &May<ReadPeople>, limit: u64) -> AdminResult<UserPage> {
        let asked = UserSearch { group: Some(self.group().to_owned()), ..UserSearch::default() };
        let after = self.given("after");
        users::filtered(may, self.shared.flows.store.lists(), &asked, after, limit).await
    }
}

/// `GET /admin/groups`
pub(super) async fn list(visit: Visit<ReadPeople>) -> Answered {
    let after = visit.page_request.form.get("after").filter(|after| !after.contains('\0'));
    let page = groups::list(&visit.may, &*visit.shared.flows.store, after, PAGE).await;
    let page = page.map_err(|error| visit.refused(SECTION, urls::GROUPS, error))?;
    let names: Vec<String> = page.groups.iter().map(|one| one.name.as_str().to_owned()).collect();
    let shell = visit.shell(SECTION);
    visit.show(&pages::list(visit.frame(), shell, &names, page.next.as_deref()))
}

/// `POST /admin/groups`
pub(super) async fn create(visit: Visit<ChangePeople>) -> Answered {
    let flows = &visit.shared.flows;
    let made = groups::create(&visit.may, &flows.store, &flows.clock, visit.group()).await;
    made.map_err(|error| visit.refused(SECTION, urls::GROUPS, error))?;
    visit.done(urls::GROUPS, ConsoleNotice::Created)
}

/// `GET /admin/groups/members`
pub(super) async fn members(visit: Visit<ReadPeople>) -> Answered {
    let page = visit.members(&visit.may, PAGE).await;
    let page = page.map_err(|error| visit.refused(SECTION, urls::GROUPS, error))?;
    let (shell, next) = (visit.shell(SECTION), page.next.as_deref());
    visit.show(&pages::members(visit.frame(), shell, visit.group(), &page.users, next))
}

/// `GET /admin/groups/delete`
pub(super) async fn ask_delete(visit: Visit<ChangePeople>) -> Answered {
    let Some(may) = visit.may_also::<ReadPeople>() else {
        return visit.done(urls::GROUPS, ConsoleNotice::Nothing);
    };
    let page = visit.members(&may, COUNTED).await;
    let page = page.map_err(|error| visit.refused(SECTION, urls::GROUPS, error))?;
    let members = u64::try_from(page.users.len()).unwrap_or(u64::MAX);
    let (shell, is_more) = (visit.shell(SECTION), page.next.is_some());
    visit.show(&pages::confirm(visit.frame(), shell, visit.group(), members, is_more))
}

/// `POST /admin/groups/delete`
pub(super) async fn delete(visit: Visit<ChangePeople>) -> Answered {
    let flows = &visit.shared.flows;
    let deleted = groups::delete(&visit.may, &flows.store, &flows.clock, visit.group()).await;
    deleted.map_err(|error| visit.refused(SECTION, urls::GROUPS, error))?;
    visit.done(urls::GROUPS, ConsoleNotice::Deleted)
}
