//! How many connections one host and one network see at once: /24 for IPv4, /64 for IPv6.
//!
//! Only what is in use is remembered, so the memory is bounded by what is in flight.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::Host;

/// Tables, so that workers seldom wait for each other's lock.
const TABLES: usize = 16;

/// Caps on connections that are open at once.
pub(super) struct Caps {
    hosts: Cap<Host>,
    networks: Cap<IpAddr>,
}

/// A place at a host and in its network, until it is dropped.
pub(super) struct Place<'a> {
    _network: Option<Held<'a, IpAddr>>,
    _host: Option<Held<'a, Host>>,
}

impl Caps {
    /// 0 is no cap. A cap that `at_once` connections cannot reach costs nothing.
    pub(super) fn new(per_host: usize, per_network: usize, at_once: usize) -> Self {
        let cap = |limit| if limit >= at_once { 0 } else { limit };
        Self {
            hosts: Cap::new(cap(per_host)),
            networks: Cap::new(cap(per_network)),
        }
    }

    /// Waits until the host and its network have room. The network of a name that the proxy resolves is
    /// not known.
    pub(super) async fn enter(&self, host: &Host) -> Place<'_> {
        // The host first: who waits for a busy host takes no place in its network.
        let held = self.hosts.enter(host.clone()).await;
        let network = match host {
            Host::Ip(address) => self.networks.enter(network(*address)).await,
            Host::Name(_) => None,
        };
        Place {
            _network: network,
            _host: held,
        }
    }
}

/// The first address of the /24 or /64.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & !0xff).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// One cap for each of many keys.
struct Cap<K> {
    limit: usize,
    tables: [Table<K>; TABLES],
}

type Table<K> = Mutex<HashMap<K, Entry>>;

struct Entry {
    room: Arc<Semaphore>,
    /// Who holds a place or waits for one.
    users: usize,
}

impl<K: Hash + Eq + Clone> Cap<K> {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            tables: Default::default(),
        }
    }

    async fn enter(&self, key: K) -> Option<Held<'_, K>> {
        if self.limit == 0 {
            return None;
        }
        let table = &self.tables[table_of(&key)];
        let (room, mut held) = {
            let mut table_now = table.lock();
            let entry = table_now.entry(key.clone()).or_insert_with(|| Entry {
                room: Arc::new(Semaphore::new(self.limit)),
                users: 0,
            });
            entry.users += 1;
            // Made before anything is awaited: a caller that gives up is counted out again.
            (
                Arc::clone(&entry.room),
                Held {
                    table,
                    key,
                    permit: None,
                },
            )
        };
        held.permit = room.acquire_owned().await.ok();
        Some(held)
    }
}

fn table_of(key: &impl Hash) -> usize {
    use std::hash::{DefaultHasher, Hasher as _};

    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    usize::try_from(hasher.finish() % TABLES as u64).unwrap_or_default()
}

struct Held<'a, K: Hash + Eq> {
    table: &'a Table<K>,
    key: K,
    permit: Option<OwnedSemaphorePermit>,
}

impl<K: Hash + Eq> Drop for Held<'_, K> {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut table = self.table.lock();
        if let Some(entry) = table.get_mut(&self.key) {
            entry.users -= 1;
            if entry.users == 0 {
                table.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn host(text: &str) -> Host {
        Host::Ip(address(text))
    }

    fn is_empty(caps: &Caps) -> bool {
        caps.hosts
            .tables
            .iter()
            .all(|table| table.lock().is_empty())
            && caps
                .networks
                .tables
                .iter()
                .all(|table| table.lock().is_empty())
    }

    #[test]
    fn networks() {
        assert_eq!(network(address("192.0.2.77")), address("192.0.2.0"));
        assert_eq!(
            network(address("2001:db8:1:2:3:4:5:6")),
            address("2001:db8:1:2::")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_and_a_network_are_never_crowded_and_nothing_is_left_behind() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        let caps = Arc::new(Caps::new(2, 5, 1000));
        let inside: Arc<[AtomicUsize; 8]> = Arc::default();
        let all = Arc::new(AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for index in 0..400_usize {
            let (caps, inside, all) = (Arc::clone(&caps), Arc::clone(&inside), Arc::clone(&all));
            tasks.push(tokio::spawn(async move {
                let host = index % 8;
                let _place = caps.enter(&self::host(&format!("192.0.2.{host}"))).await;
                assert!(inside[host].fetch_add(1, Ordering::SeqCst) < 2);
                assert!(all.fetch_add(1, Ordering::SeqCst) < 5);
                tokio::time::sleep(Duration::from_millis(10)).await;
                inside[host].fetch_sub(1, Ordering::SeqCst);
                all.fetch_sub(1, Ordering::SeqCst);
            }));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        // One that gives up while it waits.
        let gave_up =
            tokio::time::timeout(Duration::from_millis(1), caps.enter(&host("192.0.2.1"))).await;
        assert!(gave_up.is_err());
        for task in tasks {
            task.await.unwrap();
        }
        assert!(is_empty(&caps));
    }

    #[tokio::test]
    async fn zero_and_unreachable_caps_hold_nobody() {
        let caps = Caps::new(0, 10, 10);
        let mut places = Vec::new();
        for _ in 0..100 {
            places.push(caps.enter(&host("192.0.2.1")).await);
        }
        assert_eq!(places.len(), 100);
        assert!(is_empty(&caps));
    }
}
