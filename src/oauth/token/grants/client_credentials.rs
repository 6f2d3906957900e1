//! `client_credentials`: a client gets a token for itself, RFC 6749 §4.4. Nothing is written to the
//! database, except that places in a status list are reserved for a client that asks for them. There is no refresh token (§4.4.3) and no id token.

use serde_json::Map;

use crate::domain::client::{ClientKind, RegisteredBy};
use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::domain::reason::Reason;
use crate::domain::scope::{OFFLINE_ACCESS, OPENID, Scope};
use crate::oauth::error::{Refusal, Result};
use crate::oauth::token::grant::{
    Cx, Grant, registered_resources, registered_scope, resources, scope,
};
use crate::oauth::token::mint::Entitlement;

/// The parameters of the request, RFC 6749 §4.4.2.
#[derive(Debug)]
pub struct ClientCredentials {
    scope: Option<Scope>,
    resources: Vec<String>,
}

impl Grant for ClientCredentials {
    const TYPE: GrantType = GrantType::ClientCredentials;

    fn parse(form: &Form) -> Result<Self, Refusal> {
        Ok(Self { scope: scope(form)?, resources: resources(form) })
    }

    async fn redeem(self, cx: &Cx<'_>) -> Result<Entitlement> {
        let client = cx.client.client();
        // RFC 6749 §4.4: only confidential clients.
        if client.kind != ClientKind::Confidential {
            return Err(Reason::ClientCredentialsPublic.into());
        }
        let scope = registered_scope(&cx.server.clients, self.scope, client).await?;
        if scope.contains(OPENID) || scope.contains(OFFLINE_ACCESS) {
            return Err(Reason::ClientCredentialsPersonalScope.into());
        }
        // What an app that no operator registered may do at an MCP server, a person decides.
        if client.registered_by != RegisteredBy::Operator
            && let Some(culprit) = self.resources.first()
        {
            return Err(Refusal::new(Reason::ResourceUnregistered).naming(culprit).into());
        }
        let resources = registered_resources(&cx.server.clients, self.resources, client).await?;
        Ok(Entitlement {
            status: cx.server.families.indices.own(client).await?,
            family: None,
            scope,
            resources,
            refresh_token: None,
            nonce: None,
            claims: Map::new(),
            issued_token_type: None,
            delegation: None,
            id_jag: None,
        })
    }
}
