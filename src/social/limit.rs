//! How long a visit may take, and whose fault it is when it takes longer.

use std::time::Duration;

use tokio::time::Instant;

use super::provider::Answer;
use super::trouble::Trouble;

/// The longest that a visit may take, however many calls it needs: two that take as long as one may
/// ([`outbound::Config::patience`](crate::outbound::Config)).
const PATIENCE: Duration = Duration::from_secs(10);
/// Three calls that take so long are no visit: an answer that takes longer is no sign of health.
pub(super) const SLOW: Duration = Duration::from_secs(3);

tokio::task_local! {
    /// When the visit under way must have ended.
    static ENDS: Instant;
}

/// Bounds a visit in time.
pub async fn in_time<T>(answer: Answer<'_, T>) -> Result<T, Trouble> {
    within(PATIENCE, answer).await
}

/// Bounds it by another time.
pub(super) async fn within<T>(patience: Duration, answer: Answer<'_, T>) -> Result<T, Trouble> {
    let ends = Instant::now() + patience;
    let answered = ENDS.scope(ends, tokio::time::timeout_at(ends, answer)).await;
    answered.unwrap_or_else(|_| {
        let late = format!("the provider took more than {} s", patience.as_secs());
        Err(Trouble::Unavailable(late))
    })
}

/// When the visit under way must have ended, if there is one.
pub(super) fn ends() -> Option<Instant> {
    ENDS.try_with(|ends| *ends).ok()
}
