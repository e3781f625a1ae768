//! How many connections each client has open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::client_address::Client;

/// The open connections of each client that has one.
pub struct Connections {
    open: Arc<Mutex<HashMap<Client, usize>>>,
    most: usize,
    trusted_proxies: Vec<IpAddr>,
}

/// An open connection. It counts until it is dropped.
pub struct Open {
    open: Arc<Mutex<HashMap<Client, usize>>>,
    client: Option<Client>,
}

impl Connections {
    /// At most so many of each client. Connections of proxies are those of many clients, and are not counted.
    pub fn new(most: usize, trusted_proxies: Vec<IpAddr>) -> Self {
        Connections { open: Arc::default(), most, trusted_proxies }
    }

    /// Another connection from this address; none when its client has as many as it may.
    pub fn open(&self, address: IpAddr) -> Option<Open> {
        let is_proxy = self.trusted_proxies.contains(&address.to_canonical());
        let client = (!is_proxy).then(|| Client::at(address));
        if let Some(client) = client {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let count = open.entry(client).or_default();
            if *count >= self.most {
                return None;
            }
            *count += 1;
        }
        Some(Open { open: self.open.clone(), client })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(client) = self.client else { return };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&client)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_so_many_and_proxies_have_more() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let connections = Connections::new(2, vec![address("192.0.2.9")]);
        let first = connections.open(address("192.0.2.1"));
        let second = connections.open(address("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(connections.open(address("192.0.2.1")).is_none());
        let network: Vec<_> =
            ["1", "2", "3"].map(|host| connections.open(address(&format!("2001:db8::{host}")))).into();
        assert_eq!(network.iter().filter(|open| open.is_some()).count(), 2);
        let proxies: Vec<_> = (0..9).filter_map(|_| connections.open(address("192.0.2.9"))).collect();
        assert_eq!(proxies.len(), 9);
        drop(first);
        assert!(connections.open(address("192.0.2.1")).is_some());
        drop((second, network, proxies));
        assert!(connections.open.lock().unwrap().is_empty(), "a client that is gone is remembered");
    }
}
