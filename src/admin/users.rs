//! What an operator does with accounts.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::attributes;
use super::authority::{ChangePeople, May, ReadPeople, SeesPeople};
use super::owners;
use super::refused::{AdminResult, Refused, conflict, invalid, not_found};
use crate::accounts::factor_changes;
use crate::accounts::hashing::Hasher;
use crate::accounts::new_address;
use crate::accounts::notices::{self, NoticeOrigin};
use crate::accounts::session_endings;
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::client_role;
use crate::domain::clock::Clock;
use crate::domain::ending::{Ending, EndingScope};
use crate::domain::group::GroupName;
use crate::domain::language::Language;
use crate::domain::mail::MethodChange;
use crate::domain::person;
use crate::domain::provider::Slug;
use crate::domain::secret::Secret;
use crate::domain::user::{AccountSource, Profile, User, UserId};
use crate::domain::verdict::Fault;
use crate::domain::version::Version;
use crate::mail::Mailer;
use crate::store::user_filters::{self, RoleFilter, UserFilter};
use crate::store::users::{Beginnings, UserPage as StoredPage, UserPlace};
use crate::store::{
    Reader, Store, Tx, attribute_values, audit_events, client_role_holders, client_roles,
    group_members, groups, identities, passkeys, recovery_codes, users,
};

/// The data of a new account.
#[derive(Debug)]
pub struct NewUser {
    /// The user name, as it is shown.
    pub username: String,
    /// The email address.
    pub email: Option<String>,
    /// Whether the operator declares the address verified.
    pub email_verified: bool,
    /// The other claims.
    pub profile: Profile,
    /// The password. Without one, the person cannot sign in with a password.
    pub password: Option<Secret<String>>,
}

pub(super) const TAKEN: &str = "the user name or the verified address is taken: it is the user name or the \
                     verified address of another account, perhaps in another spelling";

/// Creates an account.
pub async fn create(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    hasher: &Hasher,
    new: NewUser,
) -> AdminResult<User> {
    if person::username_key(&new.username).is_none() {
        return invalid(
            "the user name has no canonical form (RFC 8265): no spaces, no invisible characters",
        );
    }
    check_email(new.email.as_deref(), new.email_verified)?;
    let trimmed = |text: String| text.trim().to_owned();
    let password_hash = match new.password {
        Some(password) => Some(hash(hasher, &password).await?),
        None => None,
    };
    let now = clock.now();
    let user = User {
        id: UserId::generate(),
        username: trimmed(new.username),
        email: new.email.map(trimmed),
        email_verified: new.email_verified,
        password_hash,
        password_temporary: false,
        totp_since: None,
        profile: new.profile,
        disabled_at: None,
        deletion_at: None,
        created_at: now,
        updated_at: now,
        made_by: AccountSource::Operator,
        email_by: AccountSource::Operator,
    };
    let tx = may.acting(store).begin(now).await?;
    if !users::insert(&tx, &user).await? {
        tx.abandon().await;
        return conflict(TAKEN);
    }
    let event = Event::new(EventKind::UserCreated).user(&user.id);
    audit_events::insert(&tx, &[event.changing(&Value::Null, &facts(&user))]).await?;
    tx.commit().await?;
    Ok(user)
}

/// How a person is named.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// By their user name, in any spelling.
    Name(&'a str),
    /// By their `sub`.
    Id(&'a str),
}

/// The person whom a use case changes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Who it is.
    pub who: Who<'a>,
    /// What the account was when the caller saw it. If it is another one now, nothing is changed.
    pub version: Option<&'a Version>,
}

impl<'a> Target<'a> {
    /// The person with this `sub`, whatever their account is now.
    #[must_use]
    pub fn of_id(id: &'a str) -> Self {
        Self { who: Who::Id(id), version: None }
    }

    /// The person with this user name, whatever their account is now.
    #[must_use]
    pub fn named(name: &'a str) -> Self {
        Self { who: Who::Name(name), version: None }
    }
}

