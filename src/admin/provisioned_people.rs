//! What SCIM connectors do with people. A connector vouches for what it says: an address counts as
//! verified.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::authority::{ChangePeople, May, ReadPeople};
use super::users::{self, TAKEN, Target, Who};
use crate::accounts::hashing::Hasher;
use crate::accounts::{new_address, notices, session_endings};
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::clock::Clock;
use crate::domain::ending::{Ending, EndingScope};
use crate::domain::group::Group;
use crate::domain::mail::MethodChange;
use crate::domain::person as names;
use crate::domain::scim::attribute_name::Named;
use crate::domain::scim::filter::Filter;
use crate::domain::scim::person::{Provisioned, WantedPerson};
use crate::domain::scim::refusal::{ScimRefusal, ScimResult, ScimType};
use crate::domain::user::{AccountSource, Profile, User, UserId};
use crate::domain::verdict::{Error, Fault};
use crate::domain::version::Version;
use crate::mail::Mailer;
use crate::store::users as accounts;
use crate::store::{Reader, Store, Tx, audit_events, group_members, scim_people};

/// The result of a use case of a connector.
pub type ScimOutcome<T = ()> = Result<T, Error<ScimRefusal>>;

/// The parts that people are provisioned with.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The database.
    pub store: &'a Store,
    /// The clock.
    pub clock: &'a Clock,
    /// The threads that hash passwords.
    pub hasher: &'a Hasher,
    /// Writes mails; `None` if nothing is mailed.
    pub mailer: Option<&'a Mailer>,
}

/// Makes an account.
pub async fn create(
    may: &May<ChangePeople>,
    parts: Parts<'_>,
    wanted: WantedPerson,
) -> ScimOutcome<Provisioned> {
    check(&wanted)?;
    let password_hash = match &wanted.password {
        Some(password) => Some(users::hash(parts.hasher, password).await?),
        None => None,
    };
    let now = parts.clock.now();
    let profile = wanted.profile(Profile::default());
    let user = User {
        id: UserId::generate(),
        username: wanted.username.trim().to_owned(),
        email_verified: wanted.email.is_some(),
        email: wanted.email.map(|email| email.trim().to_owned()),
        password_hash,
        password_temporary: false,
        totp_since: None,
        profile,
        disabled_at: (wanted.active == Some(false)).then_some(now),
        deletion_at: None,
        created_at: now,
        updated_at: now,
        made_by: AccountSource::Operator,
        email_by: AccountSource::Operator,
    };
    let tx = may.acting(parts.store).begin(now).await?;
    if !accounts::insert(&tx, &user).await? {
        tx.abandon().await;
        return Err(ScimRefusal::taken(TAKEN).into());
    }
    scim_people::put(&tx, &user.id, &wanted.for_connector).await?;
    let event = Event::new(EventKind::UserCreated).user(&user.id);
    let event = event.changing(&Value::Null, &users::facts(&user));
    audit_events::insert(&tx, &[event]).await?;
    tx.commit().await?;
    Ok(Provisioned { user, for_connector: wanted.for_connector, groups: Vec::new() })
}

fn check(wanted: &WantedPerson) -> ScimOutcome {
    if names::username_key(&wanted.username).is_none() {
        let why = "userName has no canonical form (RFC 8265): no spaces, no invisible characters";
        return Err(ScimRefusal::value(why).into());
    }
    Ok(users::check_email(wanted.email.as_deref(), wanted.email.is_some())?)
}

/// One person.
pub async fn find(_may: &May<ReadPeople>, parts: Parts<'_>, id: &str) -> ScimOutcome<Provisioned> {
    found(parts.store, id, parts.clock.now()).await
}

async fn found(reader: &impl Reader, id: &str, now: DateTime<Utc>) -> ScimOutcome<Provisioned> {
    let user = accounts::find(reader, &UserId::from_stored(id.to_owned())).await?;
    let user = user.filter(|user| !user.is_over(now));
    let user = user.ok_or_else(|| ScimRefusal::not_found("such person"))?;
    let mut all = with_more(reader, vec![user]).await?;
    Ok(all.pop().ok_or_else(|| ScimRefusal::not_found("such person"))?)
}

