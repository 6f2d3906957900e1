//! `mapae audit`: lists, exports and follows the audit events, and says which kinds there are.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::installation::{DatabaseUse, Installation};
use super::output::{note, table};
use super::serve::Signals;
use super::usage::usage;
use crate::admin::audit::{self, Query, RecordedEvent, Tail};
use crate::admin::authority::May;
use crate::domain::audit::EventKind;
use crate::domain::audit_reference;
use crate::domain::verdict::{OrRejected, reject};
use crate::settings::time;
use crate::store::Store;

/// Audit events.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// What happened, the newest first
    List(Filters),
    /// The same for programs: one JSON object a line, however many there are
    Export(Filters),
    /// The last events, and then each new one until it is interrupted; the oldest first
    Tail(Filters),
    /// Every kind of event, when it is written and what it names, in Markdown
    Kinds,
}

#[derive(Debug, Args)]
pub(super) struct Filters {
    /// Not before this: a duration ago (15m, 24h, 7d), or an instant (2026-11-21T09:24:00Z)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Of this person: a user name, or the `sub` of an account, also of a deleted one
    #[arg(long, value_name = "NAME|SUB")]
    user: Option<String>,
    /// Of this client
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Of this kind, like `sign_in.failed`: `audit kinds` lists all of them
    #[arg(long)]
    kind: Option<String>,
    /// So many at most: list 100, export all, tail 10 of those that there are already
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    /// Go on behind this event, in the order of the verb: `next` of a list, or `place` of a line
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
}

/// How long a tail waits between two looks.
const PAUSE: Duration = Duration::from_secs(1);

impl Verbs {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        match self {
            Self::List(filters) => {
                let (store, query) = filters.open(at, 100).await?;
                list(at, &store, query).await
            }
            Self::Export(filters) => {
                let (store, query) = filters.open(at, u64::MAX).await?;
                export(&store, query).await
            }
            Self::Tail(filters) => {
                let (store, query) = filters.open(at, 10).await?;
                tail(at, &store, query).await
            }
            Self::Kinds => {
                kinds(at);
                Ok(())
            }
        }
    }
}

impl Filters {
    /// Opens the database, and says what to look for there. Wrong arguments are reported before.
    async fn open(&self, at: &Installation, limit: u64) -> OrRejected<(Arc<Store>, Query)> {
        let settings = at.quiet_settings()?;
        let query = self.query(at.clock.now(), limit)?;
        Ok((at.store(&settings, DatabaseUse::Reads).await?, query))
    }

    fn query(&self, now: DateTime<Utc>, limit: u64) -> OrRejected<Query> {
        let since = match &self.since {
            Some(text) => Some(instant(text, now)?),
            None => None,
        };
        if let Some(kind) = &self.kind
            && let Err(why) = audit::check_kind(kind)
        {
            return usage(format_args!("--kind: {why} (mapae audit kinds lists all of them)"));
        }
        let (user, client, kind) = (self.user.clone(), self.client.clone(), self.kind.clone());
        let (after, limit) = (self.after.clone(), self.limit.unwrap_or(limit));
        Ok(Query { since, user, client, kind, after, limit })
    }
}

/// Parses an instant, or a duration before now.
fn instant(text: &str, now: DateTime<Utc>) -> OrRejected<DateTime<Utc>> {
    if let Ok(ago) = time::parse(text) {
        return Ok(now - ago);
    }
    match DateTime::parse_from_rfc3339(text) {
        Ok(instant) => Ok(instant.to_utc()),
        Err(_) => usage(format_args!(
            "--since {text}: write how long ago, like 24h, or an instant, like 2026-11-21T09:24:00Z"
        )),
    }
}

async fn list(at: &Installation, store: &Store, query: Query) -> OrRejected {
    let (found, next) = audit::list(&May::operator(), store, query).await?;
    at.print(&json!({ "events": found, "next": next }), &shown(&found));
    at.more(next);
    Ok(())
}

async fn export(store: &Store, query: Query) -> OrRejected {
    let mut lines = BufWriter::new(io::stdout().lock());
    let (may, mut failed) = (May::operator(), None);
    let next = audit::each(&may, store, query, |event| {
        failed = writeln!(lines, "{}", line(&event)).err();
        failed.is_none()
    });
    let next = next.await?;
    match failed.or_else(|| lines.flush().err()) {
        // If the reader has closed the pipe, it does not want the rest.
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Some(error) => return reject(format!("standard output: {error}")),
        None => {}
    }
    if let Some(next) = next {
        note(&format!("there are more: --after {next}"));
    }
    Ok(())
}

async fn tail(at: &Installation, store: &Store, query: Query) -> OrRejected {
    let mut signals = Signals::listen()?;
    tokio::select! {
        ended = follow(at, store, query) => ended,
        () = signals.heard() => Ok(()),
    }
}

async fn follow(at: &Installation, store: &Store, query: Query) -> OrRejected {
    let may = May::operator();
    let mut tail = Tail::new(&may, store, query).await?;
    loop {
        for event in tail.next(&may, store).await? {
            let line = if at.output.json { line(&event).to_string() } else { words(&event) };
            let mut out = io::stdout().lock();
            if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
                return Ok(());
            }
        }
        sleep(PAUSE).await;
    }
}

/// Prints the reference of all kinds. It needs neither settings nor a database.
fn kinds(at: &Installation) {
    let described = |kind: &EventKind| {
        json!({
            "kind": kind.as_str(),
            "when": audit_reference::when(*kind),
            "names": audit_reference::names(*kind),
        })
    };
    let every: Vec<_> = EventKind::ALL.iter().map(described).collect();
    at.print(&json!({ "kinds": every }), &audit_reference::markdown());
}

/// An event as one JSON object, with its place: another export or tail goes on behind it.
fn line(event: &RecordedEvent) -> Value {
    let mut line = json!(event);
    if let Value::Object(members) = &mut line {
        members.insert("place".to_owned(), json!(event.place().to_string()));
    }
    line
}

/// The members of a row of the table.
fn row(event: &RecordedEvent) -> Vec<String> {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    vec![
        event.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        event.event.clone(),
        text(&event.client_id),
        text(&event.user_id),
        text(&event.address),
        text(&event.detail),
        event.times.to_string(),
        text(&event.request_id),
    ]
}

fn words(event: &RecordedEvent) -> String {
    let cells = row(event).into_iter().filter(|cell| !cell.is_empty());
    cells.collect::<Vec<_>>().join("  ")
}

fn shown(events: &[RecordedEvent]) -> String {
    if events.is_empty() {
        return "no event fits".to_owned();
    }
    let rows: Vec<_> = events.iter().map(row).collect();
    table(&["at", "event", "client", "user", "address", "detail", "times", "request"], &rows)
}
