//! My account: what a person sees and ends of what they opened.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::Issuer;
use super::clients::Registered;
use super::interactions::Caller;
use crate::accounts::browsers::{Cookie, Present, change_cookie, sign_out, touch};
use crate::accounts::endings;
use crate::accounts::new_password::{self, Change, Unchanged};
use crate::domain::audit::{Event, Kind};
use crate::domain::client::ClientId;
use crate::domain::scope::Scope;
use crate::domain::session::{Session, SessionId};
use crate::domain::verdict::{Error, Fault};
use crate::store::families::{self, Of};
use crate::store::{audit_events, consents, sessions};

/// What a person opened.
#[derive(Debug)]
pub struct Opened {
    /// Where they are signed in, the last proven first.
    pub devices: Vec<Session>,
    /// The apps that have access.
    pub apps: Vec<Access>,
}

/// What an app may do.
#[derive(Debug)]
pub struct Access {
    /// The app.
    pub client: Arc<Registered>,
    /// Its scope.
    pub scope: Scope,
    /// Single claims that it may see.
    pub claims: Vec<String>,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// What this person opened.
pub async fn opened(issuer: &Issuer, present: &Present) -> Result<Opened, Fault> {
    let (store, now, user) = (&*issuer.store, issuer.clock.now(), &present.user.id);
    touch(store, &present.session, now).await?;
    let devices = sessions::of_user(store, user, now).await?;
    let mut found: Vec<(ClientId, Scope, Vec<String>, DateTime<Utc>)> =
        consents::of_user(store, user)
            .await?
            .into_iter()
            .map(|(client, consent, given_at)| (client, consent.scope, consent.claims, given_at))
            .collect();
    for family in families::list_live(store, Of::User(user), now).await? {
        match found.iter_mut().find(|(client, ..)| *client == family.client) {
            Some((_, scope, ..)) => *scope = scope.joined_with(&family.scope),
            None => found.push((family.client, family.scope, family.claims, family.auth_time)),
        }
    }
    let mut apps = Vec::with_capacity(found.len());
    for (client, scope, claims, since) in found {
        if let Some(client) = issuer.clients.find(&client).await? {
            apps.push(Access { client, scope, claims, since });
        }
    }
    let name = |access: &Access| access.client.client.name.to_lowercase();
    apps.sort_by_key(|access| (name(access), access.client.client.id.clone()));
    Ok(Opened { devices, apps })
}

/// Changes the password; everything elsewhere ends.
pub async fn change_password(
    issuer: &Issuer,
    caller: Caller<'_>,
    present: &Present,
    current: &Zeroizing<String>,
    new: &Zeroizing<String>,
) -> Result<Cookie, Error<Unchanged>> {
    let Caller { address, known, origin, .. } = caller;
    let change = Change { current, new, address, known, origin };
    let changed = new_password::change(issuer.door(), &issuer.hasher, present, change).await;
    issuer.notices.nudge();
    changed
}

/// Signs out on one device; it may be this one.
pub async fn end_device(
    issuer: &Issuer,
    caller: Caller<'_>,
    present: &Present,
    device: &SessionId,
) -> Result<Option<Cookie>, Fault> {
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    let found = sessions::hold(&tx, device).await?;
    // Somebody else's session is none of theirs.
    let cookie = match found.filter(|session| session.user == present.user.id) {
        Some(session) if session.browser == present.session.browser => {
            Some(sign_out(&tx, &session.browser, &[&session], caller.origin).await?)
        }
        Some(session) => {
            endings::end_session(&tx, &session, caller.origin).await?;
            None
        }
        None => None,
    };
    tx.commit().await?;
    issuer.notices.nudge();
    Ok(cookie)
}

/// Signs out everywhere, here too, and takes back every token.
pub async fn end_everywhere(
    issuer: &Issuer,
    caller: Caller<'_>,
    present: &Present,
) -> Result<Cookie, Fault> {
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    let user = &present.user.id;
    let ended = endings::end_everything(&tx, user, None, caller.origin).await?;
    let event = Event::new(Kind::UserLoggedOut).user(user).from(caller.origin);
    let event = event.detail(format!("{ended} families ended"));
    audit_events::insert(&tx, &[event]).await?;
    let cookie = change_cookie(&tx, &present.session.browser).await?;
    tx.commit().await?;
    issuer.notices.nudge();
    Ok(cookie)
}

/// Takes everything back that was granted to an app.
pub async fn remove_app(
    issuer: &Issuer,
    caller: Caller<'_>,
    present: &Present,
    client: &ClientId,
) -> Result<bool, Fault> {
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    let user = &present.user.id;
    let ended = endings::end_at_client(&tx, user, client).await?;
    let had_consent = consents::delete(&tx, user, client).await?;
    let removed = ended > 0 || had_consent;
    if removed {
        let event = Event::new(Kind::ConsentWithdrawn).user(user).client(client);
        audit_events::insert(&tx, &[event.from(caller.origin)]).await?;
    }
    tx.commit().await?;
    issuer.notices.nudge();
    Ok(removed)
}
