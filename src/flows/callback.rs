//! The callback: a person returns from a provider.

use std::sync::Arc;

use crate::accounts::federation::{self, Arrival, ArrivalRefused, PROOF_LIFE, RefusalRecord};
use crate::accounts::{held_session, notices};
use crate::domain::account_page::AccountPage;
use crate::domain::audit::{Event, EventKind};
use crate::domain::authentication::{Authentication, Method};
use crate::domain::client::ClientId;
use crate::domain::clock::SKEW;
use crate::domain::excerpt::excerpt;
use crate::domain::failure_reason::FailureReason;
use crate::domain::identity::Identity;
use crate::domain::interaction::{Handle, Interaction, Pending, Purpose};
use crate::domain::mail::MethodChange;
use crate::domain::provider::Slug;
use crate::domain::reason::Reason;
use crate::domain::secret::{Plain, UpstreamState};
use crate::domain::upstream_login::UpstreamLogin;
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::{Error, Fault};
use crate::flows::complete_sign_in::{CompletedSignIn, asks_for_another, complete_sign_in};
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller};
use crate::flows::outcome::{Advanced, FlashMessage, InteractionError, NextStep, Outcome};
use crate::flows::upstream_login::{Departure, LIFE, start_for_consent};
use crate::flows::{advance, lookup};
use crate::social::registry::{ConfiguredProvider, redirect_uri};
use crate::social::{self, Requester, UpstreamAuthorizationResponse, UpstreamError};
use crate::store::{Tx, interactions, sessions, used_assertions};

/// The parameters with which a person returns to the callback.
#[derive(Clone, Copy)]
pub struct CallbackParameters<'a> {
    /// `state`.
    pub state: &'a Plain<UpstreamState>,
    /// The handle of the interaction, which the browser kept while the person was at the provider.
    pub carried: Option<&'a Handle>,
    /// `code`.
    pub code: Option<&'a str>,
    /// `error`.
    pub error: Option<&'a str>,
    /// `iss`, RFC 9207.
    pub iss: Option<&'a str>,
    /// Apple's `user`.
    pub user: Option<&'a str>,
    /// The language of the person.
    pub language: &'a str,
}

impl std::fmt::Debug for CallbackParameters<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallbackParameters").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<'a> CallbackParameters<'a> {
    /// The code, unless the answer is an error.
    fn answer_code(&self) -> Option<&'a str> {
        self.code.filter(|_| self.error.is_none())
    }
}

/// Where the browser is sent after the callback.
#[derive(Debug)]
pub enum CallbackOutcome {
    /// To the next step of the interaction.
    Advanced(Advanced),
    /// To the provider once more, for a missing consent.
    Departure(Departure),
    /// To the sign-in page, which shows what happened.
    UpstreamNotice(Handle, Slug, UpstreamOutcome),
}

/// Handles a person who returns from a provider.
pub async fn receive(
    flows: &Flows,
    caller: Caller<'_>,
    slug: &Slug,
    parameters: CallbackParameters<'_>,
) -> Outcome<CallbackOutcome> {
    let (upstream_login, interaction) = take(flows, caller, slug, parameters).await?;
    let outcome = resume(flows, caller, slug, parameters, (&upstream_login, interaction)).await;
    if let Ok(CallbackOutcome::UpstreamNotice(..)) | Err(Error::Refused(_)) = &outcome {
        take_back(flows, parameters).await?;
    }
    outcome
}

