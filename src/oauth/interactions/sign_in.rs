//! Signing in, choosing an account, turning back.

use super::enter::{Entry, asks_for_another, enter, next, present};
use super::{Caller, Interaction, InteractionId, Led, Lost, Next, Outcome, lead};
use crate::accounts::sign_in::{Knock, PASSWORD_AMR, Place, Refused, SignedIn};
use crate::domain::client::ClientId;
use crate::domain::interaction::Pending;
use crate::domain::person;
use crate::domain::session::SessionId;
use crate::domain::user::UserId;
use crate::domain::verdict::Error;
use crate::oauth::Issuer;
use crate::oauth::error::{ErrorCode, Refusal};
use crate::store::{Tx, audit_events, interactions, users};

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
    /// People come in by providers alone.
    ByProviderOnly,
    /// The password did not let them in.
    Refused(Refused),
    /// The password is right, and another account is to be proven.
    Another,
}

fn lost(error: Error<Lost>) -> Error<NotSignedIn> {
    error.map(NotSignedIn::Lost)
}

fn refused(error: Error<Refused>) -> Error<NotSignedIn> {
    error.map(NotSignedIn::Refused)
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
    let client = interaction.errand.client();
    // Whom a provider vouched for may have no other way to prove an older account: that one alone.
    let only = issuer.providers.are_the_only_way(client) && !is_again;
    let pending = super::pending(issuer, &interaction);
    if only && pending.is_none() {
        return Err(Error::Refused(NotSignedIn::ByProviderOnly));
    }
    let knock = Knock {
        username: typed.username,
        password: typed.password,
        place: Place::Address(caller.address),
        browser: caller.known,
        asked_for: pending.and_then(|pending| asked_for(pending, typed.username)),
        client,
        origin: caller.origin,
    };
    let signed_in = issuer.door().by_password(knock).await.map_err(refused)?;
    if only && pending.is_none_or(|pending| pending.user != signed_in.user.id) {
        return Err(Error::Refused(NotSignedIn::Refused(Refused::Wrong)));
    }
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    let links = pending.is_some();
    let proven = Proven { id, signed_in: &signed_in, client, keep: typed.keep, links };
    let led = if is_again {
        again(&tx, issuer, caller, proven).await
    } else {
        admit(&tx, issuer, caller, proven).await
    };
    tx.settle(led).await
}

/// The account that is to be proven, where its address was typed: the provider vouched for that,
/// whether or not the account had proven it before.
fn asked_for<'a>(pending: &'a Pending, username: &str) -> Option<&'a UserId> {
    let address = pending.identity.verified_email().and_then(person::email_key)?;
    (person::email_key(username)? == address).then_some(&pending.user)
}

/// Somebody who proved a password.
#[derive(Clone, Copy)]
struct Proven<'a> {
    id: &'a InteractionId,
    signed_in: &'a SignedIn,
    client: Option<&'a ClientId>,
    keep: bool,
    /// Whether somebody whom a provider vouched for may be linked.
    links: bool,
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
    proven: Proven<'_>,
) -> Result<Led, Error<NotSignedIn>> {
    let Proven { id, signed_in, client, keep, links } = proven;
    if links {
        // Before it is held for reading, or two of these wait for each other.
        users::lock(tx, &signed_in.user.id).await?;
    }
    let event = signed_in.record(tx, client, caller.origin).await.map_err(refused)?;
    if asks_for_another(tx, issuer, id, &signed_in.user.id).await? {
        return Err(Error::Refused(NotSignedIn::Another));
    }
    let entry =
        Entry { id, user: &signed_in.user.id, amr: PASSWORD_AMR, issuer: None, keep, event };
    enter(tx, issuer, caller, entry).await.map_err(lost)
}

/// Answers a second click like the first: for the same person, in the session of the first.
async fn again(
    tx: &Tx,
    issuer: &Issuer,
    caller: Caller<'_>,
    proven: Proven<'_>,
) -> Result<Led, Error<NotSignedIn>> {
    let Proven { id, signed_in, client, .. } = proven;
    let event = signed_in.record(tx, client, caller.origin).await.map_err(refused)?;
    audit_events::insert(tx, &[event]).await?;
    let finished = || Error::Refused(NotSignedIn::Lost(Lost::Finished(None)));
    let interaction = interactions::lock(tx, id).await?.ok_or_else(finished)?;
    let browser = interaction.browser.clone().ok_or_else(finished)?;
    let visitor = present(tx, browser).await?;
    let session = interaction.session.as_ref().and_then(|session| visitor.present(session));
    if session.is_none_or(|present| present.user.id != signed_in.user.id) {
        return Err(finished());
    }
    next(tx, issuer, &visitor, interaction).await.map_err(lost)
}

/// Somebody chose an account that is signed in in their browser and may go on; any other: they sign
/// in as somebody else.
pub async fn choose(
    issuer: &Issuer,
    caller: Caller<'_>,
    id: &InteractionId,
    csrf: &str,
    session: Option<&SessionId>,
) -> Outcome<Led> {
    let mut interaction = super::submitted(issuer, caller, id, csrf).await?;
    let eligible = lead::eligible(issuer, caller.visitor, &interaction.errand);
    let chosen = session.filter(|chosen| eligible.iter().any(|one| one.session.id == **chosen));
    let Some(chosen) = chosen else {
        return Ok(Led { next: Next::SignInAsAnother(id.clone()), cookie: None });
    };
    interaction.session = Some(chosen.clone());
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    let led = async {
        interactions::set_session(&tx, id, chosen).await?;
        next(&tx, issuer, caller.visitor, interaction).await
    };
    let led = led.await;
    tx.settle(led).await
}

/// Somebody goes on without connecting whom a provider vouched for.
pub async fn forget_pending(
    issuer: &Issuer,
    caller: Caller<'_>,
    id: &InteractionId,
    csrf: &str,
) -> Outcome<Led> {
    super::submitted(issuer, caller, id, csrf).await?;
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    interactions::set_pending(&tx, id, None).await?;
    tx.commit().await?;
    Ok(Led { next: Next::SignIn(id.clone()), cookie: None })
}

/// Somebody turned back: the app hears `access_denied` (RFC 6749 §4.1.2.1), or that the provider
/// which they wanted to come by is unavailable.
pub async fn turn_back(
    issuer: &Issuer,
    caller: Caller<'_>,
    id: &InteractionId,
    csrf: &str,
    unavailable: bool,
) -> Outcome<Led> {
    let interaction = super::submitted(issuer, caller, id, csrf).await?;
    let asked = super::asked(issuer, &interaction.errand).await?.ok_or(Lost::Unknown)?;
    let refusal = if unavailable {
        // RFC 6749 §4.1.2.1
        Refusal::new(ErrorCode::Overloaded, "the provider cannot be reached")
    } else {
        Refusal::new(ErrorCode::AccessDenied, "the person turned back")
    };
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    let answer = lead::refuse(&tx, issuer, interaction, &asked, &refusal).await;
    let answer = tx.settle(answer).await?;
    Ok(Led { next: Next::Answer(answer), cookie: None })
}
