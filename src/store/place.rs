//! The location of the database: the URL, parsed so that its secrets are never shown.
//!
//! The driver reads only one host, and prints the whole URL when it cannot read it. So the parts
//! that may be wrong are read here, and every problem is a sentence without any text of the URL.

use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::sqlite::SqliteConnectOptions;

use crate::domain::verdict::Fault;

/// The place that a database URL names.
#[derive(Clone, Debug)]
pub(super) enum DatabasePlace {
    /// An SQLite file.
    Sqlite(Box<SqliteConnectOptions>),
    /// One or several servers of a Postgres database.
    Postgres(Box<Postgres>),
}

/// The servers of a Postgres database.
#[derive(Clone, Debug)]
pub(super) struct Postgres {
    /// The hosts, which are tried in this order.
    pub(super) hosts: Vec<Host>,
    /// Whether a server that cannot be written to is skipped.
    pub(super) must_write: bool,
    /// All other options.
    pub(super) options: PgConnectOptions,
    /// The file of the certificate authority.
    pub(super) authority: Option<PathBuf>,
    /// Parameters of the URL that are not used.
    pub(super) unused: Vec<String>,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// A name or an address (without brackets), and a port.
    Tcp(String, u16),
    /// A folder with a socket, and the port that is part of its name.
    Socket(PathBuf, u16),
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Socket(folder, port) => write!(f, "{}/.s.PGSQL.{port}", folder.display()),
        }
    }
}

impl Host {
    /// The options of the driver for this server.
    pub(super) fn on(&self, options: &PgConnectOptions) -> PgConnectOptions {
        match self {
            Self::Tcp(host, port) => options.clone().host(host).port(*port),
            Self::Socket(folder, port) => options.clone().socket(folder).port(*port),
        }
    }
}

/// The port of Postgres.
const PORT: u16 = 5432;
/// The hint for a URL in which a special character of a secret was probably not encoded.
const ENCODE: &str =
    "a character like / ? # @ : in the user name or the password must be percent-encoded";
/// The parameters that the driver reads. Those that this module reads itself are not listed.
const KNOWN: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];
/// The names of the parameter for the file of a certificate authority.
const AUTHORITIES: &[&str] = &["sslrootcert", "ssl-root-cert", "ssl-ca"];
const SSL_MODES: &[&str] = &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

impl DatabasePlace {
    /// Reads a URL. The error contains nothing of its text.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        if url.starts_with("sqlite:") {
            return match SqliteConnectOptions::from_str(url) {
                Ok(_) if url.contains(":memory:") || url.contains("mode=memory") => {
                    Err("must be a file: nothing survives in memory".to_owned())
                }
                Ok(options) => Ok(Self::Sqlite(Box::new(options))),
                Err(_) => {
                    Err("is not a SQLite URL, like sqlite:///var/lib/mapae/mapae.db".to_owned())
                }
            };
        }
        let rest =
            ["postgres://", "postgresql://"].iter().find_map(|start| url.strip_prefix(start));
        let rest = rest.ok_or("must begin with sqlite:// or postgres://")?;
        Parts::of(rest)?.postgres().map(|place| Self::Postgres(Box::new(place)))
    }
}

/// The URL without its secrets, to be shown to people.
fn shown(url: &str) -> String {
    match DatabasePlace::parse(url) {
        Ok(DatabasePlace::Sqlite(_)) => url.to_owned(),
        Ok(DatabasePlace::Postgres(place)) => {
            let hosts: Vec<_> = place.hosts.iter().map(ToString::to_string).collect();
            let database = place.options.get_database().unwrap_or_default();
            let user = place.options.get_username();
            format!("postgres://{user}@{}/{database}", hosts.join(","))
        }
        Err(_) => "(cannot be read)".to_owned(),
    }
}

