//! People: who they are and how they prove it.

pub mod hashing;
pub mod sign_in;
pub mod throttle;
pub mod users;
