//! The token endpoint, RFC 6749 §3.2: the visible list of its steps.

use std::net::IpAddr;
use std::sync::Arc;

use metrics::Counter;

use crate::domain::audit::Origin;
use crate::domain::client::{Client, RefreshDelivery};
use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::oauth::Issuer;
use crate::oauth::client_auth::authenticate;
use crate::oauth::error::{ErrorCode, Refusal, Result, invalid_request};
use crate::oauth::resource::people;
use crate::oauth::token::grants::password::Password;
use crate::oauth::token::grants::refresh_token::RefreshToken;
use crate::oauth::token::grants::{AnyGrant, Cx, Grant};
use crate::oauth::token::mint::{self, TokenResponse};
use crate::runtime::handles::Handles;

/// A token request.
#[derive(Debug)]
pub struct Request<'a> {
    /// The `Authorization` headers.
    pub authorization: &'a [&'a [u8]],
    /// The body.
    pub form: Form,
    /// The `Origin` header.
    pub script: Option<&'a str>,
    /// The refresh token in the client's cookie.
    pub cookie: Option<&'a str>,
    /// The client address.
    pub address: IpAddr,
    /// For audit events.
    pub origin: &'a Origin,
}

/// What is answered.
#[derive(Debug)]
pub struct Issued {
    /// The body.
    pub response: TokenResponse,
    /// The refresh token, for a client that gets it as a cookie instead.
    pub cookie: Option<String>,
}

static ISSUED: Handles<&str, Counter> = Handles::new(
    |grant_type| metrics::counter!("mapae_tokens_issued_total", "grant_type" => grant_type),
);

/// Answers a token request.
pub async fn token(issuer: &Arc<Issuer>, request: Request<'_>) -> Result<Issued> {
    let client = authenticate(issuer, request.authorization, &request.form).await?;
    let delivery = client.client().refresh_delivery;
    let form = match delivery {
        RefreshDelivery::Body => request.form,
        RefreshDelivery::Cookie => {
            by_cookie(client.client(), request.form, request.script, request.cookie)?
        }
    };
    let named = form.get("grant_type").ok_or_else(|| invalid_request("grant_type is missing"))?;
    let Ok(grant_type) = named.parse::<GrantType>() else {
        // RFC 6749 §5.2.
        let description = "this server does not have this grant type";
        let refusal = Refusal::new(ErrorCode::UnsupportedGrantType, description);
        return Err(refusal.naming(named).into());
    };
    if !client.client().may_use(grant_type) {
        let description = "the client is not registered for this grant type";
        let refusal = Refusal::new(ErrorCode::UnauthorizedClient, description);
        return Err(refusal.naming(named).into());
    }
    let grant = AnyGrant::parse(grant_type, &form)?;
    let cx = Cx { issuer, client: &client, address: request.address, origin: request.origin };
    let entitlement = grant.redeem(&cx).await?;
    let person = people::about(issuer, client.client(), &entitlement).await?;
    let mut response = if grant_type == Password::TYPE {
        // The threads that hash sign too: a flood of sign-ins never holds up anybody else.
        let minting = Arc::clone(issuer);
        let mint = move || mint::issue(&minting, client.client(), &entitlement, person);
        issuer.hasher.run(mint).await??
    } else {
        mint::issue(issuer, client.client(), &entitlement, person)?
    };
    ISSUED.of(grant_type.as_str()).increment(1);
    let cookie = match delivery {
        RefreshDelivery::Body => None,
        RefreshDelivery::Cookie => response.refresh_token.take(),
    };
    Ok(Issued { response, cookie })
}

/// The form of a client whose refresh token is a cookie. The browser sends it whoever asks, so it
/// counts for scripts of registered origins alone.
fn by_cookie(
    client: &Client,
    form: Form,
    script: Option<&str>,
    cookie: Option<&str>,
) -> Result<Form, Refusal> {
    check_origin(client, script)?;
    let refreshes = form.get("grant_type") == Some(RefreshToken::TYPE.as_str());
    Ok(match cookie {
        Some(cookie) if refreshes => form.with("refresh_token", cookie),
        _ => form,
    })
}

/// A cookie counts for scripts of registered origins alone.
pub(in crate::oauth) fn check_origin(client: &Client, script: Option<&str>) -> Result<(), Refusal> {
    let is_registered = |origin: &str| client.allowed_origins.iter().any(|known| known == origin);
    if script.is_some_and(is_registered) {
        return Ok(());
    }
    let refusal = invalid_request("the origin is not registered for this client");
    Err(refusal.with_value(script.unwrap_or("no Origin header")))
}
