//! A proxy before Postgres that knows where each message begins. It can be pointed to another
//! server, and it can cut a connection instead of passing on a message that was chosen before.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Which message is not passed on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// The one that comes so many messages later from the server that mapae is, or from Postgres.
    Nth { from_postgres: bool, number: usize },
    /// The next COMMIT: Postgres does not hear of it.
    Commit,
    /// The answer to the next COMMIT: Postgres has committed, and nobody hears of it.
    Committed,
}

/// The proxy accepts no connection for so long after it could not.
const PAUSE: Duration = Duration::from_millis(100);

/// A proxy.
pub(crate) struct Proxy {
    /// `host:port` of this end.
    pub(crate) address: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    /// Where new connections lead; nowhere while Postgres is away.
    target: watch::Sender<Option<String>>,
    armed: Mutex<Option<Cut>>,
    made: watch::Sender<usize>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// A proxy before this server.
    pub(crate) async fn before(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = listener.local_addr().expect("an address").to_string();
        let shared = Arc::new(Shared {
            target: watch::Sender::new(Some(address.to_owned())),
            armed: Mutex::default(),
            made: watch::Sender::new(0),
        });
        let behind = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            let mut said = String::new();
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => drop(tokio::spawn(carry(stream, Arc::clone(&behind)))),
                    // A client that was gone before it was accepted: the next one is not.
                    Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                    // No file or no memory is left: that may last, and others give some back.
                    Err(error) => {
                        let why = format!("the proxy cannot accept a connection: {error}");
                        if why != said {
                            eprintln!("{why}");
                            said = why;
                        }
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        });
        Self { address: own, shared, task }
    }

    /// Closes every connection; new ones lead there, or are closed at once.
    pub(crate) fn lead_to(&self, target: Option<&str>) {
        self.shared.target.send_replace(target.map(str::to_owned));
    }

    /// Chooses the message that is not passed on. The choice before it is forgotten.
    pub(crate) fn arm(&self, cut: Cut) {
        *self.shared.armed.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }

    /// Forgets the choice.
    pub(crate) fn disarm(&self) {
        *self.shared.armed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How many connections were cut.
    pub(crate) fn cuts(&self) -> usize {
        *self.shared.made.borrow()
    }
}

impl Shared {
    /// Whether this message is the chosen one.
    fn cuts(&self, from_postgres: bool, message: &[u8]) -> bool {
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_chosen = match armed.as_mut() {
            None => false,
            Some(Cut::Nth { from_postgres: from, number }) => {
                let is_counted = *from == from_postgres;
                let is_chosen = is_counted && *number == 0;
                *number = number.saturating_sub(usize::from(is_counted));
                is_chosen
            }
            Some(Cut::Commit) => {
                !from_postgres && message.starts_with(b"Q") && has(message, b"COMMIT")
            }
            Some(Cut::Committed) => {
                from_postgres && message.starts_with(b"C") && has(message, b"COMMIT")
            }
        };
        if is_chosen {
            *armed = None;
            self.made.send_modify(|made| *made += 1);
        }
        is_chosen
    }
}

fn has(message: &[u8], word: &[u8]) -> bool {
    message.windows(word.len()).any(|part| part == word)
}

/// What a client sends first that would like TLS: its length and its code.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

async fn carry(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut changes = shared.target.subscribe();
    let Some(target) = changes.borrow_and_update().clone() else { return };
    let mut first = [0; 8];
    if stream.read_exact(&mut first).await.is_err() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(&target).await else { return };
    // Messages go on one by one, and none waits for the next.
    if stream.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_err() {
        return;
    }
    let begun = if first == TLS_REQUEST {
        // There is no TLS here.
        stream.write_all(b"N").await
    } else {
        let rest = u32::from_be_bytes([first[0], first[1], first[2], first[3]]) as usize;
        let mut rest = vec![0; rest.saturating_sub(first.len())];
        match stream.read_exact(&mut rest).await {
            Ok(_) => server.write_all(&[first.as_slice(), &rest].concat()).await,
            Err(error) => Err(error),
        }
    };
    if begun.is_err() {
        return;
    }
    let has_started = first != TLS_REQUEST;
    let (from_client, to_client) = stream.into_split();
    let (from_server, to_server) = server.into_split();
    // Whichever ends first closes both ends.
    tokio::select! {
        _ = pass(from_client, to_server, &shared, false, has_started) => {}
        _ = pass(from_server, to_client, &shared, true, true) => {}
        _ = changes.changed() => {}
    }
}

/// Passes messages on, until one is to be cut or an end is closed.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    from_postgres: bool,
    // The first message of a client has no type.
    mut is_typed: bool,
) -> std::io::Result<()> {
    loop {
        let mut head = vec![0; if is_typed { 5 } else { 4 }];
        from.read_exact(&mut head).await?;
        let length = head[head.len() - 4..].try_into().expect("four bytes");
        let length = u32::from_be_bytes(length) as usize;
        let mut message = head;
        let start = message.len();
        message.resize(start + length.saturating_sub(4), 0);
        from.read_exact(&mut message[start..]).await?;
        is_typed = true;
        if shared.cuts(from_postgres, &message) {
            return Ok(());
        }
        to.write_all(&message).await?;
    }
}
