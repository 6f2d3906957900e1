//! Idempotent rotation of refresh tokens.
//!
//! `RT2 = HMAC(rotation key, RT1)`: presenting RT1 again within the grace, while RT2 is unspent,
//! brings the same RT2. There is one live leaf always, so a lost response, two tabs and a retry
//! after a crash are harmless. Any other repeat is reuse: the family ends (RFC 9700 §4.14.2).
//!
//! What waits is decided together: one statement reads (a second one the successors of what is
//! spent), [`decide`] is pure and later uses see
//! earlier ones, one statement inserts, one spends, one commit, then the answers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::Lifetimes;
use super::batch::Batch;
use super::error::{Error, ErrorCode, Refusal, Result, invalid_grant, invalid_scope};
use super::providers::Providers;
use crate::domain::audit::{Event, Kind, Origin};
use crate::domain::client::{ClientId, RefreshPolicy};
use crate::domain::clock::Clock;
use crate::domain::family::{Family, FamilyId};
use crate::domain::scope::Scope;
use crate::domain::secret::{Hashed, RefreshToken};
use crate::domain::session::{SessionId, moved_idle_end};
use crate::domain::verdict::Fault;
use crate::store::refresh_tokens::{self, Issued, New};
use crate::store::{Store, Tx, audit_events, families, sessions};

/// A use of a refresh token.
#[derive(Clone, Debug)]
pub struct Use {
    /// The token that was presented.
    pub presented: Hashed<RefreshToken>,
    /// The one that would succeed it.
    pub successor: Hashed<RefreshToken>,
    /// The client that presents it.
    pub client: ClientId,
    /// What becomes of refresh tokens of this client.
    pub policy: RefreshPolicy,
    /// What the old access token says, where there is one or must be one.
    pub proof: Option<Proof>,
    /// The scope that was asked for.
    pub scope: Option<Scope>,
    /// The resources that were asked for.
    pub resources: Vec<String>,
    /// For audit events.
    pub origin: Origin,
}

/// Proof by the old access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It belongs to this family.
    Of(FamilyId),
    /// The client owes one and brought none.
    Missing,
}

/// What a use brings.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The family.
    pub family: Arc<Family>,
    /// The scope of the access token.
    pub scope: Scope,
    /// The resources of the access token.
    pub resources: Vec<String>,
}

/// What to do about a use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Spend the token; its successor becomes the leaf.
    Spend,
    /// It is spent; its successor is handed out once more.
    Repeat,
    /// The token is never spent.
    Keep,
    /// Nothing changes.
    Refuse(Refusal),
    /// The family ends.
    Reuse,
}

/// The whole rule, from the rows and from whether whoever came in the way of a family may still come
/// in that way.
#[must_use]
pub fn decide(
    now: DateTime<Utc>,
    grace: Duration,
    using: &Use,
    presented: Option<&Issued>,
    successor: Option<&Issued>,
    admits: impl Fn(&Family) -> bool,
) -> Decision {
    let Some(token) = presented else {
        return Decision::Refuse(invalid_grant("the refresh token is unknown"));
    };
    // RFC 6749 §10.4: bound to the client. Another client's try never harms the family.
    if token.family.client != using.client {
        return Decision::Refuse(invalid_grant("the refresh token is unknown"));
    }
    if !token.family.is_live(now) || !token.user_enabled || !admits(&token.family) {
        return Decision::Refuse(invalid_grant("the session has ended"));
    }
    // Core §11: without offline_access it ends with the browser session.
    let session_ended = || token.session.is_none_or(|session| !session.is_live(now));
    if token.family.bound_to().is_some() && session_ended() {
        return Decision::Refuse(invalid_grant("the session has ended"));
    }
    let next = match (token.spent_at, using.policy) {
        // A token spent before the client's policy became static is as spent as any other.
        (Some(spent_at), _) => match repeat(now, grace, spent_at, successor) {
            Decision::Repeat => Decision::Repeat,
            other => return other,
        },
        (None, _) if token.expires_at <= now => {
            return Decision::Refuse(invalid_grant("the refresh token has expired"));
        }
        (None, RefreshPolicy::Static) => Decision::Keep,
        (None, RefreshPolicy::Rotate { .. } | RefreshPolicy::Strict) => Decision::Spend,
    };
    match check(using, &token.family) {
        Ok(()) => next,
        Err(refusal) => Decision::Refuse(refusal),
    }
}

fn repeat(
    now: DateTime<Utc>,
    grace: Duration,
    spent_at: DateTime<Utc>,
    successor: Option<&Issued>,
) -> Decision {
    let in_grace = grace > Duration::zero() && now - spent_at <= grace;
    match successor {
        Some(successor) if in_grace && successor.spent_at.is_none() => Decision::Repeat,
        // The master key changed in between, so the successor that was handed out is not this one.
        None if in_grace => Decision::Refuse(invalid_grant("the refresh token is spent")),
        _ => Decision::Reuse,
    }
}