async fn resume(
    flows: &Flows,
    caller: Caller<'_>,
    slug: &Slug,
    parameters: CallbackParameters<'_>,
    (upstream_login, interaction): (&UpstreamLogin, Interaction),
) -> Outcome<CallbackOutcome> {
    let interaction = interaction::open_here(flows, caller, interaction).await?;
    let client = interaction.purpose.client().cloned();
    let at = At { flows, caller, slug, client: client.as_ref(), upstream_login };
    let Some(configured) = at.configured() else {
        return at.note(interaction, UpstreamOutcome::Unknown).await;
    };
    let identity = match prove(at, &configured, parameters).await {
        Ok(identity) => identity,
        Err(Error::Fault(fault)) => return Err(fault.into()),
        Err(Error::Refused(Unproven::UpstreamNotice(note))) => {
            return at.note(interaction, note).await;
        }
        Err(Error::Refused(Unproven::Unagreed(scopes))) => {
            let left = start_for_consent(
                flows,
                &configured,
                (upstream_login, &interaction),
                &scopes,
                parameters.language,
            )
            .await;
            return match left {
                Ok(departure) => Ok(CallbackOutcome::Departure(departure)),
                Err(Error::Refused(note)) => at.note(interaction, note).await,
                Err(Error::Fault(fault)) => Err(fault.into()),
            };
        }
    };
    // The provider may have been turned off in the meantime.
    let Some(configured) = at.configured() else {
        return at.note(interaction, UpstreamOutcome::Unknown).await;
    };
    if let Purpose::Link { user } = &interaction.purpose {
        return link(at, &configured, user, &identity).await.map(CallbackOutcome::Advanced);
    }
    Box::pin(at.arrive(&configured, &interaction, &identity)).await
}

/// The login of this state and its interaction, if the login has not expired and belongs to this
/// provider and this browser.
async fn take(
    flows: &Flows,
    caller: Caller<'_>,
    slug: &Slug,
    parameters: CallbackParameters<'_>,
) -> Outcome<(UpstreamLogin, Interaction)> {
    let now = flows.clock.now();
    let opened =
        flows.upstream_logins.open(parameters.state).filter(|login| now < login.expires_at);
    let upstream_login = opened.ok_or(InteractionError::Unknown)?;
    // RFC 9700 §4.4.2: an answer that arrives at the callback of another provider is refused.
    let lost = if Some(&upstream_login.browser) != caller.browser_state.browser.as_ref() {
        Some((InteractionError::WrongBrowser, FailureReason::WrongBrowser))
    } else if upstream_login.provider != *slug {
        Some((InteractionError::Unknown, FailureReason::MixedUp))
    } else {
        None
    };
    if let Some((lost, reason)) = lost {
        let (client, user, origin) = (None, None, caller.origin);
        let refusal = RefusalRecord { provider: slug, reason, client, user, origin };
        federation::record_refusal(&flows.store, now, refusal).await?;
        return Err(lost.into());
    }
    let interaction =
        lookup::find(flows, parameters.carried.ok_or(InteractionError::Unknown)?).await?;
    let is_its_own = interaction.id == upstream_login.interaction;
    if !is_its_own || !is_first_use(flows, parameters, &upstream_login).await? {
        return Err(InteractionError::Unknown.into());
    }
    Ok((upstream_login, interaction))
}

/// Whether this is the first code with this state: a code is redeemed only once (RFC 6749 §4.1.2).
/// An answer without a code may arrive twice without harm.
async fn is_first_use(
    flows: &Flows,
    parameters: CallbackParameters<'_>,
    upstream_login: &UpstreamLogin,
) -> Result<bool, Fault> {
    if parameters.answer_code().is_none() {
        return Ok(true);
    }
    let tx = flows.store.begin(flows.clock.now()).await?;
    // One server may already forget a state that it takes for expired, and another server must not
    // accept that state again.
    let until = upstream_login.expires_at + SKEW;
    let is_first =
        used_assertions::remember(&tx, parameters.state.hashed().to_stored(), until).await?;
    tx.commit().await?;
    Ok(is_first)
}

/// Forgets that a code came with this state, if nobody was signed in with it: a person who proved
/// nothing leaves no row behind. The browser has already lost its cookies of this login, so it
/// cannot use the state again.
async fn take_back(flows: &Flows, parameters: CallbackParameters<'_>) -> Result<(), Fault> {
    if parameters.answer_code().is_none() {
        return Ok(());
    }
    let tx = flows.store.begin(flows.clock.now()).await?;
    used_assertions::take_back(&tx, parameters.state.hashed().to_stored()).await?;
    tx.commit().await
}

/// What is known about a return to the callback.
#[derive(Clone, Copy)]
struct At<'a> {
    flows: &'a Flows,
    caller: Caller<'a>,
    slug: &'a Slug,
    client: Option<&'a ClientId>,
    upstream_login: &'a UpstreamLogin,
}

