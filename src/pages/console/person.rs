//! One person.

use chrono::{DateTime, Utc};

use super::audit::{self, EventLine};
use super::page::{ConsolePage, ConsoleShell};
use super::parts::{
    Action, Button, Choice, CopyText, Fact, Field, Form, Look, Part, Row, RowButton, Tone, Value,
};
use super::people;
use super::person_attributes::{self, PersonAttributes};
use crate::domain::admin_right::AdminRight;
use crate::domain::admin_role::AdminRole;
use crate::domain::console_urls as urls;
use crate::domain::device;
use crate::domain::family::Family;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::pages::frame::Frame;

/// What is known about a person.
#[derive(Clone, Debug)]
pub struct PersonFacts<'a> {
    /// The account.
    pub user: &'a User,
    /// The providers with which they can sign in.
    pub providers: Vec<String>,
    /// How many passkeys they have.
    pub passkeys: usize,
    /// How many recovery codes are left, if they have one-time codes.
    pub recovery_codes: Option<u64>,
    /// The browsers in which they are signed in.
    pub browsers: &'a [Session],
    /// Their sessions at apps, with the names of the apps.
    pub sessions: Vec<(&'a Family, String)>,
    /// What is open.
    pub open: OpenThings,
    /// Their groups.
    pub groups: Vec<String>,
    /// Their attributes.
    pub attributes: PersonAttributes<'a>,
    /// Their roles in the administration.
    pub roles: &'a [AdminRole],
    /// The roles that whoever looks may give.
    pub may_give: Vec<AdminRole>,
    /// Their roles at apps.
    pub client_roles: Vec<(String, String)>,
    /// When they last signed in.
    pub last_sign_in: Option<DateTime<Utc>>,
    /// What happened last; `None` for whom may not see that.
    pub events: Option<Vec<EventLine>>,
}

/// What ends when an account is closed.
#[derive(Clone, Copy, Debug)]
pub struct OpenThings {
    /// In how many browsers the person is signed in.
    pub browsers: usize,
    /// How many sessions at apps there are.
    pub sessions: usize,
    /// At how many apps.
    pub apps: usize,
    /// Whether there may be more.
    pub is_more: bool,
}

impl OpenThings {
    /// The numbers, in words.
    fn words(self, frame: &Frame<'_>) -> Vec<String> {
        let number = |many: usize| u64::try_from(many).unwrap_or(u64::MAX);
        let mut words = vec![
            frame.tn("console-n-browsers", "number", number(self.browsers)),
            frame.tn("console-n-sessions", "number", number(self.sessions)),
            frame.tn("console-n-apps", "number", number(self.apps)),
        ];
        if self.is_more {
            words.push(frame.t("console-and-more"));
        }
        words
    }
}

fn path(user: &User, template: &str) -> String {
    urls::of(template, user.id.as_str())
}

fn title(user: &User) -> String {
    people::name(user).unwrap_or(&user.username).to_owned()
}

/// One person.
#[must_use]
pub fn show<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    facts: &PersonFacts<'_>,
) -> ConsolePage<'a> {
    let user = facts.user;
    let mut parts = vec![Part::Facts(about(&frame, facts))];
    if shell.may(AdminRight::ChangePeople) {
        parts.push(Part::Actions(actions(&frame, &shell, user)));
    }
    parts.push(Part::Heading(frame.t("console-ways-in")));
    parts.push(Part::Facts(ways_in(&frame, facts)));
    let actions = ways_in_actions(&frame, user, facts);
    if shell.may(AdminRight::ChangePeople) && !actions.is_empty() {
        parts.push(Part::Actions(actions));
    }
    parts.extend(sessions(&frame, &shell, facts));
    parts.extend(groups(&frame, &shell, facts));
    parts.extend(roles(&frame, &shell, facts));
    parts.extend(person_attributes::parts(&frame, &shell, user, &facts.attributes));
    if let Some(events) = &facts.events {
        parts.push(Part::Heading(frame.t("console-activity")));
        parts.extend(audit::rows(&frame, &shell, events));
        let parameters = [("user", user.id.as_str())];
        let text = frame.t("console-all-events");
        let mut link = shell.link(&frame, "person-events", text, urls::AUDIT);
        link.href = shell.href_with(&frame, urls::AUDIT, &parameters);
        parts.push(Part::More(link));
    }
    if shell.may(AdminRight::ChangePeople) {
        let href = shell.href(&frame, &path(user, urls::PERSON_DELETE));
        let delete = frame.t("console-delete");
        parts.push(Part::Heading(frame.t("console-delete-person")));
        parts.push(Part::Text(frame.t("console-delete-person-lead")));
        let delete = Action::to("user-delete", delete, Look::Danger, href);
        parts.push(Part::Actions(vec![delete]));
    }
    let back = frame.t("console-people");
    // What is wrong is said at its field.
    let problem = facts.attributes.refused.map(|_| frame.t("console-field-wrong"));
    let page = ConsolePage::new(frame, shell, title(user)).below(back, urls::PEOPLE);
    page.refusing(problem).with(parts)
}

