//! Starts a family. Every grant that has a person behind it does this.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Map;

use crate::accounts::session_endings;
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::authentication::Acr;
use crate::domain::client::{Client, ClientKind, RegisteredBy};
use crate::domain::dpop::Confirmation;
use crate::domain::family::{Family, FamilyId};
use crate::domain::grant_type::GrantType;
use crate::domain::scope::Scope;
use crate::domain::session::Session;
use crate::domain::succession::Succession;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::keys::rotation::RotationKey;
use crate::oauth::lifetimes::Lifetimes;
use crate::oauth::status::indices::Indices;
use crate::oauth::token::mint::Entitlement;
use crate::store::{Tx, audit_events, clients, families};

/// What a person granted, and how they proved who they are.
#[derive(Debug)]
pub struct SignInGrant<'a> {
    /// The id of the family.
    pub family: FamilyId,
    /// The person.
    pub user: &'a UserId,
    /// When the person proved who they are.
    pub auth_time: DateTime<Utc>,
    /// How strong it was.
    pub acr: Acr,
    /// How they proved it, RFC 8176.
    pub amr: Vec<String>,
    /// The issuer of the provider with which the person signed in.
    pub provider_issuer: Option<String>,
    /// The granted scope.
    pub scope: Scope,
    /// The granted resources, RFC 8707.
    pub resources: Vec<String>,
    /// The browser session in which the person granted it.
    pub session: Option<&'a Session>,
    /// Single claims that userinfo shows.
    pub claims: Vec<String>,
    /// The key that the client has proven, and the certificate to which its tokens are bound.
    pub binding: Confirmation,
    /// Whether a grant of another issuer opens it (ID-JAG): it is for one access token alone, whatever
    /// grants the client may use.
    pub by_id_jag: bool,
}

/// An id that no other family has.
#[must_use]
pub fn new_id() -> FamilyId {
    FamilyId::generate()
}

/// The parts that are used to start families.
#[derive(Clone, Debug)]
pub struct Families {
    /// How long tokens and families live.
    pub lifetimes: Lifetimes,
    /// How many families one person may have at one client.
    pub per_client: u64,
    /// Makes refresh tokens.
    pub key: Arc<RotationKey>,
    /// Hands out places in the status lists.
    pub indices: Arc<Indices>,
}

/// Why no family is started.
#[derive(Debug, thiserror::Error)]
#[error("the registration of the client changes at this moment")]
struct Changing;

/// The fault of a request that this server began with an older registration of the client.
pub(super) fn changing() -> Fault {
    Fault::unavailable("starting a family", Changing)
}

/// Refuses to start a family of a client that is registered differently now than this server has in
/// memory, so that what the change ended begins anew: it would know the person by another `sub`, or
/// would not be held to a profile. Whoever changes the client waits until the family is there to be
/// ended.
async fn check_unchanged(tx: &Tx, client: &Client) -> Result<(), Fault> {
    // What is registered of the client of a document is what the document says.
    if client.registered_by == RegisteredBy::Document {
        return Ok(());
    }
    match clients::hold(tx, &client.id).await? {
        Some(now) if now.metadata.outdates(&client.metadata) => Err(changing()),
        _ => Ok(()),
    }
}

/// Starts a family now. A refresh token is issued if the client may use the refresh token grant, and
/// no grant of another issuer opens the family. A family that is bound to a browser session ends with
/// it, unless `offline_access` was granted (Core §11).
pub async fn start(
    tx: &Tx,
    context: &Families,
    client: &Client,
    granted: SignInGrant<'_>,
    origin: &Origin,
) -> Result<Entitlement, Fault> {
    let refreshes = !granted.by_id_jag && client.may_use(GrantType::RefreshToken);
    check_unchanged(tx, client).await?;
    let now = tx.now();
    let lifetimes = context.lifetimes.of(&client.metadata);
    let life = if refreshes { lifetimes.refresh_absolute } else { lifetimes.access_token };
    let mut family = Family {
        id: granted.family,
        user: granted.user.clone(),
        client: client.id.clone(),
        scope: granted.scope.clone(),
        resources: granted.resources.clone(),
        auth_time: granted.auth_time,
        acr: granted.acr,
        amr: granted.amr,
        provider_issuer: granted.provider_issuer,
        session: granted.session.map(|session| session.id.clone()),
        claims: granted.claims,
        expires_at: now + life,
        revoked_at: None,
        status: None,
        parent: None,
        by_id_jag: granted.by_id_jag,
        // RFC 9449 §5, RFC 8705 §7.1: the refresh tokens of a confidential client are bound to it
        // already.
        binding: match client.kind {
            ClientKind::Public => granted.binding,
            ClientKind::Confidential => Confirmation::default(),
        },
    };
    if let Some(session) = granted.session.filter(|_| family.bound_to().is_some()) {
        family.expires_at = family.expires_at.min(session.expires_at);
    }
    let idle_end = (now + lifetimes.refresh_idle).min(family.expires_at);
    let succession = refreshes.then(|| Succession::begin(now, origin.address.clone(), idle_end));
    session_endings::make_room(tx, granted.user, client, context.per_client, origin).await?;
    if context.indices.may_be_asked(Some(tx), client).await? {
        family.status = Some(context.indices.take_in(tx).await?);
    }
    families::insert(tx, &family, succession.as_ref()).await?;
    let token = |first: &Succession| context.key.token(first.salt, &family.id, first.leaf);
    let refresh_token = succession.as_ref().map(token).transpose()?;
    let event = Event::new(EventKind::FamilyStarted).user(granted.user).client(&client.id);
    audit_events::insert(tx, &[event.family(&family.id).from(origin)]).await?;
    Ok(Entitlement {
        status: family.status,
        family: Some(Arc::new(family)),
        scope: granted.scope,
        resources: granted.resources,
        refresh_token,
        nonce: None,
        claims: Map::new(),
        issued_token_type: None,
        delegation: None,
        id_jag: None,
    })
}