/// A change to the claims of an account. What is not given stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ClaimsChange {
    /// The new email address.
    pub email: Option<NewEmail>,
    /// New values of declared attributes; an empty text removes a value.
    pub attributes: BTreeMap<String, String>,
    /// Every other claim.
    pub profile: Option<Profile>,
    /// The name to show. It replaces the name in `profile`.
    pub name: Option<String>,
}

/// A new email address for an account.
#[derive(Clone, Debug)]
pub struct NewEmail {
    /// The address.
    pub address: String,
    /// Whether the operator declares the address verified.
    pub verified: bool,
}

/// Changes the claims of an account. If the verified address is replaced, it is told by mail.
pub async fn update(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    mailer: Option<&Mailer>,
    target: Target<'_>,
    change: ClaimsChange,
) -> AdminResult<User> {
    let (tx, before) = lock(may, store, clock, target).await?;
    let mut user = before.clone();
    user.profile = change.profile.unwrap_or(user.profile);
    user.profile.name = change.name.or(user.profile.name);
    if let Some(new) = change.email {
        user.email = Some(new.address.trim().to_owned());
        user.email_verified = new.verified;
    }
    if user.email != before.email || user.email_verified && !before.email_verified {
        user.email_by = AccountSource::Operator;
    }
    user.updated_at = tx.now();
    let checked = check_email(user.email.as_deref(), user.email_verified);
    if checked.is_err() || !users::update(&tx, &user).await? {
        tx.abandon().await;
        checked?;
        return conflict(TAKEN);
    }
    let replaced = match attributes::set(&tx, &user.id, &change.attributes).await {
        Ok(replaced) => replaced,
        Err(refused) => {
            tx.abandon().await;
            return Err(refused);
        }
    };
    let (old, new) = (facts_with(&before, replaced.before), facts_with(&user, replaced.after));
    let event = Event::new(EventKind::UserUpdated).user(&user.id);
    audit_events::insert(&tx, &[event.changing(&old, &new)]).await?;
    new_address::come_back(&tx, &user).await?;
    notices::address_set(&tx, mailer, (&before, &user)).await?;
    tx.commit().await?;
    Ok(user)
}

/// Tells the person of an account by mail what an operator changed.
pub(super) async fn tell(
    tx: &Tx,
    mailer: Option<&Mailer>,
    user: &User,
    change: MethodChange,
) -> AdminResult<()> {
    let (origin, language) = (Origin::default(), Language::default());
    let from = NoticeOrigin { origin: &origin, user_agent: None, language };
    Ok(notices::changed(tx, mailer, &user.id, change, from).await?)
}

/// Reads the account and locks its row, so that the changed account can be written back without
/// undoing the change of another request. Nobody changes somebody who has more rights.
pub(super) async fn lock(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
) -> AdminResult<(Tx, User)> {
    let found = found(store, target.who).await?;
    let tx = may.acting(store).begin(clock.now()).await?;
    let locked = match users::lock(&tx, &found.id).await? {
        Some(user) => match target.version {
            Some(seen) if !is_version(&tx, &user, seen).await? => Err(Refused::Changed.into()),
            _ => may.over(&tx, &user).await.map(|()| user),
        },
        None => unknown(target.who),
    };
    match locked {
        Ok(user) => Ok((tx, user)),
        Err(why) => {
            tx.abandon().await;
            Err(why)
        }
    }
}

/// The same for an account that can be used no longer afterwards: the last owner stays.
async fn lock_leaving(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
) -> AdminResult<(Tx, User)> {
    let (tx, user) = lock(may, store, clock, target).await?;
    if let Err(why) = owners::keeps_one_without(may, &tx, &user).await {
        tx.abandon().await;
        return Err(why);
    }
    Ok((tx, user))
}

pub(super) fn unknown<T>(who: Who<'_>) -> AdminResult<T> {
    not_found(match who {
        Who::Name(name) => format!("there is no user {name:?}"),
        Who::Id(id) => format!("there is no user with the id {id:?}"),
    })
}

