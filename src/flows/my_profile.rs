//! My account: the person changes their profile.

use crate::domain::audit::{Event, EventKind};
use crate::domain::profile_edit::ProfileField;
use crate::domain::user::User;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::flows::interaction::Caller;
use crate::flows::submitted::AccountForm;
use crate::store::{audit_events, users};

/// A field of the profile, and its new value. `None` removes the value.
pub type FieldChange = (ProfileField, Option<String>);

/// Writes fields of the profile, after they were checked. Returns whether that changed anything:
/// only then `updated_at` moves.
pub async fn change(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    changes: Vec<FieldChange>,
) -> Result<bool, Fault> {
    let tx = flows.store.begin(flows.clock.now()).await?;
    let found = users::lock(&tx, &form.person().user.id).await?;
    // An account that was disabled or deleted meanwhile is left alone.
    let Some(mut user) = found.filter(User::is_enabled) else {
        tx.abandon().await;
        return Ok(false);
    };
    let before = user.profile.clone();
    for (field, value) in changes {
        field.set(&mut user.profile, value);
    }
    if user.profile == before {
        tx.abandon().await;
        return Ok(false);
    }
    user.updated_at = tx.now();
    users::update(&tx, &user).await?;
    let event = Event::new(EventKind::UserUpdated).user(&user.id).from(caller.origin);
    audit_events::insert(&tx, &[event]).await?;
    tx.commit().await?;
    Ok(true)
}