/// Why the person has not proved who they are.
enum Unproven {
    /// A page shows this outcome.
    UpstreamNotice(UpstreamOutcome),
    /// The person has to be asked for consent to these scopes.
    Unagreed(String),
}

/// Verifies the answer of the provider and returns the identity.
async fn prove(
    at: At<'_>,
    configured: &ConfiguredProvider,
    parameters: CallbackParameters<'_>,
) -> Result<Identity, Error<Unproven>> {
    let proven = async {
        // RFC 9207 §2.4: the issuer is checked for an error answer, too.
        if !configured.provider.answers_as(parameters.iss).await? {
            return Err(UpstreamError::another_issuer());
        }
        let Some(code) = parameters.answer_code() else { return Ok(None) };
        let verifier = at.flows.upstream_logins.verifier(parameters.state);
        let response = UpstreamAuthorizationResponse {
            code,
            user: parameters.user,
            redirect_uri: &redirect_uri(&at.flows.url, at.slug),
            state: parameters.state.expose(),
            nonce: &at.flows.upstream_logins.nonce(parameters.state),
            verifier: verifier.expose(),
            since: at.upstream_login.again.then(|| at.upstream_login.expires_at - LIFE),
        };
        configured.provider.finish(response).await.map(Some)
    };
    let requester = Requester::person(at.caller.address);
    match social::with_deadline(Some(requester), Box::pin(proven)).await {
        Ok(Some(identity)) => Ok(identity),
        Ok(None) => {
            let note = parameters.error.map_or(UpstreamOutcome::Failed, note_of);
            if let Some(error) = parameters.error.filter(|_| note != UpstreamOutcome::Cancelled) {
                let error = excerpt(error);
                tracing::warn!(provider = %at.slug, %error, "this provider answered with an error");
            }
            Err(Error::Refused(Unproven::UpstreamNotice(note)))
        }
        // The person is asked for consent once. If it is still missing after that, they have
        // refused.
        Err(UpstreamError::Unagreed(scopes)) if !at.upstream_login.consenting => {
            Err(Error::Refused(Unproven::Unagreed(scopes)))
        }
        Err(error) => {
            tracing::warn!(provider = %at.slug, %error, "the answer of this provider could not be verified");
            at.refused(error.reason(), None).await?;
            Err(Error::Refused(Unproven::UpstreamNotice(match error {
                UpstreamError::Unavailable(_) | UpstreamError::Misconfigured(_) => {
                    UpstreamOutcome::Unavailable
                }
                UpstreamError::Refused {
                    reason: FailureReason::DomainNotAllowed | FailureReason::UnderAge,
                    ..
                } => UpstreamOutcome::Refused,
                UpstreamError::Refused { .. }
                | UpstreamError::Unagreed(_)
                | UpstreamError::Unprovable => UpstreamOutcome::Failed,
            })))
        }
    }
}

/// What an error code of a provider means: those of RFC 6749 §4.1.2.1 and some that only certain
/// providers use.
fn note_of(error: &str) -> UpstreamOutcome {
    // LINE writes the code in capitals.
    match error.to_ascii_lowercase().as_str() {
        "access_denied"
        | "user_cancelled_authorize"
        | "user_cancelled_login"
        | "user_denied"
        | "consent_required"
        | "interaction_required"
        | "login_required" => UpstreamOutcome::Cancelled,
        "temporarily_unavailable" | "server_error" => UpstreamOutcome::Unavailable,
        _ => UpstreamOutcome::Failed,
    }
}

