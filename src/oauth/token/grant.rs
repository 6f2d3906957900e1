//! What all grants share: the context that they work with, and the parameters that several of them
//! have.
//!
//! Slow work (hashing, calls to a provider) is done before a transaction is opened, and signing
//! after it has ended.

use std::future::{self, Future};
use std::net::IpAddr;

use super::context::GrantContext;
use super::mint::Entitlement;
use crate::clients::registry::Registry;
use crate::domain::audit::LazyOrigin;
use crate::domain::claim_names::SCOPE_CLAIMS;
use crate::domain::client::Client;
use crate::domain::dpop::{Confirmation, REMEMBERED, Thumbprint};
use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::domain::reason::Reason;
use crate::domain::resource::is_same;
use crate::domain::scope::{OFFLINE_ACCESS, OPENID, Scope};
use crate::keys::dpop::Proof;
use crate::oauth::client_auth::AuthenticatedClient;
use crate::oauth::error::{Refusal, Result};
use crate::rate_limits::CountedAccount;
use crate::store::{Tx, used_assertions};

/// The context of one token request.
#[derive(Clone, Copy, Debug)]
pub struct Cx<'a> {
    /// The parts that the grants work with.
    pub server: &'a GrantContext,
    /// The authenticated client.
    pub client: &'a AuthenticatedClient,
    /// The client address.
    pub address: IpAddr,
    /// What audit events say about where the request came from.
    pub origin: &'a LazyOrigin,
    /// The proof of possession that came with the request.
    pub proof: Option<&'a Proof>,
    /// The thumbprint of the certificate that the client showed, RFC 8705 §3.1.
    pub certificate: Option<&'a Thumbprint>,
}

impl Cx<'_> {
    /// The key that the client has proven.
    #[must_use]
    pub fn key(&self) -> Option<&Thumbprint> {
        self.proof.map(|proof| &proof.key)
    }

    /// What tokens of the client are bound to: the key that it has proven, and the certificate that it
    /// showed if it is registered for that.
    #[must_use]
    pub fn binding(&self) -> Confirmation {
        let is_bound = self.client.client().metadata.tls_client_certificate_bound_access_tokens;
        Confirmation {
            jkt: self.key().cloned(),
            x5t: self.certificate.filter(|_| is_bound).cloned(),
        }
    }

    /// Uses the proof up in the transaction of the grant: it counts once.
    pub async fn use_proof(&self, tx: &Tx) -> Result<()> {
        let Some(proof) = self.proof else { return Ok(()) };
        let until = tx.now() + REMEMBERED;
        if used_assertions::remember(tx, proof.once, until).await? {
            Ok(())
        } else {
            Err(Reason::DpopProofReused.into())
        }
    }
}

/// One grant type.
pub trait Grant: Sized {
    /// `grant_type`.
    const TYPE: GrantType;

    /// Reads the parameters of the request. This is a pure function.
    fn parse(form: &Form) -> Result<Self, Refusal>;

    /// The account that the request is about, if that can be known before anything is used up. It is
    /// only asked for if requests are counted for accounts.
    fn account(&self, _: &Cx<'_>) -> impl Future<Output = Result<Option<CountedAccount>>> + Send {
        future::ready(Ok(None))
    }

    /// Checks everything that can be checked, then uses up what was presented (a code, for
    /// example), and returns the entitlement.
    fn redeem(self, cx: &Cx<'_>) -> impl Future<Output = Result<Entitlement>> + Send;
}

/// A parameter that the grant requires.
pub(in crate::oauth) fn required<'a>(
    form: &'a Form,
    name: &'static str,
    missing: Reason,
) -> Result<&'a str, Refusal> {
    form.get(name).ok_or_else(|| missing.into())
}

/// `scope`, RFC 6749 §3.3.
pub(in crate::oauth) fn scope(form: &Form) -> Result<Option<Scope>, Refusal> {
    form.get("scope").map(Scope::parse).transpose().map_err(|_| Reason::ScopeMalformed.into())
}

/// `resource`, RFC 8707 §2.
pub(in crate::oauth) fn resources(form: &Form) -> Vec<String> {
    let mut resources = Vec::new();
    for resource in form.all("resource").map(str::to_owned) {
        if !resources.contains(&resource) {
            resources.push(resource);
        }
    }
    resources
}

/// The scope to grant: what was asked for, if it is registered for the client. If the request has
/// no scope, it is the registered scope without `openid` and `offline_access`, which a client has
/// to ask for by name (RFC 6749 §3.3).
pub(in crate::oauth) async fn registered_scope(
    clients: &Registry,
    asked: Option<Scope>,
    client: &Client,
) -> Result<Scope> {
    let Some(asked) = asked else {
        return Ok(clients.usual_scope(client).await?.without(&[OPENID, OFFLINE_ACCESS]));
    };
    if asked.is_within(&client.metadata.scope) {
        return Ok(asked);
    }
    let registered = clients.every_scope().await?;
    let means_something = |token: &&str| is_understood(token) || registered.contains(token);
    let mut beyond = asked.beyond(&client.metadata.scope);
    // OpenID Connect Core §3.1.2.1: scopes that this server does not know are ignored.
    let culprit = if asked.contains(OPENID) { beyond.find(means_something) } else { beyond.next() };
    match culprit {
        Some(culprit) => Err(Refusal::new(Reason::ScopeUnregistered).naming(culprit).into()),
        None => Ok(asked.shared_with(&client.metadata.scope)),
    }
}

/// Whether the meaning of a scope is built into this server.
fn is_understood(token: &str) -> bool {
    [OPENID, OFFLINE_ACCESS].contains(&token) || SCOPE_CLAIMS.iter().any(|(name, _)| *name == token)
}

/// RFC 8707 §2: every resource must be registered for the client. Each is returned in the spelling in
/// which it is registered. One that is registered itself is no spelling of another one, and only a
/// client that names it just so may ask for it.
pub(in crate::oauth) async fn registered_resources(
    clients: &Registry,
    resources: Vec<String>,
    client: &Client,
) -> Result<Vec<String>> {
    if resources.is_empty() {
        return Ok(resources);
    }
    let known = clients.resources().await?;
    let audiences = &client.metadata.audiences;
    let is_registered = |asked: &&String| {
        audiences.contains(asked)
            || !known.contains_key(*asked) && audiences.iter().any(|one| is_same(one, asked))
    };
    match resources.iter().find(|asked| !is_registered(asked)) {
        None => Ok(clients.spelled(resources, client).await?),
        Some(culprit) => Err(Refusal::new(Reason::ResourceUnregistered).naming(culprit).into()),
    }
}
