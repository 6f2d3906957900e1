//! The document of a sector: the redirect URIs of clients that know people by the same pairwise `sub`,
//! OpenID Connect Core §8.1.

use super::registration::ClientRejected;
use crate::domain::client_metadata::{ClientChange, ClientMetadata};
use crate::outbound::Outbound;

/// The most bytes of a document.
const LONGEST: usize = 64 * 1024;

/// Whether a change needs the document of the sector to be read.
#[must_use]
pub fn is_concerned(change: &ClientChange) -> bool {
    ["sector_identifier_uri", "redirect_uris"].iter().any(|name| change.0.contains_key(*name))
}

/// Fetches the document that a client names, if it names one, and checks that it lists every redirect
/// URI of the client (OpenID Connect Registration §5).
pub async fn check(outbound: &Outbound, client: &ClientMetadata) -> Result<(), ClientRejected> {
    let Some(uri) = &client.sector_identifier_uri else { return Ok(()) };
    let invalid = |why: String| {
        Err(ClientRejected::InvalidMetadata(format!("sector_identifier_uri {uri:?}: {why}")))
    };
    let fetched = match outbound.get(uri, LONGEST).await {
        Ok(fetched) => fetched,
        Err(failure) => return invalid(failure.to_string()),
    };
    if fetched.status != 200 {
        return invalid(format!("it answers with the status {}", fetched.status));
    }
    let Ok(listed) = serde_json::from_slice::<Vec<String>>(&fetched.body) else {
        return invalid("it is not a JSON array of redirect URIs".to_owned());
    };
    match client.redirect_uris.iter().find(|uri| !listed.contains(uri)) {
        Some(missing) => invalid(format!("it does not list the redirect URI {missing:?}")),
        None => Ok(()),
    }
}
