//! Passkeys (Web Authentication Level 3): how an account gets one, and how people prove with one
//! who they are. Every passkey is discoverable and used with user verification.

pub mod adding;
pub mod challenge;
pub mod proving;
pub mod relying_party;
