//! `refresh_token`: RFC 6749 §6 and RFC 9700 §4.14. The decision is made in
//! [`rotation`](crate::oauth::token::rotation).

use serde_json::Map;

use crate::domain::audit::Origin;
use crate::domain::client::ClientKind;
use crate::domain::family::FamilyId;
use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::domain::reason::Reason;
use crate::domain::refresh::ParsedRefreshToken;
use crate::domain::scope::Scope;
use crate::domain::secret::{self, Plain, Secret};
use crate::keys::jwt::Typ;
use crate::oauth::claims::AccessToken;
use crate::oauth::error::{Refusal, Result};
use crate::oauth::token::client_resources::ClientResources;
use crate::oauth::token::grant::{Cx, Grant, registered_resources, required, resources, scope};
use crate::oauth::token::mint::Entitlement;
use crate::oauth::token::rotation::{AccessTokenProof, Rotated, Use, unknown};
use crate::rate_limits::CountedAccount;

/// The parameters of the request, RFC 6749 §6. The old access token is an optional proof.
#[derive(Debug)]
pub struct RefreshToken {
    presented: Plain<secret::RefreshToken>,
    access_token: Option<Secret>,
    scope: Option<Scope>,
    resources: Vec<String>,
}

impl Grant for RefreshToken {
    const TYPE: GrantType = GrantType::RefreshToken;

    fn parse(form: &Form) -> Result<Self, Refusal> {
        let presented = required(form, "refresh_token", Reason::RefreshTokenMissing)?;
        Ok(Self {
            presented: Plain::presented(presented),
            access_token: form.get("access_token").map(Secret::text),
            scope: scope(form)?,
            resources: resources(form),
        })
    }

    async fn account(&self, cx: &Cx<'_>) -> Result<Option<CountedAccount>> {
        let found = cx.server.refresh_tokens.find(&self.presented).await?;
        let client = cx.client.client().id.clone();
        let theirs = found.filter(|(_, found)| found.family.client == client);
        let user = theirs.map(|(_, found)| found.family.user.clone());
        Ok(user.map(|user| CountedAccount::Known { user, client }))
    }

    async fn redeem(self, cx: &Cx<'_>) -> Result<Entitlement> {
        let (clients, client) = (&cx.server.clients, cx.client.client());
        let asked = registered_resources(clients, self.resources, client).await?;
        let of_client = ClientResources::new(client, clients.resources().await?);
        let proof = match &self.access_token {
            Some(token) => Some(proof(cx, token.expose())?),
            None if client.metadata.require_access_token_proof => Some(AccessTokenProof::Missing),
            None => None,
        };
        let token = ParsedRefreshToken::read(&self.presented).ok_or_else(unknown)?;
        let wants_status = cx.server.families.indices.may_be_asked(None, client).await?;
        let rotated = cx
            .server
            .refresh_tokens
            .rotate(Use {
                token,
                client: client.id.clone(),
                policy: client.metadata.refresh,
                proof,
                possession: cx.proof.cloned(),
                certificate: cx.certificate.cloned(),
                binds: (client.kind == ClientKind::Public).then(|| cx.binding()),
                scope: self.scope,
                resources: asked,
                of_client,
                origin: Origin::clone(cx.origin),
                idle: cx.server.families.lifetimes.of(&client.metadata).refresh_idle,
                wants_status,
            })
            .await?;
        cx.server.refresh_count.add();
        let Rotated { family, scope, resources, salt, place } = rotated;
        let refresh_token = cx.server.refresh_tokens.token(salt, &family.id, place)?;
        Ok(Entitlement {
            status: family.status,
            family: Some(family),
            // A scope that was taken from the client since is not granted again.
            scope: scope.shared_with(&client.metadata.scope),
            resources,
            refresh_token: Some(refresh_token),
            nonce: None,
            claims: Map::new(),
            issued_token_type: None,
            delegation: None,
            id_jag: None,
        })
    }
}

/// The family of the old access token. The token may be expired, but it must have been issued by
/// this server and for this client.
fn proof(cx: &Cx<'_>, token: &str) -> Result<AccessTokenProof> {
    let refusal = || Reason::AccessTokenProofMismatch;
    let keys = cx.server.keyring.snapshot()?;
    let claims: AccessToken = keys.verify(Typ::AccessToken, token).map_err(|_| refusal())?;
    let ours =
        claims.iss == cx.server.url.as_str() && claims.client_id == cx.client.client().id.as_str();
    match claims.sid {
        Some(family) if ours => Ok(AccessTokenProof::Of(FamilyId::from_stored(family))),
        _ => Err(refusal().into()),
    }
}
