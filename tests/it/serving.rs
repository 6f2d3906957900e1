//! `mapae serve` as a process: changes by the command line while it runs, one server for one SQLite
//! file, stopping.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{
    Binary, Cli, ClientArguments, Database, PASSWORD, both, eventually, form, free_port, http,
    terminate,
};

async fn status(url: &str) -> Option<u16> {
    http().get(url).send().await.ok().map(|response| response.status().as_u16())
}

both! {
    async fn what_an_operator_ends_ends_at_once_beside_a_running_server(database) {
        let binary = Binary::start(&database).await;
        binary.user("alice", PASSWORD).await;
        let app = binary.register("app", &ClientArguments::by_password()).await;
        for verb in ["logout", "disable", "set-password", "delete"] {
            let (access, first) = app.password("openid").await.pair();
            let (_, second) = app.refresh(&first).await.pair();
            assert!(app.is_active(&access).await && app.is_active(&second).await);
            let mut arguments = vec!["user", verb, "--username", "alice"];
            if verb == "set-password" {
                arguments.push("--password-stdin");
            }
            let said = binary.cli(&arguments, Some(PASSWORD)).await;
            if verb != "delete" {
                assert_eq!(said["families_ended"], 1, "{verb}");
            }
            // At once: not a moment may pass.
            assert!(!app.is_active(&access).await && !app.is_active(&second).await, "{verb}");
            assert_eq!(app.userinfo(&access).await.status, 401, "{verb}");
            app.refresh(&second).await.refused(400, "invalid_grant");
            if verb == "disable" {
                app.password("openid").await.refused(400, "invalid_grant");
                binary.cli(&["user", "enable", "--username", "alice"], None).await;
            }
        }
    }

    async fn what_an_operator_changes_of_a_client_shows_soon(database) {
        let binary = Binary::start(&database).await;
        binary.user("alice", PASSWORD).await;
        // It is not in memory, so it is looked up: known at once.
        let app = binary.register("app", &ClientArguments::by_password()).await;
        let (access, refresh) = app.password("openid").await.pair();
        let arguments = ClientArguments::confidential(&[]).with("--resource-server", "https://a");
        let judge = binary.register("judge", &arguments).await;
        assert!(!judge.is_active(&access).await);
        binary.cli(&["client", "update", "--id", "app", "--audience", "https://a"], None).await;
        eventually("the new audience", async || {
            let (access, _) = app.password("openid").await.pair();
            judge.is_active(&access).await
        }).await;
        let update = ["client", "update", "--id", "app", "--grant", "password"];
        let answers = async |error| app.refresh("x").await.text("error") == error;
        binary.cli(&update, None).await;
        eventually("the grant is gone", async || answers("unauthorized_client").await).await;
        binary.cli(&[&update[..], &["--grant", "refresh_token"]].concat(), None).await;
        eventually("the grant is back", async || answers("invalid_grant").await).await;
        binary.cli(&["client", "disable", "--id", "app"], None).await;
        eventually("turned away", async || answers("invalid_client").await).await;
        assert_eq!(app.userinfo(&access).await.status, 401);
        binary.cli(&["client", "enable", "--id", "app"], None).await;
        eventually("let in again", async || answers("invalid_grant").await).await;
        let renewed = binary.cli(&["client", "rotate-secret", "--id", "app"], None).await;
        let secret = renewed["client_secret"].as_str().map(str::to_owned);
        let renewed = crate::support::App { secret, ..app.clone() };
        renewed.refresh(&refresh).await.refused(400, "invalid_grant");
        eventually("the old secret is nothing", async || answers("invalid_client").await).await;
        binary.cli(&["client", "delete", "--id", "app"], None).await;
        eventually("deleted", async || renewed.refresh("x").await.status == 401).await;
        assert!(!judge.is_active(&access).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_serves_one_sqlite_file_and_a_killed_one_frees_it() {
    let mut binary = Binary::start(&Database::Sqlite).await;
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let said = binary.cli.run(&["serve", "--listen", &listen], None).await;
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
    assert!(said.err.contains("another server"), "{said:?}");
    assert_eq!(status(&format!("{}/readyz", binary.issuer())).await, Some(200));
    // Nor by another name of the file.
    let link = binary.cli.folder.path().join("link.db");
    std::os::unix::fs::symlink(binary.cli.folder.path().join("mapae.db"), &link).unwrap();
    let mut other = Cli::new(&Database::Sqlite).await;
    other.set("MAPAE_DATABASE_URL", format!("sqlite://{}?mode=rwc", link.display()));
    other.set("MAPAE_KEYS_DIR", binary.cli.get("MAPAE_KEYS_DIR"));
    let said = other.run(&["serve"], None).await;
    assert!(said.code == 1 && said.err.contains("another server"), "{said:?}");
    // Nor by a hard link, which has another log beside it; the command line neither.
    let hard = binary.cli.folder.path().join("hard.db");
    std::fs::hard_link(binary.cli.folder.path().join("mapae.db"), &hard).unwrap();
    other.set("MAPAE_DATABASE_URL", format!("sqlite://{}", hard.display()));
    for verb in [&["serve"][..], &["user", "list"], &["migrate", "up"]] {
        let said = other.run(verb, None).await;
        assert!(said.code == 1 && said.err.contains("hard link"), "{verb:?}: {said:?}");
    }
    std::fs::remove_file(&hard).unwrap();
    // The command line is no server.
    binary.cli(&["key", "list"], None).await;
    binary.kill().await;
    binary.restart().await;
    assert_eq!(status(&format!("{}/readyz", binary.issuer())).await, Some(200));
    let taken = binary.cli.get("MAPAE_LISTEN").to_owned();
    let said = Cli::new(&Database::Sqlite).await.run(&["serve", "--listen", &taken], None).await;
    assert!(said.code == 1 && said.err.contains(&taken), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_on_the_admin_listener_alone() {
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    let admin = format!("127.0.0.1:{}", free_port());
    cli.set("MAPAE_ADMIN_LISTEN", &admin);
    let binary = cli.serve().await;
    binary.user("alice", PASSWORD).await;
    let app = binary.register("app", &ClientArguments::by_password()).await;
    app.refresh("mapae_rt_canary").await.refused(400, "invalid_grant");
    for path in ["/metrics", "/metrics/", "/admin/metrics"] {
        assert_eq!(status(&format!("{}{path}", binary.issuer())).await, Some(404), "{path}");
    }
    let metrics = http().get(format!("http://{admin}/metrics")).send().await.unwrap();
    assert_eq!(metrics.status(), 200);
    let text = metrics.text().await.unwrap();
    assert!(
        text.contains(
            "mapae_refusals_total{error=\"invalid_grant\",reason=\"refresh_token_unknown\"} 1"
        ),
        "{text}"
    );
    assert!(!text.contains("canary") && !text.contains("alice"), "{text}");
    // Times by route: the pattern of a path, never what somebody wrote into it.
    let took = "mapae_http_request_duration_seconds_bucket{route=\"/token\",method=\"POST\",status=\"400\",le=\"10\"} 1";
    assert!(text.contains(took), "{text}");
    let unknown =
        "mapae_http_request_duration_seconds_count{route=\"none\",method=\"GET\",status=\"404\"} 3";
    assert!(text.contains(unknown), "{text}");
    for sample in [
        "mapae_hashing_queue 0",
        "mapae_requests_in_flight 0",
        "mapae_outbox_pending{kind=\"logout\"} 0",
        "mapae_outbox_pending{kind=\"mail\"} 0",
        "mapae_mails_total{sent=\"true\"} 0",
        "mapae_build_info{version=\"",
        "mapae_database_pool{state=\"waiting\"} ",
        "mapae_batch_size_bucket{batch=\"refreshes\",le=\"64\"} ",
        "mapae_batch_size_count{batch=\"liveness\"} 0",
        "mapae_batch_size_count{batch=\"people\"} 0",
        "mapae_worker_restarts_total{worker=\"refreshes\"} 0",
        "mapae_worker_restarts_total{worker=\"password hashing\"} 0",
        "mapae_worker_restarts_total{worker=\"failed sign-ins\"} 0",
        "mapae_worker_restarts_total{worker=\"folding metrics\"} 0",
        "mapae_worker_restarts_total{worker=\"accepting connections\"} 0",
        "mapae_worker_restarts_total{worker=\"accepting readers of metrics\"} 0",
        "mapae_worker_restarts_total{worker=\"telling apps of sign-outs\"} 0",
    ] {
        assert!(text.contains(sample), "{sample} in {text}");
    }
    // A job may have one in its hands just now.
    let connections = |state: &str| {
        let sample = format!("mapae_database_pool{{state=\"{state}\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&sample));
        value.expect("a sample").parse::<u32>().expect("a number")
    };
    assert!((1..=3).contains(&(connections("idle") + connections("in_use"))), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().unwrap();
        let name =
            ["_bucket", "_sum", "_count"].iter().fold(name, |name, end| name.trim_end_matches(end));
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help in {text}");
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} has no type in {text}");
    }
    for path in ["/token", "/readyz", "/.well-known/jwks.json", "/"] {
        assert_eq!(status(&format!("http://{admin}{path}")).await, Some(404), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_says_a_status_and_nothing_else() {
    let binary = Binary::start(&Database::Sqlite).await;
    for path in ["/livez", "/readyz"] {
        let reply = http().get(format!("{}{path}", binary.issuer())).send().await.unwrap();
        assert_eq!(reply.status(), 200);
        assert!(reply.headers().get("server").is_none());
        assert_eq!(reply.text().await.unwrap(), "");
    }
}

/// A token request of which the server has the first half, on a connection of its own.
struct Half {
    stream: TcpStream,
    rest: String,
}

impl Half {
    async fn send(address: &str, body: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let (first, rest) = body.split_at(body.len() / 2);
        let head = format!(
            "POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{first}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        Self { stream, rest: rest.to_owned() }
    }

    async fn finish(mut self) -> String {
        self.stream.write_all(self.rest.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r09_it_says_that_it_is_not_ready_finishes_what_runs_and_exits_0() {
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    cli.set("MAPAE_SHUTDOWN_DELAY", "2s");
    let mut binary = cli.serve().await;
    binary.user("alice", PASSWORD).await;
    let arguments = ClientArguments::public(&["password", "refresh_token"]).with("--scope", "read");
    let app = binary.register("app", &arguments).await;
    let (_, token) = app.password("read").await.pair();
    let address = binary.cli.get("MAPAE_LISTEN").to_owned();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", &token), ("client_id", "app")];
    let half = Half::send(&address, &form(&fields)).await;
    let url = |path: &str| format!("http://{address}{path}");
    assert_eq!(status(&url("/readyz")).await, Some(200));
    binary.terminate().await;
    eventually("not ready", async || status(&url("/readyz")).await == Some(503)).await;
    assert_eq!(status(&url("/livez")).await, Some(200), "it lives and serves while it drains");
    app.password("read").await.ok();
    eventually("the listener closes", async || TcpStream::connect(&address).await.is_err()).await;
    assert!(binary.child.try_wait().unwrap().is_none(), "it waits for what runs");
    let answer = half.finish().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(binary.ended().await, Some(0));
    binary.restart().await;
    app.refresh(body["refresh_token"].as_str().unwrap()).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r09_who_hangs_is_not_waited_for_beyond_the_deadline() {
    for (deadline, twice) in [("1s", false), ("20s", true)] {
        let mut cli = Cli::prepared(&Database::Sqlite).await;
        cli.set("MAPAE_SHUTDOWN_DEADLINE", deadline);
        let mut binary = cli.serve().await;
        let address = binary.cli.get("MAPAE_LISTEN").to_owned();
        let _hanging = Half::send(&address, "grant_type=password").await;
        binary.terminate().await;
        eventually("the listener closes", async || TcpStream::connect(&address).await.is_err())
            .await;
        if twice {
            binary.terminate().await;
        }
        let ended = tokio::time::timeout(Duration::from_mins(1), binary.ended()).await;
        assert_eq!(ended.expect("in time"), Some(0), "{deadline}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_can_be_reached_can_be_told_to_stop() {
    let cli = Cli::new(&Database::Sqlite).await;
    for attempt in 0..3 {
        let mut child = cli.command(&["serve"]).stdin(Stdio::null()).spawn().expect("the binary");
        let address = cli.get("MAPAE_LISTEN").to_owned();
        eventually("it listens", async || TcpStream::connect(&address).await.is_ok()).await;
        terminate(&child).await;
        let ended = tokio::time::timeout(Duration::from_mins(1), child.wait()).await;
        let status = ended.expect("in time").expect("an end");
        assert_eq!(status.code(), Some(0), "attempt {attempt}: {status}");
    }
}
