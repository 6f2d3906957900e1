//! Second factors: when one is due, and the check of a one-time code or a recovery code.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::notices;
use super::one_time_codes::step_of;
use super::sign_in::{Guessing, PasswordAttempt, PasswordSignIn, ProvenPassword, SignInRefused};
use crate::domain::audit::{Event, EventKind};
use crate::domain::authentication::{Acr, Method};
use crate::domain::client::Client;
use crate::domain::language::Language;
use crate::domain::recovery_code::{FEW, HashedRecoveryCode, RecoveryCode};
use crate::domain::user::{User, UserId};
use crate::domain::verdict::{Error, Fault};
use crate::keys::device_cookies::DeviceCookieKey;
use crate::keys::factor_key::FactorKey;
use crate::mail::Mailer;
use crate::settings::kinds::flag;
use crate::settings::settings;
use crate::store::{Tx, audit_events, one_time_codes, recovery_codes, users};

settings! {
    /// When people are asked for a second factor.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct SecondFactorRules in "Second factors" {
        /// Everybody needs a second factor. A person who has none yet sets up one-time codes when they sign in. The grant `password` then gives nobody tokens who has not.
        pub required: bool = flag("mfa.required", false),
        /// A person may choose not to be asked for a one-time code in their browser for 30 days.
        pub remember: bool = flag("mfa.remember", false),
    }
}

impl SecondFactorRules {
    /// Whether a second factor is due for this person at this client, or for their own account
    /// (`None`). A passkey does not make it due; it satisfies it.
    #[must_use]
    pub fn is_due(self, user: &User, client: Option<&Client>) -> bool {
        self.is_due_by_account(user) || client.is_some_and(asks_for_two)
    }

    /// Whether a second factor is due for this person whatever the client is.
    #[must_use]
    pub fn is_due_by_account(self, user: &User) -> bool {
        user.totp_since.is_some() || self.required
    }

    /// The strength that a person has to prove before they change how they sign in.
    #[must_use]
    pub fn needed(self, user: &User) -> Acr {
        if self.is_due_by_account(user) { Acr::Two } else { Acr::One }
    }
}

/// Whether the client is registered for sign-ins with two factors: none of its default values is
/// met by less.
#[must_use]
pub fn asks_for_two(client: &Client) -> bool {
    let defaults = client.metadata.default_acr_values.as_deref().unwrap_or_default();
    defaults.iter().min().is_some_and(|least| *least >= Acr::Two)
}

/// The parts that second factors work with.
#[derive(Clone, Debug)]
pub struct SecondFactors {
    /// When one is due.
    pub rules: SecondFactorRules,
    /// Seals the secrets of one-time codes.
    pub key: FactorKey,
    /// Says in which browsers a person does not want to be asked each time.
    pub remembered: DeviceCookieKey,
    /// Counts guesses together with failed passwords.
    pub password: Arc<PasswordSignIn>,
    /// Tells people by mail that few recovery codes are left; `None` if nothing is mailed.
    pub mailer: Option<Mailer>,
}

/// A second factor, as it was typed.
#[derive(Clone, Copy)]
pub enum TypedFactor<'a> {
    /// A one-time code.
    OneTimeCode(&'a str),
    /// A recovery code.
    RecoveryCode(&'a str),
}

impl std::fmt::Debug for TypedFactor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OneTimeCode(_) => "OneTimeCode(…)",
            Self::RecoveryCode(_) => "RecoveryCode(…)",
        })
    }
}

/// A person who typed a right second factor. It counts when [`ProvenFactor::spend`] has used it up
/// in the transaction in which they get something for it.
#[derive(Debug)]
pub struct ProvenFactor {
    user: User,
    mailer: Option<Mailer>,
    what: Found,
    guessing: Guessing,
}

/// A second factor that is wrong. If this value is dropped, the guess does not count.
#[derive(Debug)]
pub struct WrongFactor {
    password: Arc<PasswordSignIn>,
    guessing: Guessing,
}

impl WrongFactor {
    /// Counts the guess, and returns the refusal.
    pub async fn count(self) -> Error<SignInRefused> {
        let Self { password, guessing } = self;
        let counted = async {
            let tx = password.store.begin(password.clock.now()).await?;
            guessing.wrong(&tx).await?;
            tx.commit().await
        };
        counted.await.map_or_else(Error::Fault, |()| SignInRefused::Wrong.into())
    }
}

/// What became of the check of a second factor.
#[derive(Debug)]
#[must_use]
pub enum FactorCheck {
    /// It is right.
    Right(Box<ProvenFactor>),
    /// It is wrong.
    Wrong(Box<WrongFactor>),
}

/// A second factor that is right, and not used up yet.
#[derive(Debug)]
pub struct Found(What);

#[derive(Debug)]
enum What {
    Step { sealed: Vec<u8>, step: u64 },
    Code(HashedRecoveryCode),
}

impl SecondFactors {
    /// Whether this browser is one in which the person does not want to be asked. New one-time
    /// codes end that.
    #[must_use]
    pub fn is_remembered(&self, cookie: Option<&str>, user: &User, now: DateTime<Utc>) -> bool {
        let cookie = cookie.filter(|_| self.rules.remember);
        cookie.is_some_and(|cookie| self.remembered.find(cookie, &factor_name(user), now).is_some())
    }

    /// The cookie that says so from now on.
    #[must_use]
    pub fn remember(
        &self,
        cookie: Option<&str>,
        user: &User,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let remembers = self.rules.remember && user.totp_since.is_some();
        let cookie = cookie.unwrap_or_default();
        remembers.then(|| self.remembered.remember(cookie, &factor_name(user), now))
    }

