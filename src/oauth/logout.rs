//! RP-Initiated Logout. A hint that names somebody who is signed in in this very browser proves that
//! the app speaks for them; anybody else is asked first, so no page can sign anybody out.

use std::sync::Arc;

use super::Issuer;
use super::authorize::hinted;
use super::clients::Registered;
use super::interactions::{Caller, Lost, Outcome, ended_just_now, kept, posted, submitted};
use super::respond::with_parameter;
use crate::accounts::browsers::{Cookie, Present, Visitor, sign_out};
use crate::domain::authorization::{LONGEST_HINT, LONGEST_STATE, LONGEST_TOKEN_HINT};
use crate::domain::client::ClientId;
use crate::domain::family::FamilyId;
use crate::domain::form::Form;
use crate::domain::interaction::{Errand, Handle, Interaction, LogoutRequest};
use crate::domain::session::Session;
use crate::domain::user::UserId;
use crate::domain::verdict::{Error, Fault};
use crate::store::{families, interactions};

/// Why a logout request is refused. A page says so: nobody is redirected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLogout(pub &'static str);

impl From<BadLogout> for Error<BadLogout> {
    fn from(bad: BadLogout) -> Self {
        Self::Refused(bad)
    }
}

/// Where a logout request leads.
#[derive(Debug)]
pub enum Step {
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
    /// What the browser proves itself by from now on.
    pub cookie: Option<Cookie>,
}

/// Reads and checks a request, RP-Initiated Logout §2.
pub async fn read(issuer: &Issuer, text: &[u8]) -> Result<LogoutRequest, Error<BadLogout>> {
    let form = Form::parse(text).map_err(|_| BadLogout("the request cannot be read"))?;
    let short = |name, longest| form.get(name).filter(|text: &&str| text.len() <= longest);
    let state = form.get("state");
    if state.is_some_and(|state| state.len() > LONGEST_STATE) {
        return Err(BadLogout("the state has more than 4096 bytes").into());
    }
    let hint = match short("id_token_hint", LONGEST_TOKEN_HINT) {
        Some(hint) => Some(hinted(issuer, hint).ok_or(BadLogout("the id_token_hint is not ours"))?),
        None => None,
    };
    let named = form.get("client_id");
    if let (Some(named), Some(hint)) = (named, &hint)
        && named != hint.aud
    {
        return Err(BadLogout("the id_token_hint was issued to another client").into());
    }
    let client = named.or(hint.as_ref().map(|hint| hint.aud.as_str())).and_then(ClientId::parse);
    let registered = match &client {
        Some(client) => issuer.clients.find(client).await?,
        None => None,
    };
    if named.is_some() && registered.is_none() {
        return Err(BadLogout("the client is unknown").into());
    }
    let uri = form.get("post_logout_redirect_uri");
    if let Some(uri) = uri {
        // §3.1: exactly a registered one, and only of a client that the request names.
        let known = |client: &Arc<Registered>| {
            client.client.post_logout_redirect_uris.iter().any(|known| known == uri)
        };
        if !registered.as_ref().is_some_and(known) {
            return Err(BadLogout("the post_logout_redirect_uri is not registered").into());
        }
    }
    Ok(LogoutRequest {
        client: registered.map(|registered| registered.client.id.clone()),
        redirect_uri: uri.map(str::to_owned),
        state: state.map(str::to_owned),
        user: hint.as_ref().map(|hint| UserId(hint.sub.clone())),
        family: hint.and_then(|hint| hint.sid).map(FamilyId),
        ui_locales: short("ui_locales", LONGEST_HINT).map(str::to_owned),
    })
}

/// Begins with a request that came by GET, in a navigation of the browser or not.
pub async fn begin(
    issuer: &Issuer,
    caller: Caller<'_>,
    request: LogoutRequest,
    is_navigation: bool,
) -> Result<Step, Fault> {
    if caller.visitor.people.is_empty() {
        return done(issuer, &request, None).await.map(Step::Done);
    }
    match proven(issuer, caller.visitor, &request).await? {
        Some(present) if is_navigation => {
            let ending = [&present.session];
            end(issuer, caller, &request, &ending).await.map(Step::Done)
        }
        _ => ask(issuer, caller.visitor, request).await,
    }
}

/// Goes on with a request that came by POST: the browser has come back by GET.
pub async fn go_on(issuer: &Issuer, caller: Caller<'_>, handle: &Handle) -> Outcome<Step> {
    let found = kept::find(issuer, handle).await?;
    let Errand::Logout(request) = found.errand else { return Err(Lost::Unknown.into()) };
    if found.browser.is_some() || found.expires_at <= issuer.clock.now() {
        return Err(Lost::Expired(None).into());
    }
    Ok(begin(issuer, caller, request, true).await?)
}

