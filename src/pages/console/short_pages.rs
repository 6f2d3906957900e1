//! Pages that are the same for many things: one asks before something ends, and one shows a secret
//! once.

use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Button, CopyText, Form, Look, Part, Row};
use crate::pages::frame::Frame;

/// What is asked before something ends.
pub(super) struct Ending<'a> {
    /// The question.
    pub(super) title: String,
    /// What it means.
    pub(super) lead: String,
    /// What ends, in numbers.
    pub(super) ends: Vec<String>,
    /// The page above: its name and its path.
    pub(super) above: (String, &'a str),
    /// The path of the form.
    pub(super) path: &'a str,
    /// The button: its id and its label.
    pub(super) button: (&'a str, String),
}

/// Asks before something ends.
pub(super) fn asking<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    ending: Ending<'_>,
) -> ConsolePage<'a> {
    let Ending { title, lead, ends, above, path, button } = ending;
    let mut parts = Vec::new();
    if !ends.is_empty() {
        let row = |title| Row { title, ..Row::default() };
        parts.push(Part::Heading(frame.t("console-what-ends")));
        parts.push(Part::Rows(ends.into_iter().map(row).collect()));
    }
    let button = Button::new(button.0, button.1, Look::Danger);
    parts.push(Part::Form(Form::new(format!("{}{path}", frame.base), Vec::new(), button)));
    ConsolePage::new(frame, shell, title).below(above.0, above.1).saying(lead).with(parts)
}

/// Shows a secret that was made, and what else is copied with it. It is never shown again.
pub(super) fn showing_once<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    title: String,
    above: (String, &str),
    texts: impl IntoIterator<Item = CopyText>,
) -> ConsolePage<'a> {
    let page = ConsolePage::new(frame, shell, title).below(above.0, above.1);
    page.with(texts.into_iter().map(Part::Copy))
}
