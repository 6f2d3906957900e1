//! The sessions of people at apps.

use chrono::{DateTime, Utc};

use super::authority::{ChangePeople, May, ReadPeople};
use super::page::page_of;
use super::refused::{AdminResult, not_found};
use super::users::{self, Who};
use crate::accounts::session_endings;
use crate::domain::clock::Clock;
use crate::domain::family::{Family, FamilyId};
use crate::store::{Reader, Store, families};

/// The live sessions of a person at apps, in the order of their ids, beginning after the one that an
/// earlier page returned as next.
pub async fn of_user(
    may: &May<ReadPeople>,
    reader: &impl Reader,
    who: Who<'_>,
    after: Option<&str>,
    limit: u64,
    now: DateTime<Utc>,
) -> AdminResult<(Vec<Family>, Option<String>)> {
    let user = users::find(may, reader, who).await?;
    let behind = after.map(|id| FamilyId::from_stored(id.to_owned()));
    let found = families::some_of_user(reader, &user.id, behind.as_ref(), limit + 1, now).await?;
    Ok(page_of(found, limit, |last| last.id.as_str().to_owned()))
}

/// Ends a session at an app: its tokens are good no longer, and the app is told.
pub async fn end(may: &May<ChangePeople>, store: &Store, clock: &Clock, sid: &str) -> AdminResult {
    let unknown = || not_found(format!("there is no live session {sid:?}"));
    let id = FamilyId::from_stored(sid.to_owned());
    let Some(family) = families::find(store, &id).await? else { return unknown() };
    let tx = may.acting(store).begin(clock.now()).await?;
    let ended = match crate::store::users::lock(&tx, &family.user).await? {
        Some(user) => match may.over(&tx, &user).await {
            Ok(()) => session_endings::end_family(&tx, &family).await.map_err(Into::into),
            Err(why) => Err(why),
        },
        None => Ok(false),
    };
    match ended {
        Ok(true) => Ok(tx.commit().await?),
        Ok(false) => {
            tx.abandon().await;
            unknown()
        }
        Err(why) => {
            tx.abandon().await;
            Err(why)
        }
    }
}
