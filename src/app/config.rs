//! Settings: a TOML file, then `MAPAE_*` in the environment. Every problem is reported at once,
//! each with its key path.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration as StdDuration;

use chrono::Duration;
use serde::Serialize;
use tracing::level_filters::LevelFilter;
use zeroize::Zeroizing;

use super::tls::Files;
use crate::accounts::browsers::SessionLives;
use crate::accounts::hashing::Cost;
use crate::accounts::throttle::{Limit, Limits};
use crate::domain::address::TrustedProxies;
use crate::domain::provider::Registration;
use crate::domain::session::SessionLife;
use crate::domain::urls::Issuer;
use crate::keys::keyring::Policy;
use crate::keys::make::RSA_BITS;
use crate::keys::ring::Memory;
use crate::keys::seal::Source;
use crate::keys::secret_file;
use crate::oauth::Lifetimes;
use crate::pages::Zone;
use crate::web::edge::StrictTransport;
use crate::{outbound, store};

/// Checked settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who we are.
    pub issuer: Issuer,
    /// The main listener.
    pub listen: SocketAddr,
    /// The certificate of the main listener; none when a proxy in front has it.
    pub tls: Option<Files>,
    /// What bounds the connections of the main listener.
    pub http: Http,
    /// The listener of the metrics; none when it is turned off.
    pub admin_listen: Option<SocketAddr>,
    /// Whether somebody chose it: a server starts without metrics rather than not at all when
    /// another one has the default port.
    pub admin_listen_chosen: bool,
    /// The database.
    pub database_url: String,
    /// How the database is used.
    pub database: store::Options,
    /// The master key.
    pub master_key: Source,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// So many families one person may have at one client.
    pub families_per_client: u32,
    /// How long browser sessions live.
    pub sessions: SessionLives,
    /// When keys are succeeded, and when a successor signs.
    pub key_rotation: Duration,
    /// How long a key is published before it signs.
    pub key_lead: Duration,
    /// How long verifiers may cache the JWKS.
    pub jwks_max_age: Duration,
    /// How often the ring is read again.
    pub key_reload: StdDuration,
    /// The size of new RSA keys.
    pub rsa_bits: u32,
    /// The limits of failed sign-ins.
    pub limits: Limits,
    /// Password hashing.
    pub hashing: Hashing,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Calls to the addresses that clients name.
    pub outbound: outbound::Config,
    /// The providers of social login that stand in the file.
    pub social: Vec<Registration>,
    /// Between saying "not ready" and closing the listener.
    pub shutdown_delay: StdDuration,
    /// For requests that still run then.
    pub shutdown_deadline: StdDuration,
    /// The folder of the operator's own look.
    pub branding_dir: Option<PathBuf>,
    /// The time zone in which pages say instants without a script.
    pub time_zone: Zone,
    /// How far browsers are told to come over TLS alone.
    pub strict_transport: StrictTransport,
    /// How long audit events are kept.
    pub audit_retention: Duration,
    /// How long failed sign-ins stay among them.
    pub audit_failures_retention: Duration,
    /// What is logged.
    pub log: LevelFilter,
}

/// What bounds connections.
#[derive(Clone, Copy, Debug)]
pub struct Http {
    /// For the first request of a connection, and for headers that began.
    pub header_timeout: StdDuration,
    /// For the next request, and for an answer to be taken.
    pub idle_timeout: StdDuration,
    /// The most at once.
    pub connections: u32,
}

/// Password hashing.
#[derive(Clone, Copy, Debug)]
pub struct Hashing {
    /// The cost of a hash.
    pub cost: Cost,
    /// The threads that hash.
    pub threads: u32,
}

/// Clock skew that verifiers may have: a key is published for so much longer.
const SKEW: Duration = Duration::minutes(5);

