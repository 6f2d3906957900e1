//! Finds or creates the account of an identity at a provider.
//!
//! The key of an identity is issuer and subject, never an email address. If the provider verified
//! the address, an account with that address *may* belong to the same person: they have to prove
//! that account, and then both are linked. The same holds for an address that the operator wrote.
//! An account whose address was only claimed, by its person or by its provider, has no right to it.

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::accounts::address_claims::{displace, has_a_right};
use crate::accounts::provider_groups;
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

/// How long a person has to prove an account with the same address.
pub const PROOF_LIFE: Duration = Duration::minutes(10);

/// How often a sign-in is tried if another one changes the same rows at the same time.
pub const ATTEMPTS: u32 = 3;

/// The fault of a sign-in that failed at each of these attempts.
#[must_use]
pub fn changed_meanwhile() -> Fault {
    Fault::unavailable("letting somebody in", "others came at the same moment")
}

/// The account that was found or created for an identity.
#[derive(Debug)]
pub enum Arrival {
    /// The identity is linked to this account.
    Known(User),
    /// This account was created just now.
    New(User),
    /// This account may belong to the person, but they have not proven it yet.
    Prove(User),
}

/// Why an identity is refused. Pages and apps are not told the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrivalRefused {
    /// The account is disabled.
    Disabled,
    /// The email domain is not allowed at this provider.
    Domain,
}

impl ArrivalRefused {
    /// The reason for the audit event.
    #[must_use]
    pub fn reason(self) -> FailureReason {
        match self {
            Self::Disabled => FailureReason::Disabled,
            Self::Domain => FailureReason::DomainNotAllowed,
        }
    }
}

type OrRefused<T> = Result<T, Error<ArrivalRefused>>;

fn refuse<T>(why: ArrivalRefused) -> OrRefused<T> {
    Err(Error::Refused(why))
}

/// Finds the account of an identity, or creates it. Returns `None` if another request changed it at
/// the same time: the transaction cannot be used any more and has to end, and the next one will
/// find the changed rows.
pub async fn arrive(
    tx: &Tx,
    registration: &Registration,
    identity: &Identity,
    origin: &Origin,
) -> OrRefused<Option<Arrival>> {
    if !registration.lets_in(identity.email.as_deref(), identity.email_verified) {
        return refuse(ArrivalRefused::Domain);
    }
    if let Some(linked) = identities::find(tx, &identity.issuer, &identity.subject).await? {
        match users::lock(tx, &linked.user).await? {
            // The account is over, so its identity is nobody's.
            Some(user) if user.is_over(tx.now()) => drop(identities::delete(tx, &linked).await?),
            Some(mut user) if user.may_sign_in(tx.now()) => {
                if !identities::used(tx, identity, &user.id, &registration.slug).await? {
                    // The identity was disconnected while this transaction waited for the account.
                    return Ok(None);
                }
                let follow = registration.metadata.follow_profile;
                update(tx, &mut user, identity, follow, origin).await?;
                provider_groups::follow(tx, &user.id, registration, identity, origin).await?;
                return Ok(Some(Arrival::Known(user)));
            }
            _ => return refuse(ArrivalRefused::Disabled),
        }
    }
    let claimants = claimants(tx, identity).await?;
    // The account with the address may be the person's own, created by another request just now.
    if !claimants.is_empty()
        && identities::find(tx, &identity.issuer, &identity.subject).await?.is_some()
    {
        return Ok(None);
    }
    match claimants.iter().find(|claimant| has_a_right(claimant)) {
        Some(owner) if !owner.may_sign_in(tx.now()) => refuse(ArrivalRefused::Disabled),
        Some(owner) => Ok(Some(Arrival::Prove(owner.clone()))),
        None => create(tx, registration, identity, &claimants, origin).await,
    }
}

