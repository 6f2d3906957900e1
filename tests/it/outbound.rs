//! Calls to the addresses that clients name: which may be called, and how much of an answer is
//! read.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::time::Duration;

use mapae::outbound::{Config, HttpResponse, Outbound, OutboundError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::certificates::{Authority, acceptor};

/// Long enough for any answer of this machine.
const TIMEOUT: Duration = Duration::from_secs(5);

fn outbound(change: impl FnOnce(&mut Config)) -> Outbound {
    let mut config = Config::default();
    change(&mut config);
    Outbound::new(config).expect("usable")
}

fn open() -> Outbound {
    outbound(|config| config.allow_private = true)
}

/// Answers every connection with these bytes after the head of the request; what was asked comes
/// out of the channel.
async fn answering(answer: String) -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (asked, asks) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let mut length = 0;
            while !complete(&request[..length]) {
                match stream.read(&mut request[length..]).await {
                    Ok(0) | Err(_) => break,
                    Ok(more) => length += more,
                }
            }
            let _ = asked.send(String::from_utf8_lossy(&request[..length]).into_owned());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, asks)
}

/// Whether the head is here, and as much body as it announces.
fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    announced.is_none_or(|length| body.len() >= length.parse().expect("a length"))
}

#[tokio::test]
async fn what_may_not_be_called_gets_no_connection() {
    let listener = StdListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let outbound = outbound(|_| {});
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "0.0.0.0",
        "localhost",
        "localhost.",
        "LOCALHOST",
    ] {
        for scheme in ["https", "http"] {
            let url = format!("{scheme}://{host}:{port}/");
            let posted = outbound.post_form(&url, &[("logout_token", "x")]).await;
            assert_eq!(posted, Err(OutboundError::NotAllowed), "{url}");
            assert_eq!(outbound.get(&url, 10).await, Err(OutboundError::NotAllowed), "{url}");
        }
    }
    let nobody = listener.accept().expect_err("no connection was made");
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_form_is_posted_and_a_document_fetched() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let (address, mut asked) = answering(answer.to_owned()).await;
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{}/there?x=y", address.port());
        let fields = [("logout_token", "a+b&c=d"), ("é", "")];
        assert_eq!(open().post_form(&url, &fields).await, Ok(200));
        let request = asked.recv().await.expect("a request");
        assert!(request.starts_with("POST /there?x=y HTTP/1.1\r\n"), "{request}");
        assert!(
            request.contains("content-type: application/x-www-form-urlencoded\r\n"),
            "{request}"
        );
        assert!(request.ends_with("\r\n\r\nlogout_token=a%2Bb%26c%3Dd&%C3%A9="), "{request}");
        let content_type = Some("application/json".to_owned());
        let fetched =
            HttpResponse { status: 200, content_type, cache_control: None, body: "{}".into() };
        assert_eq!(open().get(&url, 2).await, Ok(fetched));
        let request = asked.recv().await.expect("a request").to_lowercase();
        for header in ["accept-encoding", "cookie", "referer"] {
            assert!(!request.contains(header), "{request}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (next, mut followed) =
        answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned()).await;
    for status in [301, 302, 303, 307, 308] {
        let answer =
            format!("HTTP/1.1 {status} X\r\nlocation: http://{next}/\r\ncontent-length: 0\r\n\r\n");
        let (address, _asked) = answering(answer).await;
        let url = format!("http://{address}/");
        assert_eq!(open().post_form(&url, &[]).await, Ok(status));
        assert_eq!(open().get(&url, 10).await.map(|fetched| fetched.status), Ok(status));
    }
    assert!(followed.try_recv().is_err(), "followed");
}

#[tokio::test]
async fn an_answer_that_does_not_come_or_does_not_end_is_not_waited_for() {
    let hasty = outbound(|config| {
        config.allow_private = true;
        config.timeout = Duration::from_millis(300);
    });
    // The operating system accepts the connection; nobody ever answers.
    let silent = StdListener::bind("127.0.0.1:0").expect("a port");
    let silent = silent.local_addr().map(|address| (address, silent)).expect("an address");
    let (endless, _asked) =
        answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".to_owned()).await;
    for url in [format!("http://{}/", silent.0), format!("https://{}/", silent.0)] {
        assert_eq!(hasty.post_form(&url, &[]).await, Err(OutboundError::TimedOut), "{url}");
        assert_eq!(hasty.get(&url, 10).await, Err(OutboundError::TimedOut), "{url}");
    }
    // It closes the connection in the middle of the body.
    let url = format!("http://{endless}/");
    assert_eq!(hasty.get(&url, 10).await, Err(OutboundError::Unreachable));
    assert_eq!(Config::default().timeout, TIMEOUT);
}