    /// Checks a second factor of a person whose first one was proven. `attempt` says who it is, and
    /// where they are.
    pub async fn check(
        &self,
        user: &User,
        typed: TypedFactor<'_>,
        attempt: PasswordAttempt<'_>,
    ) -> Result<ProvenFactor, Error<SignInRefused>> {
        match self.look(user, typed, attempt).await? {
            FactorCheck::Right(proven) => Ok(*proven),
            FactorCheck::Wrong(wrong) => Err(wrong.count().await),
        }
    }

    /// The same, but the caller decides whether a wrong factor counts: a second click sends one that
    /// was right a moment ago.
    pub async fn look(
        &self,
        user: &User,
        typed: TypedFactor<'_>,
        attempt: PasswordAttempt<'_>,
    ) -> Result<FactorCheck, Error<SignInRefused>> {
        let guessing = self.password.guess(user, attempt).await?;
        Ok(if let Some(what) = self.find(user, typed).await? {
            let (user, mailer) = (user.clone(), self.mailer.clone());
            FactorCheck::Right(Box::new(ProvenFactor { user, mailer, what, guessing }))
        } else {
            FactorCheck::Wrong(Box::new(WrongFactor { password: self.password.clone(), guessing }))
        })
    }

    /// Finds a second factor that came in one request with the password. The attempt is counted
    /// already. `None` if it is wrong: then it is to be checked as a guess of its own, which counts.
    pub async fn found_with_password(
        &self,
        proven: &ProvenPassword,
        typed: TypedFactor<'_>,
    ) -> Result<Option<Found>, Fault> {
        self.find(&proven.user, typed).await
    }

    /// Uses up what was [found](Self::found_with_password), in the transaction that records the
    /// password. Returns `None` if another request used it first.
    pub async fn spend_with_password(
        &self,
        tx: &Tx,
        proven: &ProvenPassword,
        found: &Found,
        (event, language): (&Event, Language),
    ) -> Result<Option<Method>, Fault> {
        let spent = found.use_up(tx, &proven.user.id, self.mailer.as_ref(), (event, language));
        let method = spent.await?;
        if method.is_some() {
            proven.remember_place(tx).await?;
        }
        Ok(method)
    }

    async fn find(&self, user: &User, typed: TypedFactor<'_>) -> Result<Option<Found>, Fault> {
        let store = &*self.password.store;
        match typed {
            TypedFactor::OneTimeCode(typed) => {
                let Some(sealed) = one_time_codes::find(store, &user.id).await? else {
                    return Ok(None);
                };
                let opened = self.key.unseal(&user.id, &sealed);
                let secret = opened.ok_or_else(|| {
                    Fault::internal("opening a one-time code", "another key sealed it")
                })?;
                let step = step_of(&secret, typed, self.password.clock.now())?;
                Ok(step.map(|step| Found(What::Step { sealed, step })))
            }
            TypedFactor::RecoveryCode(typed) => {
                let Some(hash) = RecoveryCode::read(typed).map(|code| code.hashed()) else {
                    return Ok(None);
                };
                let has = recovery_codes::has(store, &user.id, hash).await?;
                Ok(has.then_some(Found(What::Code(hash))))
            }
        }
    }
}

/// The account with its present one-time codes.
fn factor_name(user: &User) -> String {
    let since = user.totp_since.map(|since| since.timestamp_millis()).unwrap_or_default();
    format!("{} {since}", user.id.as_str())
}

impl ProvenFactor {
    /// Uses the factor up, and returns the method. If another request used it first, it was wrong.
    /// `language` is that of the request.
    pub async fn spend(self, tx: &Tx, language: Language) -> Result<Method, Error<SignInRefused>> {
        let Self { user, mailer, what, guessing } = self;
        // The account is locked before its factors, as when they change, so that no two requests
        // wait for each other.
        users::hold(tx, &user.id).await?;
        let event = guessing.event(EventKind::FactorFailed);
        let spent = what.use_up(tx, &user.id, mailer.as_ref(), (&event, language)).await?;
        let Some(method) = spent else {
            guessing.wrong(tx).await?;
            return Err(SignInRefused::Wrong.into());
        };
        guessing.right(tx).await?;
        Ok(method)
    }
}

impl Found {
    /// Returns the method, or `None` if another request used the factor first. The account is locked.
    /// An audit event of a recovery code says the same about the request as `event` does.
    async fn use_up(
        &self,
        tx: &Tx,
        user: &UserId,
        mailer: Option<&Mailer>,
        (event, language): (&Event, Language),
    ) -> Result<Option<Method>, Fault> {
        let hash = match &self.0 {
            What::Step { sealed, step } => {
                let spent = one_time_codes::spend(tx, user, sealed, *step).await?;
                return Ok(spent.then_some(Method::Totp));
            }
            What::Code(hash) => *hash,
        };
        if !recovery_codes::spend(tx, user, hash).await? {
            return Ok(None);
        }
        let left = recovery_codes::left(tx, user).await?;
        if left <= FEW {
            notices::recovery_codes_low(tx, mailer, user, left, language).await?;
        }
        let used = Event { kind: EventKind::RecoveryCodeUsed, ..event.clone() };
        audit_events::insert(tx, &[used.detail(format!("{left} left"))]).await?;
        Ok(Some(Method::RecoveryCode))
    }
}
