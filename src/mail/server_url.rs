//! The URL of the mail server: `mail.url`.

use std::path::PathBuf;

use url::{Host, Url};

use crate::domain::secret::Secret;
use crate::settings::value_type::ValueType;
use crate::settings::{Collector, Setting};

/// Where mails are handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailServer {
    /// A mail server.
    Smtp(SmtpServer),
    /// A folder, in which each mail becomes a file: for development and tests.
    Folder(PathBuf),
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpServer {
    /// The host, as it stands in its certificate.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the connection is protected.
    pub protection: Protection,
    /// The name and the password of this server there.
    pub credentials: Option<(String, Secret)>,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// TLS from the first byte (`smtps`, RFC 8314).
    FromTheStart,
    /// TLS after STARTTLS, without which nothing is sent (RFC 3207).
    StartTls,
    /// No TLS at all.
    Nothing,
}

impl MailServer {
    /// Reads the URL. An error continues a sentence, and contains no part of the URL.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(
            |_| "is not a URL, like smtp://user:password@mail.example.com:587 or file:///var/mail",
        )?;
        if url.fragment().is_some() {
            return Err("must have no fragment: write # in a password as %23".to_owned());
        }
        match url.scheme() {
            "file" => folder(&url),
            "smtp" | "smtps" => smtp(&url).map(Self::Smtp),
            _ => Err("must begin with smtp://, smtps:// or file:///".to_owned()),
        }
    }

    /// The server for logs and messages, without the password.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Folder(folder) => format!("file://{}", folder.display()),
            Self::Smtp(server) => {
                let (scheme, tail) = match server.protection {
                    Protection::FromTheStart => ("smtps", ""),
                    Protection::StartTls => ("smtp", ""),
                    Protection::Nothing => ("smtp", "?tls=none"),
                };
                let user = server.credentials.as_ref().map(|(user, _)| format!("{user}:***@"));
                let user = user.unwrap_or_default();
                let SmtpServer { host, port, .. } = server;
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                format!("{scheme}://{user}{host}:{port}{tail}")
            }
        }
    }
}

fn folder(url: &Url) -> Result<MailServer, String> {
    let wrong = "must name a folder by its absolute path, like file:///var/mail";
    if url.query().is_some() {
        return Err("takes no parameters for a folder".to_owned());
    }
    url.to_file_path().map(MailServer::Folder).map_err(|()| wrong.to_owned())
}

fn smtp(url: &Url) -> Result<SmtpServer, String> {
    let host = match url.host() {
        // A scheme that is not special keeps the host as it was written.
        Some(Host::Domain(name)) if !name.is_empty() => match Host::parse(name) {
            Ok(Host::Domain(name)) => name,
            Ok(Host::Ipv4(address)) => address.to_string(),
            _ => return Err("names a host that cannot be one".to_owned()),
        },
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        _ => return Err("names no host".to_owned()),
    };
    if !["", "/"].contains(&url.path()) {
        return Err("must have no path".to_owned());
    }
    let is_smtps = url.scheme() == "smtps";
    let mut protection = if is_smtps { Protection::FromTheStart } else { Protection::StartTls };
    for (name, value) in url.query_pairs() {
        match (&*name, &*value) {
            ("tls", "required") => {}
            ("tls", "none") if !is_smtps => protection = Protection::Nothing,
            ("tls", _) if is_smtps => return Err("has TLS always with smtps".to_owned()),
            ("tls", _) => return Err("takes tls=required or tls=none".to_owned()),
            _ => return Err("takes no parameter but tls".to_owned()),
        }
    }
    let usual = match protection {
        Protection::FromTheStart => 465,
        Protection::StartTls => 587,
        Protection::Nothing => 25,
    };
    let decoded = |text: &str| {
        let bytes: Vec<u8> = percent_encoding::percent_decode_str(text).collect();
        String::from_utf8(bytes).map_err(|_| "has a name or password that is not UTF-8")
    };
    let credentials = match (url.username(), url.password()) {
        ("", None) => None,
        (user, Some(password)) if !user.is_empty() => {
            Some((decoded(user)?, Secret::new(decoded(password)?)))
        }
        _ => return Err("must have a user name and a password, or neither".to_owned()),
    };
    let port = url.port().unwrap_or(usual);
    Ok(SmtpServer { host, port, protection, credentials })
}

