//! TLS of the main listener: accepted versions, refused handshakes, and new certificates.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ProtocolVersion;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::support::certificates::{Authority, Pair, connect};
use crate::support::{Cli, Database, Server, eventually};

/// A server with a certificate.
pub(crate) struct Secure {
    pub(crate) authority: Authority,
    pub(crate) server: Server,
    folder: TempDir,
}

impl Secure {
    pub(crate) async fn start(settings: &[(&'static str, &str)]) -> Self {
        let authority = Authority::new();
        let folder = tempfile::tempdir().expect("a folder");
        let files = authority.issue(&["localhost"]).settings(folder.path());
        let mut all: Vec<(&'static str, &str)> = settings.to_vec();
        all.push(("issuer", "https://localhost"));
        all.extend(files.iter().map(|(key, file)| (*key, file.as_str())));
        let server = Server::start_with(&Database::Sqlite, &all).await;
        Self { authority, server, folder }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.inner.address()
    }

    /// The certificate that it shows.
    async fn certificate(&self) -> Vec<u8> {
        let stream = connect(&self.authority, self.address(), &[&TLS13], &[]).await.expect("TLS");
        let (_, session) = stream.get_ref();
        session.peer_certificates().expect("a certificate")[0].to_vec()
    }

    fn replace(&self, pair: &Pair) {
        pair.settings(self.folder.path());
    }
}

/// Everything that comes until the connection is closed.
pub(crate) async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut rest));
    // A reset is an end, too.
    let _ = read.await.expect("the connection is closed");
    rest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc9325_3_1_1_tls_1_2_and_1_3_are_spoken() {
    let secure = Secure::start(&[]).await;
    let versions = [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)];
    for (version, name) in versions {
        for alpn in [&["http/1.1"][..], &[]] {
            let connected = connect(&secure.authority, secure.address(), &[version], alpn).await;
            let mut stream = connected.expect("TLS");
            assert_eq!(stream.get_ref().1.protocol_version(), Some(name));
            let request = "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).await.expect("sent");
            let answer = String::from_utf8(rest(&mut stream).await).expect("text");
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            let lasting = "strict-transport-security: max-age=63072000";
            assert!(answer.contains(lasting), "{answer}");
        }
    }
    let nothing = connect(&secure.authority, secure.address(), &[&TLS13], &["spdy/3"]).await;
    assert!(nothing.is_err(), "a protocol that nobody speaks");
    secure.server.inner.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc7301_http2_is_chosen_by_alpn() {
    let secure = Secure::start(&[]).await;
    let alpn = ["h2", "http/1.1"];
    let stream = connect(&secure.authority, secure.address(), &[&TLS13], &alpn).await.expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2");
    let driver = tokio::spawn(connection);
    for path in ["/livez", "/readyz", "/.well-known/openid-configuration"] {
        let request = http::Request::get(format!("https://localhost{path}"));
        let request = request.body(Empty::<bytes::Bytes>::new()).expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(body.is_empty(), path.ends_with('z'), "{path}");
    }
    // It is told to go, and goes.
    secure.server.inner.stop().await;
    let ended = tokio::time::timeout(Duration::from_mins(1), driver).await.expect("an end in time");
    ended.expect("a task").expect("a good end");
}

/// A `ClientHello` of this version with these cipher suites.
fn client_hello(version: u16, suites: &[u16]) -> Vec<u8> {
    let prefixed = |length: usize, bytes: &[u8]| {
        let size = u32::try_from(bytes.len()).expect("a length").to_be_bytes();
        [&size[4 - length..], bytes].concat()
    };
    let extension =
        |kind: u16, list: Vec<u8>| [&kind.to_be_bytes()[..], &prefixed(2, &list)].concat();
    let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let extensions = [
        // supported_groups: x25519, secp256r1.
        extension(10, prefixed(2, &[0, 29, 0, 23])),
        // ec_point_formats: uncompressed.
        extension(11, prefixed(1, &[0])),
        // signature_algorithms: ECDSA and RSA with SHA-256.
        extension(13, prefixed(2, &[4, 3, 4, 1, 8, 4])),
    ];
    let hello = [
        version.to_be_bytes().to_vec(),
        vec![7; 32],
        prefixed(1, &[]),
        prefixed(2, &suites),
        prefixed(1, &[0]),
        prefixed(2, &extensions.concat()),
    ];
    let handshake = [&[1][..], &prefixed(3, &hello.concat())].concat();
    [&[22, 3, 1][..], &prefixed(2, &handshake)].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc9325_what_is_weak_is_refused() {
    const ECDHE_GCM: u16 = 0xc02b;
    const PROTOCOL_VERSION: u8 = 70;
    const HANDSHAKE_FAILURE: u8 = 40;
    let secure = Secure::start(&[]).await;
    let said = async |hello: Vec<u8>| {
        let mut stream = TcpStream::connect(secure.address()).await.expect("a connection");
        stream.write_all(&hello).await.expect("sent");
        let mut said = [0; 7];
        stream.read_exact(&mut said).await.expect("an answer");
        said
    };
    // The same words in TLS 1.2 are understood: a handshake record.
    assert_eq!(said(client_hello(0x0303, &[ECDHE_GCM])).await[0], 22);
    for old in [0x0300, 0x0301, 0x0302] {
        let said = said(client_hello(old, &[ECDHE_GCM])).await;
        assert_eq!((said[0], said[6]), (21, PROTOCOL_VERSION), "{old:x}: {said:?}");
    }
    // CBC with and without forward secrecy, GCM without, RC4, 3DES, NULL, export; and ChaCha20, which
    // RFC 9325 §4.2 does not recommend for TLS 1.2 (FAPI 2.0 §5.2.2).
    for suite in
        [0xcca8, 0xcca9, 0xc009, 0xc013, 0xc024, 0x002f, 0x009c, 0x0005, 0x000a, 0x0002, 0x0003]
    {
        let said = said(client_hello(0x0303, &[suite])).await;
        assert_eq!((said[0], said[6]), (21, HANDSHAKE_FAILURE), "{suite:x}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_and_silence_get_nothing() {
    let secure = Secure::start(&[("http.header_timeout", "1s")]).await;
    let mut stream = TcpStream::connect(secure.address()).await.expect("a connection");
    let request = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("sent");
    let answer = rest(&mut stream).await;
    assert!(!answer.windows(4).any(|four| four == b"HTTP"), "{answer:?}");
    let mut silent = TcpStream::connect(secure.address()).await.expect("a connection");
    assert_eq!(rest(&mut silent).await, [0; 0]);
    let mut half = TcpStream::connect(secure.address()).await.expect("a connection");
    half.write_all(&client_hello(0x0303, &[0xc02b])[..20]).await.expect("sent");
    assert_eq!(rest(&mut half).await, [0; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_is_used_and_a_broken_one_is_not() {
    let secure = Secure::start(&[]).await;
    let first = secure.certificate().await;
    let kept = connect(&secure.authority, secure.address(), &[&TLS13], &[]).await;
    let mut kept = kept.expect("TLS");
    let second = secure.authority.issue(&["localhost"]);
    secure.replace(&second);
    eventually("the new certificate", async || secure.certificate().await != first).await;
    let in_force = secure.certificate().await;
    // Another's key: what was good stays, also when the next good pair comes.
    let stranger = Authority::new().issue(&["localhost"]).key;
    secure.replace(&Pair { certificate: second.certificate.clone(), key: stranger });
    assert_eq!(secure.certificate().await, in_force);
    std::fs::remove_file(secure.folder.path().join("key.pem")).expect("removed");
    assert_eq!(secure.certificate().await, in_force);
    secure.replace(&secure.authority.issue(&["localhost"]));
    eventually("the third certificate", async || secure.certificate().await != in_force).await;
    // Who is connected stays connected.
    let request = "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    kept.write_all(request.as_bytes()).await.expect("sent");
    assert!(rest(&mut kept).await.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_no_pair_are_said_at_the_start() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_ISSUER", "https://localhost");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let Pair { certificate, key } = authority.issue(&["localhost"]);
    let texts =
        [("cert", certificate.as_str()), ("key", &key), ("ca", authority.pem()), ("text", "x")];
    for (name, text) in texts {
        crate::support::write_secret(file(name), text);
    }
    for (certificate, key, problem) in [
        ("cert", "missing", "tls.key_file: "),
        ("missing", "key", "tls.cert_file: "),
        ("text", "key", "tls.cert_file: "),
        ("key", "key", "tls.cert_file: "),
        ("cert", "text", "tls.key_file: "),
        ("cert", "cert", "tls.key_file: "),
        ("ca", "key", "is not the key of the certificate"),
    ] {
        cli.set("MAPAE_TLS_CERT_FILE", file(certificate));
        cli.set("MAPAE_TLS_KEY_FILE", file(key));
        let said = cli.run(&["serve"], None).await;
        assert!(said.code == 1 && said.err.contains(problem), "{certificate} {key}: {said:?}");
        assert!(!said.err.contains("PRIVATE KEY"), "{said:?}");
    }
}

#[test]
fn settings_of_tls_belong_together() {
    let problems = |given: &[(&'static str, &str)]| {
        let given: Vec<_> = given.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        let problems = mapae::app::config::load(None, [], &given).settings.expect_err("problems");
        problems.into_iter().map(|problem| problem.key).collect::<Vec<_>>()
    };
    assert_eq!(problems(&[("tls.cert_file", "c")]), ["tls.key_file"]);
    assert_eq!(problems(&[("tls.key_file", "k")]), ["tls.cert_file"]);
    assert_eq!(problems(&[("tls.cert_file", "c"), ("tls.key_file", "k")]), ["issuer"]);
    for url in ["https://mtls.example", "https://mtls.example/b", "https://mtls.example/a/b"] {
        let given = [("issuer", "https://id.example/a"), ("mtls.url", url)];
        assert_eq!(problems(&given), ["mtls.url"], "{url}");
    }
    for url in ["https://mtls.example/a", "https://id.example:8443/a"] {
        let given = [("issuer", "https://id.example/a"), ("mtls.url", url)];
        let given = given.map(|(key, value)| (key, value.to_owned()));
        assert!(mapae::app::config::load(None, [], &given).settings.is_ok(), "{url}");
    }
}
