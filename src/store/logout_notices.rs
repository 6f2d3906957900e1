//! The notices to apps that families of theirs ended, Back-Channel Logout §2.7.

use std::collections::BTreeSet;

use super::tx::Tx;
use crate::domain::client::ClientId;
use crate::domain::family::EndedFamily;
use crate::domain::logout_notice::LogoutNotice;
use crate::domain::message::Queued;
use crate::domain::verdict::Fault;
use crate::store::{clients, outbox};

/// Writes a logout notice for each app that has a logout URI, with the `sub` by which it knows people
/// now.
pub async fn insert(tx: &Tx, ended: &[EndedFamily]) -> Result<(), Fault> {
    if ended.is_empty() {
        return Ok(());
    }
    let concerned: BTreeSet<_> = ended.iter().map(|one| &one.client).collect();
    let listening = clients::that_listen(tx, &concerned).await?;
    let notice = |one: &EndedFamily| {
        let known_by = listening.get(&one.client)?;
        Some(Queued::new(LogoutNotice {
            client: one.client.clone(),
            user: one.user.clone(),
            family: one.id.clone(),
            known_by: Some(known_by.clone()),
        }))
    };
    outbox::insert(tx, &ended.iter().filter_map(notice).collect::<Vec<_>>()).await
}

/// The same for all apps but this one.
pub async fn insert_but_of(
    tx: &Tx,
    client: &ClientId,
    mut ended: Vec<EndedFamily>,
) -> Result<(), Fault> {
    ended.retain(|one| one.client != *client);
    insert(tx, &ended).await
}
