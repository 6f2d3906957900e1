//! Password hashing: Argon2id in a pool with a fixed number of threads, which refuses work that it
//! cannot do in time.
//!
//! Each thread keeps its memory while there is work and frees it when there is none. An attempt
//! that would wait too long is refused at once, because a long queue would only make every answer
//! late.
//!
//! Attempts from a browser or a place that the account knows go before attempts of strangers. While
//! both wait, strangers get one turn of four. So many attempts of strangers cannot keep out known
//! people, and no stranger waits for ever.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::Block;
use tokio::sync::oneshot;

use super::foreign_hash;
use super::hashing_queue::{Busy, HashingQueue, Job, Lane, Task, TimedCheck, Work};
use super::password_hash::{Cost, PasswordToCheck, check, hash, params};
use crate::domain::foreign_hash::{ForeignHash, WeakHash};
use crate::domain::request;
use crate::domain::secret::Secret;
use crate::domain::verdict::{Error, Fault};
use crate::runtime::spans;
use crate::runtime::supervisor::{Need, Supervisor};
use crate::settings::kinds::whole;
use crate::settings::{group, settings};

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

/// A pool of threads that hash passwords.
#[derive(Clone, Debug)]
pub struct Hasher(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    cost: Cost,
    threads: u32,
    queue: Mutex<HashingQueue>,
    wakes: Condvar,
    /// How long the slowest check of a foreign hash takes.
    yardstick: Mutex<Option<Yardstick>>,
}

/// How long a check of the slowest foreign hash takes on this machine.
#[derive(Clone, Debug)]
struct Yardstick {
    /// What it was measured with.
    work: i64,
    longest: Duration,
    measured_at: Instant,
}

/// How many jobs may wait that go before the checks. Each sign-in in progress has one of them at a
/// time, and `throttle` allows fewer sign-ins than this.
const FIRST: usize = 2048;
/// The longest time that a check waits for a free thread.
const LONGEST_WAIT: Duration = Duration::from_millis(1200);
/// How long a measured time counts.
const MEASURED: Duration = Duration::from_hours(1);
/// A thread that has no work for this time frees its memory.
const REST: Duration = Duration::from_secs(1);

impl Hasher {
    /// Starts a pool of this many threads, for a process that ends soon.
    pub fn new(cost: Cost, threads: u32) -> Result<Self, Fault> {
        Self::supervised(cost, threads, &Supervisor::default())
    }

    /// Starts a pool of this many threads, which the supervisor keeps running.
    pub fn supervised(cost: Cost, threads: u32, supervisor: &Supervisor) -> Result<Self, Fault> {
        let fault = |error| Fault::internal("starting the hashing threads", error);
        let queue = Mutex::new(HashingQueue::new());
        let yardstick = Mutex::new(None);
        let pool = Pool { cost, threads, queue, wakes: Condvar::new(), yardstick };
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

    /// Hashes a password for storing. It goes before every check, because only the operator or a
    /// person with a new password asks for it.
    pub async fn hash(&self, password: Secret<Vec<u8>>) -> Result<String, Fault> {
        let (reply, answer) = oneshot::channel();
        let password = PasswordToCheck { normalised: password, typed: None };
        self.0.first(Job { password, task: Task::Hash(reply), since: Instant::now() })?;
        in_time(HASHING, answer).await?
    }

    /// Puts a weak hash of another program into an Argon2id hash. The password is not known.
    pub async fn wrap(&self, weak: WeakHash) -> Result<ForeignHash, Fault> {
        let (reply, answer) = oneshot::channel();
        let (task, since) = (Task::Wrap(weak, reply), Instant::now());
        self.0.first(Job { password: PasswordToCheck::default(), task, since })?;
        in_time("wrapping a password hash", answer).await?
    }

    /// How long a refusal takes while this is the foreign hash whose check takes longest: a quarter
    /// more than the longest that was measured, so that a check seldom takes longer.
    pub async fn refusal_time(&self, slowest: &str, work: i64) -> Result<Duration, Fault> {
        let known = self.0.yardstick().clone();
        let known = known.filter(|one| one.work == work && one.measured_at.elapsed() < MEASURED);
        let longest = if let Some(known) = known {
            known.longest
        } else {
            let (reply, answer) = oneshot::channel();
            let (task, since) = (Task::Measure(slowest.to_owned(), reply), Instant::now());
            self.0.first(Job { password: PasswordToCheck::default(), task, since })?;
            let longest = in_time("measuring a password check", answer).await??;
            let measured_at = Instant::now();
            *self.0.yardstick() = Some(Yardstick { work, longest, measured_at });
            longest
        };
        Ok(longest + longest / 4)
    }

    /// Runs another part of a sign-in, before the next hash. Work that needs the processor for a
    /// long time is done on these threads and not on those that answer other requests.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let (reply, answer) = oneshot::channel();
        let request = request::current();
        let work: Work = Box::new(move || {
            // If nobody waits for the result any more, the work is skipped.
            if !reply.is_closed() {
                drop(reply.send(request::on_a_thread(request, work)));
            }
        });
        let (password, since) = (PasswordToCheck::default(), Instant::now());
        let job = Job { password, task: Task::Run(work), since };
        self.0.first(job)?;
        in_time("finishing a sign-in", answer).await
    }

