//! A relay to Postgres that stops forwarding, breaks or closes when a test wants it.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Database;

/// The state of the relay.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// The number of the newest connection.
    last: u64,
    /// Connections up to this number stay open, but nothing is forwarded.
    deaf_to: u64,
    /// Connections up to this number are closed.
    cut_to: u64,
    /// New connections are closed at once.
    shut: bool,
    /// How many connections there are.
    live: usize,
}

/// A relay to Postgres.
#[derive(Debug)]
pub(crate) struct Relay {
    /// `host:port` of this end, for a URL.
    pub(crate) address: String,
    way: watch::Sender<Way>,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The user and the address of the Postgres server.
fn behind(database: &Database) -> (String, String) {
    let Database::Postgres { url, .. } = database else { panic!("a relay leads to Postgres") };
    let (_, rest) = url.split_once("://").expect("a URL");
    let (user, address) = rest.rsplit_once('@').unwrap_or(("mapae", rest));
    (user.to_owned(), address.to_owned())
}

impl Relay {
    /// Relays to the server of this database.
    pub(crate) async fn to(database: &Database) -> Self {
        Self::at(database, "127.0.0.1:0").await
    }

    /// The same, listening at this address.
    pub(crate) async fn at(database: &Database, address: &str) -> Self {
        let (_, server) = behind(database);
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (way, seen) = watch::channel(Way::default());
        let (mine, changes) = (seen.clone(), way.clone());
        let task = tokio::spawn(async move {
            for number in 1.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                changes.send_modify(|way| (way.last, way.live) = (number, way.live + 1));
                let carried = carry(stream, server.clone(), number, mine.clone());
                let changes = changes.clone();
                tokio::spawn(async move {
                    carried.await;
                    changes.send_modify(|way| way.live -= 1);
                });
            }
        });
        Self { address, way, task }
    }

    /// The same, listening at a Unix socket in this folder.
    pub(crate) fn by_socket(database: &Database, folder: &Path) -> Self {
        let (_, server) = behind(database);
        let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).expect("a socket");
        let (way, seen) = watch::channel(Way::default());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, server.clone(), u64::MAX, seen.clone()));
            }
        });
        Self { address: folder.display().to_string(), way, task }
    }

    /// The same database, reached through the relay.
    pub(crate) fn database(&self, database: &Database) -> Database {
        let Database::Postgres { made, .. } = database else { panic!("a relay leads to Postgres") };
        let (user, _) = behind(database);
        let url = format!("postgres://{user}@{}", self.address);
        Database::Postgres { url, made: made.clone() }
    }

    /// Stops forwarding on the open connections; new ones are served.
    pub(crate) fn go_deaf(&self) {
        self.way.send_modify(|way| way.deaf_to = way.last);
    }

    /// Stops forwarding on all connections, also on new ones.
    pub(crate) fn go_deaf_to_all(&self) {
        self.way.send_modify(|way| way.deaf_to = u64::MAX);
    }

    /// Closes all connections, and new ones at once. Those that there were are closed when it returns,
    /// so that none of them is closed while a later request is already under way.
    pub(crate) async fn shut(&self) {
        self.way.send_modify(|way| (way.cut_to, way.shut) = (way.last, true));
        self.way.subscribe().wait_for(|way| way.live == 0).await.expect("the relay");
    }

    /// Serves new connections from now on.
    pub(crate) fn open(&self) {
        self.way.send_modify(|way| (way.deaf_to, way.shut) = (way.last, false));
    }
}

async fn carry(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    server: String,
    number: u64,
    mut way: watch::Receiver<Way>,
) {
    if way.borrow().shut {
        return;
    }
    let Ok(mut there) = TcpStream::connect(&server).await else { return };
    let mut watching = way.clone();
    tokio::select! {
        _ = copy_bidirectional(&mut stream, &mut there) => return,
        _ = way.wait_for(|way| number <= way.deaf_to.max(way.cut_to)) => {}
    }
    // Both ends stay open and silent, until they are closed or the test has ended.
    let silent = watching.wait_for(|way| number <= way.cut_to);
    let _ = tokio::time::timeout(Duration::from_mins(5), silent).await;
}
