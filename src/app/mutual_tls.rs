//! Client certificates: where they are taken, and the listener that asks for them.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::config::Settings;
use super::jobs;
use super::listening::{bind, local, serve};
use super::services::Services;
use crate::domain::address::TrustedProxies;
use crate::domain::clock::Clock;
use crate::domain::verdict::{OrRejected, reject};
use crate::keys::authorities::Authorities;
use crate::net::listener::{Http, Listener, affordable};
use crate::net::tls::{Tls, TlsListener};
use crate::oauth::mutual_tls::MutualTls;
use crate::runtime::supervisor::Need;
use crate::web::edge::{CertificateSource, Edge};
use crate::web::{self, Shared};

/// The parts of mutual TLS that are there before the others.
#[derive(Debug)]
pub(super) struct MutualTlsParts {
    /// The listener and its certificate.
    pub(super) listener: Option<(TcpListener, Arc<Tls>)>,
    /// Its address.
    pub(super) address: Option<SocketAddr>,
    /// Where and whose certificates are taken; `None`: nowhere.
    pub(super) taken: Option<MutualTls>,
    /// From where the main listener takes them.
    pub(super) at_main: CertificateSource,
}

impl MutualTlsParts {
    /// Opens the listener and reads the files.
    pub(super) async fn open(settings: &Settings, clock: &Clock) -> OrRejected<Self> {
        let own = &settings.mtls;
        let authorities = match own.ca_file.clone() {
            Some(file) => Some(Authorities::load(file, clock.clone()).await.or_else(reject)?),
            None => None,
        };
        let listener = match own.listen {
            Some(address) => {
                let socket = bind("mtls.listen", address).await?;
                let files = own.files.clone().or_else(|| settings.tls.clone());
                let Some(files) = files else { return reject("mtls.listen needs a certificate") };
                let tls = Tls::load_for(TlsListener::Mutual, files).await.or_else(reject)?;
                Some((socket, tls))
            }
            None => None,
        };
        let address = listener.as_ref().map(|(socket, _)| local(socket)).transpose()?;
        let by_proxies = settings.takes_certificates_of_proxies();
        if by_proxies {
            let networks: Vec<_> =
                settings.trusted_proxies.0.iter().map(ToString::to_string).collect();
            tracing::warn!(
                trusted_proxies = networks.join(","),
                "with mtls.ca_file and without mtls.listen, the header Client-Cert is believed from \
                 trusted_proxies: every proxy there must replace Client-Cert and Client-Cert-Chain"
            );
        }
        let url = match address {
            Some(address) => own.url_at(&settings.issuer, address.port()),
            None => own.url.clone(),
        };
        let is_taken = by_proxies || listener.is_some();
        let taken = is_taken.then_some(MutualTls { url, authorities });
        let at_main =
            if by_proxies { CertificateSource::Proxies } else { CertificateSource::Nowhere };
        Ok(Self { listener, address, taken, at_main })
    }

    /// What each listener may use: two of them share the files that may be open.
    pub(super) fn limits(&self, http: Http) -> Http {
        let listeners = if self.listener.is_some() { 2 } else { 1 };
        let wanted = http.connections.saturating_mul(listeners);
        Http { connections: (affordable(wanted) / listeners).max(1), ..http }
    }

    /// Serves on the listener, and reads the files again when they change.
    pub(super) fn start(
        self,
        settings: &Settings,
        http: Http,
        services: &Services,
        shared: &Arc<Shared>,
        stopped: &watch::Receiver<bool>,
    ) -> Vec<JoinHandle<()>> {
        let supervisor = &services.supervisor;
        let authorities = self.taken.and_then(|taken| taken.authorities);
        let look =
            |authorities| jobs::look_after_authorities(supervisor, authorities, stopped.clone());
        let mut tasks: Vec<_> = authorities.map(look).into_iter().collect();
        let Some((socket, tls)) = self.listener else { return tasks };
        tasks.push(jobs::look_after_mutual_tls(supervisor, &tls, stopped.clone()));
        // Nobody stands between a client and this listener, so no header says from where it comes.
        let proxies = TrustedProxies::default();
        let strict_transport = services.url.is_https().then_some(settings.strict_transport);
        let edge = Edge::new(
            web::mtls_router(shared),
            proxies.clone(),
            CertificateSource::Handshake,
            strict_transport,
            settings.http.request_timeout,
        );
        let listener = Listener {
            name: "accepting connections of mutual TLS",
            need: Need::Serving,
            socket,
            tls: Some(tls),
            http,
            proxies,
        };
        tasks.push(serve(listener, edge, services, stopped.clone(), settings.shutdown.deadline));
        tasks
    }
}
