//! Issuers of others whose assertions authenticate clients (RFC 7523 §2.2): their metadata and their
//! keys, which are fetched and kept as those of providers are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::channel::Channel;
use super::deadline::with_deadline;
use super::error::UpstreamError;
use super::id_tokens::{self, KEEPING, Keys, ReceivedFrom, Source, verify_signature};
use crate::domain::clock::Clock;
use crate::domain::failure_reason::FailureReason;
use crate::keys::provider_keys::{ProviderKeys, Signed};
use crate::outbound::Outbound;
use crate::outbound::document_cache::Cached;

/// The most issuers in memory. Only those that operators trust are asked for.
const MOST: usize = 1000;

/// The issuers whose documents are in memory.
#[derive(Debug)]
pub struct OutsideIssuers {
    outbound: Outbound,
    clock: Clock,
    known: Mutex<HashMap<String, Arc<OutsideIssuer>>>,
}

#[derive(Debug)]
struct OutsideIssuer {
    channel: Arc<Channel>,
    /// The URL of its keys.
    jwks_uri: Cached<String>,
    keys: Keys,
}

impl OutsideIssuers {
    /// No documents yet.
    #[must_use]
    pub fn new(outbound: Outbound, clock: Clock) -> Self {
        Self { outbound, clock, known: Mutex::default() }
    }

    /// Checks that an assertion was signed by a key that this issuer publishes.
    pub async fn verify(&self, issuer: &str, assertion: &Signed<'_>) -> Result<(), UpstreamError> {
        let known = self.of(issuer);
        let work = async {
            let metadata = fetch(Arc::clone(&known.channel), issuer.to_owned());
            let now = self.clock.now();
            let jwks_uri = known.jwks_uri.get(now, Box::pin(metadata)).await?;
            let (channel, keys) = (&known.channel, &known.keys);
            let source = Source { channel, keys, jwks_uri: &jwks_uri, issuer };
            verify_signature(source, assertion, None, ReceivedFrom::App).await
        };
        // What is fetched is the same for every client.
        with_deadline(None, Box::pin(work)).await
    }

    fn of(&self, issuer: &str) -> Arc<OutsideIssuer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = known.get(issuer) {
            return Arc::clone(one);
        }
        if known.len() >= MOST {
            known.clear();
        }
        let channel = Arc::new(Channel::new(self.outbound.clone(), self.clock.clone()));
        let (jwks_uri, keys) = (Cached::new(KEEPING), Keys::new(KEEPING));
        let one = Arc::new(OutsideIssuer { channel, jwks_uri, keys });
        known.insert(issuer.to_owned(), Arc::clone(&one));
        one
    }
}

/// Checks that an assertion was signed by one of these keys.
#[must_use]
pub fn is_signed_by(jwks: &Value, assertion: &Signed<'_>) -> bool {
    let keys = ProviderKeys::parse(jwks);
    keys.is_some_and(|keys| assertion.verify(&keys, None).is_ok())
}

/// Where an issuer publishes its keys, OpenID Connect Discovery §4. An issuer of workloads has none of
/// the endpoints of a provider.
async fn fetch(channel: Arc<Channel>, issuer: String) -> Result<String, UpstreamError> {
    let bad = |why: &str| UpstreamError::Misconfigured(why.to_owned());
    let url = id_tokens::metadata_url(&issuer);
    let (status, document) = channel.get(&url, None).await?;
    if status != 200 {
        return Err(bad("the metadata of the issuer is not answered with status 200"));
    }
    let text = |member: &str| document.get(member).and_then(Value::as_str);
    // Discovery §4.3: the metadata must name the issuer that was asked for it.
    if text("issuer") != Some(issuer.as_str()) {
        let why = "the metadata names another issuer";
        return Err(UpstreamError::refused(FailureReason::WrongIssuer, why));
    }
    let jwks_uri = text("jwks_uri").ok_or_else(|| bad("the metadata has no jwks_uri"))?;
    Ok(jwks_uri.to_owned())
}
