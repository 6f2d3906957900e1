//! A mail server that does what a test tells it: it speaks SMTP with STARTTLS, and refuses, hangs
//! and closes on demand.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::certificates::{Authority, acceptor};

/// A step of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Greeting,
    SignIn,
    Sender,
    Recipient,
    /// The end of the mail, before it is kept.
    Content,
    /// The end of the mail, after it was kept.
    Taken,
}

/// How the server behaves at one of the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// It takes every mail.
    Takes,
    /// It answers this instead.
    Answers(Step, &'static str),
    /// It answers nothing until the test opens the gate.
    Hangs(Step),
    /// It closes the connection.
    Closes(Step),
    /// It does not offer STARTTLS.
    OffersNoTls,
}

/// A mail that the server took.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) to: String,
    /// The message with its head, as it came.
    pub(crate) data: String,
    pub(crate) is_encrypted: bool,
    pub(crate) signed_in: Option<String>,
}

impl Received {
    /// The value of a header that stands on one line.
    pub(crate) fn header(&self, name: &str) -> &str {
        let start = format!("{name}: ");
        let mut lines = self.data.lines().take_while(|line| !line.is_empty());
        lines.find_map(|line| line.strip_prefix(&start)).unwrap_or_default()
    }
}

/// What the connections share.
#[derive(Clone)]
struct Desk {
    received: Arc<Mutex<Vec<Received>>>,
    /// Everything that came in plain text.
    overheard: Arc<Mutex<String>>,
    conduct: Arc<Mutex<Conduct>>,
    connections: Arc<AtomicUsize>,
    gate: watch::Receiver<bool>,
    tls: TlsAcceptor,
}

/// A running mail server.
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    desk: Desk,
    gate: watch::Sender<bool>,
    authority: Authority,
    task: JoinHandle<()>,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const MAIL_USER: &str = "mapae";
pub(crate) const MAIL_PASSWORD: &str = "hunter2-of-the-mail-server";

impl MailServer {
    /// Starts a server that takes every mail.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let authority = Authority::new();
        let (gate, opened) = watch::channel(false);
        let desk = Desk {
            received: Arc::default(),
            overheard: Arc::default(),
            conduct: Arc::new(Mutex::new(Conduct::Takes)),
            connections: Arc::default(),
            gate: opened,
            tls: acceptor(&authority.issue(&["localhost"])),
        };
        let of_task = desk.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                of_task.connections.fetch_add(1, Ordering::SeqCst);
                let desk = of_task.clone();
                // A connection that breaks is the business of the client.
                tokio::spawn(async move { drop(serve(stream, desk).await) });
            }
        });
        Self { address, desk, gate, authority, task }
    }

    /// `mail.url`, with the right password.
    pub(crate) fn url(&self) -> String {
        format!("smtp://{MAIL_USER}:{MAIL_PASSWORD}@localhost:{}", self.address.port())
    }

    /// Writes the certificate of the authority to a file in this folder, and returns its path.
    pub(crate) fn ca_file(&self, folder: &Path) -> String {
        let file = folder.join("mail-ca.pem");
        std::fs::write(&file, self.authority.pem()).expect("written");
        file.display().to_string()
    }

    /// Changes how the server behaves.
    pub(crate) fn does(&self, conduct: Conduct) {
        *self.desk.conduct.lock().unwrap() = conduct;
    }

    /// Lets everything go on that hangs.
    pub(crate) fn open_gate(&self) {
        self.gate.send_replace(true);
    }

    /// The mails that the server took.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.desk.received.lock().unwrap().clone()
    }

    /// Everything that came in plain text.
    pub(crate) fn overheard(&self) -> String {
        self.desk.overheard.lock().unwrap().clone()
    }

    /// The number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.desk.connections.load(Ordering::SeqCst)
    }
}

type Ended = std::io::Result<()>;