/// What an account is now: whoever changes it can say which version they saw.
#[must_use]
pub fn version(user: &User) -> Version {
    let state = json!([user.disabled_at, user.deletion_at, user.password_hash, user.totp_since]);
    Version::of(&json!([user.id, facts(user), user.updated_at, state]))
}

/// What belongs to a person beside the account.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Belongings {
    /// The names of the groups.
    pub groups: Vec<String>,
    /// The roles at clients, as `CLIENT:ROLE`.
    pub client_roles: Vec<String>,
    /// The values of declared attributes.
    pub attributes: BTreeMap<String, Value>,
}

/// What belongs to each of these people. The caller limits their number.
pub async fn belongings<R: SeesPeople>(
    _may: &May<R>,
    reader: &impl Reader,
    users: &[User],
) -> Result<Vec<Belongings>, Fault> {
    belonging(reader, users).await
}

async fn belonging(reader: &impl Reader, users: &[User]) -> Result<Vec<Belongings>, Fault> {
    let ids: Vec<&UserId> = users.iter().map(|user| &user.id).collect();
    let mut found: HashMap<UserId, Belongings> = HashMap::new();
    for (user, name) in group_members::of_each(reader, &ids).await? {
        found.entry(user).or_default().groups.push(name);
    }
    for role in client_role_holders::of_each(reader, &ids).await? {
        let word = format!("{}:{}", role.client, role.name);
        found.entry(role.user).or_default().client_roles.push(word);
    }
    for (user, name, value) in attribute_values::of_each(reader, &ids).await? {
        found.entry(user).or_default().attributes.insert(name, value);
    }
    Ok(ids.into_iter().map(|id| found.remove(id).unwrap_or_default()).collect())
}

/// What a person is now, with what belongs to them.
#[must_use]
pub fn version_with(user: &User, belongings: &Belongings) -> Version {
    Version::of(&json!([version(user).etag(), belongings]))
}

/// Whether an account is still what the caller saw: alone, or with what belongs to the person.
async fn is_version(tx: &Tx, user: &User, seen: &Version) -> Result<bool, Fault> {
    if *seen == version(user) {
        return Ok(true);
    }
    let belongings = belonging(tx, std::slice::from_ref(user)).await?;
    Ok(belongings.first().is_some_and(|belongings| *seen == version_with(user, belongings)))
}

/// What the audit says about an account that is changed.
pub(super) fn facts(user: &User) -> Value {
    json!({
        "username": user.username,
        "email": user.email,
        "email_verified": user.email_verified,
        "claims": user.profile,
    })
}

/// The same with values of attributes, if there are any.
fn facts_with(user: &User, attributes: Map<String, Value>) -> Value {
    let mut facts = facts(user);
    if let Some(members) = facts.as_object_mut().filter(|_| !attributes.is_empty()) {
        members.insert("attributes".to_owned(), Value::Object(attributes));
    }
    facts
}

/// The account of this person.
pub async fn find(_may: &May<ReadPeople>, reader: &impl Reader, who: Who<'_>) -> AdminResult<User> {
    found(reader, who).await
}

pub(super) async fn found(reader: &impl Reader, who: Who<'_>) -> AdminResult<User> {
    let found = match who {
        Who::Name(name) => {
            let key = person::username_key(name).unwrap_or_default();
            users::find_by_name(reader, &key, None).await?
        }
        Who::Id(id) => users::find(reader, &UserId::from_stored(id.to_owned())).await?,
    };
    match found {
        Some(user) => Ok(user),
        None => unknown(who),
    }
}

