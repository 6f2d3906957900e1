//! Signing in by password. Unknown, wrong and disabled are one answer, in one time.

use std::net::IpAddr;

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::timeout;
use uuid::Uuid;

use super::hashing::{Busy, Check, Hasher};
use super::throttle::{self, Attempt, Counted, Gate, Limits, Throttled};
use crate::domain::address::neighbourhood;
use crate::domain::audit::{Event, Kind, Origin};
use crate::domain::client::ClientId;
use crate::domain::clock::Clock;
use crate::domain::person;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::{Error, Fault};
use crate::store::{Store, Tx, audit_events, known_addresses, users};

/// What signing in needs.
#[derive(Clone, Copy, Debug)]
pub struct Door<'a> {
    /// The database.
    pub store: &'a Store,
    /// The clock.
    pub clock: &'a Clock,
    /// The hashing pool.
    pub hasher: &'a Hasher,
    /// The limits of failures.
    pub limits: &'a Limits,
    /// The turns of attempts in flight.
    pub gate: &'a Gate,
}

/// Who asks, from where, through which client.
#[derive(Clone, Copy, Debug)]
pub struct Knock<'a> {
    /// The user name or the verified address, as it was typed.
    pub username: &'a str,
    /// The password, as it was typed.
    pub password: &'a str,
    /// The client address.
    pub address: IpAddr,
    /// The client that the person signs in to; none for their own account.
    pub client: Option<&'a ClientId>,
    /// For the audit events.
    pub origin: &'a Origin,
}

/// Why nobody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Unknown, wrong or disabled.
    Wrong,
    /// Too many failures; another try makes sense after this many seconds.
    Throttled(u64),
    /// Too much to do.
    Busy,
}

impl From<Refused> for Error<Refused> {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// A person who proved a password. [`SignedIn::record`] belongs into the transaction that gives
/// them something for it.
#[derive(Debug)]
pub struct SignedIn {
    /// Who it is.
    pub user: User,
    attempt: Attempt,
    counted: Counted,
    renewed_hash: Option<String>,
}

/// RFC 8176 §2.
pub const PASSWORD_AMR: &[&str] = &["pwd"];
/// An address that was seen less long ago need not be written down again.
const SEEN: chrono::Duration = chrono::Duration::days(1);
/// Nobody waits longer than this for a turn.
const PATIENCE: Duration = Duration::from_millis(1200);

impl Door<'_> {
    /// Proves a password.
    pub async fn by_password(&self, knock: Knock<'_>) -> Result<SignedIn, Error<Refused>> {
        let address = neighbourhood(knock.address);
        let user = self.find(knock.username).await?;
        let attempt = self.attempt(knock.username, user.as_ref(), &address).await?;
        let counted = self.count(&attempt, user.as_ref(), knock).await?;
        let enabled = user.as_ref().filter(|user| user.is_enabled());
        let stored = enabled.and_then(|user| user.password_hash.clone());
        let password = person::password_bytes(knock.password).unwrap_or_default();
        match (self.hasher.check(password, stored).await, user) {
            (Ok(Check::Right(renewed_hash)), Some(user)) => {
                Ok(SignedIn { user, attempt, counted, renewed_hash })
            }
            (Ok(_), user) => {
                self.failed(user.as_ref(), knock).await?;
                Err(Refused::Wrong.into())
            }
            (Err(Error::Refused(Busy)), _) => {
                let tx = self.store.begin(self.clock.now()).await?;
                counted.take_back(&tx).await?;
                tx.commit().await?;
                Err(Refused::Busy.into())
            }
            (Err(Error::Fault(fault)), _) => Err(fault.into()),
        }
    }

    async fn find(&self, username: &str) -> Result<Option<User>, Fault> {
        let email_key = person::email_key(username);
        // A name without canonical form is nobody's; it is looked up all the same.
        let username_key = person::username_key(username).unwrap_or_default();
        users::find_by_name(self.store, &username_key, email_key.as_deref()).await
    }

