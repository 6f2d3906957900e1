//! The roles of people in the administration.

use super::authority::{GrantRoles, May, ReadPeople};
use super::owners;
use super::refused::AdminResult;
use super::users::{self, Who};
use crate::domain::admin_role::AdminRole;
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::user::User;
use crate::store::{Reader, Store, Tx, admin_roles, audit_events};

/// Gives a person a role. Nobody gives a role with more rights than they have themselves. `false`
/// if the person has it already.
pub async fn grant(
    may: &May<GrantRoles>,
    store: &Store,
    clock: &Clock,
    who: Who<'_>,
    role: AdminRole,
) -> AdminResult<bool> {
    may.within(role)?;
    let user = users::found(store, who).await?;
    let tx = may.acting(store).begin(clock.now()).await?;
    if crate::store::users::lock(&tx, &user.id).await?.is_none() {
        tx.abandon().await;
        return users::unknown(who);
    }
    let is_new = admin_roles::insert(&tx, &user.id, role).await?;
    if is_new {
        record(&tx, EventKind::RoleGranted, &user, role).await?;
    }
    tx.commit().await?;
    Ok(is_new)
}

/// Takes a role from a person. The last owner stays one, unless `force` says otherwise. `false` if
/// the person does not have the role.
pub async fn revoke(
    may: &May<GrantRoles>,
    store: &Store,
    clock: &Clock,
    who: Who<'_>,
    (role, force): (AdminRole, bool),
) -> AdminResult<bool> {
    may.within(role)?;
    let user = users::found(store, who).await?;
    let tx = may.acting(store).begin(clock.now()).await?;
    let checked = if role == AdminRole::Owner && !force {
        owners::keeps_one(&tx, &user).await
    } else {
        Ok(())
    };
    if let Err(why) = checked {
        tx.abandon().await;
        return Err(why);
    }
    let had = admin_roles::delete(&tx, &user.id, role).await?;
    if had {
        record(&tx, EventKind::RoleRevoked, &user, role).await?;
    }
    tx.commit().await?;
    Ok(had)
}

/// The roles of this person, the one with the most rights first.
pub async fn of_user(
    _may: &May<ReadPeople>,
    reader: &impl Reader,
    user: &User,
) -> AdminResult<Vec<AdminRole>> {
    Ok(admin_roles::of_user(reader, &user.id).await?)
}

async fn record(tx: &Tx, kind: EventKind, user: &User, role: AdminRole) -> AdminResult {
    let event = Event::new(kind).user(&user.id).detail(role.as_str());
    Ok(audit_events::insert(tx, &[event]).await?)
}
