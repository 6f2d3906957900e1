//! Rotation of refresh tokens in place: a family has one row, however often it is refreshed.
//!
//! Uses that wait at the same time are decided together. One statement reads the rows of their
//! families. The pure function [`decide`] decides use by use, and later uses see the effect of
//! earlier ones. One statement then updates every row whose leaf is still the one that was read;
//! that statement is the whole transaction. If another process changed a row first, the row is read
//! and decided again. Only three cases write more after that: the reuse of a token, a repeat from
//! another address, and the use of a browser session.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Duration, Utc};

use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::client::{ClientId, RefreshPolicy};
use crate::domain::clock::Clock;
use crate::domain::dpop::{Confirmation, REMEMBERED, Thumbprint};
use crate::domain::family::{Family, FamilyId};
use crate::domain::reason::Reason;
use crate::domain::refresh::{Ended, ParsedRefreshToken, Refreshable};
use crate::domain::scope::Scope;
use crate::domain::secret::{Plain, RefreshToken};
use crate::domain::session::{SessionId, moved_idle_end};
use crate::domain::status_list::StatusIndex;
use crate::domain::succession::{Judgement, Salt, TokenPosition};
use crate::domain::verdict::Fault;
use crate::keys::dpop::Proof;
use crate::keys::rotation::RotationKey;
use crate::oauth::error::{Error, Refusal, Result};
use crate::oauth::lifetimes::Lifetimes;
use crate::oauth::status::indices::Indices;
use crate::oauth::token::client_resources::ClientResources;
use crate::runtime::batch::{Batch, Bounds};
use crate::runtime::supervisor::Supervisor;
use crate::social::registry::Providers;
use crate::store::successions::{self, Move};
use crate::store::{Store, Tx, audit_events, families, sessions, used_assertions};

/// A use of a refresh token.
#[derive(Clone, Debug)]
pub struct Use {
    /// The token that was presented.
    pub token: ParsedRefreshToken,
    /// The client that presents it.
    pub client: ClientId,
    /// How refresh tokens of this client are rotated.
    pub policy: RefreshPolicy,
    /// The proof by the old access token: present if the client sent one or is required to send
    /// one.
    pub proof: Option<AccessTokenProof>,
    /// The proof of possession.
    pub possession: Option<Proof>,
    /// The certificate that the client showed.
    pub certificate: Option<Thumbprint>,
    /// What the refresh tokens of this client are bound to, if they are not bound yet; `None` for a
    /// confidential client.
    pub binds: Option<Confirmation>,
    /// The scope that was asked for.
    pub scope: Option<Scope>,
    /// The resources that were asked for.
    pub resources: Vec<String>,
    /// Which resources this client may have.
    pub of_client: ClientResources,
    /// What audit events say about where the request came from.
    pub origin: Origin,
    /// How long an unused refresh token of this client lives.
    pub idle: Duration,
    /// Whether the access token may have to name a place in a status list.
    pub wants_status: bool,
}

/// The proof by the old access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessTokenProof {
    /// The access token belongs to this family.
    Of(FamilyId),
    /// The client must send an access token and sent none.
    Missing,
}

/// The result of a use.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The family.
    pub family: Arc<Family>,
    /// The scope of the access token.
    pub scope: Scope,
    /// The resources of the access token.
    pub resources: Vec<String>,
    /// The salt that the refresh token to hand out is made with.
    pub salt: Salt,
    /// The position of the refresh token to hand out.
    pub place: TokenPosition,
}

/// What to do with a use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Mark the token as used; its successor becomes the leaf.
    Spend,
    /// The token is used already; hand out its successor once more.
    Again,
    /// The token is used already, but its successor is not: replace the successor with a new one.
    Replace,
    /// Keep the token; this client's tokens are not rotated.
    Keep,
    /// Refuse the use and change nothing.
    Refuse(Refusal),
    /// A used token was presented again: end the family.
    Reuse,
}

/// The refusal of any text that is not a refresh token of the client that presents it.
#[must_use]
pub fn unknown() -> Refusal {
    Reason::RefreshTokenUnknown.into()
}

