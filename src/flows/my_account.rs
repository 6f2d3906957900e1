//! My account: shows a person their sessions and the apps that have access, and ends them.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::accounts::browsers::{Cookie, SignedInUser, change_cookie, sign_out, touch};
use crate::accounts::new_password::{self, PasswordChange, PasswordUnchanged};
use crate::accounts::password_rules::{ChosenPassword, PasswordRefused, words_about};
use crate::accounts::session_endings;
use crate::clients::registry::Registered;
use crate::domain::audit::{Event, EventKind};
use crate::domain::client::ClientId;
use crate::domain::consent::Consent;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::session::{Session, SessionId};
use crate::domain::verdict::{Error, Fault};
use crate::flows::context::Flows;
use crate::flows::fresh_proof::FreshProof;
use crate::flows::interaction::Caller;
use crate::flows::submitted::AccountForm;
use crate::store::apps::{self, OpenAccess};
use crate::store::{
    Reader, Tx, audit_events, clients, consents, device_grants, sessions, stopped_actors, users,
};

/// The sessions of a person: one part of the list.
#[derive(Debug)]
pub struct MyDevices {
    /// This one first, then the most recently proven first.
    pub devices: Vec<Session>,
    /// Whether there are more devices after these.
    pub is_more: bool,
}

/// The apps that have access to an account: one part of the list.
#[derive(Debug)]
pub struct MyApps {
    /// The apps, by name.
    pub apps: Vec<Access>,
    /// The last app of this part, if there are more apps after it.
    pub more: Option<ClientId>,
}

/// The access of an app.
#[derive(Debug)]
pub struct Access {
    /// The app.
    pub client: Arc<Registered>,
    /// The scope that was granted to it.
    pub scope: Scope,
    /// Single claims that it may see.
    pub claims: Vec<String>,
    /// The resources for which it has access, RFC 8707.
    pub resources: Vec<String>,
    /// When the access began.
    pub since: DateTime<Utc>,
}

/// How many devices one part has, without this device.
const DEVICES: usize = 20;
/// How many apps one part has.
const APPS: usize = 30;
/// How many families of one app are read to find out what it may do.
const FAMILIES: u64 = 200;

/// The sessions of a person, after the one that was proven at this time and has this id.
pub async fn devices(
    flows: &Flows,
    signed_in_user: &SignedInUser,
    behind: Option<&(DateTime<Utc>, SessionId)>,
) -> Result<MyDevices, Fault> {
    let (store, now, here) = (&*flows.store, flows.clock.now(), &signed_in_user.session);
    let (user, some) = (&signed_in_user.user.id, DEVICES as u64 + 1);
    let mut devices = sessions::some_of_user(store, user, &here.id, behind, some, now).await?;
    let is_more = devices.len() > DEVICES;
    devices.truncate(DEVICES);
    if behind.is_none() {
        devices.insert(0, here.clone());
    }
    Ok(MyDevices { devices, is_more })
}

/// The apps that have access to a person's account, after this one. A list that is not `fresh` may
/// be some seconds old.
pub async fn apps(
    flows: &Flows,
    signed_in_user: &SignedInUser,
    behind: Option<&ClientId>,
    fresh: bool,
) -> Result<MyApps, Fault> {
    if fresh {
        apps_in(&*flows.store, flows, signed_in_user, behind).await
    } else {
        apps_in(flows.store.lists(), flows, signed_in_user, behind).await
    }
}

async fn apps_in(
    reader: &impl Reader,
    flows: &Flows,
    signed_in_user: &SignedInUser,
    behind: Option<&ClientId>,
) -> Result<MyApps, Fault> {
    let (now, user) = (flows.clock.now(), &signed_in_user.user.id);
    let mut clients = apps::of_user(reader, user, behind, APPS + 1).await?;
    let is_more = clients.len() > APPS;
    clients.truncate(APPS);
    let more = clients.last().filter(|_| is_more).cloned();
    let mut apps = Vec::with_capacity(clients.len());
    for client in clients {
        apps.extend(access(reader, flows, signed_in_user, &client, now).await?);
    }
    let name = |access: &Access| access.client.client.metadata.client_name.to_lowercase();
    apps.sort_by_key(|access| (name(access), access.client.client.id.clone()));
    Ok(MyApps { apps, more })
}

/// Moves the idle end of the session with which a person looks at their account.
pub async fn visited(flows: &Flows, signed_in_user: &SignedInUser) -> Result<(), Fault> {
    touch(&flows.store, &signed_in_user.session, flows.clock.now()).await
}

/// What this app may do: what the person consented to, and what its open families grant in
/// addition.
async fn access(
    reader: &impl Reader,
    flows: &Flows,
    signed_in_user: &SignedInUser,
    client: &ClientId,
    now: DateTime<Utc>,
) -> Result<Option<Access>, Fault> {
    let user = &signed_in_user.user.id;
    let mut found = consents::given(reader, user, client).await?;
    for open in apps::open_at(reader, user, client, FAMILIES, now).await? {
        if let Some((all, _)) = &mut found {
            all.scope = all.scope.joined_with(&open.scope);
            add_new(&mut all.claims, open.claims);
            add_new(&mut all.resources, open.resources);
        } else {
            let OpenAccess { scope, claims, resources, since } = open;
            found = Some((Consent { scope, claims, resources, seen: None }, since));
        }
    }
    let (Some((consent, since)), Some(client)) = (found, flows.clients.stored(client).await?)
    else {
        return Ok(None);
    };
    let Consent { scope, claims, resources, seen: _ } = consent;
    Ok(Some(Access { client, scope, claims, resources, since }))
}

