//! Sign-in with a password. An unknown name, a wrong password and a disabled account get the same
//! answer after the same time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use tokio::time::{sleep_until, timeout};
use uuid::Uuid;

use super::attempt_limits::{AttemptSource, Bucket, Throttled};
use super::hashing::Hasher;
use super::hashing_queue::{Busy, Lane, TimedCheck};
use super::password_hash::{PasswordCheck, PasswordToCheck};
use super::throttle::{Counted, Throttle, Turn};
use crate::domain::address::neighbourhood;
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::client::ClientId;
use crate::domain::clock::Clock;
use crate::domain::person;
use crate::domain::request;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::{Error, Fault};
use crate::keys::device_cookies::{DeviceCookieKey, Mark};
use crate::store::{Store, Tx, audit_events, known_addresses, users};

/// The parts that sign-in with a password works with.
#[derive(Debug)]
pub struct PasswordSignIn {
    /// The database.
    pub store: Arc<Store>,
    /// The clock.
    pub clock: Clock,
    /// The hashing pool.
    pub hasher: Hasher,
    /// The throttle of failed sign-ins.
    pub throttle: Throttle,
    /// Says in which browsers an account was proven before.
    pub known_browsers: DeviceCookieKey,
}

/// One attempt to sign in with a password.
#[derive(Clone, Copy, Debug)]
pub struct PasswordAttempt<'a> {
    /// The user name or the verified address, as it was typed.
    pub username: &'a str,
    /// The password, as it was typed.
    pub password: &'a str,
    /// Where the attempt comes from.
    pub place: AttemptPlace<'a>,
    /// The cookie that makes their browser known.
    pub browser: Option<&'a str>,
    /// An account that this address may be used for, although the account has not verified it.
    pub asked_for: Option<&'a UserId>,
    /// Whether a temporary password is accepted, because the person is asked for a new one next.
    pub takes_temporary: bool,
    /// The client that the person signs in to, or `None` for their own account page.
    pub client: Option<&'a ClientId>,
    /// What audit events say about where the request came from.
    pub origin: &'a Origin,
}

/// Where an attempt comes from.
#[derive(Clone, Copy, Debug)]
pub enum AttemptPlace<'a> {
    /// This client address.
    Address(IpAddr),
    /// An app that sends the request from its own server and does not say where the person is.
    App(&'a ClientId),
}

impl AttemptPlace<'_> {
    /// The name of the place: addresses of one network count as one place.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Address(address) => neighbourhood(address),
            Self::App(client) => format!("app {client}"),
        }
    }
}

/// Why the sign-in was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInRefused {
    /// The name is unknown, the password is wrong, or the account is disabled.
    Wrong,
    /// There were too many failures. The person may try again after this many seconds.
    Throttled(u64),
    /// The server has too much to do.
    Busy,
}

impl From<SignInRefused> for Error<SignInRefused> {
    fn from(refused: SignInRefused) -> Self {
        Self::Refused(refused)
    }
}

/// A person who proved a password. Call [`ProvenPassword::record`] in the transaction in which they
/// get something for it.
#[derive(Debug)]
pub struct ProvenPassword {
    /// The person.
    pub user: User,
    place: String,
    seen_at: Option<DateTime<Utc>>,
    renewed_hash: Option<String>,
    // The order matters: what was counted is given back before the next attempt gets its turn.
    _counted: Counted,
    _turn: Turn,
}

/// A guess of a second factor in progress. It is counted like a wrong password.
#[derive(Debug)]
pub struct Guessing {
    user: UserId,
    place: String,
    seen_at: Option<DateTime<Utc>>,
    event: Event,
    // The order matters, as in `ProvenPassword`.
    counted: Counted,
    turn: Turn,
}

/// A place that was recorded less than this ago is not recorded again.
const SEEN: chrono::Duration = chrono::Duration::days(1);
/// The longest time that an attempt waits for its turn.
pub(super) const LONGEST_WAIT: Duration = Duration::from_millis(1200);

