//! The database. Each file is for one table and has free functions, which take a [`Reader`] to read
//! and a [`Tx`] to write. SQLite and Postgres run the same code.
//!
//! Invariants: every write happens in a [`Tx`] (the exception is `successions::advance`, a single
//! statement). What a transaction revokes is noted where the rows change, and written when it commits
//! (`revocation_log`). SQLite has one writer connection, whose transactions begin IMMEDIATE, with WAL and
//! `synchronous=FULL`, so a change is on the disk before it is answered. Every statement has a
//! deadline ([`Options::statement_timeout`], and that of the request that is being answered).

mod account_keys;
pub mod admin_roles;
pub mod apps;
pub mod attribute_values;
pub mod attributes;
mod audit_changes;
pub mod audit_events;
mod audit_log;
pub mod authorization_codes;
pub mod backup;
pub mod browsers;
mod buckets;
mod cause;
pub mod client_changes;
pub mod client_role_holders;
pub mod client_roles;
pub mod clients;
mod column;
pub mod comparing;
mod connection;
pub mod consents;
mod counting;
mod database;
pub mod device_grants;
pub mod endings;
mod entity;
pub mod families;
mod file;
pub mod first_sign_ins;
pub mod group_members;
pub mod groups;
mod housekeeping;
pub mod identities;
pub mod interactions;
pub mod key_fetchers;
pub mod known_addresses;
mod known_subscriptions;
pub mod leaders;
mod lease;
pub mod live;
pub mod mail_secrets;
mod migrating;
pub mod one_time_codes;
mod options;
pub mod outbox;
pub mod passkeys;
mod place;
mod pool;
pub mod provider_memberships;
pub mod providers;
pub mod pushed_requests;
pub mod rate_limits;
mod reader;
pub mod recovery_codes;
pub mod refresh_days;
pub mod repeatable_creations;
mod repeats;
pub mod resources;
pub mod restoring;
pub mod revisions;
mod revocation_log;
pub mod revocations;
pub mod revoked_access_tokens;
pub mod scim_groups;
pub mod scim_people;
pub mod scim_tokens;
pub mod scope_words;
pub mod sealed_keys;
mod server;
pub mod sessions;
pub mod sign_in_counts;
pub mod signing_keys;
mod some_rows;
mod standby;
mod statement;
pub mod status_lists;
pub mod stopped_actors;
mod subscriptions;
pub mod successions;
pub mod tables;
pub mod terms_acceptances;
pub mod throttles;
mod tx;
pub mod used_assertions;
pub mod user_filters;
pub mod users;
pub mod webhooks;

pub use connection::Connection;
pub use database::Store;
pub use file::{ServeLock, sqlite_path};
pub use lease::Taken;
pub use migrating::{MigrationState, migrate, migration_status};
pub use options::{Options, read_url, url};
pub use place::{check_url, may_be_overheard, shown_url};
pub use pool::Load;
pub use reader::Reader;
pub use repeats::Repeats;
pub use standby::Lists;
pub use tx::Tx;
