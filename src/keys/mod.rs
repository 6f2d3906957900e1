//! Keys: their lifetime ([`ring`]), how they are sealed ([`seal`]) and the tokens that they sign
//! ([`jwt`]).
//!
//! aws-lc signs ([`jws`]). The crate `rsa` only creates and reads keys; it never signs
//! (RUSTSEC-2023-0071).

pub mod authorities;
pub mod certificates;
pub mod client_keys;
pub mod device_cookies;
pub mod doctor_key;
pub mod dpop;
pub mod factor_key;
pub mod fetchers;
pub mod jws;
pub mod jwt;
pub mod keyring;
pub mod mail_key;
pub mod make;
mod named_keys;
pub mod passkey_challenges;
pub mod provider_credentials;
pub mod provider_keys;
pub mod repeat_key;
pub mod ring;
pub mod rotation;
pub mod seal;
pub mod secret_file;
pub mod subjects;
pub mod webhook_secrets;
