//! One person.

#![expect(clippy::result_large_err, reason = "a page is the answer of a handler either way")]

use axum::http::StatusCode;

use super::audit;
use super::visit::Visit;
use crate::admin::authority::{ChangePeople, GrantRoles, May, ReadAudit, ReadPeople, Right};
use crate::admin::person_overview::{self, PersonOverview};
use crate::admin::recovery::{self, RecoveryLink};
use crate::admin::refused::Refused;
use crate::admin::users::{self, Target, Who};
use crate::admin::{attributes, audit as audit_use_cases, groups, roles, sessions};
use crate::domain::admin_right::AdminRight;
use crate::domain::admin_role::AdminRole;
use crate::domain::client::ClientId;
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::domain::user::User;
use crate::domain::verdict::{Error, Fault};
use crate::pages::console::person::{
    self as pages, MadeLink, OpenThings, PersonEnding, PersonFacts,
};
use crate::pages::console::person_attributes::{PersonAttributes, RefusedAttribute};
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::People;
/// How many events the page of a person has.
const EVENTS: u64 = 10;

impl<R: Right> Visit<R> {
    fn person_page(&self) -> String {
        urls::of(urls::PERSON, self.name())
    }

    fn target(&self) -> Target<'_> {
        Target { who: Who::Id(self.name()), version: None }
    }

    /// Back to the page of the person, which says what was done; or why nothing was.
    pub(super) fn changed(&self, made: Result<ConsoleNotice, Error<Refused>>) -> Answered {
        match made {
            Ok(notice) => self.done(&self.person_page(), notice),
            Err(error) => Err(self.refused(SECTION, &self.person_page(), error)),
        }
    }
}

/// `GET /admin/people/{id}`
pub(super) async fn show(visit: Visit<ReadPeople>) -> Answered {
    Box::pin(page(&visit, &visit.may, None)).await
}

/// The page of a person, with what was refused of their attributes.
pub(super) async fn page<R: Right>(
    visit: &Visit<R>,
    may: &May<ReadPeople>,
    not_taken: Option<&RefusedAttribute>,
) -> Answered {
    let refused = |error| visit.refused(SECTION, urls::PEOPLE, error);
    let flows = &visit.shared.flows;
    let (store, now) = (&*flows.store, flows.clock.now());
    let user = users::find(may, store, Who::Id(visit.name())).await.map_err(refused)?;
    let factors = users::factors(may, store, &user).await.map_err(refused)?;
    let open = person_overview::of(may, store, &user, now).await.map_err(refused)?;
    let held = roles::of_user(may, store, &user).await.map_err(refused)?;
    let belongings = users::belongings(may, store, std::slice::from_ref(&user)).await;
    let belongings = belongings.map_err(|fault| visit.fault(fault))?;
    let belongings = belongings.into_iter().next().unwrap_or_default();
    let values = attributes::held(may, store, &belongings.attributes).await.map_err(refused)?;
    // Whoever corrects a form has still seen what was there before.
    let seen = not_taken.and_then(|_| visit.given("version")).map(str::to_owned);
    let events = match visit.may_also::<ReadAudit>() {
        Some(may) => {
            let query = audit_use_cases::PageQuery {
                user: Some(user.id.as_str().to_owned()),
                limit: EVENTS,
                ..audit_use_cases::PageQuery::default()
            };
            let page = audit_use_cases::page(&may, flows.store.lists(), query).await;
            Some(page.map_err(refused)?.0.into_iter().map(audit::line).collect())
        }
        None => None,
    };
    let mut sessions = Vec::new();
    for family in &open.families.items {
        let name = visit.app_name(&family.client).await.map_err(|fault| visit.fault(fault))?;
        sessions.push((family, name));
    }
    let facts = PersonFacts {
        user: &user,
        providers: factors.providers,
        passkeys: factors.passkeys,
        recovery_codes: factors.one_time_codes.then_some(factors.recovery_codes_left),
        browsers: &open.browsers.items,
        sessions,
        open: things(&open),
        attributes: PersonAttributes {
            held: &values,
            version: seen.unwrap_or_else(|| users::version_with(&user, &belongings).etag()),
            refused: not_taken,
        },
        groups: belongings.groups,
        roles: &held,
        may_give: visit.may_give(),
        client_roles: open
            .client_roles
            .iter()
            .map(|(client, name)| (client.as_str().to_owned(), name.clone()))
            .collect(),
        last_sign_in: open.last_sign_in,
        events,
    };
    let status = not_taken.map_or(StatusCode::OK, |_| StatusCode::UNPROCESSABLE_ENTITY);
    visit.show_as(status, &pages::show(visit.frame(), visit.shell(SECTION), &facts))
}

