//! People: who they are and how they prove it.

pub mod browsers;
pub mod federation;
pub mod hashing;
pub mod new_password;
pub mod session_endings;
pub mod sign_in;
pub mod throttle;
