//! mapae: a self-hosted OAuth 2 / OpenID Connect authorization server.
//!
//! # The house
//!
//! ```text
//! main ─► cli ─┬► admin ──────────────┐
//!              └► app ─┬► net         ▼
//!                      ├► web ─► flows ─► oauth ─► { accounts · clients · social } ─► { keys · outbox ─► store · outbound } ─► settings ─► domain
//!                      └► pages ──────────────────────────────────────────────────────────────────────────────────────────► settings ─► domain
//! ```
//!
//! Each room imports only what stands to its right, and each crate has one home: sea-orm in
//! [`store`], `jsonwebtoken`, `rsa` and aws-lc in [`keys`], `argon2` in [`accounts`], `oauth2` in
//! [`social`], reqwest in [`outbound`], askama in [`pages`], axum in [`web`] and [`app`], clap in [`cli`]. A test holds the
//! law.
//!
//! # Five lives
//!
//! **`POST /token`**: `web::token` reads the strict form → [`oauth::token::endpoint`] is the visible list: client
//! authentication → the grant's own type → may this client use it → the grant decides what is owed
//! (slow work before any transaction) → [`oauth::token::mint`] signs (no transaction is open).
//!
//! **A sign-in**: [`oauth::authorize::request`] checks a request → [`oauth::authorize::decide`] says what is missing →
//! a page asks for it → [`flows`] takes it and decides again → a code goes to an address
//! that only an exact comparison makes ([`oauth::authorize::response`]).
//!
//! **A login at a provider**: [`flows`] leaves with a sealed `state`, which is bound to browser,
//! provider and interaction, and no row waits → the [`social::Provider`] proves who came back, with no
//! transaction open → [`accounts::federation`] finds the account, makes it, or asks for a proof → the
//! same next step as after a password. `/token` joins at the second arrow ([`oauth::token::upstream_tokens`]).
//!
//! **A refresh**: [`oauth::token::rotation`] takes every use that waits, reads their families in one
//! statement, decides each by a pure function ([`domain::succession`]), and moves the rows whose
//! leaf is still the same in one statement, which is the whole transaction. Nothing is inserted.
//!
//! **A key**: [`keys::ring`] is its whole life as a pure function of time: pending, signing, retiring,
//! remembered, forgotten. The database holds the keys, sealed; every process looks at them in time.
//!
//! # Rules
//!
//! - A *refusal* is an answer and commits; a *fault* is ours and rolls back ([`domain::verdict`]).
//! - One transaction has one instant ([`store::Tx`]). Time is handed in ([`domain::clock`]).
//! - One-time things are spent by one statement whose affected rows decide.
//! - A secret is [`Plain`](domain::secret::Plain) and can only be sent, or
//!   [`Hashed`](domain::secret::Hashed) and can only be stored. Of a refresh token nothing is stored.

pub mod accounts;
pub mod admin;
pub mod app;
pub mod cli;
pub mod clients;
pub mod domain;
pub mod flows;
pub mod keys;
pub mod net;
pub mod oauth;
pub mod outbound;
pub mod outbox;
pub mod pages;
pub mod runtime;
pub mod settings;
pub mod social;
pub mod store;
pub mod web;
