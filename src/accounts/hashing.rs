//! Password hashing: Argon2id in a bounded pool of threads that sheds load.
//!
//! Each thread keeps its memory while there is work and gives it back when there is none. Who would
//! wait too long is turned away at once: a queue of passwords only makes everybody late.
//!
//! Who comes from a browser or a place that the account knows goes before strangers, who get one turn
//! of four as long as both wait: a flood of strangers keeps nobody known out, and none of them for ever.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;

use crate::domain::secret::Secret;
use crate::domain::verdict::{Error, Fault};
use crate::domain::{random, request};
use crate::runtime::supervisor::{Need, Supervisor};
use crate::settings::kinds::whole;
use crate::settings::{group, settings};

/// The cost of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for Cost {
    /// The OWASP parameters: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self { memory: 19 * 1024, passes: 2 }
    }
}

settings! {
    /// How passwords are hashed.
    #[derive(Clone, Copy, Debug)]
    pub struct Hashing in "Password hashing" {
        /// The cost of a hash.
        pub cost: Cost = group(|from| Cost {
            memory: from.take(whole("hashing.memory_kib", 7 * 1024..=u32::MAX, Cost::default().memory).unit("KiB").words(
                "The memory that one hash with Argon2id takes. Hashes of another cost are renewed at the next sign-in.",
            )),
            passes: from.take(whole("hashing.passes", 1..=u32::MAX, Cost::default().passes).words(
                "The passes over that memory.",
            )),
        }),
        /// The threads that hash. Each of them holds the memory of one hash while it works.
        pub threads: u32 = whole("hashing.threads", 1..=u32::MAX, cores()).default_in_words("one for each core"),
    }
}

fn cores() -> u32 {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    u32::try_from(cores).unwrap_or(2)
}

/// The pool has more to do than it can answer in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// What a check found out.
#[derive(Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// Not the password.
    Wrong,
    /// The password; with a new hash when the stored one has another cost than today's.
    Right(Option<String>),
}

/// A pool of threads that hash.
#[derive(Clone, Debug)]
pub struct Hasher(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    cost: Cost,
    threads: u32,
    queue: Mutex<Queue>,
    wakes: Condvar,
}

/// Which queue a check waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Of a browser or from a place that the account knows.
    Known,
    /// Of anybody else.
    Stranger,
}

#[derive(Debug)]
struct Queue {
    /// What goes before every check: at most [`FIRST`].
    first: VecDeque<Job>,
    known: VecDeque<Job>,
    strangers: VecDeque<Job>,
    /// How many of the known went before a stranger who waits.
    passed: usize,
    /// A moving average of the time that one hash takes.
    pace: Duration,
    closed: bool,
}

/// So many of the known go before one stranger.
const BEFORE_A_STRANGER: usize = 3;

impl Queue {
    fn new() -> Self {
        Self {
            first: VecDeque::new(),
            known: VecDeque::new(),
            strangers: VecDeque::new(),
            passed: 0,
            pace: Duration::from_millis(20),
            closed: false,
        }
    }

    fn len(&self) -> usize {
        self.first.len() + self.known.len() + self.strangers.len()
    }

    fn push(&mut self, lane: Lane, job: Job) {
        match lane {
            Lane::Known => self.known.push_back(job),
            Lane::Stranger => self.strangers.push_back(job),
        }
    }

    fn pop(&mut self) -> Option<Job> {
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
    fn ahead(&self, lane: Lane) -> usize {
        let (known, strangers) = (self.known.len(), self.strangers.len());
        let others = match lane {
            Lane::Known => known + strangers.min(known / BEFORE_A_STRANGER + 1),
            Lane::Stranger => strangers + known.min((strangers + 1) * BEFORE_A_STRANGER),
        };
        self.first.len() + others
    }
}

struct Job {
    password: Secret<Vec<u8>>,
    task: Task,
    since: Instant,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("since", &self.since).finish_non_exhaustive()
    }
}

