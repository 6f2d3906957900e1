//! Apple: the secret is an assertion that we sign, the answer is posted, and the name comes once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::claims;
use super::error::UpstreamError;
use crate::domain::client::ClientId;
use crate::domain::identity::Identity;
use crate::domain::provider::{Credential, ProviderMetadata, Registration};
use crate::domain::secret::Secret;
use crate::keys::provider_credentials::Es256Key;

/// How long an assertion of ours is good, in seconds: it is made for one call.
const LIFE: i64 = 300;

pub(super) fn is_key(private: &Secret) -> bool {
    Es256Key::from_pem(private).is_some()
}

/// A client of ours that two bundle ids are for. A code belongs to one of them and does not say to
/// which, and who tries it with the wrong one may spend it.
pub(super) fn has_two_bundles(metadata: &ProviderMetadata) -> Option<&ClientId> {
    let mut clients = metadata.audiences.iter().flat_map(|audience| &audience.clients);
    clients.find(|client| {
        let theirs = metadata.audiences.iter().filter(|one| one.clients.contains(client));
        let bundles = theirs.map(|one| &one.id).filter(|id| **id != metadata.client_id);
        bundles.collect::<BTreeSet<_>>().len() > 1
    })
}

/// The client secret of this moment, for this client id of ours there.
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

/// The name that the browser brings the first time. Nobody signed it, so it is a name and nothing
/// else: the address in it is not looked at.
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
