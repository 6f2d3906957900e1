//! The verifier: what is checked, in which order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use http::header::{ACCEPT, AUTHORIZATION, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{Request, Response, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use crate::binding::{self, Replays};
use crate::cache::{Cached, Entry, freshness};
use crate::claims::{Claims, ClaimsError, StatusReference, Token};
use crate::feed::{Page, Revoked};
use crate::fetch::{Fetch, FetchError, is_safe};
use crate::jws::Jws;
use crate::keys::{Algorithm, KeySet};
use crate::presented::Presented;
use crate::refusal::Refusal;
use crate::requirement::Requirement;
use crate::status::{self, List, Lists, Watched};

/// For how long keys are fresh if their answer does not say.
const KEYS_FRESH: Duration = Duration::from_mins(5);
/// The longest time for which keys are fresh, whatever their answer says.
const KEYS_FRESH_AT_MOST: Duration = Duration::from_hours(24);
/// The longest that a server keeps a look at the feed waiting, and some time for its answer.
const FEED_WAIT: Duration = Duration::from_secs(30 + 10);
/// The longest pause between two looks at the feed that failed, in seconds.
const FEED_PAUSE: u64 = 30;

/// Verifies access tokens for one resource server. It is cheap to clone; all clones share one cache.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

/// A clock: seconds since 1970.
type Clock = Box<dyn Fn() -> i64 + Send + Sync>;

struct Inner {
    issuer: String,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    skew: i64,
    max_stale: Duration,
    looks_at_status: bool,
    clock: Clock,
    fetch: Arc<dyn Fetch>,
    jwks_uri: ArcSwapOption<String>,
    keys: Cached<KeySet>,
    lists: Lists,
    revoked: ArcSwap<Revoked>,
    replays: Replays,
    is_renewing: AtomicBool,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { issuer, audiences, .. } = &*self.0;
        f.debug_struct("Verifier")
            .field("issuer", issuer)
            .field("audiences", audiences)
            .finish_non_exhaustive()
    }
}

/// Makes a [`Verifier`].
pub struct Builder {
    issuer: String,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    skew: Duration,
    cool_down: Duration,
    max_stale: Duration,
    looks_at_status: bool,
    clock: Clock,
    fetch: Option<Arc<dyn Fetch>>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Builder {
    /// Another audience that is accepted too.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// The algorithms that are accepted; `RS256` and `ES256` unless this is said.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// By how much two clocks may differ: 10 seconds unless this is said.
    #[must_use]
    pub fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// The shortest time between two fetches of the keys: 5 seconds unless this is said.
    #[must_use]
    pub fn cool_down(mut self, cool_down: Duration) -> Self {
        self.cool_down = cool_down;
        self
    }

    /// For how long keys that are no longer fresh are used while the issuer cannot be reached: 24
    /// hours unless this is said.
    #[must_use]
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.max_stale = max_stale;
        self
    }

    /// Does not look at status lists: a token that was revoked is good until it expires.
    #[must_use]
    pub fn without_status(mut self) -> Self {
        self.looks_at_status = false;
        self
    }

    /// A clock of your own (seconds since 1970), for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// An HTTP client of your own.
    #[must_use]
    pub fn fetch(mut self, fetch: impl Fetch) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }

    /// Makes the verifier. Nothing is fetched before the first token, so this works while the
    /// issuer is down; [`Verifier::ready`] fetches the keys at once.
    pub fn build(self) -> Result<Verifier, FetchError> {
        #[cfg(feature = "client")]
        let fetch = match self.fetch {
            Some(fetch) => fetch,
            None => Arc::new(crate::fetch::client()?),
        };
        #[cfg(not(feature = "client"))]
        let fetch = self.fetch.ok_or_else(|| FetchError("hand in a `Fetch`".to_owned()))?;
        if !is_safe(&self.issuer) {
            return Err(FetchError("the issuer is no https URL".to_owned()));
        }
        Ok(Verifier(Arc::new(Inner {
            issuer: self.issuer,
            audiences: self.audiences,
            algorithms: self.algorithms,
            skew: i64::try_from(self.skew.as_secs()).unwrap_or(i64::MAX),
            max_stale: self.max_stale,
            looks_at_status: self.looks_at_status,
            clock: self.clock,
            fetch,
            jwks_uri: ArcSwapOption::empty(),
            keys: Cached::new(self.cool_down),
            lists: Lists::default(),
            revoked: ArcSwap::default(),
            replays: Replays::default(),
            is_renewing: AtomicBool::new(false),
        })))
    }
}

