//! Signing in with a passkey: at the beginning, again, and to confirm who one is.

use crate::accounts::passkeys::challenge::{ChallengePurpose, PasskeyPrompt};
use crate::accounts::passkeys::proving::{NotProven, PasskeyAttempt, ProvenPasskey};
use crate::accounts::passkeys::relying_party::RelyingParty;
use crate::accounts::sign_in::SignInRefused;
use crate::domain::authentication::{Authentication, Method};
use crate::domain::interaction::{Interaction, Purpose};
use crate::domain::user::UserId;
use crate::domain::verdict::{Error, Fault};
use crate::flows::complete_sign_in::{CompletedSignIn, asks_for_another, complete_sign_in};
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller};
use crate::flows::outcome::{Advanced, InteractionError};
use crate::flows::submitted::Submitted;
use crate::store::{Tx, interactions, passkeys, users};

/// The fields of the form in which a script sends the answer of an authenticator.
#[derive(Clone, Copy)]
pub struct PasskeyAnswer<'a> {
    /// The sealed challenge.
    pub challenge: &'a str,
    /// The answer, as JSON.
    pub answer: &'a str,
    /// Whether they want to stay signed in.
    pub keep: bool,
}

impl std::fmt::Debug for PasskeyAnswer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasskeyAnswer").field("keep", &self.keep).finish_non_exhaustive()
    }
}

/// Why the person was not signed in with a passkey.
#[derive(Clone, Debug)]
pub enum NotSignedInByPasskey {
    /// The interaction cannot continue.
    InteractionError(InteractionError),
    /// Passkeys are not offered here.
    NotOffered,
    /// The person took too long.
    Late,
    /// The passkey was refused.
    Refused(SignInRefused),
    /// The passkey is right, but another account has to be proven.
    Another,
}

type OrNotSignedIn<T> = Result<T, Error<NotSignedInByPasskey>>;

fn lost(error: Error<InteractionError>) -> Error<NotSignedInByPasskey> {
    error.map(NotSignedInByPasskey::InteractionError)
}

fn refused(error: Error<SignInRefused>) -> Error<NotSignedInByPasskey> {
    error.map(NotSignedInByPasskey::Refused)
}

/// What a page of this interaction hands to the browser, if people can prove there with a passkey
/// who they are. A person who has to prove more or to sign in again is asked for one of their own
/// passkeys.
pub async fn prompt(
    flows: &Flows,
    interaction: &Interaction,
    again: Option<&UserId>,
) -> Result<Option<PasskeyPrompt>, Fault> {
    let (Some(relying_party), Some(browser)) =
        (relying_party(flows, interaction), &interaction.browser)
    else {
        return Ok(None);
    };
    let with = match again {
        Some(user) => passkeys::of_user(&*flows.store, user).await?,
        None => Vec::new(),
    };
    if again.is_some() && with.is_empty() {
        return Ok(None);
    }
    let purpose = ChallengePurpose::Proving(&interaction.id, browser);
    relying_party.begin_proving(purpose, &with, flows.clock.now()).map(Some)
}

/// The relying party, if passkeys are a way to sign in in this interaction. Where only providers are
/// allowed, a passkey is accepted from a person whom a provider vouched for: they prove their older
/// account with it.
fn relying_party<'a>(flows: &'a Flows, interaction: &Interaction) -> Option<&'a RelyingParty> {
    let only = flows.providers.are_the_only_way(interaction.purpose.client());
    let is_way = !only || interaction::pending(flows, interaction).is_some();
    flows.passkeys.as_deref().filter(|_| is_way)
}

/// Signs a person in with a passkey and takes the next step.
pub async fn sign_in_by_passkey(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    given: PasskeyAnswer<'_>,
) -> OrNotSignedIn<Advanced> {
    let interaction = form.open(flows, caller).await.map_err(lost)?;
    let not_offered = || Error::Refused(NotSignedInByPasskey::NotOffered);
    let relying_party = relying_party(flows, &interaction).ok_or_else(not_offered)?;
    let browser = interaction.browser.as_ref().ok_or_else(not_offered)?;
    let attempt = PasskeyAttempt {
        purpose: ChallengePurpose::Proving(&interaction.id, browser),
        challenge: given.challenge,
        answer: given.answer,
        address: caller.address,
        browser_state: caller.browser_state,
        known: caller.known,
        client: interaction.purpose.client(),
        origin: caller.origin,
    };
    let proven = relying_party.prove(&flows.password, attempt).await;
    let proven = proven.map_err(|error| {
        error.map(|not_proven| match not_proven {
            NotProven::Late => NotSignedInByPasskey::Late,
            NotProven::Refused(refused) => NotSignedInByPasskey::Refused(refused),
        })
    })?;
    // Who confirms who they are for a change is the person of the account page.
    if let Purpose::Confirm { user, .. } = &interaction.purpose
        && *user != proven.passkey.user
    {
        return Err(Error::Refused(NotSignedInByPasskey::Refused(SignInRefused::Wrong)));
    }
    let tx = flows.store.begin(flows.clock.now()).await?;
    let advanced = admit(&tx, flows, caller, &interaction, &proven, given.keep);
    let advanced = Box::pin(advanced).await;
    tx.settle(advanced).await
}

async fn admit(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    interaction: &Interaction,
    proven: &ProvenPasskey,
    keep: bool,
) -> OrNotSignedIn<Advanced> {
    let (id, user) = (&interaction.id, &proven.passkey.user);
    if interaction::pending(flows, interaction).is_some() {
        // The user is locked for writing before it is locked for reading, as for a password.
        users::lock(tx, user).await?;
    }
    let client = interaction.purpose.client();
    let event = proven.record(tx, client, caller.origin).await.map_err(refused)?;
    interactions::keep(tx, interaction).await?;
    if asks_for_another(tx, flows, id, user).await? {
        return Err(Error::Refused(NotSignedInByPasskey::Another));
    }
    let method = Method::Passkey { backed_up: proven.passkey.backed_up };
    let authentication = Authentication::by(method, tx.now());
    let keep = keep || keeps_already(tx, caller, interaction, user);
    let entry = CompletedSignIn { id, user: user.clone(), authentication, keep, event };
    complete_sign_in(tx, flows, caller, entry).await.map_err(lost)
}

/// Whether the person said before that they want to stay signed in: in the sign-in that they finish
/// with the passkey, or in the session for which they prove more. The pages for that do not ask it
/// again.
fn keeps_already(tx: &Tx, caller: Caller<'_>, interaction: &Interaction, user: &UserId) -> bool {
    let begun = interaction.unfinished(tx.now()).filter(|begun| begun.user == *user);
    let mut people = caller.browser_state.people.iter();
    begun.is_some_and(|begun| begun.keep)
        || people.any(|person| person.user.id == *user && person.session.kept)
}
