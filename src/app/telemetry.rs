//! Logs and metrics. Below `warn` only our own events are logged: what libraries log about bytes
//! and headers could hold secrets, so no setting turns it on.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use futures_util::FutureExt;
use hyper::body::Incoming;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::log_lines::{Json, Text};
use super::log_queue::{Lines, LogQueue};
use super::otlp_messages::Signal;
use super::services::Services;
use crate::domain::address::TrustedProxies;
use crate::domain::audit::EventKind;
use crate::domain::client::TokenAlg;
use crate::domain::grant_type::GrantType;
use crate::domain::logout_notice::LogoutNotice;
use crate::domain::mail::SealedMail;
use crate::domain::message::Message;
use crate::domain::reason::Reason;
use crate::domain::urls;
use crate::domain::webhook::WebhookMessage;
use crate::keys::ring::Phase;
use crate::net::listener::{Http, Listener};
use crate::oauth::refused;
use crate::oauth::status::measured::{self, Following, ListAnswer, Places};
use crate::oauth::token::mint;
use crate::runtime::spans;
use crate::runtime::supervisor::Need;
use crate::store::leaders::Job;
use crate::web::edge::Edge;

/// The recorder of metrics.
#[derive(Debug)]
struct Recorder {
    handle: PrometheusHandle,
    /// Reads what the system knows about this process.
    process: Collector,
}

static METRICS: OnceLock<Recorder> = OnceLock::new();

static QUEUE: OnceLock<Arc<LogQueue>> = OnceLock::new();

/// Logs to standard error: text for a terminal, else JSON lines. It waits until each line is
/// written, which suits processes that end soon.
pub fn log(level: LevelFilter) {
    subscribe(level, std::io::stderr);
}

/// Logs to standard error through a queue. It never waits for the reader of standard error, which
/// suits servers.
pub fn log_in_background(level: LevelFilter) {
    // Not `std::io::stderr`: a thread would hold its lock as long as the reader does not read.
    let stream = std::io::stderr().as_fd().try_clone_to_owned().map(File::from);
    match stream.and_then(LogQueue::start) {
        Ok(queue) => {
            let queue = Arc::clone(QUEUE.get_or_init(|| queue));
            subscribe(level, move || Lines(Arc::clone(&queue)));
            // The default hook writes to standard error directly, and would wait.
            std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a panic")));
        }
        Err(error) => {
            log(level);
            tracing::warn!(%error, "logs are written without a queue");
        }
    }
}

/// Writes a line for people to standard error, in order with the log lines.
pub fn say(line: &str) {
    match QUEUE.get() {
        Some(queue) => queue.push(format!("{line}\n").as_bytes()),
        None => {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        }
    }
}

/// Waits until every line is written, for so long at most.
pub fn flush(at_most: Duration) {
    if let Some(queue) = QUEUE.get() {
        queue.flush(at_most);
    }
}

fn subscribe<W>(level: LevelFilter, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter =
        Targets::new().with_target("mapae", level).with_default(LevelFilter::WARN.min(level));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let registry = tracing_subscriber::registry().with(filter);
    // After a second call, the subscriber of the first call stays.
    let _ = if std::io::stderr().is_terminal() {
        registry.with(lines.compact().map_fmt_fields(Text)).try_init()
    } else {
        registry.with(lines.json().flatten_event(true).map_event_format(Json)).try_init()
    };
}

/// Installs the recorder of metrics.
pub fn count() {
    if METRICS.get().is_none()
        && let Ok(builder) = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &BUCKETS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Full(BATCH_SIZE.to_owned()), &SIZES)
            })
            .and_then(|builder| {
                let build = Matcher::Full(measured::BUILD.to_owned());
                builder.set_buckets_for_metric(build, &BUILDS)
            })
        && let Ok(handle) = builder.install_recorder()
    {
        describe();
        describe_keys();
        begin_at_zero();
        let process = Collector::default();
        process.describe();
        // Another thread may have set the recorder first.
        let _ = METRICS.set(Recorder { handle, process });
    }
}

const DURATION: &str = "mapae_http_request_duration_seconds";
/// Buckets in seconds: from answers out of memory to requests that waited for a database that is
/// down.
const BUCKETS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

const BATCH_SIZE: &str = "mapae_batch_size";
/// Buckets up to the most requests that one statement takes.
const SIZES: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// Buckets in seconds: from a signature alone to the compression of a very long list.
const BUILDS: [f64; 8] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5];

