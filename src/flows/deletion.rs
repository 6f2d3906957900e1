//! A person deletes their account, and may keep it after all.

use chrono::{DateTime, Utc};

use crate::accounts::browsers::{Cookie, change_cookie};
use crate::accounts::deletion;
use crate::accounts::last_owner::is_last_owner;
use crate::domain::provider::Slug;
use crate::domain::verdict::Error;
use crate::flows::connected_providers::linked;
use crate::flows::context::Flows;
use crate::flows::fresh_proof::{FreshProof, NotFresh};
use crate::flows::interaction::Caller;
use crate::flows::my_account::{self, MyApps};
use crate::flows::submitted::AccountForm;
use crate::store::Tx;

/// What a person loses with their account.
#[derive(Debug)]
pub struct Losses {
    /// The first of the apps that have access, and whether there are more.
    pub apps: MyApps,
    /// The providers that the account is connected with.
    pub providers: Vec<Slug>,
    /// When the account would end.
    pub at: DateTime<Utc>,
}

/// Says what a person would lose. They have to prove first who they are.
pub async fn losses(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    language: &str,
) -> Result<Losses, Error<NotFresh>> {
    let person = FreshProof::check(flows, caller, form, language).await?.person();
    let apps = my_account::apps(flows, person, None, true).await?;
    let linked = linked(flows, person).await?;
    let providers = linked.into_iter().map(|one| one.provider).collect();
    Ok(Losses { apps, providers, at: flows.clock.now() + flows.deletion.grace })
}

/// An account whose end is planned.
#[derive(Debug)]
pub struct PlannedDeletion {
    /// When the account ends.
    pub at: DateTime<Utc>,
    /// The new cookie of the browser.
    pub cookie: Cookie,
}

/// Why the end of an account is not planned.
#[derive(Debug)]
pub enum NotDeleted {
    /// The person has to prove again who they are.
    NotFresh(NotFresh),
    /// Nobody else who can sign in is an owner of the administration.
    LastOwner,
}

/// Plans the end of the account of the person who sent this form. They have to prove first who they
/// are. `None`: it cannot be planned, because it is planned already, the account is disabled, or the
/// person was signed out meanwhile.
pub async fn delete(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    language: &str,
) -> Result<Option<PlannedDeletion>, Error<NotDeleted>> {
    let proof = FreshProof::check(flows, caller, form, language).await;
    let proof = proof.map_err(|error| error.map(NotDeleted::NotFresh))?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let planned = plan(&tx, flows, caller, proof).await;
    let planned = tx.settle(planned).await?;
    flows.notices.nudge();
    Ok(planned)
}

async fn plan(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    proof: FreshProof<'_>,
) -> Result<Option<PlannedDeletion>, Error<NotDeleted>> {
    let Some(person) = proof.lock(flows, tx).await? else { return Ok(None) };
    if is_last_owner(tx, &person.user.id).await? {
        return Err(Error::Refused(NotDeleted::LastOwner));
    }
    let mailer = flows.mailer.as_ref();
    let Some(at) =
        deletion::plan(tx, flows.deletion, mailer, &person.user.id, caller.origin).await?
    else {
        return Ok(None);
    };
    let cookie = change_cookie(tx, &person.session.browser).await?;
    Ok(Some(PlannedDeletion { at, cookie }))
}
