//! Shows a token to an operator, and ends it.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use super::authority::{ChangeKeys, ChangePeople, May, ReadPeople};
use super::refused::{AdminResult, Refused, invalid};
use crate::accounts::session_endings::{self, EndedEverywhere};
use crate::domain::admin_right::{AdminRight, Rights};
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::clock::Clock;
use crate::domain::family::FamilyId;
use crate::domain::secret::{Plain, RefreshToken};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::oauth::authorize::codes;
use crate::oauth::claims::AccessToken;
use crate::oauth::resource::context::ResourceContext;
use crate::oauth::resource::revoke;
use crate::store::{Store, audit_events, authorization_codes, clients, families, users};

/// What kind of token it is, what it contains, and whether it is valid.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Inspected {
    /// An access token that this server issued.
    AccessToken {
        /// Always true.
        ours: bool,
        /// Whether it is valid now.
        active: bool,
        /// Its claims.
        claims: Box<AccessToken>,
        /// The person, where `sub` is a pairwise one and names them for the client alone.
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
    },
    /// A refresh token.
    RefreshToken {
        /// Whether this server issued it and its family still exists.
        ours: bool,
        /// Whether it is valid now.
        active: bool,
        /// What is known about it.
        #[serde(flatten)]
        state: Option<RefreshState>,
    },
    /// Any other text.
    Unknown {
        /// Always false.
        ours: bool,
        /// Always false.
        active: bool,
    },
}

/// What is known about a refresh token and its family.
#[derive(Clone, Debug, Serialize)]
pub struct RefreshState {
    /// The client that it was issued to.
    pub client_id: String,
    /// The person that it was issued for.
    pub sub: String,
    /// The id of its family.
    pub sid: String,
    /// The granted scope.
    pub scope: String,
    /// How many tokens of the family came before it.
    pub generation: u32,
    /// How many tokens with the same parent came before it. Each of them was replaced before it was
    /// used.
    pub attempt: u32,
    /// Whether another token of the family has followed it.
    pub spent: bool,
    /// When the family ends if it is not used.
    pub expires_at: DateTime<Utc>,
    /// When the family ends in any case.
    pub family_expires_at: DateTime<Utc>,
    /// When the family was revoked.
    pub family_revoked_at: Option<DateTime<Utc>>,
}

/// Shows a token.
pub async fn inspect(
    _may: &May<ReadPeople>,
    resources: &ResourceContext,
    token: &str,
) -> Result<Inspected, Fault> {
    if Plain::<RefreshToken>::is_meant(token) {
        return refresh_token(resources, token).await;
    }
    let active = resources.access_tokens.verify(token).await?.is_some();
    let Some(claims) = resources.access_tokens.read(token).await? else {
        return Ok(Inspected::Unknown { ours: false, active: false });
    };
    let family = match &claims.sid {
        Some(sid) => families::find(&*resources.store, &FamilyId::from_stored(sid.clone())).await?,
        None => None,
    };
    let user = family.map(|family| family.user).filter(|user| user.as_str() != claims.sub);
    Ok(Inspected::AccessToken { ours: true, active, claims: Box::new(claims), user })
}

async fn refresh_token(resources: &ResourceContext, token: &str) -> Result<Inspected, Fault> {
    let Some((token, found)) = resources.refresh_tokens.find(&Plain::presented(token)).await?
    else {
        return Ok(Inspected::RefreshToken { ours: false, active: false, state: None });
    };
    let active = resources.refresh_tokens.is_active(&token, &found);
    let state = RefreshState {
        client_id: found.family.client.as_str().to_owned(),
        sub: found.family.user.as_str().to_owned(),
        sid: found.family.id.as_str().to_owned(),
        scope: found.family.scope.to_string(),
        generation: token.place.generation,
        attempt: token.place.attempt,
        spent: token.place != found.succession.leaf,
        expires_at: found.succession.idle_ends_at,
        family_expires_at: found.family.expires_at,
        family_revoked_at: found.family.revoked_at,
    };
    Ok(Inspected::RefreshToken { ours: true, active, state: Some(state) })
}

