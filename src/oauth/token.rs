//! The token endpoint, RFC 6749 §3.2: the visible list of its steps.

use std::net::IpAddr;
use std::sync::Arc;

use super::Issuer;
use super::client_auth::authenticate;
use super::error::{ErrorCode, Refusal, Result, invalid_request};
use super::grants::password::Password;
use super::grants::{AnyGrant, Cx, GRANT_TYPES, Grant};
use super::mint::{self, TokenResponse};
use crate::domain::audit::Origin;
use crate::domain::form::Form;

/// A token request.
#[derive(Debug)]
pub struct Request<'a> {
    /// The `Authorization` headers.
    pub authorization: &'a [&'a [u8]],
    /// The body.
    pub form: &'a Form,
    /// The client address.
    pub address: IpAddr,
    /// For audit events.
    pub origin: &'a Origin,
}

/// Answers a token request.
pub async fn token(issuer: &Arc<Issuer>, request: Request<'_>) -> Result<TokenResponse> {
    let client = authenticate(issuer, request.authorization, request.form).await?;
    let grant_type =
        request.form.get("grant_type").ok_or_else(|| invalid_request("grant_type is missing"))?;
    if GRANT_TYPES.contains(&grant_type) && !client.client().may_use(grant_type) {
        let description = "the client is not registered for this grant type";
        return Err(Refusal::new(ErrorCode::UnauthorizedClient, description).into());
    }
    let grant = AnyGrant::parse(grant_type, request.form)?;
    let cx = Cx { issuer, client: &client, address: request.address, origin: request.origin };
    let entitlement = grant.redeem(&cx).await?;
    let issued = if grant_type == Password::TYPE {
        // The threads that hash sign too: a flood of sign-ins never holds up anybody else.
        let minting = Arc::clone(issuer);
        let mint = move || mint::issue(&minting, client.client(), &entitlement);
        issuer.hasher.run(mint).await??
    } else {
        mint::issue(issuer, client.client(), &entitlement)?
    };
    metrics::counter!("mapae_tokens_issued_total", "grant_type" => grant_type.to_owned())
        .increment(1);
    Ok(issued)
}
