//! The claims about the person in the tokens of a client.

use std::sync::Arc;

use crate::domain::claim_names::by_scope;
use crate::domain::client::Client;
use crate::domain::resource::TokenTerms;
use crate::domain::scope::OPENID;
use crate::domain::verdict::Fault;
use crate::oauth::added_claims::{AddedClaims, Purpose};
use crate::oauth::resource::people::People;
use crate::oauth::resource::userinfo::named;
use crate::oauth::token::mint::{AboutTokens, Entitlement, audiences};

/// The parts that these claims are made with.
#[derive(Clone, Debug)]
pub struct PersonClaims {
    /// Reads the people that tokens describe.
    pub people: Arc<People>,
    /// Makes the claims of claim rules and roles.
    pub added: AddedClaims,
}

impl PersonClaims {
    /// Reads what tokens of this entitlement say besides, and what their resources say about them.
    pub async fn about(
        &self,
        client: &Client,
        entitlement: &Entitlement,
    ) -> Result<AboutTokens, Fault> {
        let user = entitlement.family.as_ref().map(|family| &family.user);
        let every = || audiences(&self.added.url, client, entitlement);
        let added = self.added.of(Purpose::Tokens, client, &entitlement.scope, user, every);
        let (mut about, added) = tokio::try_join!(self.standard(client, entitlement), added)?;
        about.id_token.extend(added.client);
        about.access_token.extend(added.access_token);
        let registered = self.added.clients.resources().await?;
        if !registered.is_empty() {
            about.terms = TokenTerms::of(&registered, &every(), self.added.url.as_str());
        }
        Ok(about)
    }

    /// The standard claims that the scope shows at userinfo, if the client is registered to get them
    /// in tokens.
    async fn standard(
        &self,
        client: &Client,
        entitlement: &Entitlement,
    ) -> Result<AboutTokens, Fault> {
        let scope = &entitlement.scope;
        let tells = client.metadata.id_token_claims && scope.contains(OPENID);
        let nothing = !tells && client.metadata.access_token_claims.is_empty();
        let Some(family) = entitlement.family.as_ref().filter(|_| !nothing) else {
            return Ok(AboutTokens::default());
        };
        let Some(user) = self.people.ask(family.user.clone()).await?? else {
            return Ok(AboutTokens::default());
        };
        let mut about = AboutTokens::default();
        if tells {
            about.id_token = named(&user, by_scope(scope))?;
        }
        let registered =
            |name: &&str| client.metadata.access_token_claims.iter().any(|one| one == name);
        about.access_token = named(&user, by_scope(scope).filter(registered))?;
        Ok(about)
    }
}