impl Settings {
    /// The policy of keys that follows.
    #[must_use]
    pub fn key_policy(&self) -> Policy {
        let longest = self.lifetimes.access_token.max(self.lifetimes.id_token);
        Policy {
            rotation: self.key_rotation,
            lead: self.key_lead,
            jwks_max_age: self.jwks_max_age,
            memory: Memory {
                published: longest + SKEW,
                remembered: self.lifetimes.refresh_absolute,
            },
            rsa_bits: self.rsa_bits,
        }
    }
}

impl Settings {
    /// The database as people may read it: the whole path of a file, and no password.
    #[must_use]
    pub fn database(&self) -> String {
        match store::sqlite_path(&self.database_url) {
            Ok(Some(file)) => absolute(&file).display().to_string(),
            _ => store::shown_url(&self.database_url),
        }
    }
}

/// The whole path, whether or not something is there.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The key path.
    pub key: String,
    /// What is wrong, for the operator.
    pub problem: String,
}

/// A setting as it is in force.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// The key path in the file.
    pub key: String,
    /// The name in the environment.
    pub env: String,
    /// The value, unless it is secret.
    pub value: String,
    /// Where it comes from: `default`, `file`, `environment` or `flag`.
    pub source: &'static str,
}

/// What was read: the settings or every problem, and what is in force.
#[derive(Debug)]
pub struct Loaded {
    /// The settings or every problem.
    pub settings: Result<Settings, Vec<Problem>>,
    /// What is in force.
    pub shown: Vec<Shown>,
    /// Names in the environment that start like ours and are none.
    pub unknown_env: Vec<String>,
    /// What is wrong with files that the settings name and that a server needs. Not among the
    /// problems of the settings: another verb may run as somebody who cannot read them.
    pub files: Vec<Problem>,
}

/// Names in the environment that are not settings.
const NOT_SETTINGS: &[&str] = &["MAPAE_CONFIG"];

/// Reads a file, the environment and flags; the later one wins.
#[must_use]
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[(&str, String)],
) -> Loaded {
    let mut reader = Reader::default();
    if let Some(path) = file {
        reader.read_file(path);
    }
    for (name, value) in environment.into_iter().filter(|(_, value)| !value.is_empty()) {
        if [PROXY_NAMES, NO_PROXY_NAMES].concat().contains(&name.as_str()) {
            reader.common.insert(name, value);
        } else if name.starts_with("MAPAE_") && !NOT_SETTINGS.contains(&name.as_str()) {
            reader.environment.insert(name, value);
        }
    }
    for (key, value) in flags {
        reader.flags.insert((*key).to_owned(), value.clone());
    }
    let settings = settings(&mut reader);
    reader.finish(settings)
}

