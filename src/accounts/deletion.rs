//! A person deletes their account. Everything that they opened ends at once, and for some days they
//! can take it back, by a sign-in on the sign-in page. Then the account is over: by the time, so its
//! names are free at that instant, and an ending that was stored for that time deletes the rows.

use chrono::{DateTime, Duration, Utc};

use crate::accounts::{deletion_mails, session_endings};
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::ending::{Ending, EndingScope};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::mail::Mailer;
use crate::settings::kinds::duration_or_zero;
use crate::settings::settings;
use crate::store::{Tx, audit_events, endings, users};

settings! {
    /// How people delete their accounts.
    #[derive(Clone, Copy, Debug)]
    pub struct DeletionPolicy in "Accounts" {
        /// Somebody who deletes their account can take it back for so long. All their sessions and
        /// tokens end at once, and only a sign-in on the sign-in page takes it back. Then the account is
        /// deleted and its names are free.
        pub grace: Duration = duration_or_zero("account.deletion_grace", Duration::days(7)),
    }
}

/// Plans the end of an account, and ends everything that its person opened. Returns when the account
/// ends, or `None` if that cannot be planned: it is planned already, or the account is disabled.
pub async fn plan(
    tx: &Tx,
    policy: DeletionPolicy,
    mailer: Option<&Mailer>,
    user: &UserId,
    origin: &Origin,
) -> Result<Option<DateTime<Utc>>, Fault> {
    // The account is locked first, as everywhere, so that no two requests wait for each other.
    let Some(person) = users::lock(tx, user).await? else { return Ok(None) };
    let at = tx.now() + policy.grace;
    if !users::plan_deletion(tx, user, at).await? {
        return Ok(None);
    }
    if !policy.grace.is_zero() {
        deletion_mails::planned(tx, mailer, &person, at).await?;
    }
    session_endings::end_everything(tx, user, None, origin).await?;
    // Nothing but the person is remembered of this ending.
    let nowhere = Origin::default();
    let end = Ending::new(user, EndingScope::PlannedAccount, tx.now(), &nowhere);
    endings::insert(tx, &end, at).await?;
    let event = Event::new(EventKind::DeletionPlanned).user(user).from(origin);
    audit_events::insert(tx, &[event]).await?;
    Ok(Some(at))
}

/// Takes the planned end of an account back; `false` when none is planned or it has come.
pub async fn take_back(tx: &Tx, user: &UserId, origin: &Origin) -> Result<bool, Fault> {
    if !users::take_deletion_back(tx, user).await? {
        return Ok(false);
    }
    endings::delete_planned(tx, user).await?;
    let event = Event::new(EventKind::DeletionTakenBack).user(user).from(origin);
    audit_events::insert(tx, &[event]).await?;
    Ok(true)
}
