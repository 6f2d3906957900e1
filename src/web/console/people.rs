//! People: the list, new ones, and invitations.

use super::visit::Visit;
use crate::admin::authority::{ChangePeople, ReadPeople};
use crate::admin::invitations::{self, Guest};
use crate::admin::users::{self, NewUser, UserPage};
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::domain::user::Profile;
use crate::domain::verdict::Error;
use crate::pages::console::people::{self as pages, NewPersonInput};
use crate::pages::console::person::{self as person_pages, MadeLink};
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::People;
/// How many people one page has.
const PAGE: u64 = 25;

/// `GET /admin/people`
pub(super) async fn list(visit: Visit<ReadPeople>) -> Answered {
    let flows = &visit.shared.flows;
    let (search, after) = (visit.given("search"), visit.given("after"));
    let page = users::list(&visit.may, flows.store.lists(), search, after, PAGE).await;
    let mut page = page.map_err(|error| visit.refused(SECTION, urls::PEOPLE, error))?;
    if let (Some(named), true) = (search, page.users.is_empty() && page.next.is_none()) {
        // What logs and the audit name is an id.
        match users::find_any(&visit.may, &*flows.store, named, flows.clock.now()).await {
            Ok(user) => page = UserPage { users: vec![user], next: None },
            Err(Error::Refused(_)) => {}
            Err(Error::Fault(fault)) => return Err(visit.fault(fault)),
        }
    }
    let (search, next) = (search.unwrap_or_default(), page.next.as_deref());
    visit.show(&pages::list(visit.frame(), visit.shell(SECTION), search, &page.users, next))
}

/// `GET /admin/people/new`
pub(super) async fn new(visit: Visit<ChangePeople>) -> Answered {
    let typed = NewPersonInput::default();
    visit.show(&pages::new(visit.frame(), visit.shell(SECTION), typed, None))
}

/// `POST /admin/people`
pub(super) async fn create(visit: Visit<ChangePeople>) -> Answered {
    let typed = NewPersonInput {
        username: visit.field("username"),
        email: visit.field("email"),
        email_verified: visit.given("email_verified").is_some(),
        name: visit.field("name"),
    };
    let new = NewUser {
        username: typed.username.to_owned(),
        email: visit.given("email").map(str::to_owned),
        email_verified: typed.email_verified,
        profile: Profile { name: visit.given("name").map(str::to_owned), ..Profile::default() },
        password: None,
    };
    let (flows, hasher) = (&visit.shared.flows, &visit.shared.flows.password.hasher);
    match users::create(&visit.may, &flows.store, &flows.clock, hasher, new).await {
        Ok(user) => visit.done(&urls::of(urls::PERSON, user.id.as_str()), ConsoleNotice::Created),
        Err(error) => {
            let (status, problem) = visit.problem(error)?;
            let shell = visit.shell(SECTION);
            visit.show_as(status, &pages::new(visit.frame(), shell, typed, Some(problem)))
        }
    }
}

/// `POST /admin/people/invite`
pub(super) async fn invite(visit: Visit<ChangePeople>) -> Answered {
    let flows = &visit.shared.flows;
    let guest = Guest { email: visit.field("guest"), client: None };
    let (store, clock, mailer) = (&flows.store, &flows.clock, flows.mailer.as_ref());
    let made = invitations::invite(&visit.may, store, clock, &flows.url, mailer, guest).await;
    let made = made.map_err(|error| visit.refused(SECTION, urls::PEOPLE_NEW, error))?;
    flows.notices.nudge();
    let made = match &made {
        Some(link) => MadeLink::Shown(link.expose()),
        None => MadeLink::Mailed(guest.email),
    };
    visit.show(&person_pages::link(visit.frame(), visit.shell(SECTION), None, made))
}
