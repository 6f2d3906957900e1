//! The protocol, without any web framework. Each endpoint has a folder or a file, and works with
//! the parts that its own context names: [`token`] issues tokens, [`authorize`] reads the requests
//! that arrive through a browser, [`resource`] handles tokens that were issued.

pub mod added_claims;
pub mod authorize;
pub mod back_channel;
pub mod challenge;
pub mod claims;
pub mod client_auth;
pub mod cross_origin;
pub mod device;
pub mod error;
pub mod lifetimes;
pub mod logout;
pub mod mcp;
pub mod memberships;
pub mod metadata;
pub mod mutual_tls;
pub mod openapi;
pub mod outside_assertions;
pub mod possession;
pub mod refused;
pub mod registration;
pub mod resource;
pub mod status;
pub mod token;
