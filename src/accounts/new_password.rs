//! Changing one's password: the current one is asked for, and counts like a sign-in.

use super::browsers::{self, Cookie, Present};
use super::endings;
use super::hashing::Hasher;
use super::sign_in::{Door, Knock, Place, Refused, SignedIn};
use crate::domain::audit::{Event, Kind, Origin};
use crate::domain::ending::{Ending, What};
use crate::domain::person;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::domain::verdict::Error;
use crate::store::{Tx, audit_events, users};

/// Why a password was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// The new one has fewer characters than [`LEAST`].
    TooShort,
    /// The new one has more bytes than can be hashed.
    TooLong,
    /// The new one would be guessed.
    TooEasy,
    /// The new one is the current one.
    Same,
    /// The current one did not let them in.
    Refused(Refused),
}

impl From<Unchanged> for Error<Unchanged> {
    fn from(unchanged: Unchanged) -> Self {
        Self::Refused(unchanged)
    }
}

/// The fewest characters of a password that somebody chooses.
pub const LEAST: usize = 8;

/// What somebody typed.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
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
    door: &Door,
    hasher: &Hasher,
    present: &Present,
    change: Change<'_>,
) -> Result<Cookie, Error<Unchanged>> {
    let new = match person::password_bytes(change.new) {
        None if change.new.is_empty() => return Err(Unchanged::TooShort.into()),
        None => return Err(Unchanged::TooLong.into()),
        // Counted as it is hashed: a syllable of Hangul is one character, however it was typed.
        Some(new) if String::from_utf8_lossy(&new).chars().count() < LEAST => {
            return Err(Unchanged::TooShort.into());
        }
        Some(new) if Some(&new) == person::password_bytes(change.current).as_ref() => {
            return Err(Unchanged::Same.into());
        }
        Some(bytes) => bytes,
    };
    let knock = Knock {
        username: &present.user.username,
        password: change.current,
        place: Place::Address(change.address),
        browser: change.known,
        asked_for: None,
        client: None,
        origin: change.origin,
    };
    let proven = door.by_password(knock).await.map_err(refused)?;
    // For somebody who proved who they are, and beside the threads that answer: it takes its time.
    let (wished, user) = (change.new.clone(), present.user.clone());
    if hasher.run(move || is_easy(&wished, &user)).await? {
        return Err(Unchanged::TooEasy.into());
    }
    let hash = hasher.hash(new).await?;
    let tx = door.store.begin(door.clock.now()).await?;
    let ending = Ending::new(&present.user.id, What::Everything, tx.now(), change.origin);
    let ending = ending.but(Some(&present.session.id));
    let changed = write(&tx, present, &proven, hash, &ending).await;
    let cookie = tx.settle(changed).await?;
    // The password stands whatever becomes of the rest.
    endings::first_step(&door.store, &door.clock, &ending).await;
    Ok(cookie)
}

async fn write(
    tx: &Tx,
    present: &Present,
    proven: &SignedIn,
    hash: String,
    ending: &Ending,
) -> Result<Cookie, Error<Unchanged>> {
    let origin = &ending.origin;
    // Locked before anything else looks at it, or two changes at once would wait for each other.
    let Some(mut user) = users::lock(tx, &present.user.id).await? else {
        return Err(Unchanged::Refused(Refused::Wrong).into());
    };
    let event = proven.record(tx, None, origin).await.map_err(refused)?;
    user.password_hash = Some(hash);
    users::update(tx, &user).await?;
    endings::begin(tx, ending).await?;
    let changed = Event::new(Kind::UserPasswordChanged).user(&user.id).from(origin);
    audit_events::insert(tx, &[event, changed]).await?;
    Ok(browsers::change_cookie(tx, &present.session.browser).await?)
}

fn refused(error: Error<Refused>) -> Error<Unchanged> {
    match error {
        Error::Refused(refused) => Error::Refused(Unchanged::Refused(refused)),
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
    zxcvbn::zxcvbn(&start, &known).score() < zxcvbn::Score::Three
}
