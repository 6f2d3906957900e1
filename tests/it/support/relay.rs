//! A relay to Postgres that stops forwarding, breaks or closes when a test wants it.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Database;

/// How the way is.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// The number of the last one who came.
    last: u64,
    /// Up to this number they hear nothing more, and are not told.
    deaf_to: u64,
    /// Up to this number they are cut off.
    cut_to: u64,
    /// Whoever comes is turned away.
    shut: bool,
}

/// A relay.
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

/// The address of the server in a URL without a path.
fn behind(database: &Database) -> (String, String) {
    let Database::Postgres { url, .. } = database else { panic!("a relay leads to Postgres") };
    let (_, rest) = url.split_once("://").expect("a URL");
    let (user, address) = rest.rsplit_once('@').unwrap_or(("mapae", rest));
    (user.to_owned(), address.to_owned())
}

impl Relay {
    /// To the server of this database.
    pub(crate) async fn to(database: &Database) -> Self {
        Self::at(database, "127.0.0.1:0").await
    }

    /// The same, listening here.
    pub(crate) async fn at(database: &Database, address: &str) -> Self {
        let (_, server) = behind(database);
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (way, seen) = watch::channel(Way::default());
        let (mine, changes) = (seen.clone(), way.clone());
        let task = tokio::spawn(async move {
            for number in 1.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                changes.send_modify(|way| way.last = number);
                tokio::spawn(carry(stream, server.clone(), number, mine.clone()));
            }
        });
        Self { address, way, task }
    }

    /// The same by a socket in this folder.
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

    /// The database by this way.
    pub(crate) fn database(&self, database: &Database) -> Database {
        let Database::Postgres { made, .. } = database else { panic!("a relay leads to Postgres") };
        let (user, _) = behind(database);
        let url = format!("postgres://{user}@{}", self.address);
        Database::Postgres { url, made: made.clone() }
    }

    /// Those who are connected hear nothing more; whoever comes later is served.
    pub(crate) fn go_deaf(&self) {
        self.way.send_modify(|way| way.deaf_to = way.last);
    }

    /// Nobody hears anything more, whoever comes.
    pub(crate) fn go_deaf_to_all(&self) {
        self.way.send_modify(|way| way.deaf_to = u64::MAX);
    }

    /// Cuts everybody off and turns everybody away.
    pub(crate) fn shut(&self) {
        self.way.send_modify(|way| (way.cut_to, way.shut) = (way.last, true));
    }

    /// Serves whoever comes from now on.
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
    // Both ends stay open and silent, until they are cut off or the proof is over.
    let silent = watching.wait_for(|way| number <= way.cut_to);
    let _ = tokio::time::timeout(Duration::from_mins(5), silent).await;
}
