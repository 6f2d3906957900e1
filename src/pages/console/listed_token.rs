//! What the pages of all kinds of tokens that operators make have in common. A list says what a token
//! is called and how long it is good, never what it is.

use chrono::{DateTime, Utc};

use super::parts::{Field, Part, Row, Tone, Value};
use crate::pages::frame::Frame;

/// A token in a list.
pub(super) struct ListedToken<'a> {
    /// What the operator calls it.
    pub(super) name: &'a str,
    /// Whether it is good no more.
    pub(super) is_over: bool,
    /// What it is still good for, where that is counted.
    pub(super) uses: Option<String>,
    /// When it was made.
    pub(super) created_at: DateTime<Utc>,
    /// When it ends; `None`: it does not end by itself.
    pub(super) expires_at: Option<DateTime<Utc>>,
}

impl ListedToken<'_> {
    /// The same as a row without a button.
    pub(super) fn row(self, frame: &Frame<'_>) -> Row {
        let over = self.is_over.then(|| (Tone::Plain, frame.t("console-token-over")));
        let made = Value::Since(frame.t("console-made"), self.created_at);
        let ends = match self.expires_at {
            Some(end) => Value::Since(frame.t("console-ends"), end),
            None => Value::Text(frame.t("console-token-endless")),
        };
        Row {
            title: self.name.to_owned(),
            tags: over.into_iter().collect(),
            lines: self.uses.map(Value::Text).into_iter().chain([made, ends]).collect(),
            ..Row::default()
        }
    }
}

/// The list, or the sentence that there is none.
pub(super) fn list(rows: Vec<Row>, none: String) -> Part {
    if rows.is_empty() { Part::Text(none) } else { Part::Rows(rows) }
}

/// The fields for the name and the lifetime of a new token.
pub(super) fn fields(frame: &Frame<'_>, lifetime: &str, hint: String) -> [Field; 2] {
    let name = Field::line("name", frame.t("console-token-name"), "");
    let label = frame.t("console-token-lifetime");
    [name, Field::line("lifetime", label, lifetime).hint(hint)]
}
