//! Attempts at one thing that many wait for: one is made at a time, and whoever waited for one that
//! failed shares its failure. If each of them made an attempt of its own while the database is away,
//! the last one would be answered only after all the others had waited in vain. An attempt that had
//! begun before somebody came may have met what was over by then, so they share the next one.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::domain::request;
use crate::domain::verdict::{Fault, FaultKind};

/// The attempts at one thing.
#[derive(Debug, Default)]
pub struct Attempts {
    /// Whoever makes an attempt holds it. It has the last failure that is shared, with the number of
    /// its attempt.
    turn: Mutex<Option<(u64, Fault)>>,
    /// How many attempts have begun.
    begun: AtomicU64,
}

impl Attempts {
    /// What is there, or else what an attempt brings. Nobody waits for the attempts of others longer
    /// than until the deadline of their own request.
    pub async fn make<T>(
        &self,
        there: impl Fn() -> Option<T>,
        attempt: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        if let Some(there) = there() {
            return Ok(there);
        }
        let begun_before = self.begun.load(Ordering::SeqCst);
        let Some(mut last) = request::in_time(self.turn.lock()).await else {
            let why = "the request has no time left";
            return Err(Fault::unavailable("waiting for an attempt of somebody else", why));
        };
        if let Some(there) = there() {
            return Ok(there);
        }
        if let Some((number, fault)) = &*last
            && *number > begun_before
        {
            return Err(fault.clone());
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let made = attempt.await;
        if let Err(fault) = &made
            && is_of_all(fault)
        {
            *last = Some((number, fault.clone()));
        }
        made
    }
}

/// Whether the others would fail as well: something does not answer. That a transaction was in the way
/// of another one, or that a request had no time left, says nothing about their attempts.
fn is_of_all(fault: &Fault) -> bool {
    let is_late = request::current().is_some_and(|request| request.deadline.has_passed());
    fault.kind() == FaultKind::Unavailable && !fault.is_conflict() && !is_late
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::sync::oneshot;

    use super::*;
    use crate::domain::deadline::Deadline;
    use crate::domain::request::{Request, RequestId, within};

    fn away() -> Fault {
        Fault::unavailable("reading", "the database is away")
    }

    fn nothing() -> Option<u32> {
        None
    }

    /// A request without any time.
    fn late() -> Request {
        Request::new(RequestId(1, 1), "GET", Deadline::within(Duration::ZERO))
    }

    /// What others get who wait for a first attempt that fails like this, and how many of them made an
    /// attempt of their own.
    async fn others(
        request: Option<Request>,
        failure: Fault,
    ) -> (Vec<Result<u32, Fault>>, Attempts, u32) {
        let (attempts, made) = (Attempts::default(), AtomicU32::new(0));
        let (end, ended) = oneshot::channel::<()>();
        let first = attempts.make(nothing, async {
            ended.await.unwrap();
            Err(failure)
        });
        let first = async {
            match request {
                Some(request) => within(request, first).await,
                None => first.await,
            }
        };
        let others = (0..5).map(|_| {
            attempts.make(nothing, async {
                made.fetch_add(1, Ordering::SeqCst);
                Err(away())
            })
        });
        let (first, others, ()) = tokio::join!(first, join_all(others), async {
            end.send(()).unwrap();
        });
        first.unwrap_err();
        (others, attempts, made.into_inner())
    }

    #[tokio::test]
    async fn whoever_waited_for_an_attempt_that_failed_shares_its_failure() {
        let (others, attempts, made) = others(None, away()).await;
        // They came when the first attempt had begun: one of them makes the next one, for all.
        assert_eq!(made, 1);
        for other in others {
            assert_eq!(other.unwrap_err().to_string(), away().to_string());
        }
        // Whoever comes later makes an attempt.
        assert_eq!(attempts.make(nothing, async { Ok(7) }).await.unwrap(), 7);
        assert_eq!(attempts.make(|| Some(8), async { Err(away()) }).await.unwrap(), 8);
    }

    #[tokio::test]
    async fn a_failure_that_says_nothing_of_the_others_is_not_theirs() {
        let own = [
            (Some(late()), away()),
            (None, Fault::conflict("reading", "another transaction was in the way")),
            (None, Fault::internal("reading", "a row is corrupt")),
        ];
        for (request, failure) in own {
            let (others, _, made) = others(request, failure).await;
            // The first of them makes an attempt, whose failure the rest shares.
            assert_eq!((others.len(), made), (5, 1));
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_others_longer_than_until_the_deadline_of_the_request() {
        let attempts = Attempts::default();
        let (end, ended) = oneshot::channel::<()>();
        let first = attempts.make(nothing, async {
            ended.await.unwrap();
            Ok(7)
        });
        let other = async {
            let refused = within(late(), attempts.make(nothing, async { Ok(8) })).await;
            end.send(()).unwrap();
            refused
        };
        let (first, other) = tokio::join!(first, other);
        assert_eq!(first.unwrap(), 7);
        assert!(other.unwrap_err().to_string().contains("no time left"));
    }
}
