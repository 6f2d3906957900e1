//! How long a visit may take, for whom it is, and whose fault it is when it takes longer.

use std::time::Duration;

use tokio::time::Instant;

use crate::social::call_limit::Requester;
use crate::social::error::UpstreamError;
use crate::social::provider::Answer;

/// The longest that a visit may take, however many calls it needs: two that take as long as one may
/// ([`outbound::Config::patience`](crate::outbound::Config)).
const PATIENCE: Duration = Duration::from_secs(10);
/// Three calls that take so long are no visit: an answer that takes longer is no sign of health.
pub(super) const SLOW: Duration = Duration::from_secs(3);

/// A visit under way.
#[derive(Clone, Debug)]
struct Visit {
    ends: Instant,
    requester: Option<Requester>,
}

tokio::task_local! {
    static VISIT: Visit;
}

/// Bounds a visit in time, and its calls by what whoever asks may take. Nobody asks where the operator
/// does.
pub async fn with_deadline<T>(
    requester: Option<Requester>,
    answer: Answer<'_, T>,
) -> Result<T, UpstreamError> {
    within(PATIENCE, requester, answer).await
}

/// Bounds it by another time.
pub(super) async fn within<T>(
    patience: Duration,
    requester: Option<Requester>,
    answer: Answer<'_, T>,
) -> Result<T, UpstreamError> {
    let ends = Instant::now() + patience;
    let visit = Visit { ends, requester };
    let answered = VISIT.scope(visit, tokio::time::timeout_at(ends, answer)).await;
    answered.unwrap_or_else(|_| {
        let late = format!("the provider took more than {} s", patience.as_secs());
        Err(UpstreamError::Unavailable(late))
    })
}

/// When the visit under way must have ended, if there is one.
pub(super) fn ends() -> Option<Instant> {
    VISIT.try_with(|visit| visit.ends).ok()
}

/// For whom a call is made. For nobody, where it is ours: what we fetch is the same whoever was the
/// first to need it.
pub(super) fn requester() -> Option<Requester> {
    VISIT.try_with(|visit| visit.requester.clone()).ok().flatten()
}
