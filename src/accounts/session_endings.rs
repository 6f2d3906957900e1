//! Ends what a person opened: the families of tokens and the browser sessions, with the notices
//! that tell the apps. Everything that ends them (a page, an app, the command line) calls this
//! file.
//!
//! An ending is done in steps. Each step ends a limited number of rows in a transaction of its own,
//! so a person can never have too much open to be ended. What is left after the first step is a row
//! of the table `ending`, and any server continues with it.

use chrono::{DateTime, Duration, Utc};

use crate::accounts::deletion_mails;
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::client::{Client, ClientId};
use crate::domain::clock::Clock;
use crate::domain::ending::{Ending, EndingScope};
use crate::domain::family::{EndedFamily, Family, FamilyFilter, FamilyOwner};
use crate::domain::session::{Session, SessionId};
use crate::domain::user::UserId;
use crate::domain::verdict::{Fault, FaultKind};
use crate::mail::Mailer;
use crate::store::sessions::{DeletedSessions, SessionFilter};
use crate::store::{
    Store, Tx, audit_events, device_grants, endings, families, logout_notices, sessions, users,
};

/// How many rows of each kind one step ends, if the database is fast enough.
const STEP: u64 = 2000;
/// How many rows of each kind end while a person waits for a page.
const FIRST_STEP: u64 = 500;
/// The fewest rows of each kind that one step is reduced to.
const SMALLEST_STEP: u64 = 50;
/// How long a server may work on a step of an ending before another server takes it over.
const LEASE: Duration = Duration::seconds(30);
/// How far ahead another server's clock may be: what it opened by then ends, too.
const SKEW: Duration = Duration::minutes(1);

/// Ends one session. The families that are bound to it end too, except those with `offline_access`
/// (Core §11). The apps are told of both (Back-Channel Logout §2.7).
pub async fn end_session(tx: &Tx, session: &Session, origin: &Origin) -> Result<bool, Fault> {
    if !sessions::delete(tx, &session.id).await? {
        return Ok(false);
    }
    let what = EndingScope::InSession(session.id.clone());
    end_in(tx, &Ending::new(&session.user, what, tx.now(), origin)).await?;
    let event = Event::new(EventKind::SessionEnded).user(&session.user).from(origin);
    audit_events::insert(tx, &[event.detail(session.id.as_str())]).await?;
    Ok(true)
}

/// Ends everything that a person opened, except one session and the families that are bound to it.
/// Returns how many families ended at once.
pub async fn end_everything(
    tx: &Tx,
    user: &UserId,
    but: Option<&SessionId>,
    origin: &Origin,
) -> Result<u64, Fault> {
    end_in(tx, &Ending::new(user, EndingScope::Everything, tx.now(), origin).but(but)).await
}

/// Ends what a person opened by signing in with a provider of this issuer, except one session and
/// the families that are bound to it. Returns how many families ended at once.
pub async fn end_at_provider(
    tx: &Tx,
    user: &UserId,
    issuer: &str,
    but: &SessionId,
    origin: &Origin,
) -> Result<u64, Fault> {
    let what = EndingScope::ByIssuer(issuer.to_owned());
    end_in(tx, &Ending::new(user, what, tx.now(), origin).but(Some(but))).await
}

/// Ends what a person opened by signing in with a passkey, except one session and the families that
/// are bound to it. Returns how many families ended at once.
pub async fn end_by_passkey(
    tx: &Tx,
    user: &UserId,
    but: &SessionId,
    origin: &Origin,
) -> Result<u64, Fault> {
    end_in(tx, &Ending::new(user, EndingScope::ByPasskey, tx.now(), origin).but(Some(but))).await
}

/// Ends what a person opened or strengthened with a one-time code or a recovery code, except one
/// session and the families that are bound to it. Returns how many families ended at once.
pub async fn end_by_one_time_code(
    tx: &Tx,
    user: &UserId,
    but: Option<&SessionId>,
    origin: &Origin,
) -> Result<u64, Fault> {
    end_in(tx, &Ending::new(user, EndingScope::ByOneTimeCode, tx.now(), origin).but(but)).await
}

/// Ends what a person granted to one app. Returns how many families ended at once.
pub async fn end_at_client(
    tx: &Tx,
    user: &UserId,
    client: &ClientId,
    origin: &Origin,
) -> Result<u64, Fault> {
    end_in(tx, &Ending::new(user, EndingScope::AtClient(client.clone()), tx.now(), origin)).await
}

