//! Lists of hosts that an operator writes: `app.example.com`, `*.example.com`, `localhost` for all of
//! loopback, and `com.example.app:` for the scheme of an app.

/// Hosts and schemes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostList(Vec<String>);

impl HostList {
    /// Reads hosts, separated by commas. An error continues a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words = text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty());
        let read = |word: &str| {
            let name = word.strip_prefix("*.").or_else(|| word.strip_suffix(':')).unwrap_or(word);
            let is_name =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
            if name.is_empty() || !name.bytes().all(is_name) {
                return Err(format!(
                    "{word:?} is not a host like app.example.com or *.example.com, and not a scheme like com.example.app:"
                ));
            }
            Ok(word.to_ascii_lowercase())
        };
        words.map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The hosts and schemes as they were written.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether the host or the scheme of this URI is one of them.
    #[must_use]
    pub fn has(&self, uri: &url::Url) -> bool {
        self.0.iter().any(|allowed| matches(allowed, uri))
    }
}

fn matches(allowed: &str, uri: &url::Url) -> bool {
    if let Some(scheme) = allowed.strip_suffix(':') {
        return uri.scheme() == scheme;
    }
    if !matches!(uri.scheme(), "https" | "http") {
        return false;
    }
    // One dot more at the end names the same host (RFC 1034 §3.1).
    let Some(host) = uri.host_str().map(|host| host.strip_suffix('.').unwrap_or(host)) else {
        return false;
    };
    match allowed.strip_prefix("*.") {
        Some(domain) => host.strip_suffix(domain).is_some_and(|before| before.ends_with('.')),
        None if allowed == "localhost" => {
            // A host that is an address has been normalised by its parser.
            let is_loopback = |text: &str| {
                text.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            };
            matches!(host, "localhost" | "[::1]") || is_loopback(host)
        }
        None => host == allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_the_one_that_is_listed_and_no_other() {
        let hosts = HostList::parse("app.example.com, *.corp.example localhost,com.example.app:");
        let hosts = hosts.unwrap();
        for (uri, is_allowed) in [
            ("https://app.example.com/cb", true),
            ("https://APP.example.com:8443/cb", true),
            ("https://app.example.com./cb", true),
            ("https://a.corp.example./", true),
            ("http://localhost.:3000/cb", true),
            ("https://xapp.example.com/cb", false),
            ("https://app.example.com.evil.example/cb", false),
            ("https://a.corp.example/", true),
            ("https://a.b.corp.example/", true),
            ("https://corp.example/", false),
            ("https://xcorp.example/", false),
            ("http://localhost:3000/cb", true),
            ("http://127.0.0.1/cb", true),
            ("http://[::1]:1/cb", true),
            // A name that begins like a loopback address.
            ("https://127.example.com/cb", false),
            ("com.example.app:/cb", true),
            ("com.example.other:/cb", false),
        ] {
            assert_eq!(hosts.has(&url::Url::parse(uri).unwrap()), is_allowed, "{uri}");
        }
        assert!(!HostList::default().has(&url::Url::parse("https://x.example").unwrap()));
        for bad in ["https://app.example.com", "app.example.com/cb", "*", "*.", "a b:c"] {
            assert!(HostList::parse(bad).is_err(), "{bad}");
        }
    }
}