/// Decides about one use. `found` is the family of the token, if this server issued the token.
/// `grace` is the grace time of the client. `admitted` says whether the sign-in method of the
/// person is still allowed.
#[must_use]
pub fn decide(
    now: DateTime<Utc>,
    grace: Duration,
    using: &Use,
    found: Option<&Refreshable>,
    admitted: bool,
) -> Decision {
    // RFC 6749 §10.4: the token is bound to its client. An attempt by another client does not harm
    // the family.
    let Some(found) = found.filter(|found| found.family.client == using.client) else {
        return Decision::Refuse(unknown());
    };
    match found.ended(now, admitted) {
        Some(Ended::Family) => return Decision::Refuse(Reason::SessionEnded.into()),
        Some(Ended::Idle) => {
            return Decision::Refuse(Reason::RefreshTokenExpired.into());
        }
        None => {}
    }
    let grace = match using.policy {
        RefreshPolicy::Rotate { .. } => Some(grace),
        RefreshPolicy::Strict | RefreshPolicy::Static => None,
    };
    let judgement = found.succession.judge(using.token.place, now, grace);
    // Before the verdict: whoever does not prove the key of a family cannot end it by a token that was
    // spent long ago. But a token from before the binding was given to somebody who has proved nothing:
    // two parties hold it, and one of them has bound the family to a key of theirs.
    if let Err(refusal) = check_key(using, &found.family) {
        let may_be_late = matches!(judgement, Judgement::Again | Judgement::Straggler);
        return if found.succession.is_from_before_binding(using.token.place) && !may_be_late {
            Decision::Reuse
        } else {
            Decision::Refuse(refusal)
        };
    }
    let next = match (judgement, using.policy) {
        (Judgement::Leaf, RefreshPolicy::Static) => Decision::Keep,
        (Judgement::Leaf, RefreshPolicy::Rotate { .. } | RefreshPolicy::Strict) => Decision::Spend,
        (Judgement::Again, _) => Decision::Again,
        (Judgement::Replace, _) => Decision::Replace,
        (Judgement::Straggler, _) => {
            return Decision::Refuse(Reason::RefreshTokenSpent.into());
        }
        (Judgement::Reuse, _) => return Decision::Reuse,
    };
    match check(using, &found.family) {
        Ok(()) => next,
        Err(refusal) => Decision::Refuse(refusal),
    }
}

/// RFC 9449 §5: the refresh tokens of a public client are bound to the key that it has proven, and RFC
/// 8705 §4 to the certificate that it showed.
fn check_key(using: &Use, family: &Family) -> std::result::Result<(), Refusal> {
    match (&family.binding.jkt, &using.possession) {
        (Some(_), None) => return Err(Reason::DpopProofMissing.into()),
        (Some(key), Some(proof)) if proof.key != *key => {
            return Err(Reason::RefreshTokenKeyMismatch.into());
        }
        _ => {}
    }
    match (&family.binding.x5t, &using.certificate) {
        (Some(_), None) => Err(Reason::CertificateNeeded.into()),
        (Some(bound_to), Some(shown)) if shown != bound_to => {
            Err(Reason::RefreshTokenCertificateMismatch.into())
        }
        _ => Ok(()),
    }
}

/// Checks that run before a token is used up, so that a mistake of an honest client costs it
/// nothing.
fn check(using: &Use, family: &Family) -> std::result::Result<(), Refusal> {
    match &using.proof {
        Some(AccessTokenProof::Missing) => return Err(Reason::AccessTokenProofMissing.into()),
        Some(AccessTokenProof::Of(id)) if *id != family.id => {
            return Err(Reason::AccessTokenProofMismatch.into());
        }
        _ => {}
    }
    // RFC 6749 §6: the scope must not be wider than what was granted.
    if using.scope.as_ref().is_some_and(|scope| !scope.is_within(&family.scope)) {
        return Err(Reason::ScopeNotGranted.into());
    }
    using.of_client.among(&family.resources, &using.resources).map(drop)
}

/// Makes, finds and uses the refresh tokens of this server.
#[derive(Debug)]
pub struct RefreshTokens {
    parts: Arc<RefreshTokenParts>,
    /// The queue of uses.
    uses: Batch<Use, Result<Rotated>>,
}

