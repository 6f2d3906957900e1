//! People whose apps refresh without a pause, what each app received, and the check of all of it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use tokio::task::JoinHandle;

use crate::support::{
    App, Binary, ClientArguments, Evidence, PASSWORD, Reply, decode_claims, decode_header,
};

/// An app may ask again this long after its request was not answered.
const PAUSE: Duration = Duration::from_millis(20);
/// Every request has ended after so long: a connection (3 s) and a transaction (5 s) of the server, and
/// what a busy machine needs. It is less than `http.request_timeout`, so none was ended by the edge.
pub(crate) const LONGEST: Duration = Duration::from_secs(15);

/// What all apps share.
#[derive(Debug, Default)]
pub(crate) struct Work {
    is_over: AtomicBool,
    pub(crate) refreshed: AtomicUsize,
    pub(crate) unanswered: AtomicUsize,
    pub(crate) unavailable: AtomicUsize,
    /// How long each refresh took that succeeded.
    times: Mutex<Vec<Duration>>,
}

impl Work {
    /// Forgets the times so far, and returns the one that ninety-nine of a hundred did not exceed.
    pub(crate) fn take_p99(&self) -> Duration {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let mut times = std::mem::take(&mut *times);
        times.sort_unstable();
        times.get(times.len() * 99 / 100).copied().unwrap_or_default()
    }
}

/// How a crowd works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) people: usize,
    /// How long an app waits after a refresh.
    pub(crate) pause: Duration,
    /// Of each app so many tokens are left to the end, at the least; those before them are checked
    /// during the work.
    pub(crate) kept: usize,
}

impl Plan {
    /// So many people, whose apps wait for nothing and whose tokens are checked at the end.
    pub(crate) fn of(people: usize) -> Self {
        Self { people, pause: Duration::ZERO, kept: usize::MAX }
    }
}

/// What an app received of one family, in order.
#[derive(Debug)]
struct Received {
    access: Vec<String>,
    refresh: Vec<String>,
    /// Answers that nobody honest may get.
    wrong: Vec<String>,
    slowest: Duration,
    /// Checks that were made during the work.
    checks: usize,
    /// One of so many refresh tokens that were checked during the work, for another look at the end.
    sample: Vec<String>,
}

/// One refresh token of so many is looked at again.
const SAMPLE: usize = 50;

impl Received {
    /// Checks all tokens but the newest, and forgets them: they must be good, or spent.
    async fn check_older(&mut self, app: &App, keys: &JwkSet, kept: usize) {
        let older = self.access.len().saturating_sub(kept);
        for token in self.access.drain(..older) {
            self.checks += 1;
            if let Some(problem) = problem_of(app, keys, &token).await {
                self.wrong.push(problem);
            }
        }
        for (number, spent) in self.refresh.drain(..older).enumerate() {
            self.checks += 1;
            if is_active_at_last(app, &spent).await {
                self.wrong.push("a spent refresh token that is active".to_owned());
            }
            if number % SAMPLE == 0 {
                self.sample.push(spent);
            }
        }
    }
}

/// What is wrong with an access token that must be good.
async fn problem_of(app: &App, keys: &JwkSet, token: &str) -> Option<String> {
    if let Err(error) = verify(keys, token) {
        return Some(format!("an access token that does not verify: {error}"));
    }
    let is_active = is_active_at_last(app, token).await;
    (!is_active).then(|| "an access token that is not active".to_owned())
}