/// The parts of a Postgres URL after its scheme (RFC 3986 §3, except for the list of hosts).
struct Parts<'a> {
    secrets: &'a str,
    hosts: &'a str,
    path: &'a str,
    parameters: Vec<(String, String)>,
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str) -> Result<Self, String> {
        if rest.contains('#') {
            return Err(format!("cannot be read: {ENCODE}"));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_-[].".contains(c);
        let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
        if path.contains('@') || !names.clone().all(|name| name.chars().all(is_word)) {
            return Err(format!("cannot be read: {ENCODE}"));
        }
        let (secrets, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let parameters = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Self { secrets, hosts, path, parameters })
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let mut found = self.parameters.iter().filter(|(key, _)| key == name);
        found.next_back().map(|(_, value)| value.as_str())
    }

    fn postgres(&self) -> Result<Postgres, String> {
        let hosts = self.hosts()?;
        let must_write = match self.parameter("target_session_attrs") {
            Some("read-write" | "primary") => true,
            Some("any") => false,
            None => hosts.len() > 1,
            Some(_) => {
                return Err(
                    "has a target_session_attrs that is not one of read-write, primary, any"
                        .to_owned(),
                );
            }
        };
        let mode = self.parameter("sslmode").or_else(|| self.parameter("ssl-mode"));
        if mode.is_some_and(|mode| !SSL_MODES.contains(&mode)) {
            return Err(format!("has an sslmode that is not one of {}", SSL_MODES.join(", ")));
        }
        // Whoever names an authority wants it to be asked. The driver would accept any certificate,
        // or no TLS at all.
        let authority = AUTHORITIES.iter().find_map(|name| self.parameter(name));
        let has_ca = authority.is_some();
        let stricter = match mode {
            None if has_ca => Some(PgSslMode::VerifyFull),
            // libpq does so, too.
            Some("require") if has_ca => Some(PgSslMode::VerifyCa),
            Some("disable" | "allow" | "prefer") if has_ca => {
                return Err(
                    "names a certificate authority and an sslmode that does not ask it: use sslmode=verify-full"
                        .to_owned(),
                );
            }
            _ => None,
        };
        // The driver reads the rest, with one host that is replaced later.
        let is_known = |name: &str| KNOWN.contains(&name) || name.starts_with("options[");
        let here = ["host", "hostaddr", "port", "target_session_attrs"];
        let (known, others): (Vec<_>, Vec<_>) =
            self.parameters.iter().partition(|(name, _)| is_known(name));
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(known).finish();
        let at = if self.secrets.is_empty() { "" } else { "@" };
        let url = format!("postgres://{}{at}localhost/{}?{query}", self.secrets, self.path);
        let options = PgConnectOptions::from_str(&url)
            .map_err(|_| format!("is not a Postgres URL that can be read: {ENCODE}"))?;
        let options = match stricter {
            Some(mode) => options.ssl_mode(mode),
            None => options,
        };
        let unused = others.into_iter().map(|(name, _)| name.clone());
        let unused = unused.filter(|name| !here.contains(&name.as_str())).collect();
        let authority = authority.map(PathBuf::from);
        Ok(Postgres { hosts, must_write, options, authority, unused })
    }

    /// The hosts of the authority, or those of the parameter `host`, in the way of libpq.
    fn hosts(&self) -> Result<Vec<Host>, String> {
        let ports = self.parameter("port").map(|ports| ports.split(',').collect::<Vec<_>>());
        let port_at = |at: usize| match ports.as_deref() {
            None => Ok(PORT),
            Some([one]) => port(one),
            Some(many) => many.get(at).map_or(Ok(PORT), |one| port(one)),
        };
        if let Some(hosts) = self.parameter("hostaddr").or_else(|| self.parameter("host")) {
            let host = |(at, host): (usize, &str)| match host {
                socket if socket.starts_with('/') => Ok(Host::Socket(socket.into(), port_at(at)?)),
                host => Ok(Host::Tcp(name(host)?, port_at(at)?)),
            };
            return hosts.split(',').enumerate().map(host).collect();
        }
        let host = |(at, one): (usize, &str)| {
            let behind_brackets = one.rfind(']').map_or(0, |end| end + 1);
            let (host, given) = match one.get(behind_brackets..).and_then(|end| end.find(':')) {
                Some(colon) => {
                    let (host, given) = one.split_at(behind_brackets + colon);
                    (host, Some(given.trim_start_matches(':')))
                }
                None => (one, None),
            };
            let port = given.map_or_else(|| port_at(at), port)?;
            let decoded = percent_decoded(host);
            match decoded.as_str() {
                "" => Ok(Host::Tcp("localhost".to_owned(), port)),
                socket if socket.starts_with('/') => Ok(Host::Socket(socket.into(), port)),
                host => Ok(Host::Tcp(name(host)?, port)),
            }
        };
        self.hosts.split(',').enumerate().map(host).collect()
    }
}

fn percent_decoded(text: &str) -> String {
    // A form without `=` is one name. In a host, `+` stands for itself.
    let text = text.replace('+', "%2B");
    url::form_urlencoded::parse(text.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| format!("has a port that is not a number from 1 to 65535, or {ENCODE}"))
}

