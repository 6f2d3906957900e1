//! Setting up one-time codes: on the way of a sign-in that needs a second factor, and from the
//! account page. Until the first code is right, nothing is written: the secret travels in the form,
//! sealed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::accounts::browsers::{Cookie, SignedInUser};
use crate::accounts::factor_changes::{self, NewFactor};
use crate::accounts::one_time_codes::{self, AuthenticatorKey, authenticator_key, step_of};
use crate::accounts::second_factor::TypedFactor;
use crate::accounts::{held_session, notices};
use crate::domain::audit::EventKind;
use crate::domain::authentication::Method;
use crate::domain::clock::SKEW;
use crate::domain::interaction::{Handle, Interaction};
use crate::domain::mail::MethodChange;
use crate::domain::random;
use crate::domain::recovery_code::RecoveryCode;
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::{Error, Fault};
use crate::flows::advance;
use crate::flows::complete_sign_in::open_session;
use crate::flows::context::Flows;
use crate::flows::fresh_proof::FreshProof;
use crate::flows::interaction::{Caller, Subject};
use crate::flows::outcome::{InteractionError, Outcome};
use crate::flows::second_factor::{self, finished_with, mark};
use crate::flows::sign_in::{is_second_click, same_session};
use crate::flows::submitted::Submitted;
use crate::store::{Tx, interactions, recovery_codes, sessions, used_assertions, users};

/// How long a person may take until they type the first code.
const LIFE: Duration = Duration::minutes(30);

/// What a form carries something sealed for.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// New one-time codes, with recovery codes.
    OneTimeCodes,
    /// New recovery codes alone.
    RecoveryCodes,
}

impl Form {
    /// The purpose of the seal.
    fn purpose(self) -> &'static str {
        match self {
            Self::OneTimeCodes => "new one-time codes",
            Self::RecoveryCodes => "new recovery codes",
        }
    }
}

/// What the form of new one-time codes carries, sealed.
#[derive(Serialize, Deserialize)]
struct Carried {
    user: UserId,
    secret: String,
    /// The recovery codes follow from it, so a second click shows the same.
    seed: String,
    #[serde(with = "chrono::serde::ts_milliseconds")]
    expires_at: DateTime<Utc>,
}

/// New one-time codes that a person is about to set up.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What the form carries.
    pub sealed: String,
    /// What the authenticator app needs.
    pub key: AuthenticatorKey,
}

/// Makes new one-time codes for this person, at the service of this name.
pub fn offer(flows: &Flows, user: &User, service: &str) -> Result<Offer, Fault> {
    let secret = one_time_codes::new_secret();
    let seed = Secret::new(random::bytes::<32>().to_vec());
    let sealed = seal(flows, Form::OneTimeCodes, &user.id, (&secret, &seed))?;
    Ok(Offer { sealed, key: authenticator_key(&secret, service, &user.username)? })
}

fn seal(
    flows: &Flows,
    form: Form,
    user: &UserId,
    (secret, seed): (&Secret<Vec<u8>>, &Secret<Vec<u8>>),
) -> Result<String, Fault> {
    let carried = Carried {
        user: user.clone(),
        secret: URL_SAFE_NO_PAD.encode(secret.expose()),
        seed: URL_SAFE_NO_PAD.encode(seed.expose()),
        expires_at: flows.clock.now() + LIFE,
    };
    let text = serde_json::to_vec(&carried)
        .map_err(|error| Fault::internal("writing new one-time codes", error))?;
    flows.browsers.seal_for(form.purpose(), &text)
}

/// The same offer again, after a wrong code. A text that was not sealed for this person, or has
/// expired, gives a new offer.
pub fn offer_again(
    flows: &Flows,
    user: &User,
    service: &str,
    sealed: &str,
) -> Result<Offer, Fault> {
    match opened(flows, Form::OneTimeCodes, &user.id, sealed) {
        Some((secret, _)) => {
            let key = authenticator_key(&secret, service, &user.username)?;
            Ok(Offer { sealed: sealed.to_owned(), key })
        }
        None => offer(flows, user, service),
    }
}

