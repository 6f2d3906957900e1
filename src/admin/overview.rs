//! What goes on at this installation.

use chrono::{DateTime, Duration, Utc};

use super::authority::{May, ReadAudit, ReadProviders};
use crate::domain::logout_notice::LogoutNotice;
use crate::domain::mail::SealedMail;
use crate::domain::message::Message;
use crate::domain::provider::Slug;
use crate::domain::verdict::Fault;
use crate::domain::webhook::WebhookMessage;
use crate::store::sign_in_counts::{self, SignInCounts};
use crate::store::{Reader, identities, outbox, refresh_days};

/// How many events of a day are counted at most.
pub const COUNTED: u64 = 5000;
/// How many days are shown.
const DAYS: i64 = 14;

/// The sign-ins and the refreshes of a day.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    /// The midnight, in UTC, with which it begins.
    pub begins_at: DateTime<Utc>,
    /// Its sign-ins.
    pub counts: SignInCounts,
    /// How many refresh tokens were used.
    pub refreshes: u64,
}

/// The sign-ins and the refreshes of the last two weeks, by day, the oldest day first.
pub async fn days(
    _may: &May<ReadAudit>,
    reader: &impl Reader,
    now: DateTime<Utc>,
) -> Result<Vec<Day>, Fault> {
    let today = refresh_days::day_of(now);
    let refreshes = refresh_days::since(reader, today - Duration::days(DAYS - 1)).await?;
    let mut days = Vec::new();
    for ago in (0..DAYS).rev() {
        let begins_at = today - Duration::days(ago);
        let time = (begins_at, begins_at + Duration::days(1));
        let counts = sign_in_counts::between(reader, time, COUNTED).await?;
        let refreshes = refreshes.get(&begins_at).copied().unwrap_or(0);
        days.push(Day { begins_at, counts, refreshes });
    }
    Ok(days)
}

/// What waits to be sent to others.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waiting {
    /// Mails.
    pub mails: u64,
    /// Logout notices to apps.
    pub notices: u64,
    /// Messages to webhooks.
    pub messages: u64,
}

/// What waits to be sent to others, counted up to a thousand of each.
pub async fn waiting(_may: &May<ReadAudit>, reader: &impl Reader) -> Result<Waiting, Fault> {
    Ok(Waiting {
        mails: outbox::count(reader, SealedMail::KIND, 1000).await?,
        notices: outbox::count(reader, LogoutNotice::KIND, 1000).await?,
        messages: outbox::count(reader, WebhookMessage::KIND, 1000).await?,
    })
}

/// How many people are connected with a provider, and whether there may be more.
pub async fn connected(
    _may: &May<ReadProviders>,
    reader: &impl Reader,
    provider: &Slug,
) -> Result<(u64, bool), Fault> {
    let most = 10_000;
    let count = identities::count_of_provider(reader, provider, most).await?;
    Ok((count, count == most))
}