/// Adds what is not there yet.
pub(super) fn add_new(all: &mut Vec<String>, more: Vec<String>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

/// Changes the password. All other sessions and tokens of the person end.
pub async fn change_password(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    current: &Secret<String>,
    new: &Secret<String>,
) -> Result<Cookie, Error<PasswordUnchanged>> {
    let (signed_in_user, Caller { address, known, .. }) = (form.person(), caller);
    let (from, mailer) = (caller.notice_origin(), flows.mailer.as_ref());
    let rules = flows.factors.rules;
    let change = PasswordChange { current, new, address, known, from, rules, mailer };
    let changed =
        new_password::change(&flows.password, &flows.password_rules, signed_in_user, change).await;
    flows.notices.nudge();
    changed
}

/// Whether a person may set a password who has none: not where providers are the only way in.
#[must_use]
pub fn may_set_password(flows: &Flows) -> bool {
    !flows.providers.are_the_only_way(None)
}

/// Sets the password of a person who has none; `false` if they have one by now, may not, or were
/// signed out meanwhile.
pub async fn set_first_password(
    flows: &Flows,
    caller: Caller<'_>,
    proof: FreshProof<'_>,
    new: &Secret<String>,
) -> Result<bool, Error<PasswordRefused>> {
    if !may_set_password(flows) {
        return Ok(false);
    }
    let chosen = ChosenPassword::parse(new)?;
    let hash = flows.password_rules.hash(chosen, words_about(&proof.person().user)).await?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let set = set_first(&tx, flows, caller, proof, hash).await;
    let set = tx.settle(set.map_err(Error::<PasswordRefused>::from)).await?;
    flows.notices.nudge();
    Ok(set)
}

/// Hashing takes time, in which the owner of the account may have ended the session that asked for it.
async fn set_first(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    proof: FreshProof<'_>,
    hash: String,
) -> Result<bool, Fault> {
    let Some(held) = proof.lock(flows, tx).await? else { return Ok(false) };
    let (mailer, from) = (flows.mailer.as_ref(), caller.notice_origin());
    new_password::set_first(tx, held, hash, mailer, from).await
}

/// Signs out on one device, which may be this one.
pub async fn end_device(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    device: &SessionId,
) -> Result<Option<Cookie>, Fault> {
    let signed_in_user = form.person();
    let tx = flows.store.begin(flows.clock.now()).await?;
    let found = sessions::hold(&tx, device).await?;
    // A session of another person is left alone.
    let cookie = match found.filter(|session| session.user == signed_in_user.user.id) {
        Some(session) if session.browser == signed_in_user.session.browser => {
            Some(sign_out(&tx, &session.browser, &[&session], caller.origin).await?)
        }
        Some(session) => {
            session_endings::end_session(&tx, &session, caller.origin).await?;
            None
        }
        None => None,
    };
    tx.commit().await?;
    flows.notices.nudge();
    Ok(cookie)
}

/// Signs the person out on all devices, this one too, and revokes all their tokens.
pub async fn end_everywhere(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
) -> Result<Cookie, Fault> {
    let signed_in_user = form.person();
    let tx = flows.store.begin(flows.clock.now()).await?;
    let user = &signed_in_user.user.id;
    // What a thief of a session asked for by mail ends as well.
    users::bump_version(&tx, user).await?;
    let ended = session_endings::end_everything(&tx, user, None, caller.origin).await?;
    let event = Event::new(EventKind::UserLoggedOut).user(user).from(caller.origin);
    let event = event.detail(format!("{ended} families ended"));
    audit_events::insert(&tx, &[event]).await?;
    let cookie = change_cookie(&tx, &signed_in_user.session.browser).await?;
    tx.commit().await?;
    flows.notices.nudge();
    Ok(cookie)
}

/// Withdraws everything that the person granted to an app.
pub async fn remove_app(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    client: &ClientId,
) -> Result<bool, Fault> {
    let tx = flows.store.begin(flows.clock.now()).await?;
    let user = &form.person().user.id;
    let found = clients::find(&tx, client).await?;
    // ID-JAG: another grant would bring it back, and nobody would ask the person. Who redeems one meanwhile
    // waits, and then finds that it may not.
    let is_stopped = if found.is_some_and(|found| !found.metadata.id_jag_issuers.is_empty()) {
        users::lock(&tx, user).await?;
        stopped_actors::insert(&tx, user, client).await?
    } else {
        false
    };
    let ended = session_endings::end_at_client(&tx, user, client, caller.origin).await?;
    let had_consent = consents::delete(&tx, user, client).await?;
    let waiting = device_grants::delete_allowed_by(&tx, user, client).await?;
    let removed = ended > 0 || had_consent || waiting > 0 || is_stopped;
    if removed {
        let event = Event::new(EventKind::ConsentWithdrawn).user(user).client(client);
        audit_events::insert(&tx, &[event.from(caller.origin)]).await?;
    }
    if is_stopped {
        let event = Event::new(EventKind::DelegationStopped).user(user).client(client);
        audit_events::insert(&tx, &[event.from(caller.origin)]).await?;
    }
    tx.commit().await?;
    flows.notices.nudge();
    Ok(removed)
}
