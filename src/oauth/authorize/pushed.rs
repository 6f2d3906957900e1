//! Pushed authorization requests, RFC 9126. A client sends its request itself, before it sends the
//! browser, which then brings only the `request_uri` that names it.

use crate::domain::authorization::AuthorizationRequest;
use crate::domain::client::Client;
use crate::domain::interaction::InteractionId;
use crate::domain::reason::Reason;
use crate::domain::secret::{Plain, PushedRequest, SecretKind};
use crate::domain::verdict::Fault;
use crate::oauth::authorize::context::RequestContext;
use crate::oauth::authorize::response::ReturnAddress;
use crate::oauth::error::Result;
use crate::store::{Tx, pushed_requests};

/// What stands before the secret in a `request_uri`, RFC 9126 §2.2.
const URN: &str = "urn:ietf:params:oauth:request_uri:";

/// The `request_uri` with this secret.
#[must_use]
pub fn request_uri(secret: &Plain<PushedRequest>) -> String {
    format!("{URN}{}", secret.expose())
}

/// Whether this `request_uri` names a request that was pushed here. Any other one would have to be
/// fetched.
#[must_use]
pub fn is_ours(request_uri: &str) -> bool {
    request_uri.strip_prefix(URN).is_some_and(|rest| rest.starts_with(PushedRequest::PREFIX))
}

/// The request that a browser brings for this client, if it may still begin.
pub async fn pushed_for(
    context: &RequestContext,
    client: &Client,
    request_uri: &str,
) -> Result<AuthorizationRequest> {
    let secret = request_uri.strip_prefix(URN).unwrap_or_default();
    let hash = Plain::<PushedRequest>::presented(secret).hashed();
    let pushed = pushed_requests::find(&*context.store, hash).await?;
    // RFC 9126 §2.2: it is bound to the client that pushed it.
    let pushed = pushed.filter(|pushed| pushed.client == client.id);
    let pushed = pushed.ok_or(Reason::RequestUriUnknown)?;
    if pushed.used_at.is_some() {
        return Err(Reason::RequestUriUsed.into());
    }
    if pushed.expires_at <= context.clock.now() {
        return Err(Reason::RequestUriExpired.into());
    }
    // The registration may have changed since.
    if ReturnAddress::registered(&context.url, client, &pushed.request.redirect_uri).is_none() {
        return Err(Reason::RequestUriUnknown.into());
    }
    Ok(pushed.request)
}

/// Uses a pushed request up, when the person has answered it in this interaction. `false` when it was
/// answered in another one before: however many browsers or tabs brought its `request_uri`, one of them
/// gets an answer. A second click in that one, whose first answer the browser dropped, gets it again.
pub async fn spend(
    tx: &Tx,
    request: &AuthorizationRequest,
    interaction: &InteractionId,
) -> Result<bool, Fault> {
    let Some(hash) = request.pushed else { return Ok(true) };
    pushed_requests::spend(tx, hash, &request.client, interaction).await
}
