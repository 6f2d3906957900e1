//! Finds interactions for the steps, and checks that they are open and belong to this browser.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};

use super::lookup;
use super::outcome::{InteractionError, Outcome};
use crate::accounts::browsers::{BrowserState, SignedInUser};
use crate::accounts::notices::NoticeOrigin;
use crate::clients::registry::Registered;
use crate::domain::audit::Origin;
use crate::domain::authentication::Acr;
use crate::domain::authorization::AuthorizationRequest;
use crate::domain::interaction::{Handle, Interaction, InteractionId, Pending, Purpose};
use crate::domain::language::Language;
use crate::domain::provider::Slug;
use crate::domain::secret::{MailLink, Plain};
use crate::domain::session::{BrowserId, Session};
use crate::domain::user::{User, UserId};
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::oauth::authorize::request::{CheckedRequest, Untrusted};
use crate::store::{Reader, Tx, interactions};

/// The browser that sends a request, and its address.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The browser, and the people who are signed in in it.
    pub browser_state: &'a BrowserState,
    /// The client address.
    pub address: IpAddr,
    /// The `User-Agent` header.
    pub user_agent: Option<&'a str>,
    /// The cookie that says which people proved their account in this browser before.
    pub known: Option<&'a str>,
    /// What audit events say about where the request came from.
    pub origin: &'a Origin,
    /// The language of the page.
    pub language: Language,
}

impl<'a> Caller<'a> {
    /// The request, as notices by mail describe it.
    #[must_use]
    pub fn notice_origin(self) -> NoticeOrigin<'a> {
        let Self { origin, user_agent, language, .. } = self;
        NoticeOrigin { origin, user_agent, language }
    }
}

/// An interaction with the data that its page shows.
#[derive(Clone, Debug)]
pub struct View {
    /// The interaction.
    pub interaction: Interaction,
    /// The name of the interaction in URLs and forms.
    pub handle: Handle,
    /// The app that sent the person.
    pub client: Option<Arc<Registered>>,
    /// What the page is about.
    pub subject: Subject,
    /// The account that has to be proven before the next step.
    pub proof: Option<PendingAccount>,
}

/// An account that a person has to prove, so that it is connected with the identity that a provider
/// vouched for.
#[derive(Clone, Debug)]
pub struct PendingAccount {
    /// The person whose account it is.
    pub user: UserId,
    /// The provider that vouched for the identity.
    pub provider: Slug,
    /// The email address that the provider verified.
    pub email: String,
    /// Whether the account has a password.
    pub has_password: bool,
    /// The other providers that the account is connected with.
    pub linked: Vec<Slug>,
}

/// A second factor that a person is asked for.
#[derive(Clone, Debug)]
pub struct AskedFactor {
    /// The person.
    pub user: User,
    /// Their session, if it needs a stronger proof; `None` if their sign-in is not finished yet.
    pub session: Option<Session>,
    /// The strength that is needed.
    pub acr: Acr,
    /// Whether they have one-time codes.
    pub has_codes: bool,
    /// Whether they have recovery codes left.
    pub has_recovery_codes: bool,
}

/// A second factor that a person may set up, or has to.
#[derive(Clone, Debug)]
pub struct OfferedFactor {
    /// The person.
    pub user: User,
    /// Their session, if they have one; `None` if their sign-in is not finished without a factor.
    pub session: Option<Session>,
}

/// What a page is about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A person signs in. If a person is given, that person has to sign in again.
    SignIn(Option<Box<SignedInUser>>),
    /// This person is asked for a second factor.
    SecondFactor(Box<AskedFactor>),
    /// This person sets up a second factor.
    SetUpFactor(Box<OfferedFactor>),
    /// The person makes an account.
    SignUp,
    /// The person chooses an account.
    Choose,
    /// This person deletes their account, and is asked whether to keep it.
    KeepAccount(Box<SignedInUser>),
    /// This person is asked to accept the operator's documents.
    Terms(Box<SignedInUser>),
    /// This person is asked for consent; their earlier consent is given, too.
    Consent(Box<SignedInUser>, crate::domain::consent::Consent),
    /// There is no page: the next step is taken without the person.
    Elsewhere,
}

/// The interaction that the link of a mail begins. A second click finds it again.
pub(super) fn begun_by(link: &Plain<MailLink>) -> InteractionId {
    let hash = Sha256::digest([b"begun by ", link.expose().as_bytes()].concat());
    let id = URL_SAFE_NO_PAD.encode(hash.get(..16).unwrap_or_default());
    InteractionId::from_stored(id)
}

