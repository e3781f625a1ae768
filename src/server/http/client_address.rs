//! Whom a request counts for.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address that a connection came from; the server puts it into each request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// A client as limits see it: an IPv4 address, or the /64 of an IPv6 address, which one household has to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

impl Client {
    /// The client behind a connection. A trusted proxy names it in `X-Forwarded-For`: the last address there that is no
    /// trusted proxy itself, since those before it are whatever the client wrote.
    pub fn of(peer: Peer, headers: &HeaderMap, trusted_proxies: &[IpAddr]) -> Self {
        let is_trusted = |address: &IpAddr| trusted_proxies.contains(&address.to_canonical());
        let mut client = peer.0;
        let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let named: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        for name in named.into_iter().rev() {
            if !is_trusted(&client) {
                break;
            }
            let Ok(address) = name.parse() else { break };
            client = address;
        }
        Client::at(client)
    }

    /// The client at an address.
    pub fn at(address: IpAddr) -> Self {
        Client(network(address.to_canonical()))
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted: Vec<IpAddr> = trusted.iter().map(|address| address.parse().unwrap()).collect();
        Client::of(Peer(peer.parse().unwrap()), &headers, &trusted).0.to_string()
    }

    #[test]
    fn only_a_trusted_proxy_names_the_client() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"], &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["198.51.100.7"], &["192.0.2.1"]), "198.51.100.7");
    }

    #[test]
    fn what_the_client_wrote_before_the_proxy_does_not_count() {
        assert_eq!(client("192.0.2.1", &["203.0.113.9, 198.51.100.7"], &["192.0.2.1"]), "198.51.100.7");
        assert_eq!(client("192.0.2.1", &["203.0.113.9", "198.51.100.7"], &["192.0.2.1"]), "198.51.100.7");
        let chain = ["198.51.100.7, 192.0.2.2"];
        assert_eq!(client("192.0.2.1", &chain, &["192.0.2.1", "192.0.2.2"]), "198.51.100.7");
        assert_eq!(client("192.0.2.1", &["rubbish"], &["192.0.2.1"]), "192.0.2.1");
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        assert_eq!(client("2001:db8:1:2:3:4:5:6", &[], &[]), "2001:db8:1:2::");
        assert_eq!(client("::ffff:192.0.2.1", &[], &[]), "192.0.2.1");
    }
}
