//! All settings: the list of the structs that declare them, and the checks that compare settings of
//! different rooms.
//!
//! To add a setting, add its line in the room that uses it (see [`crate::settings`]). To add a
//! struct of settings, list it here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration as StdDuration;

use serde_json::Value;
use tracing::level_filters::LevelFilter;

use super::otlp::Otlp;
use super::providers;
use super::retention::Kept;
use super::terms;
use crate::accounts::attempt_limits::AttemptLimits;
use crate::accounts::breached_passwords::PasswordLists;
use crate::accounts::browsers::SessionLifetimes;
use crate::accounts::deletion::DeletionPolicy;
use crate::accounts::hashing::Hashing;
use crate::accounts::mail_limits::MailLimits;
use crate::accounts::passkeys::relying_party::PasskeySettings;
use crate::accounts::reachable::SignInMethods;
use crate::accounts::second_factor::SecondFactorRules;
use crate::accounts::sign_up::SignUpSettings;
use crate::domain::address::TrustedProxies;
use crate::domain::clock::SKEW;
use crate::domain::provider::Registration;
use crate::domain::terms::Terms;
use crate::domain::urls::Issuer;
use crate::keys::keyring::{Policy, Schedule};
use crate::keys::ring::Memory;
use crate::keys::seal::MasterKeySource;
use crate::keys::secret_file;
use crate::mail::MailSettings;
pub use crate::net::listener::Http;
use crate::net::mutual_tls::MutualTlsSettings;
use crate::net::tls::Files;
use crate::oauth::authorize::settings::RequestSettings;
use crate::oauth::lifetimes::{self, Lifetimes};
use crate::oauth::mcp::McpSettings;
use crate::oauth::possession::PossessionSettings;
use crate::oauth::registration::settings::{DocumentSettings, RegistrationSettings};
use crate::oauth::status::settings::{StatusListSettings, epoch_file};
use crate::oauth::token::id_jag::IdJagSettings;
use crate::rate_limits::RateLimits;
use crate::redis_client::settings::RedisSettings;
use crate::settings::collected::{Collected, NamedFile, UnknownName};
use crate::settings::kinds::{address, address_or_off, duration, duration_or_zero};
use crate::settings::value_type::{Holds, ValueType};
use crate::settings::{
    Collector, Declared, InForce, Section, Setting, SettingProblem, Sources, group, reference,
    schema, section, settings,
};
use crate::web::admin_api::settings::{AdminSettings, ApiPlace};
use crate::web::edge::StrictTransport;
use crate::{outbound, pages, store};

