//! Who has a right to an e-mail address. An address is proven or only claimed; an account that only
//! claims it loses it to the person who proves it.

use chrono::{DateTime, Utc};

use crate::accounts::session_endings;
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::user::{AccountSource, User, UserId};
use crate::domain::verdict::Fault;
use crate::store::{Reader, Tx, audit_events, users};

/// Whether the address of an account is more than a claim: it was verified, or the operator wrote
/// it.
#[must_use]
pub fn has_a_right(claimant: &User) -> bool {
    claimant.email_verified || claimant.email_by == AccountSource::Operator
}

/// The account that has a right to an address, or whose user name it is.
pub async fn holder(
    reader: &impl Reader,
    email_key: &str,
    now: DateTime<Utc>,
) -> Result<Option<User>, Fault> {
    // Both are always read, so that the time does not tell what was found.
    let claimants = users::of_email(reader, email_key, now).await?;
    let named = users::find_owner(reader, email_key, now).await?;
    let named = named.unwrap_or_else(|| UserId::from_stored(String::new()));
    let named = users::find(reader, &named).await?;
    Ok(claimants.into_iter().find(has_a_right).or(named))
}

/// Takes an address away from an account that only claims it, because another person has proven
/// that they own it. The claim may have been made to wait for the owner, so the password, sessions
/// and tokens of the account end as well. Its person can still sign in to it with a linked
/// provider, and gets nothing of the owner's.
/// The operator knows whose account it is if the operator made it, whatever a provider said about
/// the address later. Such an account loses only the address.
pub async fn displace(tx: &Tx, claimant: &User, origin: &Origin) -> Result<(), Fault> {
    let is_known = claimant.made_by == AccountSource::Operator;
    if !is_known {
        session_endings::end_everything(tx, &claimant.id, None, origin).await?;
    }
    let bare = User {
        email: None,
        email_verified: false,
        password_hash: claimant.password_hash.clone().filter(|_| is_known),
        updated_at: tx.now(),
        ..claimant.clone()
    };
    users::update(tx, &bare).await?;
    let event = Event::new(EventKind::AccountDisplaced).user(&claimant.id).from(origin);
    audit_events::insert(tx, &[event]).await
}