/// A host name or an address; an IPv6 address without its brackets.
fn name(text: &str) -> Result<String, String> {
    let wrong = || format!("has a host that is none, or {ENCODE}");
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or_else(wrong)?;
        inner.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
        return Ok(inner.to_owned());
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_address = text.parse::<std::net::IpAddr>().is_ok();
    if !text.is_empty() && (text.chars().all(is_name) || is_address) {
        Ok(text.to_owned())
    } else {
        Err(wrong())
    }
}

/// What is wrong with a database URL. The error contains nothing of its text, which may hold a
/// password.
pub fn check_url(url: &str) -> Result<(), String> {
    DatabasePlace::parse(url).map(drop)
}

/// Whether connections to another machine may be made without TLS, or to whoever answers there.
#[must_use]
pub fn may_be_overheard(url: &str) -> bool {
    let is_here = |host: &Host| match host {
        Host::Socket(..) => true,
        Host::Tcp(name, _) if name == "localhost" => true,
        Host::Tcp(name, _) => name.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback()),
    };
    let verifies = |options: &PgConnectOptions| {
        matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull)
    };
    matches!(DatabasePlace::parse(url), Ok(DatabasePlace::Postgres(place))
        if !verifies(&place.options) && !place.hosts.iter().all(is_here))
}

/// The URL with the file of a certificate authority as one of its parameters.
pub(super) fn with_ca(url: &str, file: &str) -> Result<String, String> {
    let DatabasePlace::Postgres(_) = DatabasePlace::parse(url)? else {
        return Err("must begin with postgres://".to_owned());
    };
    let names_ca = |pair: &str| AUTHORITIES.iter().any(|name| pair.split('=').next() == Some(name));
    let query = url.split_once('?').map(|(_, query)| query);
    if query.is_some_and(|query| query.split('&').any(names_ca)) {
        return Err("must not name a certificate authority too".to_owned());
    }
    let pair = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("sslrootcert", file)
        .finish();
    let url = format!("{url}{}{pair}", if query.is_some() { '&' } else { '?' });
    DatabasePlace::parse(&url).map(|_| url)
}

/// A database URL without its secrets.
#[must_use]
pub fn shown_url(url: &str) -> String {
    shown(url)
}

