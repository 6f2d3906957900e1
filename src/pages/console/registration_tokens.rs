//! The tokens with which apps register themselves.

use chrono::{DateTime, Utc};

use super::listed_token::{self, ListedToken};
use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Button, CopyText, Field, Form, Look, Part, Row, RowButton, Tone};
use super::short_pages;
use crate::domain::admin_right::AdminRight;
use crate::domain::console_urls as urls;
use crate::domain::registration_token::RegistrationTokenRecord;
use crate::pages::frame::Frame;

/// What is known about the tokens.
#[derive(Clone, Copy, Debug)]
pub struct TokenFacts<'a> {
    /// Every token.
    pub tokens: &'a [RegistrationTokenRecord],
    /// What time it is.
    pub now: DateTime<Utc>,
    /// Whether apps register themselves at all.
    pub is_on: bool,
}

/// The tokens, and the form that makes one.
#[must_use]
pub fn list<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    facts: &TokenFacts<'_>,
) -> ConsolePage<'a> {
    let may = shell.may(AdminRight::ChangeClients);
    let mut parts = Vec::new();
    if !facts.is_on {
        parts.push(Part::Note(Tone::Plain, frame.t("console-registration-off")));
    }
    let rows = (1..).zip(facts.tokens).map(|one| row(&frame, may, facts.now, one)).collect();
    parts.push(listed_token::list(rows, frame.t("console-registration-tokens-none")));
    if may {
        let hint = frame.t("console-token-lifetime-hint");
        let [name, lifetime] = listed_token::fields(&frame, "24h", hint);
        let uses = Field::typed("uses", "number", frame.t("console-registration-token-uses"), "1");
        let fields = vec![name, lifetime, uses];
        let create = frame.t("console-create");
        let button = Button::new("registration-token-create", create, Look::Primary);
        let action = format!("{}{}", frame.base, urls::REGISTRATION_TOKENS);
        parts.push(Part::Heading(frame.t("console-new-registration-token")));
        parts.push(Part::Form(Form::new(action, fields, button)));
    }
    let (title, back) = (frame.t("console-registration-tokens"), frame.t("console-apps"));
    let lead = frame.t("console-registration-tokens-lead");
    ConsolePage::new(frame, shell, title).below(back, urls::APPS).saying(lead).with(parts)
}

fn row(
    frame: &Frame<'_>,
    may: bool,
    now: DateTime<Utc>,
    (number, token): (usize, &RegistrationTokenRecord),
) -> Row {
    let left = frame.tn("console-n-registrations", "number", u64::from(token.uses_left));
    let listed = ListedToken {
        name: token.name.as_ref().unwrap_or(&token.id),
        is_over: !token.is_good(now),
        uses: Some(left),
        created_at: token.created_at,
        expires_at: Some(token.expires_at),
    };
    Row {
        button: may.then(|| RowButton {
            id: format!("registration-token-revoke-{number}"),
            label: frame.t("console-end"),
            action: format!("{}{}", frame.base, urls::REGISTRATION_TOKEN_REVOKE),
            hidden: vec![("id", token.id.clone())],
        }),
        ..listed.row(frame)
    }
}

/// The token that was made, which is shown once.
#[must_use]
pub fn made<'a>(frame: Frame<'a>, shell: ConsoleShell<'a>, token: &str) -> ConsolePage<'a> {
    let text = CopyText {
        id: "registration-token".to_owned(),
        label: frame.t("console-registration-token"),
        text: token.to_owned(),
        hint: Some(frame.t("console-registration-token-hint")),
    };
    let (title, above) =
        (frame.t("console-new-registration-token"), frame.t("console-registration-tokens"));
    short_pages::showing_once(frame, shell, title, (above, urls::REGISTRATION_TOKENS), [text])
}
