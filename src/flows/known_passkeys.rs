//! Whether a person has a passkey to sign in with.

use crate::domain::client::ClientId;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::store::{Reader, passkeys};

/// Whether this person can sign in with a passkey at this client, or for their own account.
pub(super) async fn has_passkey(
    flows: &Flows,
    reader: &impl Reader,
    client: Option<&ClientId>,
    user: &UserId,
) -> Result<bool, Fault> {
    let is_way = flows.passkeys.is_some() && !flows.providers.are_the_only_way(client);
    Ok(is_way && !passkeys::of_user(reader, user).await?.is_empty())
}
