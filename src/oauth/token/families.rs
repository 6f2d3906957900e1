//! Starting a family: what every grant that has a person behind it does.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Map;

use crate::accounts::session_endings;
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::client::Client;
use crate::domain::family::{Family, FamilyId};
use crate::domain::grant_type::GrantType;
use crate::domain::scope::Scope;
use crate::domain::session::Session;
use crate::domain::succession::Succession;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::keys::rotation::RotationKey;
use crate::oauth::lifetimes::Lifetimes;
use crate::oauth::token::mint::Entitlement;
use crate::store::{Tx, audit_events, families};

/// What a person granted, and how they proved who they are.
#[derive(Debug)]
pub struct SignInGrant<'a> {
    /// The name of the family.
    pub family: FamilyId,
    /// Who.
    pub user: &'a UserId,
    /// When they proved who they are.
    pub auth_time: DateTime<Utc>,
    /// How, RFC 8176.
    pub amr: Vec<String>,
    /// The issuer of the provider that they came by.
    pub provider_issuer: Option<String>,
    /// What.
    pub scope: Scope,
    /// For which resources, RFC 8707.
    pub resources: Vec<String>,
    /// In which browser session.
    pub session: Option<&'a Session>,
    /// Which single claims are to be shown at userinfo.
    pub claims: Vec<String>,
}

/// A name that no other family has.
#[must_use]
pub fn new_id() -> FamilyId {
    FamilyId::generate()
}

/// What families are started by.
#[derive(Clone, Debug)]
pub struct Families {
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// So many families one person may have at one client.
    pub per_client: u64,
    /// Makes refresh tokens.
    pub key: Arc<RotationKey>,
}

/// Starts a family at this instant. A refresh token is issued whenever the client has its grant. What
/// belongs to a browser session does not outlive it, unless `offline_access` was granted (Core §11).
pub async fn start(
    tx: &Tx,
    context: &Families,
    client: &Client,
    granted: SignInGrant<'_>,
    origin: &Origin,
) -> Result<Entitlement, Fault> {
    let now = tx.now();
    let refreshes = client.may_use(GrantType::RefreshToken);
    let lifetimes = &context.lifetimes;
    let life = if refreshes { lifetimes.refresh_absolute } else { lifetimes.access_token };
    let mut family = Family {
        id: granted.family,
        user: granted.user.clone(),
        client: client.id.clone(),
        scope: granted.scope.clone(),
        resources: granted.resources.clone(),
        auth_time: granted.auth_time,
        amr: granted.amr,
        provider_issuer: granted.provider_issuer,
        session: granted.session.map(|session| session.id.clone()),
        claims: granted.claims,
        expires_at: now + life,
        revoked_at: None,
    };
    if let Some(session) = granted.session.filter(|_| family.bound_to().is_some()) {
        family.expires_at = family.expires_at.min(session.expires_at);
    }
    let idle_end = (now + lifetimes.refresh_idle).min(family.expires_at);
    let succession = refreshes.then(|| Succession::begin(now, origin.address.clone(), idle_end));
    session_endings::make_room(tx, granted.user, client, context.per_client, origin).await?;
    families::insert(tx, &family, succession.as_ref()).await?;
    let token = |first: &Succession| context.key.token(first.salt, &family.id, first.leaf);
    let refresh_token = succession.as_ref().map(token).transpose()?;
    let event = Event::new(EventKind::FamilyStarted).user(granted.user).client(&client.id);
    audit_events::insert(tx, &[event.family(&family.id).from(origin)]).await?;
    Ok(Entitlement {
        family: Some(Arc::new(family)),
        scope: granted.scope,
        resources: granted.resources,
        refresh_token,
        nonce: None,
        claims: Map::new(),
        issued_token_type: None,
    })
}