async fn serve(stream: TcpStream, desk: Desk) -> Ended {
    let mut session = Session { desk: desk.clone(), is_encrypted: false, signed_in: None };
    let mut stream = BufReader::new(stream);
    if session.meet(Step::Greeting, &mut stream, "220 localhost ESMTP").await?
        && session.talk(&mut stream).await?
    {
        let stream = desk.tls.accept(stream.into_inner()).await?;
        session.is_encrypted = true;
        session.talk(&mut BufReader::new(stream)).await?;
    }
    Ok(())
}

struct Session {
    desk: Desk,
    is_encrypted: bool,
    signed_in: Option<String>,
}

impl Session {
    fn conduct(&self) -> Conduct {
        *self.desk.conduct.lock().unwrap()
    }

    /// Answers at a step as the test wants it. `false`: the connection is to be closed.
    async fn meet(
        &self,
        step: Step,
        stream: &mut (impl AsyncWrite + Unpin),
        usual: &str,
    ) -> std::io::Result<bool> {
        let answer = match self.conduct() {
            Conduct::Answers(at, answer) if at == step => answer,
            Conduct::Closes(at) if at == step => return Ok(false),
            Conduct::Hangs(at) if at == step => {
                let opened = self.desk.gate.clone().wait_for(|open| *open).await.is_ok();
                if !opened {
                    return Ok(false);
                }
                usual
            }
            _ => usual,
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        Ok(true)
    }

    /// Talks until the end of the connection. `true`: TLS begins.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut BufReader<S>,
    ) -> std::io::Result<bool> {
        let mut to = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(false);
            }
            if !self.is_encrypted {
                self.desk.overheard.lock().unwrap().push_str(&line);
            }
            let line = line.trim_end();
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let goes_on = match verb.as_str() {
                "EHLO" => {
                    let tls = !self.is_encrypted && self.conduct() != Conduct::OffersNoTls;
                    let more = if tls { "250-STARTTLS\r\n" } else { "250-AUTH PLAIN\r\n" };
                    let answer = format!("250-localhost\r\n{more}250 8BITMIME\r\n");
                    stream.write_all(answer.as_bytes()).await?;
                    true
                }
                "STARTTLS" => {
                    stream.write_all(b"220 begin\r\n").await?;
                    return Ok(true);
                }
                "AUTH" => {
                    let right = STANDARD.encode(format!("\0{MAIL_USER}\0{MAIL_PASSWORD}"));
                    let is_right = line.strip_prefix("AUTH PLAIN ") == Some(&right);
                    self.signed_in = is_right.then(|| MAIL_USER.to_owned());
                    let usual = if is_right { "235 2.7.0 good" } else { "535 5.7.8 wrong" };
                    self.meet(Step::SignIn, stream, usual).await?
                }
                "MAIL" => self.meet(Step::Sender, stream, "250 2.1.0 good").await?,
                "RCPT" => {
                    let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                    address.clone_into(&mut to);
                    self.meet(Step::Recipient, stream, "250 2.1.5 good").await?
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    let data = content(stream).await?;
                    self.take(stream, &to, data).await?
                }
                "QUIT" => {
                    stream.write_all(b"221 2.0.0 bye\r\n").await?;
                    false
                }
                _ => {
                    stream.write_all(b"250 2.0.0 good\r\n").await?;
                    true
                }
            };
            if !goes_on {
                return Ok(false);
            }
        }
    }

    async fn take(
        &self,
        stream: &mut (impl AsyncWrite + Unpin),
        to: &str,
        data: String,
    ) -> std::io::Result<bool> {
        const TAKEN: &str = "250 2.0.0 taken";
        if let Conduct::Answers(Step::Content, _) | Conduct::Closes(Step::Content) = self.conduct()
        {
            return self.meet(Step::Content, stream, TAKEN).await;
        }
        let (is_encrypted, signed_in) = (self.is_encrypted, self.signed_in.clone());
        let received = Received { to: to.to_owned(), data, is_encrypted, signed_in };
        self.desk.received.lock().unwrap().push(received);
        self.meet(Step::Taken, stream, TAKEN).await
    }
}

/// The lines up to the one with a single dot.
async fn content<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<String> {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(data);
        }
        data.push_str(line.strip_prefix("..").map_or(&*line, |_| &line[1..]));
    }
}
