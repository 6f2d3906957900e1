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

mod architecture;
mod audit;
mod canary;
mod cli_config;
mod cli_verbs;
mod client_auth;
mod code_flow;
mod crash;
mod demo;
mod http;
mod jwt;
mod key_life;
mod key_verbs;
mod listener;
mod outbound;
mod password;
mod refresh;
mod refresh_checks;
mod refresh_policies;
mod refresh_races;
mod relying_party;
mod replicas;
mod serving;
mod strangers;
mod support;
mod tls;
mod token;
mod tokens_at_work;