fn settings(r: &mut Reader) -> Settings {
    let localhost = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let issuer =
        r.get("issuer", Issuer::localhost(), parse_issuer, |issuer| issuer.as_str().to_owned());
    let outbound = outbound::Config {
        ca_file: r.get("outbound.ca_file", None, optional_path, |path| {
            path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
        }),
        allow_private: r.get("outbound.allow_private", false, yes_or_no, ToString::to_string),
        proxy: proxy(r),
        ..outbound::Config::default()
    };
    let settings = Settings {
        issuer,
        listen: r.get("listen", localhost(8080), address, ToString::to_string),
        tls: tls(r),
        http: Http {
            header_timeout: std(r.duration("http.header_timeout", Duration::seconds(10))),
            idle_timeout: std(r.duration("http.idle_timeout", Duration::minutes(1))),
            connections: r.get("http.connections", 10_000, connections, ToString::to_string),
        },
        admin_listen_chosen: r.value("admin_listen").is_some(),
        admin_listen: r.get("admin_listen", Some(localhost(9090)), admin_address, |address| {
            address.map_or_else(|| "off".to_owned(), |address| address.to_string())
        }),
        database_url: database_url(r),
        database: database(r),
        master_key: master_key(r),
        lifetimes: Lifetimes {
            access_token: r.duration("token.access_lifetime", Duration::minutes(10)),
            id_token: r.duration("token.id_lifetime", Duration::minutes(10)),
            refresh_idle: r.duration("token.refresh_idle_lifetime", Duration::days(30)),
            refresh_absolute: r.duration("token.refresh_absolute_lifetime", Duration::days(90)),
            refresh_grace: r.duration_or_zero("token.refresh_grace", Duration::seconds(30)),
        },
        families_per_client: r.number("token.families_per_client", 100),
        sessions: SessionLives {
            usual: r.session_life("session", Duration::hours(2), Duration::hours(12)),
            kept: r.session_life("session.kept", Duration::days(30), Duration::days(90)),
        },
        key_rotation: r.duration("keys.rotation", Duration::days(90)),
        key_lead: r.duration("keys.publish_lead", Duration::hours(2)),
        jwks_max_age: r.duration("keys.jwks_max_age", Duration::hours(1)),
        key_reload: std(r.duration("keys.reload", Duration::seconds(10))),
        rsa_bits: r.get("keys.rsa_bits", 2048, rsa_bits, ToString::to_string),
        limits: Limits {
            account_at_address: r.limit("throttle.account_at_address", 10, Duration::minutes(5)),
            address: r.limit("throttle.address", 100, Duration::minutes(5)),
            account: r.limit("throttle.account", 50, Duration::hours(1)),
        },
        hashing: hashing(r),
        trusted_proxies: r.get("trusted_proxies", TrustedProxies::default(), proxies, |proxies| {
            let nets: Vec<_> = proxies.0.iter().map(ToString::to_string).collect();
            nets.join(",")
        }),
        social: social(r, outbound.allow_private),
        outbound,
        shutdown_delay: std(r.duration_or_zero("shutdown.delay", Duration::seconds(2))),
        shutdown_deadline: std(r.duration("shutdown.deadline", Duration::seconds(20))),
        branding_dir: r.get(
            "branding_dir",
            None,
            |text| path(text).map(Some),
            |folder| folder.as_ref().map(|folder| folder.display().to_string()).unwrap_or_default(),
        ),
        time_zone: r.get("time_zone", Zone::default(), Zone::parse, |zone| zone.name().to_owned()),
        strict_transport: strict_transport(r),
        audit_retention: r.duration("audit.retention", Duration::days(365)),
        audit_failures_retention: r.duration("audit.failures_retention", Duration::days(30)),
        log: r.get("log", LevelFilter::INFO, level, |level| level.to_string().to_lowercase()),
    };
    check(r, &settings);
    settings
}

fn check(r: &mut Reader, settings: &Settings) {
    if settings.tls.is_some() && !settings.issuer.is_https() {
        r.problem("issuer", "must be https when there is a tls.cert_file");
    }
    if settings.jwks_max_age >= settings.key_lead {
        r.problem("keys.publish_lead", "must be longer than keys.jwks_max_age, or verifiers meet a key that they do not know yet");
    }
    if settings.key_lead >= settings.key_rotation {
        r.problem("keys.rotation", "must be longer than keys.publish_lead");
    }
    if settings.lifetimes.refresh_idle > settings.lifetimes.refresh_absolute {
        r.problem(
            "token.refresh_idle_lifetime",
            "must not be longer than token.refresh_absolute_lifetime",
        );
    }
    if settings.families_per_client == 0 {
        r.problem("token.families_per_client", "must be at least 1");
    }
    if settings.lifetimes.refresh_grace > Duration::minutes(5) {
        r.problem("token.refresh_grace", "must not be longer than 5 minutes");
    }
}

