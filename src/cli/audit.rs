//! `mapae audit`: lists the audit events.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::json;

use super::installation::{DatabaseUse, Installation};
use super::output::table;
use super::usage::usage;
use crate::admin;
use crate::admin::audit::Query;
use crate::admin::authority::May;
use crate::domain::verdict::OrRejected;
use crate::settings::time;
use crate::store::audit_events::RecordedEvent;

/// Audit events.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// What happened, the newest first
    List(List),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Not before this: a duration ago (15m, 24h, 7d), or an instant (2026-11-21T09:24:00Z)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Of this person: a user name, or the `sub` of an account, also of a deleted one
    #[arg(long, value_name = "NAME|SUB")]
    user: Option<String>,
    /// Of this client
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Of this kind, like `sign_in.failed`
    #[arg(long)]
    kind: Option<String>,
    /// So many at most
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    limit: u64,
}

impl Verbs {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let Self::List(list) = self;
        let settings = at.quiet_settings()?;
        let since = match &list.since {
            Some(text) => Some(instant(text, at.clock.now())?),
            None => None,
        };
        let store = at.store(&settings, DatabaseUse::Reads).await?;
        let (user, client, kind, limit) = (list.user, list.client, list.kind, list.limit);
        let query = Query { since, user, client, kind, limit };
        let found = admin::audit::list(&May::operator(), &store, query).await?;
        at.print(&json!({ "events": found }), &shown(&found));
        Ok(())
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

fn shown(events: &[RecordedEvent]) -> String {
    if events.is_empty() {
        return "no such event".to_owned();
    }
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let row = |event: &RecordedEvent| {
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
    };
    let rows: Vec<_> = events.iter().map(row).collect();
    table(&["at", "event", "client", "user", "address", "detail", "times", "request"], &rows)
}