/// The parts that refresh tokens are made and checked with.
#[derive(Debug)]
pub struct RefreshTokenParts {
    /// The database.
    pub store: Arc<Store>,
    /// The clock.
    pub clock: Clock,
    /// How long tokens live.
    pub lifetimes: Lifetimes,
    /// The providers of social login.
    pub providers: Arc<Providers>,
    /// Makes and verifies refresh tokens.
    pub key: Arc<RotationKey>,
    /// Hands out places in the status lists.
    pub indices: Arc<Indices>,
}

impl RefreshTokens {
    /// Starts the worker that rotates the tokens.
    #[must_use]
    pub fn start(supervisor: &Supervisor, parts: RefreshTokenParts) -> Self {
        let parts = Arc::new(parts);
        let working = Arc::clone(&parts);
        // With several lanes one batch is committed while the next one is decided; a batch that
        // loses a row to another one reads the row again.
        let lanes = parts.store.batches_at_once();
        let bounds = Bounds { name: "refreshes", lanes, queue: QUEUE, deadline: DEADLINE };
        let uses = Batch::start(supervisor, bounds, move |uses: Vec<Use>| {
            let parts = Arc::clone(&working);
            async move { parts.settle(&uses).await }
        });
        Self { parts, uses }
    }

    /// Uses a refresh token.
    pub async fn rotate(&self, using: Use) -> Result<Rotated> {
        self.uses.ask(using).await?
    }

    /// The text of a refresh token.
    pub fn token(
        &self,
        salt: Salt,
        family: &FamilyId,
        place: TokenPosition,
    ) -> std::result::Result<Plain<RefreshToken>, Fault> {
        self.parts.key.token(salt, family, place)
    }

    /// The family of a refresh token and the parsed token, if this server issued it.
    pub async fn find(
        &self,
        token: &Plain<RefreshToken>,
    ) -> std::result::Result<Option<(ParsedRefreshToken, Refreshable)>, Fault> {
        let Some(token) = ParsedRefreshToken::read(token) else { return Ok(None) };
        let found = successions::find(&*self.parts.store, &token.family).await?;
        let ours = found.filter(|found| self.parts.key.made(found.succession.salt, &token));
        Ok(ours.map(|found| (token, found)))
    }

    /// Whether a refresh token is the one of its family that the token endpoint would accept.
    #[must_use]
    pub fn is_active(&self, token: &ParsedRefreshToken, found: &Refreshable) -> bool {
        let admitted = self.parts.providers.admit_family(&found.family);
        token.place == found.succession.leaf
            && found.ended(self.parts.clock.now(), admitted).is_none()
    }
}

const QUEUE: usize = 4096;
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(3);

/// The part of the deadline that is kept for the answer. No row is updated in it: otherwise a
/// client could be told that its request timed out although its token was used up.
const ANSWERING: std::time::Duration = std::time::Duration::from_millis(500);

impl RefreshTokenParts {
    async fn settle(&self, uses: &[Use]) -> Vec<Result<Rotated>> {
        let began = Instant::now();
        let mut states: Vec<UseState> = uses.iter().map(|_| UseState::default()).collect();
        while states.iter().any(|state| state.outcome.is_none()) {
            let open = uses.iter().zip(&mut states).filter(|(_, state)| state.outcome.is_none());
            let mut open: Vec<_> = open.collect();
            if let Err(fault) = self.round(&mut open, began).await {
                for (_, state) in open {
                    state.outcome.get_or_insert_with(|| Err(Error::Fault(fault.clone())));
                }
            }
        }
        states.into_iter().filter_map(|state| state.outcome).collect()
    }

