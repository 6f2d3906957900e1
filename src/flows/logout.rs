//! Sign-out at the request of an app, RP-Initiated Logout. If the id token hint names a person who
//! is signed in in this browser, the app may sign that person out. In every other case the person
//! is asked first, so no web page can sign people out.

use std::sync::Arc;

use crate::accounts::browsers::{BrowserState, Cookie, SignedInUser, sign_out};
use crate::clients::registry::Registered;
use crate::domain::client::RegisteredBy;
use crate::domain::interaction::{Handle, Interaction, LogoutRequest, Purpose};
use crate::domain::provider::Slug;
use crate::domain::session::Session;
use crate::domain::verdict::{Error, Fault};
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller, ended_just_now};
use crate::flows::lookup;
use crate::flows::outcome::{InteractionError, Outcome};
use crate::flows::submitted::Submitted;
use crate::oauth::authorize::response::with_parameter;
use crate::store::{families, interactions};

/// The result of a logout request.
#[derive(Debug)]
pub enum LogoutStep {
    /// Ask the person for confirmation.
    Confirm(Handle),
    /// The person is signed out.
    Done(Done),
}

/// A sign-out that is done.
#[derive(Debug)]
pub struct Done {
    /// The registered URI of the app that the browser is redirected to.
    pub location: Option<String>,
    /// The app that sent the person.
    pub client: Option<Arc<Registered>>,
    /// The providers with which the people who were signed out had signed in. They are still signed
    /// in there.
    pub providers: Vec<Slug>,
    /// The new cookie of the browser.
    pub cookie: Option<Cookie>,
    /// Whether the person pressed a button of ours for it.
    pub is_asked: bool,
}

impl Done {
    /// A sign-out on the account page: no app asked for it.
    #[must_use]
    pub fn on_account_page(person: &SignedInUser, cookie: Option<Cookie>) -> Self {
        let providers = came_by(&[&person.session]);
        Self { location: None, client: None, providers, cookie, is_asked: true }
    }

    /// Where the browser is redirected to. An app for which no operator vouches could otherwise send
    /// people anywhere by a link to this server (RFC 9700 §4.11.2).
    #[must_use]
    pub fn onward(&self) -> Option<&str> {
        let by = self.client.as_ref().map(|one| one.client.registered_by);
        let may_lead = self.is_asked || by == Some(RegisteredBy::Operator);
        self.location.as_deref().filter(|_| may_lead)
    }
}

fn came_by(ended: &[&Session]) -> Vec<Slug> {
    let provider = |session: &&Session| Some(session.authentication.provider()?.0.clone());
    ended.iter().filter_map(provider).collect()
}

/// Begins with a request that arrived by GET. `is_navigation` says whether the browser navigated to
/// it.
pub async fn begin(
    flows: &Flows,
    caller: Caller<'_>,
    request: LogoutRequest,
    is_navigation: bool,
) -> Result<LogoutStep, Fault> {
    if caller.browser_state.people.is_empty() {
        return done(flows, &request, &[], None).await.map(LogoutStep::Done);
    }
    match proven(flows, caller.browser_state, &request).await? {
        Some(signed_in_user) if is_navigation => {
            let ending = [&signed_in_user.session];
            end(flows, caller, &request, &ending, None).await.map(LogoutStep::Done)
        }
        _ => ask(flows, caller.browser_state, request),
    }
}

/// Continues with a request that arrived by POST: the browser has been redirected and now sends a
/// GET.
pub async fn resume(flows: &Flows, caller: Caller<'_>, handle: &Handle) -> Outcome<LogoutStep> {
    let found = lookup::find(flows, handle).await?;
    let Purpose::Logout(request) = found.purpose else {
        return Err(InteractionError::Unknown.into());
    };
    if found.browser.is_some() || found.expires_at <= flows.clock.now() {
        return Err(InteractionError::Expired(None).into());
    }
    Ok(begin(flows, caller, request, true).await?)
}

/// The person whom the hint names, if they are signed in in this browser.
async fn proven<'a>(
    flows: &Flows,
    browser_state: &'a BrowserState,
    request: &LogoutRequest,
) -> Result<Option<&'a SignedInUser>, Fault> {
    let Some(user) = &request.user else { return Ok(None) };
    let session = match &request.family {
        Some(family) => families::find(&*flows.store, family).await?.and_then(|one| one.session),
        None => None,
    };
    let by_session = session.and_then(|session| browser_state.signed_in(&session));
    let by_name =
        browser_state.people.iter().find(|signed_in_user| signed_in_user.user.id == *user);
    Ok(by_session.filter(|signed_in_user| signed_in_user.user.id == *user).or(by_name))
}

/// Asks for confirmation. Any web page can send a browser here, so the request is sealed in the
/// handle and nothing is written until the person answers.
fn ask(
    flows: &Flows,
    browser_state: &BrowserState,
    request: LogoutRequest,
) -> Result<LogoutStep, Fault> {
    let (purpose, browser) = (Purpose::Logout(request), browser_state.browser.clone());
    let interaction = Interaction::new(purpose, browser, flows.clock.now());
    Ok(LogoutStep::Confirm(lookup::handle(flows, &interaction)?))
}