/// What is checked before anything is spent: an honest client's typo burns nothing.
fn check(using: &Use, family: &Family) -> std::result::Result<(), Refusal> {
    match &using.proof {
        Some(Proof::Missing) => return Err(invalid_grant("the old access token is needed")),
        Some(Proof::Of(id)) if *id != family.id => {
            return Err(invalid_grant("the access token is no proof"));
        }
        _ => {}
    }
    // RFC 6749 §6: never wider than what was granted.
    if using.scope.as_ref().is_some_and(|scope| !scope.is_within(&family.scope)) {
        return Err(invalid_scope("the scope is wider than what was granted"));
    }
    // RFC 8707 §2.2: within what was granted, where resources were named.
    let granted = &family.resources;
    if !granted.is_empty() && !using.resources.iter().all(|asked| granted.contains(asked)) {
        let description = "a resource is not part of what was granted";
        return Err(Refusal::new(ErrorCode::InvalidTarget, description));
    }
    Ok(())
}

/// The queue of uses.
pub type Rotations = Batch<Use, Result<Rotated>>;

/// Starts the worker.
pub(super) fn start(
    store: Arc<Store>,
    clock: Clock,
    lifetimes: Lifetimes,
    providers: Arc<Providers>,
) -> Rotations {
    Batch::start(move |uses| {
        let (store, clock) = (Arc::clone(&store), clock.clone());
        let providers = Arc::clone(&providers);
        async move { settle(&store, &clock, lifetimes, &providers, uses).await }
    })
}

async fn settle(
    store: &Store,
    clock: &Clock,
    lifetimes: Lifetimes,
    providers: &Providers,
    uses: Vec<Use>,
) -> Vec<Result<Rotated>> {
    let count = uses.len();
    match rotate(store, clock, lifetimes, providers, uses).await {
        Ok(outcomes) => {
            outcomes.into_iter().map(|outcome| outcome.map_err(Error::Refused)).collect()
        }
        // Nothing of the batch stays, so nobody in it may believe otherwise.
        Err(fault) => (0..count).map(|_| Err(Error::Fault(fault.clone()))).collect(),
    }
}

type Outcome = std::result::Result<Rotated, Refusal>;

async fn rotate(
    store: &Store,
    clock: &Clock,
    lifetimes: Lifetimes,
    providers: &Providers,
    uses: Vec<Use>,
) -> std::result::Result<Vec<Outcome>, Fault> {
    let tx = store.begin(clock.now()).await?;
    let mut hashes: Vec<_> = uses.iter().map(|one| one.presented).collect();
    hashes.sort_unstable();
    hashes.dedup();
    let mut rows = refresh_tokens::lock(&tx, &hashes).await?;
    // A successor matters only to a repeat, and is only looked at: a use of it elsewhere comes
    // before or after this one, and both are right.
    let spent =
        |one: &&Use| rows.iter().any(|row| row.hash == one.presented && row.spent_at.is_some());
    let successors: Vec<_> = uses.iter().filter(spent).map(|one| one.successor).collect();
    if !successors.is_empty() {
        rows.extend(refresh_tokens::find(&tx, &successors).await?);
    }
    let mut work = Work {
        now: tx.now(),
        lifetimes,
        providers,
        rows: rows.into_iter().map(|row| (row.hash, row)).collect(),
        changes: Changes::default(),
    };
    let outcomes = uses.iter().map(|using| work.take(using)).collect();
    work.changes.write(&tx).await?;
    tx.commit().await?;
    Ok(outcomes)
}

/// The rows of a batch as they stand after the uses so far, and what became of them.
struct Work<'a> {
    now: DateTime<Utc>,
    lifetimes: Lifetimes,
    providers: &'a Providers,
    rows: HashMap<Hashed<RefreshToken>, Issued>,
    changes: Changes,
}

#[derive(Default)]
struct Changes {
    inserted: Vec<New>,
    spent: Vec<Hashed<RefreshToken>>,
    extended: HashMap<Hashed<RefreshToken>, DateTime<Utc>>,
    used: BTreeMap<SessionId, DateTime<Utc>>,
    revoked: Vec<FamilyId>,
    events: Vec<Event>,
}