type SecretAndSeed = (Secret<Vec<u8>>, Secret<Vec<u8>>);

fn opened(flows: &Flows, form: Form, user: &UserId, sealed: &str) -> Option<SecretAndSeed> {
    let text = flows.browsers.open_for(form.purpose(), sealed)?;
    let carried: Carried = serde_json::from_slice(text.expose()).ok()?;
    let is_theirs = carried.user == *user && flows.clock.now() < carried.expires_at;
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().map(Secret::new);
    is_theirs.then_some((bytes(&carried.secret)?, bytes(&carried.seed)?))
}

/// Whether what a form carries is used for the first time. The same form that is sent again shows
/// the same codes, but never installs them again: some of them may have been used since.
async fn is_first_use(tx: &Tx, sealed: &str) -> Result<bool, Fault> {
    let hash: [u8; 32] = Sha256::digest(sealed).into();
    used_assertions::remember(tx, hash, tx.now() + LIFE + SKEW).await
}

/// What a person sends to set one-time codes up.
#[derive(Clone, Copy)]
pub struct TypedSetUp<'a> {
    /// What the form carries.
    pub sealed: &'a str,
    /// The first code.
    pub code: &'a str,
}

impl std::fmt::Debug for TypedSetUp<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TypedSetUp(…)")
    }
}

/// Why nothing was set up.
#[derive(Debug)]
pub enum NotSetUp {
    /// The interaction cannot continue.
    InteractionError(InteractionError),
    /// The code is not one of the new secret, or the offer has expired.
    WrongCode,
    /// Nothing is to be set up here any more: the next step is decided again.
    Elsewhere,
}

fn lost(error: Error<InteractionError>) -> Error<NotSetUp> {
    error.map(NotSetUp::InteractionError)
}

/// One-time codes that were set up.
#[derive(Debug)]
pub struct SetUp {
    /// The recovery codes, which are shown once.
    pub recovery_codes: Vec<RecoveryCode>,
    /// The new cookie of the browser, if it gets one.
    pub cookie: Option<Cookie>,
    /// The interaction that goes on afterwards.
    pub handle: Option<Handle>,
}

/// Reads the new factor from a form, if its code is right.
fn read(flows: &Flows, user: &UserId, typed: TypedSetUp<'_>) -> Result<NewFactor, Error<NotSetUp>> {
    let wrong = || Error::Refused(NotSetUp::WrongCode);
    let opened = opened(flows, Form::OneTimeCodes, user, typed.sealed);
    let (secret, seed) = opened.ok_or_else(wrong)?;
    let step = step_of(&secret, typed.code, flows.clock.now())?.ok_or_else(wrong)?;
    Ok(NewFactor { secret, step, recovery_codes: RecoveryCode::set(&seed) })
}

