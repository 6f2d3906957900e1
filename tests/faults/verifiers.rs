//! Resource servers in five languages poll the status list while tokens die, keys rotate, servers
//! restart and clocks are off.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all, join3};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::faketime::{environment, is_off};
use crate::resource_server::ResourceServer;
use crate::support::{
    App, Balancer, Binary, Cli, ClientArguments, PASSWORD, decode_header, eventually, free_port,
};
use crate::toolchain::{Language, of_the_kit};
use crate::{CannotRun, Outcome, own_postgres};

const AUDIENCE: &str = "https://api.example.com";
/// How long a status list may be used.
const TTL: Duration = Duration::from_secs(5);
/// A verifier that polls accepts no token so long after the answer to its revocation.
const LATEST: Duration = TTL.saturating_add(Duration::from_secs(1));
/// It is asked for so long afterwards.
const AFTERWARDS: Duration = Duration::from_secs(2);
const ASKED_EVERY: Duration = Duration::from_millis(250);
/// How often each is asked about a good token and a dead one.
const LOOKS: Duration = Duration::from_millis(500);
/// So many good tokens are held, the oldest of which is five minutes old.
const GOOD: usize = 30;
const DEAD: usize = 60;
/// The clock of the second server, one step after the other, in seconds from the true time. Verifiers
/// of the kit allow for ten seconds, and no step is longer than `TTL`.
const CLOCKS: [i64; 4] = [4, 0, -4, 0];
/// Verifiers by Python live in the future.
const PYTHON: &str = "+4s";
const PAUSE: Duration = Duration::from_secs(7);

/// A resource server, and what it answered.
struct Verifier {
    name: &'static str,
    server: ResourceServer,
    asked: AtomicUsize,
    /// Answers that said nothing of the token.
    unclear: AtomicUsize,
    /// The longest time after a revocation at which it accepted the token.
    latest: Mutex<Duration>,
}

/// All that is known while the work goes on.
struct Watch {
    verifiers: Vec<Verifier>,
    good: Mutex<VecDeque<String>>,
    dead: Mutex<VecDeque<String>>,
    kids: Mutex<BTreeSet<String>>,
    broken: Mutex<Vec<String>>,
    until: Instant,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) async fn while_tokens_die(minutes: usize) -> Result<Outcome, CannotRun> {
    let (verifiers, missing) = programs().await?;
    let postgres = own_postgres(&[])?;
    let mut site = Site::start(&postgres.database()).await?;
    let issuer = site.servers[0].issuer();
    let verifiers = verifiers.into_iter().map(|(name, program)| {
        let server = match program {
            None => ResourceServer::of_the_crate(&issuer, AUDIENCE),
            Some(program) => ResourceServer::start(program, &issuer, AUDIENCE),
        };
        let (asked, unclear) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Verifier { name, server, asked, unclear, latest: Mutex::default() }
    });
    let verifiers: Vec<_> = verifiers.collect();
    for name in ["alice", "bob", "carol"] {
        site.servers[0].user(name, PASSWORD).await;
    }
    let app = ClientArguments::by_password().with("--audience", AUDIENCE);
    let app = site.servers[0].register("app", &app.with("--status-list", "true")).await;
    let (token, kept) = app.password_as("alice", PASSWORD, "openid").await.pair();
    eventually("all have started", async || {
        let all = join_all(verifiers.iter().map(|one| one.server.accepts(&token))).await;
        all.iter().all(|answer| *answer == Some(true))
    })
    .await;
    let watch = Watch {
        verifiers,
        good: Mutex::new([token].into()),
        dead: Mutex::default(),
        kids: Mutex::default(),
        broken: Mutex::default(),
        until: Instant::now() + Duration::from_mins(u64::try_from(minutes).unwrap_or(u64::MAX)),
    };
    // The servers come and go; the command line is there.
    let mut verbs = Cli::replica_of(&site.servers[0]).await;
    set(&mut verbs);
    let deaths = Box::pin(watch.deaths(&app, &verbs, kept));
    let faults = Box::pin(site.faults(&watch, &verbs));
    let (revoked, made, ()) = join3(deaths, faults, Box::pin(watch.looks())).await;
    Ok(watch.told(revoked, &made, &missing))
}