/// The person whom the hint names, if they are signed in in this browser.
async fn proven<'a>(
    issuer: &Issuer,
    visitor: &'a Visitor,
    request: &LogoutRequest,
) -> Result<Option<&'a Present>, Fault> {
    let Some(user) = &request.user else { return Ok(None) };
    let session = match &request.family {
        Some(family) => families::find(&*issuer.store, family).await?.and_then(|one| one.session),
        None => None,
    };
    let by_session = session.and_then(|session| visitor.present(&session));
    let by_name = visitor.people.iter().find(|present| present.user.id == *user);
    Ok(by_session.filter(|present| present.user.id == *user).or(by_name))
}

async fn ask(issuer: &Issuer, visitor: &Visitor, request: LogoutRequest) -> Result<Step, Fault> {
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    let errand = Errand::Logout(request);
    let interaction = Interaction::new(errand, visitor.browser.clone(), tx.now());
    interactions::keep(&tx, &interaction).await?;
    tx.commit().await?;
    Ok(Step::Confirm(interaction.id.handle()))
}

/// What the page that asks shows.
pub async fn asking(
    issuer: &Issuer,
    caller: Caller<'_>,
    handle: &Handle,
) -> Outcome<(Interaction, Option<Arc<Registered>>)> {
    let interaction = super::interactions::open(issuer, caller, handle).await?;
    let client = match &interaction.errand {
        Errand::Logout(request) => client(issuer, request).await?,
        _ => return Err(Lost::Unknown.into()),
    };
    Ok((interaction, client))
}

/// The person said that they want to sign out, or that they do not.
pub async fn confirm(
    issuer: &Issuer,
    caller: Caller<'_>,
    handle: &Handle,
    csrf: &str,
    yes: bool,
) -> Outcome<Option<Done>> {
    let interaction = match submitted(issuer, caller, handle, csrf).await {
        Err(Error::Refused(lost @ (Lost::Finished(_) | Lost::WrongBrowser))) => {
            return again(issuer, caller, handle, csrf, (yes, lost)).await;
        }
        other => other?,
    };
    let Errand::Logout(request) = &interaction.errand else {
        return Err(Lost::Unknown.into());
    };
    // It ends in a session where somebody stays.
    let stays = caller.visitor.people.first().map(|present| &present.session.id);
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    interactions::end(&tx, &interaction.id, stays.filter(|_| !yes)).await?;
    tx.commit().await?;
    if !yes {
        return Ok(None);
    }
    let ending: Vec<_> = caller.visitor.people.iter().map(|present| &present.session).collect();
    Ok(Some(end(issuer, caller, request, &ending).await?))
}

/// A second click: the browser threw the answer to the first one away. It shows the cookie from before,
/// which is nobody's any more, or the one that it was given.
async fn again(
    issuer: &Issuer,
    caller: Caller<'_>,
    handle: &Handle,
    csrf: &str,
    (yes, lost): (bool, Lost),
) -> Outcome<Option<Done>> {
    let interaction = posted(issuer, handle, csrf).await?;
    let Errand::Logout(request) = &interaction.errand else { return Err(lost.into()) };
    let visitor = caller.visitor;
    let is_theirs = visitor.people.is_empty() || visitor.browser == interaction.browser;
    let same = yes == interaction.session.is_none();
    if !(is_theirs && same && ended_just_now(issuer, &interaction)) {
        return Err(lost.into());
    }
    Ok(if yes { Some(done(issuer, request, None).await?) } else { None })
}

async fn end(
    issuer: &Issuer,
    caller: Caller<'_>,
    request: &LogoutRequest,
    ending: &[&Session],
) -> Result<Done, Fault> {
    let cookie = match &caller.visitor.browser {
        Some(browser) => {
            let tx = issuer.store.begin(issuer.clock.now()).await?;
            let cookie = sign_out(&tx, browser, ending, caller.origin).await?;
            tx.commit().await?;
            issuer.notices.nudge();
            Some(cookie)
        }
        None => None,
    };
    done(issuer, request, cookie).await
}

async fn done(
    issuer: &Issuer,
    request: &LogoutRequest,
    cookie: Option<Cookie>,
) -> Result<Done, Fault> {
    let location = request.redirect_uri.as_ref().map(|uri| match &request.state {
        Some(state) => with_parameter(uri, "state", state),
        None => uri.clone(),
    });
    Ok(Done { location, client: client(issuer, request).await?, cookie })
}

async fn client(
    issuer: &Issuer,
    request: &LogoutRequest,
) -> Result<Option<Arc<Registered>>, Fault> {
    match &request.client {
        Some(client) => issuer.clients.find(client).await,
        None => Ok(None),
    }
}