fn unreadable(settings: &Settings) -> Vec<Problem> {
    let secret = |path: &Path| secret_file::read(path).err().map(|error| error.to_string());
    let plain = |path: &Path| {
        let error = std::fs::read(path).err()?;
        Some(format!("{}: {error}", path.display()))
    };
    let folder = |path: &Path| {
        let error = std::fs::read_dir(path).err()?;
        Some(format!("{}: {error}", path.display()))
    };
    let mut found = Vec::new();
    let mut add = |key: &str, problem: Option<String>| {
        found.extend(problem.map(|problem| Problem { key: key.to_owned(), problem }));
    };
    if let Source::File(path) = &settings.master_key {
        add("master_key_file", secret(path));
    }
    if let Some(Files { certificate, key }) = &settings.tls {
        add("tls.cert_file", plain(certificate));
        add("tls.key_file", secret(key));
    }
    add("outbound.ca_file", settings.outbound.ca_file.as_deref().and_then(plain));
    add("branding_dir", settings.branding_dir.as_deref().and_then(folder));
    found
}

fn database_url(r: &mut Reader) -> String {
    let default = "sqlite://data/mapae.db".to_owned();
    let url = r.secret("database_url", Some(default));
    let url = url.map(|url| url.to_string()).unwrap_or_default();
    if let Err(problem) = store::check_url(&url) {
        r.problem("database_url", problem);
    }
    url
}

fn database(r: &mut Reader) -> store::Options {
    let usual = store::Options::default();
    let duration = |usual: StdDuration| Duration::from_std(usual).unwrap_or_default();
    let most = |most: u32| {
        move |text: &str| {
            let number = text.parse().ok().filter(|number| (1..=most).contains(number));
            number.ok_or_else(|| format!("is no number from 1 to {most}"))
        }
    };
    store::Options {
        wait: std(r.duration_or_zero("database.wait", duration(usual.wait))),
        prepared_statements: r.get(
            "database.prepared_statements",
            usual.prepared_statements,
            yes_or_no,
            ToString::to_string,
        ),
        connections: r.get(
            "database.connections",
            usual.connections,
            most(1000),
            ToString::to_string,
        ),
        deadline: std(r.duration("database.deadline", duration(usual.deadline))),
        queue: r.get("database.queue", usual.queue, most(1_000_000), ToString::to_string),
    }
}

fn master_key(r: &mut Reader) -> Source {
    let folder = r.get("keys_dir", PathBuf::from("keys"), path, |path| path.display().to_string());
    let text = r.value("master_key");
    let file = r.value("master_key_file");
    r.show("master_key", text.as_ref().map(|_| "(secret)".to_owned()), "");
    r.show("master_key_file", file.clone(), "");
    match (text, file) {
        (Some(_), Some(_)) => {
            r.problem("master_key", "is given together with master_key_file: choose one");
            Source::Folder(folder)
        }
        (Some(text), None) => Source::Text(Zeroizing::new(text)),
        (None, Some(file)) => Source::File(PathBuf::from(file)),
        (None, None) => Source::Folder(folder),
    }
}

/// The names of a proxy for https that every tool knows; the first one that is there counts.
const PROXY_NAMES: &[&str] = &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const NO_PROXY_NAMES: &[&str] = &["NO_PROXY", "no_proxy"];

fn proxy(r: &mut Reader) -> Option<outbound::Proxy> {
    r.alias("outbound.proxy", PROXY_NAMES);
    r.alias("outbound.no_proxy", NO_PROXY_NAMES);
    let given = r.value("outbound.proxy").filter(|given| given != "off");
    let bypass = r.value("outbound.no_proxy").unwrap_or_default();
    let shown = given.as_deref().map_or_else(|| "off".to_owned(), shown_proxy);
    r.show("outbound.proxy", Some(shown), "");
    r.show("outbound.no_proxy", Some(bypass.clone()), "");
    let proxy = outbound::Proxy::parse(&given?, &bypass);
    proxy.map_err(|problem| r.problem("outbound.proxy", problem)).ok()
}

/// The URL of a proxy without its password.
fn shown_proxy(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, host)) => format!("***@{host}"),
        None => text.to_owned(),
    }
}

