//! Apple: the client secret is an assertion that this server signs, the answer is posted by a form,
//! and the person's name comes only once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::claims;
use super::error::UpstreamError;
use crate::domain::client::ClientId;
use crate::domain::identity::Identity;
use crate::domain::provider::{Credential, ProviderMetadata, Registration};
use crate::domain::secret::Secret;
use crate::keys::provider_credentials::Es256Key;

/// How many seconds an assertion is valid. It is made for one call.
const LIFE: i64 = 300;

pub(super) fn is_key(private: &Secret) -> bool {
    Es256Key::from_pem(private).is_some()
}

/// A client of this server for which two bundle ids are registered. A code belongs to one bundle id
/// and does not say which one, and trying it with the wrong one may use it up.
pub(super) fn has_two_bundles(metadata: &ProviderMetadata) -> Option<&ClientId> {
    let mut clients = metadata.audiences.iter().flat_map(|audience| &audience.clients);
    clients.find(|client| {
        let theirs = metadata.audiences.iter().filter(|one| one.clients.contains(client));
        let bundles = theirs.map(|one| &one.id).filter(|id| **id != metadata.client_id);
        bundles.collect::<BTreeSet<_>>().len() > 1
    })
}

/// Makes the client secret for this client id at Apple.
pub(super) fn client_secret(
    registration: &Registration,
    client_id: &str,
    audience: &str,
    now: i64,
) -> Result<Secret, UpstreamError> {
    let bad = |why: &str| UpstreamError::Misconfigured(why.to_owned());
    let Credential::Key { team, id, private } = &registration.credential else {
        return Err(bad("there is no key to sign with"));
    };
    let key = Es256Key::from_pem(private).ok_or_else(|| bad("the key cannot be read"))?;
    let claims = json!({
        "iss": team, "sub": client_id, "aud": audience, "iat": now, "exp": now + LIFE,
    });
    key.sign(id, &claims).map(Secret::new).map_err(|fault| bad(&fault.to_string()))
}

/// Takes the name that the browser brings at the first sign-in. It is not signed, so only the name
/// is taken from it and never the address.
pub(super) fn take_name(identity: &mut Identity, user: &str) {
    let Ok(user) = serde_json::from_str::<Value>(user) else { return };
    let Some(name) = user.get("name") else { return };
    let (given, family) = (claims::text(name, "firstName"), claims::text(name, "lastName"));
    let profile = &mut identity.profile;
    if profile.name.is_none() {
        profile.name = match (&given, &family) {
            (Some(given), Some(family)) => Some(format!("{given} {family}")),
            (one, other) => one.clone().or_else(|| other.clone()),
        };
    }
    profile.given_name = profile.given_name.take().or(given);
    profile.family_name = profile.family_name.take().or(family);
}
