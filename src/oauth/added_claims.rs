//! What tokens and userinfo say because of the claim rules of a client and because of the scope
//! `roles`. A client without rules that does not ask for this scope costs no read. The
//! attributes of people are told like standard claims: where the scope of an attribute was granted.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::memberships::{Asked, Held, Memberships};
use crate::clients::registry::Registry;
use crate::domain::claim_names::ROLES;
use crate::domain::claim_rule::{self, ClaimSource, Facts};
use crate::domain::client::{Client, ClientId};
use crate::domain::scope::Scope;
use crate::domain::urls::Issuer;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

/// The parts that these claims are made with.
#[derive(Clone, Debug)]
pub struct AddedClaims {
    /// The issuer URL of this server.
    pub url: Issuer,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// Reads groups and roles.
    pub memberships: Arc<Memberships>,
}

/// What the claims are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Tokens.
    Tokens,
    /// The answer of userinfo, which shows attributes without any registration.
    Userinfo,
}

/// The claims of one client about one person, by who gets them.
#[derive(Clone, Debug, Default)]
pub struct Added {
    /// The claims for the client itself: in the id token, or at userinfo.
    pub client: Map<String, Value>,
    /// The claims in the access token.
    pub access_token: Map<String, Value>,
}

impl AddedClaims {
    /// Makes the claims for tokens with this scope. `user` is missing if the client gets a token for
    /// itself. `audiences` are those of the access token.
    pub async fn of(
        &self,
        purpose: Purpose,
        client: &Client,
        scope: &Scope,
        user: Option<&UserId>,
        audiences: impl FnOnce() -> Vec<String>,
    ) -> Result<Added, Fault> {
        let rules = &client.metadata.claims;
        let roles = user.is_some() && scope.contains(ROLES);
        let shows = purpose == Purpose::Userinfo || client.metadata.id_token_claims;
        if rules.is_empty() && !roles && !shows {
            return Ok(Added::default());
        }
        let needs =
            |source: fn(&ClaimSource) -> bool| rules.iter().any(|rule| source(&rule.source));
        let by_rule = needs(|source| matches!(source, ClaimSource::Attribute(_)));
        let visible = if user.is_some() && (shows || by_rule) {
            self.clients.attributes().await?
        } else {
            Arc::default()
        };
        let visible = visible.iter().filter(|one| scope.contains(&one.scope));
        let visible: Vec<&str> = visible.map(|one| one.name.as_str()).collect();
        let groups = rules.iter().any(|rule| rule.needs_groups(scope));
        let attributes = !visible.is_empty();
        let mut held = match user {
            Some(user) if groups || roles || attributes => {
                let asked = Asked { user: user.clone(), groups, roles, attributes };
                self.memberships.ask(asked).await??
            }
            _ => Held::default(),
        };
        held.attributes.retain(|(name, _)| visible.contains(&name.as_str()));
        let attributes: Map<String, Value> =
            std::mem::take(&mut held.attributes).into_iter().collect();
        let facts = Facts { groups: &held.groups, attributes: &attributes };
        let audiences = audiences();
        // Without a person nobody's groups are told.
        let scope = if user.is_some() { scope } else { &Scope::default() };
        let told = |audiences: &[&str]| claim_rule::told(rules, scope, facts, audiences);
        let every: Vec<_> = audiences.iter().map(String::as_str).collect();
        let mut added = Added { client: told(&[client.id.as_str()]), access_token: told(&every) };
        if shows {
            added.client.extend(attributes.clone());
        }
        if roles {
            let own = held_at(&held, std::slice::from_ref(&client.id));
            added.client.insert(ROLES.to_owned(), own);
            if let Some(named) = self.role_owners(client, &audiences).await? {
                added.access_token.insert(ROLES.to_owned(), held_at(&held, &named));
            }
        }
        Ok(added)
    }

    /// The clients whose roles stand in an access token for these audiences: those that are the
    /// resource server. If the audiences name none, it is the client that the token is issued to. If
    /// they name several, it is nobody: a role at one of them would look like a role at the others.
    pub async fn role_owners(
        &self,
        client: &Client,
        audiences: &[String],
    ) -> Result<Option<Vec<ClientId>>, Fault> {
        let servers = self.clients.resource_servers().await?;
        let others = audiences.iter().filter(|audience| *audience != self.url.as_str());
        let mut named = others.filter_map(|audience| servers.get(audience));
        Ok(match (named.next(), named.next()) {
            (None, _) => Some(vec![client.id.clone()]),
            (Some(only), None) => Some(only.clone()),
            (Some(_), Some(_)) => None,
        })
    }
}

fn held_at(held: &Held, clients: &[ClientId]) -> Value {
    let at = held.roles.iter().filter(|(client, _)| clients.contains(client));
    let mut names: Vec<_> = at.map(|(_, name)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    json!(names)
}
