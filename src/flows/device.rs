//! A person allows a sign-in on a device without a browser, or denies it: RFC 8628 §3.3.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use crate::accounts::attempt_limits::AttemptLimits;
use crate::accounts::browsers::SignedInUser;
use crate::accounts::held_session;
use crate::clients::registration;
use crate::clients::registry::Registered;
use crate::domain::address::neighbourhood;
use crate::domain::audit::{Event, EventKind};
use crate::domain::authorization::Granted;
use crate::domain::client::Client;
use crate::domain::device_grant::{DeviceGrant, UserCode};
use crate::domain::requested_claims::RequestedClaims;
use crate::domain::return_page::ReturnPage;
use crate::domain::verdict::Error;
use crate::flows::context::Flows;
use crate::flows::interaction::{Caller, SECOND_CLICK};
use crate::flows::known_passkeys::has_passkey;
use crate::flows::outcome::{Advanced, InteractionError};
use crate::flows::submitted::SameOrigin;
use crate::flows::{due_factor, due_terms, start};
use crate::store::{Tx, audit_events, consents, device_grants, users};

/// A device that waits for the person's answer.
#[derive(Clone, Debug)]
pub struct WaitingDevice {
    /// What it asks for.
    pub grant: DeviceGrant,
    /// The code that the person typed.
    pub code: UserCode,
    /// The app on it.
    pub client: Arc<Registered>,
}

/// Why a device is not allowed now.
#[derive(Debug)]
pub enum NotAllowed {
    /// No device shows this code, or not any more.
    Unknown,
    /// There were too many wrong codes: after so many seconds another one may be typed.
    Throttled(u64),
    /// The app needs a stronger sign-in than this one.
    Weak,
    /// This way to sign in does not lead to the app.
    NotAdmitted,
    /// The person has to do something else first: prove again who they are, or accept a document.
    /// This is the first step towards it.
    First(Box<Advanced>),
    /// The interaction in which they would do it cannot begin.
    InteractionError(InteractionError),
    /// They allowed as many apps of this kind as one person may, which is this number.
    TooManyApps(u64),
}

impl From<NotAllowed> for Error<NotAllowed> {
    fn from(why: NotAllowed) -> Self {
        Self::Refused(why)
    }
}

/// The result of a step.
type Result<T> = std::result::Result<T, Error<NotAllowed>>;

/// A form of the page, which our own page sent for this person.
#[derive(Clone, Debug)]
pub struct DeviceForm(SignedInUser);

impl DeviceForm {
    /// Checks the token of a form of the page.
    #[must_use]
    pub fn check(flows: &Flows, _: &SameOrigin, csrf: &str, person: SignedInUser) -> Option<Self> {
        let (browser, purpose) = (&person.session.browser, purpose(&person));
        flows.forms.verifies(csrf, browser, &purpose).then_some(Self(person))
    }

    /// The token in the forms of the page.
    #[must_use]
    pub fn token(flows: &Flows, person: &SignedInUser) -> String {
        flows.forms.token(&person.session.browser, &purpose(person))
    }

    /// The person.
    #[must_use]
    pub fn person(&self) -> &SignedInUser {
        &self.0
    }
}

fn purpose(person: &SignedInUser) -> String {
    format!("device {}", person.session.id.as_str())
}

/// Finds the device that shows this code and waits for an answer, or has just got one from this
/// person: that was a second click. A wrong code counts, from this address, by this person
/// and in all: RFC 8628 §5.1.
pub async fn find(
    flows: &Flows,
    caller: Caller<'_>,
    form: &DeviceForm,
    typed: &str,
) -> Result<WaitingDevice> {
    let now = flows.clock.now();
    let person = &form.person().user.id;
    let buckets = AttemptLimits::device_codes(&neighbourhood(caller.address), person);
    let counted = flows.password.throttle.count(buckets).await.map_err(|error| {
        error.map(|throttled| {
            let wait = (throttled.until - now).num_seconds();
            NotAllowed::Throttled(u64::try_from(wait).unwrap_or_default().max(1))
        })
    })?;
    let code = UserCode::read(typed);
    let found = match &code {
        Some(code) => device_grants::shown(&*flows.store, code, now).await?,
        None => None,
    };
    let found =
        found.filter(|grant| grant.decided_at.is_none() || was_allowed_by(form, grant, now));
    let client = match &found {
        Some(grant) => flows.clients.find(&grant.client).await?,
        None => None,
    };
    let client = client.filter(|client| client.client.is_enabled());
    let (Some(grant), Some(code), Some(client)) = (found, code, client) else {
        counted.keep();
        return Err(NotAllowed::Unknown.into());
    };
    Ok(WaitingDevice { grant, code, client })
}

/// Whether this person allowed it a moment ago. The browser may have dropped the answer to the first
/// click.
fn was_allowed_by(form: &DeviceForm, grant: &DeviceGrant, now: DateTime<Utc>) -> bool {
    let is_theirs = grant.granted.as_ref().is_some_and(|one| one.user == form.person().user.id);
    is_theirs && grant.decided_at.is_some_and(|at| now - at <= SECOND_CLICK)
}