fn about(frame: &Frame<'_>, facts: &PersonFacts<'_>) -> Vec<Fact> {
    let user = facts.user;
    let mut state = people::tags(frame, user);
    if state.is_empty() {
        state.push((Tone::Good, frame.t("console-active")));
    }
    let mut list = vec![
        Fact { name: frame.t("console-state"), value: Value::Tags(state) },
        Fact::text(frame.t("console-user-name"), user.username.as_str()),
    ];
    if let Some(email) = &user.email {
        let tag = if user.email_verified {
            frame.t1("console-verified-address", "address", email)
        } else {
            frame.t1("console-claimed-address", "address", email)
        };
        list.push(Fact::text(frame.t("console-address"), tag));
    }
    list.push(Fact::code(frame.t("console-id"), user.id.as_str()));
    list.push(match facts.last_sign_in {
        Some(at) => Fact::time(frame.t("console-last-sign-in"), at),
        None => Fact::text(frame.t("console-last-sign-in"), frame.t("console-never")),
    });
    list.push(Fact::time(frame.t("console-made"), user.created_at));
    if let Some(at) = user.disabled_at {
        list.push(Fact::time(frame.t("console-disabled-since"), at));
    }
    if let Some(at) = user.deletion_at {
        list.push(Fact::time(frame.t("console-deleted-at"), at));
    }
    list
}

fn actions(frame: &Frame<'_>, shell: &ConsoleShell<'_>, user: &User) -> Vec<Action> {
    let post = |id, label, template| {
        let action = format!("{}{}", frame.base, path(user, template));
        Action::post(id, label, Look::Secondary, action)
    };
    let mut actions = Vec::new();
    if user.disabled_at.is_some() {
        actions.push(post("user-enable", frame.t("console-enable"), urls::PERSON_ENABLE));
    } else {
        actions.push(post("user-recover", frame.t("console-recover"), urls::PERSON_RECOVER));
        actions.push(post("user-logout", frame.t("console-log-out"), urls::PERSON_LOGOUT));
        let href = shell.href(frame, &path(user, urls::PERSON_DISABLE));
        actions.push(Action::to("user-disable", frame.t("console-disable"), Look::Danger, href));
    }
    actions
}

fn ways_in(frame: &Frame<'_>, facts: &PersonFacts<'_>) -> Vec<Fact> {
    let yes_no = |yes| if yes { frame.t("console-yes") } else { frame.t("console-no") };
    let password = match (&facts.user.password_hash, facts.user.password_temporary) {
        (Some(_), true) => frame.t("console-password-temporary"),
        (password, _) => yes_no(password.is_some()),
    };
    let passkeys = u64::try_from(facts.passkeys).unwrap_or(u64::MAX);
    let codes = match facts.recovery_codes {
        Some(left) => frame.tn("console-codes-left", "number", left),
        None => yes_no(false),
    };
    let mut list = vec![
        Fact::text(frame.t("console-password"), password),
        Fact::text(frame.t("console-passkeys"), passkeys.to_string()),
        Fact::text(frame.t("console-one-time-codes"), codes),
    ];
    if !facts.providers.is_empty() {
        list.push(Fact::text(frame.t("console-providers"), facts.providers.join(", ")));
    }
    list
}

