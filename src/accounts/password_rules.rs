//! The rules for a password that a person chooses: its length, that nobody guesses it soon, and
//! that it is not known from a breach. There are no rules about kinds of characters.

use super::breached_passwords::BreachedPasswords;
use super::hashing::Hasher;
use crate::domain::person;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::domain::verdict::Error;

/// Why a password that a person chose is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordRefused {
    /// It has fewer characters than [`LEAST`].
    TooShort,
    /// It has more bytes than can be hashed.
    TooLong,
    /// It is easy to guess.
    TooEasy,
    /// It is on a list of breached passwords.
    Breached,
}

impl From<PasswordRefused> for Error<PasswordRefused> {
    fn from(refused: PasswordRefused) -> Self {
        Self::Refused(refused)
    }
}

/// The fewest characters of a password that a person chooses.
pub const LEAST: usize = 8;

/// A password that a person chose, whose length is right.
#[derive(Clone, Debug)]
pub struct ChosenPassword {
    typed: Secret<String>,
    bytes: Secret<Vec<u8>>,
}

impl ChosenPassword {
    /// Checks the length of a password.
    pub fn parse(typed: &Secret<String>) -> Result<Self, PasswordRefused> {
        let bytes = match person::password_bytes(typed.expose()) {
            None if typed.expose().is_empty() => return Err(PasswordRefused::TooShort),
            None => return Err(PasswordRefused::TooLong),
            Some(bytes) => bytes,
        };
        // The characters are counted in the form that is hashed: a syllable of Hangul is one
        // character, however it was typed.
        if String::from_utf8_lossy(bytes.expose()).chars().count() < LEAST {
            return Err(PasswordRefused::TooShort);
        }
        Ok(Self { typed: typed.clone(), bytes })
    }

    /// Whether it is the same password as this one.
    #[must_use]
    pub fn is(&self, other: &Secret<String>) -> bool {
        person::password_bytes(other.expose()).as_ref() == Some(&self.bytes)
    }
}

/// Checks the passwords that people choose, and hashes them.
#[derive(Clone, Debug)]
pub struct PasswordRules {
    /// The threads that hash passwords.
    pub hasher: Hasher,
    /// The lists of breached passwords.
    pub breached: BreachedPasswords,
}

impl PasswordRules {
    /// Checks a password and returns its hash. `known` are words about the person, which an
    /// attacker tries first. This is slow: it is for people who have proven who they are.
    pub async fn hash(
        &self,
        chosen: ChosenPassword,
        known: Vec<String>,
    ) -> Result<String, Error<PasswordRefused>> {
        let ChosenPassword { typed, bytes } = chosen;
        if self.hasher.run(move || is_easy(typed.expose(), &known)).await? {
            return Err(PasswordRefused::TooEasy.into());
        }
        if self.breached.have(&bytes).await {
            return Err(PasswordRefused::Breached.into());
        }
        Ok(self.hasher.hash(bytes).await?)
    }
}

/// The words about a person that must not be their password.
#[must_use]
pub fn words_about(user: &User) -> Vec<String> {
    let words = [Some(&user.username), user.email.as_ref(), user.profile.name.as_ref()];
    words.into_iter().flatten().cloned().collect()
}

/// How many characters of a new password the estimate looks at.
const ESTIMATED: usize = 32;

/// Whether an attacker who knows the person would guess the password soon: with fewer than about
/// 10^8 guesses. The estimate knows thirty thousand frequent passwords.
fn is_easy(password: &str, known: &[String]) -> bool {
    let known: Vec<&str> =
        std::iter::once("mapae").chain(known.iter().map(String::as_str)).collect();
    // The estimate takes much longer for a longer password. If the start alone is hard to guess,
    // the whole password is, too.
    let start: Secret<String> = Secret::new(password.chars().take(ESTIMATED).collect());
    zxcvbn::zxcvbn(start.expose(), &known).score() < zxcvbn::Score::Three
}
