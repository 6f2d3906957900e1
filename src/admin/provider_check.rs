//! Checks the registration of a provider: asks the provider, and looks for what is missing here.

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

/// The result of a check.
#[derive(Clone, Debug)]
pub struct ProviderFinding {
    /// The provider.
    pub slug: Slug,
    /// The redirect URI that has to be registered at the provider.
    pub redirect_uri: String,
    /// Whether the provider is turned on.
    pub enabled: bool,
    /// What is right, or what is wrong.
    pub said: Result<Vec<String>, String>,
    /// Hints for the operator.
    pub notes: Vec<String>,
}

impl ProviderFinding {
    /// The result for a provider of this name.
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

/// The parts that a check works with.
#[derive(Clone, Copy, Debug)]
pub struct ProviderCheck<'a> {
    /// The issuer URL of this server.
    pub issuer: &'a Issuer,
    /// The database, if it exists already.
    pub store: Option<&'a Store>,
    /// Sends requests to providers.
    pub outbound: &'a Outbound,
    /// The clock.
    pub clock: &'a Clock,
    /// Whether a provider may be in a private network.
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

    /// Asks the provider, and returns what it says about the registration.
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