/// Adds to accounts what SCIM shows besides. The caller limits their number.
async fn with_more(reader: &impl Reader, users: Vec<User>) -> Result<Vec<Provisioned>, Fault> {
    let ids: Vec<&UserId> = users.iter().map(|user| &user.id).collect();
    let mut kept = scim_people::of_each(reader, &ids).await?;
    let mut groups: BTreeMap<String, Vec<Group>> = BTreeMap::new();
    for (user, group) in group_members::groups_of_each(reader, &ids).await? {
        groups.entry(user.as_str().to_owned()).or_default().push(group);
    }
    let more = |user: User| {
        let for_connector = kept.remove(user.id.as_str()).unwrap_or_default();
        let groups = groups.remove(user.id.as_str()).unwrap_or_default();
        Provisioned { user, for_connector, groups }
    };
    Ok(users.into_iter().map(more).collect())
}

/// Changes a person to what `decide` makes of what they are. If somebody is disabled or gets another
/// password, everything that is open ends before this returns.
pub async fn change(
    may: &May<ChangePeople>,
    parts: Parts<'_>,
    id: &str,
    seen: Option<&Version>,
    decide: impl Fn(&Provisioned) -> ScimResult<WantedPerson>,
) -> ScimOutcome<Provisioned> {
    let Parts { store, clock, hasher, .. } = parts;
    // The password is hashed before a transaction is open.
    let before = found(store, id, clock.now()).await?;
    let wanted = decide(&before)?;
    check(&wanted)?;
    let hash = match &wanted.password {
        Some(password) => Some(users::hash(hasher, password).await?),
        None => None,
    };
    let target = Target { who: Who::Id(id), version: None };
    let (tx, user) = users::lock(may, store, clock, target).await?;
    let changed = change_in(may, &tx, parts, user, seen, (hash, &decide)).await;
    if changed.is_err() {
        tx.abandon().await;
        return changed.map(|(person, _)| person);
    }
    let (person, ending) = tx.settle(changed).await?;
    if let Some(ending) = ending {
        session_endings::carry_on(&may.acting(store), clock, &ending).await?;
    }
    Ok(person)
}

async fn change_in(
    may: &May<ChangePeople>,
    tx: &Tx,
    parts: Parts<'_>,
    user: User,
    seen: Option<&Version>,
    (hash, decide): (Option<String>, &impl Fn(&Provisioned) -> ScimResult<WantedPerson>),
) -> ScimOutcome<(Provisioned, Option<Ending>)> {
    let mut all = with_more(tx, vec![user]).await?;
    let Some(before) = all.pop() else {
        return Err(ScimRefusal::not_found("such person").into());
    };
    if seen.is_some_and(|seen| *seen != before.version()) {
        return Err(ScimRefusal::new(412, "it was changed meanwhile: read it again").into());
    }
    let wanted = decide(&before)?;
    check(&wanted)?;
    let after = changed(&before, &wanted, hash, tx.now());
    let is_disabled = before.user.disabled_at.is_none() && after.user.disabled_at.is_some();
    if is_disabled {
        super::owners::keeps_one_without(may, tx, &before.user).await?;
    }
    let events = write(tx, parts, &before, &after).await?;
    let has_ended = is_disabled || after.user.password_hash != before.user.password_hash;
    let ending = has_ended.then(|| {
        let (id, origin) = (&after.user.id, Origin::default());
        Ending::new(id, EndingScope::Everything, tx.now(), &origin)
    });
    if let Some(ending) = &ending {
        session_endings::begin(tx, ending).await?;
    }
    audit_events::insert(tx, &events).await?;
    Ok((after, ending))
}

/// The person as they are to be.
fn changed(
    before: &Provisioned,
    wanted: &WantedPerson,
    hash: Option<String>,
    now: DateTime<Utc>,
) -> Provisioned {
    let mut user = before.user.clone();
    wanted.username.trim().clone_into(&mut user.username);
    user.profile = wanted.profile(user.profile);
    // An address that is only claimed is not shown, so leaving it out does not remove it.
    if wanted.email.is_some() || before.user.email_verified {
        user.email = wanted.email.as_ref().map(|email| email.trim().to_owned());
        user.email_verified = user.email.is_some();
    }
    if user.email != before.user.email || user.email_verified != before.user.email_verified {
        user.email_by = AccountSource::Operator;
    }
    if let Some(hash) = hash {
        user.password_hash = Some(hash);
        user.password_temporary = false;
    }
    user.disabled_at = match wanted.active {
        Some(true) => None,
        Some(false) => user.disabled_at.or(Some(now)),
        None => user.disabled_at,
    };
    if users::facts(&user) != users::facts(&before.user) {
        user.updated_at = now;
    }
    Provisioned { user, for_connector: wanted.for_connector.clone(), groups: before.groups.clone() }
}

