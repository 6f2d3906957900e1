//! The optional Redis: it counts for all replicas, and nobody notices when it is lost.

use std::sync::Arc;

use futures_util::future::join_all;
use mapae::redis_client::{Redis, RedisServer as Place};
use tokio::sync::Notify;

use crate::support::certificates::Authority;
use crate::support::{
    App, Binary, Cli, Database, RedisServer, Reply, Server, eventually, free_port, http,
    postgres_or_skip,
};

const GRANT: [(&str, &str); 1] = [("grant_type", "client_credentials")];

/// An installation that allows so many requests of a client, with this Redis.
async fn installation(database: &Database, redis: &str, rate: &str) -> Cli {
    let mut cli = Cli::prepared(database).await;
    cli.set("MAPAE_ADMIN_LISTEN", format!("127.0.0.1:{}", free_port()));
    cli.set("MAPAE_REDIS_URL", redis);
    cli.set("MAPAE_RATE_LIMIT_CLIENT", rate);
    cli
}

async fn app(binary: &Binary, id: &str) -> App {
    binary.client(id, &["--kind", "confidential", "--grant", "client_credentials"]).await
}

/// Whether the server says that Redis answers.
async fn is_up(binary: &Binary) -> bool {
    let metrics = format!("http://{}/metrics", binary.cli.get("MAPAE_ADMIN_LISTEN"));
    let metrics = http().get(metrics).send().await.expect("metrics").text().await.expect("text");
    metrics.lines().any(|line| line == "mapae_redis_up 1")
}

async fn counted_in_database(binary: &Binary) -> i64 {
    binary.evidence().await.count("SELECT count(*) AS n FROM rate_limit").await
}

/// How many of so many requests were allowed; nobody gets any other answer than 200 and 429.
async fn allowed(apps: &[&App], many: usize) -> usize {
    let all = (0..many).map(|number| apps[number % apps.len()].token(&GRANT));
    let replies: Vec<Reply> = join_all(all).await;
    for reply in &replies {
        assert!(reply.status == 200 || reply.status == 429, "{} {}", reply.status, reply.text);
        let waits = reply.header("retry-after").parse::<u64>().is_ok();
        assert_eq!(reply.status == 429, waits);
    }
    replies.iter().filter(|reply| reply.status == 200).count()
}

