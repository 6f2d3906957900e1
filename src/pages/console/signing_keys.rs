//! Signing keys.

use chrono::{DateTime, Duration, Utc};

use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Action, Button, Choice, Field, Form, Look, Part, Row, RowButton, Tone, Value};
use crate::domain::admin_right::AdminRight;
use crate::domain::console_urls as urls;
use crate::pages::frame::Frame;

/// A signing key.
#[derive(Clone, Debug)]
pub struct KeyLine {
    /// Its name.
    pub kid: String,
    /// Its algorithm.
    pub alg: String,
    /// Its phase.
    pub phase: KeyPhase,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it signs.
    pub signs_from: DateTime<Utc>,
    /// Until when it signs, if another follows.
    pub signs_until: Option<DateTime<Utc>>,
    /// Until when it is published, if another follows.
    pub published_until: Option<DateTime<Utc>>,
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPhase {
    /// It is published and does not sign yet.
    Pending,
    /// It signs.
    Signing,
    /// It is published and does not sign any more.
    Retiring,
    /// It is not published any more.
    Remembered,
}

/// A program that fetched the public keys.
#[derive(Clone, Debug)]
pub struct FetcherLine {
    /// The name that it gives itself.
    pub agent: String,
    /// When it came last.
    pub last_at: DateTime<Utc>,
}

/// How many programs have fetched the next key.
#[derive(Clone, Debug)]
pub struct NextKeyLine {
    /// The algorithm.
    pub alg: String,
    /// Those that have it.
    pub have: u64,
    /// Those that need it.
    pub of: u64,
    /// The names of those that lack it.
    pub missing: Vec<String>,
}

/// What is known about the keys.
#[derive(Clone, Debug)]
pub struct KeyFacts {
    /// The keys, the oldest first.
    pub keys: Vec<KeyLine>,
    /// Who fetched them.
    pub fetchers: Vec<FetcherLine>,
    /// Who has the next ones.
    pub next: Vec<NextKeyLine>,
    /// The instant of the page.
    pub now: DateTime<Utc>,
}

/// The width of a picture of a life.
const WIDTH: i64 = 560;

/// The pieces of the life of a key: the kind, where it begins and how wide it is.
type Life = Vec<(usize, i64, i64)>;

/// The pieces of the life of each key: published, signing, retiring, and now.
fn lives(facts: &KeyFacts) -> Vec<Life> {
    let (past, future) = (facts.now - Duration::days(100), facts.now + Duration::days(100));
    let begin = facts.keys.iter().map(|key| key.created_at).min().unwrap_or(facts.now).max(past);
    let ends = facts.keys.iter().filter_map(|key| key.published_until);
    let end = ends.max().unwrap_or(facts.now).max(facts.now + Duration::days(14)).min(future);
    let length = (end - begin).num_seconds().max(1);
    let place = |at: DateTime<Utc>| (at - begin).num_seconds().clamp(0, length) * WIDTH / length;
    let life = |key: &KeyLine| {
        let stops = key.signs_until.unwrap_or(end);
        let gone = key.published_until.unwrap_or(end);
        let spans =
            [(3, key.created_at, key.signs_from), (1, key.signs_from, stops), (3, stops, gone)];
        let mut pieces: Vec<_> = spans
            .into_iter()
            .map(|(kind, from, to)| (kind, place(from), place(to) - place(from)))
            .filter(|(_, _, width)| *width > 0)
            .collect();
        pieces.push((4, place(facts.now), 2));
        pieces
    };
    facts.keys.iter().map(life).collect()
}

fn phase(frame: &Frame<'_>, phase: KeyPhase) -> (Tone, String) {
    match phase {
        KeyPhase::Pending => (Tone::Plain, frame.t("console-key-pending")),
        KeyPhase::Signing => (Tone::Good, frame.t("console-key-signing")),
        KeyPhase::Retiring => (Tone::Plain, frame.t("console-key-retiring")),
        KeyPhase::Remembered => (Tone::Plain, frame.t("console-key-remembered")),
    }
}

/// The keys as rows of a page.
pub(super) fn rows(
    frame: &Frame<'_>,
    shell: &ConsoleShell<'_>,
    facts: &KeyFacts,
    with_buttons: bool,
) -> Part {
    let lives = lives(facts);
    let row = |((number, key), bar): ((usize, &KeyLine), Life)| {
        let mut lines = vec![
            Value::Code(key.kid.clone()),
            Value::Since(frame.t("console-signs-from"), key.signs_from),
        ];
        if let Some(until) = key.published_until {
            lines.push(Value::Since(frame.t("console-published-until"), until));
        }
        let may = with_buttons && shell.may(AdminRight::ChangeKeys);
        Row {
            title: key.alg.clone(),
            tags: vec![phase(frame, key.phase)],
            lines,
            bar,
            link_button: may.then(|| RowButton {
                id: format!("key-drop-{number}"),
                label: frame.t("console-delete"),
                action: shell.href(frame, &urls::of(urls::KEY_DROP, &key.kid)),
                hidden: Vec::new(),
            }),
            ..Row::default()
        }
    };
    let numbered = (1_usize..).zip(&facts.keys).zip(lives);
    Part::Rows(numbered.map(row).collect())
}

/// The signing keys, and who has them.
#[must_use]
pub fn show<'a>(frame: Frame<'a>, shell: ConsoleShell<'a>, facts: &KeyFacts) -> ConsolePage<'a> {
    let mut parts = Vec::new();
    if shell.may(AdminRight::ChangeKeys) {
        let href = shell.href(&frame, urls::KEYS_ROTATE);
        let rotate = Action::to("key-rotate", frame.t("console-rotate"), Look::Primary, href);
        parts.push(Part::Actions(vec![rotate]));
    }
    parts.push(rows(&frame, &shell, facts, true));
    parts.push(Part::Heading(frame.t("console-fetchers")));
    for next in &facts.next {
        let (have, of) = (next.have.to_string(), next.of.to_string());
        let words = frame.t2("console-next-key", ("have", &have), ("of", &of));
        parts.push(Part::Text(format!("{}: {words}", next.alg)));
        if !next.missing.is_empty() {
            let missing = next.missing.join(", ");
            parts.push(Part::Note(
                Tone::Bad,
                frame.t1("console-next-key-missing", "names", &missing),
            ));
        }
    }
    if facts.fetchers.is_empty() {
        parts.push(Part::Text(frame.t("console-no-fetchers")));
    } else {
        let row = |one: &FetcherLine| Row {
            title: one.agent.clone(),
            when: Some(one.last_at),
            ..Row::default()
        };
        parts.push(Part::Rows(facts.fetchers.iter().map(row).collect()));
    }
    let (title, lead) = (frame.t("console-keys"), frame.t("console-keys-lead"));
    ConsolePage::new(frame, shell, title).saying(lead).with(parts)
}

/// Asks whether to make new keys, and says what happens.
#[must_use]
pub fn confirm_rotation<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    fetchers: u64,
    lead_hours: u64,
    algs: &[&str],
) -> ConsolePage<'a> {
    let mut choices = vec![Choice::new("", frame.t("console-every-algorithm"), "")];
    choices.extend(algs.iter().map(|alg| Choice::new(alg, *alg, "")));
    let fields = vec![
        Field::choice("alg", frame.t("console-algorithm"), choices),
        Field::tick("at_once", frame.t("console-sign-at-once"), false),
    ];
    let button = Button::new("key-rotate-confirm", frame.t("console-rotate"), Look::Danger);
    let form = Form::new(format!("{}{}", frame.base, urls::KEYS_ROTATE), fields, button);
    let parts = vec![
        Part::Text(frame.tn("console-rotation-lead", "hours", lead_hours)),
        Part::Text(frame.tn("console-rotation-fetchers", "number", fetchers)),
        Part::Form(form),
    ];
    let (title, back) = (frame.t("console-rotate-title"), frame.t("console-keys"));
    ConsolePage::new(frame, shell, title).below(back, urls::KEYS).with(parts)
}

/// Asks whether to delete a key, and says what ends.
#[must_use]
pub fn confirm_drop<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    key: &KeyLine,
) -> ConsolePage<'a> {
    let button = Button::new("key-drop-confirm", frame.t("console-delete"), Look::Danger);
    let action = format!("{}{}", frame.base, urls::of(urls::KEY_DROP, &key.kid));
    let row = Row {
        title: format!("{} {}", key.alg, key.kid),
        tags: vec![phase(&frame, key.phase)],
        lines: vec![Value::Since(frame.t("console-signs-from"), key.signs_from)],
        ..Row::default()
    };
    let parts = vec![Part::Rows(vec![row]), Part::Form(Form::new(action, Vec::new(), button))];
    let (title, back) = (frame.t("console-drop-title"), frame.t("console-keys"));
    let lead = frame.t("console-drop-lead");
    ConsolePage::new(frame, shell, title).below(back, urls::KEYS).saying(lead).with(parts)
}
