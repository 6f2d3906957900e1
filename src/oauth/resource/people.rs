//! What answers and tokens say of people, read for many at once.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::claim_names::by_scope;
use crate::domain::client::Client;
use crate::domain::scope::{OPENID, Scope};
use crate::domain::user::{User, UserId};
use crate::domain::verdict::Fault;
use crate::oauth::Issuer;
use crate::oauth::resource::introspect::Introspection;
use crate::oauth::resource::userinfo::named;
use crate::oauth::token::mint::{AboutPerson, Entitlement};
use crate::runtime::batch::{Batch, Bounds};
use crate::runtime::supervisor::Supervisor;
use crate::store::{Store, users};

/// The queue of those who are asked about.
pub type People = Batch<UserId, Result<Option<User>, Fault>>;

/// Starts the worker.
pub(in crate::oauth) fn start(supervisor: &Supervisor, store: Arc<Store>) -> People {
    let bounds = Bounds { name: "people", lanes: 2, queue: 4096, deadline: Duration::from_secs(3) };
    Batch::start(supervisor, bounds, move |wanted: Vec<UserId>| {
        let store = Arc::clone(&store);
        async move {
            match users::find_each(&*store, &wanted).await {
                Ok(found) => {
                    let of = |id: &UserId| found.iter().find(|(known, _)| known == id);
                    let answer = |id| of(id).map(|(_, user)| user.clone()).transpose();
                    wanted.iter().map(answer).collect()
                }
                Err(fault) => wanted.iter().map(|_| Err(fault.clone())).collect(),
            }
        }
    })
}

/// What the tokens of a client say of the person behind them: as much as their scope shows at
/// userinfo, and only of clients that are registered for it.
pub(in crate::oauth) async fn about(
    issuer: &Issuer,
    client: &Client,
    entitlement: &Entitlement,
) -> Result<AboutPerson, Fault> {
    let scope = &entitlement.scope;
    let tells = client.id_token_claims && scope.contains(OPENID);
    let nothing = !tells && client.access_token_claims.is_empty();
    let Some(family) = entitlement.family.as_ref().filter(|_| !nothing) else {
        return Ok(AboutPerson::default());
    };
    let Some(user) = issuer.people.ask(family.user.clone()).await?? else {
        return Ok(AboutPerson::default());
    };
    let mut about = AboutPerson::default();
    if tells {
        about.id_token = named(&user, by_scope(scope))?;
    }
    let registered = |name: &&str| client.access_token_claims.iter().any(|one| one == name);
    about.access_token = named(&user, by_scope(scope).filter(registered))?;
    Ok(about)
}

/// Adds who the person behind a token is, RFC 7662 §2.2, and with the scope `email` their address.
pub(in crate::oauth) async fn introduce(
    issuer: &Issuer,
    token: &mut Introspection,
) -> Result<(), Fault> {
    // Without a session the subject is the client itself.
    let (Some(sub), Some(_)) = (&token.sub, &token.sid) else { return Ok(()) };
    let Some(user) = issuer.people.ask(UserId(sub.clone())).await?? else { return Ok(()) };
    let scope = token.scope.as_deref().map(Scope::parse).and_then(Result::ok).unwrap_or_default();
    if scope.contains("email") {
        token.email_verified = user.email.as_ref().map(|_| user.email_verified);
        token.email = user.email;
    }
    token.username = Some(user.username);
    Ok(())
}
