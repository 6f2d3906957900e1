//! Looks up names. The connection uses exactly the addresses that were checked here, so a name
//! whose addresses change cannot avoid the check.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

use crate::outbound::address_policy::{AddressPolicy, is_localhost};

/// The error for a name that has addresses, of which none may be called.
#[derive(Debug, Error)]
#[error("no address of this name may be called")]
pub(super) struct Refused;

/// The error for a name that is not known.
#[derive(Debug, Error)]
#[error("the name is not known")]
pub(super) struct Unknown(#[source] std::io::Error);

/// Looks up the addresses of a name that may be called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolver(pub(super) AddressPolicy);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0;
        Box::pin(async move {
            let mut found = look_up(name.as_str()).await.map_err(Unknown)?;
            found.retain(|address| policy.allows(address.ip()));
            if found.is_empty() {
                return Err(Refused.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Looks up every address of a name: for servers that the operator names.
#[derive(Clone, Copy, Debug)]
pub(super) struct EveryAddress;

impl Resolve for EveryAddress {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = look_up(name.as_str()).await.map_err(Unknown)?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

async fn look_up(name: &str) -> std::io::Result<Vec<SocketAddr>> {
    if is_localhost(name) {
        // RFC 6761 §6.3: such a name is not looked up in DNS, so plain http to it stays on this
        // machine.
        let own: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(own.map(|address| SocketAddr::new(address, 0)).to_vec());
    }
    Ok(tokio::net::lookup_host((name, 0)).await?.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn found(name: &str, private: bool) -> Result<Vec<IpAddr>, String> {
        let resolver = Resolver(AddressPolicy { allows_private: private });
        let found = resolver.resolve(name.parse().unwrap()).await;
        found.map(|found| found.map(|found| found.ip()).collect()).map_err(|e| e.to_string())
    }

    #[tokio::test]
    async fn every_address_of_a_name_is_found_and_an_unknown_name_is_said() {
        let found = EveryAddress.resolve("app.localhost".parse().unwrap()).await;
        assert_eq!(found.ok().unwrap().count(), 2);
        let unknown = EveryAddress.resolve("nobody.invalid".parse().unwrap()).await;
        assert!(unknown.err().unwrap().is::<Unknown>());
    }

    #[tokio::test]
    async fn a_name_is_judged_by_its_addresses() {
        let own: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        for name in ["localhost", "localhost.", "rp.localhost"] {
            assert_eq!(found(name, true).await.unwrap(), own, "{name}");
        }
        // An address can be looked up like a name, without the network.
        for name in ["localhost", "localhost.", "127.0.0.1", "10.0.0.1"] {
            assert_eq!(found(name, false).await.unwrap_err(), Refused.to_string(), "{name}");
        }
        assert_eq!(found("169.254.169.254", true).await.unwrap_err(), Refused.to_string());
        assert!(found("1.1.1.1", false).await.is_ok());
    }
}
