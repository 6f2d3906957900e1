//! The optional Redis: a memory that replicas share. Everything works without it. Whoever uses it
//! has another way for the time in which it does not answer.

mod connection;
mod hints;
mod server_url;
pub mod settings;
mod stream;

pub use connection::{Redis, Script};
pub use server_url::RedisServer;
pub use stream::{StreamBounds, StreamEntry};
