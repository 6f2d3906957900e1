//! Signing in with a code that is mailed to the verified address of the account. The code counts in
//! the browser that asked for it. It is one factor.

use crate::accounts::mail_secrets;
use crate::accounts::sign_in::minutely;
use crate::domain::address::neighbourhood;
use crate::domain::audit::{Event, EventKind};
use crate::domain::authentication::{Authentication, Method};
use crate::domain::language::Language;
use crate::domain::mail::MailContent;
use crate::domain::mail_secret::{MailPurpose, MailSecret, MailSecretOwner};
use crate::domain::user::UserId;
use crate::domain::verdict::Error;
use crate::flows::complete_sign_in::{
    CompletedSignIn, asks_for_another, complete_sign_in, succeeded,
};
use crate::flows::context::Flows;
use crate::flows::interaction::Caller;
use crate::flows::mail_to_account::{self, MailToAccount};
use crate::flows::outcome::{Advanced, InteractionError, Outcome};
use crate::flows::submitted::Submitted;
use crate::store::{Tx, audit_events, interactions, mail_secrets as stored, users};

/// Why the person was not signed in.
#[derive(Debug)]
pub enum NoCodeSignIn {
    /// The interaction cannot continue.
    InteractionError(InteractionError),
    /// The code does not count.
    Wrong,
    /// The code is right, but another account has to be proven.
    Another,
}

fn lost(error: Error<InteractionError>) -> Error<NoCodeSignIn> {
    error.map(NoCodeSignIn::InteractionError)
}

/// Whether people can sign in with a mailed code.
#[must_use]
pub fn is_offered(flows: &Flows) -> bool {
    flows.mailer.is_some() && flows.sign_in_methods.mail_code
}

/// Mails a code to the account of this name, if there is one whose address is verified.
pub async fn ask(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    typed: &str,
    language: Language,
) -> Outcome<()> {
    check_offered(flows, caller, form).await?;
    let asked = MailToAccount {
        purpose: MailPurpose::SignInCode,
        typed,
        language,
        payload: serde_json::Value::Null,
        event: EventKind::SignInCodeSent,
    };
    let sent = mail_to_account::send(flows, caller, asked, |secret| {
        let code = secret.code.as_ref()?.expose().to_owned();
        Some(MailContent::SignInCode { code: code.into() })
    });
    Box::pin(sent).await
}

async fn check_offered(flows: &Flows, caller: Caller<'_>, form: &Submitted) -> Outcome<()> {
    let interaction = form.open(flows, caller).await?;
    if !is_offered(flows) || flows.providers.are_the_only_way(interaction.purpose.client()) {
        return Err(InteractionError::Unknown.into());
    }
    Ok(())
}

/// Signs a person in with the code that they typed, and takes the next step.
pub async fn sign_in(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    typed: &str,
    keep: bool,
) -> Result<Advanced, Error<NoCodeSignIn>> {
    check_offered(flows, caller, form).await.map_err(lost)?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let user = match Box::pin(spend(&tx, caller, form, typed)).await {
        Ok(user) => user,
        // The attempt counts.
        Err(error) => return tx.settle(Err(error)).await,
    };
    let advanced = Box::pin(sign_in_with(&tx, flows, caller, form, (user, keep))).await;
    let advanced = tx.settle_or_undo(advanced).await?;
    flows.notices.nudge();
    Ok(advanced)
}

/// Uses the code up. Returns whose it is.
async fn spend(
    tx: &Tx,
    caller: Caller<'_>,
    form: &Submitted,
    typed: &str,
) -> Result<UserId, Error<NoCodeSignIn>> {
    const PURPOSE: MailPurpose = MailPurpose::SignInCode;
    let interaction = form.interaction();
    let no_browser = || lost(InteractionError::WrongBrowser.into());
    let browser = interaction.browser.as_ref().ok_or_else(no_browser)?;
    match mail_secrets::spend_code(tx, PURPOSE, browser, typed).await {
        Ok(MailSecret { owner: MailSecretOwner::Account(user, _), .. }) => return Ok(user),
        Ok(_) | Err(Error::Refused(_)) => {}
        Err(Error::Fault(fault)) => return Err(fault.into()),
    }
    let mut event = Event::new(EventKind::SignInFailed).from(caller.origin).detail("mailed code");
    event.client = interaction.purpose.client().cloned();
    let asked = stored::find_newest(tx, PURPOSE, browser).await?;
    if let Some(MailSecret { owner: MailSecretOwner::Account(user, _), .. }) = asked {
        event = event.user(&user);
    }
    let place = format!("mailed code at {}", neighbourhood(caller.address));
    audit_events::insert_counted(tx, &event, minutely(&event, &place, tx.now())).await?;
    Err(Error::Refused(NoCodeSignIn::Wrong))
}

async fn sign_in_with(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    (user, keep): (UserId, bool),
) -> Result<Advanced, Error<NoCodeSignIn>> {
    let interaction = form.interaction();
    let client = interaction.purpose.client();
    let user = users::lock(tx, &user).await?.filter(|user| user.may_sign_in(tx.now()));
    let user = user.ok_or(Error::Refused(NoCodeSignIn::Wrong))?;
    interactions::keep(tx, interaction).await?;
    if asks_for_another(tx, flows, &interaction.id, &user.id).await? {
        return Err(Error::Refused(NoCodeSignIn::Another));
    }
    let authentication = Authentication::by(Method::MailCode, tx.now());
    let event = succeeded(&user.id, client, &authentication, caller.origin);
    let entry = CompletedSignIn { id: &interaction.id, user: user.id, authentication, keep, event };
    complete_sign_in(tx, flows, caller, entry).await.map_err(lost)
}
