//! There is always an owner of the administration, once there was one.

use crate::domain::admin_role::AdminRole;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::store::{Tx, admin_roles, users};

/// Whether this person is an owner, and nobody else who can sign in is one. The rows of all owners
/// are locked, so two owners who leave at the same time do not both succeed.
pub async fn is_last_owner(tx: &Tx, leaving: &UserId) -> Result<bool, Fault> {
    // Somebody who is no owner waits for none.
    if !admin_roles::of_user(tx, leaving).await?.contains(&AdminRole::Owner) {
        return Ok(false);
    }
    let owners = admin_roles::lock_holders(tx, AdminRole::Owner).await?;
    if !owners.contains(leaving) {
        return Ok(false);
    }
    for owner in owners.iter().filter(|owner| *owner != leaving) {
        // One who cannot sign in is of no use.
        if users::find(tx, owner).await?.is_some_and(|owner| owner.is_enabled()) {
            return Ok(false);
        }
    }
    Ok(true)
}