fn ways_in_actions(frame: &Frame<'_>, user: &User, facts: &PersonFacts<'_>) -> Vec<Action> {
    if facts.recovery_codes.is_none() {
        return Vec::new();
    }
    let action = format!("{}{}", frame.base, path(user, urls::PERSON_FACTORS));
    let label = frame.t("console-reset-factors");
    vec![Action::post("user-reset-factors", label, Look::Danger, action)]
}

fn sessions(frame: &Frame<'_>, shell: &ConsoleShell<'_>, facts: &PersonFacts<'_>) -> Vec<Part> {
    let mut parts = vec![
        Part::Heading(frame.t("console-sessions")),
        Part::Text(facts.open.words(frame).join(" · ")),
    ];
    let mut rows: Vec<Row> = facts.browsers.iter().map(|one| browser(frame, one)).collect();
    for (number, (family, app)) in (1_usize..).zip(&facts.sessions) {
        let button = shell.may(AdminRight::ChangePeople).then(|| RowButton {
            id: format!("session-end-{number}"),
            label: frame.t("console-end"),
            action: format!("{}{}", frame.base, path(facts.user, urls::PERSON_END)),
            hidden: vec![("sid", family.id.as_str().to_owned())],
        });
        rows.push(Row {
            title: app.clone(),
            tags: vec![(Tone::Plain, frame.t("console-app"))],
            lines: vec![
                Value::Text(family.scope.to_string()),
                Value::Since(frame.t("console-since"), family.auth_time),
            ],
            button,
            ..Row::default()
        });
    }
    if !rows.is_empty() {
        parts.push(Part::Rows(rows));
    }
    parts
}

fn browser(frame: &Frame<'_>, session: &Session) -> Row {
    let agent = session.user_agent.as_deref();
    let names = [agent.and_then(device::browser), agent.and_then(device::system)];
    let names: Vec<&str> = names.into_iter().flatten().collect();
    let title = if names.is_empty() { frame.t("device-unknown") } else { names.join(", ") };
    let mut lines: Vec<Value> = session.address.clone().map(Value::Text).into_iter().collect();
    lines.push(Value::Since(frame.t("console-seen"), session.seen_at()));
    let tags = vec![(Tone::Plain, frame.t("console-browser"))];
    Row { title, tags, lines, ..Row::default() }
}

fn groups(frame: &Frame<'_>, shell: &ConsoleShell<'_>, facts: &PersonFacts<'_>) -> Vec<Part> {
    let action = format!("{}{}", frame.base, path(facts.user, urls::PERSON_GROUPS));
    let may = shell.may(AdminRight::ChangePeople);
    let row = |(number, group): (usize, &String)| Row {
        title: group.clone(),
        button: may.then(|| RowButton {
            id: format!("group-remove-{number}"),
            label: frame.t("console-take-out"),
            action: action.clone(),
            hidden: vec![("remove", group.clone())],
        }),
        ..Row::default()
    };
    let mut parts = vec![Part::Heading(frame.t("console-groups"))];
    if facts.groups.is_empty() {
        parts.push(Part::Text(frame.t("console-no-groups")));
    } else {
        parts.push(Part::Rows((1..).zip(&facts.groups).map(row).collect()));
    }
    if may {
        let field = Field::line("group", frame.t("console-group"), "").required();
        let button = Button::new("group-add", frame.t("console-put-in"), Look::Secondary);
        parts.push(Part::Form(Form::new(action.clone(), vec![field], button).in_line()));
    }
    parts
}

fn roles(frame: &Frame<'_>, shell: &ConsoleShell<'_>, facts: &PersonFacts<'_>) -> Vec<Part> {
    let action = format!("{}{}", frame.base, path(facts.user, urls::PERSON_ROLES));
    let row = |(number, role): (usize, &AdminRole)| Row {
        title: role_name(frame, *role),
        lines: vec![Value::Text(role_words(frame, *role))],
        button: facts.may_give.contains(role).then(|| RowButton {
            id: format!("role-revoke-{number}"),
            label: frame.t("console-take-away"),
            action: action.clone(),
            hidden: vec![("revoke", role.as_str().to_owned())],
        }),
        ..Row::default()
    };
    let mut rows: Vec<Row> = (1..).zip(facts.roles).map(row).collect();
    rows.extend(facts.client_roles.iter().map(|(client, name)| Row {
        title: name.clone(),
        lines: vec![Value::Text(frame.t1("console-role-at", "app", client))],
        ..Row::default()
    }));
    let mut parts = vec![Part::Heading(frame.t("console-roles"))];
    if rows.is_empty() {
        parts.push(Part::Text(frame.t("console-no-roles")));
    } else {
        parts.push(Part::Rows(rows));
    }
    let free: Vec<Choice> = facts
        .may_give
        .iter()
        .filter(|role| !facts.roles.contains(role))
        .map(|role| {
            Choice::new(role.as_str(), role_name(frame, *role), AdminRole::Support.as_str())
        })
        .collect();
    if shell.may(AdminRight::GrantRoles) && !free.is_empty() {
        let field = Field::choice("role", frame.t("console-role"), free);
        let button = Button::new("role-grant", frame.t("console-give"), Look::Secondary);
        parts.push(Part::Form(Form::new(action, vec![field], button).in_line()));
    }
    parts
}