/// Describes what every metric counts.
fn describe() {
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "Time from a request's headers to its answer's headers, by route, method and status."
    );
    describe_gauge!("mapae_requests_in_flight", "Requests that are being answered now.");
    describe_histogram!(BATCH_SIZE, "How many requests one statement served, by batch.");
    describe_gauge!("mapae_hashing_queue", "Pieces of work that wait for a thread that hashes.");
    describe_gauge!(
        "mapae_database_pool",
        "Database connections that are idle or in use, and requests that wait for one."
    );
    describe_gauge!(
        "mapae_database_clock_skew_seconds",
        Unit::Seconds,
        "How far this clock is ahead of the clock of Postgres."
    );
    describe_gauge!(
        "mapae_redis_up",
        "Whether Redis answers: 1 or 0. Only there with a redis.url."
    );
    describe_gauge!(
        "mapae_leader",
        "Whether this server leads the job that one replica does at a time, by job."
    );
    describe_gauge!(
        "mapae_database_standby",
        "Whether lists are read from the standby of Postgres (database.read_url)."
    );
    describe_gauge!("mapae_build_info", "Always 1; the labels say which build runs.");
    describe_counter!("mapae_responses_total", "Answers, by class of status.");
    describe_counter!("mapae_tokens_issued_total", "Successful token requests, by grant type.");
    describe_counter!(
        "mapae_large_tokens_total",
        "Issued tokens of more than 4 KB, by kind. Some servers refuse such a header."
    );
    describe_counter!("mapae_refusals_total", "Errors that the API answered, by their code.");
    describe_counter!("mapae_audit_events_total", "Audit events, by kind.");
    describe_counter!(
        "mapae_refresh_reuse_total",
        "Alarms: refresh tokens that were used again after they had been replaced."
    );
    describe_counter!(
        "mapae_worker_restarts_total",
        "Panics of what works beside requests; it began again each time."
    );
    describe_counter!(
        "mapae_log_lines_lost_total",
        "Lines of the log that were dropped, because standard error was not read fast enough."
    );
    describe_messages();
    describe_revocations();
    describe_counter!(
        "mapae_unreadable_rows_total",
        "Rows of work that waits which could not be read and were put aside, by table."
    );
    describe_counter!(
        "mapae_spans_lost_total",
        "Spans that did not reach the collector: too many waited, or it did not take them."
    );
    describe_counter!(
        "mapae_otlp_messages_total",
        "Messages to the collector of traces and metrics, by whether it took them."
    );
    describe_counter!(
        "mapae_connections_pushed_out_total",
        "Connections that were closed to make room for others."
    );
}

/// Describes what is measured of the messages to others.
fn describe_messages() {
    describe_counter!(
        "mapae_logout_notices_total",
        "Attempts to tell an app of a sign-out, by whether the app took it."
    );
    describe_counter!(
        "mapae_webhook_messages_total",
        "Attempts to tell a webhook of an event, by whether its receiver took the message."
    );
    describe_counter!(
        "mapae_mails_total",
        "Attempts to hand a mail over, by whether the mail server took it."
    );
    describe_gauge!(
        "mapae_outbox_pending",
        "Messages that wait until their receiver took them, by kind; at most 10000 are counted."
    );
}

/// Describes what is measured of status lists and of the feed of revocations.
fn describe_revocations() {
    describe_counter!(
        "mapae_status_lists_served_total",
        "Status lists that were asked for, by whether the list was sent or had not changed."
    );
    describe_histogram!(
        measured::BUILD,
        Unit::Seconds,
        "Time for building a status list: it is compressed where a bit is new, and signed."
    );
    describe_gauge!(
        "mapae_status_list_entries",
        "Places in the status lists: room for them, handed out, and revoked."
    );
    describe_gauge!(
        "mapae_revocation_followers",
        "Resource servers that wait for revocations, by poll and stream."
    );
}

/// Describes what is measured of the signing keys.
fn describe_keys() {
    describe_gauge!(
        "mapae_key_age_seconds",
        Unit::Seconds,
        "Time since the oldest signing key of a phase was made, by algorithm; 0 if there is none."
    );
    describe_gauge!(
        "mapae_key_fetchers",
        "How many programs have fetched a signing key, by kid. At most 1000 are counted."
    );
}

/// The kinds of messages that are sent to others.
pub(super) const MESSAGES: &[&str] = &[LogoutNotice::KIND, SealedMail::KIND, WebhookMessage::KIND];