settings! {
    /// Checked settings.
    #[derive(Clone, Debug)]
    pub struct Settings in "Server", checked by Settings::check {
        /// The URL that names this server to clients and people, byte for byte. It may have a path.
        /// Plain http is for loopback alone.
        pub issuer: Issuer = issuer(),
        /// The main listener: plain HTTP/1.1 for a proxy with TLS in front of it, or TLS of its own.
        pub listen: SocketAddr = address("listen", SocketAddr::from(([127, 0, 0, 1], 8080))),
        /// The listener of `/metrics` for Prometheus; `off` turns it off. It must never be public.
        pub admin_listen: Option<SocketAddr> =
            address_or_off("admin_listen", SocketAddr::from(([127, 0, 0, 1], 9090))),
        /// Whether somebody chose it: a server starts without metrics rather than not at all when
        /// another one has the default port.
        pub admin_listen_chosen: bool = group(|from| from.is_given("admin_listen")),
        /// Networks whose `X-Forwarded-For` is believed, for the client address alone; with an
        /// `mtls.ca_file` and without `mtls.listen` also their `Client-Cert` (RFC 9440), so each proxy
        /// must then replace what clients send as `Client-Cert` and `Client-Cert-Chain`. Ports, brackets
        /// and IPv6 zones in an address are left out. What cannot be read is warned of once, and the proxy
        /// itself counts as the client.
        pub trusted_proxies: TrustedProxies = trusted_proxies(),
        /// The least that is logged. No level logs a secret. Every line that is written while a request
        /// is answered has its `request_id` (the `X-Request-Id` of the answer), `method` and `route`. At
        /// `info` every answer that says no has at least one line; a refusal is `refused a request` with
        /// `client_id`, `error`, `reason`, `description`, the client `address` and the offending `value`.
        pub log: LevelFilter = log(),
        /// How a server stops.
        pub shutdown: Shutdown = section(),
        /// What bounds the connections of the main listener.
        pub http: Http = section(),
        /// The certificate of the main listener; none when a proxy in front has it.
        pub tls: Option<Files> = group(Files::read),
        /// How client certificates are taken.
        pub mtls: MutualTlsSettings = group(MutualTlsSettings::read),
        /// How far browsers are told to come over TLS alone.
        pub strict_transport: StrictTransport = group(StrictTransport::read),
        /// The database.
        pub database_url: String = group(store::url),
        /// A standby of the database, from which lists are read that may be stale.
        pub database_read_url: Option<String> = group(store::read_url),
        /// How the database is used.
        pub database: store::Options = section(),
        /// The master key.
        pub master_key: MasterKeySource = section(),
        /// When signing keys change.
        pub keys: Schedule = section(),
        /// How long tokens live.
        pub lifetimes: Lifetimes = section(),
        /// How status lists are made.
        pub status_lists: StatusListSettings = section(),
        /// Where the epoch file is, if somebody chose it.
        pub epoch_file: Option<PathBuf> = group(epoch_file),
        /// How apps register themselves.
        pub registration: RegistrationSettings = section(),
        /// What MCP clients find here.
        pub mcp: McpSettings = section(),
        /// Grants of and for other authorization servers.
        pub id_jag: IdJagSettings = section(),
        /// Whose client ID metadata documents are taken. It is read after `mcp`, which decides on its default.
        pub documents: DocumentSettings = section(),
        /// How proofs of possession are taken.
        pub possession: PossessionSettings = section(),
        /// So many families one person may have at one client.
        pub families_per_client: u32 = group(lifetimes::families_per_client),
        /// How long browser sessions live.
        pub sessions: SessionLifetimes = section(),
        /// How people delete their accounts.
        pub deletion: DeletionPolicy = section(),
        /// How the administration works.
        pub admin: AdminSettings = section(),
        /// The limits of failed sign-ins.
        pub limits: AttemptLimits = section(),
        /// The limits of requests.
        pub rate_limits: RateLimits = section(),
        /// How authorization requests have to come.
        pub requests: RequestSettings = section(),
        /// Redis.
        pub redis: RedisSettings = section(),
        /// When people are asked for a second factor.
        pub second_factors: SecondFactorRules = section(),
        /// The limits of mails that people ask for.
        pub mail_limits: MailLimits = section(),
        /// How people make accounts themselves.
        pub sign_up: SignUpSettings = section(),
        /// The documents that people are asked to accept.
        pub terms: Terms = group(terms::read),
        /// Password hashing.
        pub hashing: Hashing = section(),
        /// Passkeys.
        pub passkeys: PasskeySettings = section(),
        /// Which sign-in methods people have beside passwords and providers.
        pub sign_in_methods: SignInMethods = section(),
        /// What is checked about new passwords.
        pub passwords: PasswordLists = section(),
        /// Calls to the addresses that clients name.
        pub outbound: outbound::Config = section(),
        /// The providers of social login that stand in the file.
        pub social: Vec<Registration> = group(providers::read),
        /// The look of the pages.
        pub pages: pages::Settings = section(),
        /// Mails to people.
        pub mail: MailSettings = section(),
        /// How long audit events are kept.
        pub audit: Kept = section(),
        /// Where traces and metrics are sent.
        pub otlp: Otlp = section(),
        /// Every setting as it is shown. It stands last, so that it has them all.
        pub in_force: Vec<InForce> = group(|from| from.in_force()),
    }
}

settings! {
    /// How a server stops.
    #[derive(Clone, Copy, Debug)]
    pub struct Shutdown in "Server" {
        /// Between "not ready" and closing the listener, so that a balancer sees it.
        pub delay: StdDuration = duration_or_zero("shutdown.delay", StdDuration::from_secs(2)),
        /// For what still runs then, whatever it is.
        pub deadline: StdDuration = duration("shutdown.deadline", StdDuration::from_secs(20)),
    }
}

impl Settings {
    fn check(&self, from: &mut Collector) {
        if self.tls.is_some() && !self.issuer.is_https() {
            from.problem("issuer", "must be https when there is a tls.cert_file");
        }
        if self.mtls.listen.is_some() && self.mtls.files.is_none() && self.tls.is_none() {
            from.problem("mtls.listen", "needs a certificate: mtls.cert_file or tls.cert_file");
        }
        if self.mtls.url.as_ref().is_some_and(|url| url.path() != self.issuer.path()) {
            from.problem("mtls.url", "must have the path of the issuer, and no other");
        }
        if self.admin.api == ApiPlace::Admin && self.admin_listen.is_none() {
            from.problem("admin.api", "is on the admin listener, but admin_listen is off");
        }
        providers::check(&self.social, self.outbound.allow_private, from);
        if let Some(url) = &self.passwords.range_url
            && !outbound::may_call(url, self.outbound.allow_private)
        {
            let why = "is at an address that this server never calls: it must be https and public, unless outbound.allow_private says otherwise";
            from.problem("passwords.range_url", why);
        }
    }

