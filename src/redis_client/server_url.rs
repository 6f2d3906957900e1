//! The URL of the Redis server: `redis.url`.

use std::fmt;

use url::Url;

use crate::domain::secret::Secret;
use crate::settings::value_type::ValueType;
use crate::settings::{Collector, Setting};

/// Where the Redis server is.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisServer {
    url: Secret<String>,
    shown: String,
    is_tls: bool,
}

impl fmt::Debug for RedisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisServer").field(&self.shown).finish()
    }
}

impl RedisServer {
    /// Reads the URL. An error continues a sentence, and contains no part of the URL.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut url = Url::parse(text)
            .map_err(|_| "is not a URL, like rediss://user:password@redis.example.com:6379/0")?;
        if !["redis", "rediss"].contains(&url.scheme()) {
            return Err("must begin with redis:// or rediss://".to_owned());
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("names no host".to_owned());
        }
        // A fragment would turn the check of the certificate off.
        if url.fragment().is_some() || url.query().is_some() {
            return Err(
                "must have no query and no fragment: write ? and # in a password as %3F and %23"
                    .to_owned(),
            );
        }
        let database = url.path().trim_start_matches('/');
        if !database.is_empty() && database.parse::<u16>().is_err() {
            return Err("may have only the number of a database as its path".to_owned());
        }
        let (whole, is_tls) = (Secret::new(url.to_string()), url.scheme() == "rediss");
        if url.password().is_some() {
            // A URL with a host can have a password.
            let _ = url.set_password(Some("***"));
        }
        Ok(Self { url: whole, shown: url.to_string(), is_tls })
    }

    /// The URL, with its password.
    pub(super) fn url(&self) -> &str {
        self.url.expose()
    }

    /// Whether the connection is protected by TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The URL without its password.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

/// Declares and reads `redis.url`.
pub(super) fn read(from: &mut Collector) -> Option<RedisServer> {
    let parse = |text: &str| RedisServer::parse(text).map(|server| Some(Ok(server)));
    let show = |it: &Option<Result<RedisServer, String>>| match it {
        Some(Ok(server)) => server.shown().to_owned(),
        _ => String::new(),
    };
    let setting = Setting::new("redis.url", ValueType::Text("URL"), None, parse, show).words(
        "A Redis (or Valkey) server that replicas share: `redis://user:password@host:6379/0`, or `rediss://…` with TLS. It counts requests (`rate_limit.*`) and carries hints that something changed. Without it, and while it does not answer, the database does both. Its certificate may come from `outbound.ca_file`. It may live in your own network. See [operators.md](operators.md#redis).",
    );
    let file = "redis.url_file";
    let server = from.take_secret(setting, file, |text| RedisServer::parse(text.expose()))?;
    // A URL that was given as text was already checked when it was read.
    server.map_err(|problem| from.problem(file, format!("names a file whose URL {problem}"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_host_port_database_and_credentials() {
        for (url, shown) in [
            ("redis://localhost", "redis://localhost"),
            ("redis://localhost/", "redis://localhost/"),
            ("redis://:hunter2@localhost:6380/2", "redis://:***@localhost:6380/2"),
            ("rediss://me:hunter2@redis.example.com", "rediss://me:***@redis.example.com"),
            ("redis://[::1]:6379", "redis://[::1]:6379"),
        ] {
            let server = RedisServer::parse(url).expect(url);
            assert_eq!(server.shown(), shown);
            assert_eq!(server.is_tls(), url.starts_with("rediss"), "{url}");
            assert!(!format!("{server:?}").contains("hunter2"));
        }
    }

    #[test]
    fn a_url_that_says_something_else_is_refused_without_its_password() {
        for bad in [
            "localhost:6379",
            "redis://",
            "http://:hunter2@localhost",
            "unix:///run/redis.sock",
            "rediss://:hunter2@localhost#insecure",
            "redis://:hunter2@localhost?protocol=resp3",
            "redis://:hunter2@localhost/first",
            "redis://:hunter2@localhost/1/2",
        ] {
            let problem = RedisServer::parse(bad).expect_err(bad);
            assert!(!problem.contains("hunter2"), "{bad}: {problem}");
        }
    }
}
