//! The passkeys of an account. The person sees, adds, renames and removes them on their account
//! page.

use chrono::Duration;

use crate::accounts::browsers::SignedInUser;
use crate::accounts::notices;
use crate::accounts::passkeys::adding::{CreatedPasskey, NotAdded, PasskeyOwner};
use crate::accounts::passkeys::challenge::{ChallengePurpose, LIFE, PasskeyPrompt};
use crate::accounts::passkeys::relying_party::RelyingParty;
use crate::accounts::session_endings;
use crate::domain::audit::{Event, EventKind};
use crate::domain::mail::MethodChange;
use crate::domain::passkey::{self, MOST, Passkey};
use crate::domain::user::User;
use crate::domain::verdict::{Error, Fault};
use crate::flows::connected_providers::has_way_without_passkey;
use crate::flows::context::Flows;
use crate::flows::fresh_proof::{FreshProof, NotFresh};
use crate::flows::interaction::Caller;
use crate::flows::new_way_in::NewPasskey;
use crate::flows::submitted::AccountForm;
use crate::store::{Tx, audit_events, passkeys, users};

/// The passkeys of an account.
#[derive(Debug)]
pub struct MyPasskeys {
    /// The passkeys, the oldest first.
    pub all: Vec<Passkey>,
    /// Whether one of them may be removed, because the account has another sign-in method.
    pub removable: bool,
    /// Whether there may be another one.
    pub addable: bool,
    /// What the page hands to the browser to make another one. It is there only if the person proved
    /// recently who they are; otherwise they have to confirm it first.
    pub prompt: Option<PasskeyPrompt>,
}

/// The shortest time in which a person can be expected to make a passkey. It has to end before the
/// person must prove again who they are: otherwise the authenticator would keep a passkey that this
/// server refuses.
const SHORTEST: Duration = Duration::minutes(2);

/// Reads the passkeys of this person; `None` where browsers have none. `service` is the name of
/// this server for people.
pub async fn my_passkeys(
    flows: &Flows,
    person: &SignedInUser,
    service: &str,
) -> Result<Option<MyPasskeys>, Fault> {
    let (Some(relying_party), store) = (flows.passkeys.as_deref(), &*flows.store) else {
        return Ok(None);
    };
    let all = passkeys::of_user(store, &person.user.id).await?;
    let removable = all.len() > 1 || has_way_without_passkey(flows, store, &person.user).await?;
    let addable = all.len() < MOST;
    let now = flows.clock.now();
    let ends_at = FreshProof::until(flows, person).map(|end| end.min(now + LIFE));
    let ends_at = ends_at.filter(|end| addable && *end - now >= SHORTEST);
    let prompt = if let Some(ends_at) = ends_at {
        let purpose = ChallengePurpose::Adding(&person.session.id);
        let owner = PasskeyOwner {
            user: &person.user.id,
            username: &person.user.username,
            name: name(&person.user),
            has: &all,
        };
        Some(relying_party.begin_adding(purpose, owner, service, (now, ends_at))?)
    } else {
        None
    };
    Ok(Some(MyPasskeys { all, removable, addable, prompt }))
}

/// The name of a person for their authenticator.
pub(super) fn name(user: &User) -> &str {
    user.profile.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(&user.username)
}

/// Why the passkeys stayed as they are.
#[derive(Debug)]
pub enum PasskeysUnchanged {
    /// The person has to prove again who they are.
    NotFresh(NotFresh),
    /// The passkey was already removed, for example in another tab, or there are none here; or the
    /// person was signed out meanwhile.
    Gone,
    /// It is the last sign-in method.
    LastWayIn,
    /// The account has as many passkeys as it may have.
    TooMany,
    /// The new passkey was refused, or it came too late.
    NotAdded(NotAdded),
}

type OrUnchanged<T> = Result<T, Error<PasskeysUnchanged>>;

fn not_fresh(error: Error<NotFresh>) -> Error<PasskeysUnchanged> {
    error.map(PasskeysUnchanged::NotFresh)
}

fn not_added(error: Error<NotAdded>) -> Error<PasskeysUnchanged> {
    error.map(PasskeysUnchanged::NotAdded)
}

fn gone() -> Error<PasskeysUnchanged> {
    Error::Refused(PasskeysUnchanged::Gone)
}

