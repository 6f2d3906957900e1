//! How interactions begin.

use super::{Asked, Caller, Errand, Interaction, InteractionId, Led, Lost, Outcome, lead};
use crate::accounts::browsers::{Visitor, greet};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::oauth::Issuer;
use crate::store::interactions;

/// Begins with a request that came by GET.
pub async fn begin(issuer: &Issuer, caller: Caller<'_>, asked: Asked) -> Outcome<Led> {
    let errand = Errand::Authorize(Box::new(asked.request.clone()));
    let interaction = Interaction::new(errand, caller.visitor.browser.clone(), issuer.clock.now());
    lead::on(issuer, caller, lead::Course::new(interaction, Some(asked))).await
}

/// Begins with somebody who wants to see their account, and is not signed in or more than one.
pub async fn begin_account(issuer: &Issuer, caller: Caller<'_>) -> Outcome<Led> {
    let errand = Errand::Account { ui_locales: None };
    let interaction = Interaction::new(errand, caller.visitor.browser.clone(), issuer.clock.now());
    lead::on(issuer, caller, lead::Course::new(interaction, None)).await
}

/// Begins with somebody whom their account page asks to prove again who they are.
pub async fn begin_confirming(
    issuer: &Issuer,
    caller: Caller<'_>,
    user: &UserId,
    language: &str,
) -> Outcome<Led> {
    let errand = Errand::Confirm { user: user.clone(), ui_locales: Some(language.to_owned()) };
    let interaction = Interaction::new(errand, caller.visitor.browser.clone(), issuer.clock.now());
    lead::on(issuer, caller, lead::Course::new(interaction, None)).await
}

/// What lets an interaction begin anew elsewhere: it stands on pages in the browser of an app, and
/// nowhere else.
#[must_use]
pub fn pass(issuer: &Issuer, interaction: &Interaction) -> String {
    let token = |browser| issuer.forms.token(browser, &elsewhere(&interaction.id));
    interaction.browser.as_ref().map(token).unwrap_or_default()
}

fn elsewhere(id: &InteractionId) -> String {
    format!("elsewhere {}", id.0)
}

/// Begins anew, in another browser, what somebody is in the middle of in the browser of an app: the
/// app's request moves, and nothing of the person. Whoever opens this has an interaction of their own.
pub async fn begin_elsewhere(
    issuer: &Issuer,
    caller: Caller<'_>,
    id: &InteractionId,
    pass: &str,
) -> Outcome<Led> {
    let found = interactions::find(&*issuer.store, id).await?.ok_or(Lost::Unknown)?;
    let browser = found.browser.as_ref().ok_or(Lost::Unknown)?;
    if !issuer.forms.verifies(pass, browser, &elsewhere(id)) {
        return Err(Lost::Unknown.into());
    }
    let errand = super::still_open(issuer, found).await?.errand;
    match super::asked(issuer, &errand).await? {
        Some(mut asked) => {
            asked.request.login_hint = None;
            begin(issuer, caller, asked).await
        }
        None => begin_account(issuer, caller).await,
    }
}

/// Keeps a request that came by POST. A cross-site POST brings no cookie of ours, so the browser
/// comes back by GET.
pub async fn keep(issuer: &Issuer, errand: Errand) -> Result<InteractionId, Fault> {
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    let interaction = Interaction::new(errand, None, tx.now());
    interactions::insert(&tx, &interaction).await?;
    tx.commit().await?;
    Ok(interaction.id)
}

/// Goes on with an interaction; one that waits for its browser has found it.
pub async fn go_on(issuer: &Issuer, caller: Caller<'_>, id: &InteractionId) -> Outcome<Led> {
    let interaction = interactions::find(&*issuer.store, id).await?.ok_or(Lost::Unknown)?;
    if interaction.browser.is_some() {
        let interaction = super::open(issuer, caller, id).await?;
        let asked = super::asked(issuer, &interaction.errand).await?;
        return lead::on(issuer, caller, lead::Course::stored(interaction, asked)).await;
    }
    let mut interaction = super::still_open(issuer, interaction).await?;
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    let (browser, cookie) = match &caller.visitor.browser {
        Some(browser) => (browser.clone(), None),
        None => greet(&tx).await.map(|(browser, cookie)| (browser, Some(cookie)))?,
    };
    let is_first = interactions::bind(&tx, id, &browser).await?;
    tx.commit().await?;
    if !is_first {
        return Err(Lost::WrongBrowser.into());
    }
    interaction.browser = Some(browser.clone());
    let visitor = Visitor { browser: Some(browser), people: caller.visitor.people.clone() };
    let caller = Caller { visitor: &visitor, ..caller };
    let asked = super::asked(issuer, &interaction.errand).await?;
    let led = lead::on(issuer, caller, lead::Course::stored(interaction, asked)).await?;
    Ok(Led { cookie: led.cookie.or(cookie), ..led })
}
