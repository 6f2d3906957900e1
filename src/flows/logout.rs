//! Signing out at the request of an app, RP-Initiated Logout. A hint that names somebody who is signed in in this very browser proves that
//! the app speaks for them; anybody else is asked first, so no page can sign anybody out.

use std::sync::Arc;

use crate::accounts::browsers::{BrowserState, Cookie, SignedInUser, sign_out};
use crate::clients::registry::Registered;
use crate::domain::interaction::{Handle, Interaction, LogoutRequest, Purpose};
use crate::domain::provider::{self, Slug};
use crate::domain::session::Session;
use crate::domain::verdict::{Error, Fault};
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller, ended_just_now};
use crate::flows::lookup;
use crate::flows::outcome::{InteractionError, Outcome};
use crate::flows::submitted::Submitted;
use crate::oauth::authorize::response::with_parameter;
use crate::store::{families, interactions};

/// Where a logout request leads.
#[derive(Debug)]
pub enum LogoutStep {
    /// The person is asked.
    Confirm(Handle),
    /// It is done.
    Done(Done),
}

/// Signed out.
#[derive(Debug)]
pub struct Done {
    /// Where the browser goes: a registered URI of the app.
    pub location: Option<String>,
    /// The app that sent the person.
    pub client: Option<Arc<Registered>>,
    /// The providers that the people who signed out came by: they are still signed in there.
    pub providers: Vec<Slug>,
    /// What the browser proves itself by from now on.
    pub cookie: Option<Cookie>,
}

impl Done {
    /// Somebody signed out on their account page: no app sent them.
    #[must_use]
    pub fn on_account_page(person: &SignedInUser, cookie: Option<Cookie>) -> Self {
        Self { location: None, client: None, providers: came_by(&[&person.session]), cookie }
    }
}

fn came_by(ended: &[&Session]) -> Vec<Slug> {
    ended
        .iter()
        .filter_map(|session| provider::came_by(&session.amr).and_then(Slug::parse))
        .collect()
}

/// Begins with a request that came by GET, in a navigation of the browser or not.
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
            end(flows, caller, &request, &ending).await.map(LogoutStep::Done)
        }
        _ => ask(flows, caller.browser_state, request),
    }
}

/// Goes on with a request that came by POST: the browser has come back by GET.
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

/// Any page can send a browser here: the question travels with the browser, and nothing is written
/// until the person answers.
fn ask(
    flows: &Flows,
    browser_state: &BrowserState,
    request: LogoutRequest,
) -> Result<LogoutStep, Fault> {
    let (purpose, browser) = (Purpose::Logout(request), browser_state.browser.clone());
    let interaction = Interaction::new(purpose, browser, flows.clock.now());
    Ok(LogoutStep::Confirm(lookup::handle(flows, &interaction)?))
}

/// What the page that asks shows.
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

/// The person said that they want to sign out, or that they do not.
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
    // It ends in a session where somebody stays.
    let stays =
        caller.browser_state.people.first().map(|signed_in_user| &signed_in_user.session.id);
    let tx = flows.store.begin(flows.clock.now()).await?;
    interactions::keep(&tx, &interaction).await?;
    interactions::end(&tx, &interaction.id, stays.filter(|_| !yes)).await?;
    tx.commit().await?;
    if !yes {
        return Ok(None);
    }
    let ending: Vec<_> =
        caller.browser_state.people.iter().map(|signed_in_user| &signed_in_user.session).collect();
    Ok(Some(end(flows, caller, request, &ending).await?))
}

/// A second click: the browser threw the answer to the first one away. It shows the cookie from before,
/// which is nobody's any more, or the one that it was given.
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
    Ok(if yes { Some(done(flows, request, &[], None).await?) } else { None })
}

async fn end(
    flows: &Flows,
    caller: Caller<'_>,
    request: &LogoutRequest,
    ending: &[&Session],
) -> Result<Done, Fault> {
    let cookie = match &caller.browser_state.browser {
        Some(browser) => {
            let tx = flows.store.begin(flows.clock.now()).await?;
            let cookie = sign_out(&tx, browser, ending, caller.origin).await?;
            tx.commit().await?;
            flows.notices.nudge();
            Some(cookie)
        }
        None => None,
    };
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
    Ok(Done { location, client, providers: came_by(ended), cookie })
}

async fn client(flows: &Flows, request: &LogoutRequest) -> Result<Option<Arc<Registered>>, Fault> {
    match &request.client {
        Some(client) => flows.clients.find(client).await,
        None => Ok(None),
    }
}
