//! The first page of the console.

use chrono::{DateTime, Utc};

use super::audit::{self, EventLine};
use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Action, Bar, Chart, Look, Part, Row, Tone};
use super::signing_keys::{self as keys, KeyFacts};
use crate::domain::console_urls as urls;
use crate::pages::frame::Frame;

/// The sign-ins and the refreshes of a day.
#[derive(Clone, Copy, Debug)]
pub struct DayLine {
    /// Its first instant.
    pub begins_at: DateTime<Utc>,
    /// With a password, with a passkey, with a provider.
    pub by_way: [u64; 3],
    /// Refused.
    pub refused: u64,
    /// How many refresh tokens were used.
    pub refreshes: u64,
}

/// Something that somebody should look at.
#[derive(Clone, Debug)]
pub enum Attention {
    /// So many mails wait for the mail server.
    Mails(u64),
    /// So many logout notices wait for their apps.
    Notices(u64),
    /// So many messages wait for webhooks.
    Messages(u64),
    /// So many passwords wait to be checked.
    Hashing(u64),
    /// The next key of this algorithm was not fetched by these.
    KeyNotFetched(String, String),
    /// A provider cannot be reached.
    Provider(String),
    /// The address of this server is the one of a trial.
    Localhost,
}

/// What goes on.
#[derive(Clone, Debug, Default)]
pub struct OverviewFacts {
    /// What needs attention; `None` for whom may not see it.
    pub attention: Option<Vec<Attention>>,
    /// The sign-ins of each day.
    pub days: Vec<DayLine>,
    /// How many events of a day are counted at most.
    pub counted: u64,
    /// The keys.
    pub keys: Option<KeyFacts>,
    /// What happened last.
    pub events: Option<Vec<EventLine>>,
}

fn attention(frame: &Frame<'_>, shell: &ConsoleShell<'_>, one: &Attention) -> Row {
    let (title, path) = match one {
        Attention::Mails(number) => (frame.tn("console-mails-wait", "number", *number), None),
        Attention::Notices(number) => (frame.tn("console-notices-wait", "number", *number), None),
        Attention::Messages(number) => {
            (frame.tn("console-messages-wait", "number", *number), Some(urls::WEBHOOKS))
        }
        Attention::Hashing(number) => (frame.tn("console-hashing-waits", "number", *number), None),
        Attention::KeyNotFetched(alg, names) => {
            let words = frame.t2("console-key-not-fetched", ("alg", alg), ("names", names));
            (words, Some(urls::KEYS))
        }
        Attention::Provider(name) => {
            (frame.t1("console-provider-fails", "name", name), Some(urls::PROVIDERS))
        }
        Attention::Localhost => (frame.t("console-localhost"), Some(urls::SETTINGS)),
    };
    Row { title, href: path.map(|path| shell.href(frame, path)), ..Row::default() }
}

/// The height of the picture.
const HEIGHT: u64 = 118;

/// A chart of one bar a day: the numbers of each bar, the lowest piece first.
fn chart(
    frame: &Frame<'_>,
    (id, label): (&str, String),
    keys: Vec<String>,
    days: &[(DateTime<Utc>, Vec<u64>)],
) -> Part {
    let highest = days.iter().map(|(_, numbers)| numbers.iter().sum::<u64>()).max();
    let highest = highest.unwrap_or(0);
    let bar = |(place, (day, numbers)): (usize, &(DateTime<Utc>, Vec<u64>))| {
        let mut above = HEIGHT;
        let pieces = numbers.iter().map(|number| {
            let height = (number * HEIGHT).checked_div(highest).unwrap_or(0);
            above = above.saturating_sub(height);
            (above, height)
        });
        let names = keys.iter().zip(numbers);
        Bar {
            name: day.format("%Y-%m-%d").to_string(),
            pieces: pieces.collect(),
            numbers: names.map(|(key, number)| format!("{key} {number}")).collect(),
            x: place * 40 + 6,
        }
    };
    let bars = days.iter().enumerate().map(bar).collect();
    let top = frame.tn("console-highest", "number", highest);
    Part::Chart(Chart { id: id.to_owned(), label, keys, bars, top })
}

/// What goes on.
#[must_use]
pub fn show<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    facts: &OverviewFacts,
) -> ConsolePage<'a> {
    let mut parts = Vec::new();
    if let Some(some) = &facts.attention {
        parts.push(Part::Heading(frame.t("console-attention")));
        if some.is_empty() {
            parts.push(Part::Note(Tone::Good, frame.t("console-all-well")));
        } else {
            let rows = some.iter().map(|one| attention(&frame, &shell, one));
            parts.push(Part::Rows(rows.collect()));
        }
    }
    if !facts.days.is_empty() {
        let ways = vec![
            frame.t("console-way-password"),
            frame.t("console-way-passkey"),
            frame.t("console-way-provider"),
        ];
        let by_way: Vec<_> =
            facts.days.iter().map(|day| (day.begins_at, day.by_way.to_vec())).collect();
        let refused: Vec<_> =
            facts.days.iter().map(|day| (day.begins_at, vec![day.refused])).collect();
        parts.push(Part::Heading(frame.t("console-two-weeks")));
        let label = frame.t("console-sign-ins");
        parts.push(chart(&frame, ("chart-sign-ins", label), ways, &by_way));
        let label = frame.t("console-refusals");
        let keys = vec![frame.t("console-refused-sign-ins")];
        parts.push(chart(&frame, ("chart-refusals", label), keys, &refused));
        let refreshes: Vec<_> =
            facts.days.iter().map(|day| (day.begins_at, vec![day.refreshes])).collect();
        let label = frame.t("console-refreshes");
        let keys = vec![frame.t("console-refreshed")];
        parts.push(chart(&frame, ("chart-refreshes", label), keys, &refreshes));
        let is_capped = facts.days.iter().any(|day| {
            day.by_way.iter().sum::<u64>() >= facts.counted || day.refused >= facts.counted
        });
        if is_capped {
            parts.push(Part::Fine(frame.tn("console-counted-to", "number", facts.counted)));
        }
    }
    if let Some(facts) = &facts.keys {
        parts.push(Part::Heading(frame.t("console-keys")));
        parts.push(keys::rows(&frame, &shell, facts, false));
    }
    if let Some(events) = &facts.events {
        parts.push(Part::Heading(frame.t("console-activity")));
        parts.extend(audit::rows(&frame, &shell, events));
    }
    let (href, label) = (shell.href(&frame, urls::DEBUG_TOKEN), frame.t("console-token-title"));
    parts.push(Part::Actions(vec![Action::to("to-debug-token", label, Look::Secondary, href)]));
    let title = frame.t("console-overview");
    let lead = frame.t("console-overview-lead");
    ConsolePage::new(frame, shell, title).saying(lead).with(parts)
}
