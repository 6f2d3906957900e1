//! HTTP in general: the Host header, the root path, well-known paths, Strict-Transport-Security.

use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::rustls::version::TLS13;

use crate::support::certificates::connect;
use crate::support::{Browser, Database, Server, both};
use crate::tls::{Secure, rest};

const ISSUER: &str = "https://id.example.com";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc9112_3_2_a_request_names_one_host() {
    let server = Server::start(&Database::Sqlite).await;
    for (head, status) in [
        ("GET /livez HTTP/1.1\r\nhost: localhost\r\n", 200),
        ("GET /livez HTTP/1.1\r\nhost: localhost:8080\r\n", 200),
        ("GET /livez HTTP/1.1\r\nhost: [::1]:8080\r\n", 200),
        ("GET http://localhost/livez HTTP/1.1\r\nhost: other.example\r\n", 200),
        ("GET /livez HTTP/1.0\r\n", 200),
        ("GET /livez HTTP/1.1\r\n", 400),
        ("GET /livez HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n", 400),
        ("GET /livez HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n", 400),
        ("GET /livez HTTP/1.1\r\nhost:\r\n", 400),
        ("GET /livez HTTP/1.1\r\nhost: a b\r\n", 400),
        ("GET /livez HTTP/1.1\r\nhost: me@localhost\r\n", 400),
        ("GET /livez HTTP/1.1\r\nhost: localhost/evil\r\n", 400),
        ("GET /livez HTTP/1.0\r\nhost: a\r\nhost: b\r\n", 400),
    ] {
        let mut stream = TcpStream::connect(server.inner.address()).await.expect("a connection");
        let request = format!("{head}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let answer = String::from_utf8(rest(&mut stream).await).expect("text");
        let found = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        assert_eq!(found, Some(status), "{head}: {answer}");
        assert!(status == 200 || answer.contains("\"invalid_request\""), "{head}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc9113_8_3_1_authority_and_host_say_the_same() {
    let secure = Secure::start(&[]).await;
    let stream = connect(&secure.authority, secure.address(), &[&TLS13], &["h2"]).await;
    let stream = TokioIo::new(stream.expect("TLS"));
    let opened = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await;
    let (mut sender, connection) = opened.expect("HTTP/2");
    tokio::spawn(connection);
    for (hosts, status) in [
        (&[][..], 200),
        (&["localhost"], 200),
        (&["LOCALHOST"], 200),
        (&["evil.example"], 400),
        (&["localhost", "localhost"], 400),
    ] {
        let mut request = http::Request::get("https://localhost/livez");
        for host in hosts {
            request = request.header("host", *host);
        }
        let request = request.body(Empty::<bytes::Bytes>::new()).expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.status().as_u16(), status, "{hosts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc6797_hosts_below_are_bound_to_tls_when_the_operator_says_so() {
    for (setting, expected) in [
        (None, "max-age=63072000"),
        (Some("false"), "max-age=63072000"),
        (Some("true"), "max-age=63072000; includeSubDomains"),
    ] {
        let mut settings = vec![("issuer", ISSUER)];
        settings.extend(setting.map(|value| ("http.hsts_include_subdomains", value)));
        let server = Server::start_with(&Database::Sqlite, &settings).await;
        let url = format!("http://{}/livez", server.inner.address());
        let answer = server.http.get(url).send().await.expect("an answer");
        assert_eq!(answer.headers()["strict-transport-security"], expected, "{setting:?}");
    }
}

both! {
    async fn the_front_door_and_the_address_of_password_managers_lead_to_the_account(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let mut browser = server.browser();
        let page = browser.get("/").await;
        assert_eq!((page.reply.status.as_u16(), page.location()), (303, Some("/account")));
        // Whoever is nobody yet signs in and stands before their account.
        let login = browser.follow(page).await;
        assert!(browser.sign_in(&login).await.has("account-sign-out"));
        let page = browser.get("/.well-known/change-password").await;
        assert_eq!(page.reply.status, 303);
        let (path, section) = page.location().unwrap().split_once('#').unwrap();
        let account = browser.open(path).await;
        assert!(account.has(section) && account.has("new-password"), "{}", account.reply.text);
        // What a password manager asks to learn whether such answers mean anything.
        let nothing = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";
        assert_eq!(browser.get(nothing).await.reply.status, 404);
    }

    async fn below_a_path_they_lead_below_it(database) {
        let server = Server::start_with(&database, &[("issuer", "https://id.example.com/tenant")]).await;
        let local = format!("http://{}", server.inner.address());
        let mut browser = Browser::new(&local, &server.http);
        for (path, target) in [
            ("/tenant", "/tenant/account"),
            ("/tenant/", "/tenant/account"),
            ("/tenant/.well-known/change-password", "/tenant/account/security#password-title"),
            ("/.well-known/change-password", "/tenant/account/security#password-title"),
        ] {
            let page = browser.get(path).await;
            assert_eq!((page.reply.status.as_u16(), page.location()), (303, Some(target)), "{path}");
        }
        // The rest of the host is not ours.
        assert_eq!(browser.get("/").await.reply.status, 404);
    }

    /// Without a script, that is.
    async fn pages_say_times_in_the_zone_of_the_setting(database) {
        for (zone, said) in [("UTC", "(UTC)</time>"), ("Asia/Seoul", "(UTC+9)</time>"), ("America/Phoenix", "(UTC-7)</time>")] {
            let server = Server::start_with(&database, &[("time_zone", zone)]).await;
            server.alice().await;
            let mut browser = server.browser();
            let login = browser.open("/account/devices").await;
            let devices = browser.sign_in(&login).await;
            assert!(devices.reply.text.contains(said), "{zone}: {}", devices.reply.text);
        }
        let wrong = [("time_zone", "Asia/Nowhere".to_owned())];
        let problems = mapae::app::config::load(None, [], &wrong).settings.expect_err("a problem");
        assert!(problems[0].key == "time_zone" && problems[0].problem.contains("Asia/Seoul"), "{problems:?}");
    }
}