/// Whether a token is active, as the server says when it can.
pub(crate) async fn is_active_at_last(app: &App, token: &str) -> bool {
    loop {
        let reply = app.try_post("/introspect", &[("token", token)]).await;
        match reply.filter(|reply| reply.status == 200) {
            Some(reply) => return reply.json()["active"] == true,
            None => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// People at work.
pub(crate) struct Crowd {
    pub(crate) app: App,
    pub(crate) work: Arc<Work>,
    /// Whether the clock only went forwards as it should, so that every access token is good.
    pub(crate) keeps_one_time: bool,
    people: Vec<JoinHandle<Received>>,
}

/// The client of these faults: spent tokens bring their successor again for longer than any restart
/// takes, and ES256 lets the load be on the database.
pub(crate) async fn register(binary: &Binary) -> App {
    let arguments = ClientArguments::confidential(&["password", "refresh_token"])
        .with("--scope", "read")
        .with("--refresh-grace", "120")
        .with("--token-alg", "ES256");
    binary.register("app", &arguments).await
}

impl Crowd {
    /// Signs so many people in, whose apps then refresh at these servers in turn.
    pub(crate) async fn gather(binary: &Binary, servers: &[String], people: usize) -> Self {
        let app = register(binary).await;
        Self::gather_at(app, binary, servers, Plan::of(people)).await
    }

    /// The same with an app that is registered already.
    pub(crate) async fn gather_at(
        app: App,
        binary: &Binary,
        servers: &[String],
        plan: Plan,
    ) -> Self {
        let work = Arc::new(Work::default());
        let keys = Arc::new(keys_of(&app).await);
        let mut at_work = Vec::new();
        for number in 0..plan.people {
            let name = format!("person{number}");
            binary.user(&name, PASSWORD).await;
            let pair = app.password_as(&name, PASSWORD, "read").await.pair();
            let apps = servers.iter().map(|server| app.at(server)).collect();
            let person = Person { apps, number, plan, keys: Arc::clone(&keys) };
            at_work.push(tokio::spawn(refresh_on(person, pair, Arc::clone(&work))));
        }
        Self { app, work, keeps_one_time: true, people: at_work }
    }

    /// Waits until so many more refreshes have succeeded. Panics when an app has given up.
    pub(crate) async fn refreshes(&self, more: usize) {
        let enough = self.work.refreshed.load(Ordering::SeqCst) + more;
        crate::support::eventually("refreshes", async || {
            let at_work = self.people.iter().all(|person| !person.is_finished());
            assert!(at_work, "an app was refused, see the log of the server");
            self.work.refreshed.load(Ordering::SeqCst) >= enough
        })
        .await;
    }

    /// Ends the work and checks what every app received: it goes on with its newest token, no other
    /// token of its family is good, and its access tokens are.
    pub(crate) async fn judge(self, evidence: &Evidence) -> Judged {
        self.work.is_over.store(true, Ordering::SeqCst);
        let keys = keys_of(&self.app).await;
        let mut judged = Judged::default();
        let mut families = BTreeSet::new();
        for (number, person) in self.people.into_iter().enumerate() {
            let received = person.await.expect("an app that ends");
            judged.slowest = judged.slowest.max(received.slowest);
            judged.operations += received.checks;
            for wrong in &received.wrong {
                judged.broken.push(format!("person {number} was answered {wrong}"));
            }
            let access = received.access.last().expect("signed in");
            families.insert(decode_claims(access)["sid"].as_str().expect("a sid").to_owned());
            let tokens = judged.family(&self.app, number, received).await;
            if self.keeps_one_time {
                judged.access_tokens(&self.app, &keys, number, &tokens).await;
            }
        }
        let reused = evidence.events_of("refresh.reused").await.len();
        if reused > 0 {
            judged.broken.push(format!("{reused} alarms of reuse, and nobody stole anything"));
        }
        let started = evidence.events_of("family.started").await;
        let started: BTreeSet<_> = started.into_iter().filter_map(|event| event.family).collect();
        for family in families.difference(&started) {
            judged.broken.push(format!("no audit event says that the family {family} started"));
        }
        let count = |number: &AtomicUsize| number.load(Ordering::SeqCst);
        let (refreshed, unanswered) = (count(&self.work.refreshed), count(&self.work.unanswered));
        let unavailable = count(&self.work.unavailable);
        (judged.unanswered, judged.unavailable) = (unanswered, unavailable);
        judged.operations += refreshed + unanswered + unavailable;
        judged.measured = format!(
            "{refreshed} refreshes, {unanswered} requests without an answer, {unavailable} answers \
             503; the slowest answer took {} ms",
            judged.slowest.as_millis()
        );
        if judged.slowest > LONGEST {
            judged.broken.push(format!("an answer took {:?}", judged.slowest));
        }
        judged
    }
}

/// What the check of a crowd found.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) operations: usize,
    pub(crate) measured: String,
    pub(crate) broken: Vec<String>,
    pub(crate) unanswered: usize,
    pub(crate) unavailable: usize,
    slowest: Duration,
}

impl Judged {
    /// Checks the refresh tokens of a family; all its access tokens.
    async fn family(&mut self, app: &App, number: usize, received: Received) -> Vec<String> {
        let Received { mut access, mut refresh, sample, .. } = received;
        for _ in 0..2 {
            let newest = refresh.last().expect("signed in");
            let reply = app.refresh(newest).await;
            self.operations += 1;
            if reply.status != 200 {
                self.broken.push(format!("person {number} is logged out: {}", reply.text));
                return access;
            }
            let (token, next) = reply.pair();
            access.push(token);
            refresh.push(next);
        }
        let live = refresh.pop().expect("refreshed");
        if !app.is_active(&live).await {
            self.broken.push(format!("the leaf of person {number} is not active"));
        }
        for spent in refresh.iter().chain(&sample) {
            self.operations += 1;
            if app.is_active(spent).await {
                self.broken.push(format!("person {number} has two live refresh tokens"));
            }
        }
        access
    }

    /// Checks that access tokens verify, and that the server says so too.
    async fn access_tokens(&mut self, app: &App, keys: &JwkSet, number: usize, all: &[String]) {
        for token in all {
            self.operations += 1;
            if let Some(problem) = problem_of(app, keys, token).await {
                self.broken.push(format!("person {number} has {problem}"));
            }
        }
    }
}

/// The keys that the server publishes.
pub(crate) async fn keys_of(app: &App) -> JwkSet {
    let url = format!("{}/.well-known/jwks.json", app.base);
    let text = app.http.get(url).send().await.expect("keys").text().await.expect("keys");
    serde_json::from_str(&text).expect("a JWK Set")
}

/// Verifies a token as a resource server does.
pub(crate) fn verify(keys: &JwkSet, token: &str) -> Result<(), String> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| error.to_string())?;
    let kid = decode_header(token)["kid"].as_str().unwrap_or_default().to_owned();
    let key = keys.find(&kid).ok_or_else(|| format!("the key {kid} is not published"))?;
    let key = DecodingKey::from_jwk(key).map_err(|error| error.to_string())?;
    let mut validation = Validation::new(header.alg);
    validation.validate_aud = false;
    let claims = jsonwebtoken::decode::<serde_json::Value>(token, &key, &validation);
    claims.map(|_| ()).map_err(|error| error.to_string())
}

