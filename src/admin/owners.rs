//! There is always an owner, once there was one.

use super::authority::{ChangePeople, May};
use super::refused::{AdminResult, conflict};
use crate::accounts::last_owner::is_last_owner;
use crate::domain::user::User;
use crate::store::Tx;

/// Refuses what would leave nobody who is an owner.
pub(super) async fn keeps_one(tx: &Tx, leaving: &User) -> AdminResult {
    if is_last_owner(tx, &leaving.id).await? {
        return conflict(format!("{:?} is the last owner who can sign in", leaving.username));
    }
    Ok(())
}

/// The same for who turns an account off or deletes it. At the command line there is always
/// somebody who can make another owner.
pub(super) async fn keeps_one_without(
    may: &May<ChangePeople>,
    tx: &Tx,
    leaving: &User,
) -> AdminResult {
    if may.is_operator() { Ok(()) } else { keeps_one(tx, leaving).await }
}