type Work = Box<dyn FnOnce() + Send>;

enum Task {
    Run(Work),
    Hash(oneshot::Sender<Result<String, Fault>>),
    /// Without a stored hash the work is done all the same: the time says nothing.
    PasswordCheck(Option<String>, oneshot::Sender<Result<PasswordCheck, Error<Busy>>>),
}

/// So much may wait before the checks. Each sign-in in flight brings one piece at a time, and of these
/// there are fewer (`throttle`).
const FIRST: usize = 2048;
/// Nobody waits longer than this for a free thread.
const PATIENCE: Duration = Duration::from_millis(1200);
/// Blocks of 1 KiB. From 32 MiB glibc maps an allocation apart, whatever it has learned before.
const MAPPED_APART: usize = 33 * 1024;
/// A thread without work for this long gives its memory back.
const REST: Duration = Duration::from_secs(1);

impl Hasher {
    /// A pool of this many threads, for a process that ends soon.
    pub fn new(cost: Cost, threads: u32) -> Result<Self, Fault> {
        Self::supervised(cost, threads, &Supervisor::default())
    }

    /// A pool of this many threads, which this supervisor keeps going.
    pub fn supervised(cost: Cost, threads: u32, supervisor: &Supervisor) -> Result<Self, Fault> {
        let fault = |error| Fault::internal("starting the hashing threads", error);
        let queue = Mutex::new(Queue::new());
        let pool = Pool { cost, threads, queue, wakes: Condvar::new() };
        let pool = Arc::new(pool);
        params(cost)?;
        for number in 0..threads {
            let (pool, supervisor) = (Arc::clone(&pool), supervisor.clone());
            std::thread::Builder::new()
                .name(format!("hashing-{number}"))
                .spawn(move || {
                    supervisor
                        .keep_on_this_thread("password hashing", Need::Serving, || pool.work());
                })
                .map_err(fault)?;
        }
        Ok(Self(pool))
    }

    /// Hashes a password for storing, before every check: only an operator or a new password asks.
    pub async fn hash(&self, password: Secret<Vec<u8>>) -> Result<String, Fault> {
        let (reply, answer) = oneshot::channel();
        self.0.first(Job { password, task: Task::Hash(reply), since: Instant::now() })?;
        answer.await.map_err(|error| Fault::internal("hashing a password", error))?
    }