impl Verifier {
    /// A verifier for tokens of this issuer that are meant for this audience: you. Both are compared
    /// byte for byte.
    pub fn builder(issuer: impl Into<String>, audience: impl Into<String>) -> Builder {
        Builder {
            issuer: issuer.into(),
            audiences: vec![audience.into()],
            algorithms: vec![Algorithm::Rs256, Algorithm::Es256],
            skew: Duration::from_secs(10),
            cool_down: Duration::from_secs(5),
            max_stale: Duration::from_hours(24),
            looks_at_status: true,
            clock: Box::new(system_time),
            fetch: None,
        }
    }

    /// Fetches the keys, if there are none.
    pub async fn ready(&self) -> Result<(), FetchError> {
        match self.0.keys.usable() {
            Some(_) => Ok(()),
            None => self.0.renew_keys().await,
        }
    }

    /// Verifies a token: its form, signature, issuer, audience and times, whether it was revoked, and
    /// the proof of the key that it is bound to.
    pub async fn verify(&self, presented: Presented<'_>) -> Result<Token, Refusal> {
        let inner = &*self.0;
        let instant = Instant::now();
        let (kid, payload) = match self.of_known_header(presented.token, instant) {
            Some(verified) => verified?,
            None => self.of_new_header(presented.token).await?,
        };
        let claims = Claims::parse(payload).map_err(|error| match error {
            ClaimsError::Malformed => Refusal::Malformed("a claim is malformed"),
            ClaimsError::Twice => Refusal::DuplicateClaim,
            ClaimsError::Missing(name) => Refusal::MissingClaim(name),
        })?;
        let now = (inner.clock)();
        inner.check_claims(&claims, now)?;
        if inner.revoked.load().contains(&claims, &kid) {
            return Err(Refusal::Revoked);
        }
        if let Some(reference) = claims.status.as_ref().filter(|_| inner.looks_at_status) {
            // Another kind of status cannot be looked at here.
            let list = reference.status_list.as_ref().ok_or(Refusal::UnknownStatus)?;
            self.check_status(list).await?;
        }
        binding::check(claims.cnf.as_ref(), &presented, &inner.replays, now, inner.skew)?;
        Ok(Token(Arc::new(claims)))
    }

    /// Whether a token that was verified is enough for this.
    pub fn require(&self, token: &Token, requirement: &Requirement) -> Result<(), Refusal> {
        requirement.check(token, (self.0.clock)(), self.0.skew)
    }

