//! The actions of an operator, one file for each kind of object. The command line only parses
//! arguments and prints results; the decisions are made here.

pub mod attributes;
pub mod audit;
pub mod client_roles;
pub mod clients;
pub mod groups;
pub mod installation_checks;
pub mod invitations;
pub mod keys;
pub mod provider_check;
pub mod providers;
pub mod recovery;
pub mod scopes;
pub mod token_facts;
pub mod token_preview;
pub mod tokens;
pub mod users;