type Programs = Vec<(&'static str, Option<tokio::process::Command>)>;

/// The crate and the programs that can be had here, and why others cannot.
async fn programs() -> Result<(Programs, Vec<String>), CannotRun> {
    let mut all: Programs = vec![("Rust", None)];
    let mut missing = Vec::new();
    for (name, language, folder) in [
        ("Node", Language::Node, "node"),
        ("Python", Language::Python, "python/fastapi"),
        ("Go", Language::Go, "go"),
        ("Java", Language::Java, "spring"),
    ] {
        match of_the_kit(language, folder).await {
            Ok(mut program) => {
                if language == Language::Python {
                    program.envs(environment("FAKETIME", PYTHON).await?);
                }
                all.push((name, Some(program)));
            }
            // Maven fetches sixty megabytes, which not every machine can.
            Err(why) if language == Language::Java => {
                missing.push(format!("without {name}: {why}"));
            }
            Err(why) => return Err(CannotRun(format!("{name} cannot be had: {why}"))),
        }
    }
    Ok((all, missing))
}

/// Two servers behind a proxy. The clock of the second is off.
struct Site {
    servers: [Binary; 2],
    clock: PathBuf,
    _balancer: Balancer,
}

/// How often each fault was made.
#[derive(Default)]
struct Made {
    rotations: usize,
    restarts: usize,
    steps: usize,
}

impl Site {
    async fn start(database: &crate::support::Database) -> Result<Self, CannotRun> {
        let front = format!("127.0.0.1:{}", free_port());
        let mut cli = Cli::new(database).await;
        cli.set("MAPAE_ISSUER", format!("http://{front}"));
        set(&mut cli);
        let first = cli.serve().await;
        let mut cli = Cli::replica_of(&first).await;
        set(&mut cli);
        let clock = cli.folder.path().join("clock");
        std::fs::write(&clock, "+0").expect("written");
        is_off(&mut cli, "FAKETIME_TIMESTAMP_FILE", clock.to_str().expect("a path")).await?;
        let servers = [first, cli.serve().await];
        let addresses = servers.each_ref().map(|server| server.cli.get("MAPAE_LISTEN").to_owned());
        let balancer = Balancer::at(&front, &addresses).await;
        let balancer = balancer.ok_or_else(|| CannotRun("there is no haproxy".to_owned()))?;
        Ok(Self { servers, clock, _balancer: balancer })
    }

    /// Makes one fault after the other.
    async fn faults(&mut self, watch: &Watch, verbs: &Cli) -> Made {
        let mut made = Made::default();
        for number in 0.. {
            sleep(PAUSE).await;
            if watch.is_over() {
                break;
            }
            match number % 3 {
                0 => {
                    verbs.json(&["key", "rotate", "--alg", "RS256"], None).await;
                    made.rotations += 1;
                }
                1 => {
                    let server = &mut self.servers[made.restarts % 2];
                    server.terminate().await;
                    let code = server.ended().await;
                    if code != Some(0) {
                        watch.is_broken(format!("a server ended with {code:?}"));
                    }
                    server.restart().await;
                    made.restarts += 1;
                }
                _ => {
                    let seconds = CLOCKS[made.steps % CLOCKS.len()];
                    std::fs::write(&self.clock, format!("{seconds:+}")).expect("written");
                    made.steps += 1;
                }
            }
        }
        made
    }
}

fn set(cli: &mut Cli) {
    for (name, value) in [
        ("MAPAE_STATUS_LIST_TTL", "5s"),
        ("MAPAE_KEYS_PUBLISH_LEAD", "15s"),
        ("MAPAE_KEYS_JWKS_MAX_AGE", "5s"),
        ("MAPAE_KEYS_RELOAD", "1s"),
        ("MAPAE_SHUTDOWN_DELAY", "2s"),
    ] {
        cli.set(name, value);
    }
}

impl Watch {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    fn is_broken(&self, what: String) {
        println!(
            "{:?} before the end: {what}",
            self.until.saturating_duration_since(Instant::now())
        );
        locked(&self.broken).push(what);
    }

    /// What a verifier says of a token.
    async fn accepts(&self, verifier: &Verifier, token: &str) -> Option<bool> {
        let answer = verifier.server.accepts(token).await;
        let count = if answer.is_some() { &verifier.asked } else { &verifier.unclear };
        count.fetch_add(1, Ordering::SeqCst);
        answer
    }

    /// All of them accept a good token.
    async fn all_accept(&self, token: &str) {
        join_all(self.verifiers.iter().map(|verifier| async move {
            if self.accepts(verifier, token).await == Some(false) {
                let kid = decode_header(token)["kid"].clone();
                self.is_broken(format!("{} refuses a good token of {kid}", verifier.name));
            }
        }))
        .await;
    }

    /// None of them accepts a token that died long ago.
    async fn none_accepts(&self, token: &str) {
        join_all(self.verifiers.iter().map(|verifier| async move {
            if self.accepts(verifier, token).await == Some(true) {
                self.is_broken(format!("{} accepts a dead token again", verifier.name));
            }
        }))
        .await;
    }

    /// Tokens are issued, are good, and are revoked in every way.
    async fn deaths(&self, app: &App, verbs: &Cli, mut kept: String) -> usize {
        let mut revoked = 0;
        while !self.is_over() {
            let (token, next) = app.refresh(&kept).await.pair();
            kept = next;
            self.all_accept(&token).await;
            locked(&self.kids).insert(decode_header(&token)["kid"].to_string());
            keep(&self.good, token, GOOD);
            let by_refresh_token = self.dies(app, "bob", async |_, refresh| {
                app.revoke(&refresh).await.ok();
            });
            let by_itself = self.dies(app, "bob", async |access, _| {
                app.revoke(&access).await.ok();
            });
            let by_logout = self.dies(app, "carol", async |_, _| {
                verbs.json(&["user", "logout", "--username", "carol"], None).await;
            });
            join3(by_refresh_token, by_itself, by_logout).await;
            revoked += 3;
        }
        revoked
    }

    /// Somebody signs in, the token is good, it is revoked, and nobody accepts it in the end.
    async fn dies(&self, app: &App, person: &str, revoke: impl AsyncFnOnce(String, String)) {
        let (token, refresh) = app.password_as(person, PASSWORD, "openid").await.pair();
        self.all_accept(&token).await;
        revoke(token.clone(), refresh).await;
        let revoked = Instant::now();
        join_all(self.verifiers.iter().map(|one| self.is_refused(one, &token, revoked))).await;
        keep(&self.dead, token, DEAD);
    }

    async fn is_refused(&self, verifier: &Verifier, token: &str, revoked: Instant) {
        let mut ticks = interval(ASKED_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let asked = revoked.elapsed();
            if asked > LATEST + AFTERWARDS {
                return;
            }
            if self.accepts(verifier, token).await == Some(true) {
                let mut latest = locked(&verifier.latest);
                *latest = asked.max(*latest);
                if asked > LATEST {
                    let name = verifier.name;
                    self.is_broken(format!("{name} accepts {asked:?} after the revocation"));
                }
            }
        }
    }

    /// Good tokens stay good, and dead ones stay dead.
    async fn looks(&self) {
        let mut ticks = interval(LOOKS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 0.. {
            ticks.tick().await;
            if self.is_over() {
                return;
            }
            let one_of = |all: &Mutex<VecDeque<String>>| {
                let all = locked(all);
                all.get(number % all.len().max(1)).cloned()
            };
            let (good, dead) = (one_of(&self.good), one_of(&self.dead));
            let good = async {
                if let Some(token) = good {
                    self.all_accept(&token).await;
                }
            };
            let dead = async {
                if let Some(token) = dead {
                    self.none_accepts(&token).await;
                }
            };
            join(good, dead).await;
        }
    }

    fn told(self, revoked: usize, made: &Made, missing: &[String]) -> Outcome {
        let Made { rotations, restarts, steps } = made;
        let kids = locked(&self.kids).len();
        let mut outcome = Outcome { faults: rotations + restarts + steps, ..Outcome::default() };
        outcome.measured.push(format!(
            "{revoked} tokens revoked; {rotations} rotations, {kids} keys signed; {restarts} \
             restarts; {steps} steps of a clock"
        ));
        for verifier in &self.verifiers {
            let (asked, unclear) = (&verifier.asked, &verifier.unclear);
            let (asked, unclear) = (asked.load(Ordering::SeqCst), unclear.load(Ordering::SeqCst));
            outcome.operations += asked;
            outcome.measured.push(format!(
                "{}: {asked} answers, a dead token was accepted for at most {} ms; {unclear} times \
                 it could not say",
                verifier.name,
                locked(&verifier.latest).as_millis()
            ));
        }
        outcome.measured.extend_from_slice(missing);
        outcome.broken = std::mem::take(&mut *locked(&self.broken));
        // The last key may not have signed yet, and the first one was there.
        if kids < *rotations {
            outcome.broken.push(format!("{kids} keys signed in {rotations} rotations"));
        }
        if revoked == 0 {
            outcome.broken.push("no token was revoked".to_owned());
        }
        outcome
    }
}

/// Keeps the newest of these.
fn keep(all: &Mutex<VecDeque<String>>, token: String, most: usize) {
    let mut all = locked(all);
    all.push_back(token);
    if all.len() > most {
        all.pop_front();
    }
}
