//! The feed of revocations: what a follower is told, and from where it goes on. It is read from
//! memory, so followers hold no connection to the database.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use chrono::Duration;
use serde::Serialize;
use tokio::time::Instant;

use super::known::{KnownRevocations, Window};
use crate::clients::registry::Registry;
use crate::domain::client::ClientId;
use crate::domain::clock::Clock;
use crate::domain::dpop::Thumbprint;
use crate::domain::reason::Reason;
use crate::domain::revocation::{Audiences, Cursor, Revocation, RevokedKind};
use crate::domain::scope::Scope;
use crate::domain::scope_of_apps::{READ_ALL_REVOCATIONS, READ_REVOCATIONS};
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;
use crate::oauth::claims::AccessToken;
use crate::oauth::error::{Refusal, Result};
use crate::oauth::resource::bearer::AccessTokens;
use crate::store::revocations::PlacedRevocation;

/// How many events are told at once. Those of one transaction are told together.
const PAGE: usize = 1000;
/// Revocations are kept for at least this long.
pub const KEPT: Duration = Duration::hours(1);
/// A follower who is not told anything goes on from a later place after so many revocations of
/// others, or so long after the first of them.
const UNSEEN: usize = 500;
const UNSEEN_FOR: Duration = Duration::minutes(10);

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// What `value` names.
    pub kind: RevokedKind,
    /// What was revoked.
    pub value: String,
    /// Tokens that were issued before this second are revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// No token that it concerns lives longer than this.
    pub exp: i64,
}

/// An event and its place.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The number of its transaction, and its number in it.
    pub place: (i64, i64),
    /// Nothing was revoked between this place and the transaction.
    pub after: Cursor,
    /// The event.
    pub told: Told,
}

/// Some events, and the place from which the follower goes on.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
    /// The events.
    pub events: Vec<Told>,
    /// The place after them.
    pub next: String,
}

/// The feed.
#[derive(Debug)]
pub struct Feed {
    /// The clock.
    pub clock: Clock,
    /// How long an access token lives.
    pub access_token: Duration,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// Verifies the tokens of followers.
    pub access_tokens: Arc<AccessTokens>,
    /// What is revoked.
    pub known: Arc<KnownRevocations>,
}

/// Who follows.
#[derive(Clone, Debug)]
pub struct Follower {
    client: ClientId,
    sees_all: bool,
    token: Secret,
}

impl Feed {
    /// The follower who presents this access token.
    pub async fn follower(
        &self,
        token: &str,
        certificate: Option<&Thumbprint>,
    ) -> Result<Follower> {
        let claims = self.access_tokens.verify_bearer(token, certificate).await?;
        let claims = claims.ok_or(Reason::AccessTokenInvalid)?;
        // RFC 9068 §4: a token whose audience does not name this server is refused.
        if !claims.aud.contains(self.access_tokens.url.as_str()) {
            return Err(Reason::AccessTokenInvalid.into());
        }
        let AccessToken { scope, client_id, .. } = claims;
        let scope = Scope::parse(&scope).map_err(|_| Reason::AccessTokenInvalid)?;
        let sees_all = scope.contains(READ_ALL_REVOCATIONS);
        if !sees_all && !scope.contains(READ_REVOCATIONS) {
            return Err(Reason::FollowerScopeMissing.into());
        }
        let client = ClientId::parse(&client_id).ok_or(Reason::AccessTokenInvalid)?;
        Ok(Follower { client, sees_all, token: Secret::text(token) })
    }

    /// Whether the follower may go on. A database that is away ends nothing.
    pub async fn may_go_on(&self, follower: &Follower) -> bool {
        self.access_tokens
            .verify(follower.token.expose())
            .await
            .map_or(true, |claims| claims.is_some())
    }

    /// The place where a follower begins: from now on.
    pub fn beginning(&self) -> Result<Page, Fault> {
        let position = self.known.window(|window| window.position)?;
        Ok(Page { events: Vec::new(), next: Cursor(position).to_string() })
    }

