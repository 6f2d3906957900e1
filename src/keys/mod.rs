//! Keys: their life ([`ring`]), their sealing ([`seal`]) and what they sign ([`jwt`]).
//!
//! Signing is aws-lc through `jsonwebtoken`; the crate `rsa` makes and reads keys and never signs
//! (RUSTSEC-2023-0071).

pub mod borrowed;
pub mod foreign;
pub mod jwt;
pub mod keyring;
pub mod known_browsers;
pub mod make;
pub mod provider;
pub mod published;
pub mod ring;
pub mod rotation;
pub mod seal;
pub mod secret_file;