/// Sets one-time codes up on the way, and opens the session of a sign-in that needed them.
pub async fn on_the_way(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    typed: TypedSetUp<'_>,
) -> Result<SetUp, Error<NotSetUp>> {
    if is_second_click(flows, caller, form.interaction()) {
        return on_the_way_again(flows, caller, form.interaction(), typed).await.map_err(lost);
    }
    let interaction = form.open(flows, caller).await.map_err(lost)?;
    let view = advance::shown(flows, caller, interaction).await.map_err(lost)?;
    let (interaction, Subject::SetUpFactor(offered)) = (view.interaction, view.subject) else {
        return Err(Error::Refused(NotSetUp::Elsewhere));
    };
    let new = read(flows, &offered.user.id, typed)?;
    let finished_by = mark(&offered.user.id, TypedFactor::OneTimeCode(typed.code));
    let tx = flows.store.begin(flows.clock.now()).await?;
    let done = async {
        // The user is locked, so that two requests cannot both set codes up.
        let user = users::lock(&tx, &offered.user.id).await?;
        let user = user.filter(|user| user.may_sign_in(tx.now()));
        let user = user.filter(|user| user.totp_since.is_none());
        let user = user.ok_or(Error::Refused(NotSetUp::Elsewhere))?;
        if !is_first_use(&tx, typed.sealed).await? {
            return Err(Error::Refused(NotSetUp::Elsewhere));
        }
        if let Some(session) = &offered.session {
            let held = held_session::hold(&tx, &user.id, &session.id).await?;
            let is_fresh =
                |held: SignedInUser| held.is_fresh(flows.factors.rules, flows.clock.now());
            if !held.is_some_and(is_fresh) {
                return Err(Error::Refused(NotSetUp::Elsewhere));
            }
        }
        interactions::keep(&tx, &interaction).await?;
        let proof = (Method::Totp, finished_by);
        let opened = open(&tx, flows, caller, &interaction, offered.session.as_ref(), proof).await;
        let cookie = Some(opened.map_err(lost)?);
        factor_changes::add(&tx, &flows.factors, &user.id, &new, caller.origin).await?;
        tell(&tx, flows, caller, &user.id, MethodChange::OneTimeCodesAdded).await?;
        let handle = Some(interaction.id.handle());
        Ok(SetUp { recovery_codes: new.recovery_codes, cookie, handle })
    };
    let done = done.await;
    match tx.settle(done).await {
        // Another click with the same code may have been faster.
        Err(Error::Refused(NotSetUp::Elsewhere)) => {
            let form = form.anew(flows).await.map_err(lost)?;
            match on_the_way_again(flows, caller, form.interaction(), typed).await {
                Err(Error::Refused(_)) => Err(Error::Refused(NotSetUp::Elsewhere)),
                again => again.map_err(lost),
            }
        }
        done => done,
    }
}

/// Opens the session of a sign-in that needed the codes, or adds the proof to a session. The next
/// step comes when the person has seen the recovery codes.
async fn open(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    interaction: &Interaction,
    session: Option<&Session>,
    (method, finished_by): (Method, String),
) -> Outcome<Cookie> {
    if let Some(session) = session {
        let proof = (session, method, finished_by);
        let strengthened = second_factor::strengthened(tx, flows, caller, interaction, proof);
        return strengthened.await.map(|(_, cookie)| cookie);
    }
    let begun = second_factor::begun(tx, interaction).await?;
    let entry = second_factor::finished(tx, caller, interaction, begun, method).await?;
    let opened = open_session(tx, flows, caller, entry, Some(finished_by)).await;
    opened.map(|(_, cookie)| cookie)
}

/// A second click shows the same recovery codes, with the same cookie.
async fn on_the_way_again(
    flows: &Flows,
    caller: Caller<'_>,
    interaction: &Interaction,
    typed: TypedSetUp<'_>,
) -> Outcome<SetUp> {
    let finished = || InteractionError::Finished(None);
    let tx = flows.store.begin(flows.clock.now()).await?;
    let done = async {
        let found = interactions::lock(&tx, &interaction.id).await?.ok_or_else(finished)?;
        let user = finished_with(&found, TypedFactor::OneTimeCode(typed.code))?;
        let opened = opened(flows, Form::OneTimeCodes, &user, typed.sealed);
        let (_, seed) = opened.ok_or_else(finished)?;
        let (_, cookie) = same_session(&tx, flows, caller, &found, &user).await?;
        let handle = Some(found.id.handle());
        Ok(SetUp { recovery_codes: RecoveryCode::set(&seed), cookie, handle })
    };
    let done = done.await;
    tx.settle(done).await
}

/// Sets one-time codes up from the account page. They replace earlier ones.
pub async fn on_account_page(
    flows: &Flows,
    caller: Caller<'_>,
    proof: FreshProof<'_>,
    typed: TypedSetUp<'_>,
) -> Result<SetUp, Error<NotSetUp>> {
    let new = read(flows, &proof.person().user.id, typed)?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let done = async {
        let elsewhere = || Error::Refused(NotSetUp::Elsewhere);
        let SignedInUser { user, session } = proof.lock(flows, &tx).await?.ok_or_else(elsewhere)?;
        if is_first_use(&tx, typed.sealed).await? {
            let (factors, here) = (&flows.factors, (&session.id, caller.origin));
            factor_changes::replace(&tx, factors, &user.id, &new, here).await?;
            tell(&tx, flows, caller, &user.id, MethodChange::OneTimeCodesAdded).await?;
            let authentication = session.authentication.with(Method::Totp, tx.now());
            if !sessions::set_authentication(&tx, &session.id, &authentication).await? {
                return Err(elsewhere());
            }
        } else if !is_current(&tx, &user.id, &new.recovery_codes).await? {
            return Err(elsewhere());
        }
        Ok(SetUp { recovery_codes: new.recovery_codes, cookie: None, handle: None })
    };
    let done = done.await;
    tx.settle(done).await
}

