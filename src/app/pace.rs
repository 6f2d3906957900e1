//! Runs long work in the background so that it does not disturb requests: it works at most a fifth
//! of the time.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::domain::verdict::Fault;

/// Work in steps.
pub(super) trait Steps {
    /// Takes a step, and returns whether there is another one.
    fn step(&mut self) -> impl Future<Output = Result<bool, Fault>> + Send;
}

/// What measures a step and waits after it.
pub(super) trait Timer {
    /// The current instant.
    fn now(&self) -> Instant;
    /// Waits, and returns whether to continue.
    fn wait(&mut self, this_long: Duration) -> impl Future<Output = bool> + Send;
}

/// The clock of this machine; a wait ends early when the server is told to stop.
#[derive(Debug)]
pub(super) struct UntilStopped(pub(super) watch::Receiver<bool>);

impl Timer for UntilStopped {
    fn now(&self) -> Instant {
        Instant::now()
    }

    async fn wait(&mut self, this_long: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(this_long) => true,
            _ = self.0.wait_for(|stopped| *stopped) => false,
        }
    }
}

/// The pause after a step, as a multiple of the time that the step took.
const REST: u32 = 4;

/// Takes steps until one says that nothing is left, with a pause after each. Returns whether it got
/// to the end.
pub(super) async fn paced(timer: &mut impl Timer, steps: &mut impl Steps) -> Result<bool, Fault> {
    loop {
        let began = timer.now();
        let is_more = steps.step().await?;
        let took = timer.now().saturating_duration_since(began);
        if !timer.wait(took * REST).await {
            return Ok(false);
        }
        if !is_more {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex;

    use super::*;

    type Now = Arc<Mutex<Instant>>;

    struct ByHand {
        now: Now,
        rested: Duration,
        stops_after: usize,
    }

    impl Timer for ByHand {
        fn now(&self) -> Instant {
            *self.now.lock().unwrap()
        }

        async fn wait(&mut self, this_long: Duration) -> bool {
            *self.now.lock().unwrap() += this_long;
            self.rested += this_long;
            self.stops_after = self.stops_after.saturating_sub(1);
            self.stops_after > 0
        }
    }

    struct Taking<'a> {
        now: Now,
        left: &'a [u64],
    }

    impl Steps for Taking<'_> {
        async fn step(&mut self) -> Result<bool, Fault> {
            let (first, left) = self.left.split_first().unwrap();
            *self.now.lock().unwrap() += Duration::from_millis(*first);
            self.left = left;
            Ok(!left.is_empty())
        }
    }

    async fn work(steps: &[u64], stops_after: usize) -> (Duration, Duration, bool) {
        let start = Instant::now();
        let now = Arc::new(Mutex::new(start));
        let mut timer = ByHand { now: Arc::clone(&now), rested: Duration::ZERO, stops_after };
        let ended = paced(&mut timer, &mut Taking { now: Arc::clone(&now), left: steps }).await;
        let all = *now.lock().unwrap() - start;
        (timer.rested, all, ended.unwrap())
    }

    #[tokio::test]
    async fn it_works_for_a_fifth_of_the_time() {
        let (rested, all, ended) = work(&[10, 500, 1, 0, 3], 100).await;
        assert_eq!(rested, Duration::from_millis(514 * 4));
        assert_eq!(all, rested * 5 / 4);
        assert!(ended);
    }

    #[tokio::test]
    async fn it_ends_when_the_server_stops() {
        let (rested, _, ended) = work(&[10; 1000], 3).await;
        assert_eq!(rested, Duration::from_millis(3 * 40));
        assert!(!ended);
    }
}