/// The account that an operator names in any way: by its user name, its verified address, its id, an
/// address that only one account has, or an identity at a provider (`google:1234`).
pub async fn find_any(
    _may: &May<ReadPeople>,
    reader: &impl Reader,
    named: &str,
    now: DateTime<Utc>,
) -> AdminResult<User> {
    let (key, email) = (person::username_key(named), person::email_key(named));
    let key = key.unwrap_or_default();
    if let Some(user) = users::find_by_name(reader, &key, email.as_deref()).await? {
        return Ok(user);
    }
    if let Some(user) = users::find(reader, &UserId::from_stored(named.to_owned())).await? {
        return Ok(user);
    }
    let mut found = match &email {
        Some(email) => users::of_email(reader, email, now).await?,
        None => Vec::new(),
    };
    if found.is_empty() {
        found = of_identity(reader, named).await?;
    }
    match (found.pop(), found.len()) {
        (Some(user), 0) => Ok(user),
        (Some(_), more) => conflict(format!(
            "{} accounts have {named:?}: name one by its user name or id",
            more + 1
        )),
        (None, _) => unknown(Who::Name(named)),
    }
}

/// The accounts with this identity, named by the provider and the subject there.
async fn of_identity(reader: &impl Reader, named: &str) -> Result<Vec<User>, Fault> {
    let Some((provider, subject)) = named.split_once(':') else { return Ok(Vec::new()) };
    let Some(provider) = Slug::parse(provider) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for identity in identities::of_subject(reader, &provider, subject).await? {
        found.extend(users::find(reader, &identity.user).await?);
    }
    Ok(found)
}

/// A page of accounts.
#[derive(Debug)]
pub struct UserPage {
    /// The accounts.
    pub users: Vec<User>,
    /// What the next page begins after, if there is one.
    pub next: Option<String>,
}

/// The accounts whose user name or e-mail address begins so, folded as at sign-in; every account
/// without a search. A page begins after what an earlier one returned as `next`. It may have fewer
/// accounts than it has room for, although there are more.
pub async fn list(
    may: &May<ReadPeople>,
    reader: &impl Reader,
    search: Option<&str>,
    after: Option<&str>,
    limit: u64,
) -> AdminResult<UserPage> {
    let search = search.map(str::to_owned);
    filtered(may, reader, &UserSearch { search, ..UserSearch::default() }, after, limit).await
}

/// Which accounts somebody looks for: those that meet everything that is given.
#[derive(Clone, Debug, Default)]
pub struct UserSearch {
    /// The beginning of the user name or of the e-mail address.
    pub search: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The name of a group that they are in.
    pub group: Option<String>,
    /// A role in the administration, or `CLIENT:ROLE`.
    pub role: Option<String>,
    /// Whether they are disabled.
    pub disabled: Option<bool>,
}

/// The accounts that are looked for, page by page as in [`list`].
pub async fn filtered(
    _may: &May<ReadPeople>,
    reader: &impl Reader,
    asked: &UserSearch,
    after: Option<&str>,
    limit: u64,
) -> AdminResult<UserPage> {
    let behind = after.map(place).transpose()?;
    let filter = filter(reader, asked).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let page = user_filters::page(reader, &filter, behind.as_ref(), limit).await?;
    let Some(StoredPage { users, next }) = page else { return no_place() };
    let next = next.map(|place| URL_SAFE_NO_PAD.encode(json!(place).to_string()));
    Ok(UserPage { users, next })
}

async fn filter(reader: &impl Reader, asked: &UserSearch) -> AdminResult<UserFilter> {
    let search = asked.search.as_deref().map(|text| {
        let (name, address) = person::beginnings(text);
        Beginnings { name, address }
    });
    let email = asked.email.as_deref().map(|text| match person::email_key(text) {
        Some(key) => Ok(key),
        None => invalid(format!("{text:?} is not an e-mail address")),
    });
    let group = match &asked.group {
        Some(name) => {
            let known = GroupName::parse(name).or_else(|why| invalid(why.to_string()))?;
            match groups::find(reader, &known).await? {
                Some(group) => Some(group.id),
                None => return not_found(format!("there is no group {name:?}")),
            }
        }
        None => None,
    };
    let role = match &asked.role {
        Some(word) => Some(role(reader, word).await?),
        None => None,
    };
    Ok(UserFilter {
        search: search.filter(|search| !search.name.is_empty()),
        email: email.transpose()?,
        group,
        role,
        disabled: asked.disabled,
    })
}

