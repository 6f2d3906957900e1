//! Decides which scripts of other origins may read an answer (CORS, Fetch §3.2): those whose origin
//! is registered for the client that asks. Origins are compared exactly.

use crate::clients::registry::Registry;
use crate::domain::client::{Client, ClientId, RefreshDelivery};
use crate::domain::reason::Reason;
use crate::domain::verdict::Fault;
use crate::oauth::error::Refusal;

/// An origin whose scripts may read the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin {
    /// The origin, as the browser wrote it.
    pub origin: String,
    /// Whether the browser may send and store cookies: true for clients whose refresh token is a
    /// cookie.
    pub credentials: bool,
}

/// Finds out whether a script of this origin may read the answer to this client. A request that
/// names no client is answered with an error, which any registered origin may read.
pub async fn permit(
    clients: &Registry,
    origin: Option<&str>,
    client: Option<&ClientId>,
) -> Result<Option<AllowedOrigin>, Fault> {
    let Some(origin) = origin else { return Ok(None) };
    let known = clients.origins().await?;
    let of_asker = |of: &ClientId| client.is_none_or(|client| client == of);
    let mut found = known.iter().filter(|known| known.origin == origin && of_asker(&known.client));
    let Some(first) = found.next() else { return Ok(None) };
    let has_cookie = |delivery| delivery == RefreshDelivery::Cookie;
    let credentials = has_cookie(first.delivery) || found.any(|known| has_cookie(known.delivery));
    Ok(Some(AllowedOrigin { origin: origin.to_owned(), credentials }))
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
