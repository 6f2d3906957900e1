//! The order in which passwords are hashed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::password_hash::{PasswordCheck, PasswordToCheck};
use crate::domain::foreign_hash::{ForeignHash, WeakHash};
use crate::domain::verdict::{Error, Fault};

/// The refusal of a check, because the pool could not answer it in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// Which queue a check waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Checks from a browser or a place that the account knows.
    Known,
    /// All other checks.
    Stranger,
}

/// The jobs that wait for a hashing thread.
#[derive(Debug)]
pub(super) struct HashingQueue {
    /// The jobs that go before every check: at most `FIRST`.
    pub(super) first: VecDeque<Job>,
    known: VecDeque<Job>,
    strangers: VecDeque<Job>,
    /// How many known checks went before the stranger who waits now.
    passed: usize,
    /// A moving average of the time that one hash takes.
    pub(super) pace: Duration,
    /// Whether the pool is closed: the threads end when the queue is empty.
    pub(super) closed: bool,
}

/// How many known checks go before one stranger's check.
const BEFORE_A_STRANGER: usize = 3;

impl HashingQueue {
    /// An empty queue.
    pub(super) fn new() -> Self {
        Self {
            first: VecDeque::new(),
            known: VecDeque::new(),
            strangers: VecDeque::new(),
            passed: 0,
            pace: Duration::from_millis(20),
            closed: false,
        }
    }

    /// How many jobs wait.
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.known.len() + self.strangers.len()
    }

    /// Adds a check to its lane.
    pub(super) fn push(&mut self, lane: Lane, job: Job) {
        match lane {
            Lane::Known => self.known.push_back(job),
            Lane::Stranger => self.strangers.push_back(job),
        }
    }

    /// Takes out the next job.
    pub(super) fn pop(&mut self) -> Option<Job> {
        if let Some(job) = self.first.pop_front() {
            return Some(job);
        }
        if self.strangers.is_empty() {
            self.passed = 0;
            return self.known.pop_front();
        }
        if self.passed < BEFORE_A_STRANGER
            && let Some(job) = self.known.pop_front()
        {
            self.passed += 1;
            return Some(job);
        }
        self.passed = 0;
        self.strangers.pop_front()
    }

    /// How many jobs go before a new one in this lane.
    pub(super) fn ahead(&self, lane: Lane) -> usize {
        let (known, strangers) = (self.known.len(), self.strangers.len());
        let others = match lane {
            Lane::Known => known + strangers.min(known / BEFORE_A_STRANGER + 1),
            Lane::Stranger => strangers + known.min((strangers + 1) * BEFORE_A_STRANGER),
        };
        self.first.len() + others
    }
}

/// A piece of work for a hashing thread.
pub(super) struct Job {
    pub(super) password: PasswordToCheck,
    pub(super) task: Task,
    pub(super) since: Instant,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("since", &self.since).finish_non_exhaustive()
    }
}

/// Another part of a sign-in's work.
pub(super) type Work = Box<dyn FnOnce() + Send>;

/// The result of a check, and when a thread began with it.
#[derive(Debug)]
pub struct TimedCheck {
    /// The result.
    pub check: PasswordCheck,
    /// When a thread began with it.
    pub began: Instant,
}

/// What a thread has to do.
pub(super) enum Task {
    /// Run this work.
    Run(Work),
    /// Hash a password for storing.
    Hash(oneshot::Sender<Result<String, Fault>>),
    /// Check a password. Without a stored hash the same work is done, so that the time does not
    /// reveal whether there is one.
    PasswordCheck(Option<String>, oneshot::Sender<Result<TimedCheck, Error<Busy>>>),
    /// Say how long the slowest check of a foreign hash takes on this machine.
    Measure(String, oneshot::Sender<Result<Duration, Fault>>),
    /// Wrap a weak hash of another program.
    Wrap(WeakHash, oneshot::Sender<Result<ForeignHash, Fault>>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_go_before_strangers_who_get_one_turn_of_four() {
        let job = |name: &str| Job {
            password: PasswordToCheck::of(name),
            task: Task::Run(Box::new(|| ())),
            since: Instant::now(),
        };
        let mut queue = HashingQueue::new();
        for n in 0..20 {
            queue.push(Lane::Stranger, job(&format!("s{n}")));
        }
        assert_eq!((queue.ahead(Lane::Known), queue.ahead(Lane::Stranger)), (1, 20));
        for n in 0..6 {
            queue.push(Lane::Known, job(&format!("k{n}")));
        }
        assert_eq!((queue.ahead(Lane::Known), queue.ahead(Lane::Stranger)), (9, 26));
        queue.first.push_back(job("first"));
        let mut order = Vec::new();
        while let Some(job) = queue.pop() {
            order.push(String::from_utf8(job.password.normalised.expose().clone()).unwrap());
        }
        assert_eq!(order[..10], ["first", "k0", "k1", "k2", "s0", "k3", "k4", "k5", "s1", "s2"]);
        assert_eq!(order.len(), 27);
    }
}