/// Declares and reads `mail.url`.
pub(super) fn read(from: &mut Collector) -> Option<MailServer> {
    let parse = |text: &str| MailServer::parse(text).map(|server| Some(Ok(server)));
    let show = |it: &Option<Result<MailServer, String>>| match it {
        Some(Ok(server)) => server.shown(),
        _ => String::new(),
    };
    let form = ValueType::Text("URL");
    let setting = Setting::new("mail.url", form, None, parse, show).words(
        "The mail server: `smtp://user:password@host:587` with STARTTLS, `smtps://…` with TLS from the start, or `smtp://host:25?tls=none` without TLS. `file:///folder` writes one `.eml` a mail instead, for development. Without it nothing is mailed, and what needs mail is not offered. Its certificate may come from `outbound.ca_file`. It may live in your own network. See [operators.md](operators.md#mail).",
    );
    let file = "mail.url_file";
    let server = from.take_secret(setting, file, |text| MailServer::parse(text.expose()))?;
    // A URL that was given as text was already checked when it was read.
    server.map_err(|problem| from.problem(file, format!("names a file whose URL {problem}"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp(text: &str) -> SmtpServer {
        match MailServer::parse(text).expect(text) {
            MailServer::Smtp(server) => server,
            MailServer::Folder(folder) => panic!("{text}: {}", folder.display()),
        }
    }

    #[test]
    fn a_url_says_host_port_protection_and_credentials() {
        for (url, host, port, protection) in [
            ("smtp://mail.example.com", "mail.example.com", 587, Protection::StartTls),
            (
                "smtp://mail.example.com/?tls=required",
                "mail.example.com",
                587,
                Protection::StartTls,
            ),
            ("smtp://mail.example.com:2525", "mail.example.com", 2525, Protection::StartTls),
            ("smtp://localhost?tls=none", "localhost", 25, Protection::Nothing),
            ("smtps://mail.example.com", "mail.example.com", 465, Protection::FromTheStart),
            ("smtps://127.0.0.1:1", "127.0.0.1", 1, Protection::FromTheStart),
            ("smtp://[::1]:25", "::1", 25, Protection::StartTls),
            ("smtp://bücher.example", "xn--bcher-kva.example", 587, Protection::StartTls),
        ] {
            let server = smtp(url);
            assert_eq!((server.host.as_str(), server.port), (host, port), "{url}");
            assert_eq!((server.protection, server.credentials), (protection, None), "{url}");
        }
        let (user, password) =
            smtp("smtp://me%40example.com:p%23%2F%3A@mail").credentials.expect("credentials");
        assert_eq!((user.as_str(), password.expose().as_str()), ("me@example.com", "p#/:"));
        let folder = MailServer::parse("file:///var/my%20mail").expect("a folder");
        assert_eq!(folder, MailServer::Folder("/var/my mail".into()));
    }

    #[test]
    fn a_url_that_says_something_else_is_refused_without_its_password() {
        for bad in [
            "mail.example.com",
            "smtp://",
            "smtp://hunter2@mail",
            "smtp://:hunter2@mail",
            "smtp://me:hunter2@mail?tls=optional",
            "smtp://me:hunter2@mail?starttls=1",
            "smtps://me:hunter2@mail?tls=none",
            "smtp://me:hunter2@mail/folder",
            "smtp://me:hunter2@mail#x",
            "smtp://me:hunter2%ff@mail",
            "http://me:hunter2@mail",
            "file://host/var/mail",
            "file:///var/mail?tls=none",
        ] {
            let problem = MailServer::parse(bad).expect_err(bad);
            assert!(!problem.contains("hunter2"), "{bad}: {problem}");
        }
    }

    #[test]
    fn what_is_shown_has_no_password_and_means_the_same() {
        for url in [
            "smtp://me:***@mail.example.com:587",
            "smtps://mail.example.com:465",
            "smtp://[::1]:25?tls=none",
            "file:///var/mail",
        ] {
            let given = url.replace("***", "hunter2");
            let server = MailServer::parse(&given).expect(url);
            assert_eq!(server.shown(), url);
            assert!(!format!("{server:?}").contains("hunter2"));
        }
    }
}
