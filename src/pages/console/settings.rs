//! The settings that are in force.

use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Link, Part, Row, Tone, Value};
use crate::domain::admin_right::AdminRight;
use crate::domain::console_urls as urls;
use crate::pages::frame::Frame;
use crate::settings::InForce;

/// The pages of this section: what is in force, and what operators set up for the whole installation.
/// The person sees those that they may see.
pub(super) fn tabs(frame: &Frame<'_>, shell: &ConsoleShell<'_>, current: &str) -> Part {
    let every = [
        ("settings-in-force", frame.t("console-in-force"), urls::SETTINGS),
        ("settings-webhooks", frame.t("console-webhooks"), urls::WEBHOOKS),
        ("settings-scim-tokens", frame.t("console-scim-tokens"), urls::SCIM_TOKENS),
        ("settings-scopes", frame.t("console-scope-words"), urls::SCOPES),
        ("settings-attributes", frame.t("console-definitions"), urls::ATTRIBUTES),
    ];
    let right = |path: &str| {
        if path == urls::SETTINGS { AdminRight::ReadSettings } else { AdminRight::ReadClients }
    };
    let seen = every.into_iter().filter(|(_, _, path)| shell.may(right(path)));
    let link = |(id, text, path): (&str, String, &str)| Link {
        is_current: path == current,
        ..shell.link(frame, id, text, path)
    };
    Part::Tabs(frame.t("console-settings"), seen.map(link).collect())
}

/// Every setting that is in force, and where it comes from. Those that somebody chose come first.
#[must_use]
pub fn show<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    settings: &[InForce],
) -> ConsolePage<'a> {
    let (usual, chosen): (Vec<&InForce>, Vec<&InForce>) =
        settings.iter().partition(|one| one.source == "default");
    let row = |one: &&InForce| {
        let source = match (one.source, one.line) {
            ("default", _) => frame.t("console-source-default"),
            ("file", Some(line)) => frame.t1("console-source-line", "line", &line.to_string()),
            ("file", None) => frame.t("console-source-file"),
            ("environment", _) => frame.t("console-source-environment"),
            _ => frame.t("console-source-flag"),
        };
        Row {
            title: one.key.clone(),
            tags: vec![(Tone::Plain, source)],
            lines: vec![Value::Code(one.value.clone())],
            ..Row::default()
        }
    };
    let mut parts = vec![tabs(&frame, &shell, urls::SETTINGS)];
    if !chosen.is_empty() {
        parts.push(Part::Heading(frame.t("console-chosen")));
        parts.push(Part::Rows(chosen.iter().map(row).collect()));
    }
    parts.push(Part::Heading(frame.t("console-usual")));
    parts.push(Part::Rows(usual.iter().map(row).collect()));
    let (title, lead) = (frame.t("console-settings"), frame.t("console-settings-lead"));
    ConsolePage::new(frame, shell, title).saying(lead).with(parts)
}
