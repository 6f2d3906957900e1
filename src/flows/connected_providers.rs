//! The providers that an account is connected with. The person sees, connects and disconnects them
//! on their account page.

use std::sync::Arc;

use crate::accounts::browsers::SignedInUser;
use crate::accounts::{notices, provider_groups, session_endings};
use crate::domain::audit::{Event, EventKind};
pub use crate::domain::identity::LinkedIdentity;
use crate::domain::mail::MethodChange;
use crate::domain::provider::Slug;
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::domain::user::User;
use crate::domain::verdict::{Error, Fault};
use crate::flows::context::Flows;
use crate::flows::fresh_proof::{FreshProof, NotFresh};
use crate::flows::interaction::Caller;
use crate::flows::known_passkeys::has_passkey;
use crate::flows::mail_code;
use crate::flows::submitted::AccountForm;
use crate::flows::upstream_login::{self, Departure};
use crate::social::registry::ConfiguredProvider;
use crate::store::{Reader, Tx, audit_events, identities, users};

/// The providers that an account is connected with, and those that it could be connected with.
#[derive(Debug)]
pub struct Connections {
    /// The connected identities, the oldest first.
    pub linked: Vec<ProviderConnection>,
    /// The providers that could be connected, too.
    pub linkable: Vec<Arc<ConfiguredProvider>>,
}

/// An identity with which a person can sign in.
#[derive(Debug)]
pub struct ProviderConnection {
    /// The name of the identity in forms.
    pub name: String,
    /// The identity.
    pub linked: LinkedIdentity,
    /// Its provider, if that is still configured.
    pub configured: Option<Arc<ConfiguredProvider>>,
    /// Whether it may be disconnected, because the account has another sign-in method.
    pub removable: bool,
}

/// Reads what the account of this person is connected with.
pub async fn connections(
    flows: &Flows,
    signed_in_user: &SignedInUser,
) -> Result<Connections, Fault> {
    let linked = identities::of_user(&*flows.store, &signed_in_user.user.id).await?;
    let by_passkey = has_passkey(flows, &*flows.store, None, &signed_in_user.user.id).await?;
    let every = flows.providers.list();
    let mut linkable = offered(flows, Some(signed_in_user));
    linkable.retain(|configured| {
        !linked.iter().any(|one| one.provider == configured.registration.slug)
    });
    let configured = |slug: &Slug| {
        every.iter().find(|configured| configured.registration.slug == *slug).cloned()
    };
    let connection = |one: &LinkedIdentity| ProviderConnection {
        name: one.name(),
        removable: by_passkey || has_another_way(flows, &signed_in_user.user, &linked, one),
        configured: configured(&one.provider),
        linked: one.clone(),
    };
    Ok(Connections { linked: linked.iter().map(connection).collect(), linkable })
}

/// The providers that are offered for a person's own account. A provider that is only for certain
/// apps is offered only to a person who signed in with it.
#[must_use]
pub fn offered(
    flows: &Flows,
    signed_in_user: Option<&SignedInUser>,
) -> Vec<Arc<ConfiguredProvider>> {
    let came_by_it = |configured: &ConfiguredProvider| {
        signed_in_user.is_some_and(|signed_in_user| {
            let authentication = &signed_in_user.session.authentication;
            configured.vouched(&authentication.amr(), authentication.provider_issuer())
        })
    };
    let mut offered = flows.providers.usable(None);
    offered.retain(|configured| {
        configured.registration.metadata.allowed_clients.is_empty() || came_by_it(configured)
    });
    offered
}

/// The identities that are linked to this person's account.
pub async fn linked(
    flows: &Flows,
    signed_in_user: &SignedInUser,
) -> Result<Vec<LinkedIdentity>, Fault> {
    identities::of_user(&*flows.store, &signed_in_user.user.id).await
}

/// Whether a person with these identities can sign in with this provider. The issuer is compared,
/// too, because a provider of the same name may have had another issuer before.
#[must_use]
pub fn vouches(configured: &ConfiguredProvider, linked: &[LinkedIdentity]) -> bool {
    let slug = &configured.registration.slug;
    linked.iter().any(|one| one.provider == *slug && configured.provider.issues(&one.issuer))
}

/// Whether the person can sign in without this identity and without a passkey: with their password,
/// with a mailed code, or with another provider that is configured.
fn has_another_way(
    flows: &Flows,
    user: &User,
    linked: &[LinkedIdentity],
    but: &LinkedIdentity,
) -> bool {
    let mut others =
        linked.iter().filter(|one| (&one.issuer, &one.subject) != (&but.issuer, &but.subject));
    has_way_of_their_own(flows, user) || others.any(|one| is_usable(flows, one))
}