impl Work<'_> {
    fn take(&mut self, using: &Use) -> Outcome {
        let grace = match using.policy {
            RefreshPolicy::Rotate { grace } => grace.unwrap_or(self.lifetimes.refresh_grace),
            RefreshPolicy::Strict | RefreshPolicy::Static => Duration::zero(),
        };
        let presented = self.rows.get(&using.presented).cloned();
        let successor = self.rows.get(&using.successor);
        let admits = |family: &Family| self.providers.admit(&family.client, &family.amr);
        let decision = decide(self.now, grace, using, presented.as_ref(), successor, admits);
        if let (Decision::Spend | Decision::Keep | Decision::Repeat, Some(token)) =
            (&decision, &presented)
        {
            self.use_session(token);
        }
        match (decision, presented) {
            (Decision::Refuse(refusal), _) => Err(refusal),
            (Decision::Reuse, Some(token)) => {
                self.revoke(&token.family, using);
                Err(invalid_grant("the refresh token was used before"))
            }
            (Decision::Spend, Some(token)) => {
                self.spend(using, &token);
                Ok(rotated(using, token.family))
            }
            (Decision::Keep, Some(token)) => {
                self.extend(&token);
                Ok(rotated(using, token.family))
            }
            (Decision::Repeat, Some(token)) => Ok(rotated(using, token.family)),
            (_, None) => Err(invalid_grant("the refresh token is unknown")),
        }
    }

    fn idle_end(&self, family: &Family) -> DateTime<Utc> {
        (self.now + self.lifetimes.refresh_idle).min(family.expires_at)
    }

    fn spend(&mut self, using: &Use, token: &Issued) {
        let next = Issued {
            hash: using.successor,
            generation: token.generation + 1,
            expires_at: self.idle_end(&token.family),
            spent_at: None,
            ..token.clone()
        };
        self.changes.spent.push(token.hash);
        self.changes.inserted.push(New {
            hash: next.hash,
            family: next.family.id.clone(),
            generation: next.generation,
            expires_at: next.expires_at,
        });
        self.rows.insert(next.hash, next);
        if let Some(row) = self.rows.get_mut(&token.hash) {
            row.spent_at = Some(self.now);
        }
    }

    /// Writing at every use would cost a rotation: the end moves once it is worth a hundredth.
    fn extend(&mut self, token: &Issued) {
        let end = self.idle_end(&token.family);
        if end - token.expires_at > self.lifetimes.refresh_idle / 100 {
            self.changes.extended.insert(token.hash, end);
        }
    }

    /// A refresh is a use of the browser session that the family is bound to.
    fn use_session(&mut self, token: &Issued) {
        if let (Some(id), Some(session)) = (token.family.bound_to(), &token.session)
            && let Some(end) = moved_idle_end(session.idle_ends_at, session.idle, self.now)
        {
            self.changes.used.insert(id.clone(), end);
        }
    }

    fn revoke(&mut self, family: &Family, using: &Use) {
        for row in self.rows.values_mut().filter(|row| row.family.id == family.id) {
            Arc::make_mut(&mut row.family).revoked_at = Some(self.now);
        }
        let event = Event::new(Kind::RefreshReused).user(&family.user).client(&family.client);
        self.changes.events.push(event.family(&family.id).from(&using.origin));
        self.changes.revoked.push(family.id.clone());
    }
}

fn rotated(using: &Use, family: Arc<Family>) -> Rotated {
    // RFC 6749 §6: a narrower scope is for this access token only.
    let scope = using.scope.clone().unwrap_or_else(|| family.scope.clone());
    let resources =
        if using.resources.is_empty() { family.resources.clone() } else { using.resources.clone() };
    Rotated { family, scope, resources }
}

