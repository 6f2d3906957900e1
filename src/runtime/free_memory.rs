//! Gives memory that nobody uses any more back to the system.

use std::hint::black_box;
use std::time::Duration;

/// How often it is given back. The allocator keeps what was freed for a second, in case it is needed
/// again.
pub const PERIOD: Duration = Duration::from_secs(2);

/// More than the allocator takes from memory that several allocations share.
const LARGE: usize = 1024 * 1024;

/// Makes the allocator give back what was freed for longer than it keeps it.
///
/// mimalloc looks for that only when somebody frees something large, and a server without work frees
/// nothing: the memory of a password hash would stay until the next requests. Nothing is written to
/// the memory that is allocated here, so it costs some microseconds and no page.
pub fn give_back() {
    drop(black_box(Vec::<u8>::with_capacity(LARGE)));
}
