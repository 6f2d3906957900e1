//! The accounts of people, and how people prove who they are.

pub mod attempt_limits;
pub mod browsers;
pub mod federation;
pub mod hashing;
pub mod hashing_queue;
pub mod new_password;
pub mod password_hash;
pub mod session_endings;
pub mod sign_in;
pub mod throttle;
