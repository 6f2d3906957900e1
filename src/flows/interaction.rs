//! An interaction as the steps find it: open, in its own browser, submitted by its own form.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::Duration;

use super::lookup;
use super::outcome::{InteractionError, Outcome};
use crate::accounts::browsers::{BrowserState, SignedInUser};
use crate::clients::registry::Registered;
use crate::domain::audit::Origin;
use crate::domain::interaction::{Handle, Interaction, Pending, Purpose};
use crate::domain::provider::Slug;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::oauth::authorize::request::{CheckedRequest, Untrusted};

/// Who asks, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The browser and who is signed in in it.
    pub browser_state: &'a BrowserState,
    /// The client address.
    pub address: IpAddr,
    /// What the browser calls itself.
    pub user_agent: Option<&'a str>,
    /// What makes it known to people who proved their account in it.
    pub known: Option<&'a str>,
    /// For audit events.
    pub origin: &'a Origin,
}

/// An interaction with what a page shows of it.
#[derive(Clone, Debug)]
pub struct View {
    /// The interaction.
    pub interaction: Interaction,
    /// How the browser names it.
    pub handle: Handle,
    /// The app that the person comes from.
    pub client: Option<Arc<Registered>>,
    /// What the page is about.
    pub subject: Subject,
    /// The account that is to be proven before anything else.
    pub proof: Option<Proof>,
}

/// An account that somebody is to prove, so that it is connected with whom a provider vouched for.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Its person.
    pub user: UserId,
    /// The provider that vouched for somebody.
    pub provider: Slug,
    /// The address, as the provider says it.
    pub email: String,
    /// Whether the account has a password.
    pub has_password: bool,
    /// The other providers that it is connected with.
    pub linked: Vec<Slug>,
}

/// What a page is about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Somebody signs in; again, if they are named.
    SignIn(Option<Box<SignedInUser>>),
    /// Somebody chooses an account.
    Choose,
    /// This person is asked; what they allowed before comes along.
    Consent(Box<SignedInUser>, crate::domain::consent::Consent),
    /// No page: the interaction goes on by itself.
    Elsewhere,
}

/// A second click comes this soon after the first.
pub(super) const SECOND_CLICK: Duration = Duration::seconds(30);

/// The interaction of this name in this browser, if it can still go on.
pub(super) async fn open(
    flows: &Flows,
    caller: Caller<'_>,
    handle: &Handle,
) -> Outcome<Interaction> {
    let interaction = lookup::find(flows, handle).await?;
    open_here(flows, caller, interaction).await
}

/// The same of one that was found.
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
    Ok(interaction)
}

/// Whether an answer to it is so young that a second click may be on its way.
pub(super) fn ended_just_now(flows: &Flows, interaction: &Interaction) -> bool {
    let since = interaction.ended_at.map(|ended_at| flows.clock.now() - ended_at);
    since.is_some_and(|since| since <= SECOND_CLICK)
}

/// Who is to be proven in this interaction: in time, and as long as the provider may be used.
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

/// A request with its client, as both are now.
pub(super) async fn asked(flows: &Flows, purpose: &Purpose) -> Outcome<Option<CheckedRequest>> {
    let Purpose::Authorize(request) = purpose else { return Ok(None) };
    let client = flows.clients.find(&request.client).await?;
    match client.filter(|client| client.client.is_enabled()) {
        Some(client) => Ok(Some(CheckedRequest { request: (**request).clone(), client })),
        None => Err(InteractionError::Untrusted(Untrusted::Client).into()),
    }
}
