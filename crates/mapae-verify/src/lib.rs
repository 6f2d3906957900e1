#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "axum")]
mod axum;
mod binding;
mod cache;
mod claims;
mod feed;
mod fetch;
mod jws;
mod keys;
mod presented;
mod refusal;
mod requirement;
mod status;
#[cfg(feature = "tower")]
mod tower;
#[doc(hidden)]
pub mod unverified;
mod verifier;

pub use claims::{Claims, Confirmation, StatusClaim, StatusReference, Token};
pub use fetch::{Fetch, FetchError, Fetching};
pub use keys::Algorithm;
pub use presented::Presented;
pub use refusal::Refusal;
pub use requirement::Requirement;
#[cfg(feature = "tower")]
pub use tower::{ClientCertificate, VerifyLayer, VerifyService};
pub use verifier::{Builder, Verifier};
