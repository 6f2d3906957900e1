//! mapae: a self-hosted OAuth 2 / OpenID Connect authorization server.
//!
//! # The house
//!
//! ```text
//! main ─► cli ─┬► admin ──────────────┐
//!              └► app ─┬► net         ▼
//!                      ├► web ─► flows ─► oauth ─► { accounts · clients · social · rate_limits } ─► mail ─► { keys · outbox ─► store · outbound · redis_client } ─► settings ─► domain
//!                      └► pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────► settings ─► domain
//! ```
//!
//! Each room imports only rooms to its right in this picture, and each of these crates is used in
//! one place only: sea-orm in [`store`], `jsonwebtoken`, `rsa` and aws-lc in [`keys`], `argon2` and
//! `webauthn-rs` in [`accounts`], `oauth2` in [`social`], lettre in [`mail`], reqwest in
//! [`outbound`], redis in [`redis_client`], askama in [`pages`], axum in [`web`] and [`app`], clap in [`cli`]. A test checks
//! both rules.
//!
//! # Five lives
//!
//! **`POST /token`**: `web::token` parses the form strictly → [`oauth::token::endpoint`] takes
//! these steps, in this order: client authentication → the grant's own type → may this client use
//! it → the grant decides which tokens are owed (slow work comes before any transaction) →
//! [`oauth::token::mint`] signs them (no transaction is open).
//!
//! **A sign-in**: [`oauth::authorize::request`] checks a request → [`oauth::authorize::decide`]
//! says what is missing → a page asks for it → [`flows`] takes the person's answer and decides
//! again → a code is sent to a redirect URI, which only an exact comparison accepts
//! ([`oauth::authorize::response`]).
//!
//! **A login at a provider**: [`flows`] redirects to the provider with a sealed `state`, which is
//! bound to browser, provider and interaction; no row is written for it → the [`social::Provider`]
//! proves who returned, with no transaction open → [`accounts::federation`] finds the account,
//! makes it, or asks for a proof → the same next step as after a password. `/token` joins at the
//! second arrow ([`oauth::token::upstream_tokens`]).
//!
//! **A refresh**: [`oauth::token::rotation`] takes all refreshes that wait, reads their families in
//! one statement, decides each by a pure function ([`domain::succession`]), and updates the rows
//! whose leaf has not changed meanwhile in one statement, which is the whole transaction. It
//! inserts nothing.
//!
//! **A key**: [`keys::ring`] describes its whole life as a pure function of time: pending, signing,
//! retiring, remembered, forgotten. The database holds the sealed keys; every process reads them
//! again at intervals.
//!
//! # Rules
//!
//! - A *refusal* is an answer and commits; a *fault* is our failure and rolls back
//!   ([`domain::verdict`]).
//! - One transaction has one instant ([`store::Tx`]). The time is passed in ([`domain::clock`]).
//! - A thing that may be used once is used up by one statement; the number of rows that it changed
//!   decides whether this use counts.
//! - A secret is [`Plain`](domain::secret::Plain) and can only be sent, or
//!   [`Hashed`](domain::secret::Hashed) and can only be stored. Of a refresh token nothing is
//!   stored.

pub mod accounts;
pub mod admin;
pub mod app;
pub mod cli;
pub mod clients;
pub mod domain;
pub mod flows;
pub mod keys;
pub mod mail;
pub mod net;
pub mod oauth;
pub mod outbound;
pub mod outbox;
pub mod pages;
pub mod rate_limits;
pub mod redis_client;
pub mod runtime;
pub mod settings;
pub mod social;
pub mod store;
pub mod web;
pub mod webhooks;
