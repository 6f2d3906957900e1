//! The console of the administration: a site of pages that are all built from the same few parts.
//! Each file makes the pages of one subject: it takes what the use cases returned and chooses the
//! words. One template shows every page.

pub mod app_settings;
pub mod apps;
pub mod attribute_definitions;
pub mod audit;
pub mod groups;
mod listed_token;
pub mod overview;
mod page;
mod parts;
pub mod people;
pub mod person;
pub mod person_attributes;
pub mod providers;
pub mod registration_tokens;
pub mod resources;
mod samples;
pub mod scim_tokens;
pub mod scope_words;
pub mod settings;
mod short_pages;
pub mod signing_keys;
mod snippets;
pub mod token;
pub mod webhook_pages;
mod words;

pub use page::{ConsolePage, ConsoleShell};
