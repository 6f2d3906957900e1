//! Groups of people.

use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Action, Button, Field, Form, Look, Part, Row};
use super::people;
use crate::domain::admin_right::AdminRight;
use crate::domain::console_urls as urls;
use crate::domain::user::User;
use crate::pages::frame::Frame;

fn members_href(frame: &Frame<'_>, shell: &ConsoleShell<'_>, group: &str) -> String {
    shell.href_with(frame, urls::GROUP, &[("name", group)])
}

/// Groups, page by page.
#[must_use]
pub fn list<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    groups: &[String],
    next: Option<&str>,
) -> ConsolePage<'a> {
    let mut parts = Vec::new();
    if shell.may(AdminRight::ChangePeople) {
        let field = Field::line("name", frame.t("console-new-group"), "").required();
        let button = Button::new("group-create", frame.t("console-create"), Look::Secondary);
        let action = format!("{}{}", frame.base, urls::GROUPS);
        parts.push(Part::Form(Form::new(action, vec![field], button).in_line()));
    }
    if groups.is_empty() {
        parts.push(Part::Text(frame.t("console-groups-none")));
    } else {
        let row = |group: &String| Row {
            title: group.clone(),
            href: Some(members_href(&frame, &shell, group)),
            ..Row::default()
        };
        parts.push(Part::Rows(groups.iter().map(row).collect()));
    }
    if let Some(next) = next {
        let mut link = shell.link(&frame, "groups-next", frame.t("console-next"), urls::GROUPS);
        link.href = shell.href_with(&frame, urls::GROUPS, &[("after", next)]);
        parts.push(Part::More(link));
    }
    let (title, lead) = (frame.t("console-groups"), frame.t("console-groups-lead"));
    ConsolePage::new(frame, shell, title).saying(lead).with(parts)
}

/// The members of a group, page by page.
#[must_use]
pub fn members<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    group: &str,
    people: &[User],
    next: Option<&str>,
) -> ConsolePage<'a> {
    let mut parts = Vec::new();
    if people.is_empty() && next.is_none() {
        parts.push(Part::Text(frame.t("console-members-none")));
    } else {
        let rows = people.iter().map(|user| people::row(&frame, &shell, user));
        parts.push(Part::Rows(rows.collect()));
    }
    if let Some(next) = next {
        let mut link = shell.link(&frame, "members-next", frame.t("console-next"), urls::GROUP);
        link.href = shell.href_with(&frame, urls::GROUP, &[("name", group), ("after", next)]);
        parts.push(Part::More(link));
    }
    if shell.may(AdminRight::ChangePeople) {
        let href = shell.href_with(&frame, urls::GROUP_DELETE, &[("name", group)]);
        let delete = Action::to("group-delete", frame.t("console-delete"), Look::Danger, href);
        parts.push(Part::Actions(vec![delete]));
    }
    let back = frame.t("console-groups");
    ConsolePage::new(frame, shell, group.to_owned()).below(back, urls::GROUPS).with(parts)
}

/// Asks whether to delete a group, and says what ends.
#[must_use]
pub fn confirm<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    group: &str,
    members: u64,
    is_more: bool,
) -> ConsolePage<'a> {
    let button = Button::new("group-delete-confirm", frame.t("console-delete"), Look::Danger);
    let action = format!("{}{}", frame.base, urls::GROUP_DELETE);
    let mut rows =
        vec![Row { title: frame.tn("console-n-members", "number", members), ..Row::default() }];
    if is_more {
        rows.push(Row { title: frame.t("console-and-more"), ..Row::default() });
    }
    let parts = vec![
        Part::Heading(frame.t("console-what-ends")),
        Part::Rows(rows),
        Part::Form(Form::new(action, Vec::new(), button).hiding("name", group)),
    ];
    let title = frame.t1("console-delete-title", "name", group);
    let (back, lead) = (frame.t("console-groups"), frame.t("console-delete-group-lead"));
    ConsolePage::new(frame, shell, title).below(back, urls::GROUPS).saying(lead).with(parts)
}
