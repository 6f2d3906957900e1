//! Nothing waits longer than the request that it is done for: the database, a thread and a server of
//! somebody else may all be silent, and the answer is 503 in time.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use mapae::domain::clock::Clock;
use mapae::domain::deadline::Deadline;
use mapae::domain::request::{Request, RequestId, within};
use mapae::store::{Options, Reader, Store, migrate};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::net::TcpListener;

use crate::support::{
    App, Browser, Database, PASSWORD, Relay, Reply, Server, USERNAME, eventually, postgres_or_skip,
};

/// The time-out of a patient client.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Nothing but the request itself has an end in less than ten minutes.
const OF_THE_REQUEST: [(&str, &str); 4] = [
    ("http.request_timeout", "5s"),
    ("database.pool_wait", "10m"),
    ("database.statement_timeout", "10m"),
    ("database.lock_timeout", "10m"),
];

/// Everybody is told to come again.
#[track_caller]
fn are_told_to_come_again(replies: &[Reply]) {
    for reply in replies {
        assert!(reply.status == 503 && !reply.header("retry-after").is_empty(), "{reply:?}");
    }
}

/// Tokens of somebody who signed in, on a machine that may have much else to do.
async fn tokens(app: &App) -> (String, String) {
    for _ in 0..9 {
        let reply = app.password("openid").await;
        if reply.status == 200 {
            return reply.pair();
        }
    }
    app.password("openid").await.pair()
}