    /// Renews keys and status lists before they are needed, in a task that ends with the last clone.
    /// Without it, the first request that finds a list too old waits for the newer one.
    ///
    /// # Panics
    ///
    /// Outside of a runtime of tokio.
    pub fn follow(&self) {
        let weak = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            let mut second = tokio::time::interval(Duration::from_secs(1));
            loop {
                second.tick().await;
                let Some(inner) = weak.upgrade() else { return };
                Self(inner).renew_what_is_due();
            }
        });
    }

    /// Follows the feed of revocations, in a task that ends with the last clone: what was revoked is
    /// refused within a second. `authorization` makes the value of the header `Authorization` that
    /// allows it.
    ///
    /// Events that were missed, because the issuer keeps them no longer, are left to the status
    /// lists, which are fetched again then.
    ///
    /// # Panics
    ///
    /// Outside of a runtime of tokio.
    pub fn follow_feed<F>(&self, authorization: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<HeaderValue, FetchError>> + Send,
    {
        let weak = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            let (mut cursor, mut pause) = (None, 1);
            loop {
                let Some(inner) = weak.upgrade() else { return };
                let looked = match authorization().await {
                    Ok(value) => inner.look_at_feed(cursor.as_deref(), value).await,
                    Err(error) => Err(error),
                };
                match looked {
                    Ok(Look::Next(next)) => {
                        (cursor, pause) = (Some(next), 1);
                        continue;
                    }
                    Ok(Look::Missed) => {
                        cursor = None;
                        for watched in inner.lists.all().values() {
                            watched.list.expire().await;
                        }
                        continue;
                    }
                    Err(_) => pause = (pause * 2).min(FEED_PAUSE),
                }
                drop(inner);
                tokio::time::sleep(Duration::from_secs(pause)).await;
            }
        });
    }

    /// The name of the key and the payload, if the header is one that was accepted before: all tokens
    /// of a key have the same, so it need not be read again.
    fn of_known_header(&self, token: &str, now: Instant) -> Option<Result<Signed, Refusal>> {
        let entry = self.0.keys.load();
        let entry = entry.as_ref().filter(|entry| entry.usable_until > now)?;
        let (kid, key) = entry.value.of_header(token.split('.').next()?)?;
        if entry.fresh_until <= now {
            self.renew_keys_behind();
        }
        let verified = Jws::split(token).and_then(|parts| parts.verified(key));
        Some(verified.map(|payload| (Arc::clone(kid), payload)))
    }

    async fn of_new_header(&self, token: &str) -> Result<Signed, Refusal> {
        let jws = Jws::parse(token)?;
        let algorithm = Algorithm::named(&jws.header.alg);
        let accepted = algorithm.filter(|alg| self.0.algorithms.contains(alg));
        let accepted = accepted.ok_or(Refusal::Algorithm)?;
        if !jws.header.is_of_type("at+jwt") {
            return Err(Refusal::Type);
        }
        let payload = self.payload_of(&jws).await?;
        let kid = jws.header.kid.as_deref().unwrap_or_default();
        if let Some(entry) = self.0.keys.load().as_ref() {
            entry.value.remember_header(kid, accepted, jws.header_part());
        }
        Ok((kid.into(), payload))
    }

    /// The payload, if a key of the issuer signed it; the keys are fetched where none has its name.
    async fn payload_of(&self, jws: &Jws<'_>) -> Result<Vec<u8>, Refusal> {
        let inner = &*self.0;
        let algorithm = Algorithm::named(&jws.header.alg).ok_or(Refusal::Algorithm)?;
        let kid = jws.header.kid.as_deref().ok_or(Refusal::UnknownKey)?;
        let now = Instant::now();
        if let Some(entry) = inner.keys.load().as_ref().filter(|entry| entry.usable_until > now) {
            if entry.fresh_until <= now {
                self.renew_keys_behind();
            }
            if let Some(key) = entry.value.find(kid, algorithm) {
                return jws.verified(key);
            }
        }
        let renewed = inner.renew_keys().await;
        if let Some(entry) = inner.keys.usable()
            && let Some(key) = entry.value.find(kid, algorithm)
        {
            return jws.verified(key);
        }
        renewed.map_err(|_| Refusal::Unavailable)?;
        Err(Refusal::UnknownKey)
    }

    /// Renews the keys while the old ones are still used.
    fn renew_keys_behind(&self) {
        let inner = &self.0;
        if inner.keys.may_be_fetched() && !inner.is_renewing.swap(true, Ordering::AcqRel) {
            let inner = Arc::clone(inner);
            tokio::spawn(async move {
                // Whoever fails is tried again after the pause.
                let _ = inner.renew_keys().await;
                inner.is_renewing.store(false, Ordering::Release);
            });
        }
    }

    async fn check_status(&self, reference: &StatusReference) -> Result<(), Refusal> {
        let known = self.0.lists.judged(&reference.uri, reference.idx, Instant::now());
        if let Some(judged) = known {
            return judged;
        }
        let watched = self.0.lists.at(&reference.uri);
        let renewed = self.renew_list(&reference.uri, &watched).await;
        match watched.list.usable() {
            Some(entry) => entry.value.judge(reference.idx),
            // An empty list stands for one that the issuer does not have.
            None => renewed.map_or(Err(Refusal::Unavailable), |()| Err(Refusal::UnknownStatus)),
        }
    }

    async fn renew_list(&self, uri: &str, watched: &Watched) -> Result<(), FetchError> {
        let seen = watched.list.load().clone();
        let fetch = async |current: Option<Arc<Entry<List>>>| self.fetch_list(uri, current).await;
        watched.list.renew(seen.as_ref(), fetch).await
    }

    async fn fetch_list(
        &self,
        uri: &str,
        current: Option<Arc<Entry<List>>>,
    ) -> Result<Entry<List>, FetchError> {
        let inner = &*self.0;
        // What is revoked after this moment may be missing in the answer, however long it takes.
        let asked = Instant::now();
        let known = current.as_ref().map(|entry| &entry.value);
        let mut request = get(uri)?;
        request
            .headers_mut()
            .insert(ACCEPT, HeaderValue::from_static("application/statuslist+jwt"));
        if let Some(etag) = known.and_then(|list| list.etag.clone()) {
            request.headers_mut().insert(IF_NONE_MATCH, etag);
        }
        let answer = inner.send(request).await?;
        let list = match (answer.status(), known) {
            (StatusCode::NOT_MODIFIED, Some(known)) => known.clone(),
            (StatusCode::NOT_FOUND | StatusCode::GONE, _) => List::gone(),
            (StatusCode::OK, _) => {
                let fetched = self.read_list(uri, &answer).await;
                let fetched = fetched.ok_or_else(|| FetchError("it is no list of ours".into()))?;
                // One that was made earlier takes nothing back, and may know more all the same: the
                // clocks of two replicas differ.
                match known.filter(|known| known.iat > fetched.iat) {
                    Some(known) => known.joined(&fetched),
                    None => fetched,
                }
            }
            (status, _) => return Err(FetchError(format!("{uri} answers {status}"))),
        };
        let left = list.exp.map(|exp| u64::try_from(exp - (inner.clock)()).unwrap_or(0));
        let left = left.map_or(list.ttl * 4, Duration::from_secs);
        let (fresh_until, usable_until) = (asked + list.ttl.min(left), Instant::now() + left);
        Ok(Entry { fresh_until, usable_until, value: list })
    }

    async fn read_list(&self, uri: &str, answer: &Response<Vec<u8>>) -> Option<List> {
        let text = std::str::from_utf8(answer.body()).ok()?;
        let jws = Jws::parse(text.trim()).ok()?;
        let is_accepted = |alg| self.0.algorithms.contains(&alg);
        if !jws.header.is_of_type(status::TYPE)
            || !Algorithm::named(&jws.header.alg).is_some_and(is_accepted)
        {
            return None;
        }
        let payload = self.payload_of(&jws).await.ok()?;
        let list = List::parse(&payload, uri, &self.0.issuer, (self.0.clock)())?;
        Some(list.with_etag(answer.headers().get(ETAG).cloned()))
    }

    fn renew_what_is_due(&self) {
        let now = Instant::now();
        if self.0.keys.load().as_ref().is_some_and(|entry| entry.fresh_until <= now) {
            self.renew_keys_behind();
        }
        for (uri, watched) in &*self.0.lists.all() {
            let entry = watched.list.load().clone();
            // A tenth of its time before the end.
            let due = |entry: Arc<Entry<List>>| entry.fresh_until <= now + entry.value.ttl / 10;
            if !entry.is_some_and(due) || !watched.list.may_be_fetched() {
                continue;
            }
            // Nobody has asked for it since the last time, or the issuer has it no longer.
            if !watched.is_used.swap(false, Ordering::Relaxed) {
                self.0.lists.forget(uri);
                continue;
            }
            let (verifier, uri, watched) = (self.clone(), uri.clone(), Arc::clone(watched));
            tokio::spawn(async move { verifier.renew_list(&uri, &watched).await });
        }
    }
}