    /// Writes down the proofs of possession of these uses, and refuses the uses whose proof was there
    /// already. The transaction that it returns also moves the rows; `None` if no use has a proof.
    async fn use_proofs(
        &self,
        open: &mut [(&Use, &mut UseState)],
        rows: &Rows,
        now: DateTime<Utc>,
    ) -> std::result::Result<Option<Tx>, Fault> {
        // Nothing is written for a token that nobody has got from here.
        let of = |using: &Use, state: &UseState| {
            let proof = using.possession.as_ref().filter(|_| !state.is_proof_used)?;
            rows.contains_key(&using.token.family).then_some(proof.once)
        };
        let proofs: Vec<_> = open.iter().filter_map(|(using, state)| of(using, state)).collect();
        if proofs.is_empty() {
            return Ok(None);
        }
        let end = now + REMEMBERED;
        let (tx, mut fresh) =
            used_assertions::begin_with_proofs(&self.store, now, proofs, end).await?;
        for (using, state) in open {
            let Some(proof) = of(using, state) else { continue };
            // Of two uses with one proof the first one counts.
            if !fresh.remove(&proof) {
                state.outcome = Some(Err(Reason::DpopProofReused.into()));
            }
        }
        Ok(Some(tx))
    }

    /// Decides the open uses once. A use stays open if another process changed its row first.
    async fn round(
        &self,
        open: &mut [(&Use, &mut UseState)],
        began: Instant,
    ) -> std::result::Result<(), Fault> {
        let mut ids: Vec<_> = open.iter().map(|(using, _)| &using.token.family).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = successions::find_to_move(&self.store, &ids).await?;
        if open.iter().any(|(using, _)| using.wants_status) {
            self.indices.top_up().await?;
        }
        let left = DEADLINE.saturating_sub(began.elapsed() + ANSWERING);
        let left = Duration::from_std(left).unwrap_or(Duration::zero());
        let until = found.database_now + left;
        let now = self.clock.now_by(found.database_now);
        let rows: Rows = found.rows.into_iter().map(|(id, row)| (id, row.map(Row::new))).collect();
        let tx = self.use_proofs(open, &rows, now).await?;
        let mut open: Vec<_> =
            open.iter_mut().filter(|(_, state)| state.outcome.is_none()).collect();
        let mut work = Work { now, parts: self, rows };
        let decided: Vec<_> = open.iter().map(|(using, _)| work.take(using)).collect();
        let kept = work.advance(tx.as_ref(), until).await?;
        if let Some(tx) = tx {
            tx.commit().await?;
        }
        let written = work.write_rest(&kept).await;
        for ((using, state), decision) in open.iter_mut().zip(decided) {
            state.is_proof_used = true;
            state.outcome = match (kept.get(&using.token.family), &written) {
                (Some(Kept::Lost), _) => None,
                (Some(Kept::WithMore), Err(fault)) => Some(Err(Error::Fault(fault.clone()))),
                (Some(Kept::WithMore), Ok(places)) => Some(placed(decision, places)),
                _ => Some(decision),
            };
        }
        Ok(())
    }
}

/// How far a use has come.
#[derive(Default)]
struct UseState {
    outcome: Option<Result<Rotated>>,
    /// Its proof of possession was written down in an earlier round.
    is_proof_used: bool,
}

/// What happened to a family in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// Its row is as it was decided.
    AsDecided,
    /// Its row is as it was decided, and there is more to write than the row.
    WithMore,
    /// Another process changed the row first.
    Lost,
}

/// A family with the effect of all uses so far in this round.
struct Row {
    was: TokenPosition,
    now: Refreshable,
    moved: bool,
    revoked: bool,
    used: Option<(SessionId, DateTime<Utc>)>,
    events: Vec<Event>,
    /// The place in the status lists that it had when it was read.
    status_was: Option<StatusIndex>,
    /// The place that it takes.
    takes: Option<StatusIndex>,
    /// What it was bound to when it was read.
    binding_was: Confirmation,
}

impl Row {
    fn new(found: Refreshable) -> Self {
        let was = found.succession.leaf;
        let (moved, revoked, used, takes) = (false, false, None, None);
        let (events, status_was) = (Vec::new(), found.family.status);
        let binding_was = found.family.binding.clone();
        Self { was, now: found, moved, revoked, used, events, status_was, takes, binding_was }
    }

    fn has_more(&self) -> bool {
        self.revoked || self.used.is_some() || !self.events.is_empty() || self.takes.is_some()
    }

