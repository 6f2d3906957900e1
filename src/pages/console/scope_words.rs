//! Scopes with words, which the consent page says in place of their names.

use std::collections::BTreeMap;

use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Action, Button, Field, Form, Look, Part, Row, Value};
use super::short_pages::{self, Ending};
use super::{settings, words};
use crate::domain::admin_right::AdminRight;
use crate::domain::console_urls as urls;
use crate::domain::scope_words::ScopeWords;
use crate::pages::frame::Frame;

/// The scopes with words, page by page.
#[must_use]
pub fn list<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    scopes: &[ScopeWords],
    next: Option<&str>,
) -> ConsolePage<'a> {
    let mut parts = vec![settings::tabs(&frame, &shell, urls::SCOPES)];
    if shell.may(AdminRight::ChangeClients) {
        let href = shell.href(&frame, urls::SCOPE_NEW);
        let new = frame.t("console-new-scope-words");
        parts.push(Part::Actions(vec![Action::to("scope-new", new, Look::Primary, href)]));
    }
    if scopes.is_empty() {
        parts.push(Part::Text(frame.t("console-scope-words-none")));
    } else {
        let row = |scope: &ScopeWords| Row {
            title: scope.name.clone(),
            href: Some(shell.href(&frame, &urls::of(urls::SCOPE, &scope.name))),
            lines: scope.texts.values().cloned().map(Value::Text).collect(),
            ..Row::default()
        };
        parts.push(Part::Rows(scopes.iter().map(row).collect()));
    }
    if let Some(next) = next {
        let mut link = shell.link(&frame, "scopes-next", frame.t("console-next"), urls::SCOPES);
        link.href = shell.href_with(&frame, urls::SCOPES, &[("after", next)]);
        parts.push(Part::More(link));
    }
    let (title, lead) = (frame.t("console-scope-words"), frame.t("console-scope-words-lead"));
    ConsolePage::new(frame, shell, title).saying(lead).with(parts)
}

/// The form that gives a scope words, with what was typed into it.
#[must_use]
pub fn new<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    name: &str,
    texts: &BTreeMap<String, String>,
    problem: Option<String>,
) -> ConsolePage<'a> {
    let name = Field::line("name", frame.t("console-scope"), name).required();
    let fields = [name].into_iter().chain(words::fields(texts)).collect();
    let button = Button::new("scope-create", frame.t("console-create"), Look::Primary);
    let form = Form::new(format!("{}{}", frame.base, urls::SCOPE_NEW), fields, button);
    let (title, back) = (frame.t("console-new-scope-words"), frame.t("console-scope-words"));
    let page = ConsolePage::new(frame, shell, title).below(back, urls::SCOPES);
    let lead = frame.t("console-scope-words-hint");
    page.saying(lead).refusing(problem).with([Part::Form(form)])
}

/// A scope with words.
#[derive(Clone, Copy, Debug)]
pub struct ScopeFacts<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its words, or what was typed in their place, by the tag of the language.
    pub texts: &'a BTreeMap<String, String>,
    /// Its version: a form that saw another one changes nothing.
    pub version: &'a str,
}

/// One scope.
#[must_use]
pub fn show<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    scope: &ScopeFacts<'_>,
    problem: Option<String>,
) -> ConsolePage<'a> {
    let mut parts = Vec::new();
    if shell.may(AdminRight::ChangeClients) {
        let action = format!("{}{}", frame.base, urls::of(urls::SCOPE, scope.name));
        let button = Button::new("scope-save", frame.t("console-save"), Look::Primary);
        let form = Form::new(action, words::fields(scope.texts), button);
        let href = shell.href(&frame, &urls::of(urls::SCOPE_DELETE, scope.name));
        let delete = frame.t("console-take-away");
        parts.push(Part::Form(form.hiding("version", scope.version)));
        parts.push(Part::Heading(frame.t("console-delete-scope-words")));
        parts.push(Part::Text(frame.t("console-delete-scope-words-lead")));
        parts.push(Part::Actions(vec![Action::to("scope-delete", delete, Look::Danger, href)]));
    } else {
        parts.push(Part::Facts(words::facts(scope.texts)));
    }
    let (title, back) = (scope.name.to_owned(), frame.t("console-scope-words"));
    let page = ConsolePage::new(frame, shell, title).below(back, urls::SCOPES);
    let lead = frame.t("console-scope-words-hint");
    page.saying(lead).refusing(problem).with(parts)
}

/// Asks whether to take the words of a scope away.
#[must_use]
pub fn confirm<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    scope: &ScopeWords,
) -> ConsolePage<'a> {
    let (above, path) =
        (urls::of(urls::SCOPE, &scope.name), urls::of(urls::SCOPE_DELETE, &scope.name));
    let ending = Ending {
        title: frame.t1("console-delete-scope-words-title", "name", &scope.name),
        lead: frame.t("console-delete-scope-words-lead"),
        ends: scope.texts.values().cloned().collect(),
        above: (scope.name.clone(), &above),
        path: &path,
        button: ("scope-delete-confirm", frame.t("console-take-away")),
    };
    short_pages::asking(frame, shell, ending)
}