    /// Waits until this follower can be told something that is after this place, or for this long.
    /// `is_over` ends the waiting early.
    pub async fn after(
        &self,
        follower: &Follower,
        after: Cursor,
        wait: StdDuration,
        is_over: impl Fn() -> bool,
    ) -> Result<Page> {
        let until = Instant::now() + wait;
        loop {
            let mut rounds = self.known.rounds();
            let page = self.page(follower, after).await?;
            if !page.events.is_empty() || Instant::now() >= until || is_over() {
                return Ok(page);
            }
            let _ = tokio::time::timeout_at(until, rounds.changed()).await;
        }
    }

    /// What is known now.
    pub async fn page(&self, follower: &Follower, after: Cursor) -> Result<Page> {
        let rounds = self.known.rounds();
        if self.known.window(|window| after.0 > window.position)? {
            // It may come from a replica that knows more. What no replica knows is of a database
            // that is gone.
            self.known.next_round(rounds).await;
            if self.known.window(|window| after.0 > window.position)? {
                return Err(Reason::CursorExpired.into());
            }
        }
        let found = self.known.window(|window| later(window, after))?;
        let (later, end) = found.ok_or(Reason::CursorExpired)?;
        let mut events = Vec::new();
        for one in &later {
            if self.may_see(follower, &one.revocation).await? {
                events.push(self.told(&one.revocation));
            }
        }
        let now = self.clock.now();
        let is_long = later.len() > UNSEEN
            || later.first().is_some_and(|one| now - one.revocation.revoked_at > UNSEEN_FOR);
        let moves = !events.is_empty() || is_long || later.is_empty();
        let next = if moves { Cursor(end.max(after.0)) } else { after };
        Ok(Page { events, next: next.to_string() })
    }

    /// The revocations after this place, with their places, as they are told to who sees all of them;
    /// the latest ones if there are more than `at_most`.
    pub fn entries(&self, after: i64, at_most: usize) -> Result<Vec<Entry>, Fault> {
        let (before, later) = self.known.window(|window| {
            let from = window.events.partition_point(|event| event.position <= after);
            let from = from.max(window.events.len().saturating_sub(at_most));
            let before = from.checked_sub(1).and_then(|at| window.events.get(at));
            let before = before.map_or(window.floor, |event| event.position);
            (before, window.events.iter().skip(from).cloned().collect::<Vec<_>>())
        })?;
        let mut previous = before;
        let entry = |one: Arc<PlacedRevocation>| {
            let PlacedRevocation { position, part, revocation } = &*one;
            let after = Cursor(std::mem::replace(&mut previous, *position));
            Entry { place: (*position, *part), after, told: self.told(revocation) }
        };
        Ok(later.into_iter().map(entry).collect())
    }

    async fn may_see(&self, follower: &Follower, revocation: &Revocation) -> Result<bool, Fault> {
        if follower.sees_all || revocation.audiences == Audiences::Every {
            return Ok(true);
        }
        let Some(registered) = self.clients.find(&follower.client).await? else {
            return Ok(false);
        };
        let is_it =
            |audience: &String| registered.client.metadata.resource_servers.contains(audience);
        Ok(match &revocation.audiences {
            Audiences::Every => true,
            Audiences::Nobody => false,
            Audiences::These(these) => these.iter().any(is_it),
            // A client that is gone had been told of before, or is told of by its id.
            Audiences::OfClient(client) => match self.clients.stored(client).await? {
                Some(of) => of.client.metadata.audiences.iter().any(is_it),
                None => revocation.kind == RevokedKind::Client,
            },
        })
    }

    fn told(&self, revocation: &Revocation) -> Told {
        let Revocation { kind, value, revoked_at, expires_at, .. } = revocation;
        let before = revocation.before();
        let longest = *revoked_at + self.access_token;
        let expires_at = match kind {
            RevokedKind::Token => *expires_at,
            _ => longest.min(*expires_at),
        };
        let exp = expires_at.timestamp() + i64::from(expires_at.timestamp_subsec_nanos() > 0);
        Told { kind: *kind, value: value.clone(), before, exp }
    }
}

