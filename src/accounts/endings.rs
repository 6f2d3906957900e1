//! How what a person opened ends: families, browser sessions, and the word to the apps. Whatever
//! ends them (a page, an app, the command line) comes here.

use uuid::Uuid;

use crate::domain::audit::{Event, Kind, Origin};
use crate::domain::client::ClientId;
use crate::domain::family::Family;
use crate::domain::provider::{Slug, came_by};
use crate::domain::session::{Session, SessionId};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::store::families::Of;
use crate::store::logout_notices::Notice;
use crate::store::{Tx, audit_events, clients, families, logout_notices, sessions};

/// Ends one session. What was granted in it ends too, but for what was granted `offline_access`
/// (Core §11); the apps are told of both (Back-Channel Logout §2.7).
pub async fn end_session(tx: &Tx, session: &Session, origin: &Origin) -> Result<bool, Fault> {
    if !sessions::delete(tx, &session.id).await? {
        return Ok(false);
    }
    let grown = families::lock_live(tx, Of::Session(&session.id)).await?;
    let (ending, staying): (Vec<_>, Vec<_>) =
        grown.iter().partition(|family| family.bound_to().is_some());
    revoke(tx, &ending).await?;
    if !staying.is_empty() {
        families::detach(tx, &session.id).await?;
    }
    tell(tx, &grown).await?;
    let event = Event::new(Kind::SessionEnded).user(&session.user).from(origin);
    audit_events::insert(tx, &[event.detail(session.id.0.as_str())]).await?;
    Ok(true)
}

/// Ends everything that a person opened, but for one session and what it is bound to; says how many
/// families ended.
pub async fn end_everything(
    tx: &Tx,
    user: &UserId,
    but: Option<&SessionId>,
    origin: &Origin,
) -> Result<u64, Fault> {
    end_opened(tx, user, but, origin, |_| true).await
}

/// Ends what a person opened by a provider, but for one session and what it is bound to; says how many
/// families ended.
pub async fn end_at_provider(
    tx: &Tx,
    user: &UserId,
    provider: &Slug,
    but: &SessionId,
    origin: &Origin,
) -> Result<u64, Fault> {
    let by_it = |amr: &[String]| came_by(amr) == Some(provider.as_str());
    end_opened(tx, user, Some(but), origin, by_it).await
}

async fn end_opened(
    tx: &Tx,
    user: &UserId,
    but: Option<&SessionId>,
    origin: &Origin,
    which: impl Fn(&[String]) -> bool,
) -> Result<u64, Fault> {
    let mut events = Vec::new();
    for session in sessions::of_user(tx, user, tx.now()).await? {
        let ends = Some(&session.id) != but && which(&session.amr);
        if ends && sessions::delete(tx, &session.id).await? {
            let event = Event::new(Kind::SessionEnded).user(user).from(origin);
            events.push(event.detail(session.id.0));
        }
    }
    let open = families::lock_live(tx, Of::User(user)).await?;
    let stays = |family: &Family| but.is_some() && family.bound_to() == but;
    let ending: Vec<_> =
        open.iter().filter(|family| !stays(family) && which(&family.amr)).collect();
    revoke(tx, &ending).await?;
    tell(tx, ending.iter().copied()).await?;
    audit_events::insert(tx, &events).await?;
    Ok(ending.len() as u64)
}

/// Ends what a person granted to one app; says how many families ended.
pub async fn end_at_client(tx: &Tx, user: &UserId, client: &ClientId) -> Result<u64, Fault> {
    let open = families::lock_live(tx, Of::UserAt(user, client)).await?;
    revoke(tx, &open.iter().collect::<Vec<_>>()).await?;
    tell(tx, &open).await?;
    Ok(open.len() as u64)
}

async fn revoke(tx: &Tx, ending: &[&Family]) -> Result<(), Fault> {
    let ids: Vec<_> = ending.iter().map(|family| &family.id).collect();
    families::revoke_all(tx, &ids).await
}

/// Writes a notice for each app that wants to be told.
async fn tell(tx: &Tx, ended: impl IntoIterator<Item = &Family>) -> Result<(), Fault> {
    let ended: Vec<_> = ended.into_iter().collect();
    if ended.is_empty() {
        return Ok(());
    }
    let listening = clients::with_backchannel_logout(tx).await?;
    let notices: Vec<_> = ended
        .iter()
        .filter(|family| listening.contains(&family.client))
        .map(|family| Notice {
            id: Uuid::now_v7().to_string(),
            client: family.client.clone(),
            user: family.user.clone(),
            family: family.id.clone(),
            attempts: 0,
        })
        .collect();
    logout_notices::insert(tx, &notices).await
}