/// Ends what a client acts with for a person (RFC 8693). Returns how many families ended, with what
/// grew out of them.
pub async fn end_acting(tx: &Tx, user: &UserId, client: &ClientId) -> Result<u64, Fault> {
    let mut count = 0;
    loop {
        let of = FamilyFilter::ActingFor(user, client);
        let ended = families::revoke_some(tx, of, None, None, FIRST_STEP).await?;
        logout_notices::insert(tx, &ended).await?;
        count += ended.len() as u64;
        if (ended.len() as u64) < FIRST_STEP {
            return Ok(count);
        }
    }
}

/// Ends the families of a person at a client that were not used for the longest time, until one
/// more is within the limit.
pub async fn make_room(
    tx: &Tx,
    user: &UserId,
    client: &Client,
    most: u64,
    origin: &Origin,
) -> Result<(), Fault> {
    let ended = families::revoke_above(tx, user, &client.id, most.saturating_sub(1)).await?;
    logout_notices::insert(tx, &ended).await?;
    let over = Event::new(EventKind::FamilyOverLimit).user(user).client(&client.id).from(origin);
    let events: Vec<_> = ended.iter().map(|one| over.clone().family(&one.id)).collect();
    audit_events::insert(tx, &events).await
}

/// Takes the first step in this transaction, and stores what is left as an ending.
async fn end_in(tx: &Tx, ending: &Ending) -> Result<u64, Fault> {
    let step = step(tx, ending, FIRST_STEP).await?;
    if step.is_more {
        endings::insert(tx, ending, tx.now()).await?;
    }
    Ok(step.families)
}

/// Stores an ending. It will be done whatever happens after this transaction. The caller continues
/// with [`carry_on`] or [`first_step`].
pub async fn begin(tx: &Tx, ending: &Ending) -> Result<(), Fault> {
    endings::insert(tx, ending, tx.now() + LEASE).await
}

/// How many rows one step ends. If the database cannot end that many within its deadline, the next
/// attempt asks for fewer.
#[derive(Clone, Copy, Debug)]
pub struct StepSize(u64);

impl Default for StepSize {
    fn default() -> Self {
        Self(STEP)
    }
}

impl StepSize {
    /// Reduces it to a quarter. Returns `false` if it is the smallest already.
    fn shrink(&mut self) -> bool {
        let can = self.0 > SMALLEST_STEP;
        self.0 = (self.0 / 4).max(SMALLEST_STEP);
        can
    }
}

/// Works on a stored ending until it is done. Returns how many families ended.
pub async fn carry_on(store: &Store, clock: &Clock, ending: &Ending) -> Result<u64, Fault> {
    let (mut families, mut size, mut ending) = (0, StepSize::default(), ending.clone());
    loop {
        let step = take_step_in_time(store, clock, None, (&ending, LEASE), &mut size).await?;
        families += step.families;
        ending.bared_until = step.bared_until;
        if !step.is_more {
            return Ok(families);
        }
        // Lets other tasks run between two steps.
        tokio::task::yield_now().await;
    }
}

/// Takes the first step of a stored ending. The servers continue with what is left or failed.
pub async fn first_step(store: &Store, clock: &Clock, ending: &Ending) {
    let first = take_step(store, clock, None, (ending, Duration::zero()), FIRST_STEP).await;
    if let Err(fault) = first {
        tracing::error!(%fault, "an ending was begun and is tried again");
    }
}

/// Takes one step of an ending that is due: because the one who began it did not finish, or because
/// it was planned for this time. Returns `false` if there is none. The size of the step is kept for
/// the next one.
pub async fn carry_on_due(
    store: &Store,
    clock: &Clock,
    mailer: Option<&Mailer>,
    size: &mut StepSize,
) -> Result<bool, Fault> {
    let tx = store.begin(clock.now()).await?;
    let due = endings::take_due(&tx, LEASE).await?;
    tx.commit().await?;
    let Some(ending) = due else { return Ok(false) };
    take_step_in_time(store, clock, mailer, (&ending, Duration::zero()), size).await?;
    Ok(true)
}

/// Takes one step, and tries it with fewer rows if the database did not answer in time.
async fn take_step_in_time(
    store: &Store,
    clock: &Clock,
    mailer: Option<&Mailer>,
    leased: (&Ending, Duration),
    size: &mut StepSize,
) -> Result<Step, Fault> {
    loop {
        match take_step(store, clock, mailer, leased, size.0).await {
            Err(fault) if fault.kind() == FaultKind::Unavailable && size.shrink() => {
                tracing::warn!(%fault, rows = size.0, "an ending goes on in smaller steps");
            }
            step => return step,
        }
    }
}

