//! Clients: how they are registered, the ones in memory, and their logos.

pub mod logos;
pub mod registration;
pub mod registry;
