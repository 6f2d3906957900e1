//! The composition root: builds a running server from the settings.

mod clean_up;
pub mod config;
mod epoch;
mod jobs;
mod leading;
mod listening;
mod log_lines;
mod log_queue;
mod mutual_tls;
mod named_files;
mod opening;
mod otlp;
mod otlp_export;
mod otlp_messages;
mod pace;
mod prometheus_text;
pub mod providers;
mod retention;
mod server;
mod services;
pub mod telemetry;
mod terms;

pub use epoch::{epoch_files, last_epoch, look_at_epoch_file};
pub use jobs::tell_servers;
pub use named_files::unusable;
pub use opening::{
    check_existing_store, clock_skew, existing_master_key, find_master_key, is_missing, is_sealed,
    look, mailer, master_key, open_existing_store, open_keyring, open_store, outbound, post,
    redis_answers,
};
pub use server::Server;
pub use services::Services;