/// The data of the confirmation page.
pub async fn asking(
    flows: &Flows,
    caller: Caller<'_>,
    handle: &Handle,
) -> Outcome<(Interaction, Option<Arc<Registered>>)> {
    let interaction = interaction::open(flows, caller, handle).await?;
    let client = match &interaction.purpose {
        Purpose::Logout(request) => client(flows, request).await?,
        _ => return Err(InteractionError::Unknown.into()),
    };
    Ok((interaction, client))
}

/// The person answered whether they want to sign out.
pub async fn confirm(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    yes: bool,
) -> Outcome<Option<Done>> {
    let interaction = match form.open(flows, caller).await {
        Err(Error::Refused(
            lost @ (InteractionError::Finished(_) | InteractionError::WrongBrowser),
        )) => {
            return again(flows, caller, form, (yes, lost)).await;
        }
        other => other?,
    };
    let Purpose::Logout(request) = &interaction.purpose else {
        return Err(InteractionError::Unknown.into());
    };
    if yes {
        return sign_out_all(flows, caller, request, Some(&interaction)).await.map(Some);
    }
    // As the person stays signed in, the interaction ends with their session; after a sign-out it
    // ends without one.
    let stays =
        caller.browser_state.people.first().map(|signed_in_user| &signed_in_user.session.id);
    let tx = flows.store.begin(flows.clock.now()).await?;
    interactions::keep(&tx, &interaction).await?;
    interactions::end(&tx, &interaction.id, stays).await?;
    tx.commit().await?;
    Ok(None)
}

/// A second click: the browser dropped the answer to the first one. It sends the old cookie, which
/// belongs to no browser any more, or the new cookie of that answer. If somebody is signed in in
/// this browser all the same, they are signed out like by the first click: whoever presses the
/// button once more wants that, and nobody is told so who is still signed in.
async fn again(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    (yes, lost): (bool, InteractionError),
) -> Outcome<Option<Done>> {
    let interaction = form.interaction();
    let Purpose::Logout(request) = &interaction.purpose else { return Err(lost.into()) };
    let browser_state = caller.browser_state;
    let is_theirs = browser_state.people.is_empty() || browser_state.browser == interaction.browser;
    let same = yes == interaction.session.is_none();
    if !(is_theirs && same && ended_just_now(flows, interaction)) {
        return Err(lost.into());
    }
    if !yes {
        return Ok(None);
    }
    if browser_state.people.is_empty() {
        return Ok(Some(Done { is_asked: true, ..done(flows, request, &[], None).await? }));
    }
    sign_out_all(flows, caller, request, None).await.map(Some)
}

/// Signs out everybody in this browser, as the button says. Its interaction ends with that, unless it
/// has ended already.
async fn sign_out_all(
    flows: &Flows,
    caller: Caller<'_>,
    request: &LogoutRequest,
    interaction: Option<&Interaction>,
) -> Outcome<Done> {
    let ending: Vec<_> =
        caller.browser_state.people.iter().map(|signed_in_user| &signed_in_user.session).collect();
    let done = end(flows, caller, request, &ending, interaction).await?;
    Ok(Done { is_asked: true, ..done })
}

/// Ends these sessions, and the interaction in which the person was asked. It is one transaction: an
/// interaction that ended alone would look like a sign-out that is done.
async fn end(
    flows: &Flows,
    caller: Caller<'_>,
    request: &LogoutRequest,
    ending: &[&Session],
    interaction: Option<&Interaction>,
) -> Result<Done, Fault> {
    let tx = flows.store.begin(flows.clock.now()).await?;
    if let Some(interaction) = interaction {
        interactions::keep(&tx, interaction).await?;
        interactions::end(&tx, &interaction.id, None).await?;
    }
    let cookie = match &caller.browser_state.browser {
        Some(browser) => Some(sign_out(&tx, browser, ending, caller.origin).await?),
        None => None,
    };
    tx.commit().await?;
    flows.notices.nudge();
    done(flows, request, ending, cookie).await
}

async fn done(
    flows: &Flows,
    request: &LogoutRequest,
    ended: &[&Session],
    cookie: Option<Cookie>,
) -> Result<Done, Fault> {
    let location = request.redirect_uri.as_ref().map(|uri| match &request.state {
        Some(state) => with_parameter(uri, "state", state),
        None => uri.clone(),
    });
    let client = client(flows, request).await?;
    Ok(Done { location, client, providers: came_by(ended), cookie, is_asked: false })
}

async fn client(flows: &Flows, request: &LogoutRequest) -> Result<Option<Arc<Registered>>, Fault> {
    match &request.client {
        Some(client) => flows.clients.stored(client).await,
        None => Ok(None),
    }
}
