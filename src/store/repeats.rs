//! Doing the work of a transaction again, if the database undid it in favour of another transaction.

use super::cause::REPEATS;
use crate::domain::verdict::{Error, Fault};

/// How often the work may still be done again. It is for work that does nothing else than read and
/// write in its transaction: then nothing of the first time is left.
#[derive(Debug)]
pub struct Repeats(u32);

impl Default for Repeats {
    fn default() -> Self {
        Self(REPEATS)
    }
}

impl Repeats {
    /// Whether the work of a transaction that ended like this is to be done again.
    pub fn wants<T, R>(&mut self, settled: &Result<T, Error<R>>) -> bool {
        match settled {
            Err(Error::Fault(fault)) => self.wants_after(fault),
            _ => false,
        }
    }

    /// The same for a transaction that ended with this fault.
    pub fn wants_after(&mut self, fault: &Fault) -> bool {
        let wants = fault.is_conflict() && self.0 > 0;
        self.0 -= u32::from(wants);
        wants
    }
}