    /// Whether a client certificate counts that a trusted proxy hands on in a header, RFC 9440: where no
    /// listener asks for certificates.
    #[must_use]
    pub fn takes_certificates_of_proxies(&self) -> bool {
        let Self { mtls, trusted_proxies, .. } = self;
        mtls.listen.is_none() && mtls.ca_file.is_some() && !trusted_proxies.0.is_empty()
    }

    /// The key policy that follows from these settings.
    #[must_use]
    pub fn key_policy(&self) -> Policy {
        let longest = self.lifetimes.access_token.max(self.lifetimes.id_token);
        let Schedule { rotation, lead, jwks_max_age, rsa_bits, .. } = self.keys;
        let memory =
            Memory { published: longest + SKEW, remembered: self.lifetimes.refresh_absolute };
        Policy { rotation, lead, jwks_max_age, memory, rsa_bits }
    }

    /// The database for logs and messages: the absolute path of a file, or a URL without its
    /// password.
    #[must_use]
    pub fn database(&self) -> String {
        match store::sqlite_path(&self.database_url) {
            Ok(Some(file)) => absolute(&file).display().to_string(),
            _ => store::shown_url(&self.database_url),
        }
    }
}

/// The absolute path, whether or not the file exists.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

fn issuer() -> Setting<Issuer> {
    let parse = |text: &str| Issuer::parse(text).map_err(str::to_owned);
    let show = |issuer: &Issuer| issuer.as_str().to_owned();
    Setting::new("issuer", ValueType::Text("URL"), Issuer::localhost(), parse, show)
}

fn trusted_proxies() -> Setting<TrustedProxies> {
    let one = |net: &str| {
        let net = net.trim();
        let address = || net.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
        net.parse()
            .or_else(|_| address())
            .map_err(|_| format!("{net:?} is not a network, like 10.0.0.0/8"))
    };
    let parse = move |text: &str| {
        let nets = text.split(',').filter(|net| !net.trim().is_empty());
        nets.map(one).collect::<Result<_, _>>().map(TrustedProxies)
    };
    let show = |proxies: &TrustedProxies| {
        let nets: Vec<_> = proxies.0.iter().map(ToString::to_string).collect();
        nets.join(",")
    };
    let form = ValueType::List("networks and addresses");
    Setting::new("trusted_proxies", form, TrustedProxies::default(), parse, show)
}

fn log() -> Setting<LevelFilter> {
    let levels = ["error", "warn", "info", "debug", "trace", "off"];
    let parse =
        move |text: &str| text.parse().map_err(|_| format!("is not one of {}", levels.join(", ")));
    let show = |level: &LevelFilter| level.to_string().to_lowercase();
    Setting::new("log", ValueType::OneOf(levels.to_vec()), LevelFilter::INFO, parse, show)
}

/// The result of reading the settings.
#[derive(Debug)]
pub struct Loaded {
    /// The settings, or all their problems.
    pub settings: Result<Settings, Vec<SettingProblem>>,
    /// The settings as far as they could be read: a value that is wrong has its default.
    pub as_read: Settings,
    /// The values that are in force.
    pub shown: Vec<InForce>,
    /// Environment variables that have our prefix but name no setting.
    pub unknown_env: Vec<UnknownName>,
    /// Problems of files that the settings name and that a server needs. They do not count as
    /// problems of the settings: another verb may run under a system user who cannot read these
    /// files.
    pub files: Vec<SettingProblem>,
    /// All files and folders that the settings name.
    pub named: Vec<NamedFile>,
}

/// Reads a file, the environment and flags. A flag wins over the environment, and the environment
/// over the file.
#[must_use]
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[(&str, String)],
) -> Loaded {
    let mut sources = Sources::default();
    if let Some(path) = file {
        sources.read_file(path, &[providers::NAME, terms::NAME]);
    }
    sources.read_environment(environment);
    for (path, value) in flags {
        sources.set(path, value);
    }
    let (as_read, collected) = collect(sources);
    let Collected { in_force: shown, problems, unknown_env, files: named, .. } = collected;
    let files = named.iter().filter_map(unreadable).collect();
    let settings = if problems.is_empty() { Ok(as_read.clone()) } else { Err(problems) };
    Loaded { settings, as_read, shown, unknown_env, files, named }
}

