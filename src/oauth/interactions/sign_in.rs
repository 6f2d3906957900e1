//! Signing in, choosing an account, turning back.

use super::{Caller, Errand, Interaction, InteractionId, Led, Lost, Next, Outcome, lead};
use crate::accounts::browsers::{self, Proof, Visitor};
use crate::accounts::sign_in::{Knock, PASSWORD_AMR, Refused, SignedIn};
use crate::domain::client::ClientId;
use crate::domain::session::SessionId;
use crate::domain::verdict::{Error, Fault};
use crate::oauth::Issuer;
use crate::oauth::error::{ErrorCode, Refusal};
use crate::store::{Tx, audit_events, interactions};

/// What somebody typed into the sign-in page.
#[derive(Clone, Copy)]
pub struct Typed<'a> {
    /// The user name or the address.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
    /// Whether they want to stay signed in.
    pub keep: bool,
}

impl std::fmt::Debug for Typed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Typed").field("keep", &self.keep).finish_non_exhaustive()
    }
}

/// Why nobody was signed in.
#[derive(Clone, Debug)]
pub enum NotSignedIn {
    /// The interaction cannot go on.
    Lost(Lost),
    /// The password did not let them in.
    Refused(Refused),
}

fn lost(error: Error<Lost>) -> Error<NotSignedIn> {
    match error {
        Error::Refused(lost) => Error::Refused(NotSignedIn::Lost(lost)),
        Error::Fault(fault) => Error::Fault(fault),
    }
}

fn refused(error: Error<Refused>) -> Error<NotSignedIn> {
    match error {
        Error::Refused(refused) => Error::Refused(NotSignedIn::Refused(refused)),
        Error::Fault(fault) => Error::Fault(fault),
    }
}

/// Signs somebody in and takes the next step.
pub async fn sign_in(
    issuer: &Issuer,
    caller: Caller<'_>,
    id: &InteractionId,
    csrf: &str,
    typed: Typed<'_>,
) -> Result<Led, Error<NotSignedIn>> {
    let interaction = super::posted(issuer, id, csrf).await.map_err(lost)?;
    let is_again = is_second_click(issuer, &interaction);
    if !is_again {
        super::submitted(issuer, caller, id, csrf).await.map_err(lost)?;
    }
    let client = match &interaction.errand {
        Errand::Authorize(request) => Some(request.client.clone()),
        Errand::Account { .. } | Errand::Logout(_) => None,
    };
    let knock = Knock {
        username: typed.username,
        password: typed.password,
        address: caller.address,
        client: client.as_ref(),
        origin: caller.origin,
    };
    let proven = issuer.door().by_password(knock).await.map_err(refused)?;
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    let entry = Entry { id, proven: &proven, client: client.as_ref(), keep: typed.keep };
    let led = if is_again {
        again(&tx, issuer, caller, entry).await
    } else {
        admit(&tx, issuer, caller, entry).await
    };
    tx.settle(led).await
}

/// Somebody who proved who they are, at the door.
#[derive(Clone, Copy)]
struct Entry<'a> {
    id: &'a InteractionId,
    proven: &'a SignedIn,
    client: Option<&'a ClientId>,
    keep: bool,
}

/// The first click was answered just now, and the browser threw the answer away for this one.
fn is_second_click(issuer: &Issuer, interaction: &Interaction) -> bool {
    let since = interaction.ended_at.map(|ended_at| issuer.clock.now() - ended_at);
    interaction.session.is_some() && since.is_some_and(|since| since <= super::SECOND_CLICK)
}

