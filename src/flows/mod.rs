//! Leading a person through the pages to an answer: one file for each purpose, and one place that
//! takes the next step ([`advance`]). What they came for is an
//! [`Interaction`](crate::domain::interaction::Interaction); the pages carry its name alone.

pub mod advance;
pub mod callback;
pub mod complete_sign_in;
pub mod connected_providers;
pub mod consent;
pub mod context;
pub mod fresh_proof;
pub mod interaction;
pub mod logout;
pub mod lookup;
pub mod my_account;
pub mod outcome;
pub mod sign_in;
pub mod start;
pub mod submitted;
pub mod upstream_login;
