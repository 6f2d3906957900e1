//! There is always an owner, once there was one.

use super::authority::{ChangePeople, May};
use super::refused::{AdminResult, conflict};
use crate::domain::admin_role::AdminRole;
use crate::domain::user::User;
use crate::store::{Tx, admin_roles, users};

/// Refuses what would leave nobody who is an owner. The rows of all owners are locked, so two
/// owners who take the role from each other at the same time do not both succeed.
pub(super) async fn keeps_one(tx: &Tx, leaving: &User) -> AdminResult {
    let owners = admin_roles::lock_holders(tx, AdminRole::Owner).await?;
    if !owners.contains(&leaving.id) {
        return Ok(());
    }
    for owner in owners.iter().filter(|owner| **owner != leaving.id) {
        // One who cannot sign in is of no use.
        if users::find(tx, owner).await?.is_some_and(|owner| owner.is_enabled()) {
            return Ok(());
        }
    }
    conflict(format!("{:?} is the last owner who can sign in", leaving.username))
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
