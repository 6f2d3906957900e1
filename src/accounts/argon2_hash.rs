//! Argon2 in memory that the caller keeps, and its cost.

use argon2::{Argon2, Block};

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

/// A number of blocks of 1 KiB. glibc always maps an allocation of 32 MiB or more separately,
/// whatever threshold it has learned before.
const MAPPED_APART: usize = 33 * 1024;

/// Computes Argon2 of a password and a salt, using this memory.
pub(super) fn compute(
    argon2: &Argon2<'_>,
    (password, salt): (&[u8], &[u8]),
    output: &mut [u8],
    memory: &mut Vec<Block>,
) -> Result<(), Fault> {
    let fault = |error: argon2::Error| Fault::internal("hashing a password", error.to_string());
    let blocks = argon2.params().block_count();
    if memory.len() < blocks {
        // The allocator maps such a large allocation separately and returns it to the system when
        // it is freed. Only the pages that are touched take memory.
        *memory = Vec::with_capacity(blocks.max(MAPPED_APART));
        memory.resize(blocks, Block::default());
    }
    argon2
        .hash_password_into_with_memory(password, salt, output, memory.as_mut_slice())
        .map_err(fault)
}
