//! From an identity at a provider to an account here.
//!
//! The key is issuer and subject, never an address. An address that the provider proved says that an
//! account *may* be the same person's: they prove that account, and then both are linked. So does an
//! address that the operator wrote down. An account whose person or whose provider only claims the
//! address has no right to it.

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::accounts::session_endings;
use crate::domain::address::neighbourhood;
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::client::ClientId;
use crate::domain::failure_reason::FailureReason;
use crate::domain::identity::Identity;
use crate::domain::provider::{Registration, Slug};
use crate::domain::user::{AccountSource, User, UserId};
use crate::domain::verdict::{Error, Fault};
use crate::domain::{person, random};
use crate::store::{Store, Tx, audit_events, identities, users};

/// How long the proof of an account of the same address counts.
pub const PROOF_LIFE: Duration = Duration::minutes(10);

/// How often a sign-in is tried again because another one changed the same rows at the same moment.
pub const ATTEMPTS: u32 = 3;

/// The fault of a sign-in for which that was not often enough.
#[must_use]
pub fn changed_meanwhile() -> Fault {
    Fault::unavailable("letting somebody in", "others came at the same moment")
}

/// The account that an identity leads to.
#[derive(Debug)]
pub enum Arrival {
    /// Somebody who has an account.
    Known(User),
    /// Somebody who got one just now.
    New(User),
    /// Perhaps the person of this account: they have yet to prove it.
    Prove(User),
}

/// Why an identity is refused. Pages and apps are told no more than that it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrivalRefused {
    /// Their account is disabled.
    Disabled,
    /// The provider lets in other domains.
    Domain,
}

impl ArrivalRefused {
    /// Why, for the audit.
    #[must_use]
    pub fn reason(self) -> FailureReason {
        match self {
            Self::Disabled => FailureReason::Disabled,
            Self::Domain => FailureReason::DomainNotAllowed,
        }
    }
}

type Outcome<T> = Result<T, Error<ArrivalRefused>>;

fn refuse<T>(why: ArrivalRefused) -> Outcome<T> {
    Err(Error::Refused(why))
}

/// Finds the account of an identity, or makes it. `None` when somebody else changed it at the same
/// moment: the transaction is then good for nothing but its end, and another one finds what is.
pub async fn arrive(
    tx: &Tx,
    registration: &Registration,
    identity: &Identity,
    origin: &Origin,
) -> Outcome<Option<Arrival>> {
    if !registration.lets_in(identity.email.as_deref(), identity.email_verified) {
        return refuse(ArrivalRefused::Domain);
    }
    if let Some(linked) = identities::find(tx, &identity.issuer, &identity.subject).await? {
        let user = users::lock(tx, &linked.user).await?.filter(User::is_enabled);
        let Some(mut user) = user else { return refuse(ArrivalRefused::Disabled) };
        if !identities::used(tx, identity, &user.id, &registration.slug).await? {
            // It was disconnected while we waited for the account.
            return Ok(None);
        }
        update(tx, &mut user, identity, registration.metadata.follow_profile, origin).await?;
        return Ok(Some(Arrival::Known(user)));
    }
    let claimants = claimants(tx, identity).await?;
    // Whoever has the address may be they themselves, who got their account at this moment.
    if !claimants.is_empty()
        && identities::find(tx, &identity.issuer, &identity.subject).await?.is_some()
    {
        return Ok(None);
    }
    match claimants.iter().find(|claimant| has_a_right(claimant)) {
        Some(owner) if !owner.is_enabled() => refuse(ArrivalRefused::Disabled),
        Some(owner) => Ok(Some(Arrival::Prove(owner.clone()))),
        None => create(tx, registration, identity, &claimants, origin).await,
    }
}

/// Whether the address of an account is no mere claim: it was proven, or the operator wrote it down.
fn has_a_right(claimant: &User) -> bool {
    claimant.email_verified || claimant.email_by == AccountSource::Operator
}

/// Every account that claims the address which the provider proved.
async fn claimants(tx: &Tx, identity: &Identity) -> Result<Vec<User>, Fault> {
    match identity.verified_email().and_then(person::email_key) {
        Some(key) => users::lock_by_email(tx, &key).await,
        None => Ok(Vec::new()),
    }
}