async fn role(reader: &impl Reader, word: &str) -> AdminResult<RoleFilter> {
    if let Ok(role) = word.parse() {
        return Ok(RoleFilter::Administration(role));
    }
    let Some((client, name)) = client_role::split(word) else {
        return invalid(format!("{word:?} is no role of mapae and not like CLIENT:ROLE"));
    };
    match client_roles::find(reader, &client, &name).await? {
        Some(role) => Ok(RoleFilter::OfClient(role.id)),
        None => not_found(format!("there is no role {word:?}")),
    }
}

/// Reads what an earlier page returned as `next`.
fn place(text: &str) -> AdminResult<UserPlace> {
    let json = URL_SAFE_NO_PAD.decode(text).ok();
    // No text of a database has a NUL.
    let json = json.filter(|json| !json.windows(6).any(|some| some == b"\\u0000"));
    let place = json.and_then(|json| serde_json::from_slice(&json).ok());
    match place {
        Some(place) => Ok(place),
        None => no_place(),
    }
}

fn no_place<T>() -> AdminResult<T> {
    invalid("--after takes the `next` of an earlier page of the same list")
}

/// The ways in which a person can sign in.
#[derive(Debug, Serialize)]
pub struct Factors {
    /// Whether there is a password.
    pub password: bool,
    /// The names of the providers that the account is connected with.
    pub providers: Vec<String>,
    /// How many passkeys there are.
    pub passkeys: usize,
    /// Whether there are one-time codes.
    pub one_time_codes: bool,
    /// How many recovery codes can still be used.
    pub recovery_codes_left: u64,
}

/// The ways in which this person can sign in.
pub async fn factors(
    _may: &May<ReadPeople>,
    reader: &impl Reader,
    user: &User,
) -> AdminResult<Factors> {
    let linked = identities::of_user(reader, &user.id).await?;
    Ok(Factors {
        password: user.password_hash.is_some(),
        providers: linked.into_iter().map(|one| one.provider.as_str().to_owned()).collect(),
        passkeys: passkeys::of_user(reader, &user.id).await?.len(),
        one_time_codes: user.totp_since.is_some(),
        recovery_codes_left: recovery_codes::left(reader, &user.id).await?,
    })
}

/// A password that an operator sets.
#[derive(Clone, Copy, Debug)]
pub struct SetPassword<'a> {
    /// The password.
    pub password: &'a Secret<String>,
    /// Whether the person has to change it when they sign in.
    pub temporary: bool,
}

impl<'a> From<&'a Secret<String>> for SetPassword<'a> {
    /// A password that the person may keep.
    fn from(password: &'a Secret<String>) -> Self {
        Self { password, temporary: false }
    }
}

/// Sets a password, and ends all sessions and tokens of the account. The person is told by mail. If
/// the ending fails, the new password is stored all the same.
#[expect(clippy::too_many_arguments, reason = "the parts it works with, the person, the password")]
pub async fn set_password(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    mailer: Option<&Mailer>,
    hasher: &Hasher,
    target: Target<'_>,
    set: impl Into<SetPassword<'_>>,
) -> AdminResult<u64> {
    let SetPassword { password, temporary } = set.into();
    let hash = hash(hasher, password).await?;
    let (tx, mut user) = lock(may, store, clock, target).await?;
    user.password_hash = Some(hash);
    user.password_temporary = temporary;
    users::update(&tx, &user).await?;
    tell(&tx, mailer, &user, MethodChange::PasswordSetByOperator).await?;
    end(
        &may.acting(store),
        clock,
        tx,
        &user,
        Some(EventKind::UserPasswordSet),
        EndingScope::Everything,
    )
    .await
}

