//! The command line: one family of verbs a file. It parses arguments and prints results; what is
//! decided is decided in [`admin`](crate::admin).

mod audit;
mod client;
mod command_line;
mod config_verbs;
mod demo;
mod doctor;
mod explain;
mod installation;
mod key;
mod migrate;
mod output;
mod provider;
mod registration_advice;
mod serve;
mod token;
mod usage;
mod user;

pub use command_line::run;
