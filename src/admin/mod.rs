//! The use cases of the administration, one file for each kind of object. The command line and the
//! API only read what is asked and show results; the decisions are made here. Each use case takes
//! the proof that whoever asks may do it ([`authority::May`]).

pub mod attributes;
pub mod audit;
pub mod authority;
pub mod backups;
pub mod client_roles;
pub mod client_use;
pub mod clients;
pub mod declared;
pub mod draft;
pub mod export_people;
pub mod groups;
pub mod import;
pub mod installation_checks;
pub mod invitations;
pub mod keys;
pub mod overview;
mod owners;
mod page;
pub mod person_overview;
pub mod provider_check;
pub mod providers;
pub mod provisioned_groups;
pub mod provisioned_people;
pub mod recovery;
pub mod refused;
pub mod registration_tokens;
pub mod repeats;
pub mod replacing;
pub mod resources;
pub mod roles;
pub mod scim_tokens;
pub mod scopes;
pub mod sessions;
pub mod token_facts;
pub mod token_preview;
pub mod tokens;
pub mod users;
pub mod webhooks;
