//! The command line: one file for each family of verbs. It parses arguments and prints results;
//! [`admin`](crate::admin) makes the decisions.

mod attribute;
mod audit;
mod backup;
mod client;
mod client_id_jag;
mod client_rules;
mod command_line;
mod config_verbs;
mod declared;
mod demo;
mod doctor;
mod explain;
mod group;
mod import;
mod installation;
mod key;
mod mail;
mod mcp;
mod migrate;
mod output;
mod provider;
mod registration_advice;
mod registration_token;
mod resource;
mod restore;
mod role;
mod scim;
mod scope;
mod serve;
mod token;
mod usage;
mod user;
mod verify;
mod webhook;

pub use command_line::run;
