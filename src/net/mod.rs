//! Incoming connections: the listener, the limit of their number, time-outs, TLS.

pub mod connection;
pub mod connection_limit;
pub mod listener;
pub mod mutual_tls;
mod refused_handshakes;
pub mod timeouts;
pub mod tls;
