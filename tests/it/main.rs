//! Black-box proofs, named after the clause they prove. Each runs on SQLite, and on Postgres where
//! `MAPAE_TEST_POSTGRES` names a server.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a proof fails loudly"
)]

mod client_auth;
mod http;
mod jwt;
mod password;
mod refresh;
mod strangers;
mod support;
mod token;
mod tokens_at_work;