    /// Does another piece of a sign-in's work, before the next hash: what takes a processor for
    /// long belongs on these threads, not on those that answer everybody else.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let (reply, answer) = oneshot::channel();
        let request = request::current();
        let work: Work = Box::new(move || drop(reply.send(request::on_a_thread(request, work))));
        let job = Job { password: Secret::default(), task: Task::Run(work), since: Instant::now() };
        self.0.first(job)?;
        answer.await.map_err(|error| Fault::internal("finishing a sign-in", error))
    }

    /// How many pieces of work wait for a thread.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether a check in this lane would wait too long.
    #[must_use]
    pub fn is_overloaded(&self, lane: Lane) -> bool {
        self.0.is_overloaded(lane)
    }

    /// Checks a password against a stored hash, or against none at the same cost.
    pub async fn check(
        &self,
        lane: Lane,
        password: Secret<Vec<u8>>,
        stored: Option<String>,
    ) -> Result<PasswordCheck, Error<Busy>> {
        let (reply, answer) = oneshot::channel();
        if self.0.is_overloaded(lane) {
            return Err(Error::Refused(Busy));
        }
        let job = Job { password, task: Task::PasswordCheck(stored, reply), since: Instant::now() };
        self.0.push(lane, job);
        answer.await.map_err(|error| Fault::internal("hashing a password", error))?
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wakes.notify_all();
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, lane: Lane, job: Job) {
        self.lock().push(lane, job);
        self.wakes.notify_one();
    }

    fn first(&self, job: Job) -> Result<(), Fault> {
        let mut queue = self.lock();
        if queue.first.len() >= FIRST {
            return Err(Fault::unavailable(
                "queueing for a hashing thread",
                "too much waits already",
            ));
        }
        queue.first.push_back(job);
        drop(queue);
        self.wakes.notify_one();
        Ok(())
    }

    fn is_overloaded(&self, lane: Lane) -> bool {
        let queue = self.lock();
        let ahead = u32::try_from(queue.ahead(lane)).unwrap_or(u32::MAX);
        queue.pace.saturating_mul(ahead) / self.threads > PATIENCE
    }

    fn work(&self) {
        let mut memory = Vec::new();
        while let Some(job) = self.next(&mut memory) {
            if let Task::PasswordCheck(_, reply) = &job.task
                && reply.is_closed()
            {
                continue;
            }
            let started = Instant::now();
            match job.task {
                Task::Run(work) => {
                    work();
                    continue;
                }
                Task::Hash(reply) => {
                    // The asker may be gone; there is nobody else to tell.
                    let _ = reply.send(hash(self.cost, &job.password, &mut memory));
                }
                Task::PasswordCheck(_, reply) if job.since.elapsed() > PATIENCE => {
                    let _ = reply.send(Err(Error::Refused(Busy)));
                    continue;
                }
                Task::PasswordCheck(stored, reply) => {
                    let checked = check(self.cost, &job.password, stored.as_deref(), &mut memory);
                    let _ = reply.send(checked.map_err(Error::Fault));
                }
            }
            let mut queue = self.lock();
            queue.pace = (queue.pace * 7 + started.elapsed()) / 8;
        }
    }

    fn next(&self, memory: &mut Vec<Block>) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.pop() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            queue = if memory.is_empty() {
                self.wakes.wait(queue).unwrap_or_else(PoisonError::into_inner)
            } else {
                let (queue, rest) =
                    self.wakes.wait_timeout(queue, REST).unwrap_or_else(PoisonError::into_inner);
                if rest.timed_out() {
                    *memory = Vec::new();
                }
                queue
            };
        }
    }
}

fn params(cost: Cost) -> Result<Params, Fault> {
    Params::new(cost.memory, cost.passes, 1, Some(32))
        .map_err(|error| Fault::internal("reading the cost of hashing", error.to_string()))
}

fn digest(
    params: Params,
    password: &[u8],
    salt: &[u8],
    memory: &mut Vec<Block>,
) -> Result<Secret<[u8; 32]>, Fault> {
    let fault = |error: argon2::Error| Fault::internal("hashing a password", error.to_string());
    let blocks = params.block_count();
    if memory.len() < blocks {
        // The allocator maps what is this large apart, and gives it back when it is freed; of
        // what is reserved only the touched pages count.
        *memory = Vec::with_capacity(blocks.max(MAPPED_APART));
        memory.resize(blocks, Block::default());
    }
    let mut output = Secret::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, &mut *output, memory.as_mut_slice())
        .map_err(fault)?;
    Ok(output)
}

fn hash(cost: Cost, password: &[u8], memory: &mut Vec<Block>) -> Result<String, Fault> {
    let salt = random::bytes::<16>();
    let output = digest(params(cost)?, password, &salt, memory)?;
    Ok(format!(
        "$argon2id$v=19$m={},t={},p=1${}${}",
        cost.memory,
        cost.passes,
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(*output)
    ))
}