async fn create(
    tx: &Tx,
    registration: &Registration,
    identity: &Identity,
    claimants: &[User],
    origin: &Origin,
) -> Outcome<Option<Arrival>> {
    for claimant in claimants {
        take_address_from(tx, claimant, origin).await?;
    }
    let user = User {
        id: UserId::generate(),
        username: free_username(tx, identity).await?,
        email: identity.email.clone(),
        // Where it is the user name of somebody else, that one is found by it.
        email_verified: identity.verified_email().is_some() && is_nobodys(tx, identity).await?,
        password_hash: None,
        profile: identity.profile.clone(),
        disabled_at: None,
        created_at: tx.now(),
        updated_at: tx.now(),
        made_by: AccountSource::Provider,
        email_by: AccountSource::Provider,
    };
    let made = users::insert(tx, &user).await?
        && identities::insert(tx, identity, &user.id, &registration.slug).await?;
    if !made {
        return Ok(None);
    }
    let slug = registration.slug.as_str();
    let created = Event::new(EventKind::UserCreated).user(&user.id).from(origin).detail(slug);
    let linked = Event::new(EventKind::IdentityLinked).user(&user.id).from(origin).detail(slug);
    audit_events::insert(tx, &[created, linked]).await?;
    Ok(Some(Arrival::New(user)))
}

/// Takes an address from an account that claims it without proof, because somebody proved to own it.
/// The claim may have been made to wait for the owner, so the account's password, sessions and tokens
/// end as well. A provider that its person came by still leads to this account, and to nothing of the
/// owner's.
///
/// An account that the operator made is known to the operator's person, whatever a provider said of
/// their address later: it loses the address alone.
async fn take_address_from(tx: &Tx, claimant: &User, origin: &Origin) -> Result<(), Fault> {
    let is_known = claimant.made_by == AccountSource::Operator;
    if !is_known {
        session_endings::end_everything(tx, &claimant.id, None, origin).await?;
    }
    let bare = User {
        email: None,
        email_verified: false,
        password_hash: claimant.password_hash.clone().filter(|_| is_known),
        updated_at: tx.now(),
        ..claimant.clone()
    };
    users::update(tx, &bare).await?;
    let event = Event::new(EventKind::AccountDisplaced).user(&claimant.id).from(origin);
    audit_events::insert(tx, &[event]).await
}

/// Links an identity to an account whose person proved it; `false` when the identity is somebody
/// else's.
pub async fn link(
    tx: &Tx,
    user: &UserId,
    provider: &Slug,
    identity: &Identity,
    origin: &Origin,
) -> Result<bool, Fault> {
    // The account first, as everywhere: two who link to it do not wait for each other in a circle.
    let account = users::lock(tx, user).await?.filter(User::is_enabled);
    let Some(mut account) = account else { return Ok(false) };
    if !identities::insert(tx, identity, user, provider).await? {
        let linked = identities::find(tx, &identity.issuer, &identity.subject).await?;
        return Ok(linked.is_some_and(|linked| linked.user == *user));
    }
    update(tx, &mut account, identity, false, origin).await?;
    let event = Event::new(EventKind::IdentityLinked).user(user).from(origin);
    audit_events::insert(tx, &[event.detail(provider.as_str())]).await?;
    Ok(true)
}

/// Takes over what a provider says: what is empty here, or everything where that is wished.
async fn update(
    tx: &Tx,
    user: &mut User,
    identity: &Identity,
    follow: bool,
    origin: &Origin,
) -> Result<(), Fault> {
    let mut changed = user.clone();
    if follow {
        changed.profile.follow(identity.profile.clone());
    } else {
        changed.profile.fill(identity.profile.clone());
    }
    let proves_the_same =
        identity.verified_email().and_then(person::email_key).is_some_and(|key| {
            user.email.as_deref().and_then(person::email_key).as_ref() == Some(&key)
        });
    let takes = match &user.email {
        None => identity.email.is_some(),
        Some(_) => {
            follow && identity.email_verified && user.email != identity.email
                || !user.email_verified && proves_the_same
        }
    };
    // An address that somebody proved is theirs alone.
    if takes && (!identity.email_verified || is_free(tx, user, identity).await?) {
        changed.email.clone_from(&identity.email);
        changed.email_verified = identity.email_verified;
        changed.email_by = AccountSource::Provider;
    }
    let same = changed.profile == user.profile
        && changed.email == user.email
        && changed.email_verified == user.email_verified;
    if same {
        return Ok(());
    }
    changed.updated_at = tx.now();
    if changed.email_verified && (!user.email_verified || changed.email != user.email) {
        for claimant in claimants(tx, identity).await? {
            if claimant.id != user.id {
                take_address_from(tx, &claimant, origin).await?;
            }
        }
    }
    if !users::update(tx, &changed).await? {
        return Err(Fault::unavailable("taking over an address", "it was taken at this moment"));
    }
    *user = changed;
    Ok(())
}

