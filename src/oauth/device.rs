//! The device authorization endpoint, RFC 8628 §3.1: a device without a browser gets a code that a
//! person types elsewhere.

use std::net::IpAddr;

use chrono::Duration;
use serde::Serialize;

use crate::domain::client::ClientKind;
use crate::domain::device_grant::{AskedByDevice, DeviceGrant, UserCode};
use crate::domain::form::Form;
use crate::domain::reason::Reason;
use crate::domain::secret::{DeviceCode, Plain};
use crate::domain::urls;
use crate::domain::verdict::Fault;
use crate::oauth::client_auth::Credentials;
use crate::oauth::error::{Refusal, Result};
use crate::oauth::token::endpoint::TokenEndpoint;
use crate::oauth::token::grant::{Grant, registered_resources, registered_scope, resources, scope};
use crate::oauth::token::grants::device_code;
use crate::store::device_grants;

/// How long the codes live.
const LIFE: Duration = Duration::minutes(10);
/// How long a device waits between two polls at first, RFC 8628 §3.2.
const PAUSE: Duration = Duration::seconds(5);
/// How often another user code is tried, where one is taken.
const TRIES: usize = 5;

/// The answer to a device, RFC 8628 §3.2.
#[derive(Serialize)]
#[expect(missing_docs, reason = "every field is the parameter of that name")]
pub struct DeviceResponse {
    pub device_code: String,
    pub user_code: String,
    pub verification_uri: String,
    pub verification_uri_complete: String,
    pub expires_in: i64,
    pub interval: i64,
}

impl std::fmt::Debug for DeviceResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceResponse").field("interval", &self.interval).finish_non_exhaustive()
    }
}

/// Answers a device that wants to be signed in.
pub async fn authorize(
    endpoint: &TokenEndpoint,
    credentials: &Credentials,
    form: &Form,
    address: IpAddr,
    user_agent: Option<&str>,
) -> Result<DeviceResponse> {
    let (clients, server) = (&endpoint.clients, &endpoint.grants);
    let client = clients.authenticate(credentials).await?;
    let client = client.client();
    if client.kind == ClientKind::Public {
        // Nobody had to prove anything for this row.
        let counted = clients.limiter.unproven(address, "device").await;
        counted.map_err(|error| error.map(Refusal::from))?;
    }
    if !client.may_use(device_code::DeviceCode::TYPE) {
        return Err(Reason::DeviceUnregistered.into());
    }
    let scope = registered_scope(&server.clients, scope(form)?, client).await?;
    let resources = registered_resources(&server.clients, resources(form), client).await?;
    let asked = AskedByDevice {
        scope,
        resources,
        address: Some(address.to_string()),
        // A longer one is no browser's.
        user_agent: user_agent.map(|agent| agent.chars().take(300).collect()),
    };
    let plain = Plain::<DeviceCode>::generate();
    for _ in 0..TRIES {
        let code = UserCode::generate();
        let tx = server.store.begin(server.clock.now()).await?;
        let grant = DeviceGrant {
            hash: plain.hashed(),
            user_code_hash: code.hashed(),
            client: client.id.clone(),
            asked: asked.clone(),
            pause: PAUSE,
            polled_at: None,
            created_at: tx.now(),
            expires_at: tx.now() + LIFE,
            granted: None,
            decided_at: None,
            spent_at: None,
        };
        let is_new = device_grants::insert(&tx, &grant).await?;
        tx.commit().await?;
        if is_new {
            let page = server.url.url(urls::DEVICE);
            let shown = code.shown();
            return Ok(DeviceResponse {
                device_code: plain.expose().to_owned(),
                verification_uri_complete: format!("{page}?user_code={shown}"),
                verification_uri: page,
                user_code: shown,
                expires_in: LIFE.num_seconds(),
                interval: PAUSE.num_seconds(),
            });
        }
    }
    Err(Fault::unavailable("making a user code", "too many devices wait").into())
}
