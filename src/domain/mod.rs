//! The vocabulary: pure types of the field, without I/O and without `async`.

pub mod address;
pub mod audit;
pub mod authorization;
pub mod client;
pub mod clock;
pub mod device;
pub mod family;
pub mod form;
pub mod hex;
pub mod identity;
pub mod in_app;
pub mod interaction;
pub mod person;
pub mod pkce;
pub mod provider;
pub mod random;
pub mod reason;
pub mod redirect_uri;
pub mod requested_claims;
pub mod scope;
pub mod secret;
pub mod sensitive;
pub mod session;
pub mod urls;
pub mod user;
pub mod verdict;
