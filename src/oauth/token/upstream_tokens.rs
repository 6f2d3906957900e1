//! Exchanges a provider's token for tokens of this server. The grants that apps use without a
//! browser share this code (RFC 8693, RFC 7523).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::accounts::federation::{self, Arrival, ArrivalRefused};
use crate::domain::audit::{Event, EventKind};
use crate::domain::auth_session::{AuthSession, BoundKey, LIFE};
use crate::domain::authentication::{Authentication, Method};
use crate::domain::client::ClientKind;
use crate::domain::clock::SKEW;
use crate::domain::failure_reason::FailureReason;
use crate::domain::provider::Slug;
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;
use crate::domain::secret::{Plain, UpstreamState};
use crate::domain::user::{User, UserId};
use crate::domain::verdict::{Error, Fault};
use crate::oauth::challenge::onward::{self, is_factor_due};
use crate::oauth::error::{Refusal, Result};
use crate::oauth::token::families::{self, SignInGrant};
use crate::oauth::token::grant::{Cx, registered_resources, registered_scope};
use crate::oauth::token::mint::Entitlement;
use crate::social::registry::{ConfiguredProvider, is_callback};
use crate::social::{
    self, PresentedToken, Requester, UnverifiedClaims, UpstreamError, UpstreamToken,
    VerifiedIdentity,
};
use crate::store::{Tx, audit_events, used_assertions, users};

/// The request of an app.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The token or code that the app got from the provider.
    pub token: UpstreamToken<'a>,
    /// The provider: its slug or its issuer. It may be left out for a JWT, which names its issuer
    /// itself.
    pub issuer: Option<&'a str>,
    /// The nonce that the app sent to the provider.
    pub nonce: Option<&'a str>,
    /// `scope`.
    pub scope: Option<Scope>,
    /// `resource`.
    pub resources: Vec<String>,
}

/// Checks a token of a provider, signs its person in, and returns the entitlement.
pub async fn exchange(cx: &Cx<'_>, exchange: Exchange<'_>) -> Result<Entitlement> {
    let client = cx.client.client();
    let scope = registered_scope(&cx.server.clients, exchange.scope, client).await?;
    let resources = registered_resources(&cx.server.clients, exchange.resources, client).await?;
    let configured = find(cx, exchange.issuer, exchange.token).await?;
    if exchange.token.is_too_long() {
        return Err(Reason::SubjectTokenInvalid.into());
    }
    if let UpstreamToken::Code { redirect_uri: None, .. } = exchange.token
        && configured.provider.names_redirect_uri()
    {
        return Err(Reason::ProviderRedirectUriMissing.into());
    }
    if was_sent_here(cx, exchange.token) {
        // The code belongs to the browser that the provider redirects to this server.
        refused(cx, &configured.registration.slug, FailureReason::SentToUs, None).await?;
        return Err(Reason::ProviderCodeSentHere.into());
    }
    let accepted = configured.registration.accepted_for(&client.id);
    let presented =
        PresentedToken { token: exchange.token, accepted: &accepted, nonce: exchange.nonce };
    let proven = (client.kind == ClientKind::Confidential).then(|| client.id.as_str());
    let requester = Requester::app(cx.address, proven);
    let proven =
        match social::with_deadline(Some(requester), configured.provider.prove(presented)).await {
            Ok(proven) => proven,
            Err(error) => {
                let slug = &configured.registration.slug;
                tracing::warn!(provider = %slug, client_id = %client.id, %error, "refused a token");
                refused(cx, slug, error.reason(), None).await?;
                return Err(refusal(&error).into());
            }
        };
    // The provider may have been turned off in the meantime.
    let slug = &configured.registration.slug;
    let configured = cx.server.providers.find(slug, Some(&client.id)).ok_or_else(unknown)?;
    let requested = RequestedAccess { scope, resources };
    Box::pin(arrive(cx, &configured, &proven, requested)).await
}

/// Whether the provider issued a code for this server's own callback. Naver does not ask for the
/// redirect URI when a code is redeemed; there the `state` of the code tells it.
fn was_sent_here(cx: &Cx<'_>, token: UpstreamToken<'_>) -> bool {
    let UpstreamToken::Code { redirect_uri: uri, state, .. } = token else { return false };
    let is_ours = |state: &str| {
        cx.server.upstream_logins.open(&Plain::<UpstreamState>::presented(state)).is_some()
    };
    uri.is_some_and(|uri| is_callback(&cx.server.url, uri)) || state.is_some_and(is_ours)
}

fn unknown() -> Reason {
    Reason::SubjectIssuerUnknown
}

