//! How much a request may ask for.

/// The largest body, in bytes: that of a bulk request.
pub(super) const LARGEST: usize = 1024 * 1024;
/// The most operations of a bulk request.
pub(super) const OPERATIONS: usize = 100;
/// How many resources a page has, unless fewer are asked for.
pub(super) const PAGE: u64 = 100;