/// Writes what differs, and returns the events.
async fn write(
    tx: &Tx,
    parts: Parts<'_>,
    before: &Provisioned,
    after: &Provisioned,
) -> ScimOutcome<Vec<Event>> {
    let (old, new, mut events) = (&before.user, &after.user, Vec::new());
    let event = |kind| Event::new(kind).user(&new.id);
    let (old_facts, new_facts) = (users::facts(old), users::facts(new));
    let has_new_password = new.password_hash != old.password_hash;
    if old_facts != new_facts || has_new_password {
        if !accounts::update(tx, new).await? {
            return Err(ScimRefusal::taken(TAKEN).into());
        }
        if old_facts != new_facts {
            events.push(event(EventKind::UserUpdated).changing(&old_facts, &new_facts));
            new_address::come_back(tx, new).await?;
            notices::address_set(tx, parts.mailer, (old, new)).await?;
        }
        if has_new_password {
            users::tell(tx, parts.mailer, new, MethodChange::PasswordSetByOperator).await?;
            events.push(event(EventKind::UserPasswordSet));
        }
    }
    if new.disabled_at.is_some() != old.disabled_at.is_some() {
        accounts::set_disabled(tx, &new.id, new.disabled_at).await?;
        let is_disabled = new.disabled_at.is_some();
        let kind = if is_disabled { EventKind::UserDisabled } else { EventKind::UserEnabled };
        events.push(event(kind));
    }
    if after.for_connector != before.for_connector {
        scim_people::put(tx, &new.id, &after.for_connector).await?;
    }
    Ok(events)
}

/// Deletes a person with everything that is open.
pub async fn delete(
    may: &May<ChangePeople>,
    parts: Parts<'_>,
    id: &str,
    seen: Option<&Version>,
) -> ScimOutcome {
    let Parts { store, clock, .. } = parts;
    let before = found(store, id, clock.now()).await?;
    if seen.is_some_and(|seen| *seen != before.version()) {
        return Err(ScimRefusal::new(412, "it was changed meanwhile: read it again").into());
    }
    let version = seen.map(|_| users::version(&before.user));
    let target = Target { who: Who::Id(id), version: version.as_ref() };
    Ok(users::delete(may, store, clock, target).await?)
}

/// A list that a connector asks for.
#[derive(Debug, Default)]
pub struct ListQuery {
    /// What the resources match.
    pub filter: Option<Filter>,
    /// By what they are sorted.
    pub sort_by: Option<Named>,
    /// Whether the largest comes first.
    pub is_descending: bool,
    /// How many are skipped.
    pub skip: u64,
    /// How many are returned at most.
    pub count: u64,
}

/// The most resources that are compared with a filter or sorted, if no index finds fewer.
pub const MOST_COMPARED: u64 = 10_000;
/// How many are read at once.
pub(super) const STEP: u64 = 500;

/// So many resources in all, and a part of them.
#[derive(Debug)]
pub struct Listed<T> {
    /// How many match.
    pub total: u64,
    /// Those that were asked for.
    pub some: Vec<T>,
}

/// The attributes by which people are found in an index.
const INDEXED: &[&str] = &["id", "userName", "externalId", "emails"];