impl<R: Right> Visit<R> {
    /// The roles that the person may give.
    fn may_give(&self) -> Vec<AdminRole> {
        if !self.rights.contains(AdminRight::GrantRoles) {
            return Vec::new();
        }
        let every = AdminRole::ALL.iter().copied();
        every.filter(|role| self.rights.includes(role.rights())).collect()
    }

    /// The name of an app, or its id when it is gone.
    async fn app_name(&self, client: &ClientId) -> Result<String, Fault> {
        let found = self.shared.flows.clients.stored(client).await?;
        Ok(match found {
            Some(known) => known.client.metadata.client_name.clone(),
            None => client.as_str().to_owned(),
        })
    }
}

fn things(open: &PersonOverview) -> OpenThings {
    OpenThings {
        browsers: open.browsers.items.len(),
        sessions: open.families.items.len(),
        apps: open.apps,
        is_more: open.browsers.is_more || open.families.is_more,
    }
}

async fn ask(visit: Visit<ChangePeople>, ending: PersonEnding) -> Answered {
    let refused = |error| visit.refused(SECTION, &visit.person_page(), error);
    let (store, now) = (&*visit.shared.flows.store, visit.shared.flows.clock.now());
    let Some(may) = visit.may_also::<ReadPeople>() else {
        return Err(refused(Refused::Forbidden("you may not see people".to_owned()).into()));
    };
    let user: User = users::find(&may, store, Who::Id(visit.name())).await.map_err(refused)?;
    let open = person_overview::of(&may, store, &user, now).await.map_err(refused)?;
    let shell = visit.shell(SECTION);
    visit.show(&pages::confirm(visit.frame(), shell, &user, things(&open), ending))
}

/// `GET /admin/people/{id}/disable`
pub(super) async fn ask_disable(visit: Visit<ChangePeople>) -> Answered {
    ask(visit, PersonEnding::Disable).await
}

/// `GET /admin/people/{id}/delete`
pub(super) async fn ask_delete(visit: Visit<ChangePeople>) -> Answered {
    ask(visit, PersonEnding::Delete).await
}

/// `POST /admin/people/{id}/disable`
pub(super) async fn disable(visit: Visit<ChangePeople>) -> Answered {
    let flows = &visit.shared.flows;
    let ended = users::disable(&visit.may, &flows.store, &flows.clock, visit.target()).await;
    visit.changed(ended.map(|_| ConsoleNotice::Disabled))
}

/// `POST /admin/people/{id}/enable`
pub(super) async fn enable(visit: Visit<ChangePeople>) -> Answered {
    let flows = &visit.shared.flows;
    let enabled = users::enable(&visit.may, &flows.store, &flows.clock, visit.target()).await;
    visit.changed(enabled.map(|()| ConsoleNotice::Enabled))
}

/// `POST /admin/people/{id}/logout`
pub(super) async fn logout(visit: Visit<ChangePeople>) -> Answered {
    let flows = &visit.shared.flows;
    let ended = users::logout(&visit.may, &flows.store, &flows.clock, visit.target()).await;
    visit.changed(ended.map(|_| ConsoleNotice::LoggedOut))
}

/// `POST /admin/people/{id}/end`
pub(super) async fn end(visit: Visit<ChangePeople>) -> Answered {
    let flows = &visit.shared.flows;
    let sid = visit.field("sid");
    let ended = sessions::end(&visit.may, &flows.store, &flows.clock, sid).await;
    visit.changed(ended.map(|()| ConsoleNotice::SessionEnded))
}