/// The account of a name, and the buckets that the attempt is counted in.
struct Found {
    user: Option<User>,
    place: String,
    seen_at: Option<DateTime<Utc>>,
    lane: Lane,
    buckets: Vec<Bucket>,
}

impl PasswordSignIn {
    /// Checks a password.
    pub async fn by_password(
        &self,
        attempt: PasswordAttempt<'_>,
    ) -> Result<ProvenPassword, Error<SignInRefused>> {
        let found = self.find(attempt).await?;
        let (turn, counted) = self.admit(&found, attempt).await?;
        let Found { user, place, seen_at, lane, .. } = found;
        let admitted = user.as_ref().filter(|user| user.may_sign_in(self.clock.now()));
        let stored = admitted.and_then(|user| user.password_hash.clone());
        let password = PasswordToCheck::of(attempt.password);
        let forms = password.forms().count();
        let is_taken = |user: &User| attempt.takes_temporary || !user.password_temporary;
        match (self.hasher.check(lane, password, stored).await, user) {
            (Ok(TimedCheck { check: PasswordCheck::Right(renewed_hash), .. }), Some(user))
                if is_taken(&user) =>
            {
                Ok(ProvenPassword {
                    user,
                    place,
                    seen_at,
                    renewed_hash,
                    _counted: counted,
                    _turn: turn,
                })
            }
            (Ok(TimedCheck { began, .. }), user) => {
                counted.keep();
                self.failed(user.as_ref(), &place, attempt).await?;
                self.take_as_long_as_the_slowest(began, forms).await?;
                Err(SignInRefused::Wrong.into())
            }
            (Err(Error::Refused(Busy)), _) => Err(SignInRefused::Busy.into()),
            (Err(Error::Fault(fault)), _) => Err(fault.into()),
        }
    }

    /// Lets a guess of a second factor of this person through, or refuses it. It is counted in the
    /// buckets of their passwords.
    pub async fn guess(
        &self,
        user: &User,
        attempt: PasswordAttempt<'_>,
    ) -> Result<Guessing, Error<SignInRefused>> {
        let attempt = PasswordAttempt { asked_for: Some(&user.id), ..attempt };
        let found = self.find(attempt).await?;
        let (turn, counted) = self.admit(&found, attempt).await?;
        let Found { place, seen_at, .. } = found;
        let event = event(EventKind::FactorFailed, Some(user), attempt);
        Ok(Guessing { user: user.id.clone(), place, seen_at, event, counted, turn })
    }

    /// Waits for the turn of an attempt and counts it as a failure.
    async fn admit(
        &self,
        found: &Found,
        attempt: PasswordAttempt<'_>,
    ) -> Result<(Turn, Counted), Error<SignInRefused>> {
        let Found { user, lane, buckets, .. } = found;
        // If the attempt could not be answered in time, it is refused before it is counted.
        if self.hasher.is_overloaded(*lane) {
            return Err(SignInRefused::Busy.into());
        }
        let turn = timeout(
            request::at_most(LONGEST_WAIT),
            self.throttle.turn(buckets, *lane == Lane::Known),
        )
        .await;
        let Some(turn) = turn.unwrap_or(Ok(None))? else { return Err(SignInRefused::Busy.into()) };
        let counted = self.count(buckets.clone(), user.as_ref(), attempt).await?;
        Ok((turn, counted))
    }