    async fn attempt(
        &self,
        username: &str,
        user: Option<&User>,
        address: &str,
    ) -> Result<Attempt, Fault> {
        let nobody = UserId(String::new());
        let id = user.map_or(&nobody, |user| &user.id);
        let seen_at = known_addresses::seen_at(self.store, id, address).await?;
        let account = match user {
            Some(user) => user.id.0.clone(),
            None => person::username_key(username).unwrap_or_else(|| username.to_owned()),
        };
        Ok(Attempt { account, address: address.to_owned(), seen_at })
    }

    async fn count(
        &self,
        attempt: &Attempt,
        user: Option<&User>,
        knock: Knock<'_>,
    ) -> Result<Counted, Error<Refused>> {
        let Ok(turns) = timeout(PATIENCE, self.gate.turn(self.limits, attempt)).await else {
            return Err(Refused::Busy.into());
        };
        let now = self.clock.now();
        match throttle::count(self.store, now, self.limits, attempt, turns?).await {
            Ok(counted) => Ok(counted),
            Err(Error::Fault(fault)) => Err(fault.into()),
            Err(Error::Refused(throttled)) => {
                let tx = self.store.begin(now).await?;
                let event = event(Kind::SignInThrottled, user, knock);
                audit_events::insert_once(&tx, &event, once(&throttled)).await?;
                tx.commit().await?;
                Err(Refused::Throttled(seconds_until(now, throttled.until)).into())
            }
        }
    }

    async fn failed(&self, user: Option<&User>, knock: Knock<'_>) -> Result<(), Fault> {
        let tx = self.store.begin(self.clock.now()).await?;
        audit_events::insert(&tx, &[event(Kind::SignInFailed, user, knock)]).await?;
        tx.commit().await
    }
}

impl SignedIn {
    /// Writes down that the person signed in; the event is left to whoever writes more of them.
    /// What happened to the account since the password was looked up counts: a disabled account
    /// or another password refuses.
    pub async fn record(
        &self,
        tx: &Tx,
        client: Option<&ClientId>,
        origin: &Origin,
    ) -> Result<Event, Error<Refused>> {
        let user = users::hold(tx, &self.user.id).await?;
        let unchanged = user
            .is_some_and(|user| user.is_enabled() && user.password_hash == self.user.password_hash);
        if !unchanged {
            return Err(Refused::Wrong.into());
        }
        self.counted.take_back(tx).await?;
        if self.attempt.seen_at.is_none_or(|seen_at| tx.now() - seen_at > SEEN) {
            known_addresses::remember(tx, &self.user.id, &self.attempt.address).await?;
        }
        if let (Some(old), Some(new)) = (&self.user.password_hash, &self.renewed_hash) {
            users::replace_hash(tx, &self.user.id, old, new).await?;
        }
        let mut event = Event::new(Kind::SignInSucceeded).user(&self.user.id).from(origin);
        event.client = client.cloned();
        Ok(event)
    }
}

fn event(kind: Kind, user: Option<&User>, knock: Knock<'_>) -> Event {
    let mut event = Event::new(kind).from(knock.origin);
    event.client = knock.client.cloned();
    match user {
        Some(user) => event.user(&user.id),
        // The name is not written down: people type passwords into the wrong field.
        None => event.detail("unknown name"),
    }
}

/// One event for each window that is full, however many attempts run into it.
fn once(throttled: &Throttled) -> Uuid {
    let mut bytes = [0; 16];
    let window = throttled.until.timestamp_millis().to_be_bytes();
    for (to, from) in bytes.iter_mut().zip(window.iter().chain(&throttled.key)) {
        *to = *from;
    }
    Uuid::new_v8(bytes)
}

fn seconds_until(now: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
    u64::try_from((until - now).num_seconds() + 1).unwrap_or(1)
}
