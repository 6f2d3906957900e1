//! The providers that a person's account is connected with: seen, connected and disconnected from
//! their account page.

use std::sync::Arc;

use crate::accounts::browsers::SignedInUser;
use crate::accounts::session_endings;
use crate::domain::audit::{Event, EventKind};
pub use crate::domain::identity::LinkedIdentity;
use crate::domain::provider::Slug;
use crate::domain::session::Session;
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::domain::user::User;
use crate::domain::verdict::{Error, Fault};
use crate::flows::context::Flows;
use crate::flows::fresh_proof::{FreshProof, NotFresh};
use crate::flows::interaction::Caller;
use crate::flows::submitted::AccountForm;
use crate::flows::upstream_login::{self, Departure};
use crate::social::registry::ConfiguredProvider;
use crate::store::{Tx, audit_events, identities, users};

/// What a person is connected with, and could be.
#[derive(Debug)]
pub struct Connections {
    /// Who vouches for them, the oldest first.
    pub linked: Vec<ProviderConnection>,
    /// Who else could.
    pub linkable: Vec<Arc<ConfiguredProvider>>,
}

/// An identity that a person comes in by.
#[derive(Debug)]
pub struct ProviderConnection {
    /// What names it in forms.
    pub name: String,
    /// The identity.
    pub linked: LinkedIdentity,
    /// Its provider, if that is still there.
    pub configured: Option<Arc<ConfiguredProvider>>,
    /// Whether there is another way in.
    pub removable: bool,
}

/// What this person is connected with.
pub async fn connections(
    flows: &Flows,
    signed_in_user: &SignedInUser,
) -> Result<Connections, Fault> {
    let linked = identities::of_user(&*flows.store, &signed_in_user.user.id).await?;
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
        removable: has_another_way(flows, &signed_in_user.user, &linked, one),
        configured: configured(&one.provider),
        linked: one.clone(),
    };
    Ok(Connections { linked: linked.iter().map(connection).collect(), linkable })
}

/// The providers that are offered to people for their own account. Those that are for some apps are
/// for the people of these: whoever came by one sees it.
#[must_use]
pub fn offered(
    flows: &Flows,
    signed_in_user: Option<&SignedInUser>,
) -> Vec<Arc<ConfiguredProvider>> {
    let came_by_it = |configured: &ConfiguredProvider| {
        signed_in_user.is_some_and(|signed_in_user| {
            let Session { amr, provider_issuer, .. } = &signed_in_user.session;
            configured.vouched(amr, provider_issuer.as_deref())
        })
    };
    let mut offered = flows.providers.usable(None);
    offered.retain(|configured| {
        configured.registration.metadata.allowed_clients.is_empty() || came_by_it(configured)
    });
    offered
}

/// Who vouches for this person.
pub async fn linked(
    flows: &Flows,
    signed_in_user: &SignedInUser,
) -> Result<Vec<LinkedIdentity>, Fault> {
    identities::of_user(&*flows.store, &signed_in_user.user.id).await
}

/// Whether somebody who is connected with these comes in by this provider: it may have another
/// issuer than the one of this name had.
#[must_use]
pub fn vouches(configured: &ConfiguredProvider, linked: &[LinkedIdentity]) -> bool {
    let slug = &configured.registration.slug;
    linked.iter().any(|one| one.provider == *slug && configured.provider.issues(&one.issuer))
}

/// Whether somebody comes in without this identity: by their password, or by another provider that
/// is there.
fn has_another_way(
    flows: &Flows,
    user: &User,
    linked: &[LinkedIdentity],
    but: &LinkedIdentity,
) -> bool {
    let only = flows.providers.are_the_only_way(None);
    let others = linked.iter().filter(|one| {
        (&one.issuer, &one.subject) != (&but.issuer, &but.subject)
            && flows
                .providers
                .find(&one.provider, None)
                .is_some_and(|configured| configured.provider.issues(&one.issuer))
    });
    user.password_hash.is_some() && !only || others.count() > 0
}

/// Why nothing was connected or disconnected.
#[derive(Debug)]
pub enum Unchanged {
    /// They have to prove again who they are.
    NotFresh(NotFresh),
    /// There is nothing to disconnect.
    Gone,
    /// What happened on the way by this provider.
    UpstreamNotice(Slug, UpstreamOutcome),
}

type Outcome<T> = Result<T, Error<Unchanged>>;

fn not_fresh(error: Error<NotFresh>) -> Error<Unchanged> {
    error.map(Unchanged::NotFresh)
}

/// Leaves to connect a provider.
pub async fn connect(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    slug: &Slug,
    language: &str,
) -> Outcome<Departure> {
    let noted = |note| Unchanged::UpstreamNotice(slug.clone(), note);
    let configured = flows.providers.find(slug, None);
    let configured = configured.ok_or_else(|| Error::Refused(noted(UpstreamOutcome::Unknown)))?;
    let proof = FreshProof::check(flows, caller, form, language).await.map_err(not_fresh)?;
    let left = upstream_login::start_to_link(flows, &configured, proof, language).await;
    left.map_err(|error| error.map(noted))
}

/// Disconnects an identity, unless it is the last way in.
pub async fn disconnect(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    name: &str,
    language: &str,
) -> Outcome<()> {
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
) -> Outcome<()> {
    let signed_in_user = proof.person();
    let gone = || Error::Refused(Unchanged::Gone);
    // Two who each leave the other as the last way in wait for one another.
    let user = users::lock(tx, &signed_in_user.user.id).await?.ok_or_else(gone)?;
    let linked = identities::of_user(tx, &user.id).await?;
    let one = linked.iter().find(|one| one.name() == name).ok_or_else(gone)?;
    if !has_another_way(flows, &user, &linked, one) {
        let last = Unchanged::UpstreamNotice(one.provider.clone(), UpstreamOutcome::LastWayIn);
        return Err(Error::Refused(last));
    }
    if identities::delete(tx, one).await? {
        let event = Event::new(EventKind::IdentityUnlinked).user(&user.id).from(caller.origin);
        audit_events::insert(tx, &[event.detail(one.provider.as_str())]).await?;
        // Whoever came in by it elsewhere may be why it is disconnected.
        let here = &signed_in_user.session.id;
        session_endings::end_at_provider(tx, &user.id, &one.issuer, here, caller.origin).await?;
    }
    Ok(())
}
