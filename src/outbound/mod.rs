//! Calls to the addresses that clients name. Whoever names a URL must not reach through this server
//! what only this server can reach, so every call goes through one client.

mod address_policy;
mod client;
mod proxy;
mod resolver;

pub use address_policy::is_public;
pub use client::{Config, ConfigError, HttpResponse, Outbound, OutboundError, may_call};
pub use proxy::Proxy;