    /// Gives the family a place in the status lists if its next token needs one.
    fn place(&mut self, indices: &Indices) -> std::result::Result<(), Fault> {
        if indices.is_needed(self.now.family.status) {
            let place = indices.take().ok_or_else(|| {
                Fault::unavailable("taking a place in a status list", "too many are taken at once")
            })?;
            Arc::make_mut(&mut self.now.family).status = Some(place);
            self.takes = Some(place);
        }
        Ok(())
    }
}

/// The families that were read in a round.
type Rows = HashMap<FamilyId, std::result::Result<Row, Fault>>;

/// The rows of one round.
struct Work<'a> {
    now: DateTime<Utc>,
    parts: &'a RefreshTokenParts,
    rows: Rows,
}

impl Work<'_> {
    fn take(&mut self, using: &Use) -> Result<Rotated> {
        let (now, lifetimes) = (self.now, self.parts.lifetimes);
        let row = match self.rows.get_mut(&using.token.family) {
            Some(Ok(row)) => row,
            Some(Err(fault)) => return Err(Error::Fault(fault.clone())),
            None => return Err(unknown().into()),
        };
        // An earlier use of this round ended the family.
        if row.revoked {
            return Err(Reason::SessionEnded.into());
        }
        let family = Arc::clone(&row.now.family);
        let ours = self.parts.key.made(row.now.succession.salt, &using.token);
        let grace = using.policy.own_grace().unwrap_or(lifetimes.refresh_grace);
        let admitted = self.parts.providers.admit_family(&family);
        let decision = decide(now, grace, using, ours.then_some(&row.now), admitted);
        let idle_end = (now + using.idle).min(family.expires_at);
        if using.wants_status && !matches!(decision, Decision::Refuse(_) | Decision::Reuse) {
            row.place(&self.parts.indices)?;
        }
        if matches!(decision, Decision::Spend | Decision::Replace | Decision::Keep) {
            row.bind(using);
        }
        match decision {
            Decision::Refuse(refusal) => return Err(refusal.into()),
            Decision::Reuse => {
                row.revoked = true;
                row.events.push(event(EventKind::RefreshReused, &family, using));
                return Err(Reason::RefreshTokenReused.into());
            }
            Decision::Spend => {
                row.now.succession.spend();
                row.now.succession.idle_ends_at = idle_end;
                row.hand_out(now, using);
            }
            Decision::Again => {
                row.note_elsewhere(using);
                row.hand_out_again(now, using);
            }
            Decision::Replace => {
                row.note_elsewhere(using);
                row.now.succession.replace();
                row.now.succession.idle_ends_at = idle_end;
                row.hand_out(now, using);
            }
            Decision::Keep => row.extend(idle_end, using.idle),
        }
        row.use_session(now);
        rotated(using, &row.now)
    }

    /// Updates the rows, and says what happened to each family that was read.
    async fn advance(
        &self,
        tx: Option<&Tx>,
        until: DateTime<Utc>,
    ) -> std::result::Result<BTreeMap<FamilyId, Kept>, Fault> {
        let readable = || self.rows.iter().filter_map(|(id, row)| Some((id, row.as_ref().ok()?)));
        let moves: Vec<_> = readable()
            .filter(|(_, row)| row.moved)
            .map(|(id, row)| Move {
                family: id.clone(),
                from: row.was,
                to: row.now.succession.clone(),
                status: row.status_was,
                binding_was: row.binding_was.clone(),
                binding: row.now.family.binding.clone(),
            })
            .collect();
        let advanced = match tx {
            Some(tx) => successions::advance_in(tx, &moves, until).await?,
            None => successions::advance(&self.parts.store, &moves, until).await?,
        };
        let kept = readable().map(|(id, row)| {
            let kept = match (row.moved && !advanced.contains(id), row.has_more()) {
                (true, _) => Kept::Lost,
                (false, true) => Kept::WithMore,
                (false, false) => Kept::AsDecided,
            };
            (id.clone(), kept)
        });
        Ok(kept.collect())
    }

    /// Writes what belongs to the rows: revocations, audit events, uses of sessions and places in the
    /// status lists. Returns the places that families have now.
    async fn write_rest(
        &self,
        kept: &BTreeMap<FamilyId, Kept>,
    ) -> std::result::Result<Places, Fault> {
        let rest: Vec<_> = kept
            .iter()
            .filter(|(_, kept)| **kept == Kept::WithMore)
            .filter_map(|(id, _)| Some((id, self.rows.get(id)?.as_ref().ok()?)))
            .collect();
        let mut places = Places::new();
        if rest.is_empty() {
            return Ok(places);
        }
        let tx = self.parts.store.begin(self.now).await?;
        let mut events = Vec::new();
        // The families are in the order of their ids, so two replicas never wait for each other (a
        // deadlock).
        for (id, row) in &rest {
            // The request that ended the family first has already written the audit events.
            if !row.revoked || families::revoke(&tx, id).await? {
                events.extend(row.events.iter().cloned());
            }
            if let Some(fresh) = row.takes {
                let now = families::take_status(&tx, id, row.status_was, fresh).await?;
                places.insert((*id).clone(), now);
            }
        }
        let used: BTreeMap<_, _> = rest.iter().filter_map(|(_, row)| row.used.clone()).collect();
        for (session, end) in &used {
            sessions::move_idle_end(&tx, session, *end).await?;
        }
        audit_events::insert(&tx, &events).await?;
        tx.commit().await?;
        Ok(places)
    }
}

