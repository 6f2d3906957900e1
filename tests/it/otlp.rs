//! Traces and metrics reach a collector (OTLP over HTTP), and a collector that is away or silent
//! costs nothing.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Child;

use crate::interop::toolchain::otlp_collector;
use crate::support::{App, Binary, Cli, ClientArguments, Database, PASSWORD, Reply, eventually};
use crate::support::{form, free_port, http, plain_http, required_or_skip};

/// A collector that reads messages with the definitions of the OpenTelemetry project.
struct Collector {
    _child: Child,
    port: u16,
    messages: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    async fn start() -> Result<Self, String> {
        let mut command = otlp_collector().await?;
        command.stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let stdout = child.stdout.take().expect("standard output");
        let mut lines = BufReader::new(stdout).lines();
        let port = lines.next_line().await.expect("a line").expect("a port");
        let messages = Arc::<Mutex<Vec<Value>>>::default();
        let taken = Arc::clone(&messages);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let message = serde_json::from_str(&line).expect("JSON");
                taken.lock().expect("the messages").push(message);
            }
        });
        Ok(Self { _child: child, port: port.parse().expect("a number"), messages })
    }

    fn has_only(&self, many: usize) -> bool {
        self.messages.lock().expect("the messages").len() == many
    }

    /// Every message until now.
    fn messages(&self) -> Vec<Value> {
        self.messages.lock().expect("the messages").clone()
    }
}

const SPANS: [&str; 3] = ["resourceSpans", "scopeSpans", "spans"];
const METRICS: [&str; 3] = ["resourceMetrics", "scopeMetrics", "metrics"];

/// All things of a kind in the messages, below their resources.
fn all<'m>(messages: &'m [Value], path: &str, [outer, scope, inner]: [&str; 3]) -> Vec<&'m Value> {
    let list = |value: &'m Value, name: &str| value[name].as_array().into_iter().flatten();
    let messages = messages.iter().filter(|message| message["path"] == path);
    let outer = messages.flat_map(|message| list(&message["message"], outer));
    let scopes = outer.flat_map(|one| list(one, scope));
    scopes.flat_map(|one| list(one, inner)).collect()
}

fn attribute<'v>(of: &'v Value, key: &str) -> Option<&'v str> {
    let found = of["attributes"].as_array()?.iter().find(|one| one["key"] == key)?;
    found["value"]["stringValue"].as_str().or_else(|| found["value"]["intValue"].as_str())
}

/// Identifiers are bytes: base64 in the JSON of protobuf.
fn base64_of(hex: &str) -> String {
    use base64::Engine;
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

async fn refused_with(server: &Binary, client: &str, flags: &str, from: &str) -> Reply {
    let address = from.parse().expect("an address");
    let http = plain_http().local_address(Some(address)).build().expect("a client");
    let body = form(&[("grant_type", "client_credentials"), ("client_id", client)]);
    let request = http.post(format!("{}/token?canary=1", server.issuer())).body(body);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = request.header("traceparent", format!("00-{TRACE}-{SPAN}-{flags}"));
    Reply::of(request.send().await.expect("an answer")).await
}

/// The last value of a metric.
fn last<'m>(messages: &'m [Value], name: &str) -> &'m Value {
    let metrics = all(messages, "/v1/metrics", METRICS);
    metrics.iter().rev().find(|metric| metric["name"] == name).copied().unwrap_or(&Value::Null)
}

/// The time of token requests that were answered 401.
fn refused_times(messages: &[Value]) -> Option<&Value> {
    let is_it = |one: &&Value| {
        (attribute(one, "route"), attribute(one, "status")) == (Some("/token"), Some("401"))
    };
    let times = last(messages, "mapae_http_request_duration_seconds");
    times["histogram"]["dataPoints"].as_array()?.iter().find(is_it)
}

/// Whether the last message counts three token requests of unknown clients.
fn has_counted_three(messages: &[Value]) -> bool {
    let refusals = &last(messages, "mapae_refusals_total")["sum"]["dataPoints"];
    let mut refusals = refusals.as_array().into_iter().flatten();
    let unknown = refusals.find(|one| attribute(one, "reason") == Some("client_unknown"));
    unknown.is_some_and(|one| one["asDouble"] == 3.0)
        && refused_times(messages).is_some_and(|times| times["count"] == "3")
}

