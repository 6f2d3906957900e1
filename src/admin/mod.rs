//! What an operator does: one file for each kind of thing. The command line parses arguments and
//! prints results; what is decided is decided here.

pub mod audit;
pub mod clients;
pub mod installation_checks;
pub mod keys;
pub mod provider_check;
pub mod providers;
pub mod tokens;
pub mod users;
