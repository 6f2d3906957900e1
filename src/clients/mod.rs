//! Clients: their registration, the registry that keeps them in memory, and their logos.

mod acting;
pub mod logos;
pub mod registration;
pub mod registry;
pub mod sector;
