//! Signing in with a code that is mailed to the verified address of the account. The code counts in
//! the browser that asked for it. It is one factor.

use crate::accounts::mail_secrets;
use crate::domain::audit::{Event, EventKind};
use crate::domain::authentication::{Authentication, Method};
use crate::domain::language::Language;
use crate::domain::mail::MailContent;
use crate::domain::mail_secret::{MailPurpose, MailSecretOwner};
use crate::domain::verdict::Error;
use crate::flows::complete_sign_in::{
    CompletedSignIn, asks_for_another, complete_sign_in, succeeded,
};
use crate::flows::context::Flows;
use crate::flows::interaction::Caller;
use crate::flows::mail_to_account::{self, MailToAccount};
use crate::flows::outcome::{Advanced, InteractionError, Outcome};
use crate::flows::submitted::Submitted;
use crate::store::{Tx, audit_events, interactions, users};

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
    let advanced = Box::pin(sign_in_with(&tx, flows, caller, form, (typed, keep))).await;
    let advanced = tx.settle(advanced).await?;
    flows.notices.nudge();
    Ok(advanced)
}

async fn sign_in_with(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    (typed, keep): (&str, bool),
) -> Result<Advanced, Error<NoCodeSignIn>> {
    let wrong = || Error::Refused(NoCodeSignIn::Wrong);
    let interaction = form.interaction();
    let no_browser = || lost(InteractionError::WrongBrowser.into());
    let browser = interaction.browser.as_ref().ok_or_else(no_browser)?;
    let client = interaction.purpose.client();
    let spent = mail_secrets::spend_code(tx, MailPurpose::SignInCode, browser, typed).await;
    let secret = match spent {
        Ok(secret) => secret,
        Err(Error::Fault(fault)) => return Err(fault.into()),
        Err(Error::Refused(_)) => {
            let mut event = Event::new(EventKind::SignInFailed).from(caller.origin);
            event.client = client.cloned();
            audit_events::insert(tx, &[event.detail("mailed code")]).await?;
            return Err(wrong());
        }
    };
    let MailSecretOwner::Account(user, _) = secret.owner else { return Err(wrong()) };
    let user = users::lock(tx, &user).await?;
    let user = user.filter(|user| user.may_sign_in(tx.now())).ok_or_else(wrong)?;
    interactions::keep(tx, interaction).await?;
    if asks_for_another(tx, flows, &interaction.id, &user.id).await? {
        return Err(Error::Refused(NoCodeSignIn::Another));
    }
    let authentication = Authentication::by(Method::MailCode, tx.now());
    let event = succeeded(&user.id, client, &authentication, caller.origin);
    let entry = CompletedSignIn { id: &interaction.id, user: user.id, authentication, keep, event };
    complete_sign_in(tx, flows, caller, entry).await.map_err(lost)
}