/// Ends a token of any client or person, and says whether there was one to end. Nobody ends what
/// belongs to a person who has more rights; what a client got for itself needs the right to change
/// clients.
pub async fn revoke(
    may: &May<ChangePeople>,
    resources: &ResourceContext,
    token: &str,
) -> AdminResult<bool> {
    match whose(resources, token).await? {
        Whose::Nobodys => return Ok(false),
        Whose::OfPerson(id) => {
            if let Some(user) = users::find(&*resources.store, &id).await? {
                may.over(&*resources.store, &user).await?;
            }
        }
        Whose::OfClient => {
            if !may.includes(Rights::of(&[AdminRight::ChangeClients])) {
                let why = "ending what a client got for itself needs the right to change clients";
                return Err(Refused::Forbidden(why.to_owned()).into());
            }
        }
    }
    let store = Arc::new(may.acting(&resources.store));
    let resources = ResourceContext { store, ..resources.clone() };
    Ok(revoke::end(&resources, token, None, &Origin::default()).await?)
}

/// To whom a token belongs.
enum Whose {
    Nobodys,
    OfPerson(UserId),
    OfClient,
}

async fn whose(resources: &ResourceContext, token: &str) -> Result<Whose, Fault> {
    let user = if Plain::<RefreshToken>::is_meant(token) {
        let found = resources.refresh_tokens.find(&Plain::presented(token)).await?;
        found.map(|(_, found)| found.family.user.clone())
    } else {
        let Some(claims) = resources.access_tokens.read(token).await? else {
            return Ok(Whose::Nobodys);
        };
        let Some(sid) = claims.sid else { return Ok(Whose::OfClient) };
        let family = families::find(&*resources.store, &FamilyId::from_stored(sid)).await?;
        family.map(|family| family.user)
    };
    Ok(user.map_or(Whose::Nobodys, Whose::OfPerson))
}

/// What [`revoke_issued_before`] ended.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RevokedBefore {
    /// The instant, in whole seconds: tokens say in seconds when they were issued.
    pub issued_before: DateTime<Utc>,
    /// The families and the sessions.
    #[serde(flatten)]
    pub ended: EndedEverywhere,
    /// How many authorization codes were deleted, and codes of devices that somebody had allowed.
    pub codes: u64,
    /// How many clients lost what they got for themselves.
    pub clients: u64,
}

/// Ends everything that was issued before this instant: sessions, families with all their tokens,
/// codes, and what clients got for themselves. `access_token` is how long an access token lives.
pub async fn revoke_issued_before(
    may: &May<ChangeKeys>,
    store: &Store,
    clock: &Clock,
    before: DateTime<Utc>,
    access_token: Duration,
) -> AdminResult<RevokedBefore> {
    let store = &may.acting(store);
    let now = clock.now();
    if before > now {
        return invalid(format!(
            "{before} is in the future: what is not issued yet cannot be revoked"
        ));
    }
    // Nothing is older, and no sum with an instant of the first years leaves the calendar.
    let before = before.max(DateTime::UNIX_EPOCH);
    let whole = before.timestamp() + i64::from(before.timestamp_subsec_nanos() > 0);
    let before = DateTime::from_timestamp(whole, 0).unwrap_or(before);
    let is_told = before + access_token > now;
    // It is told first: whoever asked may be gone before the end.
    let tx = store.begin(now).await?;
    let event = Event::new(EventKind::EverythingRevoked).detail(before.to_rfc3339());
    audit_events::insert(&tx, &[event]).await?;
    tx.commit().await?;
    let until = before - Duration::milliseconds(1);
    // The sessions are what is urgent. What was opened by a code before it is deleted here ends at last.
    let mut ended = session_endings::end_all_until(store, clock, until).await?;
    let (mut codes, mut count) = (0, 0);
    let every = clients::list_all(store).await?;
    for some in every.chunks(STEP) {
        let tx = store.begin(clock.now()).await?;
        codes += authorization_codes::delete_unspent(&tx, before + codes::LIFE).await?;
        for client in some {
            // Another request may be changing it.
            if let Some(client) = clients::lock(&tx, &client.id).await?
                && clients::end_own_tokens(&tx, &client, before, is_told).await?
            {
                count += 1;
            }
        }
        tx.commit().await?;
    }
    let late = session_endings::end_all_until(store, clock, until).await?;
    ended.families += late.families;
    ended.sessions += late.sessions;
    ended.devices += late.devices;
    codes += ended.devices;
    Ok(RevokedBefore { issued_before: before, ended, codes, clients: count })
}

/// How many clients one transaction changes.
const STEP: usize = 100;
