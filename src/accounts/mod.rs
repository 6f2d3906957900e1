//! The accounts of people, and how people prove who they are.

pub mod address_claims;
pub mod attempt_limits;
pub mod breached_passwords;
pub mod browsers;
pub mod deletion;
mod deletion_mails;
pub mod factor_changes;
pub mod federation;
pub mod hashing;
pub mod hashing_queue;
pub mod held_session;
pub mod mail_limits;
pub mod mail_secrets;
pub mod new_address;
pub mod new_password;
pub mod notices;
pub mod one_time_codes;
pub mod passkeys;
pub mod password_hash;
pub mod password_rules;
pub mod reachable;
pub mod second_factor;
pub mod session_endings;
pub mod sign_in;
pub mod sign_up;
pub mod throttle;
