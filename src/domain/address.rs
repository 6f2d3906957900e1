//! The client's network address, and which proxies are trusted to report it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// The proxies whose `X-Forwarded-For` is believed. The header decides the client address and
/// nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(pub Vec<IpNet>);

/// The result of reading a chain of proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain<'a> {
    /// The client address.
    pub client: IpAddr,
    /// The first entry, from the right, that a trusted proxy wrote and that is not an address.
    pub unreadable: Option<&'a str>,
}

impl TrustedProxies {
    /// The client address: the last one in the chain that is not a trusted proxy. The chain is read
    /// from its end; at an entry that is not an address the reading stops, and the last address
    /// that was read is the client's.
    #[must_use]
    pub fn client<'a>(&self, peer: IpAddr, forwarded_for: Option<&'a str>) -> Chain<'a> {
        let mut client = peer.to_canonical();
        let mut chain = forwarded_for.into_iter().flat_map(|chain| chain.rsplit(','));
        while self.trusts(client) {
            let Some(hop) = chain.next() else { break };
            match read(hop) {
                Some(hop) => client = hop,
                None => return Chain { client, unreadable: Some(hop.trim()) },
            }
        }
        Chain { client, unreadable: None }
    }

    /// Whether this address is one of a trusted proxy.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }
}

/// Reads an address as proxies and apps write it: alone, with a port, an IPv6 one in brackets too,
/// or with its zone.
#[must_use]
pub fn read(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let whole: String;
    let text = match text.split_once('%') {
        // RFC 4007 §11: the zone has a meaning only on the machine that wrote it.
        Some((address, zone)) => {
            let behind = zone.find(']').and_then(|end| zone.get(end..)).unwrap_or_default();
            whole = format!("{address}{behind}");
            whole.as_str()
        }
        None => text,
    };
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let address = text
        .parse()
        .ok()
        .or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
        .or_else(in_brackets)?;
    Some(address.to_canonical())
}

/// The network that counts as one address: an IPv4 address, or an IPv6 /64.
#[must_use]
pub fn neighbourhood(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & !u128::from(u64::MAX);
            format!("{}/64", Ipv6Addr::from_bits(prefix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        for (peer, header, client) in [
            ("203.0.113.9", Some("198.51.100.1"), "203.0.113.9"),
            ("10.0.0.1", Some("198.51.100.1"), "198.51.100.1"),
            ("10.0.0.1", Some("6.6.6.6, 198.51.100.1"), "198.51.100.1"),
            ("10.0.0.1", Some("198.51.100.1, 10.0.0.2"), "198.51.100.1"),
            ("10.0.0.1", Some("nonsense"), "10.0.0.1"),
            ("10.0.0.1", None, "10.0.0.1"),
            ("::ffff:10.0.0.1", Some("198.51.100.1"), "198.51.100.1"),
        ] {
            let chain = proxies.client(ip(peer), header);
            assert_eq!(chain.client, ip(client), "{peer} {header:?}");
            assert_eq!(chain.unreadable, header.filter(|header| *header == "nonsense"));
        }
        let nobody = TrustedProxies::default().client(ip("10.0.0.1"), Some("1.1.1.1"));
        assert_eq!(nobody.client, ip("10.0.0.1"));
    }

    #[test]
    fn ports_brackets_and_zones_are_no_part_of_an_address() {
        let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        for (header, client) in [
            ("1.2.3.4:5678", Some("1.2.3.4")),
            ("6.6.6.6, 1.2.3.4:5678, 10.0.0.2:443", Some("1.2.3.4")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("[fe80::1%25eth0]:443", Some("fe80::1")),
            ("[fe80::1%3]", Some("fe80::1")),
            ("[::ffff:1.2.3.4]:80", Some("1.2.3.4")),
            (" 1.2.3.4 ", Some("1.2.3.4")),
            ("", None),
            ("unknown", None),
            ("1.2.3.4:", None),
            ("1.2.3.4:99999", None),
            ("1.2.3.4:80:80", None),
            ("[1.2.3.4]", None),
            ("[2001:db8::1", None),
            ("2001:db8::1]", None),
            ("%", None),
            ("1.2.3.4.5", None),
            ("010.0.0.1", None),
            // An entry that is not an address hides the entries before it.
            ("1.2.3.4, unknown", None),
        ] {
            let chain = proxies.client(ip("10.0.0.1"), Some(header));
            assert_eq!(chain.client, ip(client.unwrap_or("10.0.0.1")), "{header:?}");
            assert_eq!(chain.unreadable.is_some(), client.is_none(), "{header:?}");
        }
    }

    #[test]
    fn an_ipv6_neighbourhood_is_its_64() {
        assert_eq!(neighbourhood(ip("2001:db8:1:2:3:4:5:6")), "2001:db8:1:2::/64");
        assert_eq!(neighbourhood(ip("192.0.2.7")), "192.0.2.7");
    }
}
