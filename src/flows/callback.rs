//! Coming back from a provider.

use std::sync::Arc;

use crate::accounts::federation::{self, Arrival, ArrivalRefused, PROOF_LIFE, RefusalRecord};
use crate::domain::audit::{Event, Kind};
use crate::domain::client::ClientId;
use crate::domain::excerpt::excerpt;
use crate::domain::failure_reason::FailureReason;
use crate::domain::identity::Identity;
use crate::domain::interaction::{Handle, Interaction, Pending, Purpose};
use crate::domain::provider::{FEDERATED, Slug};
use crate::domain::reason::Reason;
use crate::domain::secret::{Plain, UpstreamState};
use crate::domain::upstream_login::UpstreamLogin;
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::{Error, Fault};
use crate::flows::advance;
use crate::flows::complete_sign_in::{
    CompletedSignIn, asks_for_another, complete_sign_in, present,
};
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller};
use crate::flows::outcome::{Advanced, FlashMessage, InteractionError, NextStep, Outcome};
use crate::flows::upstream_login::{LIFE, start_for_consent};
use crate::social::registry::{ConfiguredProvider, redirect_uri};
use crate::social::{self, AuthorizationResponse, Requester, UpstreamError};
use crate::store::{Tx, interactions, upstream_logins};

/// What a person comes back with.
#[derive(Clone, Copy)]
pub struct CallbackParameters<'a> {
    /// `state`.
    pub state: &'a str,
    /// `code`.
    pub code: Option<&'a str>,
    /// `error`.
    pub error: Option<&'a str>,
    /// `iss`, RFC 9207.
    pub iss: Option<&'a str>,
    /// Apple's `user`.
    pub user: Option<&'a str>,
    /// The language that they read.
    pub language: &'a str,
}

impl std::fmt::Debug for CallbackParameters<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Came").field("error", &self.error).finish_non_exhaustive()
    }
}

/// Where a person goes who came back.
#[derive(Debug)]
pub enum CallbackOutcome {
    /// On their way.
    Advanced(Advanced),
    /// To the provider once more: this URL.
    Away(String),
    /// To the sign-in page, which says what happened.
    UpstreamNotice(Handle, Slug, UpstreamOutcome),
}

/// Takes somebody who comes back from a provider.
pub async fn receive(
    flows: &Flows,
    caller: Caller<'_>,
    slug: &Slug,
    came: CallbackParameters<'_>,
) -> Outcome<CallbackOutcome> {
    let upstream_login = take(flows, caller, slug, came).await?;
    let interaction =
        interaction::open(flows, caller, &upstream_login.interaction.handle()).await?;
    let client = interaction.purpose.client().cloned();
    let at = At { flows, caller, slug, client: client.as_ref(), upstream_login: &upstream_login };
    let Some(known) = at.known() else {
        return at.note(interaction, UpstreamOutcome::Unknown).await;
    };
    let identity = match prove(at, &known, came).await {
        Ok(identity) => identity,
        Err(Error::Fault(fault)) => return Err(fault.into()),
        Err(Error::Refused(Unproven::UpstreamNotice(note))) => {
            return at.note(interaction, note).await;
        }
        Err(Error::Refused(Unproven::Unagreed(scopes))) => {
            let left = start_for_consent(
                flows,
                &known,
                (&upstream_login, &interaction),
                &scopes,
                came.language,
            )
            .await;
            return match left {
                Ok(url) => Ok(CallbackOutcome::Away(url)),
                Err(Error::Refused(_)) => at.note(interaction, UpstreamOutcome::Unavailable).await,
                Err(Error::Fault(fault)) => Err(fault.into()),
            };
        }
    };
    // It may have been turned off meanwhile.
    let Some(known) = at.known() else {
        return at.note(interaction, UpstreamOutcome::Unknown).await;
    };
    if let Purpose::Link { user } = &interaction.purpose {
        return link(at, &known, &interaction, user, &identity)
            .await
            .map(CallbackOutcome::Advanced);
    }
    Box::pin(at.arrive(&known, interaction, &identity)).await
}

