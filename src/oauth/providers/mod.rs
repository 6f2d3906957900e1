//! What an operator does with providers.

pub mod administration;
