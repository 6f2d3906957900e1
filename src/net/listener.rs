//! The listener: it accepts a limited number of connections, and lets them finish when it stops.

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
use crate::runtime::supervisor::{Need, Supervisor};
use crate::settings::kinds::{duration, whole};
use crate::settings::settings;

/// When the listener cannot accept (no more file descriptors), the time before it tries again.
const RESPITE: Duration = Duration::from_millis(100);
/// The number of open files that are not connections of this listener: the database, its
/// connections, settings, outbound calls.
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
        /// For a request to be answered, from its headers on. Whatever it waits for obeys it: a body that
        /// is slow, a turn, a thread, a connection to the database, a statement, a provider. Afterwards
        /// the answer is 503 with `Retry-After`.
        pub request_timeout: Duration = duration("http.request_timeout", Duration::from_secs(20)),
        /// The most connections at once. When it is full, a newcomer takes the place of a connection
        /// that sends nothing, of the address (IPv6: /64) that has the most of them. The limit of open
        /// files is raised as far as the system allows; if that is less, so are the connections.
        pub connections: u32 = whole("http.connections", 1..=1_000_000, 10_000),
    }
}

/// A listener and its limits.
#[derive(Debug)]
pub(crate) struct Listener {
    /// The name of the accepting task in the log and in metrics.
    pub(crate) name: &'static str,
    /// Whether the server is ready without this listener.
    pub(crate) need: Need,
    pub(crate) socket: TcpListener,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) http: Http,
    pub(crate) proxies: TrustedProxies,
}

impl Listener {
    /// Serves until it is told to stop. Then it lets running requests finish, until the deadline.
    pub(crate) async fn serve(
        self,
        supervisor: &Supervisor,
        answer: impl Answer,
        stopped: watch::Receiver<bool>,
        deadline: Duration,
    ) {
        let limit = ConnectionLimit::new(self.http.connections, self.proxies.clone());
        let (name, need) = (self.name, self.need);
        // The socket, in which new connections wait, and the places of accepted connections are
        // kept outside of the task that is restarted, so a panic does not lose them.
        let parts = Arc::new((self, Arc::clone(&limit), answer));
        let accepting = supervisor.start(name, need, move || {
            let (parts, mut stopped) = (Arc::clone(&parts), stopped.clone());
            async move {
                let (listener, limit, answer) = &*parts;
                let stop = stopped.clone();
                tokio::select! {
                    () = listener.accept(limit, answer, &stop) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                }
            }
        });
        // The socket is closed with this task, so no new connections arrive after that.
        if let Err(error) = accepting.await {
            tracing::error!(%error, "accepting connections did not stop well");
        }
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
                // The peer closed the connection before it was accepted.
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
                Supervisor::catch("connections", connection.serve(tls.as_deref(), answer)).await;
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

/// The number of connections that are wanted, or less if fewer files may be open.
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicBool, Ordering};

    use axum::body::Body;
    use axum::http::{Request, Response, StatusCode};
    use hyper::body::Incoming;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::runtime::supervisor::Pauses;

    const NAME: &str = "accepting in a test";

    /// A server that answers with its readiness. While it is broken, accepting a connection panics.
    struct Readiness {
        supervisor: Supervisor,
        is_broken: Arc<AtomicBool>,
    }

    impl Clone for Readiness {
        fn clone(&self) -> Self {
            assert!(!self.is_broken.load(Ordering::SeqCst), "a fault");
            let (supervisor, is_broken) = (self.supervisor.clone(), Arc::clone(&self.is_broken));
            Self { supervisor, is_broken }
        }
    }

    impl Answer for Readiness {
        type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

        fn answer(&self, _: SocketAddr, _: Request<Incoming>) -> Self::Future {
            let mut answer = Response::new(Body::empty());
            if !self.supervisor.down().is_empty() {
                *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            std::future::ready(Ok(answer))
        }
    }

    struct Serving {
        address: SocketAddr,
        is_broken: Arc<AtomicBool>,
        stop: watch::Sender<bool>,
        task: JoinHandle<()>,
    }

    async fn serve(supervisor: &Supervisor) -> Serving {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let http = crate::settings::defaults();
        let (tls, proxies) = (None, TrustedProxies::default());
        let listener = Listener { name: NAME, need: Need::Serving, socket, tls, http, proxies };
        let is_broken = Arc::new(AtomicBool::new(false));
        let of = supervisor.clone();
        let answer =
            Readiness { supervisor: supervisor.clone(), is_broken: Arc::clone(&is_broken) };
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            listener.serve(&of, answer, stopped, Duration::from_mins(1)).await;
        });
        Serving { address, is_broken, stop, task }
    }

    /// Sends a request on a connection that stays open, and returns the status of the answer.
    async fn ask(stream: &mut TcpStream) -> String {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(answer).unwrap()[9..12].to_owned()
    }

    async fn until(is_so: impl Fn() -> bool) {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn while_nobody_is_accepted_the_server_says_that_it_is_not_ready() {
        let never = Duration::from_hours(1);
        let supervisor = Supervisor::new(Pauses { first: never, longest: never });
        let serving = serve(&supervisor).await;
        let mut kept = TcpStream::connect(serving.address).await.unwrap();
        assert_eq!(ask(&mut kept).await, "200");
        serving.is_broken.store(true, Ordering::SeqCst);
        let _newcomer = TcpStream::connect(serving.address).await.unwrap();
        until(|| supervisor.down() == [NAME]).await;
        // Connections that were accepted before are served.
        assert_eq!(ask(&mut kept).await, "503");
        // A stop does not wait for the pause to end.
        serving.stop.send(true).unwrap();
        supervisor.stop();
        drop(kept);
        serving.task.await.unwrap();
    }

    #[tokio::test]
    async fn after_a_panic_connections_are_accepted_again() {
        let at_once = Pauses { first: Duration::ZERO, longest: Duration::ZERO };
        let supervisor = Supervisor::new(at_once);
        let serving = serve(&supervisor).await;
        let mut kept = TcpStream::connect(serving.address).await.unwrap();
        assert_eq!(ask(&mut kept).await, "200");
        serving.is_broken.store(true, Ordering::SeqCst);
        let mut lost = TcpStream::connect(serving.address).await.unwrap();
        // The connection whose acceptance panicked is closed.
        assert!(!matches!(lost.read(&mut [0]).await, Ok(1..)));
        serving.is_broken.store(false, Ordering::SeqCst);
        let mut later = TcpStream::connect(serving.address).await.unwrap();
        assert_eq!(ask(&mut later).await, "200");
        assert_eq!(ask(&mut kept).await, "200");
        serving.stop.send(true).unwrap();
        drop((kept, later));
        serving.task.await.unwrap();
    }
}
