//! Redirects the browser to a provider.
//!
//! The `state` parameter says, sealed, which browser was redirected to which provider in which
//! interaction. The browser keeps the interaction in a cookie, sealed too. Nothing is written to
//! the database, because the browser brings both to the callback.

use chrono::Duration;

use crate::accounts::browsers::SignedInUser;
use crate::domain::interaction::{Handle, Interaction, InteractionId, Purpose};
use crate::domain::provider::Slug;
use crate::domain::session::BrowserId;
use crate::domain::upstream_login::{UpstreamLogin, UpstreamLoginName};
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::domain::verdict::Error;
use crate::flows::context::Flows;
use crate::flows::fresh_proof::FreshProof;
use crate::flows::interaction::{Caller, Subject, View};
use crate::flows::outcome::InteractionError;
use crate::flows::submitted::Submitted;
use crate::flows::{advance, lookup};
use crate::social::registry::{ConfiguredProvider, redirect_uri};
use crate::social::{self, UpstreamAuthorizationRequest};

/// How long a person may stay at the provider.
pub const LIFE: Duration = Duration::minutes(10);

/// The longest handle that a browser keeps while the person is at a provider. The `state` and the
/// `nonce` of an app and two hints in their full length fit in, with what else apps ask for.
pub const LONGEST_HANDLE: usize = 11_000;

/// A browser that is redirected to a provider.
#[derive(Clone, Debug)]
pub struct Departure {
    /// The URL that the browser is redirected to.
    pub url: String,
    /// The name of this login in the browser's cookies.
    pub name: UpstreamLoginName,
    /// The interaction that the person is working on.
    pub interaction: InteractionId,
    /// The handle of the interaction, which the browser keeps until it returns to the callback.
    pub handle: Handle,
}

/// Why the browser is not redirected to the provider.
#[derive(Debug)]
pub enum NotStarted {
    /// The interaction cannot continue.
    InteractionError(InteractionError),
    /// The provider may not be used, or cannot be reached.
    UpstreamNotice(Handle, Slug, UpstreamOutcome),
}

fn lost(error: Error<InteractionError>) -> Error<NotStarted> {
    error.map(NotStarted::InteractionError)
}

fn notice(handle: &Handle, provider: &Slug, outcome: UpstreamOutcome) -> NotStarted {
    NotStarted::UpstreamNotice(handle.clone(), provider.clone(), outcome)
}

/// Redirects the browser from the sign-in page to a provider. The provider gets the language of
/// that page, which `language` reads from the purpose.
pub async fn start(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    (provider, keep): (&Slug, bool),
    language: impl FnOnce(Option<&str>) -> &'static str,
) -> Result<Departure, Error<NotStarted>> {
    let interaction = form.open(flows, caller).await.map_err(lost)?;
    let configured = flows.providers.find(provider, interaction.purpose.client());
    let unknown = || notice(form.handle(), provider, UpstreamOutcome::Unknown);
    let configured = configured.ok_or_else(unknown).map_err(Error::Refused)?;
    let language = language(interaction.purpose.ui_locales());
    let view = advance::shown(flows, caller, interaction).await.map_err(lost)?;
    send_from(flows, &configured, &view, Choice { provider, keep, language }, false).await
}

/// What the person chose on the sign-in page.
#[derive(Clone, Copy, Debug)]
struct Choice<'a> {
    provider: &'a Slug,
    /// Whether they want to stay signed in.
    keep: bool,
    /// The language of the person.
    language: &'a str,
}

/// Redirects the browser at once, if the app named a provider in a hint; `None` if it did not, or
/// if the provider may not be used. The hint counts once: a person who returns to the sign-in page
/// stays there.
pub async fn start_by_hint(
    flows: &Flows,
    view: &mut View,
    language: &str,
    in_app: bool,
) -> Result<Option<Departure>, Error<NotStarted>> {
    let Purpose::Authorize(request) = &mut view.interaction.purpose else { return Ok(None) };
    let Some(hint) = request.idp_hint.take() else { return Ok(None) };
    let Some(configured) = flows.providers.find(&hint, Some(&request.client)) else {
        return Ok(None);
    };
    if in_app && configured.blocks_embedded_browsers() {
        return Ok(None);
    }
    advance::set_purpose(flows, view).await?;
    let choice = Choice { provider: &hint, keep: false, language };
    send_from(flows, &configured, view, choice, true).await.map(Some)
}

