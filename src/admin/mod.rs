//! What an operator does: one file for each kind of thing. The command line parses arguments and
//! prints results; what is decided is decided here.

pub mod providers;
pub mod users;
