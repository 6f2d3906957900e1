//! What an operator sees of a person at once.

use chrono::{DateTime, Utc};

use super::authority::{May, ReadPeople};
use super::refused::AdminResult;
use crate::domain::audit::EventKind;
use crate::domain::client::ClientId;
use crate::domain::family::Family;
use crate::domain::session::{Session, SessionId};
use crate::domain::user::User;
use crate::store::audit_events::{self, EventSearch};
use crate::store::{Reader, client_role_holders, families, sessions};

/// What is open for a person.
#[derive(Debug)]
pub struct PersonOverview {
    /// The browsers in which they are signed in.
    pub browsers: FirstOnes<Session>,
    /// Their sessions at apps.
    pub families: FirstOnes<Family>,
    /// The apps of these sessions.
    pub apps: usize,
    /// Their roles at clients: the client and the name.
    pub client_roles: Vec<(ClientId, String)>,
    /// When they last signed in.
    pub last_sign_in: Option<DateTime<Utc>>,
}

/// The first ones of a list.
#[derive(Debug)]
pub struct FirstOnes<T> {
    /// They.
    pub items: Vec<T>,
    /// Whether there are more.
    pub is_more: bool,
}

impl<T> FirstOnes<T> {
    fn of(mut items: Vec<T>) -> Self {
        let is_more = items.len() > MOST;
        items.truncate(MOST);
        Self { items, is_more }
    }
}

/// How many of each are read.
const MOST: usize = 100;

/// What is open for this person now.
pub async fn of(
    _may: &May<ReadPeople>,
    reader: &impl Reader,
    user: &User,
    now: DateTime<Utc>,
) -> AdminResult<PersonOverview> {
    let (nobody, most) = (SessionId::from_stored(String::new()), MOST as u64 + 1);
    let browsers = sessions::some_of_user(reader, &user.id, &nobody, None, most, now).await?;
    let families = families::some_of_user(reader, &user.id, None, most, now).await?;
    let mut apps: Vec<_> = families.iter().map(|family| family.client.as_str()).collect();
    apps.sort_unstable();
    apps.dedup();
    let apps = apps.len();
    let held = client_role_holders::of_each(reader, &[&user.id]).await?;
    let client_roles = held.into_iter().map(|role| (role.client, role.name)).collect();
    let search = EventSearch {
        user: Some(user.id.as_str().to_owned()),
        kind: Some(EventKind::SignInSucceeded.as_str().to_owned()),
        ..EventSearch::default()
    };
    let last = audit_events::list(reader, &search, None, 1).await?;
    Ok(PersonOverview {
        browsers: FirstOnes::of(browsers),
        families: FirstOnes::of(families),
        apps,
        client_roles,
        last_sign_in: last.first().map(|event| event.at),
    })
}