/// The visit of this state: once, at this provider, in this browser.
async fn take(
    flows: &Flows,
    caller: Caller<'_>,
    slug: &Slug,
    came: CallbackParameters<'_>,
) -> Outcome<UpstreamLogin> {
    let state = Plain::<UpstreamState>::presented(came.state);
    let tx = flows.store.begin(flows.clock.now()).await?;
    let taken = match &caller.browser_state.browser {
        Some(browser) => upstream_logins::take(&tx, state.hashed(), slug, browser).await?,
        None => None,
    };
    let verdict = match taken {
        Some(upstream_login) => Ok(upstream_login),
        None => match upstream_logins::find(&tx, state.hashed()).await? {
            None => Err(InteractionError::Unknown.into()),
            Some(upstream_login) => {
                let is_theirs =
                    Some(&upstream_login.browser) == caller.browser_state.browser.as_ref();
                // RFC 9700 §4.4.2: an answer at the address of another provider is none.
                let (lost, reason) = match is_theirs {
                    false => (InteractionError::WrongBrowser, Some(FailureReason::WrongBrowser)),
                    true if upstream_login.provider != *slug => {
                        (InteractionError::Unknown, Some(FailureReason::MixedUp))
                    }
                    true => (InteractionError::Unknown, None),
                };
                if let Some(reason) = reason {
                    let (client, user) = (None, None);
                    let refusal = RefusalRecord {
                        provider: slug,
                        reason,
                        client,
                        user,
                        origin: caller.origin,
                    };
                    federation::record_refusal_in(&tx, refusal).await?;
                }
                Err(lost.into())
            }
        },
    };
    tx.settle(verdict).await
}

/// Where somebody came back.
#[derive(Clone, Copy)]
struct At<'a> {
    flows: &'a Flows,
    caller: Caller<'a>,
    slug: &'a Slug,
    client: Option<&'a ClientId>,
    upstream_login: &'a UpstreamLogin,
}

/// Why nobody came back yet.
enum Unproven {
    /// A page says so.
    UpstreamNotice(UpstreamOutcome),
    /// They are to be asked for these.
    Unagreed(String),
}

