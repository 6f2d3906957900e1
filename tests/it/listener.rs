//! The listener with clients that are slow, numerous or hostile.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::version::TLS13;

use crate::support::certificates::connect as connect_tls;
use crate::support::{Database, Server};
use crate::tls::{Secure, rest};

const REQUEST: &[u8] = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";

async fn server(settings: &[(&'static str, &str)]) -> Server {
    Server::start_with(&Database::Sqlite, settings).await
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("a connection")
}

/// A connection from another address of this machine.
async fn connect_from(from: &str, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(format!("{from}:0").parse().expect("an address")).expect("bound");
    socket.connect(address).await.expect("a connection")
}

/// Asks on a connection that stays open; whether an answer came.
async fn ask(stream: &mut TcpStream) -> bool {
    let mut answer = [0; 1024];
    let asked = async {
        stream.write_all(REQUEST).await.ok()?;
        stream.read(&mut answer).await.ok()
    };
    let length = tokio::time::timeout(Duration::from_mins(1), asked).await.ok().flatten();
    answer[..length.unwrap_or_default()].starts_with(b"HTTP/1.1 200 OK\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_do_not_come_are_not_waited_for() {
    let server = server(&[("http.header_timeout", "1s"), ("http.idle_timeout", "10m")]).await;
    let admin = server.inner.admin_address().expect("an admin listener");
    for address in [server.inner.address(), admin] {
        for begun in [&b""[..], b"G", b"GET /livez HTTP/1.1\r\nhost: local"] {
            let mut stream = connect(address).await;
            stream.write_all(begun).await.expect("sent");
            assert_eq!(rest(&mut stream).await, [0; 0]);
        }
    }
    // Nor by a byte now and then.
    let mut stream = connect(server.inner.address()).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let dribble = async {
        let mut header = b"GET /livez HTTP/1.1\r\nx: ".to_vec();
        header.resize(1000, b'x');
        for byte in header {
            ticks.tick().await;
            if stream.write_all(&[byte]).await.is_err() {
                return true;
            }
        }
        false
    };
    assert!(dribble.await, "closed");
    // Nor on a connection that was good before.
    let mut stream = connect(server.inner.address()).await;
    assert!(ask(&mut stream).await);
    stream.write_all(b"GET /livez").await.expect("sent");
    assert_eq!(rest(&mut stream).await, [0; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_nothing_more_is_not_waited_for() {
    let server = server(&[("http.header_timeout", "10m"), ("http.idle_timeout", "1s")]).await;
    let mut stream = connect(server.inner.address()).await;
    assert!(ask(&mut stream).await);
    assert!(ask(&mut stream).await);
    assert_eq!(rest(&mut stream).await, [0; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_not_waited_for() {
    let server = server(&[("http.header_timeout", "1s"), ("http.idle_timeout", "1s")]).await;
    let mut stream = connect(server.inner.address()).await;
    let request = b"GET /.well-known/openid-configuration HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let many = request.repeat(1000);
    let shout = async {
        // Nothing is read of the answers, so the server stops reading, too.
        while stream.write_all(&many).await.is_ok() {}
    };
    tokio::time::timeout(Duration::from_mins(1), shout).await.expect("the connection is closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc6585_5_headers_have_a_size() {
    let server = server(&[]).await;
    for (size, status) in [(12_000, "200 OK"), (17_000, "431 Request Header Fields Too Large")] {
        let mut stream = connect(server.inner.address()).await;
        let header = "x".repeat(size);
        let request = format!(
            "GET /livez HTTP/1.1\r\nhost: localhost\r\nx: {header}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let answer = String::from_utf8(rest(&mut stream).await).expect("text");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{size}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_strangers_keeps_nobody_out() {
    let settings =
        [("http.connections", "20"), ("http.header_timeout", "10m"), ("http.idle_timeout", "10m")];
    let server = server(&settings).await;
    let address = server.inner.address();
    let mut kept = connect(address).await;
    assert!(ask(&mut kept).await);
    let mut strangers = Vec::new();
    for number in 0..300 {
        let mut stranger = connect_from("127.0.0.2", address).await;
        if number % 2 == 0 {
            // It may have been pushed out already.
            let _ = stranger.write_all(b"GET / HTTP/1.1\r\nx: ").await;
        } else {
            assert!(ask(&mut stranger).await, "{number}");
        }
        strangers.push(stranger);
        if number % 50 == 0 {
            // Who was there before is still there, and who comes is let in.
            assert!(ask(&mut kept).await, "{number}");
            assert!(ask(&mut connect(address).await).await, "{number}");
        }
    }
    // From the crowd's own address too.
    assert!(ask(&mut connect_from("127.0.0.2", address).await).await);
    assert!(ask(&mut kept).await);
    let mut open = 0;
    for stranger in &mut strangers {
        let mut byte = [0];
        match tokio::time::timeout(Duration::from_millis(1), stranger.read(&mut byte)).await {
            Ok(Ok(0) | Err(_)) => {}
            Ok(Ok(_)) | Err(_) => open += 1,
        }
    }
    assert!(open <= 20, "{open}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_with_bodies_that_trickle_keeps_nobody_out() {
    let server = server(&[("http.connections", "10")]).await;
    let address = server.inner.address();
    let mut strangers = Vec::new();
    for _ in 0..10 {
        let mut stranger = connect_from("127.0.0.2", address).await;
        let head = "POST /token HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\
                    content-type: application/x-www-form-urlencoded\r\n\r\ng";
        stranger.write_all(head.as_bytes()).await.expect("sent");
        strangers.push(stranger);
    }
    // Before their bodies are given up, a connection is.
    assert!(ask(&mut connect(address).await).await);
}

/// The raw frames of HTTP/2, RFC 9113 §4.1.
mod frames {
    use super::{AsyncReadExt, TcpStream, TlsStream};

    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    /// `GET /livez` of localhost, in HPACK.
    pub(super) const GET: &[u8] = b"\x82\x87\x44\x06/livez\x41\x09localhost";

    pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("a length").to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    /// The next frame of a kind: none when the connection is closed before.
    pub(super) async fn next(stream: &mut TlsStream<TcpStream>, kind: u8) -> Option<Vec<u8>> {
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).expect("a length")];
            stream.read_exact(&mut payload).await.ok()?;
            if head[3] == kind {
                return Some(payload);
            }
        }
    }
}

/// An HTTP/2 connection of a peer with these settings.
async fn http2_with(secure: &Secure, settings: &[u8]) -> TlsStream<TcpStream> {
    let (address, alpn) = (secure.address(), ["h2"]);
    let connected = connect_tls(&secure.authority, address, &[&TLS13], &alpn).await;
    let mut stream = connected.expect("TLS");
    stream.write_all(frames::PREFACE).await.expect("sent");
    stream.write_all(&frames::frame(frames::SETTINGS, 0, 0, settings)).await.expect("sent");
    stream
}

async fn http2(secure: &Secure) -> TlsStream<TcpStream> {
    http2_with(secure, &[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc9113_6_5_2_limits_are_announced() {
    let secure = Secure::start(&[]).await;
    let mut stream = http2(&secure).await;
    let settings = frames::next(&mut stream, frames::SETTINGS).await.expect("settings");
    let value = |id: u8| {
        let setting = settings.chunks(6).find(|setting| setting[1] == id);
        setting.map(|value| u32::from_be_bytes([value[2], value[3], value[4], value[5]]))
    };
    // Streams at once, the size of a window and of a header list.
    assert_eq!((value(3), value(4), value(6)), (Some(100), Some(65_536), Some(16_384)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cve_2023_44487_a_peer_that_resets_what_it_asks_is_sent_away() {
    const ENHANCE_YOUR_CALM: u8 = 11;
    let secure = Secure::start(&[]).await;
    let stream = http2(&secure).await;
    let attack: Vec<u8> = (0..5000_u32)
        .flat_map(|number| {
            let id = 2 * number + 1;
            let cancel = frames::frame(frames::RST_STREAM, 0, id, &[0, 0, 0, 8]);
            [frames::frame(frames::HEADERS, 5, id, frames::GET), cancel].concat()
        })
        .collect();
    let (mut reading, mut writing) = tokio::io::split(stream);
    let sending = tokio::spawn(async move {
        // It may be sent away in the middle.
        let _ = writing.write_all(&attack).await;
        writing
    });
    let mut said = Vec::new();
    let read = reading.read_to_end(&mut said);
    // A reset is an end, too.
    let _ = tokio::time::timeout(Duration::from_mins(1), read).await.expect("closed");
    let _writing = sending.await.expect("a task");
    let mut goaways = Vec::new();
    let mut frames = &said[..];
    while let [a, b, c, kind, _, _, _, _, _, after @ ..] = frames {
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).expect("a length");
        let Some((payload, after)) = after.split_at_checked(length) else { break };
        if *kind == frames::GOAWAY {
            goaways.push(payload.get(7).copied());
        }
        frames = after;
    }
    assert_eq!(goaways.last(), Some(&Some(ENHANCE_YOUR_CALM)));
    // Everybody else is served.
    let mut other = http2(&secure).await;
    other.write_all(&frames::frame(frames::HEADERS, 5, 1, frames::GET)).await.expect("sent");
    assert!(frames::next(&mut other, frames::HEADERS).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http2_peer_that_takes_no_answer_or_asks_nothing_is_sent_away() {
    let secure = Secure::start(&[("http.idle_timeout", "1s")]).await;
    // A window of nothing: the body of the answer can never be sent.
    let mut stream = http2_with(&secure, &[0, 4, 0, 0, 0, 0]).await;
    let keys = b"\x82\x87\x44\x16/.well-known/jwks.json\x41\x09localhost";
    stream.write_all(&frames::frame(frames::HEADERS, 5, 1, keys)).await.expect("sent");
    assert!(frames::next(&mut stream, frames::HEADERS).await.is_some());
    let goaway = frames::next(&mut stream, frames::GOAWAY);
    let goaway = tokio::time::timeout(Duration::from_mins(1), goaway).await.expect("in time");
    assert_eq!(goaway.expect("a goodbye")[4..8], [0; 4]);
    rest(&mut stream).await;
    // An answer that was taken, and then nothing.
    let mut stream = http2(&secure).await;
    stream.write_all(&frames::frame(frames::HEADERS, 5, 1, frames::GET)).await.expect("sent");
    assert!(frames::next(&mut stream, frames::GOAWAY).await.is_some());
    rest(&mut stream).await;
}
