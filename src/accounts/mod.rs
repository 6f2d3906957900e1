//! People: who they are and how they prove it.

pub mod browsers;
pub mod endings;
pub mod federation;
pub mod hashing;
pub mod new_password;
pub mod sign_in;
pub mod throttle;