async fn send_from(
    flows: &Flows,
    configured: &ConfiguredProvider,
    view: &View,
    choice: Choice<'_>,
    direct: bool,
) -> Result<Departure, Error<NotStarted>> {
    let interaction = &view.interaction;
    let browser = interaction.browser.as_ref();
    let browser = browser
        .ok_or(Error::Refused(NotStarted::InteractionError(InteractionError::WrongBrowser)))?;
    let hint = match &interaction.purpose {
        Purpose::Authorize(request) => request.login_hint.as_deref(),
        _ => None,
    };
    let departure = UpstreamRequest {
        interaction,
        browser,
        choice,
        direct,
        hint,
        again: must_prove_again(view),
        scopes: None,
    };
    let left = send(flows, configured, departure).await;
    let noted = |outcome| notice(&view.handle, choice.provider, outcome);
    left.map_err(|error| error.map(noted))
}

/// Whether the provider has to authenticate the person again. If a new proof was asked for, an
/// existing session at the provider is not enough, OpenID Connect Core §3.1.2.1.
fn must_prove_again(view: &View) -> bool {
    let is_asked = match &view.interaction.purpose {
        Purpose::Authorize(request) => request.prompt.login || request.max_age.is_some(),
        Purpose::Confirm { .. } => true,
        Purpose::Account { .. }
        | Purpose::Link { .. }
        | Purpose::Logout(_)
        | Purpose::Recover { .. } => false,
    };
    is_asked || matches!(view.subject, Subject::SignIn(Some(_)))
}

/// What a redirect to a provider is made from.
#[derive(Clone, Copy, Debug)]
struct UpstreamRequest<'a> {
    interaction: &'a Interaction,
    browser: &'a BrowserId,
    choice: Choice<'a>,
    direct: bool,
    hint: Option<&'a str>,
    again: bool,
    /// The scopes that the person had not consented to.
    scopes: Option<&'a str>,
}

async fn send(
    flows: &Flows,
    configured: &ConfiguredProvider,
    departure: UpstreamRequest<'_>,
) -> Result<Departure, Error<UpstreamOutcome>> {
    let slug = &configured.registration.slug;
    let handle = lookup::handle(flows, departure.interaction)?;
    if handle.as_str().len() > LONGEST_HANDLE {
        tracing::warn!(provider = %slug, "an app asks for more than a browser keeps for somebody who is away");
        return Err(Error::Refused(UpstreamOutcome::Unavailable));
    }
    let state = flows.upstream_logins.seal(&UpstreamLogin {
        provider: slug.clone(),
        browser: departure.browser.clone(),
        interaction: departure.interaction.id.clone(),
        kept: departure.choice.keep,
        direct: departure.direct,
        again: departure.again,
        consenting: departure.scopes.is_some(),
        expires_at: flows.clock.now() + LIFE,
    })?;
    let verifier = flows.upstream_logins.verifier(&state);
    let request = UpstreamAuthorizationRequest {
        redirect_uri: &redirect_uri(&flows.url, slug),
        state: state.expose(),
        nonce: &flows.upstream_logins.nonce(&state),
        verifier: verifier.expose(),
        login_hint: departure.hint,
        language: departure.choice.language,
        again: departure.again,
        scopes: departure.scopes,
    };
    let url =
        social::with_deadline(None, configured.provider.start(request)).await.map_err(|error| {
            tracing::warn!(provider = %slug, %error, "people cannot be sent to this provider");
            Error::Refused(UpstreamOutcome::Unavailable)
        })?;
    let name = UpstreamLoginName::of(&state);
    Ok(Departure { url, name, interaction: departure.interaction.id.clone(), handle })
}

/// Redirects the browser to a provider, to connect it to the account of a person who proved
/// recently who they are.
pub async fn start_to_link(
    flows: &Flows,
    configured: &ConfiguredProvider,
    proof: FreshProof<'_>,
    language: &str,
) -> Result<Departure, Error<UpstreamOutcome>> {
    let SignedInUser { user, session } = proof.person();
    let (purpose, browser) = (Purpose::Link { user: user.id.clone() }, &session.browser);
    let interaction = Interaction::new(purpose, Some(browser.clone()), flows.clock.now());
    let choice = Choice { provider: &configured.registration.slug, keep: false, language };
    let departure = UpstreamRequest {
        interaction: &interaction,
        browser,
        choice,
        direct: false,
        hint: None,
        again: false,
        scopes: None,
    };
    send(flows, configured, departure).await
}

/// Redirects the browser to the provider once more, in the same interaction, for the consent that
/// was missing.
pub(super) async fn start_for_consent(
    flows: &Flows,
    configured: &ConfiguredProvider,
    (upstream_login, interaction): (&UpstreamLogin, &Interaction),
    scopes: &str,
    language: &str,
) -> Result<Departure, Error<UpstreamOutcome>> {
    let choice = Choice { provider: &upstream_login.provider, keep: upstream_login.kept, language };
    let departure = UpstreamRequest {
        interaction,
        browser: &upstream_login.browser,
        choice,
        direct: upstream_login.direct,
        hint: None,
        again: upstream_login.again,
        scopes: Some(scopes),
    };
    send(flows, configured, departure).await
}
