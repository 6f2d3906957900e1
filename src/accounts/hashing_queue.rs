//! In which order passwords are hashed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::password_hash::PasswordCheck;
use crate::domain::secret::Secret;
use crate::domain::verdict::{Error, Fault};

/// The pool has more to do than it can answer in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// Which queue a check waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Of a browser or from a place that the account knows.
    Known,
    /// Of anybody else.
    Stranger,
}

/// What waits for a hashing thread.
#[derive(Debug)]
pub(super) struct Queue {
    /// What goes before every check: at most `FIRST`.
    pub(super) first: VecDeque<Job>,
    known: VecDeque<Job>,
    strangers: VecDeque<Job>,
    /// How many of the known went before a stranger who waits.
    passed: usize,
    /// A moving average of the time that one hash takes.
    pub(super) pace: Duration,
    /// Whether no thread takes anything more.
    pub(super) closed: bool,
}

/// So many of the known go before one stranger.
const BEFORE_A_STRANGER: usize = 3;

impl Queue {
    /// Nothing waits.
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

    /// How much waits.
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.known.len() + self.strangers.len()
    }

    /// Lets a check wait in its lane.
    pub(super) fn push(&mut self, lane: Lane, job: Job) {
        match lane {
            Lane::Known => self.known.push_back(job),
            Lane::Stranger => self.strangers.push_back(job),
        }
    }

    /// What comes next.
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

    /// How many go before a newcomer.
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
    pub(super) password: Secret<Vec<u8>>,
    pub(super) task: Task,
    pub(super) since: Instant,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("since", &self.since).finish_non_exhaustive()
    }
}

/// Another piece of a sign-in.
pub(super) type Work = Box<dyn FnOnce() + Send>;

/// What is to be done.
pub(super) enum Task {
    /// This.
    Run(Work),
    /// A password is hashed for storing.
    Hash(oneshot::Sender<Result<String, Fault>>),
    /// A password is checked. Without a stored hash the work is done all the same: the time says nothing.
    PasswordCheck(Option<String>, oneshot::Sender<Result<PasswordCheck, Error<Busy>>>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_go_before_strangers_who_get_one_turn_of_four() {
        let job = |name: &str| Job {
            password: Secret::new(name.as_bytes().to_vec()),
            task: Task::Run(Box::new(|| ())),
            since: Instant::now(),
        };
        let mut queue = Queue::new();
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
            order.push(String::from_utf8(job.password.expose().clone()).unwrap());
        }
        assert_eq!(order[..10], ["first", "k0", "k1", "k2", "s0", "k3", "k4", "k5", "s1", "s2"]);
        assert_eq!(order.len(), 27);
    }
}