impl Changes {
    async fn write(&self, tx: &Tx) -> std::result::Result<(), Fault> {
        // Inserted first: a successor may have been spent within this very batch.
        refresh_tokens::insert(tx, &self.inserted).await?;
        refresh_tokens::spend(tx, &self.spent).await?;
        for (hash, end) in &self.extended {
            refresh_tokens::extend(tx, *hash, *end).await?;
        }
        for (session, end) in &self.used {
            sessions::move_idle_end(tx, session, *end).await?;
        }
        // In one order, so that two replicas never wait for each other in a circle.
        let revoked: BTreeSet<_> = self.revoked.iter().collect();
        for family in revoked {
            families::revoke(tx, family).await?;
        }
        audit_events::insert(tx, &self.events).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;
    use crate::domain::secret::Plain;
    use crate::domain::user::UserId;

    const GRACE: Duration = Duration::seconds(10);

    fn t(seconds: i64) -> DateTime<Utc> {
        from_millis(seconds * 1000)
    }

    fn client(id: &str) -> ClientId {
        ClientId::parse(id).unwrap()
    }

    fn token() -> Issued {
        Issued {
            hash: Plain::generate().hashed(),
            generation: 0,
            expires_at: t(1000),
            spent_at: None,
            user_enabled: true,
            session: None,
            family: Arc::new(Family {
                id: FamilyId("family".to_owned()),
                user: UserId("user".to_owned()),
                client: client("a"),
                scope: Scope::parse("openid email").unwrap(),
                resources: vec!["https://api".to_owned()],
                auth_time: t(0),
                amr: vec![],
                session: None,
                claims: vec![],
                expires_at: t(5000),
                revoked_at: None,
            }),
        }
    }

    fn using(policy: RefreshPolicy) -> Use {
        Use {
            presented: Plain::generate().hashed(),
            successor: Plain::generate().hashed(),
            client: client("a"),
            policy,
            proof: None,
            scope: None,
            resources: vec![],
            origin: Origin::default(),
        }
    }

    const ROTATE: RefreshPolicy = RefreshPolicy::Rotate { grace: None };

    fn decided(using: &Use, token: &Issued, successor: Option<&Issued>, now: i64) -> Decision {
        let grace = if using.policy == ROTATE { GRACE } else { Duration::zero() };
        decide(t(now), grace, using, Some(token), successor, |_| true)
    }

    fn is_refused(decision: &Decision, code: ErrorCode) -> bool {
        matches!(decision, Decision::Refuse(refusal) if refusal.code == Some(code))
    }

    #[test]
    fn an_unspent_token_is_spent_or_kept_by_policy() {
        for (policy, decision) in [
            (ROTATE, Decision::Spend),
            (RefreshPolicy::Strict, Decision::Spend),
            (RefreshPolicy::Static, Decision::Keep),
        ] {
            assert_eq!(decided(&using(policy), &token(), None, 10), decision);
        }
    }

    #[test]
    fn rfc9700_4_14_2_a_spent_token_is_repeated_in_the_grace_and_reused_after_it() {
        let spent = Issued { spent_at: Some(t(100)), ..token() };
        let leaf = token();
        let used_leaf = Issued { spent_at: Some(t(103)), ..token() };
        for (policy, successor, now, decision) in [
            (ROTATE, Some(&leaf), 100, Decision::Repeat),
            (ROTATE, Some(&leaf), 110, Decision::Repeat),
            (ROTATE, Some(&leaf), 111, Decision::Reuse),
            (ROTATE, Some(&used_leaf), 105, Decision::Reuse),
            (ROTATE, None, 200, Decision::Reuse),
            (RefreshPolicy::Strict, Some(&leaf), 100, Decision::Reuse),
            (RefreshPolicy::Static, Some(&leaf), 100, Decision::Reuse),
        ] {
            assert_eq!(
                decided(&using(policy), &spent, successor, now),
                decision,
                "{policy:?} {now}"
            );
        }
        // Another master key derives another successor: no alarm, but nothing to hand out either.
        assert!(is_refused(&decided(&using(ROTATE), &spent, None, 105), ErrorCode::InvalidGrant));
    }

    #[test]
    fn another_clients_try_never_harms_the_family() {
        let thief = Use { client: client("b"), ..using(ROTATE) };
        let spent = Issued { spent_at: Some(t(0)), ..token() };
        for token in [token(), spent] {
            assert!(is_refused(&decided(&thief, &token, None, 500), ErrorCode::InvalidGrant));
        }
    }

    #[test]
    fn what_has_ended_is_refused_without_alarm() {
        let mut revoked = token();
        Arc::make_mut(&mut revoked.family).revoked_at = Some(t(1));
        let mut over = token();
        Arc::make_mut(&mut over.family).expires_at = t(10);
        let disabled = Issued { user_enabled: false, ..token() };
        let idle = Issued { expires_at: t(10), ..token() };
        let unwanted = decide(t(0), GRACE, &using(ROTATE), Some(&token()), None, |_| false);
        assert!(is_refused(&unwanted, ErrorCode::InvalidGrant));
        for token in [revoked, over, disabled, idle] {
            assert!(is_refused(
                &decided(&using(ROTATE), &token, None, 10),
                ErrorCode::InvalidGrant
            ));
        }
        assert!(is_refused(
            &decide(t(0), GRACE, &using(ROTATE), None, None, |_| true),
            ErrorCode::InvalidGrant
        ));
    }

    #[test]
    fn rfc6749_6_every_check_comes_before_spending() {
        let wider = Scope::parse("openid admin").ok();
        let foreign = Some(Proof::Of(FamilyId("other".to_owned())));
        for (using, code) in [
            (Use { scope: wider, ..using(ROTATE) }, ErrorCode::InvalidScope),
            (Use { proof: foreign, ..using(ROTATE) }, ErrorCode::InvalidGrant),
            (Use { proof: Some(Proof::Missing), ..using(ROTATE) }, ErrorCode::InvalidGrant),
            (
                Use { resources: vec!["https://b".to_owned()], ..using(ROTATE) },
                ErrorCode::InvalidTarget,
            ),
        ] {
            assert!(is_refused(&decided(&using, &token(), None, 10), code), "{code:?}");
        }
        let narrower = Use { scope: Scope::parse("email").ok(), ..using(ROTATE) };
        assert_eq!(decided(&narrower, &token(), None, 10), Decision::Spend);
    }
}
