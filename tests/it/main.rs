//! Black-box tests, named after the clause they prove. Each runs on SQLite, and on Postgres where
//! `MAPAE_TEST_POSTGRES` names a server.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails loudly"
)]

mod apps;
mod architecture;
mod audit;
mod audit_list;
mod audit_people;
mod authorize_checks;
mod back_channel;
mod behind_a_path;
mod bounds;
mod canary;
mod certification;
mod challenge;
mod chromium;
mod clauses;
mod cli_config;
mod cli_verbs;
mod client_auth;
mod code_flow;
mod code_grant;
mod conflicts;
mod consents;
mod crash;
mod cross_origin;
mod database_faults;
mod deadlines;
mod deletion;
mod demo;
mod doctor;
mod endings;
mod enumeration;
mod every_page;
mod forms;
mod framing;
mod fuzz;
mod groups;
mod held_proofs;
mod housekeeping;
mod http;
mod http_behaviour;
mod identity;
mod installation;
mod interop;
mod jwt;
mod key_fetchers;
mod key_life;
mod key_verbs;
mod kit;
mod link_uses;
mod listener;
mod log_pipe;
mod logout;
mod mail;
mod mail_code;
mod mail_limits;
mod mail_secrets;
mod metrics;
mod migrating;
mod my_account;
mod my_pages;
mod my_password;
mod names;
mod new_address;
mod new_passkeys;
mod new_passwords;
mod notices;
mod openapi;
mod otlp;
mod outbound;
mod outbox;
mod own_postgres;
mod pages_of_accounts;
mod papers;
mod passkeys;
mod password;
mod prefetch;
mod prompts;
mod rate_limits;
mod recipes;
mod recovery;
mod recovery_in_grace;
mod redirect_pages;
mod redis;
mod refresh;
mod refresh_checks;
mod refresh_outage;
mod refresh_policies;
mod refresh_races;
mod refusals;
mod relying_party;
mod replicas;
mod revocation_feed;
mod row_sizes;
mod second_factors;
mod serving;
mod sessions;
mod settings_reference;
mod sign_up;
mod sign_up_hijack;
mod sign_up_modes;
mod skewed_clocks;
mod social;
mod status_lists;
mod step_up;
mod support;
mod terms;
mod three_replicas;
mod throttle;
mod tls;
mod token;
mod token_explain;
mod token_preview;
mod tokens_at_work;
mod unproven_browsers;
mod user_list;
mod workers;
