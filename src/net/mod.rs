//! How connections come in: listening, a bound to their number, time-outs, TLS.

pub mod connection;
pub mod connection_limit;
pub mod listener;
pub mod timeouts;
pub mod tls;
