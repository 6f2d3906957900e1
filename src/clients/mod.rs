//! Clients: their registration, the registry that keeps them in memory, and their keys
//! and logos.

mod acting;
pub mod documents;
pub mod fetches;
mod id_jag;
mod kept;
pub mod key_sets;
pub mod logos;
mod registered;
pub mod registration;
pub mod registry;
pub mod sector;
