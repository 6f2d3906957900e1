//! Clients: their registration, the registry that keeps them in memory, and their logos.

pub mod logos;
pub mod registration;
pub mod registry;
pub mod sector;
