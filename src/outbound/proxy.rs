//! Calls through a proxy. The proxy looks up the names, so a URL is checked only as it is written:
//! it must not name an address or a host of the own network.

use std::net::IpAddr;

use hyper_util::client::proxy::matcher::Matcher;
use url::{Host, Url};

use crate::domain::secret::Secret;
use crate::outbound::address_policy::{AddressPolicy, is_localhost};
use crate::settings::value_type::ValueType;
use crate::settings::{Collector, Setting};

/// The operator's proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// `http://` or `https://`, host and port. It may contain a user name and a password.
    pub url: Secret,
    /// What is called without the proxy, as in `NO_PROXY`: hosts, domains, addresses and networks.
    pub bypass: String,
}

impl Proxy {
    /// Reads the URL of a proxy. Without a scheme it is http, as in other programs.
    pub fn parse(text: &str, bypass: &str) -> Result<Self, &'static str> {
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url =
            Url::parse(&text).map_err(|_| "is not the URL of a proxy, like http://proxy:3128")?;
        if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
            return Err("must be http:// or https:// with a host: no other kind of proxy is known");
        }
        Ok(Self { url: Secret::text(text), bypass: bypass.to_owned() })
    }

    /// The URL without the user name and the password.
    fn shown(&self) -> String {
        let text = self.url.expose();
        match text.rsplit_once('@') {
            Some((_, host)) => format!("***@{host}"),
            None => text.to_owned(),
        }
    }

    pub(super) fn matcher(&self) -> Matcher {
        Matcher::builder().all(self.url.expose().to_owned()).no(self.bypass.clone()).build()
    }
}

/// Declares and reads the proxy, also from the environment names that every tool knows.
pub(super) fn read(from: &mut Collector) -> Option<Proxy> {
    let parse = |text: &str| match text {
        "off" => Ok(None),
        text => Proxy::parse(text, "").map(Some).map_err(str::to_owned),
    };
    let show = |it: &Option<Proxy>| it.as_ref().map_or_else(|| "off".to_owned(), Proxy::shown);
    let proxy = Setting::new("outbound.proxy", ValueType::Text("URL, or `off`"), None, parse, show);
    let proxy = from.take(proxy.or_from_env(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]).words(
        "The proxy for calls to clients and providers: `http://` or `https://`, with name and password if it has them; `off` uses none. It looks up the names, so behind it literal addresses and names of the own network (without a dot, `.internal`, `.local` …) are refused unless `outbound.allow_private` is set. This machine is never called through it. The password is never printed.",
    ));
    let parse = |text: &str| Ok(text.to_owned());
    let form = ValueType::List("hosts, domains, addresses and networks");
    let bypass = Setting::new("outbound.no_proxy", form, String::new(), parse, String::clone);
    let bypass = from.take(
        bypass.or_from_env(&["NO_PROXY", "no_proxy"]).words("What is called without the proxy."),
    );
    proxy.map(|proxy| Proxy { bypass, ..proxy })
}

/// Whether this URL is called through the proxy. A URL of this machine never is.
pub(super) fn takes(matcher: &Matcher, url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => is_localhost(name),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => true,
    };
    !is_here && url.as_str().parse().is_ok_and(|uri| matcher.intercept(&uri).is_some())
}

/// Whether the proxy may be asked to call this host.
pub(super) fn may_ask(url: &Url, policy: AddressPolicy) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => policy.allows_private || !is_local_name(name),
        Some(Host::Ipv4(address)) => policy.allows(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => policy.allows(IpAddr::V6(address)),
        None => false,
    }
}

/// Whether a name exists only in the own network: a name without a dot, or in a domain that is
/// reserved for that (RFC 6762 §3, RFC 8375, `.internal` by ICANN).
fn is_local_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let apart = [".local", ".internal", ".home.arpa", ".localdomain", ".lan", ".intranet", ".corp"];
    is_localhost(&name) || !name.contains('.') || apart.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_this_machine_and_what_is_excepted_does_not_go_through_the_proxy() {
        let bypass = "example.net, 192.0.2.0/24,.example.org";
        let matcher = Proxy::parse("proxy.example:3128", bypass).unwrap().matcher();
        let takes = |url: &str| takes(&matcher, &Url::parse(url).unwrap());
        for url in ["https://example.com/", "https://a.example.com/x?y", "https://1.1.1.1/"] {
            assert!(takes(url), "{url}");
        }
        for url in [
            "https://localhost/",
            "http://rp.localhost:8080/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://example.net/",
            "https://a.example.net/",
            "https://a.example.org/",
            "https://192.0.2.7/",
        ] {
            assert!(!takes(url), "{url}");
        }
    }

    #[test]
    fn a_proxy_is_not_asked_for_the_own_network() {
        let ask = |url: &str, private| {
            may_ask(&Url::parse(url).unwrap(), AddressPolicy { allows_private: private })
        };
        for url in [
            "https://intranet/",
            "https://metadata.google.internal/",
            "https://printer.local/",
            "https://nas.home.arpa./",
            "https://10.0.0.1/",
            "https://169.254.169.254/",
            "https://[fd00::1]/",
        ] {
            assert!(!ask(url, false), "{url}");
        }
        assert!(ask("https://intranet/", true) && ask("https://10.0.0.1/", true));
        assert!(!ask("https://169.254.169.254/", true));
        assert!(ask("https://example.com/", false) && ask("https://1.1.1.1/", false));
    }

    #[test]
    fn a_proxy_is_http_with_a_host() {
        for good in ["http://proxy:3128", "proxy:3128", "https://me:secret@proxy.example/"] {
            assert!(Proxy::parse(good, "").is_ok(), "{good}");
        }
        for bad in ["socks5://proxy:1080", "http://", "ftp://proxy", "http://pro xy"] {
            assert!(Proxy::parse(bad, "").is_err(), "{bad}");
        }
        let proxy = Proxy::parse("http://me:secret@proxy", "").unwrap();
        assert!(!format!("{proxy:?}").contains("secret"));
    }
}
