//! Calls to URLs that clients and operators name. Through such a URL, nobody may reach what only
//! this server can reach, so every call goes through one client. What an operator names in the
//! settings goes through another one, which calls any address.

mod address_policy;
mod client;
pub mod document_cache;
mod operator;
mod proxy;
mod resolver;

pub use address_policy::is_public;
pub use client::{Config, ConfigError, HttpResponse, Outbound, may_call};
pub use operator::OperatorClient;
pub use proxy::Proxy;

pub use crate::domain::outbound_error::OutboundError;
