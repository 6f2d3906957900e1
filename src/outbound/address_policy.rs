//! The addresses to which this server may make calls.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Which addresses may be called.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressPolicy {
    /// Whether addresses of the own network and of the own machine may be called too.
    pub(super) allows_private: bool,
}

impl AddressPolicy {
    pub(super) fn allows(self, address: IpAddr) -> bool {
        is_public(address) || self.allows_private && is_private(address)
    }
}

/// Whether a name is `localhost` or below it, RFC 6761 §6.3, with or without the dot of the root.
pub(super) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

const fn v4(a: u8, b: u8, c: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), length)
}

const fn v6(first: u16, second: u16, third: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), length)
}

/// The networks that the internet does not route: RFC 6890 and its registry.
const SPECIAL_V4: [Ipv4Net; 16] = [
    // This network, the private networks, and the network between provider and customer.
    v4(0, 0, 0, 8),
    v4(10, 0, 0, 8),
    v4(172, 16, 0, 12),
    v4(192, 168, 0, 16),
    v4(100, 64, 0, 10),
    // Loopback, and link-local, where clouds serve their credentials.
    v4(127, 0, 0, 8),
    v4(169, 254, 0, 16),
    // Protocol assignments, documentation, relays of 6to4, benchmarks.
    v4(192, 0, 0, 24),
    v4(192, 0, 2, 24),
    v4(198, 51, 100, 24),
    v4(203, 0, 113, 24),
    v4(192, 88, 99, 24),
    v4(192, 52, 193, 24),
    v4(198, 18, 0, 15),
    // Multicast, and the reserved networks, which contain broadcast.
    v4(224, 0, 0, 4),
    v4(240, 0, 0, 4),
];

/// The one block from which global unicast addresses are assigned, RFC 4291 §2.4. Networks outside
/// of it (loopback, unique-local, link-local, multicast, discard) need no list.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

const SPECIAL_V6: [Ipv6Net; 4] = [
    // Protocol assignments: Teredo, benchmarks, ORCHID.
    v6(0x2001, 0, 0, 23),
    // Documentation.
    v6(0x2001, 0xdb8, 0, 32),
    v6(0x3fff, 0, 0, 20),
    // 6to4: it contains an IPv4 address, which is called through an unknown relay.
    v6(0x2002, 0, 0, 16),
];

/// NAT64, RFC 6052 §2.1: the last four bytes are the IPv4 address that a translator calls.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

/// Whether anybody on the internet could call this address. An IPv4 address that is written as IPv6
/// is checked as IPv4.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match plain(address) {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|net| net.contains(&address))
        }
    }
}

/// Whether this is the own machine or a private network of the operator. Link-local is not
/// included: no client or provider is there, and clouds serve their credentials there.
fn is_private(address: IpAddr) -> bool {
    match plain(address) {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || v4(100, 64, 0, 10).contains(&address)
        }
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

/// The address itself, without the IPv6 forms of an IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if NAT64.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_everybody_can_call() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "2a00:1450:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(is_public(ip(public)), "{public}");
        }
    }

    #[test]
    fn what_only_somebody_inside_can_call() {
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.255.255",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fdff:ffff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip(special)), "{special}");
        }
    }

    #[test]
    fn the_own_network_is_not_everything_that_is_not_public() {
        let policy = AddressPolicy { allows_private: true };
        for private in [
            "127.0.0.1",
            "10.0.0.1",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "::ffff:192.168.0.1",
            "1.1.1.1",
        ] {
            assert!(policy.allows(ip(private)), "{private}");
        }
        for never in ["169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "192.0.2.1"] {
            assert!(!policy.allows(ip(never)), "{never}");
        }
    }

    #[test]
    fn rfc6761_6_3_names_of_the_own_machine() {
        for local in ["localhost", "localhost.", "LOCALHOST", "rp.localhost", "rp.localhost."] {
            assert!(is_localhost(local), "{local}");
        }
        for other in ["localhost.example.com", "mylocalhost", "localhost..", ""] {
            assert!(!is_localhost(other), "{other}");
        }
    }
}
