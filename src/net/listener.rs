//! The listener: accepts a bounded number of connections, and lets them finish when it stops.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::domain::address::TrustedProxies;
use crate::net::connection::{Answer, Connection};
use crate::net::connection_limit::ConnectionLimit;
use crate::net::timeouts::{Activity, Timeouts};
use crate::net::tls::Tls;
use crate::settings::kinds::{duration, whole};
use crate::settings::settings;

/// After the listener cannot accept (no more file descriptors), the time before it tries again.
const RESPITE: Duration = Duration::from_millis(100);
/// Files that are open beside connections: the database, its connections, settings, calls.
const FILES: u64 = 256;

settings! {
    /// What bounds connections.
    #[derive(Clone, Copy, Debug)]
    pub struct Http in "Connections" {
        /// For a handshake and the first request of a connection, and for the headers of a request
        /// that began.
        pub header_timeout: Duration = duration("http.header_timeout", Duration::from_secs(10)),
        /// For the next request of a connection, and for an answer to be taken.
        pub idle_timeout: Duration = duration("http.idle_timeout", Duration::from_mins(1)),
        /// The most connections at once. When it is full, a newcomer takes the place of a connection
        /// that sends nothing, of the address (IPv6: /64) that has the most of them. The limit of open
        /// files is raised as far as the system allows; if that is less, so are the connections.
        pub connections: u32 = whole("http.connections", 1..=1_000_000, 10_000),
    }
}

/// A listener and what bounds it.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) http: Http,
    pub(crate) proxies: TrustedProxies,
}

impl Listener {
    /// Serves until told to stop; then finishes what runs, within the deadline.
    pub(crate) async fn serve(
        self,
        answer: impl Answer,
        mut stopped: watch::Receiver<bool>,
        deadline: Duration,
    ) {
        let limit = ConnectionLimit::new(self.http.connections, self.proxies.clone());
        let stop = stopped.clone();
        tokio::select! {
            () = self.accept(&limit, &answer, &stop) => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        drop(self);
        if tokio::time::timeout(deadline, limit.gone()).await.is_err() {
            tracing::warn!("some requests did not finish before the deadline");
            limit.end();
        }
    }

    async fn accept(
        &self,
        limit: &Arc<ConnectionLimit>,
        answer: &impl Answer,
        stopped: &watch::Receiver<bool>,
    ) {
        let timeouts = Timeouts { headers: self.http.header_timeout, idle: self.http.idle_timeout };
        let mut fails = false;
        loop {
            let (stream, peer) = match self.socket.accept().await {
                Ok(accepted) => accepted,
                // The peer went before it was accepted.
                Err(error) if is_of_the_peer(error.kind()) => continue,
                Err(error) => {
                    if !fails {
                        tracing::error!(%error, "cannot accept connections");
                    }
                    fails = true;
                    limit.make_room();
                    tokio::time::sleep(RESPITE).await;
                    continue;
                }
            };
            fails = false;
            let activity = Activity::new(timeouts);
            let place = limit.place(peer.ip(), &activity).await;
            let id = place.id();
            let connection = Connection { stream, peer, activity, stopped: stopped.clone() };
            let (tls, answer) = (self.tls.clone(), answer.clone());
            let task = tokio::spawn(async move {
                connection.serve(tls.as_deref(), answer).await;
                drop(place);
            });
            limit.held_by(id, task.abort_handle());
        }
    }
}

fn is_of_the_peer(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

/// As many connections as are wanted, or as there may be open files.
pub(crate) fn affordable(connections: u32) -> u32 {
    let files = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => files,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files is not known");
            return connections;
        }
    };
    let most = files.saturating_sub(FILES).max(files / 2);
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    if most < connections {
        tracing::warn!(
            files,
            connections = most,
            "the limit of open files allows fewer connections than http.connections"
        );
    }
    connections.min(most).max(1)
}
