//! The metrics: all of them from the first scrape on, in the form that Prometheus asks for; and the
//! dashboard and the alert rules of `deploy`, which name only metrics that exist.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{Binary, Cli, ClientArguments, Database, PASSWORD, free_port, http};
use crate::support::{eventually, required_or_skip};

/// A server whose metrics can be read.
async fn measured() -> Binary {
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    cli.set("MAPAE_ADMIN_LISTEN", format!("127.0.0.1:{}", free_port()));
    cli.serve().await
}

async fn scrape(server: &Binary) -> String {
    let url = format!("http://{}/metrics", server.cli.get("MAPAE_ADMIN_LISTEN"));
    http().get(url).send().await.expect("metrics").text().await.expect("text")
}

/// The value of a sample, as it is written.
fn written<'m>(metrics: &'m str, sample: &str) -> &'m str {
    let line = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{sample} in {metrics}"))
}

fn value(metrics: &str, sample: &str) -> f64 {
    written(metrics, sample).parse().expect("a number")
}

/// The names of all metrics, by their type.
fn names(metrics: &str) -> BTreeSet<&str> {
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split(' ').next()).collect()
}

async fn promtool(arguments: &[&str], input: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus");
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(folder).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        required_or_skip("there is no promtool");
        return None;
    };
    let mut stdin = child.stdin.take().expect("standard input");
    stdin.write_all(input.as_bytes()).await.expect("written");
    drop(stdin);
    let output = child.wait_with_output().await.expect("an end");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    Some(said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_is_there_at_the_first_scrape_and_promtool_finds_nothing_wrong() {
    let server = measured().await;
    let metrics = scrape(&server).await;
    let known = names(&metrics);
    for name in [
        "mapae_http_request_duration_seconds",
        "mapae_hashing_queue",
        "mapae_batch_size",
        "mapae_database_pool",
        "mapae_outbox_pending",
        "mapae_key_age_seconds",
        "mapae_status_lists_served_total",
        "mapae_status_list_build_seconds",
        "mapae_status_list_entries",
        "mapae_revocation_followers",
        "mapae_refresh_reuse_total",
        "mapae_build_info",
        "mapae_spans_lost_total",
        "mapae_otlp_messages_total",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
        "process_threads",
    ] {
        assert!(known.contains(name), "{name} in {metrics}");
        assert!(metrics.contains(&format!("# HELP {name} ")), "{name} has no help");
        let sample = |line: &str| !line.starts_with('#') && line.starts_with(name);
        assert!(metrics.lines().any(sample), "{name} has no sample in {metrics}");
    }
    for alg in ["RS256", "ES256"] {
        let age = |phase: &str| {
            let sample = format!("mapae_key_age_seconds{{alg=\"{alg}\",phase=\"{phase}\"}}");
            written(&metrics, &sample)
        };
        assert!(age("signing").parse::<f64>().expect("a number") > 0.0, "{metrics}");
        assert_eq!(["pending", "retiring", "remembered"].map(age), ["0"; 3]);
    }
    assert!(value(&metrics, "process_open_fds") > 3.0);
    assert!(value(&metrics, "process_resident_memory_bytes") > 1e6);
    assert!(value(&metrics, "process_start_time_seconds") > 1.7e9);
    let said = promtool(&["check", "metrics"], &metrics).await;
    assert_eq!(said.unwrap_or_default(), "", "promtool has nothing to say");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_that_is_used_again_is_counted_and_a_new_key_is_pending() {
    let server = measured().await;
    assert_eq!(written(&scrape(&server).await, "mapae_refresh_reuse_total"), "0");
    server.user("alice", PASSWORD).await;
    let app = server.register("app", &ClientArguments::by_password()).await;
    let (_, first) = app.password("openid").await.pair();
    let (_, second) = app.refresh(&first).await.pair();
    let (_, third) = app.refresh(&second).await.pair();
    app.refresh(&third).await.pair();
    app.refresh(&first).await.refused(400, "invalid_grant");
    assert_eq!(written(&scrape(&server).await, "mapae_refresh_reuse_total"), "1");
    server.cli(&["key", "rotate", "--alg", "ES256"], None).await;
    let pending = "mapae_key_age_seconds{alg=\"ES256\",phase=\"pending\"}";
    eventually("the server knows the new key", async || {
        value(&scrape(&server).await, pending) > 0.0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_lists_and_followers_of_the_feed_are_measured() {
    let server = measured().await;
    let each = ["--kind", "confidential", "--grant", "client_credentials", "--status-list", "each"];
    let scope = ["--scope", "revocations:read"];
    let app = server.client("app", &[&each[..], &scope].concat()).await;
    let grant = [("grant_type", "client_credentials"), ("scope", "revocations:read")];
    let token = app.token(&grant).await.ok().text("access_token");
    let served = "mapae_status_lists_served_total";
    let [sent, unchanged] =
        ["list", "not_modified"].map(|answer| format!("{served}{{answer=\"{answer}\"}}"));
    let before = scrape(&server).await;
    assert_eq!((written(&before, &sent), written(&before, &unchanged)), ("0", "0"));
    let list = format!("{}/status/1", server.issuer());
    let etag = http().get(&list).send().await.expect("a list").headers()["etag"].clone();
    // The list may have become another one meanwhile: its time is over every fifteen seconds.
    let again = http().get(&list).header("if-none-match", &etag).send().await.expect("an answer");
    http().get(format!("{}/status/7", server.issuer())).send().await.expect("an answer");
    let metrics = scrape(&server).await;
    let counted = (written(&metrics, &sent), written(&metrics, &unchanged));
    let is_known = again.status() == 304;
    assert_eq!(counted, if is_known { ("1", "1") } else { ("2", "0") }, "{metrics}");
    assert!(value(&metrics, "mapae_status_list_build_seconds_count") >= 1.0);
    app.revoke(&token).await.ok();
    // Servers take 256 places at once for people, and 64 for the own tokens of a client.
    let places = ["room", "handed_out", "revoked"];
    let places = places.map(|state| format!("mapae_status_list_entries{{state=\"{state}\"}}"));
    eventually("the places are counted", async || {
        let metrics = scrape(&server).await;
        places.each_ref().map(|sample| written(&metrics, sample)) == ["1048576", "320", "1"]
    })
    .await;
    let fresh = app.token(&grant).await.ok().text("access_token");
    let stream = http().get(format!("{}/revocations", server.issuer())).bearer_auth(&fresh);
    let stream = stream.header("accept", "text/event-stream").send().await.expect("a stream");
    let follows = "mapae_revocation_followers{way=\"stream\"}";
    assert_eq!(written(&scrape(&server).await, follows), "1");
    drop(stream);
    eventually("the follower is gone", async || written(&scrape(&server).await, follows) == "0")
        .await;
}

/// The names of metrics in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("mapae_") || word.starts_with("process_")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dashboard_and_the_alert_rules_name_metrics_that_exist_and_promtool_takes_the_rules() {
    let server = measured().await;
    let metrics = scrape(&server).await;
    let known = names(&metrics);
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let read = |file: &str| std::fs::read_to_string(deploy.join(file)).expect("a file");
    let (dashboard, rules) = (read("grafana/mapae.json"), read("prometheus/mapae.rules.yml"));
    for (file, text) in [("the dashboard", &dashboard), ("the rules", &rules)] {
        let used = named(text);
        assert!(used.len() > 10, "{file}: {used:?}");
        for name in used {
            let family =
                ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let is_there = known.contains(name) || family.is_some_and(|name| known.contains(name));
            assert!(is_there, "{file} names {name}, which does not exist");
        }
    }
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let drawn = panels.iter().filter(|panel| panel["type"] != "row");
    for panel in drawn {
        let targets = panel["targets"].as_array().expect("targets");
        let expressions = targets.iter().map(|target| target["expr"].as_str().expect("a query"));
        for expression in expressions {
            assert!(!named(expression).is_empty(), "{}: {expression}", panel["title"]);
        }
    }
    promtool(&["check", "rules", "mapae.rules.yml"], "").await;
    promtool(&["test", "rules", "mapae.rules.test.yml"], "").await;
}