/// Somebody whose app refreshes.
struct Person {
    /// Their app at each of the servers.
    apps: Vec<App>,
    number: usize,
    plan: Plan,
    keys: Arc<JwkSet>,
}

/// Refreshes in a loop, always with the newest token that arrived.
async fn refresh_on(
    person: Person,
    (access, refresh): (String, String),
    work: Arc<Work>,
) -> Received {
    let Person { apps, number, plan, keys } = person;
    let (access, refresh) = (vec![access], vec![refresh]);
    let mut received = Received {
        access,
        refresh,
        wrong: Vec::new(),
        slowest: Duration::ZERO,
        checks: 0,
        sample: Vec::new(),
    };
    let mut pause = tokio::time::interval(PAUSE);
    for turn in number.. {
        if work.is_over.load(Ordering::SeqCst) {
            break;
        }
        let token = received.refresh.last().expect("one is there");
        let asked = Instant::now();
        let reply = apps[turn % apps.len()].try_refresh(token).await;
        if let Some(reply) = &reply {
            received.slowest = received.slowest.max(asked.elapsed());
            count(reply, asked.elapsed(), &work);
        } else {
            work.unanswered.fetch_add(1, Ordering::SeqCst);
        }
        match reply {
            Some(reply) if reply.status == 200 => {
                let (access, refresh) = reply.pair();
                received.access.push(access);
                received.refresh.push(refresh);
                if received.access.len() > plan.kept.saturating_mul(2) {
                    received.check_older(&apps[turn % apps.len()], &keys, plan.kept).await;
                }
                if !plan.pause.is_zero() {
                    tokio::time::sleep(plan.pause).await;
                }
            }
            Some(reply) if is_unavailable(&reply) => drop(pause.tick().await),
            None => drop(pause.tick().await),
            Some(reply) => {
                received.wrong.push(format!("{}: {}", reply.status, reply.text));
                break;
            }
        }
    }
    received
}

fn count(reply: &Reply, took: Duration, work: &Work) {
    if reply.status == 200 {
        work.times.lock().unwrap_or_else(PoisonError::into_inner).push(took);
        work.refreshed.fetch_add(1, Ordering::SeqCst);
    } else if is_unavailable(reply) {
        work.unavailable.fetch_add(1, Ordering::SeqCst);
    }
}

/// Whether the server says that it cannot answer now, and when to ask again.
pub(crate) fn is_unavailable(reply: &Reply) -> bool {
    reply.status == 503 && !reply.header("retry-after").is_empty()
}