    async fn find(&self, attempt: PasswordAttempt<'_>) -> Result<Found, Fault> {
        let place = attempt.place.name();
        let email_key = person::email_key(attempt.username);
        // A name that has no canonical form belongs to no account. It is looked up all the same, so
        // that the answer takes the same time.
        let username_key = person::username_key(attempt.username);
        let key = username_key.as_deref().unwrap_or_default();
        let whom = known_addresses::AddressOwner {
            username_key: key,
            email_key: email_key.as_deref(),
            id: attempt.asked_for,
        };
        let found = known_addresses::find(&*self.store, whom, &place).await?;
        let (user, seen_at) = match found {
            Some((user, seen_at)) => (Some(user), seen_at),
            None => (None, None),
        };
        // The bucket depends on what was typed: all spellings of an address share a bucket, whether
        // it belongs to an account or not. So nobody can learn that a name and an address are the
        // same account, or that an account has the address.
        let name = email_key.as_deref().or(username_key.as_deref()).unwrap_or(attempt.username);
        let mark = user.as_ref().and_then(|user| self.mark(&user.id, attempt));
        let source = match (&mark, seen_at, attempt.place) {
            (Some(mark), ..) => AttemptSource::Browser(mark),
            (None, Some(_), _) => AttemptSource::Known(&place),
            (None, None, AttemptPlace::App(_)) => AttemptSource::App(&place),
            (None, None, AttemptPlace::Address(_)) => AttemptSource::Address(&place),
        };
        let lane = match source {
            AttemptSource::Browser(_) | AttemptSource::Known(_) => Lane::Known,
            AttemptSource::App(_) | AttemptSource::Address(_) => Lane::Stranger,
        };
        let buckets = self.throttle.limits.buckets(name, source);
        Ok(Found { user, place, seen_at, lane, buckets })
    }

    fn mark(&self, user: &UserId, attempt: PasswordAttempt<'_>) -> Option<Mark> {
        self.known_browsers.find(attempt.browser?, user.as_str(), self.clock.now())
    }

    async fn count(
        &self,
        buckets: Vec<Bucket>,
        user: Option<&User>,
        attempt: PasswordAttempt<'_>,
    ) -> Result<Counted, Error<SignInRefused>> {
        match self.throttle.count(buckets).await {
            Ok(counted) => Ok(counted),
            Err(Error::Fault(fault)) => Err(fault.into()),
            Err(Error::Refused(throttled)) => {
                let now = self.clock.now();
                let tx = self.store.begin(now).await?;
                let event = event(EventKind::SignInThrottled, user, attempt);
                audit_events::insert_once(&tx, &event, once(&throttled)).await?;
                tx.commit().await?;
                Err(SignInRefused::Throttled(seconds_until(now, throttled.until)).into())
            }
        }
    }

    /// While there are hashes of other programs, waits until a refusal has taken as long as the
    /// slowest of them, so that the time does not tell who has such a hash, or whether there is an
    /// account at all.
    async fn take_as_long_as_the_slowest(&self, began: Instant, forms: usize) -> Result<(), Fault> {
        let Some((stored, work)) = users::slowest_foreign_hash(&*self.store).await? else {
            return Ok(());
        };
        let each = self.hasher.refusal_time(&stored, work).await?;
        // What was typed may be tried in two forms.
        let whole = each.saturating_mul(u32::try_from(forms).unwrap_or(1));
        request::in_time(sleep_until((began + whole).into())).await;
        Ok(())
    }

    async fn failed(
        &self,
        user: Option<&User>,
        place: &str,
        attempt: PasswordAttempt<'_>,
    ) -> Result<(), Fault> {
        let tx = self.store.begin(self.clock.now()).await?;
        let event = event(EventKind::SignInFailed, user, attempt);
        let identity = minutely(&event, place, tx.now());
        audit_events::insert_counted(&tx, &event, identity).await?;
        tx.commit().await
    }
}

impl Guessing {
    /// The guess was wrong: it stays counted, and an audit event is written.
    pub async fn wrong(self, tx: &Tx) -> Result<(), Fault> {
        let Self { place, event, counted, turn, .. } = self;
        counted.keep();
        drop(turn);
        audit_events::insert_counted(tx, &event, minutely(&event, &place, tx.now())).await
    }

    /// The guess was right: what was counted is taken back, and the place is known from now on.
    pub async fn right(self, tx: &Tx) -> Result<(), Fault> {
        remember(tx, &self.user, &self.place, self.seen_at).await
    }

    /// Where the guess came from, as audit events say it.
    #[must_use]
    pub fn event(&self, kind: EventKind) -> Event {
        Event { kind, ..self.event.clone() }
    }
}