/// People that match.
pub async fn list(
    _may: &May<ReadPeople>,
    parts: Parts<'_>,
    query: &ListQuery,
) -> ScimOutcome<Listed<Provisioned>> {
    let (store, now) = (parts.store, parts.clock.now());
    let by_name = query.sort_by.is_none_or(|by| by.attribute.name == "userName");
    let Some(filter) = &query.filter else {
        let total = accounts::count(store, now).await?;
        if by_name {
            let some = if query.count == 0 {
                Vec::new()
            } else {
                let (skip, count) = (query.skip, query.count);
                accounts::window(store, (skip, count), query.is_descending, now).await?
            };
            return Ok(Listed { total, some: with_more(store, some).await? });
        }
        let all = every(store, total, now).await?;
        return Ok(part(all, query, |one| one.shown("")));
    };
    let candidates = match filter.needs(INDEXED) {
        Some(needed) => indexed(store, &needed, now).await?,
        None => every(store, accounts::count(store, now).await?, now).await?,
    };
    let matching =
        candidates.into_iter().filter(|one| filter.matches(&one.shown(""))).collect::<Vec<_>>();
    Ok(part(matching, query, |one| one.shown("")))
}

/// Every person, if they are not too many to be looked at one by one.
async fn every(store: &Store, total: u64, now: DateTime<Utc>) -> ScimOutcome<Vec<Provisioned>> {
    too_many(total)?;
    let mut all = Vec::new();
    loop {
        let some = accounts::window(store, (all.len() as u64, STEP), false, now).await?;
        let is_last = (some.len() as u64) < STEP;
        all.extend(with_more(store, some).await?);
        if is_last {
            return Ok(all);
        }
    }
}

/// Refuses to look at more resources than can be looked at one by one.
pub(super) fn too_many(total: u64) -> ScimResult<()> {
    if total <= MOST_COMPARED {
        return Ok(());
    }
    let why = format!(
        "more than {MOST_COMPARED} resources would have to be compared: filter by eq on id, \
         userName, externalId, emails or displayName of a group, or sort by nothing"
    );
    Err(ScimRefusal::bad(ScimType::TooMany, why))
}

/// Those who have one of these values.
async fn indexed(
    store: &Store,
    needed: &[(&'static str, &str)],
    now: DateTime<Utc>,
) -> ScimOutcome<Vec<Provisioned>> {
    let (mut users, mut known) = (Vec::new(), BTreeSet::new());
    for (name, text) in needed {
        let found: Vec<User> = match *name {
            "id" => {
                let id = UserId::from_stored((*text).to_owned());
                accounts::find(store, &id).await?.into_iter().collect()
            }
            "userName" => match names::username_key(text) {
                Some(key) => accounts::find_by_name(store, &key, None).await?.into_iter().collect(),
                None => Vec::new(),
            },
            "emails" => match names::email_key(text) {
                Some(key) => accounts::of_email(store, &key, now).await?,
                None => Vec::new(),
            },
            _ => {
                let ids = scim_people::with(store, text, STEP).await?;
                let found = accounts::find_each(store, &ids).await?;
                found.into_iter().map(|(_, user)| user).collect::<Result<_, _>>()?
            }
        };
        users.extend(found.into_iter().filter(|user| known.insert(user.id.clone())));
    }
    users.retain(|user| !user.is_over(now));
    Ok(with_more(store, users).await?)
}

/// Sorts, and takes the part that is asked for.
pub(super) fn part<T>(
    mut all: Vec<T>,
    query: &ListQuery,
    shown: impl Fn(&T) -> Value,
) -> Listed<T> {
    if let Some(by) = query.sort_by {
        all.sort_by_cached_key(|one| sort_key(&shown(one), &by));
        if query.is_descending {
            all.reverse();
        }
    }
    let total = all.len() as u64;
    let skip = usize::try_from(query.skip).unwrap_or(usize::MAX);
    let count = usize::try_from(query.count).unwrap_or(usize::MAX);
    Listed { total, some: all.into_iter().skip(skip).take(count).collect() }
}

/// What has no value comes last, RFC 7644 §3.4.2.3.
fn sort_key(shown: &Value, by: &Named) -> (bool, String) {
    let value = shown.get(by.attribute.name);
    let first = match value {
        Some(Value::Array(all)) => all.first(),
        other => other,
    };
    let sub = by.sub.or_else(|| by.attribute.sub("value"));
    let value = match sub {
        Some(sub) => first.and_then(|one| one.get(sub.name)),
        None => first,
    };
    match value {
        None | Some(Value::Null) => (true, String::new()),
        Some(Value::String(text)) if !by.compared().case_exact => (false, text.to_lowercase()),
        Some(Value::String(text)) => (false, text.clone()),
        Some(other) => (false, other.to_string()),
    }
}