pub(super) fn read(url: &str) -> Result<DatabasePlace, Fault> {
    let place = DatabasePlace::parse(url).map_err(|problem| {
        Fault::internal("reading the database URL", format!("database.url {problem}"))
    })?;
    // The driver would not say which file it means, and would accept a file without a certificate.
    if let DatabasePlace::Postgres(postgres) = &place
        && let Some(file) = &postgres.authority
    {
        let fault = |why: String| {
            let why = format!("{}: {why}", file.display());
            Fault::internal("reading the certificate authority of the database", why)
        };
        let text = std::fs::read_to_string(file).map_err(|error| fault(error.to_string()))?;
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            return Err(fault("there is no certificate in it".to_owned()));
        }
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(url: &str) -> Vec<String> {
        match DatabasePlace::parse(url) {
            Ok(DatabasePlace::Postgres(place)) => {
                place.hosts.iter().map(ToString::to_string).collect()
            }
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn hosts_are_read_as_libpq_reads_them() {
        for (url, expected) in [
            ("postgres://db/mapae", &["db:5432"][..]),
            ("postgresql://mapae:secret@db.example.com:6432/mapae", &["db.example.com:6432"]),
            ("postgres://mapae@[::1]/mapae", &["[::1]:5432"]),
            ("postgres://mapae@[2001:db8::2]:6432/mapae", &["[2001:db8::2]:6432"]),
            ("postgres:///mapae?host=/run/postgresql", &["/run/postgresql/.s.PGSQL.5432"]),
            ("postgres://mapae@/mapae?host=/run/pg&port=6432", &["/run/pg/.s.PGSQL.6432"]),
            ("postgres://mapae@%2Frun%2Fpg/mapae", &["/run/pg/.s.PGSQL.5432"]),
            ("postgres://m:p@a:1,b,[::1]:3/mapae", &["a:1", "b:5432", "[::1]:3"]),
            ("postgres://m@/mapae?host=a,b&port=1,2", &["a:1", "b:2"]),
            ("postgres://m@a,b/mapae?port=6432", &["a:6432", "b:6432"]),
            ("postgres://m:p%40%2F@127.0.0.1/mapae?sslmode=require", &["127.0.0.1:5432"]),
        ] {
            assert_eq!(hosts(url), expected, "{url}");
        }
    }

    #[test]
    fn several_hosts_are_passed_over_until_one_can_be_written_to() {
        for (url, expected) in [
            ("postgres://a/m", false),
            ("postgres://a,b/m", true),
            ("postgres://a,b/m?target_session_attrs=any", false),
            ("postgres://a/m?target_session_attrs=read-write", true),
        ] {
            let Ok(DatabasePlace::Postgres(place)) = DatabasePlace::parse(url) else {
                panic!("{url}")
            };
            assert_eq!(place.must_write, expected, "{url}");
        }
        assert!(DatabasePlace::parse("postgres://a/m?target_session_attrs=standby").is_err());
    }

    #[test]
    fn what_cannot_be_read_is_told_without_a_word_of_it() {
        for url in [
            "postgres://mapae:hunter2@db:99999/mapae",
            "postgres://mapae:hunter2@db:0/mapae",
            "postgres://mapae:hunter2@db:$(PORT)/mapae",
            "postgres://mapae:hunter2/x@db/mapae",
            "postgres://hunter2:5432/x@db/mapae",
            "postgres://mapae:hunter2#x@db/mapae",
            "postgres://mapae:hunter2?x@db/mapae",
            "postgres://mapae:5432?hunter2@db/mapae",
            "postgres://mapae:hunter2@[db/mapae",
            "postgres://mapae:hunter2@[::1/mapae",
            "postgres://mapae:hunter2@d b/mapae",
            "postgres://mapae:hunter2@db/mapae?sslmode=hunter2",
            "mysql://mapae:hunter2@db/mapae",
            "hunter2",
            "",
        ] {
            let problem = DatabasePlace::parse(url).expect_err(url);
            assert!(!problem.contains("hunter2"), "{url}: {problem}");
            assert!(!shown(url).contains("hunter2"), "{url}");
        }
    }

    #[test]
    fn an_authority_that_is_named_is_asked() {
        let mode = |url: &str| match DatabasePlace::parse(url) {
            Ok(DatabasePlace::Postgres(place)) => {
                Some(format!("{:?}", place.options.get_ssl_mode()))
            }
            _ => None,
        };
        for (parameters, expected) in [
            ("", Some("Prefer")),
            ("?sslmode=verify-full", Some("VerifyFull")),
            ("?sslrootcert=/ca.pem", Some("VerifyFull")),
            ("?sslmode=verify-ca&sslrootcert=/ca.pem", Some("VerifyCa")),
            ("?sslmode=require", Some("Require")),
            ("?sslmode=require&ssl-ca=/ca.pem", Some("VerifyCa")),
            ("?sslmode=prefer&sslrootcert=/ca.pem", None),
            ("?sslmode=disable&ssl-root-cert=/ca.pem", None),
        ] {
            let url = format!("postgres://m@db/m{parameters}");
            assert_eq!(mode(&url).as_deref(), expected, "{url}");
        }
        let url = with_ca("postgres://m@db/m?application_name=x", "/a b/ca.pem").unwrap();
        assert_eq!(url, "postgres://m@db/m?application_name=x&sslrootcert=%2Fa+b%2Fca.pem");
        assert_eq!(mode(&url).as_deref(), Some("VerifyFull"));
        for url in [
            "sqlite://x.db",
            "postgres://m@db/m?sslmode=disable",
            "postgres://m@db/m?sslrootcert=/x",
        ] {
            assert!(with_ca(url, "/ca.pem").is_err(), "{url}");
        }
    }

    #[test]
    fn another_machine_is_reached_over_tls_for_certain_only_if_the_url_says_so() {
        for (url, expected) in [
            ("sqlite://x.db", false),
            ("postgres://m@localhost/m", false),
            ("postgres://m@[::1],127.0.0.1/m", false),
            ("postgres:///m?host=/run/postgresql", false),
            ("postgres://m@db/m", true),
            ("postgres://m@127.0.0.1,db/m?sslmode=require", true),
            ("postgres://m@db/m?sslmode=verify-full", false),
            ("postgres://m@db/m?sslrootcert=/ca.pem", false),
        ] {
            assert_eq!(may_be_overheard(url), expected, "{url}");
        }
    }

    #[test]
    fn what_is_shown_has_no_password() {
        for url in [
            "postgres://mapae:hunter2@db/mapae",
            "postgres://mapae@db/mapae?sslmode=require&password=hunter2",
            "postgres://mapae:hunter2@a,b:6432/mapae",
            "postgres://mapae:hunter2@/mapae?host=/run/postgresql",
        ] {
            let shown = shown(url);
            assert!(
                shown.starts_with("postgres://mapae@") && !shown.contains("hunter2"),
                "{shown}"
            );
        }
        assert_eq!(shown("sqlite://data/mapae.db"), "sqlite://data/mapae.db");
    }
}
