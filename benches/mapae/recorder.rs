//! A proxy in front of Postgres that notes each statement and its values. So a limit is measured
//! with what the server sends and not with what somebody wrote down.

use std::collections::HashMap;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use url::Url;

use crate::wire::{Message, Value};

/// A statement that was executed.
#[derive(Clone, Debug)]
pub(crate) struct Executed {
    /// The number of the connection.
    pub(crate) connection: usize,
    pub(crate) text: Arc<str>,
    pub(crate) values: Vec<Value>,
}

type Noted = Arc<Mutex<Vec<Executed>>>;

/// A running proxy. It ends with this program.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    noted: Noted,
}

impl Recorder {
    /// Starts a proxy in front of this server.
    pub(crate) fn start(server: &str) -> Self {
        let url = Url::parse(server).unwrap();
        let to = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let noted = Noted::default();
        let all = Arc::clone(&noted);
        thread::spawn(move || {
            for (connection, client) in listener.incoming().enumerate() {
                pass(connection, client.unwrap(), &to, &all);
            }
        });
        Self { address, noted }
    }

    /// What was executed since this was asked last.
    pub(crate) fn take(&self) -> Vec<Executed> {
        std::mem::take(&mut self.noted.lock().unwrap())
    }
}

/// Passes on what both sides say, each in a thread of its own.
fn pass(connection: usize, client: TcpStream, to: &str, noted: &Noted) {
    let server = TcpStream::connect(to).unwrap();
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let (mut answers, mut asker) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || {
        // However it ends, the other side is told.
        let _ = io::copy(&mut answers, &mut asker);
        let _ = asker.shutdown(Shutdown::Both);
    });
    let noted = Arc::clone(noted);
    thread::spawn(move || {
        let _ = listen(connection, &client, &server, &noted);
        let _ = server.shutdown(Shutdown::Both);
    });
}

fn listen(
    connection: usize,
    client: &TcpStream,
    server: &TcpStream,
    noted: &Noted,
) -> io::Result<()> {
    /// The numbers in the first message of a client that asks for encryption.
    const ASKS_FOR_ENCRYPTION: [[u8; 4]; 2] =
        [80_877_103_u32.to_be_bytes(), 80_877_104_u32.to_be_bytes()];
    let (mut client, mut server) = (BufReader::new(client), BufWriter::new(server));
    loop {
        let first = message(&mut client)?;
        server.write_all(&first)?;
        server.flush()?;
        if !ASKS_FOR_ENCRYPTION.iter().any(|number| first[4..].starts_with(number)) {
            break;
        }
    }
    let mut prepared = HashMap::new();
    loop {
        let mut tag = [0];
        client.read_exact(&mut tag)?;
        let rest = message(&mut client)?;
        server.write_all(&tag)?;
        server.write_all(&rest)?;
        if client.buffer().is_empty() {
            server.flush()?;
        }
        let executed = match Message::read(tag[0], &rest[4..]) {
            Message::Query { text } => Executed { connection, text: text.into(), values: vec![] },
            Message::Parse { name, text, types } => {
                prepared.insert(name, (Arc::from(text), types));
                continue;
            }
            Message::Bind { name, formats, values } => {
                let (text, types): &(Arc<str>, Vec<u32>) = &prepared[&name];
                let value = |(at, bytes): (usize, &Option<Vec<u8>>)| {
                    // One format may be said for all values.
                    let format = formats.get(at).or(formats.first()).copied().unwrap_or_default();
                    Value::read(types[at], format, bytes.as_deref())
                };
                let values = values.iter().enumerate().map(value).collect();
                Executed { connection, text: Arc::clone(text), values }
            }
            Message::Other => continue,
        };
        noted.lock().unwrap().push(executed);
    }
}

/// The length of a message, which counts itself, and what it is the length of.
fn message(client: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let mut all = length.to_vec();
    all.resize(u32::from_be_bytes(length) as usize, 0);
    client.read_exact(&mut all[4..])?;
    Ok(all)
}