fn tls(r: &mut Reader) -> Option<Files> {
    let (certificate, key) = (r.value("tls.cert_file"), r.value("tls.key_file"));
    r.show("tls.cert_file", certificate.clone(), "");
    r.show("tls.key_file", key.clone(), "");
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            Some(Files { certificate: certificate.into(), key: key.into() })
        }
        (Some(_), None) => {
            r.problem("tls.key_file", "is missing: tls.cert_file is given");
            None
        }
        (None, Some(_)) => {
            r.problem("tls.cert_file", "is missing: tls.key_file is given");
            None
        }
        (None, None) => None,
    }
}

fn strict_transport(r: &mut Reader) -> StrictTransport {
    let key = "http.hsts_include_subdomains";
    if r.get(key, false, yes_or_no, ToString::to_string) {
        StrictTransport::Subdomains
    } else {
        StrictTransport::Host
    }
}

fn hashing(r: &mut Reader) -> Hashing {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let cores = u32::try_from(cores).unwrap_or(2);
    let owasp = Cost::default();
    let memory = r.number("hashing.memory_kib", owasp.memory);
    let passes = r.number("hashing.passes", owasp.passes);
    let threads = r.number("hashing.threads", cores);
    for (key, value, least) in [
        ("hashing.memory_kib", memory, 7 * 1024),
        ("hashing.passes", passes, 1),
        ("hashing.threads", threads, 1),
    ] {
        if value < least {
            r.problem(key, format!("must be at least {least}"));
        }
    }
    Hashing { cost: Cost { memory, passes }, threads }
}

fn social(r: &mut Reader, allow_private: bool) -> Vec<Registration> {
    let Some(tables) = r.social.take() else { return Vec::new() };
    let (read, wrong) = super::providers::read(&tables, allow_private);
    for (key, problem) in wrong {
        r.problem(&key, problem);
    }
    for (key, value) in read.iter().flat_map(super::providers::shown) {
        r.shown.push(Shown { key, env: String::new(), value, source: "file" });
    }
    read
}

fn std(duration: Duration) -> StdDuration {
    duration.to_std().unwrap_or_default()
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "is not an address and port, like 127.0.0.1:8080".to_owned())
}

fn parse_issuer(text: &str) -> Result<Issuer, String> {
    Issuer::parse(text).map_err(str::to_owned)
}

fn admin_address(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" { Ok(None) } else { address(text).map(Some) }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every parser here")]
fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every parser here")]
fn optional_path(text: &str) -> Result<Option<PathBuf>, String> {
    Ok(Some(PathBuf::from(text)))
}

fn connections(text: &str) -> Result<u32, String> {
    let most = text.parse().ok().filter(|most| (1..=1_000_000).contains(most));
    most.ok_or_else(|| "is no number from 1 to 1000000".to_owned())
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "is neither true nor false".to_owned())
}

fn level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| "is none of error, warn, info, debug, trace, off".to_owned())
}

fn proxies(text: &str) -> Result<TrustedProxies, String> {
    let one = |net: &str| {
        let net = net.trim();
        let address = || net.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
        net.parse().or_else(|_| address()).map_err(|_| format!("{net:?} is no network"))
    };
    text.split(',')
        .filter(|net| !net.trim().is_empty())
        .map(one)
        .collect::<Result<_, _>>()
        .map(TrustedProxies)
}

fn rsa_bits(text: &str) -> Result<u32, String> {
    let bits = text.parse().ok().filter(|bits| RSA_BITS.contains(bits));
    bits.ok_or_else(|| "is none of 2048, 3072, 4096".to_owned())
}

/// Reads `90`, `90s`, `15m`, `2h`, `30d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "is no duration, like 90s, 15m, 2h or 30d".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    let seconds = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        "d" => number.checked_mul(86_400),
        _ => None,
    };
    // A hundred years: far enough, and no instant overflows.
    seconds
        .filter(|seconds| (0..=3_153_600_000).contains(seconds))
        .map(Duration::seconds)
        .ok_or_else(wrong)
}