/// Takes one step of a stored ending, in a transaction of its own.
async fn take_step(
    store: &Store,
    clock: &Clock,
    mailer: Option<&Mailer>,
    (ending, lease): (&Ending, Duration),
    rows: u64,
) -> Result<Step, Fault> {
    let tx = store.begin(clock.now()).await?;
    // The user is locked, so two endings of one person take turns and neither of them misses rows.
    let user = users::lock(&tx, &ending.user).await?;
    let is_due = match ending.what {
        EndingScope::Account => user.is_some(),
        // The person may have taken it back while this server waited for the account.
        EndingScope::PlannedAccount => user.as_ref().is_some_and(|user| user.is_over(tx.now())),
        _ => true,
    };
    let step = if is_due { step(&tx, ending, rows).await? } else { Step::default() };
    if let (EndingScope::PlannedAccount, Some(user), true, false) =
        (&ending.what, &user, is_due, step.is_more)
    {
        deletion_mails::done(&tx, mailer, user).await?;
    }
    if step.is_more {
        endings::put_off(&tx, &ending.id, tx.now() + lease).await?;
        if let Some(until) = step.bared_until {
            endings::set_bared_until(&tx, &ending.id, until).await?;
        }
    } else {
        endings::delete(&tx, &ending.id).await?;
    }
    tx.commit().await?;
    Ok(step)
}

#[derive(Clone, Copy, Debug, Default)]
struct Step {
    families: u64,
    is_more: bool,
    bared_until: Option<DateTime<Utc>>,
}

async fn step(tx: &Tx, ending: &Ending, at_most: u64) -> Result<Step, Fault> {
    let Ending { user, but, .. } = ending;
    let but = but.as_ref();
    // An account that is being deleted cannot open anything new, so there is no limit in time.
    let is_account = matches!(ending.what, EndingScope::Account | EndingScope::PlannedAccount);
    let until = (!is_account).then(|| ending.asked_at + SKEW);
    let of = match &ending.what {
        EndingScope::Everything | EndingScope::Account | EndingScope::PlannedAccount => {
            FamilyFilter::User(user)
        }
        EndingScope::ByIssuer(issuer) => FamilyFilter::UserBy(user, issuer),
        EndingScope::ByPasskey => FamilyFilter::UserByPasskey(user),
        EndingScope::ByOneTimeCode => FamilyFilter::UserByOneTimeCode(user),
        EndingScope::AtClient(client) => FamilyFilter::UserAt(user, client),
        EndingScope::InSession(session) => FamilyFilter::Session(session),
    };
    let mut rows = Vec::new();
    let of_sessions = match &ending.what {
        EndingScope::Everything | EndingScope::Account | EndingScope::PlannedAccount => {
            Some(SessionFilter::Every)
        }
        EndingScope::ByIssuer(issuer) => Some(SessionFilter::ByIssuer(issuer)),
        EndingScope::ByPasskey => Some(SessionFilter::ByPasskey),
        EndingScope::ByOneTimeCode => Some(SessionFilter::ByOneTimeCode),
        EndingScope::AtClient(_) | EndingScope::InSession(_) => None,
    };
    if let Some(of_sessions) = of_sessions {
        let gone = sessions::delete_some(tx, user, of_sessions, but, until, at_most).await?;
        rows.push(gone.all);
        let event = Event::new(EventKind::SessionEnded).user(user).from(&ending.origin);
        let events = gone.live.into_iter().map(|(id, _)| event.clone().detail(id.as_str()));
        audit_events::insert(tx, &events.collect::<Vec<_>>()).await?;
    }
    let ended = families::revoke_some(tx, of, but, until, at_most).await?;
    rows.push(ended.len() as u64);
    logout_notices::insert(tx, &ended).await?;
    if let EndingScope::InSession(session) = &ending.what {
        let left = families::detach_some(tx, session, at_most).await?;
        rows.push(left.len() as u64);
        logout_notices::insert(tx, &left).await?;
    }
    let mut is_more = rows.iter().any(|rows| *rows >= at_most);
    let mut bared_until = ending.bared_until;
    if is_account && !is_more {
        // The families are deleted in steps first. Otherwise one statement would have to delete
        // them all with the account, and it would take the longer the more families there are.
        is_more = families::delete_some(tx, FamilyOwner::User(user), at_most).await? >= at_most;
        if !is_more {
            // A server whose clock is behind may have written an event meanwhile.
            let since = bared_until.map(|until| until - SKEW);
            let bared = audit_events::bare(tx, user, since, at_most).await?;
            bared_until = bared.until.max(bared_until);
            is_more = bared.count >= at_most;
        }
        if !is_more {
            users::delete(tx, user).await?;
            audit_events::insert(tx, &[Event::new(EventKind::UserDeleted).user(user)]).await?;
        }
    }
    Ok(Step { families: ended.len() as u64, is_more, bared_until })
}

