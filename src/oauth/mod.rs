//! The protocol, free of any web framework. Each endpoint has a folder or a file, and each works with
//! what its own context names: [`token`] issues tokens, [`authorize`] reads what browsers bring,
//! [`resource`] looks after tokens that were issued.

pub mod authorize;
pub mod back_channel;
pub mod claims;
pub mod client_auth;
pub mod cross_origin;
pub mod error;
pub mod lifetimes;
pub mod logout;
pub mod metadata;
pub mod refused;
pub mod resource;
pub mod token;