    /// How many jobs wait for a thread.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether a check in this lane would wait too long.
    #[must_use]
    pub fn is_overloaded(&self, lane: Lane) -> bool {
        self.0.is_overloaded(lane)
    }

    /// Checks a password against a stored hash. If there is none, the same work is done.
    pub async fn check(
        &self,
        lane: Lane,
        password: PasswordToCheck,
        stored: Option<String>,
    ) -> Result<TimedCheck, Error<Busy>> {
        let (reply, answer) = oneshot::channel();
        if self.0.is_overloaded(lane) {
            return Err(Error::Refused(Busy));
        }
        let job = Job { password, task: Task::PasswordCheck(stored, reply), since: Instant::now() };
        self.0.push(lane, job);
        in_time(HASHING, answer).await?
    }
}

const HASHING: &str = "hashing a password";

/// Waits for the answer of a thread, at most until the deadline of the request.
async fn in_time<T>(doing: &'static str, answer: oneshot::Receiver<T>) -> Result<T, Fault> {
    let _span = spans::of_part(doing);
    let late = || Fault::unavailable(doing, "no thread was free in time");
    let answer = request::in_time(answer).await.ok_or_else(late)?;
    answer.map_err(|error| Fault::internal(doing, error))
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wakes.notify_all();
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, HashingQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn yardstick(&self) -> MutexGuard<'_, Option<Yardstick>> {
        self.yardstick.lock().unwrap_or_else(PoisonError::into_inner)
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
        queue.pace.saturating_mul(ahead) / self.threads > LONGEST_WAIT
    }

    fn work(&self) {
        let mut memory = Vec::new();
        while let Some(job) = self.next(&mut memory) {
            let is_left = match &job.task {
                Task::PasswordCheck(_, reply) => reply.is_closed(),
                Task::Hash(reply) => reply.is_closed(),
                Task::Measure(_, reply) => reply.is_closed(),
                Task::Wrap(_, reply) => reply.is_closed(),
                Task::Run(_) => false,
            };
            if is_left {
                continue;
            }
            let started = Instant::now();
            match job.task {
                Task::Run(work) => {
                    work();
                    continue;
                }
                Task::Hash(reply) => {
                    // If nobody waits for the answer any more, it is dropped.
                    let _ =
                        reply.send(hash(self.cost, job.password.normalised.expose(), &mut memory));
                }
                Task::Measure(stored, reply) => {
                    let _ = reply.send(foreign_hash::longest_check(&stored, &mut memory));
                    continue;
                }
                Task::Wrap(weak, reply) => {
                    let _ = reply.send(foreign_hash::wrap(weak, self.cost, &mut memory));
                }
                Task::PasswordCheck(_, reply) if job.since.elapsed() > LONGEST_WAIT => {
                    let _ = reply.send(Err(Error::Refused(Busy)));
                    continue;
                }
                Task::PasswordCheck(stored, reply) => {
                    let checked = check(self.cost, &job.password, stored.as_deref(), &mut memory);
                    let checked = checked.map(|check| TimedCheck { check, began: started });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::password_hash::PasswordCheck;
    use crate::domain::foreign_hash::{self, ReadHash};
    use crate::runtime::supervisor::Pauses;

    const CHEAP: Cost = Cost { memory: 64, passes: 1 };

    fn password(text: &str) -> Secret<Vec<u8>> {
        Secret::new(text.as_bytes().to_vec())
    }

    async fn check(hasher: &Hasher, text: &str, stored: Option<&str>) -> PasswordCheck {
        let (password, stored) = (PasswordToCheck::of(text), stored.map(str::to_owned));
        hasher.check(Lane::Known, password, stored).await.unwrap().check
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_alone() {
        let hasher = Hasher::new(CHEAP, 1).unwrap();
        let stored = hasher.hash(password("horse")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert_eq!(check(&hasher, "horse", Some(&stored)).await, PasswordCheck::Right(None));
        assert_eq!(check(&hasher, "Horse", Some(&stored)).await, PasswordCheck::Wrong);
        assert_eq!(check(&hasher, "horse", None).await, PasswordCheck::Wrong);
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
        let PasswordCheck::Right(Some(new)) = check(&hasher, "horse", Some(&old)).await else {
            panic!("the password is right and its hash is old");
        };
        assert!(new.starts_with("$argon2id$v=19$m=128,t=2,p=1$"));
        assert_eq!(check(&hasher, "horse", Some(&new)).await, PasswordCheck::Right(None));
    }

    #[tokio::test]
    async fn an_overloaded_pool_turns_away_at_once() {
        let hasher = Hasher::new(Cost { memory: 19 * 1024, passes: 2 }, 1).unwrap();
        hasher.0.lock().pace = Duration::from_mins(1);
        let checks = (0..8).map(|_| hasher.check(Lane::Stranger, PasswordToCheck::of("x"), None));
        let answers = futures_util::future::join_all(checks).await;
        assert!(answers.iter().any(|answer| matches!(answer, Err(Error::Refused(Busy)))));
        assert!(answers.iter().any(Result::is_ok));
    }

    #[test]
    fn what_goes_before_every_check_is_bounded_as_well() {
        // A pool without threads takes no job out of the queue.
        let hasher = Hasher::new(CHEAP, 0).unwrap();
        let first = || {
            hasher.0.first(Job {
                password: PasswordToCheck::default(),
                task: Task::Run(Box::new(|| ())),
                since: Instant::now(),
            })
        };
        assert!((0..FIRST).all(|_| first().is_ok()));
        assert!(first().is_err());
        assert_eq!(hasher.waiting(), FIRST);
    }

    /// In NFD, the letter and its accent are two characters.
    #[tokio::test]
    async fn a_foreign_hash_is_tried_as_typed_and_then_normalised_and_renewed() {
        let hasher = Hasher::new(CHEAP, 1).unwrap();
        let decomposed = "cafe\u{301} au lait";
        for (hashed, typed) in
            [(decomposed, decomposed), ("caf\u{e9} au lait", decomposed), ("plain", "plain")]
        {
            let salt = [7; 16];
            let mut with_end = hashed.as_bytes().to_vec();
            with_end.push(0);
            let output = bcrypt::bcrypt(4, salt, &with_end);
            let stored = ForeignHash {
                scheme: foreign_hash::Scheme::Bcrypt { cost: 4, of_sha256: false },
                salt: salt.to_vec(),
                output: output[..23].to_vec(),
            };
            let stored = stored.stored();
            let PasswordCheck::Right(Some(new)) = check(&hasher, typed, Some(&stored)).await else {
                panic!("{hashed:?} {typed:?}");
            };
            assert_eq!(check(&hasher, typed, Some(&new)).await, PasswordCheck::Right(None));
            assert_eq!(check(&hasher, "wrong", Some(&stored)).await, PasswordCheck::Wrong);
        }
    }

    #[tokio::test]
    async fn a_weak_hash_is_wrapped_and_its_password_is_right() {
        let hasher = Hasher::new(CHEAP, 1).unwrap();
        let read = foreign_hash::read("{SSHA}6pQ5dQ0kcZHSpE0nJwOnOSkvOklzYWx0").unwrap();
        let ReadHash::Weak(weak) = read else { panic!("{read:?}") };
        let bare = weak.output.clone();
        let wrapped = hasher.wrap(weak).await.unwrap();
        assert!(
            !wrapped.stored().contains(&base64::Engine::encode(
                &base64::engine::general_purpose::STANDARD,
                bare
            ))
        );
        assert_eq!(check(&hasher, "wrong", Some(&wrapped.stored())).await, PasswordCheck::Wrong);
    }

    #[tokio::test]
    async fn a_refusal_takes_as_long_as_the_slowest_hash_until_another_is_the_slowest() {
        let hasher = Hasher::new(CHEAP, 1).unwrap();
        let hash = |rounds| ForeignHash {
            scheme: foreign_hash::Scheme::Pbkdf2 { digest: foreign_hash::Digest::Sha256, rounds },
            salt: vec![1; 16],
            output: vec![2; 32],
        };
        let (slow, fast) = (hash(200_000), hash(1));
        let first = hasher.refusal_time(&slow.stored(), 2).await.unwrap();
        assert_eq!(hasher.refusal_time(&slow.stored(), 2).await.unwrap(), first);
        assert!(hasher.refusal_time(&fast.stored(), 1).await.unwrap() < first);
    }
}
