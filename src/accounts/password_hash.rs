//! Computes one password hash: Argon2id, in memory that the caller keeps.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;

pub use super::argon2_hash::Cost;
use super::argon2_hash::compute;
use super::foreign_hash;
use crate::domain::foreign_hash::{ForeignHash, HashRefused};
use crate::domain::person;
use crate::domain::random;
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;

/// A password that is checked against a stored hash.
#[derive(Clone, Debug, Default)]
pub struct PasswordToCheck {
    /// The form in which we hash it.
    pub normalised: Secret<Vec<u8>>,
    /// What was typed, if that is something else.
    pub typed: Option<Secret<Vec<u8>>>,
}

impl PasswordToCheck {
    /// A password as it was typed. One that is empty or too long is that of nobody.
    #[must_use]
    pub fn of(typed: &str) -> Self {
        let Some(normalised) = person::password_bytes(typed) else { return Self::default() };
        let differs = normalised.expose() != typed.as_bytes();
        let typed = differs.then(|| Secret::new(typed.as_bytes().to_vec()));
        Self { normalised, typed }
    }

    /// The forms in which another program may have hashed it.
    pub fn forms(&self) -> impl Iterator<Item = &Secret<Vec<u8>>> {
        self.typed.iter().chain(std::iter::once(&self.normalised))
    }
}

/// The result of a check.
#[derive(Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// The password is wrong.
    Wrong,
    /// The password is right. If the stored hash has another cost than today's, there is a new
    /// hash.
    Right(Option<String>),
}

/// The Argon2 parameters of this cost.
pub(super) fn params(cost: Cost) -> Result<Params, Fault> {
    Params::new(cost.memory, cost.passes, 1, Some(32))
        .map_err(|error| Fault::internal("reading the cost of hashing", error.to_string()))
}

fn digest(
    params: Params,
    password: &[u8],
    salt: &[u8],
    memory: &mut Vec<Block>,
) -> Result<Secret<[u8; 32]>, Fault> {
    let mut output = Secret::new([0; 32]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    compute(&argon2, (password, salt), output.expose_mut(), memory)?;
    Ok(output)
}

/// Hashes a password, using this memory.
pub(super) fn hash(cost: Cost, password: &[u8], memory: &mut Vec<Block>) -> Result<String, Fault> {
    let salt = random::bytes::<16>();
    let output = digest(params(cost)?, password, &salt, memory)?;
    Ok(format!(
        "$argon2id$v=19$m={},t={},p=1${}${}",
        cost.memory,
        cost.passes,
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(output.expose())
    ))
}

/// Checks a password against a stored hash. If there is none, the same work is done.
pub(super) fn check(
    cost: Cost,
    password: &PasswordToCheck,
    stored: Option<&str>,
    memory: &mut Vec<Block>,
) -> Result<PasswordCheck, Fault> {
    if let Some(foreign) = stored.and_then(ForeignHash::of_stored) {
        return check_foreign(cost, password, foreign, memory);
    }
    let password = password.normalised.expose();
    let today = params(cost)?;
    let Some(stored) = stored else {
        digest(today, password, &[0; 16], memory)?;
        return Ok(PasswordCheck::Wrong);
    };
    let broken = |error: String| Fault::internal("reading a password hash", error);
    let parsed = PasswordHash::new(stored).map_err(|error| broken(error.to_string()))?;
    let params = Params::try_from(&parsed).map_err(|error| broken(error.to_string()))?;
    let salt = parsed.salt.as_ref().ok_or_else(|| broken("no salt".to_owned()))?;
    let expected = parsed.hash.as_ref().ok_or_else(|| broken("no output".to_owned()))?;
    let is_current = params.m_cost() == cost.memory && params.t_cost() == cost.passes;
    let found = digest(params, password, salt.as_ref(), memory)?;
    if !bool::from(found.expose().ct_eq(expected.as_bytes())) {
        return Ok(PasswordCheck::Wrong);
    }
    let renewed = if is_current { None } else { Some(hash(cost, password, memory)?) };
    Ok(PasswordCheck::Right(renewed))
}

/// Checks a password against a hash that another program made: as it was typed, because that
/// program may have hashed it so, and then in the form in which we hash it. If it is right, there is
/// a new hash.
fn check_foreign(
    cost: Cost,
    password: &PasswordToCheck,
    foreign: Result<ForeignHash, HashRefused>,
    memory: &mut Vec<Block>,
) -> Result<PasswordCheck, Fault> {
    let foreign =
        foreign.map_err(|error| Fault::internal("reading a password hash", error.to_string()))?;
    for form in password.forms() {
        if foreign_hash::is_of(&foreign, form.expose(), memory)? {
            let renewed = hash(cost, password.normalised.expose(), memory)?;
            return Ok(PasswordCheck::Right(Some(renewed)));
        }
    }
    Ok(PasswordCheck::Wrong)
}