/// A duration in the form in which it is read.
#[must_use]
pub fn show_duration(duration: &Duration) -> String {
    let seconds = duration.num_seconds();
    match seconds {
        0 => "0s".to_owned(),
        seconds if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// Collects what is given, what is asked for and what is wrong.
#[derive(Default)]
struct Reader {
    file: BTreeMap<String, String>,
    social: Option<toml::Value>,
    environment: BTreeMap<String, String>,
    /// Names in the environment that are not ours alone.
    common: BTreeMap<String, String>,
    /// What stands in for a setting that is given nowhere else.
    aliases: BTreeMap<String, String>,
    flags: BTreeMap<String, String>,
    problems: Vec<Problem>,
    shown: Vec<Shown>,
}

impl Reader {
    fn read_file(&mut self, path: &Path) {
        let name = path.display().to_string();
        match std::fs::read_to_string(path).map(|text| text.parse::<toml::Table>()) {
            Ok(Ok(mut table)) => {
                self.social = table.remove("social");
                self.flatten("", &table);
            }
            Ok(Err(error)) => self.problem(&name, error.message().to_owned()),
            Err(error) => self.problem(&name, error.to_string()),
        }
    }

    fn flatten(&mut self, prefix: &str, table: &toml::Table) {
        for (name, value) in table {
            let key = format!("{prefix}{name}");
            let text = match value {
                toml::Value::Table(table) => {
                    self.flatten(&format!("{key}."), table);
                    continue;
                }
                toml::Value::String(text) => Some(text.clone()),
                toml::Value::Integer(_) | toml::Value::Boolean(_) => Some(value.to_string()),
                toml::Value::Array(items) => {
                    let items: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
                    items.map(|items| items.join(","))
                }
                toml::Value::Float(_) | toml::Value::Datetime(_) => None,
            };
            match text {
                Some(text) => drop(self.file.insert(key, text)),
                None => self.problem(&key, "is not a text, a number or a list of texts"),
            }
        }
    }

    fn problem(&mut self, key: &str, problem: impl Into<String>) {
        self.problems.push(Problem { key: key.to_owned(), problem: problem.into() });
    }

    fn given(&self, key: &str) -> Option<(String, &'static str)> {
        let flag = self.flags.get(key).map(|value| (value.clone(), "flag"));
        let environment = || Some((self.environment.get(&env(key))?.clone(), "environment"));
        let file = || Some((self.file.get(key)?.clone(), "file"));
        let alias = || Some((self.aliases.get(key)?.clone(), "environment"));
        flag.or_else(environment).or_else(file).or_else(alias)
    }

    fn alias(&mut self, key: &str, names: &[&str]) {
        if let Some(value) = names.iter().find_map(|name| self.common.get(*name)) {
            self.aliases.insert(key.to_owned(), value.clone());
        }
    }

    fn value(&self, key: &str) -> Option<String> {
        self.given(key).map(|(value, _)| value)
    }

    fn show(&mut self, key: &str, value: Option<String>, default: &str) {
        let source = self.given(key).map_or("default", |(_, source)| source);
        let value = value.unwrap_or_else(|| default.to_owned());
        self.shown.push(Shown { key: key.to_owned(), env: env(key), value, source });
    }

    fn get<T>(
        &mut self,
        key: &str,
        default: T,
        parse: impl Fn(&str) -> Result<T, String>,
        show: impl Fn(&T) -> String,
    ) -> T {
        let value = match self.value(key).map(|text| parse(&text)) {
            Some(Ok(value)) => value,
            Some(Err(problem)) => {
                self.problem(key, problem);
                default
            }
            None => default,
        };
        let shown = show(&value);
        self.show(key, Some(shown), "");
        value
    }

    fn duration(&mut self, key: &str, default: Duration) -> Duration {
        let positive = |text: &str| {
            let given = duration(text)?;
            if given > Duration::zero() { Ok(given) } else { Err("must be more than 0".to_owned()) }
        };
        self.get(key, default, positive, show_duration)
    }

    fn duration_or_zero(&mut self, key: &str, default: Duration) -> Duration {
        self.get(key, default, duration, show_duration)
    }

    fn session_life(&mut self, key: &str, idle: Duration, absolute: Duration) -> SessionLife {
        let (idle_key, absolute_key) =
            (format!("{key}.idle_lifetime"), format!("{key}.absolute_lifetime"));
        let life = SessionLife {
            idle: self.duration(&idle_key, idle),
            absolute: self.duration(&absolute_key, absolute),
        };
        if life.idle > life.absolute {
            self.problem(&idle_key, format!("must not be longer than {absolute_key}"));
        }
        life
    }

    fn number(&mut self, key: &str, default: u32) -> u32 {
        let parse = |text: &str| text.parse().map_err(|_| "is not a whole number".to_owned());
        self.get(key, default, parse, ToString::to_string)
    }

    fn limit(&mut self, key: &str, failures: u32, window: Duration) -> Limit {
        Limit {
            failures: self.number(&format!("{key}.failures"), failures),
            window: self.duration(&format!("{key}.window"), window),
        }
    }

    /// A secret: as a value, or in the file that `<key>_file` names.
    fn secret(&mut self, key: &str, default: Option<String>) -> Option<Zeroizing<String>> {
        let file_key = format!("{key}_file");
        let (text, file) = (self.value(key), self.value(&file_key));
        let from_file = file.clone().and_then(|file| match secret_file::read_text(file.as_ref()) {
            Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(unreadable) => {
                self.problem(&file_key, unreadable.to_string());
                None
            }
        });
        if text.is_some() && file.is_some() {
            self.problem(key, format!("is given together with {file_key}: choose one"));
        }
        let shown = text.as_deref().map(store::shown_url);
        self.show(key, shown, &default.as_deref().map(store::shown_url).unwrap_or_default());
        self.show(&file_key, file, "");
        text.or(from_file).or(default).map(Zeroizing::new)
    }

    fn finish(mut self, settings: Settings) -> Loaded {
        let files = unreadable(&settings);
        let known: Vec<String> = self.shown.iter().map(|shown| shown.key.clone()).collect();
        let unknown: Vec<String> =
            self.file.keys().filter(|key| !known.contains(key)).cloned().collect();
        for key in unknown {
            self.problem(&key, "is not a setting");
        }
        let names: Vec<String> = known.iter().map(|key| env(key)).collect();
        let unknown_env =
            self.environment.keys().filter(|name| !names.contains(name)).cloned().collect();
        let settings = if self.problems.is_empty() { Ok(settings) } else { Err(self.problems) };
        Loaded { settings, shown: self.shown, unknown_env, files }
    }
}

/// `token.access_lifetime` is `MAPAE_TOKEN_ACCESS_LIFETIME`.
fn env(key: &str) -> String {
    format!("MAPAE_{}", key.replace('.', "_").to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(environment: &[(&str, &str)]) -> Loaded {
        let environment = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        load(None, environment, &[])
    }

    #[test]
    fn the_defaults_are_good() {
        let settings = given(&[]).settings.unwrap();
        assert_eq!(settings.issuer.as_str(), "http://localhost:8080");
        assert_eq!(settings.lifetimes.access_token, Duration::minutes(10));
        assert_eq!(settings.key_rotation, Duration::days(90));
    }

    #[test]
    fn every_problem_is_reported_at_once_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mapae.toml");
        std::fs::write(&file, "isuer = \"x\"\n[token]\naccess_lifetime = \"soon\"\nrefres = 1\n")
            .unwrap();
        let environment = [("MAPAE_ISSUER".to_owned(), "http://example.com".to_owned())];
        let problems = load(Some(&file), environment, &[]).settings.unwrap_err();
        let mut keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["issuer", "isuer", "token.access_lifetime", "token.refres"]);
    }

    #[test]
    fn the_environment_wins_over_the_file_and_a_flag_over_both() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mapae.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\n[token]\nrefresh_grace = \"5s\"\n")
            .unwrap();
        let environment = || [("MAPAE_LISTEN".to_owned(), "127.0.0.1:2".to_owned())];
        let settings = load(Some(&file), environment(), &[]).settings.unwrap();
        assert_eq!(
            (settings.listen.port(), settings.lifetimes.refresh_grace.num_seconds()),
            (2, 5)
        );
        let flags = [("listen", "127.0.0.1:3".to_owned())];
        let settings = load(Some(&file), environment(), &flags).settings.unwrap();
        assert_eq!(settings.listen.port(), 3);
    }

    #[test]
    fn a_password_is_never_shown_and_what_cannot_be_read_is_named_by_its_setting() {
        for (url, is_good) in [
            ("postgres://mapae:hunter2@db/mapae", true),
            ("postgres://mapae@db/mapae?sslmode=require&password=hunter2", true),
            ("postgres://mapae:hunter2@[db/mapae", false),
            ("postgres://mapae:hunter2@db:99999/mapae", false),
            ("postgres://mapae:hunter2@db:$(PORT)/mapae", false),
            ("postgres://mapae:hunter2/@db/mapae", false),
            ("hunter2", false),
        ] {
            let loaded = given(&[("MAPAE_DATABASE_URL", url), ("MAPAE_MASTER_KEY", "s3cret-key")]);
            let shown = serde_json::to_string(&loaded.shown).unwrap();
            assert!(!shown.contains("hunter2") && !shown.contains("s3cret-key"), "{shown}");
            match loaded.settings {
                Ok(settings) => assert!(is_good && settings.database_url == url, "{url}"),
                Err(problems) => {
                    assert!(!is_good && problems.len() == 1, "{url}: {problems:?}");
                    assert_eq!(problems[0].key, "database_url");
                    assert!(!problems[0].problem.contains("hunter2"), "{url}: {problems:?}");
                }
            }
        }
    }

    #[test]
    fn a_proxy_is_found_by_the_usual_names_and_its_password_is_not_shown() {
        let proxy = |environment: &[(&str, &str)]| {
            let loaded = given(environment);
            let shown = serde_json::to_string(&loaded.shown).unwrap();
            assert!(!shown.contains("hunter2"), "{shown}");
            loaded.settings.map(|settings| settings.outbound.proxy)
        };
        let url = "http://me:hunter2@proxy.example:3128";
        let found = proxy(&[("https_proxy", url), ("NO_PROXY", "example.com")]).unwrap().unwrap();
        assert_eq!((found.url.expose(), found.bypass.as_str()), (url, "example.com"));
        let own = [("HTTPS_PROXY", "http://other"), ("MAPAE_OUTBOUND_PROXY", url)];
        assert_eq!(proxy(&own).unwrap().unwrap().url.expose(), url);
        for none in [&[][..], &[("HTTPS_PROXY", url), ("MAPAE_OUTBOUND_PROXY", "off")]] {
            assert_eq!(proxy(none).unwrap(), None);
        }
        let problems = proxy(&[("MAPAE_OUTBOUND_PROXY", "socks5://me:hunter2@x")]).unwrap_err();
        assert_eq!(problems[0].key, "outbound.proxy");
        assert!(!problems[0].problem.contains("hunter2"));
    }

    #[test]
    fn durations() {
        for (text, seconds) in
            [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("30d", 2_592_000)]
        {
            assert_eq!(duration(text), Ok(Duration::seconds(seconds)), "{text}");
        }
        for bad in ["", "s", "1w", "-1s", "1.5h", "99999999999999999999d", "999999999d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