/// The name of the key that signed a token, and the payload.
type Signed = (Arc<str>, Vec<u8>);

enum Look {
    Next(String),
    /// The cursor is older than what the issuer keeps.
    Missed,
}

impl Inner {
    fn check_claims(&self, claims: &Claims, now: i64) -> Result<(), Refusal> {
        // RFC 9068 §4: the issuer, byte for byte, and one audience that is us.
        if claims.iss != self.issuer {
            return Err(Refusal::Issuer);
        }
        if !claims.aud.iter().any(|one| self.audiences.contains(one)) {
            return Err(Refusal::Audience);
        }
        if claims.exp.saturating_add(self.skew) <= now {
            return Err(Refusal::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf > now.saturating_add(self.skew)) {
            return Err(Refusal::NotYetValid);
        }
        Ok(())
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
        let url = request.uri().to_string();
        if !is_safe(&url) {
            return Err(FetchError(format!("{url} is no https URL")));
        }
        self.fetch.fetch(request).await
    }

    async fn document(&self, url: &str) -> Result<Response<Vec<u8>>, FetchError> {
        let answer = self.send(get(url)?).await?;
        match answer.status() {
            StatusCode::OK => Ok(answer),
            status => Err(FetchError(format!("{url} answers {status}"))),
        }
    }

    async fn renew_keys(&self) -> Result<(), FetchError> {
        let seen = self.keys.load().clone();
        let fetch = async |_| self.fetch_keys().await;
        self.keys.renew(seen.as_ref(), fetch).await
    }

    async fn fetch_keys(&self) -> Result<Entry<KeySet>, FetchError> {
        let uri = match self.jwks_uri.load_full() {
            Some(uri) => uri,
            None => self.discover().await?,
        };
        let fetched = self.document(&uri).await;
        // Where the keys have moved, the next attempt asks where they are.
        let answer = fetched.inspect_err(|_| self.jwks_uri.store(None))?;
        let keys = KeySet::parse(answer.body(), &self.algorithms);
        let value = keys.ok_or_else(|| FetchError(format!("{uri} is no JWKS")))?;
        let fresh = freshness(answer.headers()).unwrap_or(KEYS_FRESH).min(KEYS_FRESH_AT_MOST);
        let fresh_until = Instant::now() + fresh;
        Ok(Entry { value, fresh_until, usable_until: fresh_until + self.max_stale })
    }

    /// Where the keys are, says the issuer itself (OpenID Connect Discovery §4).
    async fn discover(&self) -> Result<Arc<String>, FetchError> {
        #[derive(Deserialize)]
        struct Metadata {
            issuer: String,
            jwks_uri: String,
        }
        let base = self.issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let answer = self.document(&url).await?;
        let metadata: Metadata = serde_json::from_slice(answer.body())
            .map_err(|_| FetchError(format!("{url} is no description of an issuer")))?;
        if metadata.issuer != self.issuer {
            return Err(FetchError(format!("{url} speaks for {}", metadata.issuer)));
        }
        let uri = Arc::new(metadata.jwks_uri);
        self.jwks_uri.store(Some(Arc::clone(&uri)));
        Ok(uri)
    }

    async fn look_at_feed(
        &self,
        cursor: Option<&str>,
        authorization: HeaderValue,
    ) -> Result<Look, FetchError> {
        let base = self.issuer.trim_end_matches('/');
        let url = match cursor {
            None => format!("{base}/revocations"),
            Some(cursor) => format!("{base}/revocations?after={}&wait=30", in_query(cursor)),
        };
        let mut request = get(&url)?;
        request.headers_mut().insert(AUTHORIZATION, authorization);
        let answer = timeout(FEED_WAIT, self.send(request)).await;
        let answer = answer.map_err(|_| FetchError("no answer in time".to_owned()))??;
        match answer.status() {
            StatusCode::OK => {
                let page: Page = serde_json::from_slice(answer.body())
                    .map_err(|_| FetchError("the feed cannot be read".to_owned()))?;
                if !page.events.is_empty() {
                    let now = (self.clock)() - self.skew;
                    self.revoked.store(Arc::new(self.revoked.load().with(page.events, now)));
                }
                Ok(Look::Next(page.next))
            }
            StatusCode::GONE => Ok(Look::Missed),
            status => Err(FetchError(format!("the feed answers {status}"))),
        }
    }
}

fn get(url: &str) -> Result<Request<Vec<u8>>, FetchError> {
    Request::get(url).body(Vec::new()).map_err(|error| FetchError(format!("{url}: {error}")))
}

/// A text as the value of a parameter of a query.
fn in_query(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let one =
        |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

#[expect(clippy::disallowed_methods, reason = "the clock of the system, unless another is set")]
fn system_time() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(i64::MAX)
}
