//! Social login, with providers that stand in for the real ones.

mod addresses;
mod arriving;
mod audiences;
mod breaker;
mod browser;
mod connecting;
mod connecting_checks;
mod crowds;
mod doors;
mod errors;
pub(crate) mod every;
mod exchange;
mod forbidden;
mod hints;
mod identity_keys;
mod in_app;
mod keys;
mod kinds;
mod leaving;
mod lies;
mod lies_at_token;
mod linking;
mod mix_up;
mod native;
mod odd_types;
mod operators;
mod operators_checks;
mod quirks;
mod replay;
mod requests;
pub(crate) mod scene;
mod secrets;
mod settings;
mod slow;
mod state;
mod substitution;
mod token_requests;
mod traces;
mod turned_off;
mod unlinked;
mod upstreams;
mod vendors;
mod ways_again;
mod ways_in;
mod witness;
mod workspace;

use crate::support::upstream::{CLIENT_ID, CLIENT_SECRET};
use crate::support::{App, Database, Server};

/// One `[[social]]` of a provider at this address, with more lines.
pub(crate) fn table(slug: &str, preset: &str, issuer: &str, more: &str) -> String {
    format!(
        "[[social]]\nslug = \"{slug}\"\npreset = \"{preset}\"\nissuer = \"{issuer}\"\n\
         client_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"\n{more}\n"
    )
}

/// A server with one OpenID provider that is called `idp`, and an app.
async fn with_idp(database: &Database, issuer: &str, more: &str) -> (Server, App) {
    let server = Server::start_social(database, &table("idp", "oidc", issuer, more)).await;
    let app = server.web_app("app", |client| client.metadata.first_party = true).await;
    (server, app)
}

/// The same behind a proxy that is believed about addresses.
async fn with_idp_and_proxy(database: &Database, issuer: &str) -> (Server, App) {
    let settings = [("outbound.allow_private", "true"), ("trusted_proxies", "127.0.0.1")];
    let server = Server::start_of(database, &settings, &table("idp", "oidc", issuer, "")).await;
    let app = server.web_app("app", |client| client.metadata.first_party = true).await;
    (server, app)
}