impl At<'_> {
    /// The provider, if it may be used here now.
    fn configured(&self) -> Option<Arc<ConfiguredProvider>> {
        self.flows.providers.find(self.slug, self.client)
    }

    fn refusal<'r>(&'r self, reason: FailureReason, user: Option<&'r UserId>) -> RefusalRecord<'r> {
        RefusalRecord {
            provider: self.slug,
            reason,
            client: self.client,
            user,
            origin: self.caller.origin,
        }
    }

    async fn refused(&self, reason: FailureReason, user: Option<&UserId>) -> Result<(), Fault> {
        let refusal = self.refusal(reason, user);
        federation::record_refusal(&self.flows.store, self.flows.clock.now(), refusal).await
    }

    /// Sends the person back to the page that they left for the provider. If the app had sent them
    /// to the provider directly and they cancelled there, the app gets the answer.
    async fn note(
        &self,
        interaction: Interaction,
        note: UpstreamOutcome,
    ) -> Outcome<CallbackOutcome> {
        if let Purpose::Link { user } = &interaction.purpose {
            let said = FlashMessage::UpstreamNotice(self.slug.clone(), note);
            return to_account(*self, user, said).map(CallbackOutcome::Advanced);
        }
        let asked = interaction::asked(self.flows, &interaction.purpose).await?;
        let Some(asked) =
            asked.filter(|_| self.upstream_login.direct && note == UpstreamOutcome::Cancelled)
        else {
            return self.back_to_sign_in(&interaction, note);
        };
        let refusal = Reason::SignInCancelled.into();
        let tx = self.flows.store.begin(self.flows.clock.now()).await?;
        let answer = advance::refuse(&tx, self.flows, interaction, &asked, &refusal).await;
        let answer = tx.settle(answer).await?;
        Ok(CallbackOutcome::Advanced(Advanced { next: NextStep::Answer(answer), cookie: None }))
    }

    /// Sends the browser to the sign-in page of this interaction, which shows what happened.
    fn back_to_sign_in(
        &self,
        interaction: &Interaction,
        note: UpstreamOutcome,
    ) -> Outcome<CallbackOutcome> {
        let handle = lookup::handle(self.flows, interaction)?;
        Ok(CallbackOutcome::UpstreamNotice(handle, self.slug.clone(), note))
    }

    /// Finds or creates the account of an identity, and takes the next step.
    async fn arrive(
        &self,
        configured: &ConfiguredProvider,
        interaction: &Interaction,
        identity: &Identity,
    ) -> Outcome<CallbackOutcome> {
        for _ in 0..federation::ATTEMPTS {
            let tx = self.flows.store.begin(self.flows.clock.now()).await?;
            let arrived =
                federation::arrive(&tx, &configured.registration, identity, self.caller.origin)
                    .await;
            if let Ok(Some(Arrival::Known(user) | Arrival::New(user) | Arrival::Prove(user))) =
                &arrived
                && asks_for_another(&tx, self.flows, &interaction.id, &user.id).await?
            {
                // Nobody is signed in, and no new account is created.
                tx.abandon().await;
                return self.back_to_sign_in(interaction, UpstreamOutcome::Another);
            }
            let back = match arrived {
                Ok(None) => {
                    tx.abandon().await;
                    continue;
                }
                Ok(Some(Arrival::Known(user) | Arrival::New(user))) => {
                    let advanced = self.complete_sign_in(&tx, interaction, &user, identity);
                    Box::pin(advanced).await.map(CallbackOutcome::Advanced)
                }
                Ok(Some(Arrival::Prove(user))) => {
                    let advanced = self.ask(&tx, interaction, user, identity);
                    advanced.await.map(CallbackOutcome::Advanced)
                }
                Err(Error::Refused(why)) => {
                    federation::record_refusal_in(&tx, self.refusal(why.reason(), None)).await?;
                    self.back_to_sign_in(interaction, UpstreamOutcome::Refused)
                }
                Err(Error::Fault(fault)) => Err(fault.into()),
            };
            return tx.settle(back).await;
        }
        Err(federation::changed_meanwhile().into())
    }

    async fn complete_sign_in(
        &self,
        tx: &Tx,
        interaction: &Interaction,
        user: &User,
        identity: &Identity,
    ) -> Outcome<Advanced> {
        interactions::keep(tx, interaction).await?;
        let mut event =
            Event::new(EventKind::SignInSucceeded).user(&user.id).from(self.caller.origin);
        event.client = self.client.cloned();
        let vouched = Method::Provider { slug: self.slug.clone(), issuer: identity.issuer.clone() };
        let entry = CompletedSignIn {
            id: &interaction.id,
            user: user.id.clone(),
            authentication: Authentication::by(vouched, tx.now()),
            keep: self.upstream_login.kept,
            event: event.detail(self.slug.as_str()),
        };
        complete_sign_in(tx, self.flows, self.caller, entry).await
    }

    /// An account has the email address that the provider verified: the person has to prove that
    /// this account is theirs.
    async fn ask(
        &self,
        tx: &Tx,
        interaction: &Interaction,
        user: User,
        identity: &Identity,
    ) -> Outcome<Advanced> {
        interactions::keep(tx, interaction).await?;
        let found = interactions::lock(tx, &interaction.id).await?;
        let open = found.filter(|interaction| interaction.ended_at.is_none());
        let interaction = open.ok_or(InteractionError::Finished(None))?;
        let pending = Pending {
            user: user.id,
            provider: self.slug.clone(),
            identity: identity.clone(),
            expires_at: tx.now() + PROOF_LIFE,
        };
        interactions::set_pending(tx, &interaction.id, Some(&pending)).await?;
        Ok(Advanced { next: NextStep::SignIn(interaction.id.handle()), cookie: None })
    }
}

