//! Who fetched the public keys: counted by user agent, told to operators, and a warning before keys
//! change.

use reqwest::header::USER_AGENT;
use serde_json::{Value, json};

use crate::support::{
    Binary, Cli, Database, Evidence, Server, both, eventually, free_port, http, postgres_or_skip,
};

async fn fetch(base: &str, agent: &str) -> reqwest::Response {
    let url = format!("{base}/.well-known/jwks.json");
    http().get(url).header(USER_AGENT, agent).send().await.expect("an answer")
}

async fn kids(base: &str) -> Vec<String> {
    let url = format!("{base}/.well-known/jwks.json");
    // This is not counted.
    let jwks = http().get(url).header(USER_AGENT, mapae::keys::fetchers::LOOKING);
    let jwks: Value = jwks.send().await.unwrap().json().await.unwrap();
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn write(server: &mapae::app::Server) {
    let services = server.services();
    services.key_fetchers.write(&services.store, services.clock.now()).await.expect("written");
}

async fn agents(evidence: &Evidence) -> Vec<String> {
    evidence.column("SELECT agent FROM key_fetcher ORDER BY agent", "agent").await
}

/// What the row of a program says.
async fn row(evidence: &Evidence, agent: &str) -> (Value, i64) {
    let of_it = format!("FROM key_fetcher WHERE agent = '{agent}'");
    let kids = evidence.column(&format!("SELECT kids {of_it}"), "kids").await;
    let last = evidence.count(&format!("SELECT last_at AS n {of_it}")).await;
    (serde_json::from_str(&kids[0]).expect("a list"), last)
}

both! {
    async fn each_fetch_is_noted_by_its_user_agent_a_304_too_and_nothing_else_is(database) {
        let server = Server::start(&database).await;
        let base = server.issuer().to_owned();
        let evidence = server.evidence().await;
        let published = kids(&base).await;
        let answer = fetch(&base, "billing-api").await;
        let etag = answer.headers()["etag"].clone();
        fetch(&base, &"x".repeat(100)).await;
        let url = server.url("/.well-known/jwks.json");
        let request = server.http.get(&url).header("if-none-match", &etag);
        let unchanged = request.header(USER_AGENT, "cached").send().await.unwrap();
        assert_eq!(unchanged.status(), 304);
        server.http.get(&url).send().await.unwrap();
        server.http.head(&url).header(USER_AGENT, "head").send().await.unwrap();
        let preflight = server.http.request(reqwest::Method::OPTIONS, &url);
        preflight.header(USER_AGENT, "preflight").send().await.unwrap();
        write(&server.inner).await;
        let known = agents(&evidence).await;
        assert_eq!(known, ["billing-api", "cached", "none", &"x".repeat(64)]);
        let (fetched, first) = row(&evidence, "billing-api").await;
        assert_eq!(fetched, json!(published));
        // The last fetch counts, whenever it is written.
        server.advance(3600);
        fetch(&base, "billing-api").await;
        write(&server.inner).await;
        assert_eq!(row(&evidence, "billing-api").await.1, first + 3_600_000);
        let columns = evidence.count("SELECT count(*) AS n FROM key_fetcher").await;
        assert_eq!(columns, 4, "no row is added");
    }

    async fn a_thousand_rows_are_the_most_and_the_rest_is_other(database) {
        let server = Server::start(&database).await;
        let services = server.inner.services();
        let keys = services.keyring.snapshot().unwrap();
        let now = services.clock.now();
        let evidence = server.evidence().await;
        for turn in 0..3 {
            for agent in 0..900 {
                let agent = format!("agent-{turn}-{agent:03}");
                services.key_fetchers.note(Some(agent.as_bytes()), keys.published_kids(), now);
            }
            write(&server.inner).await;
        }
        let known = agents(&evidence).await;
        assert_eq!(known.len(), 1000);
        assert!(known.contains(&"other".to_owned()) && known.contains(&"agent-0-899".to_owned()));
        // Who has a row keeps it.
        server.advance(60);
        fetch(server.issuer(), "agent-0-007").await;
        write(&server.inner).await;
        assert_eq!(row(&evidence, "agent-0-007").await.1, server.now().now().timestamp_millis());
    }

    async fn who_did_not_come_for_a_month_is_forgotten(database) {
        let server = Server::start(&database).await;
        fetch(server.issuer(), "gone").await;
        write(&server.inner).await;
        server.advance(29 * 86_400);
        fetch(server.issuer(), "here").await;
        // A stop writes what was noted last.
        let server = server.restart().await;
        let evidence = server.evidence().await;
        assert_eq!(agents(&evidence).await, ["gone", "here"]);
        server.advance(2 * 86_400);
        let server = server.restart().await;
        let evidence = server.evidence().await;
        eventually("cleaned up", async || agents(&evidence).await == ["here"]).await;
    }

    async fn operators_see_who_has_not_fetched_the_next_key_and_rotation_warns(database) {
        let server = Binary::start(&database).await;
        let base = server.issuer();
        let none = server.cli(&["key", "fetchers"], None).await;
        assert_eq!(none, json!({ "fetchers": [] }));
        for agent in ["billing-api", "orders-api"] {
            assert_eq!(fetch(&base, agent).await.status(), 200);
        }
        let fetchers = async || server.cli(&["key", "fetchers"], None).await["fetchers"].clone();
        let is_known = async |count: usize| fetchers().await.as_array().unwrap().len() == count;
        eventually("both are known", async || is_known(2).await).await;
        let old = kids(&base).await;
        // Nobody can have fetched a key that is not there yet.
        let rotate = ["key", "rotate", "--alg", "RS256"];
        let said = server.cli.run(&rotate, None).await;
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
        eventually("the next key shows", async || kids(&base).await.len() == 3).await;
        let words = server.cli.run(&["key", "fetchers"], None).await.out;
        assert!(words.contains("RS256: 0 of 2 fetched the next key, "), "{words}");
        fetch(&base, "orders-api").await;
        eventually("one has it", async || {
            let words = server.cli.run(&["key", "fetchers"], None).await.out;
            words.contains("RS256: 1 of 2 fetched the next key, billing-api ")
        })
        .await;
        let found = fetchers().await;
        let of = |agent: &str| {
            let mut all = found.as_array().unwrap().iter();
            all.find(|one| one["agent"] == agent).cloned().unwrap_or_default()
        };
        let members: Vec<_> = of("billing-api").as_object().unwrap().keys().cloned().collect();
        assert_eq!(members, ["agent", "kids", "last"]);
        assert_eq!(of("billing-api")["kids"], json!(old));
        assert_eq!(of("orders-api")["kids"], json!(kids(&base).await));
        let said = server.cli.run(&["key", "rotate", "--alg", "RS256", "--json"], None).await;
        assert_eq!(said.json()["keys"].as_array().unwrap().len(), 1);
        assert!(said.err.contains("warning: RS256: 1 of 2 fetched the next key, billing-api "), "{said:?}");
        assert!(!said.err.contains("orders-api"), "{said:?}");
        let said = server.cli.run(&["key", "rotate", "--alg", "ES256"], None).await;
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
        // A key that signs at once is new to everybody.
        let said = server.cli.run(&["key", "rotate", "--alg", "ES256", "--now"], None).await;
        assert!(said.code == 0 && said.err.contains("orders-api"), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_add_up_and_the_last_fetch_counts() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    let replica = server.another().await;
    let there = format!("http://{}", replica.address());
    fetch(server.issuer(), "here").await;
    fetch(server.issuer(), "both").await;
    server.advance(10);
    fetch(&there, "there").await;
    fetch(&there, "both").await;
    let last = server.now().now().timestamp_millis();
    let (one, other) = tokio::join!(
        server
            .inner
            .services()
            .key_fetchers
            .write(&server.inner.services().store, server.now().now()),
        replica.services().key_fetchers.write(&replica.services().store, server.now().now()),
    );
    one.and(other).expect("written");
    let evidence = server.evidence().await;
    assert_eq!(agents(&evidence).await, ["both", "here", "there"]);
    assert_eq!(row(&evidence, "both").await.1, last);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metric_says_how_many_fetched_each_key() {
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    cli.set("MAPAE_ADMIN_LISTEN", format!("127.0.0.1:{}", free_port()));
    let server = cli.serve().await;
    let scrape = async || {
        let url = format!("http://{}/metrics", server.cli.get("MAPAE_ADMIN_LISTEN"));
        http().get(url).send().await.expect("metrics").text().await.expect("text")
    };
    let published = kids(&server.issuer()).await;
    let sample = |kid: &str, count: u32| format!("mapae_key_fetchers{{kid=\"{kid}\"}} {count}\n");
    let metrics = scrape().await;
    assert!(published.iter().all(|kid| metrics.contains(&sample(kid, 0))), "{metrics}");
    fetch(&server.issuer(), "one").await;
    fetch(&server.issuer(), "two").await;
    eventually("both are counted", async || {
        let metrics = scrape().await;
        published.iter().all(|kid| metrics.contains(&sample(kid, 2)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_are_served_while_the_database_is_away_and_who_came_is_written_later() {
    let server = Server::start(&Database::Sqlite).await;
    let evidence = server.evidence().await;
    evidence.run("ALTER TABLE key_fetcher RENAME TO away").await;
    fetch(server.issuer(), "patient").await;
    let services = server.inner.services();
    let written = services.key_fetchers.write(&services.store, services.clock.now()).await;
    // The job of the server may have tried first.
    drop(written);
    evidence.run("ALTER TABLE away RENAME TO key_fetcher").await;
    eventually("written after all", async || {
        write(&server.inner).await;
        agents(&evidence).await == ["patient"]
    })
    .await;
}