fn check_metrics(messages: &[Value]) {
    let refusals = &last(messages, "mapae_refusals_total")["sum"];
    assert_eq!(refusals["isMonotonic"], true, "{refusals}");
    let times = refused_times(messages).expect("a point");
    let counted = times["bucketCounts"].as_array().expect("buckets").iter();
    let counted =
        counted.map(|one| one.as_str().expect("a count").parse::<u64>().expect("a number"));
    assert_eq!(counted.sum::<u64>(), 3, "{times}");
    let open = &last(messages, "process_open_fds")["gauge"]["dataPoints"][0];
    assert!(open["asDouble"].as_f64() > Some(3.0), "{open}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_and_metrics_reach_a_collector_and_a_trusted_proxy_alone_continues_a_trace() {
    let collector = match Collector::start().await {
        Ok(collector) => collector,
        Err(why) => return required_or_skip(&why),
    };
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    cli.set("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{}", collector.port));
    cli.set("MAPAE_TRUSTED_PROXIES", "127.0.0.1");
    let server = cli.serve().await;
    server.user("alice", PASSWORD).await;
    let app: App = server.register("app", &ClientArguments::by_password()).await;
    let (access, refresh) = app.password("openid").await.pair();
    app.refresh(&refresh).await.ok();
    app.userinfo(&access).await.ok();
    let trusted = refused_with(&server, "by-a-proxy", "01", "127.0.0.1").await;
    let left_out = refused_with(&server, "left-out", "00", "127.0.0.1").await;
    let stranger = refused_with(&server, "by-a-stranger", "01", "127.0.0.2").await;
    let mut messages = Vec::new();
    eventually("the last span and the last count have come", async || {
        if collector.has_only(messages.len()) {
            return false;
        }
        messages = collector.messages();
        let spans = all(&messages, "/v1/traces", SPANS);
        let last = Some(stranger.header("x-request-id"));
        let has_span = spans.iter().any(|span| attribute(span, "mapae.request_id") == last);
        has_span && has_counted_three(&messages)
    })
    .await;
    let spans = all(&messages, "/v1/traces", SPANS);
    let of_request = |reply: &Reply| {
        let id = reply.header("x-request-id");
        spans.iter().copied().find(|span| attribute(span, "mapae.request_id") == Some(id))
    };
    let span = of_request(&trusted).expect("the span of a request");
    assert_eq!(span["name"], "POST /token", "{span}");
    assert_eq!(
        (&span["kind"], &span["traceId"]),
        (&"SPAN_KIND_SERVER".into(), &base64_of(TRACE).into())
    );
    assert_eq!(span["parentSpanId"], base64_of(SPAN));
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/token"),
        ("http.response.status_code", "401"),
        ("error.type", "client_unknown"),
        ("client.address", "127.0.0.1"),
    ] {
        assert_eq!(attribute(span, key), Some(value), "{span}");
    }
    let nanos = |name: &str| span[name].as_str().expect("a time").parse::<u64>().expect("a number");
    assert!(nanos("endTimeUnixNano") >= nanos("startTimeUnixNano"), "{span}");
    assert_eq!(of_request(&left_out), None, "a proxy may leave a request out");
    let span = of_request(&stranger).expect("the span of a request");
    assert_ne!(span["traceId"], base64_of(TRACE), "a stranger continues no trace");
    assert_eq!(span["parentSpanId"], Value::Null);
    // The parts of a request stand below it.
    let signed_in = |span: &&&Value| {
        let parts = spans.iter().filter(|part| part["parentSpanId"] == span["spanId"]);
        let names: Vec<_> = parts.map(|part| part["name"].as_str().unwrap_or_default()).collect();
        ["hashing a password", "database statement"].iter().all(|name| names.contains(name))
    };
    assert!(spans.iter().any(|span| signed_in(&span)), "{spans:#?}");
    assert!(spans.iter().any(|span| span["name"] == "refreshes"), "{spans:#?}");
    // Every line of the log has the id of its trace.
    let log = server.whole_log().await;
    let line = log.lines().find(|line| line.contains("by-a-proxy")).expect("a line");
    assert!(line.contains(&format!("\"trace_id\":\"{TRACE}\"")), "{line}");

    check_metrics(&messages);
    let resources = messages.iter().filter_map(|one| one["message"]["resourceSpans"].as_array());
    for resource in resources.flatten() {
        assert_eq!(attribute(&resource["resource"], "service.name"), Some("mapae"));
    }
    let everything = format!("{messages:?}");
    for secret in ["canary", PASSWORD, &access, &refresh, "alice"] {
        assert!(!everything.contains(secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absent_collector_costs_nothing_and_what_it_misses_is_counted() {
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    let admin = format!("127.0.0.1:{}", free_port());
    cli.set("MAPAE_ADMIN_LISTEN", &*admin);
    cli.set("MAPAE_TELEMETRY_OTLP_ENDPOINT", format!("http://127.0.0.1:{}", free_port()));
    let mut server = cli.serve().await;
    let metrics = format!("http://{admin}/metrics");
    eventually("the missed messages are counted", async || {
        refused_with(&server, "nobody", "01", "127.0.0.1").await.refused(401, "invalid_client");
        let text = http().get(&metrics).send().await.expect("metrics").text().await.expect("text");
        let is_more = |sample: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
            value.expect("a sample").parse::<u64>().expect("a number") > 1
        };
        is_more("mapae_spans_lost_total")
            && is_more("mapae_otlp_messages_total{signal=\"traces\",taken=\"false\"}")
    })
    .await;
    let log = server.whole_log().await;
    let told = log.lines().filter(|line| line.contains("the collector does not take"));
    assert_eq!(told.filter(|line| line.contains("\"traces\"")).count(), 1, "said once: {log}");
    server.terminate().await;
    assert_eq!(server.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_takes_a_connection_and_says_nothing_holds_up_no_request_and_no_stop() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    let address = silent.local_addr().expect("an address");
    cli.set("MAPAE_TELEMETRY_OTLP_ENDPOINT", format!("http://{address}"));
    let mut server = cli.serve().await;
    // Both messages hang before the requests come.
    let (mut first, _) = silent.accept().await.expect("a connection");
    assert!(first.read_u8().await.is_ok());
    for _ in 0..20 {
        refused_with(&server, "nobody", "01", "127.0.0.1").await.refused(401, "invalid_client");
    }
    let (mut second, _) = silent.accept().await.expect("a connection");
    assert!(second.read_u8().await.is_ok());
    for _ in 0..20 {
        refused_with(&server, "nobody", "01", "127.0.0.1").await.refused(401, "invalid_client");
    }
    server.terminate().await;
    assert_eq!(server.ended().await, Some(0));
}
