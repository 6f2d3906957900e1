//! Takes the authorization requests that clients push, RFC 9126.

use std::net::IpAddr;

use chrono::Duration;
use serde::Serialize;

use crate::domain::authorization::{AuthorizationRequest, PushedAuthorization};
use crate::domain::client::ClientKind;
use crate::domain::dpop::REMEMBERED;
use crate::domain::form::Form;
use crate::domain::reason::Reason;
use crate::domain::secret::{Plain, PushedRequest};
use crate::oauth::authorize::context::RequestContext;
use crate::oauth::authorize::{object, pushed, request};
use crate::oauth::client_auth::{ClientAuthentication, Credentials};
use crate::oauth::error::{Refusal, Result};
use crate::oauth::possession::{Possession, Presented, key_of_code};
use crate::oauth::refused;
use crate::store::{pushed_requests, used_assertions};

/// How long a browser may take to bring the `request_uri`.
const LIFE: Duration = Duration::seconds(60);

/// The answer to a client that pushed a request, RFC 9126 §2.2.
#[derive(Serialize)]
pub struct PushResponse {
    /// What the browser brings in place of the request.
    pub request_uri: String,
    /// How long it may be brought, in seconds.
    pub expires_in: i64,
}

impl std::fmt::Debug for PushResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushResponse").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// A request that is pushed.
#[derive(Debug)]
pub struct PushRequest<'a> {
    /// The client's credentials, or why they cannot be read.
    pub credentials: std::result::Result<Credentials, Refusal>,
    /// The body.
    pub form: &'a Form,
    /// The proof of possession, RFC 9449 §10.1.
    pub proof: Presented<'a>,
    /// The client address.
    pub address: IpAddr,
}

/// Takes a request that a client pushes. It is checked as it would be at the authorization endpoint.
pub async fn push(
    context: &RequestContext,
    clients: &ClientAuthentication,
    possession: &Possession,
    pushing: PushRequest<'_>,
) -> Result<PushResponse> {
    let PushRequest { credentials, form, proof, address } = pushing;
    // A proof that is refused uses nothing up, not even the assertion of the client.
    let proof = possession.check_at_par(proof)?;
    let verified = clients.verify(&credentials?).await?;
    let authenticated = clients.use_up(verified, proof.as_ref()).await?;
    let client = authenticated.client();
    if client.kind == ClientKind::Public {
        // Nobody had to prove anything for this row.
        clients.limiter.unproven(address, "par").await.map_err(|error| error.map(Refusal::from))?;
    }
    // RFC 9126 §2.1: a push does not name another request.
    if form.names("request_uri") {
        return Err(Reason::PushedRequestUri.into());
    }
    // RFC 9126 §3: the pushed request may be signed.
    let form = object::opened(context, authenticated.registered(), form).await?;
    let target = request::target(context, client, form.get("redirect_uri"));
    let target = target.map_err(|why| {
        let refusal = Refusal::new(pushed_reason(why));
        match form.get("redirect_uri").map(refused::without_query) {
            Some(value) => refusal.with_value(value),
            None => refusal,
        }
    })?;
    let mut request = request::check(context, client, &form, target.uri()).await?;
    request.dpop_jkt = key_of_code(request.dpop_jkt, proof.as_ref())?;
    let plain = Plain::<PushedRequest>::generate();
    let tx = context.store.begin(context.clock.now()).await?;
    if let Some(proof) = proof
        && !used_assertions::remember(&tx, proof.once, tx.now() + REMEMBERED).await?
    {
        return Err(Reason::DpopProofReused.into());
    }
    let pushed = PushedAuthorization {
        hash: plain.hashed(),
        client: client.id.clone(),
        request: AuthorizationRequest { pushed: Some(plain.hashed()), ..request },
        expires_at: tx.now() + LIFE,
        used_at: None,
    };
    pushed_requests::insert(&tx, &pushed).await?;
    tx.commit().await?;
    Ok(PushResponse { request_uri: pushed::request_uri(&plain), expires_in: LIFE.num_seconds() })
}

/// The reason that a client is told, where a browser would be shown a page.
fn pushed_reason(reason: Reason) -> Reason {
    match reason {
        Reason::RedirectUriUnreadable => Reason::PushedRedirectUriMissing,
        _ => Reason::PushedRedirectUriUnregistered,
    }
}
