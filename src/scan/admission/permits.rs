//! Permits to connect: one for each connection that is being opened.

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Permits to connect. Their number can change.
pub(in crate::scan) struct Permits {
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
}

impl Permits {
    pub(super) fn new(size: usize) -> Self {
        Self {
            connecting: Semaphore::new(size),
            size: Mutex::new(Size {
                wanted: size,
                existing: size,
            }),
        }
    }

    /// Waits for a permit.
    pub(super) async fn acquire(&self) -> ConnectPermit<'_> {
        self.permit(self.connecting.acquire().await.ok())
    }

    /// A permit, if one is free.
    pub(in crate::scan) fn try_acquire(&self) -> Option<ConnectPermit<'_>> {
        Some(self.permit(Some(self.connecting.try_acquire().ok()?)))
    }

    /// A permit that does not count against the limit, for a further connection of a probe. A probe has one connection
    /// at a time, so the number of probes limits these.
    pub(super) const fn beyond_limit(&self) -> ConnectPermit<'_> {
        self.permit(None)
    }

    const fn permit<'a>(&'a self, permit: Option<SemaphorePermit<'a>>) -> ConnectPermit<'a> {
        ConnectPermit {
            size: &self.size,
            permit,
        }
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
    use super::*;

    #[tokio::test]
    async fn permits_beyond_a_smaller_size_are_withdrawn_when_they_are_returned() {
        let permits = Permits::new(100);
        let mut held = Vec::new();
        for _ in 0..100 {
            held.push(permits.acquire().await);
        }
        permits.resize(30);
        drop(held);
        assert_eq!(permits.available(), 30);
        permits.resize(100);
        assert_eq!(permits.available(), 100);
    }
}