/// Adds a passkey. Without one in the form, this only makes sure that the person proved recently who
/// they are, so that the page can ask for one; then it returns `false`.
pub async fn add(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    new: Option<NewPasskey<'_>>,
    language: &str,
) -> OrUnchanged<bool> {
    let proof = FreshProof::check(flows, caller, form, language).await.map_err(not_fresh)?;
    let Some(new) = new else { return Ok(false) };
    let relying_party: &RelyingParty = flows.passkeys.as_deref().ok_or_else(gone)?;
    let purpose = ChallengePurpose::Adding(&proof.person().session.id);
    let created =
        relying_party.finish_adding(purpose, new.challenge, new.answer, flows.clock.now());
    let created = created.map_err(not_added)?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let added = add_in(&tx, flows, caller, proof, created).await;
    tx.settle(added).await?;
    flows.notices.nudge();
    Ok(true)
}

async fn add_in(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    proof: FreshProof<'_>,
    created: CreatedPasskey,
) -> OrUnchanged<()> {
    // The user is locked, so that two requests cannot add more passkeys than there may be.
    let user = proof.lock(flows, tx).await?.ok_or_else(gone)?.user;
    if passkeys::of_user(tx, &user.id).await?.len() >= MOST {
        return Err(Error::Refused(PasskeysUnchanged::TooMany));
    }
    let passkey = created.keep(tx, &user.id, caller.origin).await.map_err(not_added)?;
    Ok(tell(tx, flows, caller, &passkey, MethodChange::PasskeyAdded).await?)
}

/// Gives a passkey another name.
pub async fn rename(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    (handle, typed): (&str, &str),
    language: &str,
) -> OrUnchanged<()> {
    let proof = FreshProof::check(flows, caller, form, language).await.map_err(not_fresh)?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let renamed = async {
        let (.., passkey) = one(&tx, flows, proof, handle).await?;
        if !passkeys::rename(&tx, &passkey, passkey::name(typed).as_deref()).await? {
            return Err(gone());
        }
        record(&tx, caller, EventKind::PasskeyRenamed, &passkey).await
    };
    let renamed = renamed.await;
    tx.settle(renamed).await
}

/// Removes a passkey, unless it is the last sign-in method.
pub async fn remove(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    handle: &str,
    language: &str,
) -> OrUnchanged<()> {
    let proof = FreshProof::check(flows, caller, form, language).await.map_err(not_fresh)?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let removed = remove_in(&tx, flows, caller, proof, handle).await;
    tx.settle(removed).await?;
    flows.notices.nudge();
    Ok(())
}

async fn remove_in(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    proof: FreshProof<'_>,
    handle: &str,
) -> OrUnchanged<()> {
    let (user, all, passkey) = one(tx, flows, proof, handle).await?;
    if all < 2 && !has_way_without_passkey(flows, tx, &user).await? {
        return Err(Error::Refused(PasskeysUnchanged::LastWayIn));
    }
    if !passkeys::delete(tx, &passkey).await? {
        return Err(gone());
    }
    // Sessions elsewhere that were opened with a passkey end: the one that was removed may be in the
    // hands of somebody else.
    let here = &proof.person().session.id;
    session_endings::end_by_passkey(tx, &user.id, here, caller.origin).await?;
    tell(tx, flows, caller, &passkey, MethodChange::PasskeyRemoved).await?;
    record(tx, caller, EventKind::PasskeyRemoved, &passkey).await
}

/// The person, how many passkeys they have, and the one that a form names. The user is locked, so
/// that two requests cannot each remove one and leave the account without a sign-in method.
async fn one(
    tx: &Tx,
    flows: &Flows,
    proof: FreshProof<'_>,
    handle: &str,
) -> OrUnchanged<(User, usize, Passkey)> {
    let user = proof.lock(flows, tx).await?.ok_or_else(gone)?.user;
    let all = passkeys::of_user(tx, &user.id).await?;
    let named = all.iter().find(|one| one.handle() == handle).cloned();
    Ok((user, all.len(), named.ok_or_else(gone)?))
}

/// Ends what was mailed to the person before, and tells them of the change by mail.
async fn tell(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    passkey: &Passkey,
    change: MethodChange,
) -> Result<(), Fault> {
    users::bump_version(tx, &passkey.user).await?;
    let (mailer, user) = (flows.mailer.as_ref(), &passkey.user);
    notices::changed(tx, mailer, user, change, caller.notice_origin()).await
}

async fn record(
    tx: &Tx,
    caller: Caller<'_>,
    kind: EventKind,
    passkey: &Passkey,
) -> OrUnchanged<()> {
    let event = Event::new(kind).user(&passkey.user).from(caller.origin);
    audit_events::insert(tx, &[event.detail(passkey.handle())]).await?;
    Ok(())
}
