//! An API on axum: `ISSUER=… AUDIENCE=… LISTEN=127.0.0.1:9000 cargo run --example axum --features axum`

use axum::Router;
use axum::routing::get;
use mapae_verify::{Requirement, Token, Verifier};

/// Whoever has a good token is told who they are.
async fn me(token: Token) -> String {
    format!("{}\n", token.sub)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::builder(told("ISSUER")?, told("AUDIENCE")?).build()?;
    // Keys and status lists are renewed before a request needs them.
    verifier.follow();
    let scope = told("SCOPE").unwrap_or_default();
    let app =
        Router::new().fallback(get(me)).layer(verifier.layer_requiring(Requirement::scope(&scope)));
    let listener = tokio::net::TcpListener::bind(told("LISTEN")?).await?;
    axum::serve(listener, app).await?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a program of its own")]
fn told(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("say {name} in the environment"))
}