/// Somebody at the sign-in page.
async fn at_the_sign_in_page(server: &Server) -> (Browser, crate::support::Page) {
    let app = server.web_app("web", |client| client.metadata.first_party = true).await;
    let mut browser = server.browser();
    let page = browser.open(&app.authorization_url(&[])).await;
    (browser, page)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_hangs_holds_no_request_beyond_its_deadline() {
    let Some(database) = postgres_or_skip() else { return };
    let relay = Relay::to(&database).await;
    let server = Server::start_with(&relay.database(&database), &OF_THE_REQUEST).await;
    server.alice().await;
    let app = server.client("app", |_| {}).await;
    let (access, refresh) = tokens(&app).await;
    let (mut browser, page) = at_the_sign_in_page(&server).await;
    relay.go_deaf_to_all();
    let asking = async {
        let sign_in = async { browser.sign_in_as(&page, USERNAME, PASSWORD).await.reply };
        let introspect = async || app.post("/introspect", &[("token", &access)]).await;
        // More than there are connections: some wait for one.
        let many = join_all((0..30).map(|_| introspect()));
        let (token, refreshed, sign_in, mut all) =
            tokio::join!(app.password("openid"), app.refresh(&refresh), sign_in, many);
        all.extend([token, refreshed, sign_in]);
        all
    };
    let answers = tokio::time::timeout(TIMEOUT, asking).await.expect("answers");
    are_told_to_come_again(&answers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_somebody_else_writes_to_holds_no_request_beyond_its_deadline() {
    let server = Server::start_with(&Database::Sqlite, &OF_THE_REQUEST).await;
    server.alice().await;
    let app = server.client("app", |_| {}).await;
    let (access, refresh) = tokens(&app).await;
    let (mut browser, page) = at_the_sign_in_page(&server).await;
    let path = server.database_url().strip_prefix("sqlite://").expect("a file");
    let other = rusqlite::Connection::open(path).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let asking = async {
        let sign_in = async { browser.sign_in_as(&page, USERNAME, PASSWORD).await.reply };
        let (token, refreshed, sign_in) =
            tokio::join!(app.password("openid"), app.refresh(&refresh), sign_in);
        [token, refreshed, sign_in]
    };
    let answers = tokio::time::timeout(TIMEOUT, asking).await.expect("answers");
    are_told_to_come_again(&answers);
    // Whoever only reads is answered.
    assert!(app.is_active(&access).await);
    other.execute_batch("ROLLBACK").expect("freed");
    eventually("served", async || app.password("openid").await.status == 200).await;
}

/// A server that takes connections and says nothing: of a call that has a longer time-out of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_somebody_else_holds_no_request_beyond_its_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let logo = format!("http://{}/logo", silent.local_addr().expect("an address"));
    let settings = [("http.request_timeout", "1s"), ("outbound.allow_private", "true")];
    let server = Server::start_with(&Database::Sqlite, &settings).await;
    server.client("app", |client| client.metadata.logo_uri = Some(logo)).await;
    // Where the call ends by its own time-out there is no logo: 404. A machine that stood still for so
    // long may answer that once.
    eventually("the request ended before", async || {
        server.advance(86_400);
        let asked = server.http.get(server.url("/client-logo/app")).send();
        let answer = asked.await.expect("an answer");
        answer.status() == 503 && answer.headers().contains_key("retry-after")
    })
    .await;
}

/// A fresh database and its URL.
async fn fresh(database: &Database) -> (String, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = database.fresh(&folder).await;
    migrate(&url, &Options::default()).await.expect("the schema");
    (url, folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_to_a_full_queue_for_connections_is_refused_at_once() {
    let (url, _folder) = fresh(&Database::Sqlite).await;
    // The others wait for as long as the test runs.
    let hour = Duration::from_hours(1);
    let options = Options { pool_queue: 1, pool_wait: hour, ..Options::default() };
    let store = Store::open(&url, &options).await.expect("open");
    let now = Clock::system().now();
    let held = store.begin(now).await.expect("the one that writes");
    // As many as may wait: one for each connection, and one more.
    let mut waiting = [Box::pin(store.begin(now)), Box::pin(store.begin(now))];
    for one in &mut waiting {
        assert!(one.as_mut().now_or_never().is_none());
    }
    let refused = store.begin(now).await.expect_err("there is no room");
    assert!(refused.to_string().contains("too many wait"), "{refused}");
    held.commit().await.expect("given back");
    for one in waiting {
        one.await.expect("its turn").commit().await.expect("given back");
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_waits_for_a_lock_as_long_as_the_setting_says() {
    let (url, _folder) = fresh(&Database::Sqlite).await;
    let hour = Duration::from_hours(1);
    let (pool_wait, statement_timeout) = (hour, hour);
    let lock_timeout = Duration::from_millis(100);
    let options = Options { pool_wait, statement_timeout, lock_timeout, ..Options::default() };
    let store = Store::open(&url, &options).await.expect("open");
    let path = url.strip_prefix("sqlite://").expect("a file");
    let other = rusqlite::Connection::open(path).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let refused = store.begin(Clock::system().now()).await.expect_err("it is locked");
    assert!(refused.to_string().contains("locked"), "{refused}");
    other.execute_batch("ROLLBACK").expect("freed");
    store.begin(Clock::system().now()).await.expect("free").commit().await.expect("done");
    store.close().await;
}

/// What a transaction is limited to by the server, in milliseconds.
async fn limits(store: &Store) -> [u32; 3] {
    let tx = store.begin(Clock::system().now()).await.expect("a transaction");
    let names = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"];
    let mut limits = [0; 3];
    for (limit, name) in limits.iter_mut().zip(names) {
        let sql = format!("SELECT setting::int AS n FROM pg_settings WHERE name = '{name}'");
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = tx.connection().query_one_raw(statement).await.expect("asked").expect("a row");
        *limit = row.try_get::<i32>("", "n").expect("a number").try_into().expect("not negative");
    }
    tx.abandon().await;
    limits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_told_the_limits_of_the_settings_and_of_the_request() {
    let Some(database) = postgres_or_skip() else { return };
    let (url, _folder) = fresh(&database).await;
    for prepared_statements in [true, false] {
        let defaults = Options { prepared_statements, ..Options::default() };
        let store = Store::open(&url, &defaults).await.expect("open");
        assert_eq!(limits(&store).await, [4500, 2000, 10_000]);
        // A request with less time than a statement may take.
        let deadline = Deadline::within(Duration::from_secs(4));
        let request = Request::new(RequestId(1, 1), "GET", deadline);
        let [statement, lock, _] = within(request, Box::pin(limits(&store))).await;
        assert!((1..=3600).contains(&statement) && lock <= 2000, "{statement} {lock}");
        // The next one on the same connection has its own.
        assert_eq!(limits(&store).await, [4500, 2000, 10_000]);
        store.close().await;
        let own = Options {
            statement_timeout: Duration::from_secs(20),
            lock_timeout: Duration::from_secs(30),
            idle_in_transaction_timeout: Duration::from_secs(7),
            ..defaults
        };
        let store = Store::open(&url, &own).await.expect("open");
        assert_eq!(limits(&store).await, [18_000, 18_000, 7000]);
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_without_time_left_leaves_the_connections_good() {
    for database in [Some(Database::Sqlite), postgres_or_skip()].into_iter().flatten() {
        let (url, _folder) = fresh(&database).await;
        let options = Options { pool_size: 1, ..Options::default() };
        let store = Store::open(&url, &options).await.expect("open");
        let now = Clock::system().now();
        let late = Request::new(RequestId(1, 1), "GET", Deadline::within(Duration::ZERO));
        for _ in 0..3 {
            let begun = within(late, Box::pin(store.begin(now))).await;
            let refused = begun.expect_err("it is too late");
            assert!(refused.to_string().contains("no time left"), "{refused}");
            store.begin(now).await.expect("for others").commit().await.expect("committed");
        }
        store.close().await;
    }
}
