//! Changes a person's password. They have to type the current one, which is counted like a sign-in.
//! A person who has none sets one, after a recent proof of who they are.

use chrono::{DateTime, Utc};

use super::browsers::{self, Cookie, SignedInUser};
use super::held_session;
use super::notices::{self, NoticeOrigin};
use super::password_rules::{ChosenPassword, PasswordRefused, PasswordRules, words_about};
use super::second_factor::SecondFactorRules;
use super::sign_in::{
    AttemptPlace, PasswordAttempt, PasswordSignIn, ProvenPassword, SignInRefused,
};
use crate::accounts::session_endings;
use crate::domain::audit::{Event, EventKind};
use crate::domain::authentication::Acr;
use crate::domain::ending::{Ending, EndingScope};
use crate::domain::mail::MethodChange;
use crate::domain::secret::Secret;
use crate::domain::verdict::{Error, Fault};
use crate::mail::Mailer;
use crate::store::{Tx, audit_events, users};

/// Why a password was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordUnchanged {
    /// The new password is not accepted.
    NotAccepted(PasswordRefused),
    /// The new password is the same as the current one.
    Same,
    /// The current password was refused.
    Refused(SignInRefused),
    /// The person was signed out meanwhile, or the proof of their second factor is too old.
    NotFresh,
}

impl From<PasswordUnchanged> for Error<PasswordUnchanged> {
    fn from(unchanged: PasswordUnchanged) -> Self {
        Self::Refused(unchanged)
    }
}

/// What the person typed, and where the request came from.
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'a> {
    /// The current password.
    pub current: &'a Secret<String>,
    /// The new password.
    pub new: &'a Secret<String>,
    /// The client address.
    pub address: std::net::IpAddr,
    /// The cookie that makes the browser known.
    pub known: Option<&'a str>,
    /// The request, as audit events and the notice by mail describe it.
    pub from: NoticeOrigin<'a>,
    /// When a second factor is due, which has to be proven recently, too.
    pub rules: SecondFactorRules,
    /// Sends the notice.
    pub mailer: Option<&'a Mailer>,
}

/// Changes the password of a person who is signed in. All their other sessions and tokens end, and
/// the browser gets a new cookie.
pub async fn change(
    sign_in: &PasswordSignIn,
    rules: &PasswordRules,
    signed_in: &SignedInUser,
    change: PasswordChange<'_>,
) -> Result<Cookie, Error<PasswordUnchanged>> {
    let new = ChosenPassword::parse(change.new).map_err(PasswordUnchanged::NotAccepted)?;
    if new.is(change.current) {
        return Err(PasswordUnchanged::Same.into());
    }
    let attempt = PasswordAttempt {
        username: &signed_in.user.username,
        password: change.current.expose(),
        place: AttemptPlace::Address(change.address),
        browser: change.known,
        asked_for: None,
        takes_temporary: true,
        client: None,
        origin: change.from.origin,
    };
    let proven = sign_in.by_password(attempt).await.map_err(refused)?;
    // The check is slow, so it is made only for a person who proved who they are.
    let hash = rules.hash(new, words_about(&signed_in.user)).await;
    let hash = hash.map_err(|error| error.map(PasswordUnchanged::NotAccepted))?;
    let tx = sign_in.store.begin(sign_in.clock.now()).await?;
    let (user, origin) = (&signed_in.user.id, change.from.origin);
    let ending = Ending::new(user, EndingScope::Everything, tx.now(), origin);
    let ending = ending.but(Some(&signed_in.session.id));
    let now = sign_in.clock.now();
    let changed = write(&tx, signed_in, (&proven, hash, now), change, &ending).await;
    let cookie = tx.settle(changed).await?;
    // The new password is stored already and stays, even if this step fails.
    session_endings::first_step(&sign_in.store, &sign_in.clock, &ending).await;
    Ok(cookie)
}

/// Sets the password of a person who has none, and who proved recently who they are. Their account and
/// their session are held. What is open stays open. `false` if they have one by now.
pub async fn set_first(
    tx: &Tx,
    held: SignedInUser,
    hash: String,
    mailer: Option<&Mailer>,
    from: NoticeOrigin<'_>,
) -> Result<bool, Fault> {
    let mut user = held.user;
    if user.password_hash.is_some() {
        return Ok(false);
    }
    user.password_hash = Some(hash);
    user.password_temporary = false;
    users::update(tx, &user).await?;
    let set = Event::new(EventKind::UserPasswordChanged).user(&user.id).from(from.origin);
    audit_events::insert(tx, &[set]).await?;
    notices::changed(tx, mailer, &user.id, MethodChange::PasswordAdded, from).await?;
    Ok(true)
}

async fn write(
    tx: &Tx,
    signed_in: &SignedInUser,
    (proven, hash, now): (&ProvenPassword, String, DateTime<Utc>),
    change: PasswordChange<'_>,
    ending: &Ending,
) -> Result<Cookie, Error<PasswordUnchanged>> {
    let PasswordChange { from, rules, mailer, .. } = change;
    let origin = from.origin;
    // The user is locked before anything else reads it. Otherwise two changes at once would wait
    // for each other (a deadlock).
    let held = held_session::hold(tx, &signed_in.user.id, &signed_in.session.id).await?;
    let held = held.ok_or(PasswordUnchanged::NotFresh)?;
    if rules.needed(&held.user) > Acr::One && !held.is_fresh(rules, now) {
        return Err(PasswordUnchanged::NotFresh.into());
    }
    let mut user = held.user;
    let (_, event) = proven.record(tx, None, origin).await.map_err(refused)?;
    user.password_hash = Some(hash);
    user.password_temporary = false;
    users::update(tx, &user).await?;
    session_endings::begin(tx, ending).await?;
    let changed = Event::new(EventKind::UserPasswordChanged).user(&user.id).from(origin);
    audit_events::insert(tx, &[event, changed]).await?;
    notices::changed(tx, mailer, &user.id, MethodChange::PasswordChanged, from).await?;
    Ok(browsers::change_cookie(tx, &signed_in.session.browser).await?)
}

fn refused(error: Error<SignInRefused>) -> Error<PasswordUnchanged> {
    match error {
        Error::Refused(refused) => Error::Refused(PasswordUnchanged::Refused(refused)),
        Error::Fault(fault) => Error::Fault(fault),
    }
}
