//! Computes one password hash: Argon2id, in memory that the caller keeps.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;

use crate::domain::random;
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;

/// The cost of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory: u32,
    /// The number of passes over that memory.
    pub passes: u32,
}

impl Default for Cost {
    /// The OWASP parameters: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self { memory: 19 * 1024, passes: 2 }
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

/// A number of blocks of 1 KiB. glibc always maps an allocation of 32 MiB or more separately,
/// whatever threshold it has learned before.
const MAPPED_APART: usize = 33 * 1024;

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
    let fault = |error: argon2::Error| Fault::internal("hashing a password", error.to_string());
    let blocks = params.block_count();
    if memory.len() < blocks {
        // The allocator maps such a large allocation separately and returns it to the system when
        // it is freed. Only the pages that are touched take memory.
        *memory = Vec::with_capacity(blocks.max(MAPPED_APART));
        memory.resize(blocks, Block::default());
    }
    let mut output = Secret::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, output.expose_mut(), memory.as_mut_slice())
        .map_err(fault)?;
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
    password: &[u8],
    stored: Option<&str>,
    memory: &mut Vec<Block>,
) -> Result<PasswordCheck, Fault> {
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