async fn admit(
    tx: &Tx,
    issuer: &Issuer,
    caller: Caller<'_>,
    entry: Entry<'_>,
) -> Result<Led, Error<NotSignedIn>> {
    let Entry { id, proven, client, keep } = entry;
    let event = proven.record(tx, client, caller.origin).await.map_err(refused)?;
    let found = interactions::lock(tx, id).await?;
    let Some(mut interaction) = found.filter(|interaction| interaction.ended_at.is_none()) else {
        return Err(Error::Refused(NotSignedIn::Lost(Lost::Finished(None))));
    };
    let Some(browser) = interaction.browser.clone() else {
        return Err(Error::Refused(NotSignedIn::Lost(Lost::WrongBrowser)));
    };
    let proof = Proof {
        user: &proven.user.id,
        amr: PASSWORD_AMR,
        kept: keep,
        user_agent: caller.user_agent,
        origin: caller.origin,
    };
    let (session, cookie, started) =
        browsers::sign_in(tx, &issuer.sessions, &browser, proof).await?;
    audit_events::insert(tx, &[event, started]).await?;
    interaction.session = Some(session.id);
    let visitor = present(tx, browser).await?;
    let led = next(tx, issuer, &visitor, interaction).await.map_err(lost)?;
    Ok(Led { cookie: Some(cookie), ..led })
}

/// Answers a second click like the first: for the same person, in the session of the first.
async fn again(
    tx: &Tx,
    issuer: &Issuer,
    caller: Caller<'_>,
    entry: Entry<'_>,
) -> Result<Led, Error<NotSignedIn>> {
    let Entry { id, proven, client, .. } = entry;
    let event = proven.record(tx, client, caller.origin).await.map_err(refused)?;
    audit_events::insert(tx, &[event]).await?;
    let finished = || Error::Refused(NotSignedIn::Lost(Lost::Finished(None)));
    let interaction = interactions::lock(tx, id).await?.ok_or_else(finished)?;
    let browser = interaction.browser.clone().ok_or_else(finished)?;
    let visitor = present(tx, browser).await?;
    let session = interaction.session.as_ref().and_then(|session| visitor.present(session));
    if session.is_none_or(|present| present.user.id != proven.user.id) {
        return Err(finished());
    }
    next(tx, issuer, &visitor, interaction).await.map_err(lost)
}

/// Who is signed in in the browser now, seen from within the transaction.
async fn present(tx: &Tx, browser: crate::domain::session::BrowserId) -> Result<Visitor, Fault> {
    Visitor::in_browser(tx, browser, tx.now()).await
}

async fn next(
    tx: &Tx,
    issuer: &Issuer,
    visitor: &Visitor,
    interaction: Interaction,
) -> Outcome<Led> {
    let asked = super::asked(issuer, &interaction.errand).await?;
    let consents = lead::allowed(tx, visitor, asked.as_ref()).await?;
    let course = lead::Course::stored(interaction, asked);
    lead::step(tx, issuer, visitor, &consents, course, false).await
}

/// Somebody chose an account that is signed in in their browser; none: another one.
pub async fn choose(
    issuer: &Issuer,
    caller: Caller<'_>,
    id: &InteractionId,
    csrf: &str,
    session: Option<&SessionId>,
) -> Outcome<Led> {
    let mut interaction = super::submitted(issuer, caller, id, csrf).await?;
    let chosen = session.filter(|session| caller.visitor.present(session).is_some());
    let Some(chosen) = chosen else {
        return Ok(Led { next: Next::SignIn(id.clone()), cookie: None });
    };
    interaction.session = Some(chosen.clone());
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    let led = next(&tx, issuer, caller.visitor, interaction).await;
    tx.settle(led).await
}

/// Somebody turned back: the app hears `access_denied` (RFC 6749 §4.1.2.1).
pub async fn turn_back(
    issuer: &Issuer,
    caller: Caller<'_>,
    id: &InteractionId,
    csrf: &str,
) -> Outcome<Led> {
    let interaction = super::submitted(issuer, caller, id, csrf).await?;
    let asked = super::asked(issuer, &interaction.errand).await?.ok_or(Lost::Unknown)?;
    let refusal = Refusal::new(ErrorCode::AccessDenied, "the person turned back");
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    let answer = lead::refuse(&tx, issuer, interaction, &asked, &refusal).await;
    let answer = tx.settle(answer).await?;
    Ok(Led { next: Next::Answer(answer), cookie: None })
}
