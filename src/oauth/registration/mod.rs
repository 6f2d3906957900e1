//! Apps that register themselves, RFC 7591 and RFC 7592.

pub mod endpoint;
mod policy;
pub mod removal;
pub mod settings;
