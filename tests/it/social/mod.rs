//! Social login, with stubs of providers.

mod addresses;
mod admission;
pub(crate) mod all_providers;
mod audiences;
mod away;
mod breaker;
mod browser;
pub(crate) mod connecting;
mod connecting_checks;
mod defects;
mod defects_at_token;
mod disabled_providers;
mod errors;
mod exchange;
pub(crate) mod fixtures;
mod forbidden_values;
mod groups;
mod hints;
mod identity_keys;
mod in_app;
mod keys;
mod linking;
mod mix_up;
mod native;
mod new_accounts;
mod overload;
mod provider_check_command;
mod provider_commands;
mod reauthentication;
mod refusal_check;
mod replay;
mod requests;
mod row_counts;
mod second_factors;
mod secrets;
mod settings;
mod sign_in_methods;
mod slow;
mod starting_login;
mod state;
mod substitution;
mod token_requests;
mod token_types;
mod unexpected_types;
mod unlinked_accounts;
mod upstreams;
mod vendor_differences;
mod vendors;
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