/// A role in words.
pub(super) fn role_name(frame: &Frame<'_>, role: AdminRole) -> String {
    match role {
        AdminRole::Owner => frame.t("console-owner"),
        AdminRole::Admin => frame.t("console-admin"),
        AdminRole::Support => frame.t("console-support"),
        AdminRole::Auditor => frame.t("console-auditor"),
    }
}

fn role_words(frame: &Frame<'_>, role: AdminRole) -> String {
    match role {
        AdminRole::Owner => frame.t("console-owner-words"),
        AdminRole::Admin => frame.t("console-admin-words"),
        AdminRole::Support => frame.t("console-support-words"),
        AdminRole::Auditor => frame.t("console-auditor-words"),
    }
}

/// What is about to happen to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonEnding {
    /// The account is disabled.
    Disable,
    /// The account is deleted.
    Delete,
}

/// Asks whether to close an account, and says what ends.
#[must_use]
pub fn confirm<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    user: &User,
    open: OpenThings,
    ending: PersonEnding,
) -> ConsolePage<'a> {
    let name = title(user);
    let (heading, lead, id, label, template) = match ending {
        PersonEnding::Disable => (
            frame.t1("console-disable-title", "name", &name),
            frame.t("console-disable-lead"),
            "user-disable-confirm",
            frame.t("console-disable"),
            urls::PERSON_DISABLE,
        ),
        PersonEnding::Delete => (
            frame.t1("console-delete-title", "name", &name),
            frame.t("console-delete-lead"),
            "user-delete-confirm",
            frame.t("console-delete"),
            urls::PERSON_DELETE,
        ),
    };
    let rows = open.words(&frame).into_iter().map(|title| Row { title, ..Row::default() });
    let action = format!("{}{}", frame.base, path(user, template));
    let button = Button::new(id, label, Look::Danger);
    let parts = vec![
        Part::Heading(frame.t("console-what-ends")),
        Part::Rows(rows.collect()),
        Part::Form(Form::new(action, Vec::new(), button)),
    ];
    let back = path(user, urls::PERSON);
    ConsolePage::new(frame, shell, heading).below(name, &back).saying(lead).with(parts)
}

/// What became of a link that lets a person in.
#[derive(Clone, Copy, Debug)]
pub enum MadeLink<'a> {
    /// It was mailed to this address.
    Mailed(&'a str),
    /// It has to be handed over.
    Shown(&'a str),
}

/// Says what became of a link to a new password, or of an invitation.
#[must_use]
pub fn link<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    user: Option<&User>,
    made: MadeLink<'_>,
) -> ConsolePage<'a> {
    let heading = match user {
        Some(_) => frame.t("console-link-title"),
        None => frame.t("console-invited-title"),
    };
    let part = match made {
        MadeLink::Mailed(address) => {
            Part::Note(Tone::Good, frame.t1("console-link-mailed", "address", address))
        }
        MadeLink::Shown(link) => Part::Copy(CopyText {
            id: "person-link".to_owned(),
            label: frame.t("console-link"),
            text: link.to_owned(),
            hint: Some(frame.t("console-link-hint")),
        }),
    };
    let (back, path) = match user {
        Some(user) => (title(user), path(user, urls::PERSON)),
        None => (frame.t("console-people"), urls::PEOPLE.to_owned()),
    };
    ConsolePage::new(frame, shell, heading).below(back, &path).with([part])
}
