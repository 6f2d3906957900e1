//! Calls to servers that the operator names in the settings, wherever they are: a collector beside
//! this server, or this server itself from outside. A URL that a client or a provider names is
//! never called so: for those there is [`Outbound`](super::Outbound), which guards the own network.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;

use super::client::{self, ConfigError};
use super::resolver::EveryAddress;
use crate::domain::outbound_error::OutboundError;

/// The most bytes that are read of an answer.
const MOST: usize = 1024 * 1024;

/// Calls servers of the operator. Redirects are not followed.
#[derive(Clone, Debug)]
pub struct OperatorClient {
    client: Client,
    timeout: Duration,
}

impl OperatorClient {
    /// A client that trusts the authorities of the system and those in this file, and whose calls
    /// take so long at most.
    pub fn new(ca_file: Option<&Path>, timeout: Duration) -> Result<Self, ConfigError> {
        let own = ca_file.map(client::authorities).transpose()?.unwrap_or_default();
        let client = client::finish(
            &|| client::client(timeout).dns_resolver(Arc::new(EveryAddress)),
            &own,
            ca_file,
        )?;
        Ok(Self { client, timeout })
    }

    /// Sends a request and reads the answer, whatever its status is.
    pub async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, OutboundError> {
        let (head, body) = request.into_parts();
        let url = head.uri.to_string();
        let request = self.client.request(head.method, url).headers(head.headers).body(body);
        let answered = async {
            let response = client::answer(request, false).await?;
            let mut answered = http::Response::new(Vec::new());
            *answered.status_mut() = response.status();
            *answered.headers_mut() = response.headers().clone();
            *answered.body_mut() = client::body(response, MOST).await?.into();
            Ok(answered)
        };
        let answered = tokio::time::timeout(self.timeout, answered).await;
        answered.unwrap_or(Err(OutboundError::TimedOut))
    }
}
