//! Decides which scripts of other origins may read an answer (CORS, Fetch §3.2): those whose origin
//! is registered for the client that asks. Origins are compared exactly. A public client that no
//! operator registered has those of its redirect URIs.

use crate::clients::registry::{ClientOrigin, Registry};
use crate::domain::client::{Client, ClientId, ClientKind, RefreshDelivery, RegisteredBy};
use crate::domain::reason::Reason;
use crate::domain::redirect_uri;
use crate::domain::verdict::Fault;
use crate::oauth::error::Refusal;

/// An origin whose scripts may read the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin {
    /// The origin, as the browser wrote it, or `*` for every one.
    pub origin: String,
    /// Whether the browser may send and store cookies: true for clients whose refresh token is a
    /// cookie.
    pub credentials: bool,
}

/// Finds out whether a script of this origin may read the answer to this client. A request that
/// names no client is a preflight or is answered with an error, which any registered origin may read.
/// Where apps come that no operator registered, any origin may be that of one of them.
pub async fn permit(
    clients: &Registry,
    origin: Option<&str>,
    client: Option<&ClientId>,
) -> Result<Option<AllowedOrigin>, Fault> {
    let Some(origin) = origin else { return Ok(None) };
    let known = clients.origins().await?;
    if let Some(allowed) = registered(&known, origin, client) {
        return Ok(Some(allowed));
    }
    let allowed = match client {
        Some(id) => {
            let asker = clients.as_known(id).await?;
            asker.is_some_and(|asker| is_of_app(&asker.client, origin)).then_some(origin)
        }
        None => clients.takes_apps().then_some("*"),
    };
    Ok(allowed.map(|origin| AllowedOrigin { origin: origin.to_owned(), credentials: false }))
}

/// The origin as it is registered: for this client, or for any if none is named.
fn registered(
    known: &[ClientOrigin],
    origin: &str,
    client: Option<&ClientId>,
) -> Option<AllowedOrigin> {
    let of_asker = |of: &ClientId| client.is_none_or(|client| client == of);
    let mut found = known.iter().filter(|known| known.origin == origin && of_asker(&known.client));
    let first = found.next()?;
    let has_cookie = |delivery| delivery == RefreshDelivery::Cookie;
    let credentials = has_cookie(first.delivery) || found.any(|known| has_cookie(known.delivery));
    Some(AllowedOrigin { origin: origin.to_owned(), credentials })
}

/// Whether a script of this origin is that of a public client that no operator registered, so none
/// said which origins it has: those to which its codes are sent.
fn is_of_app(client: &Client, origin: &str) -> bool {
    let is_of = |uri: &String| redirect_uri::is_origin_of_unvouched(uri, origin);
    client.registered_by != RegisteredBy::Operator
        && client.kind == ClientKind::Public
        && client.is_enabled()
        && client.metadata.redirect_uris.iter().any(is_of)
}

/// Refuses a cookie unless the script comes from an origin that is registered for the client.
pub fn check_origin(client: &Client, script: Option<&str>) -> Result<(), Refusal> {
    let is_registered =
        |origin: &str| client.metadata.allowed_origins.iter().any(|known| known == origin);
    if script.is_some_and(is_registered) {
        return Ok(());
    }
    let refusal = Refusal::new(Reason::OriginUnregistered);
    Err(refusal.with_value(script.unwrap_or("no Origin header")))
}
