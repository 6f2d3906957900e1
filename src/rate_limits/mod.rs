//! The limits of requests: how many one address, one client and one account may send. They protect
//! the server and other clients. They are not the throttle of failed sign-ins, which is in
//! [`accounts`](crate::accounts) and always in the database.

mod bucket;
mod in_database;
mod in_redis;
mod limiter;
mod rate;
mod settings;

pub use limiter::{CountedAccount, Exceeded, RateLimiter, RateLimiterParts};
pub use rate::{Rate, rate};
pub use settings::RateLimits;
