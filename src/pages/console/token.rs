//! The page that explains why a resource server refuses a token.

use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Button, Field, Form, Look, Part, Row, Tone, Value};
use crate::domain::console_urls as urls;
use crate::domain::token_explanation::Explanation;
use crate::pages::frame::Frame;

/// The form, and the explanation of what was pasted. What was pasted is not shown again.
#[must_use]
pub fn explain<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    resource: &str,
    explanation: Option<&Explanation>,
) -> ConsolePage<'a> {
    let fields = vec![
        Field::lines("token", frame.t("console-token"), "").hint(frame.t("console-token-hint")),
        Field::line("as", frame.t("console-token-as"), resource)
            .hint(frame.t("console-token-as-hint")),
    ];
    let action = format!("{}{}", frame.base, urls::DEBUG_TOKEN);
    let button = Button::new("token-explain", frame.t("console-explain"), Look::Primary);
    let mut parts = vec![Part::Form(Form::new(action, fields, button))];
    if let Some(explanation) = explanation {
        parts.push(Part::Heading(frame.t("console-explanation")));
        parts.push(match explanation.reason() {
            None => Part::Note(Tone::Good, frame.t("console-token-good")),
            Some(reason) => Part::Note(Tone::Bad, format!("{reason}: {}", reason.sentence())),
        });
        let rows = explanation.steps.iter().map(|step| Row {
            title: step.check.as_str().to_owned(),
            tags: vec![match step.reason {
                None => (Tone::Good, frame.t("console-check-good")),
                Some(_) => (Tone::Bad, frame.t("console-check-bad")),
            }],
            lines: vec![Value::Text(step.says.clone())],
            ..Row::default()
        });
        parts.push(Part::Rows(rows.collect()));
        if !explanation.is_good() {
            parts.push(Part::Heading(frame.t("console-mend")));
            parts.push(Part::Text(explanation.mend()));
        }
    }
    let (title, lead) = (frame.t("console-token-title"), frame.t("console-token-lead"));
    ConsolePage::new(frame, shell, title).saying(lead).with(parts)
}
