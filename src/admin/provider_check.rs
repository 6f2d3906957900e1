//! Whether the registration of a provider is good: what it says itself, and what is missing here.

use super::providers::missing_client;
use crate::domain::client::ClientId;
use crate::domain::clock::Clock;
use crate::domain::provider::{Registration, Slug};
use crate::domain::urls::Issuer;
use crate::domain::verdict::{Fault, OrRejected};
use crate::outbound::Outbound;
use crate::social;
use crate::social::registry::redirect_uri;
use crate::store::Store;

/// What a check found.
#[derive(Clone, Debug)]
pub struct ProviderFinding {
    /// Which provider.
    pub slug: Slug,
    /// What is to be registered there.
    pub redirect_uri: String,
    /// Whether it is turned on.
    pub enabled: bool,
    /// What is good, or what is not.
    pub said: Result<Vec<String>, String>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

impl ProviderFinding {
    /// What was said about a provider of this name.
    #[must_use]
    pub fn new(issuer: &Issuer, slug: Slug, said: Result<Vec<String>, String>) -> Self {
        let mut notes = Vec::new();
        if *issuer == Issuer::localhost() {
            notes.push(format!(
                "the issuer is {}: set MAPAE_ISSUER first if people reach this server elsewhere",
                issuer.as_str()
            ));
        }
        let redirect_uri = redirect_uri(issuer, &slug);
        Self { slug, redirect_uri, enabled: true, said, notes }
    }
}

/// What a check needs.
#[derive(Clone, Copy, Debug)]
pub struct ProviderCheck<'a> {
    /// Who we are.
    pub issuer: &'a Issuer,
    /// The database, where there is one yet.
    pub store: Option<&'a Store>,
    /// The way to providers.
    pub outbound: &'a Outbound,
    /// The clock.
    pub clock: &'a Clock,
    /// Whether a provider may live in the own network.
    pub allow_private: bool,
}

impl ProviderCheck<'_> {
    /// Checks one provider.
    pub async fn check(&self, one: &Registration) -> OrRejected<ProviderFinding> {
        let mut said = self.asked(one).await;
        if let Some(client) = self.missing(one).await? {
            let problem = format!("it is for {:?}, and there is no such client", client.as_str());
            said = Err(said.err().into_iter().chain([problem]).collect::<Vec<_>>().join("; "));
        }
        let mut finding = ProviderFinding::new(self.issuer, one.slug.clone(), said);
        if one.disabled {
            finding.enabled = false;
            finding.notes.push("it is turned off: nobody can sign in with it".to_owned());
        }
        Ok(finding)
    }

    async fn missing(&self, one: &Registration) -> Result<Option<ClientId>, Fault> {
        match self.store {
            Some(store) => missing_client(store, &one.metadata).await,
            None => Ok(one.metadata.clients().next().cloned()),
        }
    }

    /// What the provider says.
    async fn asked(&self, one: &Registration) -> Result<Vec<String>, String> {
        if let Err(problems) = social::check(one, self.allow_private) {
            return Err(problems.to_string());
        }
        let provider = social::provider(one, self.outbound, self.clock);
        let provider = provider.map_err(|problems| problems.to_string())?;
        let uri = redirect_uri(self.issuer, &one.slug);
        let said = social::with_deadline(None, provider.check(&uri)).await;
        said.map_err(|error| error.to_string())
    }
}