fn collect(sources: Sources) -> (Settings, Collected) {
    let read_secret = |path: &Path| secret_file::read_text(path).map_err(|error| error.to_string());
    let mut from = Collector::new(sources, read_secret);
    let settings = Settings::read(&mut from);
    (settings, from.finish())
}

/// The problem of a file or folder that must exist and be readable.
fn unreadable(named: &NamedFile) -> Option<SettingProblem> {
    let path = named.path.as_path();
    let plain = |error| format!("{}: {error}", path.display());
    let wrong = match named.holds {
        Holds::Secret => secret_file::read(path).err().map(|error| error.to_string()),
        Holds::File => std::fs::read(path).err().map(plain),
        Holds::Folder => std::fs::read_dir(path).err().map(plain),
        Holds::Written | Holds::Anything => None,
    };
    wrong.map(|problem| named.problem(problem))
}

/// Every declared setting.
#[must_use]
pub fn declared() -> Vec<Declared> {
    collect(Sources::default()).1.declared
}

/// The reference of all settings, in Markdown.
#[must_use]
pub fn reference() -> String {
    let collected = collect(Sources::default()).1;
    reference::markdown(&collected.declared, &collected.tables)
}

/// The JSON Schema of the settings file.
#[must_use]
pub fn schema() -> Value {
    let collected = collect(Sources::default()).1;
    schema::json(&collected.declared, &collected.tables)
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::domain::document_trust::DocumentTrust;

    fn given(environment: &[(&str, &str)]) -> Loaded {
        let environment = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        load(None, environment, &[])
    }

    #[test]
    fn the_defaults_are_good() {
        let settings = given(&[]).settings.unwrap();
        assert_eq!(settings.issuer.as_str(), "http://localhost:8080");
        assert_eq!(settings.lifetimes.access_token, Duration::minutes(10));
        assert_eq!(settings.keys.rotation, Duration::days(90));
    }

    #[test]
    fn whoever_turns_mcp_on_takes_documents_of_clients_unless_they_say_otherwise() {
        let trust =
            |environment: &[(&str, &str)]| given(environment).settings.unwrap().documents.trust;
        let on = ("MAPAE_MCP_ENABLED", "true");
        assert_eq!(trust(&[]), DocumentTrust::None);
        assert_eq!(trust(&[on]), DocumentTrust::Any);
        assert_eq!(trust(&[on, ("MAPAE_CIMD_TRUST", "none")]), DocumentTrust::None);
        assert_eq!(trust(&[on, ("MAPAE_CIMD_TRUST", "listed")]), DocumentTrust::Listed);
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
        let master_key = "5e".repeat(32);
        for (url, is_good) in [
            ("postgres://mapae:hunter2@db/mapae", true),
            ("postgres://mapae@db/mapae?sslmode=require&password=hunter2", true),
            ("postgres://mapae:hunter2@[db/mapae", false),
            ("postgres://mapae:hunter2@db:99999/mapae", false),
            ("postgres://mapae:hunter2@db:$(PORT)/mapae", false),
            ("postgres://mapae:hunter2/@db/mapae", false),
            ("hunter2", false),
        ] {
            let loaded =
                given(&[("MAPAE_DATABASE_URL", url), ("MAPAE_MASTER_KEY", master_key.as_str())]);
            let shown = serde_json::to_string(&loaded.shown).unwrap();
            assert!(!shown.contains("hunter2") && !shown.contains(&master_key), "{shown}");
            match loaded.settings {
                Ok(settings) => assert!(is_good && settings.database_url == url, "{url}"),
                Err(problems) => {
                    assert!(!is_good && problems.len() == 1, "{url}: {problems:?}");
                    assert_eq!(problems[0].key, "database.url");
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
        assert_eq!((found.url.expose().as_str(), found.bypass.as_str()), (url, "example.com"));
        let own = [("HTTPS_PROXY", "http://other"), ("MAPAE_OUTBOUND_PROXY", url)];
        assert_eq!(proxy(&own).unwrap().unwrap().url.expose(), url);
        for none in [&[][..], &[("HTTPS_PROXY", url), ("MAPAE_OUTBOUND_PROXY", "off")]] {
            assert_eq!(proxy(none).unwrap(), None);
        }
        let problems = proxy(&[("MAPAE_OUTBOUND_PROXY", "socks5://me:hunter2@x")]).unwrap_err();
        assert_eq!(problems[0].key, "outbound.proxy");
        assert!(!problems[0].problem.contains("hunter2"));
    }
}
