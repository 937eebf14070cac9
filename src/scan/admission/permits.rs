//! Permits to connect: one for each connection that is being opened.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Permits to connect. Their number can change.
pub(in crate::scan) struct Permits {
    connecting: Semaphore,
    /// How many there are to be.
    size: Mutex<usize>,
    /// How many of those in use are to be withdrawn when they are returned.
    surplus: AtomicUsize,
}

/// A permit to connect, until it is dropped.
pub(in crate::scan) struct ConnectPermit<'a> {
    surplus: &'a AtomicUsize,
    permit: Option<SemaphorePermit<'a>>,
}

impl Permits {
    pub(super) fn new(size: usize) -> Self {
        Self {
            connecting: Semaphore::new(size),
            size: Mutex::new(size),
            surplus: AtomicUsize::new(0),
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
            surplus: &self.surplus,
            permit,
        }
    }

    /// Changes the number of permits. Permits in use beyond it are withdrawn when they are returned.
    pub(super) fn resize(&self, wanted: usize) {
        let wanted = wanted.max(1);
        let mut size = self.size.lock();
        if wanted < *size {
            let fewer = *size - wanted;
            let in_use = fewer - self.connecting.forget_permits(fewer);
            self.surplus.fetch_add(in_use, Ordering::Relaxed);
        } else {
            let more = (*size..wanted).filter(|_| !take_one(&self.surplus)).count();
            self.connecting.add_permits(more);
        }
        *size = wanted;
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
        if take_one(self.surplus) {
            permit.forget();
        }
    }
}

/// Takes one from a counter; `false` if it is 0.
fn take_one(counter: &AtomicUsize) -> bool {
    let one_less = |count: usize| count.checked_sub(1);
    (counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn held(permits: &Permits, count: usize) -> Vec<ConnectPermit<'_>> {
        let mut held = Vec::new();
        for _ in 0..count {
            held.push(permits.acquire().await);
        }
        held
    }

    #[tokio::test]
    async fn permits_beyond_a_smaller_size_are_withdrawn_when_they_are_returned() {
        let permits = Permits::new(100);
        let held = held(&permits, 100).await;
        permits.resize(30);
        drop(held);
        assert_eq!(permits.available(), 30);
        permits.resize(100);
        assert_eq!(permits.available(), 100);
    }

    #[tokio::test]
    async fn a_size_that_grows_again_keeps_permits_that_were_to_be_withdrawn() {
        let permits = Permits::new(100);
        let mut held = held(&permits, 90).await;
        permits.resize(30);
        assert_eq!(permits.available(), 0);
        permits.resize(60);
        assert_eq!(permits.available(), 0, "30 of those in use are too many");
        held.truncate(80);
        permits.resize(85);
        assert_eq!(permits.available(), 5, "80 are in use");
        drop(held);
        assert_eq!(permits.available(), 85);
    }
}
