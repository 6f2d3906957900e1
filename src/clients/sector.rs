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

/// Whether what is held against the document is the same for both.
#[must_use]
pub fn has_same_uris(one: &ClientMetadata, other: &ClientMetadata) -> bool {
    one.sector_identifier_uri == other.sector_identifier_uri
        && one.redirect_uris == other.redirect_uris
}

/// A change, and the metadata that was held against the document of its sector before.
#[derive(Clone, Copy, Debug)]
pub struct CheckedChange<'a> {
    /// The change.
    pub change: &'a ClientChange,
    /// What [`check`] has seen; `None`: there was nothing to see.
    pub seen: Option<&'a ClientMetadata>,
}

impl<'a> From<&'a ClientChange> for CheckedChange<'a> {
    fn from(change: &'a ClientChange) -> Self {
        Self { change, seen: None }
    }
}

impl CheckedChange<'_> {
    /// Refuses a change after which the client would have a document or redirect URIs that nobody has
    /// compared: others may have changed it meanwhile.
    pub fn check(
        self,
        before: &ClientMetadata,
        after: &ClientMetadata,
    ) -> Result<(), ClientRejected> {
        let is_compared = after.sector_identifier_uri.is_none()
            || has_same_uris(before, after)
            || self.seen.is_some_and(|seen| has_same_uris(seen, after));
        if is_compared { Ok(()) } else { Err(ClientRejected::Changed) }
    }
}

/// Fetches the document that a client names, if it names one, and checks that it lists every redirect
/// URI of the client (OpenID Connect Registration §5). What a failed call was is said in the log
/// alone: whoever registers clients need not learn what answers where.
pub async fn check(outbound: &Outbound, client: &ClientMetadata) -> Result<(), ClientRejected> {
    let Some(uri) = &client.sector_identifier_uri else { return Ok(()) };
    let invalid = |why: String| {
        Err(ClientRejected::InvalidMetadata(format!("sector_identifier_uri {uri:?}: {why}")))
    };
    if client.redirect_uris.is_empty() {
        return invalid("the client has no redirect URI that it could list".to_owned());
    }
    let listed = match listed(outbound, uri).await {
        Ok(listed) => listed,
        Err(failure) => {
            tracing::warn!(%uri, %failure, "the document of a sector could not be fetched");
            return invalid(
                "no JSON array of redirect URIs is there, at a public https address".to_owned(),
            );
        }
    };
    match client.redirect_uris.iter().find(|uri| !listed.contains(uri)) {
        Some(missing) => invalid(format!("it does not list the redirect URI {missing:?}")),
        None => Ok(()),
    }
}

/// The redirect URIs that a document lists, or what is wrong with it.
async fn listed(outbound: &Outbound, uri: &str) -> Result<Vec<String>, String> {
    let fetched = outbound.get(uri, LONGEST).await.map_err(|failure| failure.to_string())?;
    if fetched.status != 200 {
        return Err(format!("it answers with the status {}", fetched.status));
    }
    parse(&fetched.body)
}

/// Reads a document, or says what is wrong with it.
pub fn parse(document: &[u8]) -> Result<Vec<String>, String> {
    serde_json::from_slice(document).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client_metadata::AuthMethod;

    #[test]
    fn only_what_was_compared_is_written() {
        let of = |sector: Option<&str>, uri: &str| {
            let mut one = ClientMetadata::new("a", AuthMethod::ClientSecret);
            one.sector_identifier_uri = sector.map(str::to_owned);
            one.redirect_uris = vec![uri.to_owned()];
            one
        };
        let (document, a, b) =
            (Some("https://s.example"), "https://a.example", "https://b.example");
        let change = ClientChange::default();
        let holds = |before: ClientMetadata, seen: Option<ClientMetadata>, after, is_good| {
            let checked = CheckedChange { change: &change, seen: seen.as_ref() };
            let said = checked.check(&before, &after);
            assert_eq!(said.is_ok(), is_good, "{before:?} {after:?}");
        };
        holds(of(None, a), None, of(None, b), true);
        holds(of(document, a), None, of(document, a), true);
        holds(of(document, a), None, of(document, b), false);
        holds(of(None, a), None, of(document, a), false);
        holds(of(document, a), Some(of(document, b)), of(document, b), true);
        holds(of(None, b), Some(of(document, a)), of(document, b), false);
    }
}
