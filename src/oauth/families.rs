//! Starting a family: what every grant that has a person behind it does.

use std::sync::Arc;

use uuid::Uuid;

use super::Issuer;
use super::mint::Entitlement;
use crate::domain::audit::{Event, Kind, Origin};
use crate::domain::client::Client;
use crate::domain::family::{Family, FamilyId};
use crate::domain::scope::Scope;
use crate::domain::secret::Plain;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::store::refresh_tokens::{self, New};
use crate::store::{Tx, audit_events, families};

use super::grants::Grant;
use super::grants::refresh_token::RefreshToken;

/// What a person granted, and how they proved who they are.
#[derive(Debug)]
pub struct Granted<'a> {
    /// Who.
    pub user: &'a UserId,
    /// How, RFC 8176.
    pub amr: &'a [&'a str],
    /// What.
    pub scope: Scope,
    /// For which resources, RFC 8707.
    pub resources: Vec<String>,
    /// What led to it.
    pub event: Event,
}

/// Starts a family at this instant. A refresh token is issued whenever the client has its grant.
pub async fn start(
    tx: &Tx,
    issuer: &Issuer,
    client: &Client,
    granted: Granted<'_>,
    origin: &Origin,
) -> Result<Entitlement, Fault> {
    let now = tx.now();
    let refreshes = client.may_use(RefreshToken::TYPE);
    let lifetimes = &issuer.lifetimes;
    let life = if refreshes { lifetimes.refresh_absolute } else { lifetimes.access_token };
    let family = Family {
        id: FamilyId(Uuid::now_v7().to_string()),
        user: granted.user.clone(),
        client: client.id.clone(),
        scope: granted.scope.clone(),
        resources: granted.resources.clone(),
        auth_time: now,
        amr: granted.amr.iter().map(|method| (*method).to_owned()).collect(),
        expires_at: now + life,
        revoked_at: None,
    };
    families::insert(tx, &family).await?;
    let refresh_token = refreshes.then(Plain::generate);
    if let Some(token) = &refresh_token {
        let new = New {
            hash: token.hashed(),
            family: family.id.clone(),
            generation: 0,
            expires_at: (now + lifetimes.refresh_idle).min(family.expires_at),
        };
        refresh_tokens::insert(tx, &[new]).await?;
    }
    let event = Event::new(Kind::FamilyStarted).user(granted.user).client(&client.id);
    let event = event.family(&family.id).from(origin);
    audit_events::insert(tx, &[granted.event, event]).await?;
    Ok(Entitlement {
        family: Some(Arc::new(family)),
        scope: granted.scope,
        resources: granted.resources,
        refresh_token,
        nonce: None,
    })
}