/// Revokes every family of a client or of a provider that is turned off, in steps, each in a
/// transaction of its own. The caller has turned it off before, so no new ones are opened. Returns
/// how many families ended.
pub async fn end_every(store: &Store, clock: &Clock, of: FamilyFilter<'_>) -> Result<u64, Fault> {
    let mut count = 0;
    loop {
        let tx = store.begin(clock.now()).await?;
        let ended = families::revoke_some(&tx, of, None, None, STEP).await?;
        let rows = ended.len() as u64;
        match of {
            // A client that is turned away need not be told. What others grew out of its families is.
            FamilyFilter::Client(id) => logout_notices::insert_but_of(&tx, id, ended).await?,
            FamilyFilter::Provider(_) => logout_notices::insert(&tx, &ended).await?,
            _ => {}
        }
        tx.commit().await?;
        count += rows;
        // Fewer rows than a step say nothing: somebody else may have ended some of them meanwhile.
        if rows == 0 {
            return Ok(count);
        }
        tokio::task::yield_now().await;
    }
}

/// Revokes one family, and tells its app; `false` if it is revoked already.
pub async fn end_family(tx: &Tx, family: &Family) -> Result<bool, Fault> {
    if !families::revoke(tx, &family.id).await? {
        return Ok(false);
    }
    let event = Event::new(EventKind::FamilyRevoked).user(&family.user).client(&family.client);
    audit_events::insert(tx, &[event.family(&family.id)]).await?;
    let (id, client, user) = (family.id.clone(), family.client.clone(), family.user.clone());
    logout_notices::insert(tx, &[EndedFamily { id, user, client }]).await?;
    Ok(true)
}

/// What [`end_all_until`] ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct EndedEverywhere {
    /// How many families were revoked.
    pub families: u64,
    /// How many live sessions were ended.
    pub sessions: u64,
    /// How many permissions for devices were deleted that no device had used.
    pub devices: u64,
}

/// Ends every session and every family that was opened by a sign-in until this instant, whoever has
/// them, in steps, each in a transaction of its own. If it is interrupted, it is simply done again:
/// what has ended stays ended.
pub async fn end_all_until(
    store: &Store,
    clock: &Clock,
    until: DateTime<Utc>,
) -> Result<EndedEverywhere, Fault> {
    let mut ended = EndedEverywhere::default();
    // The sessions end first, so that no new family is opened from one of them.
    loop {
        let tx = store.begin(clock.now()).await?;
        let DeletedSessions { live, all } = sessions::delete_until(&tx, until, STEP).await?;
        let event = |(id, user): &(SessionId, UserId)| {
            Event::new(EventKind::SessionEnded).user(user).detail(id.as_str())
        };
        audit_events::insert(&tx, &live.iter().map(event).collect::<Vec<_>>()).await?;
        tx.commit().await?;
        ended.sessions += live.len() as u64;
        // Fewer rows than a step say nothing: somebody else may have deleted some of them meanwhile.
        if all == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    // A device that was allowed needs no session to open a family.
    let tx = store.begin(clock.now()).await?;
    ended.devices = device_grants::delete_allowed_until(&tx, until).await?;
    tx.commit().await?;
    loop {
        let families = end_families_until(store, clock, until).await?;
        ended.families += families;
        // A family that was being opened meanwhile may stand before the place of the last step.
        if families == 0 {
            return Ok(ended);
        }
    }
}

async fn end_families_until(
    store: &Store,
    clock: &Clock,
    until: DateTime<Utc>,
) -> Result<u64, Fault> {
    let (mut count, mut behind) = (0, None);
    loop {
        let tx = store.begin(clock.now()).await?;
        let ended = families::revoke_until(&tx, until, behind.as_ref(), STEP).await?;
        logout_notices::insert(&tx, &ended).await?;
        tx.commit().await?;
        count += ended.len() as u64;
        // Another transaction may have revoked some of these, so fewer than a step says nothing.
        let Some(last) =
            ended.into_iter().map(|one| one.id).max_by(|a, b| a.as_str().cmp(b.as_str()))
        else {
            return Ok(count);
        };
        behind = Some(last);
        tokio::task::yield_now().await;
    }
}