/// The places of families in the status lists; `None`: the family has ended meanwhile.
type Places = BTreeMap<FamilyId, Option<StatusIndex>>;

/// The same result with the place that the family really has: another request may have given it one
/// at the same time.
fn placed(decision: Result<Rotated>, places: &Places) -> Result<Rotated> {
    let mut rotated = decision?;
    match places.get(&rotated.family.id) {
        Some(Some(place)) => Arc::make_mut(&mut rotated.family).status = Some(*place),
        Some(None) => return Err(Reason::SessionEnded.into()),
        None => {}
    }
    Ok(rotated)
}

impl Row {
    /// RFC 9449 §5: a refresh token that a public client gets for a proof is bound to its key, even if
    /// the family began without one; so it is with a certificate.
    fn bind(&mut self, using: &Use) {
        let Some(binds) = &using.binds else { return };
        let had = &self.now.family.binding;
        let binding = Confirmation {
            jkt: had.jkt.clone().or_else(|| binds.jkt.clone()),
            x5t: had.x5t.clone().or_else(|| binds.x5t.clone()),
        };
        if binding != *had {
            if *had == Confirmation::default() {
                self.now.succession.bind();
            }
            Arc::make_mut(&mut self.now.family).binding = binding;
            self.moved = true;
        }
    }

    fn hand_out(&mut self, now: DateTime<Utc>, using: &Use) {
        self.now.succession.hand_out(now, using.origin.address.as_deref());
        self.moved = true;
    }

    /// Many repeats at once cause at most one write a second, unless they come from another
    /// address.
    fn hand_out_again(&mut self, now: DateTime<Utc>, using: &Use) {
        let succession = &self.now.succession;
        let elsewhere = succession.handed_out_to != using.origin.address;
        if elsewhere || now - succession.handed_out_at >= Duration::seconds(1) {
            self.hand_out(now, using);
        }
    }

    /// A write at every use would cost as much as a rotation, so the idle end is moved only if it
    /// moves by more than a hundredth of the idle time.
    fn extend(&mut self, end: DateTime<Utc>, idle: Duration) {
        if end - self.now.succession.idle_ends_at > idle / 100 {
            self.now.succession.idle_ends_at = end;
            self.moved = true;
        }
    }

    fn note_elsewhere(&mut self, using: &Use) {
        let before = self.now.succession.handed_out_to.as_ref();
        if before.is_some() && before != using.origin.address.as_ref() {
            self.events.push(event(EventKind::RefreshRepeated, &self.now.family, using));
        }
    }

    /// A refresh also counts as a use of the browser session that the family is bound to.
    fn use_session(&mut self, now: DateTime<Utc>) {
        if let (Some(id), Some(session)) = (self.now.family.bound_to(), &mut self.now.session)
            && let Some(end) = moved_idle_end(session.idle_ends_at, session.idle, now)
        {
            session.idle_ends_at = end;
            self.used = Some((id.clone(), end));
        }
    }
}