/// Records that the person signed in from this place.
async fn remember(
    tx: &Tx,
    user: &UserId,
    place: &str,
    seen_at: Option<DateTime<Utc>>,
) -> Result<(), Fault> {
    if seen_at.is_none_or(|seen_at| tx.now() - seen_at > SEEN) {
        known_addresses::remember(tx, user, place).await?;
    }
    Ok(())
}

impl ProvenPassword {
    /// Records that the person proved their password, and returns the account as it is now with the
    /// audit event of the sign-in, which the caller writes with its others. The account is read
    /// again: if it was disabled or its password was changed since, or if its person deletes it, this
    /// refuses.
    pub async fn record(
        &self,
        tx: &Tx,
        client: Option<&ClientId>,
        origin: &Origin,
    ) -> Result<(User, Event), Error<SignInRefused>> {
        let user = users::hold(tx, &self.user.id).await?.filter(User::is_enabled);
        self.record_as(tx, user, client, origin).await
    }

    /// The same for a sign-in on the sign-in page. A person who deletes their account may come in:
    /// they are asked there whether to keep it, and can do nothing else.
    pub async fn record_on_page(
        &self,
        tx: &Tx,
        client: Option<&ClientId>,
        origin: &Origin,
    ) -> Result<Event, Error<SignInRefused>> {
        let user = users::hold(tx, &self.user.id).await?;
        let user = user.filter(|user| user.may_sign_in(tx.now()));
        self.record_as(tx, user, client, origin).await.map(|(_, event)| event)
    }

    /// Records that the whole sign-in came from this place.
    pub(super) async fn remember_place(&self, tx: &Tx) -> Result<(), Fault> {
        remember(tx, &self.user.id, &self.place, self.seen_at).await
    }

    async fn record_as(
        &self,
        tx: &Tx,
        user: Option<User>,
        client: Option<&ClientId>,
        origin: &Origin,
    ) -> Result<(User, Event), Error<SignInRefused>> {
        let unchanged = user.filter(|user| user.password_hash == self.user.password_hash);
        let user = unchanged.ok_or(SignInRefused::Wrong)?;
        // A place is known when the whole sign-in came from it. Where a second factor follows, it is
        // recorded with that one: a thief of the password must not get a bucket for guessing.
        if user.totp_since.is_none() {
            self.remember_place(tx).await?;
        }
        if let (Some(old), Some(new)) = (&self.user.password_hash, &self.renewed_hash) {
            users::replace_hash(tx, &self.user.id, old, new).await?;
        }
        let mut event = Event::new(EventKind::SignInSucceeded).user(&self.user.id).from(origin);
        event.client = client.cloned();
        Ok((user, event))
    }
}

fn event(kind: EventKind, user: Option<&User>, attempt: PasswordAttempt<'_>) -> Event {
    let mut event = Event::new(kind).from(attempt.origin);
    event.client = attempt.client.cloned();
    match user {
        Some(user) => event.user(&user.id),
        // The name is not written to the audit event, because people type passwords into the wrong
        // field.
        None => event.detail("unknown name"),
    }
}

/// The id of the event: there is one event for each bucket and window, however many attempts are
/// refused.
pub(super) fn once(throttled: &Throttled) -> Uuid {
    let window = throttled.until.timestamp_millis() / throttled.window;
    identity(&[b"throttled", &throttled.key, &window.to_be_bytes()])
}

/// The id of the event: there is one event of a kind a minute for each account and place. All names
/// that belong to no account count as one account.
#[must_use]
pub fn minutely(event: &Event, place: &str, now: DateTime<Utc>) -> Uuid {
    let user = event.user.as_ref().map(UserId::as_str).unwrap_or_default();
    let client = event.client.as_ref().map(ClientId::as_str).unwrap_or_default();
    let minute = now.timestamp() / 60;
    let texts = [event.kind.as_str(), user, client, place].map(str::as_bytes);
    let [what, user, client, place] = texts;
    identity(&[what, user, client, place, &minute.to_be_bytes()])
}

fn identity(parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    Uuid::new_v8(bytes)
}

pub(super) fn seconds_until(now: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
    let wait = u64::try_from((until - now).num_milliseconds()).unwrap_or_default();
    wait.div_ceil(1000).max(1)
}
