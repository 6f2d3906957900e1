//! Ten thousand connections that are slow, and floods of HTTP/2 frames.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Certificate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::rustls::version::TLS13;

use crate::crowd::{Crowd, Plan, register};
use crate::process::{memory, open_files};
use crate::support::certificates::{Authority, connect};
use crate::support::{Binary, Cli, Database, eventually};
use crate::{CannotRun, Outcome};

const CONNECTIONS: usize = 10_000;
/// From so many addresses of this machine, beside that of the honest apps.
const ADDRESSES: usize = 20;
/// The server and this program each need so many files beside the connections.
const BESIDE: u64 = 1000;
const PEOPLE: usize = 8;
/// The most memory of the server, in KiB: a connection may have 40 of it.
const MOST: u64 = 512 * 1024;
/// Honest apps wait a little, since this program has more to do.
const PLAN: Plan = Plan { people: PEOPLE, pause: Duration::from_millis(20), kept: 200 };

/// The connections that somebody keeps open.
#[derive(Debug, Default)]
struct Kept {
    open: AtomicUsize,
    made: AtomicUsize,
}

/// Ten thousand connections send next to nothing, for so many seconds.
pub(crate) async fn connections(seconds: usize) -> Result<Outcome, CannotRun> {
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_default();
    if files < CONNECTIONS as u64 + BESIDE {
        return Err(CannotRun(format!("a process may have only {files} files open")));
    }
    let binary = Binary::start(&Database::Sqlite).await;
    let app = register(&binary).await;
    let crowd = Crowd::gather_at(app, &binary, &[binary.issuer()], PLAN).await;
    crowd.refreshes(300).await;
    let (before, quiet) = (memory(&binary), crowd.work.take_p99());
    let address: SocketAddr = binary.cli.get("MAPAE_LISTEN").parse().expect("an address");
    let kept = Arc::new(Kept::default());
    let slow: Vec<JoinHandle<()>> = (0..CONNECTIONS)
        .map(|number| tokio::spawn(keep_open(address, number, Arc::clone(&kept))))
        .collect();
    let most_open = |most: usize| most.max(kept.open.load(Ordering::SeqCst));
    let mut most = (0, before);
    eventually("nine of ten are open", async || {
        most.0 = most_open(most.0);
        most.0 >= CONNECTIONS * 9 / 10
    })
    .await;
    crowd.work.take_p99();
    let until = Instant::now() + Duration::from_secs(seconds as u64);
    let mut files = 0;
    while Instant::now() < until {
        most = (most_open(most.0), most.1.max(memory(&binary)));
        files = files.max(open_files(&binary));
        sleep(Duration::from_millis(500)).await;
    }
    let busy = crowd.work.take_p99();
    let made = kept.made.load(Ordering::SeqCst);
    for task in slow {
        task.abort();
    }
    let evidence = binary.evidence().await;
    let judged = crowd.judge(&evidence).await;
    let mut broken = judged.broken;
    if most.1 > MOST {
        broken.push(format!("{} KiB of memory, where {MOST} are the most", most.1));
    }
    if judged.unavailable > 0 {
        broken.push(format!("{} refreshes were answered 503", judged.unavailable));
    }
    let measured = format!(
        "{} connections at once, {made} in all, {files} open files; {before} KiB of memory, then \
         {}; p99 of a refresh {} ms, then {}",
        most.0,
        most.1,
        quiet.as_millis(),
        busy.as_millis()
    );
    Ok(Outcome {
        operations: judged.operations,
        faults: made,
        measured: vec![judged.measured, measured],
        broken,
    })
}

/// Keeps a connection open that is slow in one of four ways, and makes another one when it is closed.
async fn keep_open(address: SocketAddr, number: usize, kept: Arc<Kept>) {
    // Not all at once: the queue of the listener is short.
    sleep(Duration::from_millis(number as u64)).await;
    loop {
        let socket = TcpSocket::new_v4().expect("a socket");
        let from = format!("127.0.0.{}:0", 2 + number % ADDRESSES);
        let bound = socket.bind(from.parse().expect("an address"));
        if bound.is_ok()
            && let Ok(stream) = socket.connect(address).await
        {
            kept.open.fetch_add(1, Ordering::SeqCst);
            kept.made.fetch_add(1, Ordering::SeqCst);
            be_slow(stream, number).await;
            kept.open.fetch_sub(1, Ordering::SeqCst);
        }
        sleep(Duration::from_secs(1)).await;
    }
}

