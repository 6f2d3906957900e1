//! The tokens of connectors, which make and change people and groups by SCIM.

use chrono::{DateTime, Utc};

use super::listed_token::{self, ListedToken};
use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Button, CopyText, Form, Look, Part, Row, RowButton};
use super::settings;
use super::short_pages::{self, Ending};
use crate::domain::admin_right::AdminRight;
use crate::domain::console_urls as urls;
use crate::domain::scim_token::ScimTokenRecord;
use crate::pages::frame::Frame;

/// The tokens, and the form that makes one.
#[must_use]
pub fn list<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    tokens: &[ScimTokenRecord],
    now: DateTime<Utc>,
) -> ConsolePage<'a> {
    let rows = (1..).zip(tokens).map(|one| row(&frame, &shell, now, one)).collect();
    let mut parts = vec![
        settings::tabs(&frame, &shell, urls::SCIM_TOKENS),
        listed_token::list(rows, frame.t("console-scim-tokens-none")),
    ];
    if shell.may(AdminRight::ChangeSecrets) {
        let hint = frame.t("console-scim-token-lifetime-hint");
        let [name, lifetime] = listed_token::fields(&frame, "365d", hint);
        let button = Button::new("scim-token-create", frame.t("console-create"), Look::Primary);
        let action = format!("{}{}", frame.base, urls::SCIM_TOKENS);
        parts.push(Part::Heading(frame.t("console-new-scim-token")));
        parts.push(Part::Form(Form::new(action, vec![name.required(), lifetime], button)));
    }
    let (title, lead) = (frame.t("console-scim-tokens"), frame.t("console-scim-tokens-lead"));
    ConsolePage::new(frame, shell, title).saying(lead).with(parts)
}

fn row(
    frame: &Frame<'_>,
    shell: &ConsoleShell<'_>,
    now: DateTime<Utc>,
    (number, token): (usize, &ScimTokenRecord),
) -> Row {
    let listed = ListedToken {
        name: &token.name,
        is_over: token.expires_at.is_some_and(|end| end <= now),
        uses: None,
        created_at: token.created_at,
        expires_at: token.expires_at,
    };
    let end = RowButton {
        id: format!("scim-token-revoke-{number}"),
        label: frame.t("console-end"),
        action: shell.href(frame, &urls::of(urls::SCIM_TOKEN_REVOKE, &token.id)),
        hidden: Vec::new(),
    };
    let may = shell.may(AdminRight::ChangeSecrets);
    Row { link_button: may.then_some(end), ..listed.row(frame) }
}

/// The token that was made, which is shown once, and the address to which the connector sends it.
#[must_use]
pub fn made<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    address: String,
    token: &str,
) -> ConsolePage<'a> {
    let texts = [
        CopyText {
            id: "scim-address".to_owned(),
            label: frame.t("console-scim-address"),
            text: address,
            hint: None,
        },
        CopyText {
            id: "scim-token".to_owned(),
            label: frame.t("console-scim-token"),
            text: token.to_owned(),
            hint: Some(frame.t("console-scim-token-hint")),
        },
    ];
    let (title, above) = (frame.t("console-new-scim-token"), frame.t("console-scim-tokens"));
    short_pages::showing_once(frame, shell, title, (above, urls::SCIM_TOKENS), texts)
}

/// Asks whether to end a token.
#[must_use]
pub fn confirm<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    token: &ScimTokenRecord,
) -> ConsolePage<'a> {
    let path = urls::of(urls::SCIM_TOKEN_REVOKE, &token.id);
    let ending = Ending {
        title: frame.t1("console-end-token-title", "name", &token.name),
        lead: frame.t("console-end-scim-token-lead"),
        ends: Vec::new(),
        above: (frame.t("console-scim-tokens"), urls::SCIM_TOKENS),
        path: &path,
        button: ("scim-token-revoke-confirm", frame.t("console-end")),
    };
    short_pages::asking(frame, shell, ending)
}