/// `POST /admin/people/{id}/reset-factors`
pub(super) async fn reset_factors(visit: Visit<ChangePeople>) -> Answered {
    let (flows, mailer) = (&visit.shared.flows, visit.shared.flows.mailer.as_ref());
    let (store, clock, target) = (&flows.store, &flows.clock, visit.target());
    let removed = users::reset_mfa(&visit.may, store, clock, mailer, target).await;
    visit.changed(removed.map(|did| yes(did, ConsoleNotice::FactorsReset)))
}

/// `POST /admin/people/{id}/recover`
pub(super) async fn recover(visit: Visit<ChangePeople>) -> Answered {
    let refused = |error| visit.refused(SECTION, &visit.person_page(), error);
    let (flows, mailer) = (&visit.shared.flows, visit.shared.flows.mailer.as_ref());
    let (store, clock, target) = (&flows.store, &flows.clock, visit.target());
    let made = recovery::make(&visit.may, store, clock, &flows.url, mailer, target).await;
    let made = made.map_err(refused)?;
    flows.notices.nudge();
    let Some(may) = visit.may_also::<ReadPeople>() else {
        return visit.done(&visit.person_page(), ConsoleNotice::Created);
    };
    let user = users::find(&may, &*flows.store, Who::Id(visit.name())).await.map_err(refused)?;
    let made = match &made {
        RecoveryLink::Mailed(address) => MadeLink::Mailed(address),
        RecoveryLink::Shown(link) => MadeLink::Shown(link.expose()),
    };
    visit.show(&pages::link(visit.frame(), visit.shell(SECTION), Some(&user), made))
}

/// `POST /admin/people/{id}/roles`
pub(super) async fn roles(visit: Visit<GrantRoles>) -> Answered {
    let flows = &visit.shared.flows;
    let (store, clock, who) = (&flows.store, &flows.clock, Who::Id(visit.name()));
    let word = visit.given("revoke").unwrap_or_else(|| visit.field("role"));
    let role: AdminRole = match word.parse() {
        Ok(role) => role,
        Err(why) => return visit.changed(Err(Refused::Invalid(why).into())),
    };
    let changed = if visit.given("revoke").is_some() {
        let revoked = roles::revoke(&visit.may, store, clock, who, (role, false)).await;
        revoked.map(|did| yes(did, ConsoleNotice::RoleRevoked))
    } else {
        let granted = roles::grant(&visit.may, store, clock, who, role).await;
        granted.map(|did| yes(did, ConsoleNotice::RoleGranted))
    };
    visit.changed(changed)
}

/// `POST /admin/people/{id}/groups`
pub(super) async fn groups(visit: Visit<ChangePeople>) -> Answered {
    let flows = &visit.shared.flows;
    let (may, store, clock) = (&visit.may, &flows.store, &flows.clock);
    // A name is compared byte for byte.
    let form = &visit.page_request.form;
    let changed = if let Some(group) = form.get("remove") {
        let removed = groups::remove_member(may, store, clock, visit.target(), group).await;
        removed.map(|did| yes(did, ConsoleNotice::GroupRemoved))
    } else {
        let group = form.get("group").unwrap_or_default();
        let added = groups::add_member(may, store, clock, visit.target(), group).await;
        added.map(|did| yes(did, ConsoleNotice::GroupAdded))
    };
    visit.changed(changed)
}

/// `POST /admin/people/{id}/delete`
pub(super) async fn delete(visit: Visit<ChangePeople>) -> Answered {
    let flows = &visit.shared.flows;
    match users::delete(&visit.may, &flows.store, &flows.clock, visit.target()).await {
        Ok(()) => visit.done(urls::PEOPLE, ConsoleNotice::Deleted),
        Err(error) => Err(visit.refused(SECTION, &visit.person_page(), error)),
    }
}

fn yes(did: bool, notice: ConsoleNotice) -> ConsoleNotice {
    if did { notice } else { ConsoleNotice::Nothing }
}