async fn be_slow(stream: TcpStream, number: usize) {
    let (mut reading, mut writing) = stream.into_split();
    let (begin, rest): (&[u8], &[u8]) = match number % 4 {
        0 => (b"", b""),
        1 => (b"GET /livez HTTP/1.1\r\nhost: localhost\r\nx: ", b"x"),
        2 => (
            b"POST /token HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000\r\n\
              content-type: application/x-www-form-urlencoded\r\n\r\ng",
            b"r",
        ),
        // It asks for a page now and then, and reads nothing.
        _ => (
            b"GET /.well-known/openid-configuration HTTP/1.1\r\nhost: localhost\r\n\r\n",
            b"GET /.well-known/openid-configuration HTTP/1.1\r\nhost: localhost\r\n\r\n",
        ),
    };
    let reads = number % 4 != 3;
    let write = async {
        if writing.write_all(begin).await.is_err() {
            return;
        }
        loop {
            sleep(Duration::from_secs(2)).await;
            if writing.write_all(rest).await.is_err() {
                return;
            }
        }
    };
    let read = async {
        let mut byte = [0; 512];
        if !reads {
            std::future::pending::<()>().await;
        }
        // The server says that it waits no longer, or just closes.
        while let Ok(1..) = reading.read(&mut byte).await {}
    };
    tokio::select! {
        () = write => {}
        () = read => {}
    }
}

/// The raw frames of HTTP/2, RFC 9113 §4.1.
mod frames {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PING: u8 = 6;
    pub(super) const CONTINUATION: u8 = 9;
    pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    /// `GET /livez` and `POST /token` of localhost, in HPACK.
    pub(super) const GET: &[u8] = b"\x82\x87\x44\x06/livez\x41\x09localhost";
    pub(super) const POST: &[u8] = b"\x83\x87\x44\x06/token\x41\x09localhost";
    pub(super) const END_STREAM: u8 = 1;
    pub(super) const END_HEADERS: u8 = 4;

    pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("a length").to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }
}

/// How an attacker floods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Flood {
    /// CVE-2023-44487: requests that are taken back at once.
    RapidReset,
    /// More streams than are allowed, none of which ends.
    ManyStreams,
    /// CVE-2024-24549 and its kin: headers that never end.
    Continuation,
    /// Frames that want an answer each.
    Pings,
    EmptySettings,
    /// Data without data.
    EmptyData,
}

const FLOODS: [Flood; 6] = [
    Flood::RapidReset,
    Flood::ManyStreams,
    Flood::Continuation,
    Flood::Pings,
    Flood::EmptySettings,
    Flood::EmptyData,
];

impl Flood {
    /// The next frames of the flood; the number of a request begins at 0.
    fn frames(self, number: u32) -> Vec<u8> {
        use frames::{END_HEADERS, END_STREAM, frame};
        let id = 2 * number + 1;
        match self {
            Self::RapidReset => [
                frame(frames::HEADERS, END_HEADERS | END_STREAM, id, frames::GET),
                frame(frames::RST_STREAM, 0, id, &[0, 0, 0, 8]),
            ]
            .concat(),
            Self::ManyStreams => frame(frames::HEADERS, END_HEADERS, id, frames::POST),
            Self::Continuation if number == 0 => frame(frames::HEADERS, 0, 1, frames::GET),
            // A literal header without indexing, again and again.
            Self::Continuation => frame(frames::CONTINUATION, 0, 1, &b"\x00\x01a\x01b".repeat(200)),
            Self::Pings => frame(frames::PING, 0, 0, &[0; 8]),
            Self::EmptySettings => frame(frames::SETTINGS, 0, 0, &[]),
            Self::EmptyData if number == 0 => frame(frames::HEADERS, END_HEADERS, 1, frames::POST),
            Self::EmptyData => frame(frames::DATA, 0, 1, &[]),
        }
    }
}

