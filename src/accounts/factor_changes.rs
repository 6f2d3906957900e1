//! Changes of second factors: one-time codes, and the recovery codes that stand in for them.

use super::second_factor::SecondFactors;
use super::session_endings::end_by_one_time_code;
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::recovery_code::{HashedRecoveryCode, RecoveryCode};
use crate::domain::secret::Secret;
use crate::domain::session::SessionId;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::store::{Tx, audit_events, one_time_codes, recovery_codes, users};

/// New one-time codes whose first code was right.
#[derive(Clone, Debug)]
pub struct NewFactor {
    /// The secret of the one-time codes.
    pub secret: Secret<Vec<u8>>,
    /// The step of the code that was typed, which is used up by that.
    pub step: u64,
    /// The recovery codes.
    pub recovery_codes: Vec<RecoveryCode>,
}

/// Adds one-time codes with their recovery codes to an account that has none.
pub async fn add(
    tx: &Tx,
    factors: &SecondFactors,
    user: &UserId,
    new: &NewFactor,
    origin: &Origin,
) -> Result<(), Fault> {
    let sealed = factors.key.seal(user, &new.secret)?;
    one_time_codes::put(tx, user, sealed, new.step).await?;
    recovery_codes::replace(tx, user, &hashes(&new.recovery_codes)).await?;
    users::set_totp_since(tx, user, Some(tx.now())).await?;
    users::bump_version(tx, user).await?;
    record(tx, EventKind::FactorAdded, user, origin).await
}

/// The same for an account that may have some already, which are replaced. What was opened elsewhere
/// with the earlier ones ends: an intruder who has them may be the reason.
pub async fn replace(
    tx: &Tx,
    factors: &SecondFactors,
    user: &UserId,
    new: &NewFactor,
    (here, origin): (&SessionId, &Origin),
) -> Result<(), Fault> {
    end_by_one_time_code(tx, user, Some(here), origin).await?;
    add(tx, factors, user, new, origin).await
}

/// Removes one-time codes and recovery codes, and ends what was opened with them, except one
/// session; `false` when the account has none.
pub async fn remove(
    tx: &Tx,
    kind: EventKind,
    user: &UserId,
    but: Option<&SessionId>,
    origin: &Origin,
) -> Result<bool, Fault> {
    if !one_time_codes::delete(tx, user).await? {
        return Ok(false);
    }
    recovery_codes::delete_all(tx, user).await?;
    users::set_totp_since(tx, user, None).await?;
    users::bump_version(tx, user).await?;
    end_by_one_time_code(tx, user, but, origin).await?;
    record(tx, kind, user, origin).await?;
    Ok(true)
}

/// Removes the recovery codes of an account, and leaves its one-time codes; `false` when it has none.
pub async fn remove_recovery_codes(tx: &Tx, user: &UserId, origin: &Origin) -> Result<bool, Fault> {
    if recovery_codes::left(tx, user).await? == 0 {
        return Ok(false);
    }
    recovery_codes::delete_all(tx, user).await?;
    users::bump_version(tx, user).await?;
    record(tx, EventKind::RecoveryCodeRemoved, user, origin).await?;
    Ok(true)
}

/// Replaces the recovery codes of an account.
pub async fn renew(
    tx: &Tx,
    user: &UserId,
    codes: &[RecoveryCode],
    origin: &Origin,
) -> Result<(), Fault> {
    recovery_codes::replace(tx, user, &hashes(codes)).await?;
    users::bump_version(tx, user).await?;
    record(tx, EventKind::RecoveryCodeRenewed, user, origin).await
}

fn hashes(codes: &[RecoveryCode]) -> Vec<HashedRecoveryCode> {
    codes.iter().map(RecoveryCode::hashed).collect()
}

async fn record(tx: &Tx, kind: EventKind, user: &UserId, origin: &Origin) -> Result<(), Fault> {
    audit_events::insert(tx, &[Event::new(kind).user(user).from(origin)]).await
}