/// The revocations after this place, at most a page of them, and the place where they end. `None` if
/// some of them are not kept any more.
fn later(window: &Window, after: Cursor) -> Option<(Vec<Arc<PlacedRevocation>>, i64)> {
    if after.0 < window.floor {
        return None;
    }
    let from = window.events.partition_point(|event| event.position <= after.0);
    let mut page = Vec::new();
    for event in window.events.iter().skip(from) {
        let last = page.last().map(|last: &Arc<PlacedRevocation>| last.position);
        if page.len() >= PAGE && last != Some(event.position) {
            return Some((page, last.unwrap_or(after.0)));
        }
        page.push(Arc::clone(event));
    }
    Some((page, window.position))
}

/// Reads where a follower goes on.
pub fn cursor(text: &str) -> Result<Cursor, Refusal> {
    Cursor::parse(text).ok_or_else(|| Reason::CursorMalformed.into())
}

/// Reads how long a follower waits: 0 to 30 seconds.
pub fn wait(text: Option<&str>) -> Result<StdDuration, Refusal> {
    let Some(text) = text else { return Ok(StdDuration::ZERO) };
    let seconds = text.parse::<u64>().ok().filter(|seconds| *seconds <= 30);
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    seconds
        .filter(|_| plain)
        .map(StdDuration::from_secs)
        .ok_or_else(|| Reason::WaitMalformed.into())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn window(positions: &[i64], floor: i64, position: i64) -> Window {
        let event = |position: &i64| {
            let revocation = Revocation {
                kind: RevokedKind::Family,
                value: position.to_string(),
                revoked_at: DateTime::UNIX_EPOCH,
                expires_at: DateTime::UNIX_EPOCH,
                audiences: Audiences::Every,
            };
            Arc::new(PlacedRevocation { position: *position, part: 0, revocation })
        };
        Window { events: positions.iter().map(event).collect(), floor, position }
    }

    proptest! {
        /// Whoever follows page by page sees each revocation once, in order, none split from its
        /// transaction.
        #[test]
        fn nothing_is_missed_and_nothing_is_told_twice(
            sizes in prop::collection::vec(0_usize..700, 0..12),
            start in 0_usize..12,
        ) {
            let positions: Vec<i64> = sizes.iter().zip(1..)
                .flat_map(|(size, position)| std::iter::repeat_n(position, *size))
                .collect();
            let end = i64::try_from(sizes.len()).unwrap();
            let window = window(&positions, 0, end);
            let begin = i64::try_from(start.min(sizes.len())).unwrap();
            let (mut cursor, mut seen) = (Cursor(begin), Vec::new());
            loop {
                let (page, next) = later(&window, cursor).unwrap();
                if page.is_empty() {
                    break;
                }
                prop_assert!(next > cursor.0);
                prop_assert!(page.iter().all(|one| one.position > cursor.0 && one.position <= next));
                seen.extend(page.iter().map(|one| one.position));
                cursor = Cursor(next);
            }
            let expected: Vec<_> = positions.iter().copied().filter(|one| *one > begin).collect();
            prop_assert_eq!(seen, expected);
        }
    }

    #[test]
    fn a_place_before_what_is_kept_is_refused() {
        let window = window(&[7, 9], 5, 9);
        assert!(later(&window, Cursor(4)).is_none());
        assert_eq!(later(&window, Cursor(5)).map(|(page, end)| (page.len(), end)), Some((2, 9)));
        assert_eq!(later(&window, Cursor(9)).map(|(page, end)| (page.len(), end)), Some((0, 9)));
    }

    #[test]
    fn how_long_a_follower_waits() {
        for (text, seconds) in [(None, Some(0)), (Some("0"), Some(0)), (Some("30"), Some(30))] {
            assert_eq!(wait(text).ok().map(|wait| wait.as_secs()), seconds, "{text:?}");
        }
        for nonsense in ["31", "-1", "", "+3", "1.5", "x"] {
            assert!(wait(Some(nonsense)).is_err(), "{nonsense:?}");
        }
    }
}