/// Every account that has the address which the provider verified.
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
) -> OrRefused<Option<Arrival>> {
    for claimant in claimants {
        displace(tx, claimant, origin).await?;
    }
    let user = User {
        id: UserId::generate(),
        username: free_username(tx, identity).await?,
        email: identity.email.clone(),
        // If the address is another person's user name, it leads to that account, so it does not
        // count as verified here.
        email_verified: identity.verified_email().is_some() && is_nobodys(tx, identity).await?,
        password_hash: None,
        password_temporary: false,
        totp_since: None,
        profile: identity.profile.clone(),
        disabled_at: None,
        deletion_at: None,
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
    provider_groups::follow(tx, &user.id, registration, identity, origin).await?;
    Ok(Some(Arrival::New(user)))
}

/// Links an identity to an account that its person has proven. Returns `false` if the identity
/// belongs to another account.
pub async fn link(
    tx: &Tx,
    user: &UserId,
    registration: &Registration,
    identity: &Identity,
    origin: &Origin,
) -> Result<bool, Fault> {
    let provider = &registration.slug;
    // The account is locked first, as everywhere, so two requests that link to it cannot deadlock.
    let account = users::lock(tx, user).await?.filter(|user| user.may_sign_in(tx.now()));
    let Some(mut account) = account else { return Ok(false) };
    if !identities::insert(tx, identity, user, provider).await? {
        let linked = identities::find(tx, &identity.issuer, &identity.subject).await?;
        return Ok(linked.is_some_and(|linked| linked.user == *user));
    }
    update(tx, &mut account, identity, false, origin).await?;
    provider_groups::follow(tx, user, registration, identity, origin).await?;
    users::bump_version(tx, user).await?;
    let event = Event::new(EventKind::IdentityLinked).user(user).from(origin);
    audit_events::insert(tx, &[event.detail(provider.as_str())]).await?;
    Ok(true)
}

/// Takes over what a provider says about the person: only into empty fields, or all of it if
/// `follow` is set.
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
    // A verified address is taken over only if no other account has a right to it.
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
                displace(tx, &claimant, origin).await?;
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
        Some(key) => Ok(users::find_owner(tx, &key, tx.now()).await?.is_none()),
        None => Ok(true),
    }
}

async fn is_free(tx: &Tx, user: &User, identity: &Identity) -> Result<bool, Fault> {
    let Some(key) = identity.verified_email().and_then(person::email_key) else { return Ok(true) };
    let claimants = users::lock_by_email(tx, &key).await?;
    if claimants.iter().any(|claimant| claimant.id != user.id && has_a_right(claimant)) {
        return Ok(false);
    }
    // The address may be another person's user name, with which they are found.
    let named = users::find_owner(tx, &key, tx.now()).await?;
    Ok(named.is_none_or(|named| named == user.id))
}

/// A user name that is not in use: the name at the provider, or the part of the address before the
/// @. It never contains an @, so it cannot block the owner of an address.
async fn free_username(tx: &Tx, identity: &Identity) -> Result<String, Fault> {
    let before_at = |text: &str| text.split('@').next().unwrap_or_default().to_owned();
    let wished = [
        identity.username.as_deref(),
        identity.email.as_deref(),
        identity.profile.nickname.as_deref(),
    ];
    let wished = wished.into_iter().flatten().map(before_at).find_map(|name| {
        // The full-width @ counts as an @ as well.
        let key = person::username_key(&name).filter(|key| !key.contains('@'));
        key.filter(|_| name.len() <= 64).map(|key| (name, key))
    });
    if let Some((name, key)) = &wished
        && users::find_by_name(tx, key, None).await?.is_none_or(|user| user.is_over(tx.now()))
    {
        return Ok(name.clone());
    }
    let base = wished.map_or_else(|| "user".to_owned(), |(name, _)| name);
    let letters =
        random::bytes::<5>().into_iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32)));
    Ok(format!("{base}-{}", letters.map(|letter| char::from(*letter)).collect::<String>()))
}

/// Letters and digits that are not mistaken for one another. There are 32 of them, so a random byte
/// selects each one equally often.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Writes an audit event about a refused person: at most one a minute for each reason and place.
pub async fn record_refusal(
    store: &Store,
    now: DateTime<Utc>,
    refusal: RefusalRecord<'_>,
) -> Result<(), Fault> {
    let tx = store.begin(now).await?;
    record_refusal_in(&tx, refusal).await?;
    tx.commit().await
}

/// Writes the same event in this transaction.
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

/// The details of a refusal.
#[derive(Clone, Copy, Debug)]
pub struct RefusalRecord<'a> {
    /// The provider.
    pub provider: &'a Slug,
    /// The reason.
    pub reason: FailureReason,
    /// The client that the person was about to sign in to.
    pub client: Option<&'a ClientId>,
    /// The person whose account it is about.
    pub user: Option<&'a UserId>,
    /// Where the request came from.
    pub origin: &'a Origin,
}
