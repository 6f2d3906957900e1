//! Changing one's password: the current one is asked for, and counts like a sign-in.

use super::browsers::{self, Cookie, SignedInUser};
use super::hashing::Hasher;
use super::sign_in::{
    AttemptPlace, PasswordAttempt, PasswordSignIn, ProvenPassword, SignInRefused,
};
use crate::accounts::session_endings;
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::ending::{Ending, EndingScope};
use crate::domain::person;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::domain::verdict::Error;
use crate::store::{Tx, audit_events, users};

/// Why a password was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordUnchanged {
    /// The new one has fewer characters than [`LEAST`].
    TooShort,
    /// The new one has more bytes than can be hashed.
    TooLong,
    /// The new one would be guessed.
    TooEasy,
    /// The new one is the current one.
    Same,
    /// The current one did not let them in.
    Refused(SignInRefused),
}

impl From<PasswordUnchanged> for Error<PasswordUnchanged> {
    fn from(unchanged: PasswordUnchanged) -> Self {
        Self::Refused(unchanged)
    }
}

/// The fewest characters of a password that somebody chooses.
pub const LEAST: usize = 8;

/// What somebody typed.
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'a> {
    /// The password of now.
    pub current: &'a Secret<String>,
    /// The password from now on.
    pub new: &'a Secret<String>,
    /// The client address.
    pub address: std::net::IpAddr,
    /// What makes the browser known.
    pub known: Option<&'a str>,
    /// For the audit events.
    pub origin: &'a Origin,
}

/// Changes the password of somebody who is signed in. Everything that was opened elsewhere ends; the
/// browser gets another cookie.
pub async fn change(
    sign_in: &PasswordSignIn,
    hasher: &Hasher,
    signed_in: &SignedInUser,
    change: PasswordChange<'_>,
) -> Result<Cookie, Error<PasswordUnchanged>> {
    let new = match person::password_bytes(change.new.expose()) {
        None if change.new.expose().is_empty() => return Err(PasswordUnchanged::TooShort.into()),
        None => return Err(PasswordUnchanged::TooLong.into()),
        // Counted as it is hashed: a syllable of Hangul is one character, however it was typed.
        Some(new) if String::from_utf8_lossy(new.expose()).chars().count() < LEAST => {
            return Err(PasswordUnchanged::TooShort.into());
        }
        Some(new) if Some(&new) == person::password_bytes(change.current.expose()).as_ref() => {
            return Err(PasswordUnchanged::Same.into());
        }
        Some(bytes) => bytes,
    };
    let attempt = PasswordAttempt {
        username: &signed_in.user.username,
        password: change.current.expose(),
        place: AttemptPlace::Address(change.address),
        browser: change.known,
        asked_for: None,
        client: None,
        origin: change.origin,
    };
    let proven = sign_in.by_password(attempt).await.map_err(refused)?;
    // For somebody who proved who they are, and beside the threads that answer: it takes its time.
    let (wished, user) = (change.new.clone(), signed_in.user.clone());
    if hasher.run(move || is_easy(wished.expose(), &user)).await? {
        return Err(PasswordUnchanged::TooEasy.into());
    }
    let hash = hasher.hash(new).await?;
    let tx = sign_in.store.begin(sign_in.clock.now()).await?;
    let ending = Ending::new(&signed_in.user.id, EndingScope::Everything, tx.now(), change.origin);
    let ending = ending.but(Some(&signed_in.session.id));
    let changed = write(&tx, signed_in, &proven, hash, &ending).await;
    let cookie = tx.settle(changed).await?;
    // The password stands whatever becomes of the rest.
    session_endings::first_step(&sign_in.store, &sign_in.clock, &ending).await;
    Ok(cookie)
}

async fn write(
    tx: &Tx,
    signed_in: &SignedInUser,
    proven: &ProvenPassword,
    hash: String,
    ending: &Ending,
) -> Result<Cookie, Error<PasswordUnchanged>> {
    let origin = &ending.origin;
    // Locked before anything else looks at it, or two changes at once would wait for each other.
    let Some(mut user) = users::lock(tx, &signed_in.user.id).await? else {
        return Err(PasswordUnchanged::Refused(SignInRefused::Wrong).into());
    };
    let event = proven.record(tx, None, origin).await.map_err(refused)?;
    user.password_hash = Some(hash);
    users::update(tx, &user).await?;
    session_endings::begin(tx, ending).await?;
    let changed = Event::new(EventKind::UserPasswordChanged).user(&user.id).from(origin);
    audit_events::insert(tx, &[event, changed]).await?;
    Ok(browsers::change_cookie(tx, &signed_in.session.browser).await?)
}

fn refused(error: Error<SignInRefused>) -> Error<PasswordUnchanged> {
    match error {
        Error::Refused(refused) => Error::Refused(PasswordUnchanged::Refused(refused)),
        Error::Fault(fault) => Error::Fault(fault),
    }
}

/// The characters of a new password that the estimate looks at.
const ESTIMATED: usize = 32;

/// Whether somebody who knows the person would soon guess it: fewer than about 10^8 guesses.
fn is_easy(password: &str, user: &User) -> bool {
    let mut known = vec!["mapae", user.username.as_str()];
    known.extend(user.email.as_deref());
    known.extend(user.profile.name.as_deref());
    // The estimate takes much longer the longer the password is, and what is hard to guess by its
    // start alone is so as a whole.
    let start: Secret<String> = Secret::new(password.chars().take(ESTIMATED).collect());
    zxcvbn::zxcvbn(start.expose(), &known).score() < zxcvbn::Score::Three
}
