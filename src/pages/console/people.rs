//! People: the list, and the forms for a new person.

use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Action, Button, Field, Form, Look, Part, Row, Tone, Value};
use crate::domain::admin_right::AdminRight;
use crate::domain::console_urls;
use crate::domain::user::User;
use crate::pages::frame::Frame;

/// People, page by page.
#[must_use]
pub fn list<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    search: &str,
    people: &[User],
    next: Option<&str>,
) -> ConsolePage<'a> {
    let label = frame.t("console-search-people");
    let field = Field::typed("search", "search", label, search).id("admin-search");
    let button = Button::new("admin-search-submit", frame.t("console-search"), Look::Secondary);
    let action = format!("{}{}", frame.base, console_urls::PEOPLE);
    let form = Form::new(action, vec![field], button).in_line().search();
    let mut parts = Vec::new();
    if shell.may(AdminRight::ChangePeople) {
        let href = shell.href(&frame, console_urls::PEOPLE_NEW);
        let label = frame.t("console-new-person");
        parts.push(Part::Actions(vec![Action::to("person-new", label, Look::Primary, href)]));
    }
    parts.push(Part::Form(form));
    if people.is_empty() && next.is_none() {
        parts.push(Part::Text(frame.t("console-people-none")));
    } else {
        parts.push(Part::Rows(people.iter().map(|user| row(&frame, &shell, user)).collect()));
    }
    if let Some(next) = next {
        let mut parameters = vec![("after", next)];
        if !search.is_empty() {
            parameters.push(("search", search));
        }
        let mut link =
            shell.link(&frame, "people-next", frame.t("console-next"), console_urls::PEOPLE);
        link.href = shell.href_with(&frame, console_urls::PEOPLE, &parameters);
        parts.push(Part::More(link));
    }
    let title = frame.t("console-people");
    ConsolePage::new(frame, shell, title).with(parts)
}

/// A person in a list.
pub(super) fn row(frame: &Frame<'_>, shell: &ConsoleShell<'_>, user: &User) -> Row {
    let path = console_urls::of(console_urls::PERSON, user.id.as_str());
    let mut lines = Vec::new();
    lines.extend(name(user).map(|_| Value::Text(user.username.clone())));
    lines.extend(user.email.clone().map(Value::Text));
    Row {
        title: name(user).unwrap_or(&user.username).to_owned(),
        href: Some(shell.href(frame, &path)),
        tags: tags(frame, user),
        lines,
        ..Row::default()
    }
}

/// The name of a person, if they have one.
pub(super) fn name(user: &User) -> Option<&str> {
    user.profile.name.as_deref().filter(|name| !name.trim().is_empty())
}

/// The state of an account, where it is not the usual one.
pub(super) fn tags(frame: &Frame<'_>, user: &User) -> Vec<(Tone, String)> {
    let mut tags = Vec::new();
    if user.disabled_at.is_some() {
        tags.push((Tone::Bad, frame.t("console-disabled")));
    }
    if user.deletion_at.is_some() {
        tags.push((Tone::Bad, frame.t("console-leaving")));
    }
    tags
}

/// What was typed into the form for a new person.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewPersonInput<'a> {
    /// The user name.
    pub username: &'a str,
    /// The address.
    pub email: &'a str,
    /// Whether the address is known to belong to the person.
    pub email_verified: bool,
    /// The name.
    pub name: &'a str,
}

/// The forms for a new person and for an invitation.
#[must_use]
pub fn new<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    typed: NewPersonInput<'_>,
    problem: Option<String>,
) -> ConsolePage<'a> {
    let address = Field::typed("guest", "email", frame.t("console-address"), "").required();
    let button = Button::new("person-invite", frame.t("console-invite"), Look::Primary);
    let action = format!("{}{}", frame.base, console_urls::PEOPLE_INVITE);
    let invite = Form::new(action, vec![address], button);
    let fields = vec![
        Field::line("username", frame.t("console-user-name"), typed.username).required(),
        Field::line("name", frame.t("console-name"), typed.name),
        Field::typed("email", "email", frame.t("console-address"), typed.email),
        Field::tick("email_verified", frame.t("console-address-is-known"), typed.email_verified),
    ];
    let button = Button::new("person-create", frame.t("console-create"), Look::Primary);
    let create = Form::new(format!("{}{}", frame.base, console_urls::PEOPLE), fields, button);
    let (title, back) = (frame.t("console-new-person"), frame.t("console-people"));
    let parts = vec![
        Part::Heading(frame.t("console-invite-title")),
        Part::Text(frame.t("console-invite-lead")),
        Part::Form(invite),
        Part::Heading(frame.t("console-create-title")),
        Part::Text(frame.t("console-create-lead")),
        Part::Form(create),
    ];
    let page = ConsolePage::new(frame, shell, title).below(back, console_urls::PEOPLE);
    page.refusing(problem).with(parts)
}
