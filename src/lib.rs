//! mapae: a self-hosted OAuth 2 / OpenID Connect authorization server.

pub mod accounts;
pub mod app;
pub mod cli;
pub mod domain;
pub mod keys;
pub mod oauth;
pub mod pages;
pub mod store;
pub mod web;