/// Looks whether this person may allow it as they are signed in now. Who has to prove again who they
/// are does so in an interaction, and comes back with the code.
pub async fn admit(
    flows: &Flows,
    caller: Caller<'_>,
    form: &DeviceForm,
    waiting: &WaitingDevice,
) -> Result<()> {
    let (client, person) = (&waiting.client.client, form.person());
    let authentication = &person.session.authentication;
    let (amr, by) = (authentication.amr(), authentication.provider_issuer());
    if !flows.providers.admit(&client.id, &amr, by) {
        return Err(NotAllowed::NotAdmitted.into());
    }
    let reached = authentication.acr();
    let wanted = client.metadata.default_acr_values.as_deref().unwrap_or_default();
    let is_weak = !wanted.is_empty() && wanted.iter().all(|acr| *acr > reached);
    let (now, signed_in_at) = (flows.clock.now(), authentication.signed_in_at());
    if is_weak {
        let store = &*flows.store;
        let has_passkey = has_passkey(flows, store, Some(&client.id), &person.user.id).await?;
        let reach = due_factor::reach(&person.user, has_passkey);
        // Whoever has just signed in is not asked for the same again.
        if now - signed_in_at < JUST_NOW || wanted.iter().all(|acr| *acr > reach) {
            return Err(NotAllowed::Weak.into());
        }
    }
    let page = ReturnPage::Device { user_code: Some(waiting.code.clone()) };
    let is_old = is_old(client, signed_in_at, waiting, now);
    let begun = if is_weak || is_old {
        let (user, language) = (&person.user.id, caller.language.as_str());
        start::begin_confirming(flows, caller, user, page, language).await
    } else if due_terms::are_open(flows, &*flows.store, &person.user.id).await? {
        start::begin_account(flows, caller, page).await
    } else {
        return Ok(());
    };
    match begun {
        Ok(advanced) => Err(NotAllowed::First(Box::new(advanced)).into()),
        Err(error) => Err(error.map(NotAllowed::InteractionError)),
    }
}

/// Whoever signed in in this time is not asked for the same again.
const JUST_NOW: Duration = Duration::seconds(30);

/// Whether the sign-in is older than the client allows: for codes of devices, or for any sign-in.
fn is_old(
    client: &Client,
    signed_in_at: DateTime<Utc>,
    waiting: &WaitingDevice,
    now: DateTime<Utc>,
) -> bool {
    let seconds = |lifetime: Option<i64>| lifetime.and_then(Duration::try_seconds);
    let own = &client.metadata;
    seconds(own.device_max_age).is_some_and(|most| waiting.grant.created_at - signed_in_at > most)
        || seconds(own.session_lifetime).is_some_and(|most| now - signed_in_at > most)
}

/// The person allows it. The device gets its tokens at its next poll.
pub async fn allow(
    flows: &Flows,
    caller: Caller<'_>,
    form: &DeviceForm,
    waiting: &WaitingDevice,
) -> Result<()> {
    if waiting.grant.decided_at.is_some() {
        return Ok(());
    }
    admit(flows, caller, form, waiting).await?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let allowed = allow_in(&tx, caller, form, waiting).await;
    // The device waits for another answer.
    tx.settle_or_undo(allowed).await
}

async fn allow_in(
    tx: &Tx,
    caller: Caller<'_>,
    form: &DeviceForm,
    waiting: &WaitingDevice,
) -> Result<()> {
    let SignedInUser { user, session } = form.person();
    let held = held_session::hold(tx, &user.id, &session.id).await?;
    let SignedInUser { user, session } = held.ok_or(NotAllowed::Unknown)?;
    let (client, asked) = (&waiting.client.client, &waiting.grant.asked);
    let authentication = &session.authentication;
    let wanted = client.metadata.default_acr_values.as_deref().unwrap_or_default();
    let acr = authentication.acr_among(wanted);
    let granted = Granted {
        user: user.id.clone(),
        session: None,
        scope: asked.scope.clone(),
        resources: asked.resources.clone(),
        nonce: None,
        claims: RequestedClaims::default(),
        auth_time: authentication.auth_time(acr),
        acr,
        amr: authentication.amr(),
        provider_issuer: authentication.provider_issuer().map(str::to_owned),
        version: users::version(tx, &user.id).await?,
        dpop_jkt: None,
    };
    if !device_grants::decide(tx, &waiting.grant, Some(&granted)).await? {
        return Err(NotAllowed::Unknown.into());
    }
    if !client.metadata.first_party {
        // The consent also lets the person see the app in their account, and remove it.
        let before = consents::find(tx, &user.id, &client.id).await?.unwrap_or_default();
        let mut consent = before.clone();
        consent.scope = before.scope.joined_with(&asked.scope);
        let new = asked.resources.iter().filter(|one| !before.resources.contains(one));
        consent.resources.extend(new.cloned());
        registration::keep_document(tx, &user.id, client, caller.origin)
            .await
            .map_err(|error| error.map(|full| NotAllowed::TooManyApps(full.0)))?;
        consents::put(tx, &user.id, &client.id, &consent).await?;
    }
    let event = Event::new(EventKind::ConsentGiven).user(&user.id).client(&client.id);
    let event = event.from(caller.origin).detail(format!("device {}", asked.scope));
    audit_events::insert(tx, &[event]).await?;
    Ok(())
}

/// The person denies it: the device gets `access_denied`.
pub async fn deny(
    flows: &Flows,
    caller: Caller<'_>,
    form: &DeviceForm,
    waiting: &WaitingDevice,
) -> Result<()> {
    let tx = flows.store.begin(flows.clock.now()).await?;
    let denied = async {
        if !device_grants::decide(&tx, &waiting.grant, None).await? {
            return Err(NotAllowed::Unknown.into());
        }
        let (user, client) = (&form.person().user.id, &waiting.client.client.id);
        let event = Event::new(EventKind::ConsentDenied).user(user).client(client);
        audit_events::insert(&tx, &[event.from(caller.origin).detail("device")]).await?;
        Ok(())
    };
    let denied = denied.await;
    tx.settle(denied).await
}

/// Begins for somebody who is not signed in: they sign in, and come back with the code.
pub async fn begin(
    flows: &Flows,
    caller: Caller<'_>,
    user_code: Option<UserCode>,
) -> std::result::Result<Advanced, Error<InteractionError>> {
    start::begin_account(flows, caller, ReturnPage::Device { user_code }).await
}