/// Finds the provider, if this client may use it. The client gets the same error for a provider
/// that it may not use as for one that does not exist; the audit event tells the two apart.
async fn find(
    cx: &Cx<'_>,
    named: Option<&str>,
    token: UpstreamToken<'_>,
) -> Result<Arc<ConfiguredProvider>> {
    let stated = match token {
        UpstreamToken::Id(token) => social::unverified_claims(token),
        UpstreamToken::Access(_) | UpstreamToken::Code { .. } => None,
    };
    let configured = match usable(cx, named, token, stated.as_ref()) {
        Ok(configured) => configured,
        Err(refusal) => {
            let issuer = named.or(stated.as_ref().map(|stated| stated.issuer.as_str()));
            let is_meant = |configured: &&Arc<ConfiguredProvider>| {
                issuer.is_some_and(|issuer| {
                    configured.registration.slug.as_str() == issuer
                        || configured.provider.issues(issuer)
                })
            };
            if let Some(configured) = cx.server.providers.list().iter().find(is_meant) {
                refused(cx, &configured.registration.slug, FailureReason::NotForThisClient, None)
                    .await?;
            }
            return Err(refusal.into());
        }
    };
    // If the token names another issuer, it is refused without a call to the provider.
    if stated.is_some_and(|stated| !configured.provider.issues(&stated.issuer)) {
        refused(cx, &configured.registration.slug, FailureReason::WrongIssuer, None).await?;
        return Err(Reason::SubjectTokenIssuerMismatch.into());
    }
    Ok(configured)
}

fn usable(
    cx: &Cx<'_>,
    named: Option<&str>,
    token: UpstreamToken<'_>,
    stated: Option<&UnverifiedClaims>,
) -> Result<Arc<ConfiguredProvider>, Refusal> {
    let client = &cx.client.client().id;
    let usable = cx.server.providers.usable(Some(client));
    if let Some(slug) = named.and_then(Slug::parse) {
        let configured = usable.into_iter().find(|configured| configured.registration.slug == slug);
        return configured.ok_or_else(|| unknown().into());
    }
    let issuer = match (named, stated) {
        (Some(issuer), _) => issuer,
        (None, Some(stated)) => stated.issuer.as_str(),
        // RFC 7523 §3.1: an assertion whose issuer cannot be read is invalid.
        (None, None) if matches!(token, UpstreamToken::Id(_)) => {
            return Err(Reason::SubjectTokenInvalid.into());
        }
        (None, None) => return Err(Reason::SubjectIssuerMissing.into()),
    };
    let same: Vec<_> =
        usable.into_iter().filter(|configured| configured.provider.issues(issuer)).collect();
    // One provider may be registered several times, with a different app each time.
    let is_for = |configured: &&Arc<ConfiguredProvider>| {
        let accepted = configured.registration.accepted_for(client);
        stated.is_some_and(|stated| {
            stated.audiences.iter().any(|audience| accepted.contains(&audience.as_str()))
        })
    };
    same.iter().find(is_for).or(same.first()).cloned().ok_or_else(|| unknown().into())
}

/// The scope and resources to grant to the person.
#[derive(Clone, Debug)]
struct RequestedAccess {
    scope: Scope,
    resources: Vec<String>,
}

async fn arrive(
    cx: &Cx<'_>,
    configured: &ConfiguredProvider,
    proven: &VerifiedIdentity,
    requested: RequestedAccess,
) -> Result<Entitlement> {
    let slug = &configured.registration.slug;
    let once = proven.once.as_ref();
    for _ in 0..federation::ATTEMPTS {
        let tx = cx.server.store.begin(cx.server.clock.now()).await?;
        let arrived =
            federation::arrive(&tx, &configured.registration, &proven.identity, cx.origin).await;
        let verdict = match arrived {
            Ok(None) => {
                tx.abandon().await;
                continue;
            }
            // Whoever deletes their account can keep it on the sign-in page, and nowhere else.
            Ok(Some(Arrival::Known(user))) if !user.is_enabled() => {
                let why = ArrivalRefused::Disabled;
                refused_in(&tx, cx, slug, why.reason(), None).await?;
                Err(unwelcome(why).into())
            }
            Ok(Some(Arrival::Known(user) | Arrival::New(user))) => {
                if !is_first_use(&tx, once).await? {
                    // A token that was used before has no effect. Even the new account is undone.
                    tx.abandon().await;
                    refused(cx, slug, FailureReason::UsedBefore, None).await?;
                    return Err(Reason::SubjectTokenReused.into());
                }
                let by = (slug, proven.identity.issuer.as_str());
                open(&tx, cx, by, &user, requested.clone()).await
            }
            Ok(Some(Arrival::Prove(user))) => {
                refused_in(&tx, cx, slug, FailureReason::AccountLinkRequired, Some(&user.id))
                    .await?;
                // The app has to send the person through the browser once, so that they link the
                // account.
                Err(Reason::AccountLinkRequired.into())
            }
            Err(Error::Refused(why)) => {
                refused_in(&tx, cx, slug, why.reason(), None).await?;
                Err(unwelcome(why).into())
            }
            Err(Error::Fault(fault)) => Err(fault.into()),
        };
        return tx.settle(verdict).await;
    }
    Err(federation::changed_meanwhile().into())
}

