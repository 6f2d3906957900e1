//! A running stub of a provider, and the person who signs in there.

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mapae::domain::pkce::Challenge;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use super::callback::Callback;
use super::endpoints::{ProviderEndpoints, take};
use super::grant::{CLIENT_ID, Grant};
use super::messages::RecordedRequest;
use super::records::ProviderRecords;
use super::{PersonAnswer, Vendor, openid};

/// A running provider; it stops when it is dropped.
pub(crate) struct ProviderStub<V: Vendor> {
    endpoints: Arc<ProviderEndpoints<V>>,
    task: JoinHandle<()>,
}

impl<V: Vendor> Drop for ProviderStub<V> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<V: Vendor> Deref for ProviderStub<V> {
    type Target = ProviderRecords;

    fn deref(&self) -> &ProviderRecords {
        &self.endpoints.records
    }
}

impl<V: Vendor> ProviderStub<V> {
    pub(super) async fn open(vendor: V) -> Self {
        Self::open_behind(vendor, async |address| address).await
    }

    /// A provider that is reached through what stands before it: this is given the address of the
    /// provider, and says its own.
    pub(super) async fn open_behind(vendor: V, front: impl AsyncFnOnce(String) -> String) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address").to_string();
        let base = format!("http://{}", front(address).await);
        let endpoints =
            Arc::new(ProviderEndpoints { records: ProviderRecords::new(base, V::key), vendor });
        let router = Router::new().fallback(take::<V>).with_state(Arc::clone(&endpoints));
        let task = tokio::spawn(async move { axum::serve(socket, router).await.expect("served") });
        Self { endpoints, task }
    }

    pub(super) fn vendor(&self) -> &V {
        &self.endpoints.vendor
    }

    /// The person opens this address and agrees.
    #[track_caller]
    pub(crate) fn approve(&self, authorize_url: &str) -> Callback {
        let went = self.sign_in_at_provider(authorize_url, PersonAnswer::Yes);
        went.unwrap_or_else(|problem| panic!("{problem}: {authorize_url}"))
    }

    /// The person opens this address and does not agree.
    #[track_caller]
    pub(crate) fn cancel(&self, authorize_url: &str) -> Callback {
        let went = self.sign_in_at_provider(authorize_url, PersonAnswer::No);
        went.unwrap_or_else(|problem| panic!("{problem}: {authorize_url}"))
    }

    /// The person gives this answer; the error says what the provider finds wrong with the request.
    pub(crate) fn sign_in_at_provider(
        &self,
        authorize_url: &str,
        says: PersonAnswer,
    ) -> Result<Callback, String> {
        let url = Url::parse(authorize_url).map_err(|error| error.to_string())?;
        let own = authorize_url.starts_with(&format!("{}/", self.base));
        if !own || !self.vendor().authorizes(url.path()) {
            return Err("this is not the authorization endpoint".to_owned());
        }
        // Making a key takes time: it is made here, before a request waits for it.
        self.signer();
        let asked =
            RecordedRequest::sign_in_at_provider(url.path(), url.query().unwrap_or_default());
        self.record(asked.clone());
        self.endpoints.authorize(&asked, says)
    }

    /// An `id_token` about the person, as a native app of this provider gets one.
    pub(crate) fn id_token(&self, audience: &str, nonce: Option<&str>) -> String {
        self.id_token_with(audience, nonce, |_| {})
    }

    /// The same with changed claims, signed correctly.
    pub(crate) fn id_token_with(
        &self,
        audience: &str,
        nonce: Option<&str>,
        change: impl FnOnce(&mut Value),
    ) -> String {
        let grant = Grant { nonce: nonce.map(str::to_owned), ..self.grant(audience, "") };
        let mut claims = self.vendor().claims(self, &grant);
        change(&mut claims);
        self.vendor().id_token(self, &claims)
    }

    /// An access token about the person, given to an app of this name; at Kakao a number.
    pub(crate) fn access_token_for(&self, app_id: &str) -> String {
        self.token(self.grant(app_id, ""))
    }

    /// A code that a native app got for the server.
    pub(crate) fn code_for(&self, redirect_uri: &str, verifier: Option<&str>) -> String {
        let challenge = verifier.filter(|_| V::PKCE).map(|verifier| {
            let hash = Sha256::digest(verifier.as_bytes());
            let text = URL_SAFE_NO_PAD.encode(hash);
            Challenge::parse(&text).expect("a challenge")
        });
        self.code(Grant { challenge, ..self.grant(CLIENT_ID, redirect_uri) })
    }

    /// Everything that a native app may be granted.
    pub(super) fn grant(&self, client_id: &str, redirect_uri: &str) -> Grant {
        Grant {
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            scope: openid::EVERYTHING.to_owned(),
            state: String::new(),
            nonce: None,
            challenge: None,
            auth_time: None,
            person: self.person(),
        }
    }
}