async fn ready(binary: &Binary) -> u16 {
    let ready = http().get(format!("{}/readyz", binary.issuer())).send().await;
    ready.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_issuers_at_one_redis_count_for_themselves() {
    let Some(redis) = RedisServer::start().await else { return };
    for _ in 0..2 {
        let server = installation(&Database::Sqlite, &redis.url(), "10/1h").await.serve().await;
        let app = app(&server, "app").await;
        let many = allowed(&[&app], 40).await;
        // On a very busy machine Redis may not have answered in time.
        if counted_in_database(&server).await == 0 {
            assert_eq!(many, 10);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_share_one_count() {
    let Some(database) = postgres_or_skip() else { return };
    let Some(redis) = RedisServer::start().await else { return };
    let first = installation(&database, &redis.url(), "10/1h").await.serve().await;
    let mut second = Cli::replica_of(&first).await;
    second.set("MAPAE_REDIS_URL", redis.url());
    second.set("MAPAE_RATE_LIMIT_CLIENT", "10/1h");
    let second = second.serve().await;
    for round in 0..20 {
        let here = app(&first, &format!("app{round}")).await;
        let there = here.at(&format!("http://{}", second.cli.get("MAPAE_LISTEN")));
        let many = allowed(&[&here, &there], 40).await;
        // On a very busy machine Redis may not have answered in time.
        if counted_in_database(&first).await == 0 {
            assert_eq!(many, 10);
            let keys = redis.cli(&["KEYS", "mapae:rate:*"]).await;
            assert!((1..=1 + round).contains(&keys.lines().count()), "{keys}");
            assert!(!keys.contains("app"), "{keys}");
            let key = keys.lines().next().expect("a key");
            let life: i64 = redis.cli(&["TTL", key]).await.parse().expect("seconds");
            assert!((1..=3600).contains(&life), "{life}");
            return;
        }
        first.evidence().await.run("DELETE FROM rate_limit").await;
        eventually("Redis is back", async || is_up(&first).await).await;
    }
    panic!("Redis was never quick enough");
}

async fn lost_and_found(database: Database, stops: bool) {
    let Some(mut redis) = RedisServer::start().await else { return };
    let binary = installation(&database, &redis.url(), "10/1h").await.serve().await;
    let app = app(&binary, "app").await;
    eventually("Redis answers", async || is_up(&binary).await).await;
    assert!((10..=20).contains(&allowed(&[&app], 30).await));
    assert_eq!(allowed(&[&app], 3).await, 0, "the limit is used up");
    binary.evidence().await.run("DELETE FROM rate_limit").await;
    if stops {
        redis.signal("-STOP").await;
    } else {
        redis.kill().await;
    }
    // The database begins at zero: so many are allowed once more, and no one more than that.
    assert_eq!(allowed(&[&app], 30).await, 10);
    assert_eq!((ready(&binary).await, is_up(&binary).await), (200, false));
    assert_eq!(counted_in_database(&binary).await, 1);
    assert_eq!(allowed(&[&app], 3).await, 0);
    if stops {
        redis.signal("-CONT").await;
    } else {
        redis.restart().await;
    }
    eventually("Redis is back", async || is_up(&binary).await).await;
    let keys = "mapae:rate:*";
    redis.cli(&["FLUSHALL"]).await;
    eventually("Redis counts again", async || {
        let _ = allowed(&[&app], 1).await;
        !redis.cli(&["KEYS", keys]).await.is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_redis_that_was_stopped() {
    lost_and_found(Database::Sqlite, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_refused_because_redis_was_killed() {
    let Some(database) = postgres_or_skip() else { return };
    lost_and_found(database, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_without_its_redis_and_uses_it_when_it_comes() {
    let port = free_port();
    let url = format!("redis://127.0.0.1:{port}");
    let binary = installation(&Database::Sqlite, &url, "5/1h").await.serve().await;
    let app = app(&binary, "app").await;
    assert_eq!((ready(&binary).await, is_up(&binary).await), (200, false));
    assert_eq!(allowed(&[&app], 9).await, 5);
    let Some(redis) = RedisServer::start_at(port, &[]).await else { return };
    eventually("Redis is found", async || is_up(&binary).await).await;
    // A Redis that cannot be written to counts as lost.
    redis.cli(&["REPLICAOF", "127.0.0.1", "1"]).await;
    eventually("a replica is of no use", async || !is_up(&binary).await).await;
    redis.cli(&["REPLICAOF", "NO", "ONE"]).await;
    eventually("it can be written to again", async || is_up(&binary).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_reached_over_tls_with_a_password_from_a_file() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    let pair = authority.issue(&["localhost"]);
    let files = [("ca", authority.pem()), ("cert", &pair.certificate), ("key", &pair.key)];
    let [ca, cert, key] = files.map(|(name, text)| {
        let path = folder.path().join(name);
        crate::support::write_secret(&path, text);
        path.display().to_string()
    });
    let port = free_port();
    let tls = ["--port", "0", "--tls-port", &port.to_string(), "--tls-auth-clients", "no"]
        .map(str::to_owned);
    let mut arguments: Vec<&str> = tls.iter().map(String::as_str).collect();
    arguments.extend(["--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &ca]);
    arguments.extend(["--requirepass", "hunter2"]);
    let Some(_redis) = RedisServer::start_at(port, &arguments).await else { return };
    let url_file = folder.path().join("url");
    crate::support::write_secret(&url_file, format!("rediss://:hunter2@localhost:{port}/1\n"));
    let mut cli = installation(&Database::Sqlite, "", "5/1h").await;
    cli.environment.retain(|(name, _)| name != "MAPAE_REDIS_URL");
    cli.set("MAPAE_REDIS_URL_FILE", url_file.display().to_string());
    cli.set("MAPAE_OUTBOUND_CA_FILE", ca);
    let binary = cli.serve().await;
    eventually("Redis answers", async || is_up(&binary).await).await;
    let app = app(&binary, "app").await;
    assert!((5..=10).contains(&allowed(&[&app], 20).await));
    assert!(!binary.log().contains("hunter2"));
    // The certificate is checked.
    let place = Place::parse(&format!("rediss://:hunter2@127.0.0.1:{port}")).expect("a URL");
    let other = Redis::new(&place, Some(std::path::Path::new(&cert))).expect("a client");
    other.look().await;
    assert!(other.publish("x").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_and_servers_tell_other_replicas_that_something_changed() {
    let Some(redis) = RedisServer::start().await else { return };
    let settings = [("redis.url", redis.url())];
    let settings = settings.each_ref().map(|(key, value)| (*key, value.as_str()));
    let server = Server::start_with(&Database::Sqlite, &settings).await;
    let channel = async || redis.cli(&["PUBSUB", "CHANNELS", "mapae:changed:*"]).await;
    eventually("the server listens", async || !channel().await.is_empty()).await;
    // Another replica would listen like this.
    let place = Place::parse(&redis.url()).expect("a URL");
    let other = Redis::new(&place, None).expect("a client");
    other.look().await;
    let (hint, name) = (Arc::new(Notify::new()), channel().await);
    let listening = tokio::spawn({
        let (other, hint, name) = (other.clone(), Arc::clone(&hint), name.clone());
        async move { other.listen(&name, &hint).await }
    });
    // Whoever begins to listen looks, because it may have missed something.
    hint.notified().await;
    let mut cli = server.cli().await;
    cli.set("MAPAE_REDIS_URL", redis.url());
    cli.json(&["client", "create", "--id", "app", "--name", "App", "--kind", "public"], None).await;
    hint.notified().await;
    server
        .inner
        .services()
        .keyring
        .rotate(&[mapae::domain::client::TokenAlg::Es256], false)
        .await
        .unwrap();
    hint.notified().await;
    // The connection ends, and it listens again by itself.
    redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    hint.notified().await;
    listening.abort();
}
