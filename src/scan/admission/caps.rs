//! Caps on the connections to one host and to one network (/24 for IPv4, /64 for IPv6) at once.
//!
//! Only hosts and networks in use are remembered, so memory is bounded by the connections in flight.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::model::Host;

/// Caps on connections that are open at once.
pub(in crate::scan) struct Caps {
    hosts: Arc<Cap<Host>>,
    networks: Arc<Cap<IpAddr>>,
}

/// Counts a connection under both caps until it is dropped.
pub(in crate::scan) struct UnderCaps {
    _network: Option<Counted<IpAddr>>,
    _host: Option<Counted<Host>>,
}

impl Caps {
    /// A limit of 0 means no cap, and so does a limit that `connections` cannot reach.
    pub(super) fn new(per_host: usize, per_network: usize, connections: usize) -> Self {
        let cap = |limit| if limit >= connections { 0 } else { limit };
        Self {
            hosts: Arc::new(Cap::new(cap(per_host))),
            networks: Arc::new(Cap::new(cap(per_network))),
        }
    }

    /// Waits until the host and its network are below their caps. The network of a name that the proxy
    /// resolves is not known.
    pub(in crate::scan) async fn acquire(&self, host: &Host) -> UnderCaps {
        // The host first: a connection that waits for a busy host does not count in its network.
        let host_count = self.hosts.acquire(host.clone()).await;
        let network = match host {
            Host::Ip(address) => self.networks.acquire(network(*address)).await,
            Host::Name(_) => None,
        };
        UnderCaps {
            _network: network,
            _host: host_count,
        }
    }

    /// Counts a connection to an address; `None` if its host or its network is at its cap. `may_share` says whether
    /// enough targets for the cap of the host may be at one address.
    pub(in crate::scan) fn try_acquire(
        &self,
        address: IpAddr,
        may_share: bool,
    ) -> Option<UnderCaps> {
        let host_count = if may_share {
            self.hosts.try_acquire(Host::Ip(address)).ok()?
        } else {
            None
        };
        let network = self.networks.try_acquire(network(address)).ok()?;
        Some(UnderCaps {
            _network: network,
            _host: host_count,
        })
    }
}

/// The first address of the /24 or /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & !0xff).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// One cap for each of many keys.
struct Cap<K> {
    limit: usize,
    used: Mutex<HashMap<K, Arc<Semaphore>>>,
}

impl<K: Hash + Eq + Clone> Cap<K> {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            used: Mutex::default(),
        }
    }

    async fn acquire(self: &Arc<Self>, key: K) -> Option<Counted<K>> {
        if self.limit == 0 {
            return None;
        }
        let (mut counted, room) = self.begin(key);
        counted.permit = room.acquire_owned().await.ok();
        Some(counted)
    }

    /// As [`Self::acquire`]; an error if it would have to wait.
    fn try_acquire(self: &Arc<Self>, key: K) -> Result<Option<Counted<K>>, TryAcquireError> {
        if self.limit == 0 {
            return Ok(None);
        }
        let (mut counted, room) = self.begin(key);
        counted.permit = Some(room.try_acquire_owned()?);
        Ok(Some(counted))
    }

    /// The room of a key, and what removes it when nobody uses it: also if the caller gives up while it waits.
    fn begin(self: &Arc<Self>, key: K) -> (Counted<K>, Arc<Semaphore>) {
        let mut used = self.used.lock();
        let room = used
            .entry(key.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(self.limit)));
        let counted = Counted {
            cap: Arc::clone(self),
            key,
            permit: None,
        };
        (counted, Arc::clone(room))
    }
}

/// Counts under a cap until it is dropped.
struct Counted<K: Hash + Eq> {
    cap: Arc<Cap<K>>,
    key: K,
    permit: Option<OwnedSemaphorePermit>,
}

impl<K: Hash + Eq> Drop for Counted<K> {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut used = self.cap.used.lock();
        // Others that count or wait have a reference too.
        if used
            .get(&self.key)
            .is_some_and(|room| Arc::strong_count(room) == 1)
        {
            used.remove(&self.key);
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
        caps.hosts.used.lock().is_empty() && caps.networks.used.lock().is_empty()
    }

    #[test]
    fn a_network_is_a_24_or_a_64() {
        assert_eq!(network(address("192.0.2.77")), address("192.0.2.0"));
        assert_eq!(
            network(address("2001:db8:1:2:3:4:5:6")),
            address("2001:db8:1:2::")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn caps_are_never_exceeded_and_nothing_is_left_behind() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        let caps = Arc::new(Caps::new(2, 5, 1000));
        let inside: Arc<[AtomicUsize; 8]> = Arc::default();
        let all = Arc::new(AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for index in 0..400_usize {
            let (caps, inside, all) = (Arc::clone(&caps), Arc::clone(&inside), Arc::clone(&all));
            tasks.push(tokio::spawn(async move {
                let host = index % 8;
                let _place = caps.acquire(&self::host(&format!("192.0.2.{host}"))).await;
                assert!(inside[host].fetch_add(1, Ordering::SeqCst) < 2);
                assert!(all.fetch_add(1, Ordering::SeqCst) < 5);
                tokio::time::sleep(Duration::from_millis(10)).await;
                inside[host].fetch_sub(1, Ordering::SeqCst);
                all.fetch_sub(1, Ordering::SeqCst);
            }));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        // A caller that gives up while it waits.
        let gave_up =
            tokio::time::timeout(Duration::from_millis(1), caps.acquire(&host("192.0.2.1"))).await;
        assert!(gave_up.is_err());
        for task in tasks {
            task.await.unwrap();
        }
        assert!(is_empty(&caps));
    }

    #[tokio::test]
    async fn zero_and_unreachable_caps_limit_nothing() {
        let caps = Caps::new(0, 10, 10);
        let mut held = Vec::new();
        for _ in 0..100 {
            held.push(caps.acquire(&host("192.0.2.1")).await);
        }
        assert_eq!(held.len(), 100);
        assert!(is_empty(&caps));
    }
}