/// Connects the identity to the account of the person who started this on their account page.
async fn link(
    at: At<'_>,
    configured: &ConfiguredProvider,
    user: &UserId,
    identity: &Identity,
) -> Outcome<Advanced> {
    // The provider's domain rule would refuse this identity at every sign-in, so it is not
    // connected.
    if !configured.registration.lets_in(identity.email.as_deref(), identity.email_verified) {
        at.refused(ArrivalRefused::Domain.reason(), Some(user)).await?;
        let said = FlashMessage::UpstreamNotice(at.slug.clone(), UpstreamOutcome::Refused);
        return to_account(at, user, said);
    }
    let tx = at.flows.store.begin(at.flows.clock.now()).await?;
    let linked = link_in(&tx, at, configured, (user, identity)).await;
    let linked = tx.settle(linked).await?;
    if !linked {
        at.refused(FailureReason::BelongsToAnotherAccount, Some(user)).await?;
    }
    let said = if linked {
        FlashMessage::Linked
    } else {
        FlashMessage::UpstreamNotice(at.slug.clone(), UpstreamOutcome::Taken)
    };
    to_account(at, user, said)
}

/// Links the identity, and tells the person. They had proven who they are when they left for the
/// provider, and may have been signed out since.
async fn link_in(
    tx: &Tx,
    at: At<'_>,
    configured: &ConfiguredProvider,
    (user, identity): (&UserId, &Identity),
) -> Outcome<bool> {
    let gone = || InteractionError::WrongBrowser;
    let mut left_at = at.upstream_login.expires_at - LIFE;
    if at.upstream_login.consenting {
        // They left twice. The first time was no earlier than this.
        left_at -= LIFE;
    }
    let session = sessions::find_in(tx, &at.upstream_login.browser, user).await?;
    let session = session.ok_or_else(gone)?;
    let held = held_session::hold(tx, user, &session.id).await?;
    if !held.is_some_and(|held| held.is_fresh(at.flows.factors.rules, left_at)) {
        return Err(gone().into());
    }
    let linked =
        federation::link(tx, user, &configured.registration, identity, at.caller.origin).await?;
    if linked {
        let (mailer, change) = (at.flows.mailer.as_ref(), MethodChange::ProviderConnected);
        notices::changed(tx, mailer, user, change, at.caller.notice_origin()).await?;
    }
    Ok(linked)
}

/// Sends the browser back to the page of my account from which it came.
fn to_account(at: At<'_>, user: &UserId, said: FlashMessage) -> Outcome<Advanced> {
    let mut people = at.caller.browser_state.people.iter();
    let signed_in_user = people
        .find(|signed_in_user| signed_in_user.user.id == *user)
        .ok_or(InteractionError::WrongBrowser)?;
    let session = signed_in_user.session.id.clone();
    Ok(Advanced {
        next: NextStep::Account(session, AccountPage::Security.into(), Some(said)),
        cookie: None,
    })
}