/// The interaction that a link began which was used up, for a second click in the same browser: as
/// long as the person has not finished it.
pub(super) async fn begun_before(
    reader: &impl Reader,
    link: &Plain<MailLink>,
    browser: Option<&BrowserId>,
    now: DateTime<Utc>,
) -> Result<Option<Interaction>, Fault> {
    let found = interactions::find(reader, &begun_by(link)).await?;
    Ok(found.filter(|found| {
        found.browser.is_some()
            && found.browser.as_ref() == browser
            && found.session.is_none()
            && found.unfinished.is_none()
            && found.ended_at.is_none()
            && now < found.expires_at
    }))
}

/// How long after the first click a second one is expected.
pub(super) const SECOND_CLICK: Duration = Duration::seconds(30);

/// The interaction of this handle, if it belongs to this browser and is still open.
pub(super) async fn open(
    flows: &Flows,
    caller: Caller<'_>,
    handle: &Handle,
) -> Outcome<Interaction> {
    let interaction = lookup::find(flows, handle).await?;
    open_here(flows, caller, interaction).await
}

/// The same check for an interaction that was found already.
pub(super) async fn open_here(
    flows: &Flows,
    caller: Caller<'_>,
    interaction: Interaction,
) -> Outcome<Interaction> {
    if interaction.browser.is_none() || interaction.browser != caller.browser_state.browser {
        return Err(InteractionError::WrongBrowser.into());
    }
    still_open(flows, interaction).await
}

pub(super) async fn still_open(flows: &Flows, interaction: Interaction) -> Outcome<Interaction> {
    if interaction.ended_at.is_some() {
        return Err(InteractionError::Finished(client(flows, &interaction.purpose).await?).into());
    }
    if interaction.expires_at <= flows.clock.now() {
        return Err(InteractionError::Expired(client(flows, &interaction.purpose).await?).into());
    }
    // The step may begin a transaction, inside of which no document of a client is fetched: the page
    // may have been shown by another replica.
    client(flows, &interaction.purpose).await?;
    Ok(interaction)
}

/// Whether the interaction ended so recently that a second click may still arrive.
pub(super) fn ended_just_now(flows: &Flows, interaction: &Interaction) -> bool {
    let since = interaction.ended_at.map(|ended_at| flows.clock.now() - ended_at);
    since.is_some_and(|since| since <= SECOND_CLICK)
}

/// The account that has to be proven in this interaction, if the time for it is not over and the
/// provider may still be used.
pub(super) fn pending<'a>(flows: &Flows, interaction: &'a Interaction) -> Option<&'a Pending> {
    let client = interaction.purpose.client();
    let pending = interaction.pending.as_deref();
    let pending = pending.filter(|pending| flows.clock.now() < pending.expires_at);
    pending.filter(|pending| flows.providers.find(&pending.provider, client).is_some())
}

/// The client that a purpose is for.
pub(super) async fn client(
    flows: &Flows,
    purpose: &Purpose,
) -> Result<Option<Arc<Registered>>, Fault> {
    match purpose {
        Purpose::Authorize(request) => flows.clients.find(&request.client).await,
        _ => Ok(None),
    }
}

/// The authorization request with its client, as the client is registered now.
pub(super) async fn asked(flows: &Flows, purpose: &Purpose) -> Outcome<Option<CheckedRequest>> {
    let Purpose::Authorize(request) = purpose else { return Ok(None) };
    checked(request, flows.clients.find(&request.client).await?)
}

/// The same inside a transaction, which must not wait for a second connection.
pub(super) async fn asked_in(
    tx: &Tx,
    flows: &Flows,
    purpose: &Purpose,
) -> Outcome<Option<CheckedRequest>> {
    let Purpose::Authorize(request) = purpose else { return Ok(None) };
    checked(request, flows.clients.find_in(tx, &request.client).await?)
}

fn checked(
    request: &AuthorizationRequest,
    client: Option<Arc<Registered>>,
) -> Outcome<Option<CheckedRequest>> {
    match client.filter(|client| client.client.is_enabled()) {
        Some(client) => Ok(Some(CheckedRequest { request: request.clone(), client })),
        None => Err(InteractionError::Untrusted(Untrusted::Client).into()),
    }
}