/// Makes every metric exist with the value zero. Alert rules need a metric from the first scrape
/// on, and the first increase of a counter is visible only after a zero.
fn begin_at_zero() {
    metrics::gauge!("mapae_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
    metrics::gauge!("mapae_requests_in_flight").set(0);
    metrics::gauge!("mapae_database_clock_skew_seconds").set(0);
    metrics::gauge!("mapae_database_standby").set(0);
    for job in Job::ALL {
        metrics::gauge!("mapae_leader", "job" => job.name()).set(0);
    }
    for class in ["2xx", "3xx", "4xx", "5xx"] {
        metrics::counter!("mapae_responses_total", "class" => class).increment(0);
    }
    for grant_type in GrantType::ALL {
        metrics::counter!("mapae_tokens_issued_total", "grant_type" => grant_type.as_str())
            .increment(0);
    }
    for kind in mint::KINDS {
        mint::large(kind).increment(0);
    }
    for reason in Reason::ALL.iter().filter(|reason| reason.is_of_request()) {
        refused::count(reason.code(), *reason).increment(0);
    }
    for kind in [EventKind::SignInFailed, EventKind::SignInThrottled, EventKind::RefreshReused] {
        metrics::counter!("mapae_audit_events_total", "event" => kind.as_str()).increment(0);
    }
    metrics::counter!("mapae_refresh_reuse_total").increment(0);
    for taken in ["true", "false"] {
        metrics::counter!("mapae_logout_notices_total", "taken" => taken).increment(0);
        metrics::counter!("mapae_webhook_messages_total", "taken" => taken).increment(0);
    }
    for sent in ["true", "false"] {
        metrics::counter!("mapae_mails_total", "sent" => sent).increment(0);
    }
    for kind in MESSAGES {
        metrics::gauge!("mapae_outbox_pending", "kind" => *kind).set(0);
    }
    for table in ["ending", "outbox"] {
        metrics::counter!("mapae_unreadable_rows_total", "table" => table).increment(0);
    }
    begin_revocations_at_zero();
    metrics::counter!("mapae_log_lines_lost_total").increment(0);
    spans::lost(0);
    for signal in Signal::ALL {
        for taken in [true, false] {
            signal.messages(taken).increment(0);
        }
    }
    metrics::counter!("mapae_connections_pushed_out_total").increment(0);
    // A histogram exists as soon as a handle of it is made.
    drop(
        metrics::histogram!(DURATION, "route" => urls::TOKEN, "method" => "POST", "status" => "200"),
    );
}

fn begin_revocations_at_zero() {
    for answer in ListAnswer::ALL {
        answer.count().increment(0);
    }
    for places in Places::ALL {
        places.set(0);
    }
    for following in Following::ALL {
        following.gauge().set(0);
    }
    drop(metrics::histogram!(measured::BUILD));
}

/// Reads the gauges that are measured only when the metrics are scraped.
fn sample(services: &Services) {
    let set = |gauge: metrics::Gauge, number: usize| {
        gauge.set(u32::try_from(number).unwrap_or(u32::MAX));
    };
    set(metrics::gauge!("mapae_hashing_queue"), services.hasher.waiting());
    let load = services.store.load();
    for (state, number) in [("idle", load.idle), ("in_use", load.in_use), ("waiting", load.waiting)]
    {
        set(metrics::gauge!("mapae_database_pool", "state" => state), number);
    }
    Places::Revoked.set(services.known.revoked_places());
    sample_keys(services);
}

fn sample_keys(services: &Services) {
    // Without a view of the keys, the last ages stay.
    let Ok(keys) = services.keyring.snapshot() else { return };
    let now = services.clock.now();
    for alg in TokenAlg::ALL {
        for phase in Phase::KEPT {
            let of_it = keys.list().filter(|(key, found)| key.alg == *alg && *found == phase);
            let made = of_it.map(|(key, _)| key.created_at).min();
            let age = made.map_or(0.0, |made| (now - made).as_seconds_f64().max(0.0));
            let labels = [("alg", alg.as_str()), ("phase", phase.as_str())];
            metrics::gauge!("mapae_key_age_seconds", &labels).set(age);
        }
    }
    let kids = keys.published_kids().iter().map(String::as_str);
    for (kid, count) in services.key_fetchers.counts(kids) {
        metrics::gauge!("mapae_key_fetchers", "kid" => kid).set(count);
    }
}

/// All metrics as Prometheus reads them, measured now.
pub(super) fn measured(services: &Services) -> Option<String> {
    let recorder = METRICS.get()?;
    sample(services);
    recorder.process.collect();
    Some(recorder.handle.render())
}

/// How often the recorder aggregates its samples.
pub(super) const UPKEEP: Duration = Duration::from_secs(5);

/// Lets the recorder aggregate its samples. Until then it keeps every measured time in memory.
pub(super) fn upkeep() {
    if let Some(metrics) = METRICS.get() {
        metrics.handle.run_upkeep();
    }
}

/// The most connections of the admin listener: there are few readers of metrics.
const READERS: u32 = 64;
/// The time limit for a reader that has not finished when the server stops.
const DEADLINE: Duration = Duration::from_secs(5);

/// Serves `/metrics` on the admin listener, and the administration API if it is there.
pub(super) async fn serve(
    socket: TcpListener,
    http: Http,
    services: Arc<Services>,
    api: Option<Edge>,
    stopped: watch::Receiver<bool>,
) {
    let supervisor = services.supervisor.clone();
    let metrics = move || async move { measured(&services).unwrap_or_default() };
    let router = Router::new().route("/metrics", get(metrics));
    let http = Http { connections: READERS, ..http };
    let (name, proxies) = ("accepting readers of metrics", TrustedProxies::default());
    let listener = Listener { name, need: Need::Beside, socket, tls: None, http, proxies };
    let answer = move |peer, request: Request<Incoming>| match &api {
        Some(api) if request.uri().path() != "/metrics" => api.call(peer, request),
        _ => router.clone().oneshot(request.map(Body::new)).boxed(),
    };
    listener.serve(&supervisor, answer, stopped, DEADLINE).await;
}