/// Each flood comes from two attackers at once, for so many seconds.
pub(crate) async fn floods(seconds: usize) -> Result<Outcome, CannotRun> {
    let authority = Authority::new();
    let mut cli = Cli::new(&Database::Sqlite).await;
    let issuer = cli.get("MAPAE_ISSUER").replace("http://127.0.0.1", "https://localhost");
    let files = authority.issue(&["localhost"]).settings(cli.folder.path());
    cli.set("MAPAE_ISSUER", &issuer);
    for (name, file) in ["MAPAE_TLS_CERT_FILE", "MAPAE_TLS_KEY_FILE"].into_iter().zip(files) {
        cli.set(name, file.1);
    }
    let root = Certificate::from_pem(authority.pem().as_bytes()).expect("a certificate");
    let http = reqwest::Client::builder().tls_certs_only([root]).build().expect("a client");
    let child = {
        let mut command = cli.command(&["serve"]);
        command.stderr(cli.log_file()).spawn().expect("the binary")
    };
    let ready = format!("{issuer}/readyz");
    eventually("ready", async || {
        http.get(&ready).send().await.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    let binary = Binary { cli, child };
    let mut app = register(&binary).await;
    app.http = http;
    let crowd = Crowd::gather_at(app, &binary, &[issuer], PLAN).await;
    crowd.refreshes(200).await;
    let (before, quiet) = (memory(&binary), crowd.work.take_p99());
    let address: SocketAddr = binary.cli.get("MAPAE_LISTEN").parse().expect("an address");
    let (authority, mut most, mut notes) = (Arc::new(authority), before, Vec::new());
    let (mut broken, mut faults) = (Vec::new(), 0);
    for flood in FLOODS {
        let sent = Arc::new(Kept::default());
        let attackers: Vec<_> = (0..2)
            .map(|_| {
                tokio::spawn(attack(flood, address, Arc::clone(&authority), Arc::clone(&sent)))
            })
            .collect();
        let until = Instant::now() + Duration::from_secs(seconds as u64);
        while Instant::now() < until {
            most = most.max(memory(&binary));
            sleep(Duration::from_millis(200)).await;
        }
        for attacker in attackers {
            attacker.abort();
        }
        let (frames, connections) =
            (sent.open.load(Ordering::SeqCst), sent.made.load(Ordering::SeqCst));
        faults += frames;
        let p99 = crowd.work.take_p99();
        if frames == 0 {
            broken.push(format!("{flood:?}: nothing was sent"));
        }
        notes.push(format!(
            "{flood:?} {frames} frames on {connections} connections, p99 {} ms",
            p99.as_millis()
        ));
    }
    let evidence = binary.evidence().await;
    let judged = crowd.judge(&evidence).await;
    broken.extend(judged.broken);
    if most > MOST {
        broken.push(format!("{most} KiB of memory, where {MOST} are the most"));
    }
    if judged.unavailable > 0 || judged.unanswered > 0 {
        broken.push(format!("honest requests failed: {}", judged.measured));
    }
    let measured = format!(
        "{}; before p99 {} ms; {before} KiB of memory, then {most}",
        notes.join("; "),
        quiet.as_millis()
    );
    Ok(Outcome {
        operations: judged.operations,
        faults,
        measured: vec![judged.measured, measured],
        broken,
    })
}

/// Floods on one connection after the other.
async fn attack(flood: Flood, address: SocketAddr, authority: Arc<Authority>, sent: Arc<Kept>) {
    loop {
        let Ok(stream) = connect(&authority, address, &[&TLS13], &["h2"]).await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        sent.made.fetch_add(1, Ordering::SeqCst);
        let (mut reading, mut writing) = tokio::io::split(stream);
        let flooding = async {
            let hello = [frames::PREFACE, &frames::frame(frames::SETTINGS, 0, 0, &[])].concat();
            if writing.write_all(&hello).await.is_err() {
                return;
            }
            for number in 0..1_000_000 {
                // A peer that reads no more is as good as one that closes.
                let next = flood.frames(number);
                let write = writing.write_all(&next);
                if !matches!(timeout(Duration::from_secs(5), write).await, Ok(Ok(()))) {
                    return;
                }
                sent.open.fetch_add(1, Ordering::SeqCst);
                if number % 64 == 0 && writing.flush().await.is_err() {
                    return;
                }
            }
        };
        let reading = async {
            let mut chunk = [0; 4096];
            while let Ok(1..) = reading.read(&mut chunk).await {}
        };
        tokio::select! {
            () = flooding => {}
            () = reading => {}
        }
    }
}