/// Who it is that came back, or what comes of it instead.
async fn prove(
    at: At<'_>,
    known: &ConfiguredProvider,
    came: CallbackParameters<'_>,
) -> Result<Identity, Error<Unproven>> {
    let proven = async {
        // RFC 9207 §2.4: of an error, too.
        if !known.provider.answers_as(came.iss).await? {
            return Err(UpstreamError::another_issuer());
        }
        let Some(code) = came.code.filter(|_| came.error.is_none()) else { return Ok(None) };
        let state = Plain::<UpstreamState>::presented(came.state);
        let response = AuthorizationResponse {
            code,
            user: came.user,
            redirect_uri: &redirect_uri(&at.flows.url, at.slug),
            state: came.state,
            nonce: &at.flows.upstream_logins.nonce(&state),
            verifier: &at.flows.upstream_logins.verifier(&state),
            since: at.upstream_login.again.then(|| at.upstream_login.expires_at - LIFE),
        };
        known.provider.finish(response).await.map(Some)
    };
    let requester = Requester::person(at.caller.address);
    match social::with_deadline(Some(requester), Box::pin(proven)).await {
        Ok(Some(identity)) => Ok(identity),
        Ok(None) => {
            let note = came.error.map_or(UpstreamOutcome::Failed, note_of);
            if let Some(error) = came.error.filter(|_| note != UpstreamOutcome::Cancelled) {
                let error = excerpt(error);
                tracing::warn!(provider = %at.slug, %error, "this provider answered with an error");
            }
            Err(Error::Refused(Unproven::UpstreamNotice(note)))
        }
        // Once: who does not agree then either has said no.
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

/// What an error of a provider means, RFC 6749 §4.1.2.1 and what some of them say instead.
fn note_of(error: &str) -> UpstreamOutcome {
    // LINE writes it in capitals.
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
    fn known(&self) -> Option<Arc<ConfiguredProvider>> {
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

    /// Back to the page that they left from; or to the app, if that sent them past it and they
    /// turned back.
    async fn note(
        &self,
        interaction: Interaction,
        note: UpstreamOutcome,
    ) -> Outcome<CallbackOutcome> {
        if let Purpose::Link { user } = &interaction.purpose {
            let said = FlashMessage::UpstreamNotice(self.slug.clone(), note);
            return to_account(*self, &interaction, user, said)
                .await
                .map(CallbackOutcome::Advanced);
        }
        let asked = interaction::asked(self.flows, &interaction.purpose).await?;
        let Some(asked) =
            asked.filter(|_| self.upstream_login.direct && note == UpstreamOutcome::Cancelled)
        else {
            return Ok(CallbackOutcome::UpstreamNotice(
                interaction.id.handle(),
                self.slug.clone(),
                note,
            ));
        };
        let refusal = Reason::SignInCancelled.into();
        let tx = self.flows.store.begin(self.flows.clock.now()).await?;
        let answer = advance::refuse(&tx, self.flows, interaction, &asked, &refusal).await;
        let answer = tx.settle(answer).await?;
        Ok(CallbackOutcome::Advanced(Advanced { next: NextStep::Answer(answer), cookie: None }))
    }

    /// From an identity to an account, and on.
    async fn arrive(
        &self,
        known: &ConfiguredProvider,
        interaction: Interaction,
        identity: &Identity,
    ) -> Outcome<CallbackOutcome> {
        for _ in 0..federation::ATTEMPTS {
            let tx = self.flows.store.begin(self.flows.clock.now()).await?;
            let arrived =
                federation::arrive(&tx, &known.registration, identity, self.caller.origin).await;
            if let Ok(Some(Arrival::Known(user) | Arrival::New(user) | Arrival::Prove(user))) =
                &arrived
                && asks_for_another(&tx, self.flows, &interaction.id, &user.id).await?
            {
                // Nobody comes in, and nobody new is made.
                tx.abandon().await;
                return Ok(CallbackOutcome::UpstreamNotice(
                    interaction.id.handle(),
                    self.slug.clone(),
                    UpstreamOutcome::Another,
                ));
            }
            let back = match arrived {
                Ok(None) => {
                    tx.abandon().await;
                    continue;
                }
                Ok(Some(Arrival::Known(user) | Arrival::New(user))) => {
                    self.complete_sign_in(&tx, &user, identity).await.map(CallbackOutcome::Advanced)
                }
                Ok(Some(Arrival::Prove(user))) => {
                    self.ask(&tx, user, identity).await.map(CallbackOutcome::Advanced)
                }
                Err(Error::Refused(why)) => {
                    federation::record_refusal_in(&tx, self.refusal(why.reason(), None)).await?;
                    Ok(CallbackOutcome::UpstreamNotice(
                        interaction.id.handle(),
                        self.slug.clone(),
                        UpstreamOutcome::Refused,
                    ))
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
        user: &User,
        identity: &Identity,
    ) -> Outcome<Advanced> {
        let mut event = Event::new(Kind::SignInSucceeded).user(&user.id).from(self.caller.origin);
        event.client = self.client.cloned();
        let entry = CompletedSignIn {
            id: &self.upstream_login.interaction,
            user: &user.id,
            amr: &[FEDERATED, self.slug.as_str()],
            issuer: Some(&identity.issuer),
            keep: self.upstream_login.kept,
            event: event.detail(self.slug.as_str()),
        };
        complete_sign_in(tx, self.flows, self.caller, entry).await
    }

    /// An account has the address that the provider proved: its person is asked to prove it.
    async fn ask(&self, tx: &Tx, user: User, identity: &Identity) -> Outcome<Advanced> {
        let found = interactions::lock(tx, &self.upstream_login.interaction).await?;
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

/// Connects whoever came back to the account that they left from.
async fn link(
    at: At<'_>,
    known: &ConfiguredProvider,
    interaction: &Interaction,
    user: &UserId,
    identity: &Identity,
) -> Outcome<Advanced> {
    // Whom it does not let in has no way in by it.
    if !known.registration.lets_in(identity.email.as_deref(), identity.email_verified) {
        at.refused(ArrivalRefused::Domain.reason(), Some(user)).await?;
        let said = FlashMessage::UpstreamNotice(at.slug.clone(), UpstreamOutcome::Refused);
        return to_account(at, interaction, user, said).await;
    }
    let tx = at.flows.store.begin(at.flows.clock.now()).await?;
    // They left while they were signed in here, and may have signed out since.
    let linked = match present(&tx, at.upstream_login.browser.clone()).await {
        Ok(browser_state)
            if browser_state.people.iter().any(|present| present.user.id == *user) =>
        {
            let linked = federation::link(&tx, user, at.slug, identity, at.caller.origin).await;
            linked.map_err(Error::<InteractionError>::from)
        }
        Ok(_) => Err(InteractionError::WrongBrowser.into()),
        Err(fault) => Err(fault.into()),
    };
    let linked = tx.settle(linked).await?;
    if !linked {
        at.refused(FailureReason::BelongsToAnotherAccount, Some(user)).await?;
    }
    let said = if linked {
        FlashMessage::Linked
    } else {
        FlashMessage::UpstreamNotice(at.slug.clone(), UpstreamOutcome::Taken)
    };
    to_account(at, interaction, user, said).await
}

/// Back to the account page.
async fn to_account(
    at: At<'_>,
    interaction: &Interaction,
    user: &UserId,
    said: FlashMessage,
) -> Outcome<Advanced> {
    let mut people = at.caller.browser_state.people.iter();
    let present =
        people.find(|present| present.user.id == *user).ok_or(InteractionError::WrongBrowser)?;
    let tx = at.flows.store.begin(at.flows.clock.now()).await?;
    interactions::end(&tx, &interaction.id, Some(&present.session.id)).await?;
    tx.commit().await?;
    Ok(Advanced { next: NextStep::Account(present.session.id.clone(), Some(said)), cookie: None })
}
