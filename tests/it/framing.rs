//! Requests whose framing is wrong or strange, byte by byte (RFC 9112). None of them makes the server
//! fail, and what is ambiguous is not answered as two requests.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Database, Server, http};

const POST: &str = "POST /token HTTP/1.1\r\nhost: a\r\n\
                    content-type: application/x-www-form-urlencoded\r\n";
const GET: &str = "GET /livez HTTP/1.1\r\nhost: a\r\n";
const SECOND: &str = "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";

/// The statuses of the answers on one connection, until the server closes it.
async fn statuses(server: &Server, bytes: &[u8]) -> Vec<u16> {
    let mut stream = TcpStream::connect(server.inner.address()).await.expect("a connection");
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut answer));
    // A reset after the answer is an end, too.
    let _ = read.await.expect("an end in time");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let heads = answer.split("HTTP/1.").skip(1).filter_map(|head| head.get(2..5));
    heads.filter_map(|status| status.parse().ok()).collect()
}

#[expect(clippy::too_many_lines, reason = "one table")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc9112_6_no_framing_makes_the_server_fail_or_smuggles_a_request() {
    let settings = [("http.idle_timeout", "1s"), ("http.header_timeout", "5s")];
    let server = Server::start_with(&Database::Sqlite, &settings).await;
    let long = "x".repeat(40_000);
    let trailers = "x: y\r\n".repeat(5000);
    let cases: Vec<(String, &[u16])> = vec![
        // RFC 9112 §6.1: with both, the length does not count, and the connection ends.
        (
            format!(
                "{POST}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{SECOND}"
            ),
            &[401],
        ),
        (
            format!(
                "{POST}transfer-encoding: chunked\r\ncontent-length: 40\r\n\r\n0\r\n\r\n{SECOND}"
            ),
            &[401],
        ),
        // RFC 9112 §6.3: two lengths that differ, or one that is none.
        (format!("{POST}content-length: 3\r\ncontent-length: 0\r\n\r\na=b{SECOND}"), &[400]),
        (format!("{POST}content-length: 3\r\ncontent-length: 3\r\n\r\na=b"), &[401]),
        (format!("{POST}content-length: 3, 3\r\n\r\na=b{SECOND}"), &[400]),
        (format!("{POST}content-length: +3\r\n\r\na=b{SECOND}"), &[400]),
        (format!("{POST}content-length: -3\r\n\r\na=b{SECOND}"), &[400]),
        (format!("{POST}content-length: 0x3\r\n\r\na=b{SECOND}"), &[400]),
        (format!("{POST}content-length: 99999999999999999999\r\n\r\na=b{SECOND}"), &[400]),
        (format!("{POST}content-length : 3\r\n\r\na=b{SECOND}"), &[400]),
        // RFC 9112 §6.1: the last coding is chunked, or the end is not known.
        (
            format!("{POST}transfer-encoding: identity\r\ncontent-length: 3\r\n\r\na=b{SECOND}"),
            &[400],
        ),
        (format!("{POST}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n{SECOND}"), &[400]),
        (format!("{POST}transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n{SECOND}"), &[400]),
        (format!("{POST}transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n{SECOND}"), &[400]),
        (format!("{POST}transfer-encoding: chunked\r\n\r\n0\r\n\r\n{SECOND}"), &[401, 200]),
        (
            "POST /token HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
                .to_owned(),
            &[400],
        ),
        // RFC 9112 §7.1: chunks.
        (format!("{POST}transfer-encoding: chunked\r\n\r\n3;x=y\r\na=b\r\n0\r\n\r\n"), &[401]),
        (
            format!("{POST}transfer-encoding: chunked\r\n\r\n3;x\n=y\r\na=b\r\n0\r\n\r\n{SECOND}"),
            &[400],
        ),
        (
            format!("{POST}transfer-encoding: chunked\r\n\r\n3;{long}\r\na=b\r\n0\r\n\r\n{SECOND}"),
            &[400],
        ),
        (
            format!(
                "{POST}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\na=b\r\n0\r\n\r\n"
            ),
            &[400],
        ),
        (format!("{POST}transfer-encoding: chunked\r\n\r\n-1\r\na=b\r\n0\r\n\r\n{SECOND}"), &[400]),
        (
            format!("{POST}transfer-encoding: chunked\r\n\r\n0x3\r\na=b\r\n0\r\n\r\n{SECOND}"),
            &[400],
        ),
        (format!("{POST}transfer-encoding: chunked\r\n\r\n3\na=b\n0\n\n{SECOND}"), &[400]),
        (format!("{POST}transfer-encoding: chunked\r\n\r\n2\r\na=b\r\n0\r\n\r\n{SECOND}"), &[400]),
        (format!("{POST}transfer-encoding: chunked\r\n\r\n0\r\ncontent-length: 9\r\n\r\n"), &[401]),
        (format!("{POST}transfer-encoding: chunked\r\n\r\n0\r\n{trailers}\r\n{SECOND}"), &[400]),
        // RFC 9112 §2.2 and §5: lines and fields.
        ("GET /livez HTTP/1.1\r\nhost: a\rx: y\r\n\r\n".to_owned(), &[400]),
        (format!("{GET}x: y\r\n z\r\n\r\n"), &[400]),
        ("GET /livez HTTP/1.1\r\n host: a\r\n\r\n".to_owned(), &[400]),
        (format!("{GET}x: \0\r\n\r\n"), &[400]),
        (format!("{GET}x y: z\r\n\r\n"), &[400]),
        (format!("{GET}: z\r\n\r\n"), &[400]),
        (format!("{GET}foo\r\n\r\n"), &[400]),
        ("GET /livez HTTP/1.1\nhost: a\n\n".to_owned(), &[200]),
        // RFC 9112 §3: the request line and its target.
        ("GET http://evil.example/livez HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), &[200]),
        ("GET evil.example:80 HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), &[404]),
        ("CONNECT evil.example:80 HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), &[404]),
        ("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), &[404]),
        ("GET //evil.example/livez HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), &[404]),
        ("GET /../../etc/passwd HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), &[404]),
        ("GET /%2e%2e/%00/livez HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), &[404]),
        ("GET /li vez HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), &[400]),
        ("GET /livez\r\n\r\n".to_owned(), &[400]),
        ("GET /livez HTTP/1.2\r\nhost: a\r\n\r\n".to_owned(), &[400]),
        ("GET /livez HTTP/9\r\nhost: a\r\n\r\n".to_owned(), &[400]),
        ("G@T /livez HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), &[400]),
        (format!("{} /livez HTTP/1.1\r\nhost: a\r\n\r\n", "G".repeat(5000)), &[405]),
        // What is asked for beside the request itself.
        (
            format!(
                "{GET}connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n"
            ),
            &[200],
        ),
        (format!("{GET}connection: upgrade\r\nupgrade: websocket\r\n\r\n"), &[200]),
        (format!("{POST}expect: the-moon\r\ncontent-length: 3\r\n\r\na=b"), &[401]),
        (format!("{POST}connection: content-length\r\ncontent-length: 3\r\n\r\na=b"), &[401]),
        (format!("{GET}range: bytes=0-0,-1,5-2\r\n\r\n"), &[200]),
        // A body belongs to its request, whatever is in it.
        (format!("{GET}content-length: {}\r\n\r\n{SECOND}", SECOND.len()), &[200]),
        (format!("{SECOND}{SECOND}{SECOND}"), &[200, 200, 200]),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\0\0\0\0\0\0".to_owned(), &[]),
    ];
    let found = join_all(cases.iter().map(|(bytes, _)| statuses(&server, bytes.as_bytes()))).await;
    for ((bytes, expected), found) in cases.iter().zip(found) {
        let shown: String = bytes.chars().take(300).collect();
        assert_eq!(found, *expected, "{shown:?}");
    }
    // Bytes that are no text at all.
    for bytes in [
        &b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03"[..],
        b"GET /liv\xe9 HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        let found = statuses(&server, bytes).await;
        assert!(found.iter().all(|status| *status < 500), "{bytes:?}: {found:?}");
    }
    let alive = http().get(server.url("/livez")).send().await.expect("an answer");
    assert_eq!(alive.status(), 200);
}