async fn is_nobodys(tx: &Tx, identity: &Identity) -> Result<bool, Fault> {
    match identity.verified_email().and_then(person::email_key) {
        Some(key) => Ok(users::find_owner(tx, &key).await?.is_none()),
        None => Ok(true),
    }
}

async fn is_free(tx: &Tx, user: &User, identity: &Identity) -> Result<bool, Fault> {
    let Some(key) = identity.verified_email().and_then(person::email_key) else { return Ok(true) };
    let claimants = users::lock_by_email(tx, &key).await?;
    if claimants.iter().any(|claimant| claimant.id != user.id && has_a_right(claimant)) {
        return Ok(false);
    }
    // It may be the user name of somebody else, who is found by it.
    let named = users::find_owner(tx, &key).await?;
    Ok(named.is_none_or(|named| named == user.id))
}

/// A user name that nobody has: what they are called there, or what comes before the @. It never
/// looks like an address, so it can stand in no owner's way.
async fn free_username(tx: &Tx, identity: &Identity) -> Result<String, Fault> {
    let before_at = |text: &str| text.split('@').next().unwrap_or_default().to_owned();
    let wished = [
        identity.username.as_deref(),
        identity.email.as_deref(),
        identity.profile.nickname.as_deref(),
    ];
    let wished = wished.into_iter().flatten().map(before_at).find_map(|name| {
        // A wide @ is one as well.
        let key = person::username_key(&name).filter(|key| !key.contains('@'));
        key.filter(|_| name.len() <= 64).map(|key| (name, key))
    });
    if let Some((name, key)) = &wished
        && users::find_by_name(tx, key, None).await?.is_none()
    {
        return Ok(name.clone());
    }
    let base = wished.map_or_else(|| "user".to_owned(), |(name, _)| name);
    let letters =
        random::bytes::<5>().into_iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32)));
    Ok(format!("{base}-{}", letters.map(|letter| char::from(*letter)).collect::<String>()))
}

/// Letters that are not mistaken for one another. There are 32 of them, so a random byte leads to each
/// of them equally often.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Writes down that somebody was refused, for the audit: once a minute for each reason, from each place.
pub async fn record_refusal(
    store: &Store,
    now: DateTime<Utc>,
    refusal: RefusalRecord<'_>,
) -> Result<(), Fault> {
    let tx = store.begin(now).await?;
    record_refusal_in(&tx, refusal).await?;
    tx.commit().await
}

/// The same in a transaction.
pub async fn record_refusal_in(tx: &Tx, refusal: RefusalRecord<'_>) -> Result<(), Fault> {
    let RefusalRecord { provider, reason, client, user, origin } = refusal;
    let detail = format!("{provider}: {reason}");
    let place = origin.address.as_deref().and_then(|address| address.parse().ok());
    let place = place.map(neighbourhood).unwrap_or_default();
    let minute = tx.now().timestamp() / 60;
    let mut hash = Sha256::new();
    hash.update(format!("{detail}\n{place}\n{minute}\n"));
    hash.update(client.map(ClientId::as_str).unwrap_or_default());
    let mut once = [0; 16];
    once.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    let mut event = Event::new(EventKind::FederationRefused).from(origin).detail(detail);
    event.client = client.cloned();
    event.user = user.cloned();
    audit_events::insert_once(tx, &event, Uuid::new_v8(once)).await
}

/// Who was refused, and why.
#[derive(Clone, Copy, Debug)]
pub struct RefusalRecord<'a> {
    /// At which provider.
    pub provider: &'a Slug,
    /// Why.
    pub reason: FailureReason,
    /// By which client.
    pub client: Option<&'a ClientId>,
    /// Whose account it is about.
    pub user: Option<&'a UserId>,
    /// Where the request came from.
    pub origin: &'a Origin,
}
