//! Failures of the database: nothing that was acknowledged is lost, no request hangs, and the
//! server recovers by itself.

use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::{ConnectOptions, ConnectionTrait, Database as Sea, TransactionTrait};
use tokio::process::Command;

use crate::support::{
    App, Binary, Browser, CALLBACK, Cli, ClientArguments, Database, Evidence, PASSWORD, Pooler,
    Relay, Reply, Server, both, decode_header, eventually, free_port, http, postgres_or_skip,
};

/// Everything has ended long before.
const TIMEOUT: Duration = Duration::from_mins(1);

async fn status(url: &str) -> Option<u16> {
    http().get(url).send().await.ok().map(|response| response.status().as_u16())
}

async fn is_ready(issuer: &str) -> bool {
    status(&format!("{issuer}/readyz")).await == Some(200)
}

async fn ask(app: &App, access: &str) -> Reply {
    app.post("/introspect", &[("token", access)]).await
}

/// Lets a process write files of this size at most, as on a disk that is full.
async fn limit_files(process: u32, most: &str) {
    let arguments = ["--pid", &process.to_string(), &format!("--fsize={most}:unlimited")];
    let set = Command::new("prlimit").args(arguments).status().await.expect("prlimit");
    assert!(set.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_full_disk_everything_that_is_acknowledged_is_in_the_file() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_THROTTLE_ACCOUNT_AT_ADDRESS_FAILURES", "2");
    // The signal of the limit would end the process; a disk sends none.
    let mut command = cli.command_under("sh", &["-c", "trap '' XFSZ; exec \"$0\" serve"], &[]);
    let child = command.stderr(cli.log_file()).spawn().expect("the binary");
    cli.is_ready().await;
    let issuer = cli.get("MAPAE_ISSUER").to_owned();
    let process = child.id().expect("a process");
    let mut binary = Binary { cli, child };
    binary.user("alice", PASSWORD).await;
    let app = binary.register("app", &ClientArguments::by_password()).await;
    let (_, token) = app.password("openid").await.pair();

    limit_files(process, "4096").await;
    for _ in 0..3 {
        let full = app.refresh(&token).await;
        assert_eq!(full.status, 503, "{full:?}");
        assert!(!full.header("retry-after").is_empty());
        assert_eq!(app.password("openid").await.status, 503);
    }
    eventually("not ready", async || !is_ready(&issuer).await).await;

    limit_files(process, "unlimited").await;
    eventually("ready by itself", async || is_ready(&issuer).await).await;
    // A transaction that rolls back.
    for _ in 0..4 {
        app.password_as("alice", "wrong", "openid").await;
    }
    let (_, token) = app.refresh(&token).await.pair();
    let evidence = binary.evidence().await;
    let families = evidence.count("SELECT count(*) AS n FROM family").await;
    let mut other = Vec::new();
    for round in 1..=3 {
        let name = format!("person{round}");
        binary.user(&name, PASSWORD).await;
        other.push(app.password_as(&name, PASSWORD, "openid").await.pair().1);
        let count = evidence.count("SELECT count(*) AS n FROM family").await;
        assert_eq!(count, families + round, "a second connection sees what was acknowledged");
    }
    let (_, token) = app.refresh(&token).await.pair();
    binary.kill().await;
    binary.restart().await;
    app.refresh(&token).await.ok();
    for token in other {
        app.refresh(&token).await.ok();
    }
}

/// The deadlines of a server to which nobody gave others, but for that of a statement.
fn deadlines(statement: &str) -> [(&'static str, &str); 4] {
    [
        ("http.request_timeout", "20s"),
        ("database.pool_wait", "3s"),
        ("database.statement_timeout", statement),
        ("database.lock_timeout", "2s"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_go_deaf_hold_nobody_for_longer_than_the_deadline() {
    let Some(database) = postgres_or_skip() else { return };
    let relay = Relay::to(&database).await;
    let server = Server::start_with(&relay.database(&database), &deadlines("2s")).await;
    server.alice().await;
    let app = server.client("app", |_| {}).await;
    let (access, token) = app.password("openid").await.pair();
    for _ in 0..2 {
        relay.go_deaf();
        // Whoever meets such a connection is refused in time, and nobody after that.
        let asking = (0..40).map(|_| ask(&app, &access));
        let answers = tokio::time::timeout(TIMEOUT, join_all(asking)).await.expect("answers");
        assert!(answers.iter().all(|answer| [200, 503].contains(&answer.status.as_u16())));
        let refreshing = (0..10).map(|_| app.refresh(&token));
        let answers = tokio::time::timeout(TIMEOUT, join_all(refreshing)).await.expect("answers");
        assert!(answers.iter().all(|answer| [200, 503].contains(&answer.status.as_u16())));
        assert!(app.is_active(&access).await);
        app.refresh(&token).await.ok();
    }
    relay.go_deaf_to_all();
    eventually("not ready", async || !is_ready(server.issuer()).await).await;
    assert_eq!(ask(&app, &access).await.status, 503);
    relay.open();
    // Those that are silent are closed by us.
    eventually("ready by itself", async || is_ready(server.issuer()).await).await;
    eventually("served", async || ask(&app, &access).await.status == 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooled_connection_that_died_costs_nobody_an_answer() {
    let Some(database) = postgres_or_skip() else { return };
    let relay = Relay::to(&database).await;
    let server = Server::start(&relay.database(&database)).await;
    server.alice().await;
    let app = server.client("app", |_| {}).await;
    let (access, token) = app.password("openid").await.pair();
    for _ in 0..5 {
        relay.shut().await;
        relay.open();
        assert!(app.is_active(&access).await);
        relay.shut().await;
        relay.open();
        app.refresh(&token).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_is_away_everybody_is_told_so_and_afterwards_served() {
    let Some(database) = postgres_or_skip() else { return };
    let relay = Relay::to(&database).await;
    let server = Server::start_with(&relay.database(&database), &deadlines("5s")).await;
    server.alice().await;
    let app = server.client("app", |_| {}).await;
    let (access, token) = app.password("openid").await.pair();
    relay.shut().await;
    for _ in 0..3 {
        let asking = (0..200).map(|_| ask(&app, &access));
        let answers = tokio::time::timeout(TIMEOUT, join_all(asking)).await.expect("answers");
        assert!(answers.iter().all(|answer| answer.status == 503));
        assert!(answers.iter().all(|answer| !answer.header("retry-after").is_empty()));
    }
    eventually("not ready", async || !is_ready(server.issuer()).await).await;
    relay.open();
    eventually("ready", async || is_ready(server.issuer()).await).await;
    app.refresh(&token).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_another_session_is_not_waited_for_beyond_the_deadline() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start_with(&database, &deadlines("1s")).await;
    server.alice().await;
    let app = server.client("app", |_| {}).await;
    let (access, token) = app.password("openid").await.pair();
    let other = Sea::connect(server.database_url()).await.expect("the database");
    #[expect(clippy::disallowed_methods, reason = "another session")]
    let lock = other.begin().await.expect("a transaction");
    let every = "LOCK TABLE family, account IN ACCESS EXCLUSIVE MODE";
    lock.execute_unprepared(every).await.expect("locked");
    for _ in 0..3 {
        let answers = join_all((0..30).map(|number| {
            let (app, access, token) = (&app, &access, &token);
            async move {
                if number % 2 == 0 { app.refresh(token).await } else { ask(app, access).await }
            }
        }));
        let answers = tokio::time::timeout(TIMEOUT, answers).await.expect("answers");
        assert!(answers.iter().all(|answer| answer.status == 503), "{answers:?}");
    }
    lock.rollback().await.expect("freed");
    eventually("served", async || ask(&app, &access).await.status == 200).await;
    app.refresh(&token).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_written_to_is_not_ready_and_passed_over() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start_with(&database, &deadlines("5s")).await;
    server.alice().await;
    let app = server.client("app", |_| {}).await;
    let (access, token) = app.password("openid").await.pair();
    let (_, name) = server.database_url().rsplit_once('/').expect("a name");
    // One connection: it has to be the one that was made writable before.
    let mut options = ConnectOptions::new(server.database_url());
    options.max_connections(1).sqlx_logging(false);
    let other = Sea::connect(options).await.expect("the database");
    let read_only = async |is: &str| {
        let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = {is}");
        other.execute_unprepared("SET default_transaction_read_only = off").await.expect("set");
        other.execute_unprepared(&set).await.expect("set");
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        );
        other.execute_unprepared(&cut).await.expect("cut off");
    };
    read_only("on").await;
    eventually("not ready", async || !is_ready(server.issuer()).await).await;
    assert!(app.is_active(&access).await, "what needs no write is answered");
    let refused = app.refresh(&token).await;
    assert!(refused.status == 503 && !refused.header("retry-after").is_empty(), "{refused:?}");
    read_only("off").await;
    eventually("ready", async || is_ready(server.issuer()).await).await;
    app.refresh(&token).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_hosts_the_first_that_answers_is_taken() {
    let Some(database) = postgres_or_skip() else { return };
    let (first, second) = (Relay::to(&database).await, Relay::to(&database).await);
    let Database::Postgres { url, .. } = &database else { return };
    let user = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).expect("a user").0;
    let hosts = format!("postgres://{user}@{},{}", first.address, second.address);
    let folder = tempfile::tempdir().expect("a folder");
    let fresh = database.fresh(&folder).await;
    let name = fresh.rsplit_once('/').expect("a name").1;
    let cli = {
        let mut cli = Cli::new(&Database::Sqlite).await;
        let read_write = "target_session_attrs=read-write";
        cli.set("MAPAE_DATABASE_URL", format!("{hosts}/{name}?{read_write}"));
        cli
    };
    first.shut().await;
    let binary = cli.serve().await;
    binary.user("alice", PASSWORD).await;
    let app = binary.register("app", &ClientArguments::by_password()).await;
    let (_, token) = app.password("openid").await.pair();
    first.open();
    second.shut().await;
    let (_, token) = app.refresh(&token).await.pair();
    second.open();
    first.shut().await;
    app.refresh(&token).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_deleted_is_not_ready_and_takes_no_writes() {
    let server = Server::start(&Database::Sqlite).await;
    server.alice().await;
    let app = server.client("app", |_| {}).await;
    let (_, token) = app.password("openid").await.pair();
    let path = server.database_url().trim_start_matches("sqlite://").to_owned();
    let aside = format!("{path}.aside");
    std::fs::rename(&path, &aside).expect("moved");
    eventually("not ready", async || !is_ready(server.issuer()).await).await;
    let refused = app.refresh(&token).await;
    assert!(refused.status == 503, "{refused:?}");
    std::fs::rename(&aside, &path).expect("moved back");
    eventually("ready", async || is_ready(server.issuer()).await).await;
    app.refresh(&token).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_clean_end_the_one_file_holds_everything() {
    let mut binary = Binary::start(&Database::Sqlite).await;
    binary.user("alice", PASSWORD).await;
    binary.terminate().await;
    assert_eq!(binary.ended().await, Some(0));
    let folder = binary.cli.folder.path().to_owned();
    let alone = async |copy: &str| {
        let copy = folder.join(copy);
        std::fs::copy(folder.join("mapae.db"), &copy).expect("copied");
        let evidence = Evidence::at(&format!("sqlite://{}", copy.display())).await;
        evidence.count("SELECT count(*) AS n FROM account").await
    };
    assert_eq!(alone("after-serving.db").await, 1);
    // The command line ends as cleanly.
    binary.user("bob", PASSWORD).await;
    assert_eq!(alone("after-a-verb.db").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_for_postgres_and_says_once_for_whom() {
    let Some(database) = postgres_or_skip() else { return };
    let relay = Relay::to(&database).await;
    relay.shut().await;
    let folder = tempfile::tempdir().expect("a folder");
    let fresh = database.fresh(&folder).await;
    let name = fresh.rsplit_once('/').expect("a name").1;
    let mut cli = Cli::new(&Database::Sqlite).await;
    let secret = "hunter2";
    cli.set("MAPAE_DATABASE_URL", format!("postgres://mapae:{secret}@{}/{name}", relay.address));
    // Verbs do not wait.
    let said = cli.run(&["user", "list"], None).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(said.err.matches(&relay.address).count(), 1, "{said:?}");
    assert!(!said.err.contains(secret), "{said:?}");
    // Nor does a start that is told not to.
    cli.set("MAPAE_DATABASE_WAIT", "0");
    let nobody = free_port();
    let way = cli.get("MAPAE_DATABASE_URL").to_owned();
    cli.set("MAPAE_DATABASE_URL", format!("postgres://mapae:{secret}@127.0.0.1:{nobody}/{name}"));
    let said = cli.run(&["serve"], None).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(said.err.matches(&format!("127.0.0.1:{nobody}")).count(), 1, "{said:?}");
    assert_eq!(said.err.matches("refused").count(), 1, "{said:?}");
    assert!(!said.err.contains(secret) && !said.err.contains("at line"), "{said:?}");
    cli.set("MAPAE_DATABASE_URL", way);
    cli.set("MAPAE_DATABASE_WAIT", "60s");
    let log = cli.folder.path().join("waiting.log");
    let child = {
        let file = std::fs::File::create(&log).expect("a log");
        cli.command(&["serve"]).stderr(file).spawn().expect("the binary")
    };
    let told = || std::fs::read_to_string(&log).expect("a log");
    eventually("it says that it waits", async || told().contains("waiting for the database")).await;
    relay.open();
    cli.is_ready().await;
    assert_eq!(told().matches("waiting for the database").count(), 1, "{}", told());
    assert!(!told().contains(secret), "{}", told());
    drop(child);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_reached_by_ipv6_and_by_a_socket() {
    let Some(database) = postgres_or_skip() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let fresh = database.fresh(&folder).await;
    let name = fresh.rsplit_once('/').expect("a name").1;
    let six = Relay::at(&database, "[::1]:0").await;
    let socket = Relay::by_socket(&database, folder.path());
    for url in [
        format!("postgres://mapae@{}/{name}", six.address),
        format!("postgres://mapae@/{name}?host={}", socket.address),
        format!("postgres:///{name}?user=mapae&host={}", socket.address),
    ] {
        let mut cli = Cli::new(&Database::Sqlite).await;
        cli.set("MAPAE_DATABASE_URL", &url);
        cli.json(&["migrate", "up"], None).await;
        let said = cli.json(&["user", "list"], None).await;
        assert!(said["users"].is_array(), "{url}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_that_cannot_be_read_is_never_printed() {
    for url in [
        "postgres://mapae:hunter2@db:99999/mapae",
        "postgres://mapae:hunter2@db:$(PORT)/mapae",
        "postgres://mapae:hunter2/x@db/mapae",
        "postgres://hunter2:5432/x@db/mapae",
        "postgres://mapae:hunter2@db/mapae?sslmode=hunter2",
        "hunter2",
    ] {
        let mut cli = Cli::new(&Database::Sqlite).await;
        cli.set("MAPAE_DATABASE_URL", url);
        for verb in [
            &["serve"][..],
            &["doctor"],
            &["user", "list"],
            &["migrate", "status"],
            &["migrate", "up"],
            &["config", "check"],
            &["config", "show"],
            &["key", "list"],
        ] {
            let said = cli.run(verb, None).await;
            let all = format!("{}{}", said.out, said.err);
            assert!(!all.contains("hunter2"), "{verb:?} {url}: {said:?}");
            assert!(
                verb == ["config", "show"] || all.contains("database.url"),
                "{verb:?}: {said:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_prepared_statements_it_works_behind_a_pooler_of_transactions() {
    let Some(database) = postgres_or_skip() else { return };
    let Some(pooler) = Pooler::before(&database).await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let fresh = database.fresh(&folder).await;
    let name = fresh.rsplit_once('/').expect("a name").1;
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_DATABASE_URL", format!("postgres://mapae@{}/{name}", pooler.address));
    cli.set("MAPAE_DATABASE_PREPARED_STATEMENTS", "false");
    // The tables are made through the pooler, too, by the first of two that want to.
    let (one, other) =
        tokio::join!(cli.run(&["migrate", "up"], None), cli.run(&["migrate", "up"], None));
    assert!(one.code == 0 && other.code == 0, "{one:?} {other:?}");
    let expired = Evidence::at(&fresh).await;
    // One row was over long ago, the other one is not over for a replica whose clock is behind.
    let rows = "INSERT INTO throttle (key, empty_at) VALUES ('\\x07', 0), \
                ('\\x08', (extract(epoch FROM now() - interval '2 min') * 1000)::bigint)";
    expired.run(rows).await;
    let mut binary = cli.serve().await;
    let all = "SELECT count(*) AS n FROM throttle";
    eventually("it cleans up", async || expired.count(all).await == 1).await;
    let left = "SELECT count(*) AS n FROM throttle WHERE key = '\\x08'";
    assert_eq!(expired.count(left).await, 1);
    binary.user("alice", PASSWORD).await;
    let web = ClientArguments::confidential(&["authorization_code", "refresh_token"]).first_party();
    let web = web.with("--redirect-uri", CALLBACK).with("--scope", "openid");
    let web = binary.register("web", &web).await;
    let mut browser = Browser::new(&web.base, &http());
    let (access, refresh) = web.exchange(&browser.code(&web).await).await.pair();
    assert!(web.is_active(&access).await);
    web.refresh(&refresh).await.ok();
    let app = binary.register("app", &ClientArguments::by_password()).await;
    let mut tokens = Vec::new();
    for _ in 0..8 {
        tokens.push(app.password("openid").await.pair());
    }
    for round in 0..4 {
        // Others use the server's connections, too, and so does this server after its restart.
        if round == 2 {
            let before = decode_header(&tokens[0].0)["kid"].clone();
            binary.cli(&["key", "rotate", "--now"], None).await;
            eventually("a new key signs", async || {
                let (access, _) = app.password("openid").await.pair();
                decode_header(&access)["kid"] != before
            })
            .await;
            binary.terminate().await;
            assert_eq!(binary.ended().await, Some(0));
            binary.restart().await;
        }
        let live = join_all(tokens.iter().map(|(access, _)| app.is_active(access))).await;
        assert!(live.iter().all(|live| *live));
        let refreshed = join_all(tokens.iter().map(|(_, token)| app.refresh(token))).await;
        tokens = refreshed.into_iter().map(Reply::pair).collect();
    }
    let log = binary.whole_log().await;
    assert!(!log.contains("prepared statement"), "{log}");
}

both! {
    async fn what_is_cleaned_up_is_found_by_an_index(database) {
        let server = Server::start(&database).await;
        let evidence = server.evidence().await;
        for (table, column) in [
            ("throttle", "empty_at"),
            ("used_assertion", "expires_at"),
            ("revoked_access_token", "expires_at"),
            ("authorization_code", "expires_at"),
            ("interaction", "expires_at"),
            ("session", "expires_at"),
            ("session", "idle_ends_at"),
            ("browser", "expires_at"),
            ("family", "expires_at"),
            ("audit_event", "at"),
            ("known_address", "seen_at"),
        ] {
            let sql = match database {
                Database::Sqlite => format!(
                    "SELECT count(*) AS n FROM pragma_index_list('{table}') AS list, \
                     pragma_index_info(list.name) AS info WHERE info.seqno = 0 AND info.name = '{column}'"
                ),
                Database::Postgres { .. } => format!(
                    "SELECT count(*) AS n FROM pg_indexes WHERE tablename = '{table}' \
                     AND (indexdef LIKE '%({column})' OR indexdef LIKE '%({column},%')"
                ),
            };
            assert!(evidence.count(&sql).await > 0, "{table}.{column} has no index");
        }
    }
}
