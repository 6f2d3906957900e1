//! Keys: their life ([`ring`]), their sealing ([`seal`]) and what they sign ([`jwt`]).
//!
//! Signing is aws-lc ([`jws`]); the crate `rsa` makes and reads keys and never signs
//! (RUSTSEC-2023-0071).

pub mod client_keys;
pub mod device_cookies;
pub mod jws;
pub mod jwt;
pub mod keyring;
pub mod make;
pub mod provider_credentials;
pub mod provider_keys;
pub mod ring;
pub mod rotation;
pub mod seal;
pub mod secret_file;
