//! Proving with a passkey who one is (Web Authentication §7.2). An unknown passkey, a wrong
//! signature and a disabled account get the same answer.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tokio::time::timeout;
use webauthn_rs::prelude::{
    Credential, DiscoverableAuthentication, PublicKeyCredential, WebauthnError,
};

use super::challenge::{
    BadChallenge, ChallengePurpose, LIFE, OpenedChallenge, PasskeyPrompt, UseOnce, descriptors,
};
use super::relying_party::{RelyingParty, unfit};
use crate::accounts::attempt_limits::{AttemptSource, Bucket};
use crate::accounts::browsers::BrowserState;
use crate::accounts::sign_in::{
    LONGEST_WAIT, PasswordSignIn, SignInRefused, minutely, once, seconds_until,
};
use crate::accounts::throttle::{Counted, Turn};
use crate::domain::address::neighbourhood;
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::client::ClientId;
use crate::domain::passkey::{Passkey, user_handle};
use crate::domain::request;
use crate::domain::user::User;
use crate::domain::verdict::{Error, Fault};
use crate::store::{Tx, audit_events, passkeys, users};

/// An attempt to prove who one is.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyAttempt<'a> {
    /// What the challenge is for.
    pub purpose: ChallengePurpose<'a>,
    /// The sealed challenge.
    pub challenge: &'a str,
    /// The answer of the authenticator, as JSON.
    pub answer: &'a str,
    /// The client address.
    pub address: IpAddr,
    /// The browser, and the people who are signed in in it.
    pub browser_state: &'a BrowserState,
    /// The cookie that makes their browser known.
    pub known: Option<&'a str>,
    /// The client that the person signs in to, or `None` for their own account page.
    pub client: Option<&'a ClientId>,
    /// What audit events say about where the request came from.
    pub origin: &'a Origin,
}

/// Why nobody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotProven {
    /// The person took too long.
    Late,
    /// The attempt was refused.
    Refused(SignInRefused),
}

/// A person who proved with a passkey who they are. Call [`ProvenPasskey::record`] in the
/// transaction in which they get something for it.
#[derive(Debug)]
pub struct ProvenPasskey {
    /// The passkey.
    pub passkey: Passkey,
    counter: u32,
    use_once: UseOnce,
    // The order matters: what was counted is given back before the next attempt gets its turn.
    _counted: Counted,
    _turn: Turn,
}

impl From<SignInRefused> for Error<NotProven> {
    fn from(refused: SignInRefused) -> Self {
        Self::Refused(NotProven::Refused(refused))
    }
}

impl RelyingParty {
    /// Prepares a page on which people prove with a passkey who they are: with one of these, or
    /// with any one if none is named.
    pub fn begin_proving(
        &self,
        purpose: ChallengePurpose<'_>,
        with: &[Passkey],
        now: DateTime<Utc>,
    ) -> Result<PasskeyPrompt, Fault> {
        let (asked, state) = self.webauthn.start_discoverable_authentication().map_err(unfit)?;
        let with = descriptors(with.iter().map(|one| one.id.as_slice()));
        let more: Map<String, Value> =
            [("allowCredentials".to_owned(), with)].into_iter().collect();
        self.prompt(purpose, &asked.public_key, more, state, (now, now + LIFE))
    }

    /// Checks the answer of an authenticator.
    pub async fn prove(
        &self,
        sign_in: &PasswordSignIn,
        attempt: PasskeyAttempt<'_>,
    ) -> Result<ProvenPasskey, Error<NotProven>> {
        let now = sign_in.clock.now();
        let opened =
            self.open::<DiscoverableAuthentication>(attempt.purpose, attempt.challenge, now);
        let OpenedChallenge { state, use_once } = opened.map_err(|bad| match bad {
            BadChallenge::Late => Error::Refused(NotProven::Late),
            BadChallenge::Foreign => SignInRefused::Wrong.into(),
        })?;
        let answer: PublicKeyCredential =
            serde_json::from_str(attempt.answer).map_err(|_| SignInRefused::Wrong)?;
        let found = Found::of(sign_in, answer.get_credential_id(), attempt).await?;
        let buckets = [found.bucket];
        let turn = timeout(
            request::at_most(LONGEST_WAIT),
            sign_in.throttle.turn(&buckets, found.is_known_browser),
        )
        .await;
        let Some(turn) = turn.unwrap_or(Ok(None))? else { return Err(SignInRefused::Busy.into()) };
        let counted = count(sign_in, &found, attempt).await?;
        let checked = match &found.owned {
            Some((passkey, user)) if user.may_sign_in(sign_in.clock.now()) => {
                self.check(&answer, state, passkey, attempt.browser_state)?
            }
            _ => Err(EventKind::SignInFailed),
        };
        match (checked, found.owned) {
            (Ok(counter), Some((passkey, _))) => {
                Ok(ProvenPasskey { passkey, counter, use_once, _counted: counted, _turn: turn })
            }
            (checked, owned) => {
                counted.keep();
                let kind = checked.err().unwrap_or(EventKind::SignInFailed);
                let passkey = owned.as_ref().map(|(passkey, _)| passkey);
                failed(sign_in, kind, passkey, &found.place, attempt).await?;
                Err(SignInRefused::Wrong.into())
            }
        }
    }