/// Disables an account, and ends all its sessions and tokens. If the ending fails, the account is
/// disabled all the same.
pub async fn disable(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
) -> AdminResult<u64> {
    let (tx, user) = lock_leaving(may, store, clock, target).await?;
    users::set_disabled(&tx, &user.id, Some(tx.now())).await?;
    end(
        &may.acting(store),
        clock,
        tx,
        &user,
        Some(EventKind::UserDisabled),
        EndingScope::Everything,
    )
    .await
}

/// Enables an account again.
pub async fn enable(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
) -> AdminResult<()> {
    let (tx, user) = lock(may, store, clock, target).await?;
    users::set_disabled(&tx, &user.id, None::<DateTime<Utc>>).await?;
    audit_events::insert(&tx, &[Event::new(EventKind::UserEnabled).user(&user.id)]).await?;
    Ok(tx.commit().await?)
}

/// Removes the one-time codes and the recovery codes of an account whose person has lost them, and
/// ends what was opened with them. The person is told by mail. `false` if it has none.
pub async fn reset_mfa(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    mailer: Option<&Mailer>,
    target: Target<'_>,
) -> AdminResult<bool> {
    let (tx, user) = lock(may, store, clock, target).await?;
    let (kind, origin) = (EventKind::FactorReset, Origin::default());
    let removed = factor_changes::remove(&tx, kind, &user.id, None, &origin).await?;
    if removed {
        tell(&tx, mailer, &user, MethodChange::SecondFactorReset).await?;
    }
    tx.commit().await?;
    Ok(removed)
}

/// Ends all sessions and tokens of an account and what was mailed to its person, and says how many
/// families ended.
pub async fn logout(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
) -> AdminResult<u64> {
    let (tx, user) = lock(may, store, clock, target).await?;
    users::bump_version(&tx, &user.id).await?;
    end(
        &may.acting(store),
        clock,
        tx,
        &user,
        Some(EventKind::UserLoggedOut),
        EndingScope::Everything,
    )
    .await
}

/// Deletes an account with all its sessions and tokens. It is disabled at once, and deleted when
/// they have all ended.
pub async fn delete(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
) -> AdminResult<()> {
    let (tx, user) = lock_leaving(may, store, clock, target).await?;
    users::set_disabled(&tx, &user.id, Some(tx.now())).await?;
    end(&may.acting(store), clock, tx, &user, None, EndingScope::Account).await.map(drop)
}

/// Commits the change together with the ending, and then works on the ending.
async fn end(
    store: &Store,
    clock: &Clock,
    tx: Tx,
    user: &User,
    kind: Option<EventKind>,
    what: EndingScope,
) -> AdminResult<u64> {
    let ending = Ending::new(&user.id, what, tx.now(), &Origin::default());
    session_endings::begin(&tx, &ending).await?;
    let events: Vec<_> = kind.map(|kind| Event::new(kind).user(&user.id)).into_iter().collect();
    audit_events::insert(&tx, &events).await?;
    tx.commit().await?;
    // The change is committed. If the ending fails now, the error says what is not done yet.
    session_endings::carry_on(store, clock, &ending).await.or_else(|fault| {
        conflict(format!(
            "this is done, but not everything that was open has ended yet: {fault}. A server that \
             runs ends the rest in a minute; or run the command again"
        ))
    })
}

pub(super) async fn hash(hasher: &Hasher, password: &Secret<String>) -> AdminResult<String> {
    match person::password_bytes(password.expose()) {
        Some(bytes) => Ok(hasher.hash(bytes).await?),
        None => invalid("a password has 1 to 1024 bytes"),
    }
}

pub(super) fn check_email(email: Option<&str>, verified: bool) -> AdminResult<()> {
    match email.map(person::email_key) {
        None if verified => invalid("there is no address to be verified"),
        Some(None) => invalid("the e-mail address is not valid"),
        _ => Ok(()),
    }
}
