//! Permits to connect: one for each connection that is being opened.

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The maximum number of tasks that are about to connect. Where refusals are immediate, as on loopback, every worker
/// would always be ready to run, and thousands of ready workers would delay each step of a probe.
const PENDING: usize = 64;

/// Permits to connect. Their number can change.
pub(in crate::scan) struct Permits {
    pending: Semaphore,
    connecting: Semaphore,
    size: Mutex<Size>,
}

struct Size {
    wanted: usize,
    /// Permits that exist, taken or free.
    existing: usize,
}

/// A permit to connect, until it is dropped.
pub(in crate::scan) struct ConnectPermit<'a> {
    size: &'a Mutex<Size>,
    permit: Option<SemaphorePermit<'a>>,
    pending: Option<SemaphorePermit<'a>>,
}

impl ConnectPermit<'_> {
    /// The connect was started: another task may be about to connect.
    pub(super) fn started(&mut self) {
        self.pending = None;
    }
}

impl Permits {
    pub(super) fn new(size: usize) -> Self {
        Self {
            pending: Semaphore::new(PENDING),
            connecting: Semaphore::new(size),
            size: Mutex::new(Size {
                wanted: size,
                existing: size,
            }),
        }
    }

    /// Waits for a permit.
    pub(super) async fn acquire(&self) -> ConnectPermit<'_> {
        let pending = self.pending.acquire().await.ok();
        ConnectPermit {
            size: &self.size,
            permit: self.connecting.acquire().await.ok(),
            pending,
        }
    }

    /// A permit that does not count against the limit, for a further connection of a probe. A probe has one connection
    /// at a time, so the number of probes limits these.
    pub(super) const fn beyond_limit(&self) -> ConnectPermit<'_> {
        ConnectPermit {
            size: &self.size,
            permit: None,
            pending: None,
        }
    }

    /// Waits until fewer than [`PENDING`] tasks are about to connect.
    pub(in crate::scan) async fn wait_for_room(&self) {
        drop(self.pending.acquire().await);
    }

    /// Changes the number of permits. Permits in use beyond it are withdrawn when they are returned.
    pub(super) fn resize(&self, wanted: usize) {
        let mut size = self.size.lock();
        size.wanted = wanted.max(1);
        if size.wanted > size.existing {
            self.connecting.add_permits(size.wanted - size.existing);
            size.existing = size.wanted;
        } else {
            size.existing -= self.connecting.forget_permits(size.existing - size.wanted);
        }
    }

    #[cfg(test)]
    pub(super) fn available(&self) -> usize {
        self.connecting.available_permits()
    }
}

impl Drop for ConnectPermit<'_> {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else {
            return;
        };
        let mut size = self.size.lock();
        if size.existing > size.wanted {
            size.existing -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn few_are_about_to_connect_at_once() {
        let permits = Permits::new(100);
        let mut held = Vec::new();
        for _ in 0..PENDING {
            held.push(permits.acquire().await);
        }
        // A task that has used up its budget has to wait for anything.
        tokio::task::yield_now().await;
        assert!(permits.acquire().now_or_never().is_none());
        assert!(permits.wait_for_room().now_or_never().is_none());
        held[7].started();
        assert!(permits.wait_for_room().now_or_never().is_some());
        assert!(permits.acquire().now_or_never().is_some());
    }

    #[tokio::test]
    async fn permits_beyond_a_smaller_size_are_withdrawn_when_they_are_returned() {
        let permits = Permits::new(100);
        let mut held = Vec::new();
        for _ in 0..100 {
            let mut permit = permits.acquire().await;
            permit.started();
            held.push(permit);
        }
        permits.resize(30);
        drop(held);
        assert_eq!(permits.available(), 30);
        permits.resize(100);
        assert_eq!(permits.available(), 100);
    }
}