    /// Verifies the answer with this passkey, and returns the counter of the authenticator. The
    /// error is the event for the audit log.
    fn check(
        &self,
        answer: &PublicKeyCredential,
        state: DiscoverableAuthentication,
        passkey: &Passkey,
        browser_state: &BrowserState,
    ) -> Result<Result<u32, EventKind>, Fault> {
        // §7.2 step 6: the authenticator says whose passkey it is. It may leave that out if the
        // page named the passkeys of a person who is signed in.
        let is_owner = match answer.get_user_unique_id() {
            Some(handle) => handle == user_handle(&passkey.user).as_bytes(),
            None => browser_state.people.iter().any(|person| person.user.id == passkey.user),
        };
        if !is_owner {
            return Ok(Err(EventKind::SignInFailed));
        }
        let mut credential: Credential = serde_json::from_str(&passkey.credential)
            .map_err(|error| Fault::internal("reading a passkey", error))?;
        credential.counter = passkey.counter;
        let verified =
            self.webauthn.finish_discoverable_authentication_v2(answer, state, &credential);
        Ok(match verified {
            Ok(verified) if verified.user_verified() => Ok(verified.counter()),
            // §6.1.1: two authenticators may have the same key.
            Err(WebauthnError::CredentialPossibleCompromise) => {
                Err(EventKind::PasskeyCounterWentBack)
            }
            _ => Err(EventKind::SignInFailed),
        })
    }
}

/// The passkey that an answer names, with its owner, and the bucket that the attempt is counted in.
struct Found {
    owned: Option<(Passkey, User)>,
    place: String,
    is_known_browser: bool,
    bucket: Bucket,
}

impl Found {
    async fn of(
        sign_in: &PasswordSignIn,
        id: &[u8],
        attempt: PasskeyAttempt<'_>,
    ) -> Result<Self, Fault> {
        let store = &*sign_in.store;
        let mut owned = None;
        if let Some(passkey) = passkeys::find(store, id).await? {
            let user = users::find(store, &passkey.user).await?;
            owned = user.map(|user| (passkey, user));
        }
        let place = neighbourhood(attempt.address);
        let mark = owned.as_ref().zip(attempt.known).and_then(|((_, user), cookie)| {
            sign_in.known_browsers.find(cookie, user.id.as_str(), sign_in.clock.now())
        });
        let source = match &mark {
            Some(mark) => AttemptSource::Browser(mark),
            None => AttemptSource::Address(&place),
        };
        let bucket = sign_in.throttle.limits.passkey_bucket(source);
        Ok(Self { owned, is_known_browser: mark.is_some(), bucket, place })
    }
}

async fn count(
    sign_in: &PasswordSignIn,
    found: &Found,
    attempt: PasskeyAttempt<'_>,
) -> Result<Counted, Error<NotProven>> {
    match sign_in.throttle.count(vec![found.bucket]).await {
        Ok(counted) => Ok(counted),
        Err(Error::Fault(fault)) => Err(fault.into()),
        Err(Error::Refused(throttled)) => {
            let now = sign_in.clock.now();
            let passkey = found.owned.as_ref().map(|(passkey, _)| passkey);
            let tx = sign_in.store.begin(now).await?;
            let event = event(EventKind::SignInThrottled, passkey, attempt);
            audit_events::insert_once(&tx, &event, once(&throttled)).await?;
            tx.commit().await?;
            Err(SignInRefused::Throttled(seconds_until(now, throttled.until)).into())
        }
    }
}

async fn failed(
    sign_in: &PasswordSignIn,
    kind: EventKind,
    passkey: Option<&Passkey>,
    place: &str,
    attempt: PasskeyAttempt<'_>,
) -> Result<(), Fault> {
    let tx = sign_in.store.begin(sign_in.clock.now()).await?;
    let event = event(kind, passkey, attempt);
    let identity = minutely(&event, &format!("{} by passkey {place}", kind.as_str()), tx.now());
    audit_events::insert_counted(&tx, &event, identity).await?;
    tx.commit().await
}

fn event(kind: EventKind, passkey: Option<&Passkey>, attempt: PasskeyAttempt<'_>) -> Event {
    let mut event = Event::new(kind).from(attempt.origin);
    event.client = attempt.client.cloned();
    match passkey {
        Some(passkey) => event.user(&passkey.user).detail(format!("passkey {}", passkey.handle())),
        None => event.detail("unknown passkey"),
    }
}

impl ProvenPasskey {
    /// Records that the person signed in, and returns the audit event, which the caller writes with
    /// its others. This refuses if the challenge was used before, if the passkey was removed or used
    /// by another authenticator since, or if the account was disabled.
    pub async fn record(
        &self,
        tx: &Tx,
        client: Option<&ClientId>,
        origin: &Origin,
    ) -> Result<Event, Error<SignInRefused>> {
        let user = users::hold(tx, &self.passkey.user).await?;
        let counts = user.is_some_and(|user| user.may_sign_in(tx.now()))
            && self.use_once.count(tx).await?
            && passkeys::used(tx, &self.passkey, self.counter).await?;
        if !counts {
            return Err(SignInRefused::Wrong.into());
        }
        let event = Event::new(EventKind::SignInSucceeded).user(&self.passkey.user).from(origin);
        let mut event = event.detail(format!("passkey {}", self.passkey.handle()));
        event.client = client.cloned();
        Ok(event)
    }
}
