//! How long the work with a provider may take for one request, and the requester that it is done
//! for.

use std::time::Duration;

use tokio::time::Instant;

use super::call_limit::Requester;
use super::error::UpstreamError;
use super::provider::ProviderAnswer;
use crate::domain::request;

/// The longest time for all calls of the work together: as long as two calls with the longest
/// timeout ([`outbound::Config::timeout`](crate::outbound::Config)).
const LONGEST: Duration = Duration::from_secs(10);
/// Three calls that take this long do not fit in. So a slower answer does not count as a sign that
/// the provider is healthy.
pub(super) const SLOW: Duration = Duration::from_secs(3);

/// What the calls of one piece of work share.
#[derive(Clone, Debug)]
struct Work {
    ends: Instant,
    requester: Option<Requester>,
}

tokio::task_local! {
    static WORK: Work;
}

/// Limits the time of some work, and its calls by the limit of the requester. The work has no
/// requester when the operator starts it.
pub async fn with_deadline<T>(
    requester: Option<Requester>,
    answer: ProviderAnswer<'_, T>,
) -> Result<T, UpstreamError> {
    within(LONGEST, requester, answer).await
}

/// Limits the work to another time.
pub(super) async fn within<T>(
    longest: Duration,
    requester: Option<Requester>,
    answer: ProviderAnswer<'_, T>,
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

/// The deadline of the current work, if there is one.
pub(super) fn ends() -> Option<Instant> {
    WORK.try_with(|work| work.ends).ok()
}

/// The requester that a call is made for. There is none when this server fetches a document for
/// itself, because the document is the same for every requester.
pub(super) fn requester() -> Option<Requester> {
    WORK.try_with(|work| work.requester.clone()).ok().flatten()
}