fn check(
    cost: Cost,
    password: &[u8],
    stored: Option<&str>,
    memory: &mut Vec<Block>,
) -> Result<PasswordCheck, Fault> {
    let today = params(cost)?;
    let Some(stored) = stored else {
        digest(today, password, &[0; 16], memory)?;
        return Ok(PasswordCheck::Wrong);
    };
    let broken = |error: String| Fault::internal("reading a password hash", error);
    let parsed = PasswordHash::new(stored).map_err(|error| broken(error.to_string()))?;
    let params = Params::try_from(&parsed).map_err(|error| broken(error.to_string()))?;
    let salt = parsed.salt.as_ref().ok_or_else(|| broken("no salt".to_owned()))?;
    let expected = parsed.hash.as_ref().ok_or_else(|| broken("no output".to_owned()))?;
    let is_current = params.m_cost() == cost.memory && params.t_cost() == cost.passes;
    let found = digest(params, password, salt.as_ref(), memory)?;
    if !bool::from(found.ct_eq(expected.as_bytes())) {
        return Ok(PasswordCheck::Wrong);
    }
    let renewed = if is_current { None } else { Some(hash(cost, password, memory)?) };
    Ok(PasswordCheck::Right(renewed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::supervisor::Pauses;

    const CHEAP: Cost = Cost { memory: 64, passes: 1 };

    fn password(text: &str) -> Secret<Vec<u8>> {
        Secret::new(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_alone() {
        let hasher = Hasher::new(CHEAP, 1).unwrap();
        let stored = hasher.hash(password("horse")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        let check = |text| hasher.check(Lane::Known, password(text), Some(stored.clone()));
        assert_eq!(check("horse").await.unwrap(), PasswordCheck::Right(None));
        assert_eq!(check("Horse").await.unwrap(), PasswordCheck::Wrong);
        assert_eq!(
            hasher.check(Lane::Known, password("horse"), None).await.unwrap(),
            PasswordCheck::Wrong
        );
    }

    #[tokio::test]
    async fn a_panic_ends_no_thread() {
        let at_once = Pauses { first: Duration::ZERO, longest: Duration::ZERO };
        let hasher = Hasher::supervised(CHEAP, 1, &Supervisor::new(at_once)).unwrap();
        for _ in 0..3 {
            assert!(hasher.run(|| panic!("a fault")).await.is_err());
        }
        assert!(hasher.hash(password("horse")).await.is_ok());
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_renewed() {
        let old = Hasher::new(CHEAP, 1).unwrap().hash(password("horse")).await.unwrap();
        let hasher = Hasher::new(Cost { memory: 128, passes: 2 }, 1).unwrap();
        let PasswordCheck::Right(Some(new)) =
            hasher.check(Lane::Known, password("horse"), Some(old)).await.unwrap()
        else {
            panic!("the password is right and its hash is old");
        };
        assert!(new.starts_with("$argon2id$v=19$m=128,t=2,p=1$"));
        assert_eq!(
            hasher.check(Lane::Known, password("horse"), Some(new)).await.unwrap(),
            PasswordCheck::Right(None)
        );
    }

    #[tokio::test]
    async fn an_overloaded_pool_turns_away_at_once() {
        let hasher = Hasher::new(Cost { memory: 19 * 1024, passes: 2 }, 1).unwrap();
        hasher.0.lock().pace = Duration::from_mins(1);
        let checks = (0..8).map(|_| hasher.check(Lane::Stranger, password("x"), None));
        let answers = futures_util::future::join_all(checks).await;
        assert!(answers.iter().any(|answer| matches!(answer, Err(Error::Refused(Busy)))));
        assert!(answers.iter().any(Result::is_ok));
    }

    #[test]
    fn what_goes_before_every_check_is_bounded_as_well() {
        // Without threads nothing is taken out.
        let hasher = Hasher::new(CHEAP, 0).unwrap();
        let first = || {
            hasher.0.first(Job {
                password: password(""),
                task: Task::Run(Box::new(|| ())),
                since: Instant::now(),
            })
        };
        assert!((0..FIRST).all(|_| first().is_ok()));
        assert!(first().is_err());
        assert_eq!(hasher.waiting(), FIRST);
    }

    #[test]
    fn the_known_go_before_strangers_who_get_one_turn_of_four() {
        let job = |name: &str| Job {
            password: password(name),
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
            order.push(String::from_utf8(job.password.to_vec()).unwrap());
        }
        assert_eq!(order[..10], ["first", "k0", "k1", "k2", "s0", "k3", "k4", "k5", "s1", "s2"]);
        assert_eq!(order.len(), 27);
    }
}