async fn is_first_use(tx: &Tx, once: Option<&([u8; 32], DateTime<Utc>)>) -> Result<bool, Fault> {
    match once {
        Some((token, expires_at)) => {
            used_assertions::remember(tx, *token, *expires_at + SKEW).await
        }
        None => Ok(true),
    }
}

async fn open(
    tx: &Tx,
    cx: &Cx<'_>,
    (slug, issuer): (&Slug, &str),
    user: &User,
    requested: RequestedAccess,
) -> Result<Entitlement> {
    let client = cx.client.client();
    let event = Event::new(EventKind::SignInSucceeded).user(&user.id).client(&client.id);
    let event = event.from(cx.origin).detail(slug.as_str());
    let vouched = Method::Provider { slug: slug.clone(), issuer: issuer.to_owned() };
    let authentication = Authentication::by(vouched, tx.now());
    if is_factor_due(&cx.server.factors, user, client, authentication.acr()) {
        let session = AuthSession {
            client: client.id.clone(),
            user: user.id.clone(),
            version: users::version(tx, &user.id).await?,
            authentication,
            scope: requested.scope,
            resources: requested.resources,
            challenge: None,
            bound_to: cx.key().map(BoundKey::proven),
            first: None,
            expires_at: tx.now() + LIFE,
        };
        let key = &cx.server.auth_sessions;
        return Err(onward::refuse(tx, key, client, user, (&session, &event)).await?.into());
    }
    audit_events::insert(tx, &[event]).await?;
    let granted = SignInGrant {
        family: families::new_id(),
        user: &user.id,
        auth_time: authentication.signed_in_at(),
        acr: authentication.acr(),
        amr: authentication.amr(),
        provider_issuer: Some(issuer.to_owned()),
        scope: requested.scope,
        resources: requested.resources,
        session: None,
        claims: Vec::new(),
        binding: cx.binding(),
        by_id_jag: false,
    };
    Ok(families::start(tx, &cx.server.families, client, granted, cx.origin).await?)
}

async fn refused(
    cx: &Cx<'_>,
    slug: &Slug,
    reason: FailureReason,
    user: Option<&UserId>,
) -> Result<(), Fault> {
    let tx = cx.server.store.begin(cx.server.clock.now()).await?;
    refused_in(&tx, cx, slug, reason, user).await?;
    tx.commit().await
}

async fn refused_in(
    tx: &Tx,
    cx: &Cx<'_>,
    slug: &Slug,
    reason: FailureReason,
    user: Option<&UserId>,
) -> Result<(), Fault> {
    let client = Some(&cx.client.client().id);
    let refusal =
        federation::RefusalRecord { provider: slug, reason, client, user, origin: cx.origin };
    federation::record_refusal_in(tx, refusal).await
}

/// S129: a disabled person gets the same refusal as a person who is not admitted.
fn unwelcome(why: ArrivalRefused) -> Reason {
    match why {
        ArrivalRefused::Disabled | ArrivalRefused::Domain => Reason::PersonNotAdmitted,
    }
}

fn refusal(error: &UpstreamError) -> Refusal {
    let reason = match error {
        UpstreamError::Unavailable(_) | UpstreamError::Misconfigured(_) => {
            return Refusal::new(Reason::ProviderUnavailable).retry_after(5);
        }
        UpstreamError::Unagreed(_) => Reason::ProviderScopeMissing,
        UpstreamError::Unprovable => Reason::SubjectTokenUnprovable,
        UpstreamError::Refused { reason, .. } => match reason {
            FailureReason::StateMissing => Reason::ProviderStateMissing,
            FailureReason::WrongAudience | FailureReason::WrongAzp => {
                Reason::SubjectTokenAudienceMismatch
            }
            FailureReason::WrongIssuer => Reason::SubjectTokenIssuerMismatch,
            FailureReason::WrongNonce => Reason::SubjectTokenNonceMismatch,
            FailureReason::Expired => Reason::SubjectTokenExpired,
            FailureReason::TooOld => Reason::SubjectTokenTooOld,
            FailureReason::NotAnIdToken => Reason::SubjectTokenNotIdToken,
            FailureReason::BadSignature => Reason::SubjectTokenSignatureInvalid,
            FailureReason::CodeRefused => Reason::ProviderCodeRefused,
            FailureReason::MalformedToken => Reason::SubjectTokenMalformed,
            FailureReason::DomainNotAllowed => Reason::PersonNotAdmitted,
            _ => Reason::SubjectTokenInvalid,
        },
    };
    reason.into()
}
