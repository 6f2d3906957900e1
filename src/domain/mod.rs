//! The vocabulary: pure types of the field, without I/O and without `async`.

pub mod address;
pub mod audit;
pub mod client;
pub mod clock;
pub mod family;
pub mod form;
pub mod person;
pub mod random;
pub mod scope;
pub mod secret;
pub mod urls;
pub mod user;
pub mod verdict;
