//! An API on hyper and tower, without a framework:
//! `ISSUER=… AUDIENCE=… LISTEN=127.0.0.1:9000 cargo run --example tower`

use std::convert::Infallible;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use mapae_verify::{Requirement, Token, Verifier};
use tower::{Layer, service_fn};

/// Whoever has a good token is told who they are.
async fn me(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let sub = request.extensions().get::<Token>().map(|token| token.sub.clone());
    Ok(Response::new(sub.unwrap_or_default()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::builder(told("ISSUER")?, told("AUDIENCE")?).build()?;
    verifier.follow();
    let scope = told("SCOPE").unwrap_or_default();
    let service = verifier.layer_requiring(Requirement::scope(&scope)).layer(service_fn(me));
    let listener = tokio::net::TcpListener::bind(told("LISTEN")?).await?;
    loop {
        let (connection, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
    }
}

#[expect(clippy::disallowed_methods, reason = "a program of its own")]
fn told(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("say {name} in the environment"))
}