/// Whether the person can sign in with a password, a mailed code or a provider.
pub(super) async fn has_way_without_passkey(
    flows: &Flows,
    reader: &impl Reader,
    user: &User,
) -> Result<bool, Fault> {
    let linked = identities::of_user(reader, &user.id).await?;
    Ok(has_way_of_their_own(flows, user) || linked.iter().any(|one| is_usable(flows, one)))
}

/// Whether the person has a password or gets codes by mail, and may sign in with that.
fn has_way_of_their_own(flows: &Flows, user: &User) -> bool {
    let by_mail = mail_code::is_offered(flows) && user.verified_email().is_some();
    (user.password_hash.is_some() || by_mail) && !flows.providers.are_the_only_way(None)
}

fn is_usable(flows: &Flows, linked: &LinkedIdentity) -> bool {
    let configured = flows.providers.find(&linked.provider, None);
    configured.is_some_and(|configured| configured.provider.issues(&linked.issuer))
}

/// Why nothing was connected or disconnected.
#[derive(Debug)]
pub enum Unchanged {
    /// The person has to prove again who they are.
    NotFresh(NotFresh),
    /// There is nothing to disconnect, or the person was signed out meanwhile.
    Gone,
    /// The outcome of the login at this provider.
    UpstreamNotice(Slug, UpstreamOutcome),
}

type OrUnchanged<T> = Result<T, Error<Unchanged>>;

fn not_fresh(error: Error<NotFresh>) -> Error<Unchanged> {
    error.map(Unchanged::NotFresh)
}

/// Starts a login at a provider, to connect it to the account.
pub async fn connect(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    slug: &Slug,
    language: &str,
) -> OrUnchanged<Departure> {
    let noted = |note| Unchanged::UpstreamNotice(slug.clone(), note);
    let configured = flows.providers.find(slug, None);
    let configured = configured.ok_or_else(|| Error::Refused(noted(UpstreamOutcome::Unknown)))?;
    let proof = FreshProof::check(flows, caller, form, language).await.map_err(not_fresh)?;
    let left = upstream_login::start_to_link(flows, &configured, proof, language).await;
    left.map_err(|error| error.map(noted))
}

/// Disconnects an identity, unless it is the last sign-in method.
pub async fn disconnect(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    name: &str,
    language: &str,
) -> OrUnchanged<()> {
    let proof = FreshProof::check(flows, caller, form, language).await.map_err(not_fresh)?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let disconnected = disconnect_in(&tx, flows, caller, proof, name).await;
    tx.settle(disconnected).await?;
    flows.notices.nudge();
    Ok(())
}

async fn disconnect_in(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    proof: FreshProof<'_>,
    name: &str,
) -> OrUnchanged<()> {
    let gone = || Error::Refused(Unchanged::Gone);
    // The user is locked, so that two requests cannot each remove an identity and leave the account
    // without a sign-in method.
    let SignedInUser { user, session } = proof.lock(flows, tx).await?.ok_or_else(gone)?;
    let linked = identities::of_user(tx, &user.id).await?;
    let one = linked.iter().find(|one| one.name() == name).ok_or_else(gone)?;
    let by_passkey = has_passkey(flows, tx, None, &user.id).await?;
    if !by_passkey && !has_another_way(flows, &user, &linked, one) {
        let last = Unchanged::UpstreamNotice(one.provider.clone(), UpstreamOutcome::LastWayIn);
        return Err(Error::Refused(last));
    }
    if identities::delete(tx, one).await? {
        // A sign-in that began with this identity, and waits for a second factor, ends.
        users::bump_version(tx, &user.id).await?;
        let event = Event::new(EventKind::IdentityUnlinked).user(&user.id).from(caller.origin);
        audit_events::insert(tx, &[event.detail(one.provider.as_str())]).await?;
        provider_groups::take_all(tx, &user.id, &one.provider, caller.origin).await?;
        let (mailer, change) = (flows.mailer.as_ref(), MethodChange::ProviderDisconnected);
        notices::changed(tx, mailer, &user.id, change, caller.notice_origin()).await?;
        // Sessions elsewhere that were opened with this identity end. An intruder who has one may
        // be the reason for the disconnection.
        let issuer = &one.issuer;
        session_endings::end_at_provider(tx, &user.id, issuer, &session.id, caller.origin).await?;
    }
    Ok(())
}
