//! How long the work with a provider may take for one request, and for whom it is done.

use std::time::Duration;

use tokio::time::Instant;

use super::call_limit::Requester;
use super::error::UpstreamError;
use super::provider::Answer;
use crate::domain::request;

/// The longest that it may take, however many calls it needs: two that take as long as one may
/// ([`outbound::Config::timeout`](crate::outbound::Config)).
const LONGEST: Duration = Duration::from_secs(10);
/// Three calls that take so long do not fit: an answer that takes longer is no sign of health.
pub(super) const SLOW: Duration = Duration::from_secs(3);

/// What the calls of one piece of work have in common.
#[derive(Clone, Debug)]
struct Work {
    ends: Instant,
    requester: Option<Requester>,
}

tokio::task_local! {
    static WORK: Work;
}

/// Bounds work in time, and its calls by the limit of the requester. There is none where the operator
/// asks.
pub async fn with_deadline<T>(
    requester: Option<Requester>,
    answer: Answer<'_, T>,
) -> Result<T, UpstreamError> {
    within(LONGEST, requester, answer).await
}

/// Bounds it by another time.
pub(super) async fn within<T>(
    longest: Duration,
    requester: Option<Requester>,
    answer: Answer<'_, T>,
) -> Result<T, UpstreamError> {
    let longest = request::at_most(longest);
    let ends = Instant::now() + longest;
    let work = Work { ends, requester };
    let answered = WORK.scope(work, tokio::time::timeout_at(ends, answer)).await;
    answered.unwrap_or_else(|_| {
        let late = format!("the provider took more than {longest:.0?}");
        Err(UpstreamError::Unavailable(late))
    })
}

/// When the work under way must have ended, if there is any.
pub(super) fn ends() -> Option<Instant> {
    WORK.try_with(|work| work.ends).ok()
}

/// For whom a call is made. For nobody, where it is ours: what we fetch is the same whoever was the
/// first to need it.
pub(super) fn requester() -> Option<Requester> {
    WORK.try_with(|work| work.requester.clone()).ok().flatten()
}