/// Tells the person by mail what changed.
async fn tell(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    user: &UserId,
    change: MethodChange,
) -> Result<(), Fault> {
    let mailer = flows.mailer.as_ref();
    notices::changed(tx, mailer, user, change, caller.notice_origin()).await
}

/// Whether these are the recovery codes of the account. Some of them may have been used.
async fn is_current(tx: &Tx, user: &UserId, codes: &[RecoveryCode]) -> Result<bool, Fault> {
    for code in codes {
        if recovery_codes::has(tx, user, code.hashed()).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The one-time codes of an account, as its page shows them.
#[derive(Clone, Debug)]
pub struct OwnCodes {
    /// Since when there are one-time codes.
    pub since: Option<DateTime<Utc>>,
    /// How many recovery codes are left.
    pub left: u64,
    /// What the form for new recovery codes carries: their seed, sealed for this person.
    pub new: String,
}

/// Reads what the account page shows of one-time codes.
pub async fn own_codes(flows: &Flows, user: &User) -> Result<OwnCodes, Fault> {
    if user.totp_since.is_none() {
        return Ok(OwnCodes { since: None, left: 0, new: String::new() });
    }
    let seed = Secret::new(random::bytes::<32>().to_vec());
    Ok(OwnCodes {
        since: user.totp_since,
        left: recovery_codes::left(&*flows.store, &user.id).await?,
        new: seal(flows, Form::RecoveryCodes, &user.id, (&Secret::default(), &seed))?,
    })
}

/// Replaces the recovery codes, and returns the new ones; `None` if the account has no one-time
/// codes, the form is too old, or the person was signed out meanwhile.
pub async fn renew(
    flows: &Flows,
    caller: Caller<'_>,
    proof: FreshProof<'_>,
    sealed: &str,
) -> Result<Option<Vec<RecoveryCode>>, Fault> {
    let user = &proof.person().user.id;
    let Some((_, seed)) = opened(flows, Form::RecoveryCodes, user, sealed) else { return Ok(None) };
    let codes = RecoveryCode::set(&seed);
    let tx = flows.store.begin(flows.clock.now()).await?;
    let held = proof.lock(flows, &tx).await?;
    let is_theirs = if held.is_none_or(|held| held.user.totp_since.is_none()) {
        false
    } else if is_first_use(&tx, sealed).await? {
        factor_changes::renew(&tx, user, &codes, caller.origin).await?;
        tell(&tx, flows, caller, user, MethodChange::RecoveryCodesRenewed).await?;
        true
    } else {
        is_current(&tx, user, &codes).await?
    };
    tx.commit().await?;
    Ok(Some(codes).filter(|_| is_theirs))
}

/// Removes one-time codes and recovery codes; `false` when the account has none, or the person was
/// signed out meanwhile.
pub async fn remove(
    flows: &Flows,
    caller: Caller<'_>,
    proof: FreshProof<'_>,
) -> Result<bool, Fault> {
    let tx = flows.store.begin(flows.clock.now()).await?;
    let mut removed = false;
    if let Some(SignedInUser { user, session }) = proof.lock(flows, &tx).await? {
        let (kind, but) = (EventKind::FactorRemoved, Some(&session.id));
        removed = factor_changes::remove(&tx, kind, &user.id, but, caller.origin).await?;
        if removed {
            tell(&tx, flows, caller, &user.id, MethodChange::OneTimeCodesRemoved).await?;
        }
    }
    tx.commit().await?;
    Ok(removed)
}