fn event(kind: EventKind, family: &Family, using: &Use) -> Event {
    let event = Event::new(kind).user(&family.user).client(&family.client);
    event.family(&family.id).from(&using.origin)
}

fn rotated(using: &Use, found: &Refreshable) -> Result<Rotated> {
    let family = &found.family;
    // RFC 6749 §6: a narrower scope counts for this access token only.
    let scope = using.scope.clone().unwrap_or_else(|| family.scope.clone());
    Ok(Rotated {
        family: Arc::clone(family),
        scope,
        resources: using.of_client.among(&family.resources, &using.resources)?,
        salt: found.succession.salt,
        place: found.succession.leaf,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::authentication::Acr;
    use crate::domain::client::{Client, ClientKind};
    use crate::domain::clock::from_millis;
    use crate::domain::error_code::ErrorCode;
    use crate::domain::random;
    use crate::domain::succession::Succession;
    use crate::domain::user::UserId;

    const GRACE: Duration = Duration::seconds(30);

    fn t(seconds: i64) -> DateTime<Utc> {
        from_millis(seconds * 1000)
    }

    fn client(id: &str) -> ClientId {
        ClientId::parse(id).unwrap()
    }

    fn place(generation: u32) -> TokenPosition {
        TokenPosition { generation, attempt: 0 }
    }

    /// A family of generation 5 whose leaf was handed out at second 100.
    fn found() -> Refreshable {
        let succession = Succession {
            leaf: place(5),
            handed_out_at: t(100),
            ..Succession::begin(t(0), None, t(1000))
        };
        Refreshable {
            succession,
            user_enabled: true,
            session: None,
            family: Arc::new(Family {
                id: FamilyId::from_stored("family".to_owned()),
                user: UserId::from_stored("user".to_owned()),
                client: client("a"),
                scope: Scope::parse("openid email").unwrap(),
                resources: vec!["https://api".to_owned()],
                auth_time: t(0),
                acr: Acr::One,
                amr: vec![],
                provider_issuer: None,
                session: None,
                claims: vec![],
                expires_at: t(5000),
                revoked_at: None,
                status: None,
                parent: None,
                by_id_jag: false,
                binding: Confirmation::default(),
            }),
        }
    }

    fn using(policy: RefreshPolicy, generation: u32) -> Use {
        let family = FamilyId::from_stored("family".to_owned());
        let mut registered = Client::new(client("a"), ClientKind::Public, t(0));
        registered.metadata.audiences = vec!["https://api".to_owned()];
        Use {
            token: ParsedRefreshToken { family, place: place(generation), tag: random::bytes() },
            client: client("a"),
            policy,
            proof: None,
            possession: None,
            certificate: None,
            binds: Some(Confirmation::default()),
            scope: None,
            resources: vec![],
            of_client: ClientResources::new(&registered, Arc::default()),
            origin: Origin::default(),
            idle: Duration::days(30),
            wants_status: false,
        }
    }

    const ROTATE: RefreshPolicy = RefreshPolicy::Rotate { grace: None };

    fn decided(using: &Use, found: &Refreshable, now: i64) -> Decision {
        decide(t(now), GRACE, using, Some(found), true)
    }

    fn is_refused(decision: &Decision, code: ErrorCode) -> bool {
        matches!(decision, Decision::Refuse(refusal) if refusal.code() == Some(code))
    }

    #[test]
    fn rfc9449_5_a_family_is_bound_from_its_first_key_on() {
        let thumbprint = |of: &str| Some(Thumbprint::from_stored(of.to_owned()));
        let (key, certificate) = (thumbprint("key"), thumbprint("certificate"));
        let by_key = Confirmation { jkt: key, x5t: None };
        let by_both = Confirmation { x5t: certificate, ..by_key.clone() };
        let proving = |binds: &Confirmation| {
            let binds = Some(binds.clone());
            Use { binds, ..using(RefreshPolicy::Strict, 5) }
        };
        let mut row = Row::new(found());
        row.bind(&proving(&by_key));
        assert_eq!(row.now.succession.bound_after, Some(place(5)));
        // A certificate beside the key gives nobody an older token free.
        row.now.succession.spend();
        row.bind(&proving(&by_both));
        assert_eq!(row.now.family.binding, by_both);
        assert_eq!(row.now.succession.bound_after, Some(place(5)));
        let mut bound = found();
        Arc::make_mut(&mut bound.family).binding = by_key;
        let mut row = Row::new(bound);
        row.bind(&proving(&by_both));
        assert_eq!(row.now.succession.bound_after, None);
    }

    #[test]
    fn the_leaf_is_spent_or_kept_by_policy() {
        for (policy, decision) in [
            (ROTATE, Decision::Spend),
            (RefreshPolicy::Strict, Decision::Spend),
            (RefreshPolicy::Static, Decision::Keep),
        ] {
            assert_eq!(decided(&using(policy, 5), &found(), 110), decision);
        }
    }

    #[test]
    fn rfc9700_4_14_2_what_is_spent_is_repeated_replaced_or_reused() {
        for (policy, generation, now, decision) in [
            (ROTATE, 4, 130, Decision::Again),
            (ROTATE, 4, 131, Decision::Replace),
            (ROTATE, 3, 131, Decision::Reuse),
            (RefreshPolicy::Strict, 4, 100, Decision::Reuse),
            (RefreshPolicy::Strict, 3, 100, Decision::Reuse),
            (RefreshPolicy::Static, 4, 100, Decision::Reuse),
        ] {
            let using = using(policy, generation);
            assert_eq!(decided(&using, &found(), now), decision, "{policy:?} {generation} {now}");
        }
        let straggler = decided(&using(ROTATE, 3), &found(), 130);
        assert!(is_refused(&straggler, ErrorCode::InvalidGrant));
    }

    #[test]
    fn another_clients_try_never_harms_the_family() {
        for generation in 0..6 {
            let thief = Use { client: client("b"), ..using(ROTATE, generation) };
            assert!(is_refused(&decided(&thief, &found(), 500), ErrorCode::InvalidGrant));
        }
        let unknown = decide(t(0), GRACE, &using(ROTATE, 5), None, true);
        assert!(is_refused(&unknown, ErrorCode::InvalidGrant));
    }

    #[test]
    fn what_has_ended_is_refused_without_alarm() {
        let mut revoked = found();
        Arc::make_mut(&mut revoked.family).revoked_at = Some(t(1));
        let mut over = found();
        Arc::make_mut(&mut over.family).expires_at = t(110);
        let disabled = Refreshable { user_enabled: false, ..found() };
        let mut idle = found();
        idle.succession.idle_ends_at = t(110);
        let mut sessionless = found();
        Arc::make_mut(&mut sessionless.family).session =
            Some(SessionId::from_stored("gone".to_owned()));
        for found in [revoked, over, disabled, idle, sessionless] {
            for generation in 0..6 {
                let decision = decided(&using(ROTATE, generation), &found, 110);
                assert!(is_refused(&decision, ErrorCode::InvalidGrant), "{found:?}");
            }
        }
        let unwanted = decide(t(0), GRACE, &using(ROTATE, 5), Some(&found()), false);
        assert!(is_refused(&unwanted, ErrorCode::InvalidGrant));
    }

    #[test]
    fn rfc6749_6_every_check_comes_before_spending() {
        let wider = Scope::parse("openid admin").ok();
        let foreign = Some(AccessTokenProof::Of(FamilyId::from_stored("other".to_owned())));
        let using = || using(ROTATE, 5);
        for (using, code) in [
            (Use { scope: wider, ..using() }, ErrorCode::InvalidScope),
            (Use { proof: foreign, ..using() }, ErrorCode::InvalidGrant),
            (Use { proof: Some(AccessTokenProof::Missing), ..using() }, ErrorCode::InvalidGrant),
            (Use { resources: vec!["https://b".to_owned()], ..using() }, ErrorCode::InvalidTarget),
        ] {
            assert!(is_refused(&decided(&using, &found(), 110), code), "{code:?}");
        }
        let narrower = Use { scope: Scope::parse("email").ok(), ..using() };
        assert_eq!(decided(&narrower, &found(), 110), Decision::Spend);
    }
}