#[tokio::test]
async fn no_more_is_taken_than_is_wanted() {
    let body = "x".repeat(1000);
    let told = format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{body}");
    let chunked =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e8\r\n{body}\r\n0\r\n\r\n");
    let until_close = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    for answer in [told, chunked, until_close] {
        let (address, _asked) = answering(answer.clone()).await;
        let url = format!("http://{address}/");
        assert_eq!(open().get(&url, 999).await, Err(OutboundError::TooLarge), "{answer}");
        assert_eq!(open().get(&url, 1000).await.map(|fetched| fetched.body.len()), Ok(1000));
    }
    let huge = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1024 * 1024 + 1));
    let (address, _asked) = answering(huge).await;
    let url = format!("http://{address}/");
    assert_eq!(open().get(&url, usize::MAX).await, Err(OutboundError::TooLarge));
    assert_eq!(open().post_form(&url, &[]).await, Ok(200));
}

#[tokio::test]
async fn what_is_no_http_and_who_is_not_there() {
    let (address, _asked) = answering("SSH-2.0-OpenSSH\r\n\r\n".to_owned()).await;
    let url = format!("http://{address}/");
    assert_eq!(open().get(&url, 10).await, Err(OutboundError::Malformed));
    let gone = StdListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    assert_eq!(open().get(&format!("http://{gone}/"), 10).await, Err(OutboundError::NobodyThere));
    assert_eq!(open().get("https://nobody.invalid/", 10).await, Err(OutboundError::UnknownName));
}

#[tokio::test]
async fn who_speaks_no_tls_is_told_from_who_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    assert_eq!(open().get(&format!("https://{address}/"), 10).await, Err(OutboundError::NoTls));
}

#[tokio::test]
async fn an_authority_of_the_operator_is_trusted_and_no_other() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, authority.pem()).expect("written");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let acceptor = acceptor(&authority.issue(&["localhost"]));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    });
    let url = format!("https://localhost:{port}/");
    let trusting = outbound(|config| {
        config.allow_private = true;
        config.ca_file = Some(ca_file.clone());
    });
    assert_eq!(trusting.post_form(&url, &[]).await, Ok(204));
    assert_eq!(open().post_form(&url, &[]).await, Err(OutboundError::Untrusted));
    // A certificate is good for its names alone.
    for host in ["rp.localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{port}/");
        assert_eq!(trusting.post_form(&url, &[]).await, Err(OutboundError::Untrusted), "{url}");
    }
}

/// A proxy that connects everything to one address; what it was asked for comes out of the channel.
async fn proxy_to(to: SocketAddr) -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (asked, asks) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a head"));
            }
            let head = String::from_utf8(head).expect("text");
            let refuses = head.contains("forbidden.example");
            let _ = asked.send(head);
            if refuses {
                let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await;
                continue;
            }
            stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.expect("sent");
            let mut there = tokio::net::TcpStream::connect(to).await.expect("a connection");
            tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut there).await;
            });
        }
    });
    (address, asks)
}

#[tokio::test]
async fn behind_a_proxy_it_resolves_names_and_the_guard_holds() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, authority.pem()).expect("written");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = listener.local_addr().expect("an address");
    let acceptor = acceptor(&authority.issue(&["app.example", "1.1.1.1"]));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    });
    let (proxy, mut asks) = proxy_to(server).await;
    let url = format!("http://me:secret@{proxy}");
    let through = outbound(|config| {
        config.ca_file = Some(ca_file);
        config.proxy =
            Some(mapae::outbound::Proxy::parse(&url, "direct.invalid").expect("a proxy"));
    });
    // Nobody here knows this name, and the proxy lives on this machine.
    assert_eq!(through.post_form("https://app.example/logout", &[]).await, Ok(204));
    let asked = asks.recv().await.expect("asked");
    assert!(asked.starts_with("CONNECT app.example:443 "), "{asked}");
    assert!(asked.to_ascii_lowercase().contains("proxy-authorization: basic"), "{asked}");
    assert_eq!(through.get("https://1.1.1.1/", 10).await.map(|got| got.status), Ok(204));
    assert!(asks.recv().await.expect("asked").starts_with("CONNECT 1.1.1.1:443 "));
    assert_eq!(through.get("https://forbidden.example/", 10).await, Err(OutboundError::Proxy));
    asks.recv().await.expect("asked");
    // Neither addresses nor names of the own network, whoever would look them up.
    for url in [
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://intranet/",
        "https://metadata.google.internal/",
        "http://app.example/",
    ] {
        assert_eq!(through.get(url, 10).await, Err(OutboundError::NotAllowed), "{url}");
    }
    assert_eq!(through.get("https://direct.invalid/", 10).await, Err(OutboundError::UnknownName));
    assert!(asks.try_recv().is_err(), "nothing of it went to the proxy");
    let nobody = outbound(|config| {
        config.proxy = Some(mapae::outbound::Proxy::parse("127.0.0.1:1", "").expect("a proxy"));
    });
    assert_eq!(nobody.get("https://app.example/", 10).await, Err(OutboundError::Proxy));
}

#[test]
fn authorities_that_cannot_be_read_are_said_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    let problem = || {
        let config = Config { ca_file: Some(file.clone()), ..Config::default() };
        Outbound::new(config).expect_err("unusable").to_string()
    };
    assert!(problem().contains("ca.pem"), "{}", problem());
    for bad in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, bad).expect("written");
        assert!(problem().contains("ca.pem"), "{bad}: {}", problem());
    }
}
