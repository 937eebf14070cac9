//! Names to addresses, through hickory-resolver: with the hosts file, servers and search domains of this
//! machine, or with the one server that the user names.
//!
//! A name is asked once, even if many of its ports are targets: answers and failures are remembered, for
//! up to [`MAX_CACHED`] names. Addresses are sorted, so that the same answer gives the same order.

mod hosts;
mod local_sockets;
mod replies;
mod resolved;
mod servers;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::config::ScanConfig;
use crate::error::Error;
use crate::model::{Failure, FailureKind};
use resolved::{Resolution, failure, is_temporary};
use servers::Servers;

#[cfg(test)]
pub(crate) use resolved::PartialFailure;
pub(crate) use resolved::Resolved;

/// At this many names the cache is emptied.
pub(crate) const MAX_CACHED: usize = 4096;

/// A name, and whether it is absolute.
type Key = (Arc<str>, bool);

/// Resolves names. It is set up on first use, so that a scan of addresses needs no name server.
pub(crate) struct Resolver {
    config: ScanConfig,
    servers: OnceCell<Servers>,
    answers: Mutex<HashMap<Key, Arc<OnceCell<Resolution>>>>,
}

impl Resolver {
    /// A resolver as configured. Nothing is read or asked yet.
    pub(crate) fn new(config: &ScanConfig) -> Self {
        Self {
            config: config.clone(),
            servers: OnceCell::new(),
            answers: Mutex::default(),
        }
    }

    /// Sets up the name server of `--resolver`, so that its errors show before the scan begins. An error in this
    /// machine's own configuration does not stop the scan: each name then fails with it.
    ///
    /// # Errors
    /// [`Error::Resolver`].
    pub(crate) async fn prepare(&self) -> Result<(), Error> {
        match self.set_up().await {
            Err(error @ Error::Resolver(..)) => Err(error),
            _ => Ok(()),
        }
    }

    /// The name servers in use; empty as long as no name was asked.
    pub(crate) fn servers(&self) -> Vec<SocketAddr> {
        self.servers
            .get()
            .map(Servers::addresses)
            .unwrap_or_default()
    }

    async fn set_up(&self) -> Result<&Servers, Error> {
        self.servers
            .get_or_try_init(|| async { Servers::set_up(&self.config) })
            .await
    }

    /// The addresses of a name. No search domain is appended if the name is `absolute`.
    ///
    /// # Errors
    /// A [`Failure`] of stage `dns`: the name server answered with an error, or not
    /// within [`ScanConfig::timeout`].
    pub(crate) async fn addresses(
        &self,
        name: &Arc<str>,
        absolute: bool,
    ) -> Result<Resolved, Failure> {
        let key = (Arc::clone(name), absolute);
        let answer = {
            let mut answers = self.answers.lock();
            if answers.len() >= MAX_CACHED && !answers.contains_key(&key) {
                answers.clear();
            }
            Arc::clone(answers.entry(key.clone()).or_default())
        };
        let found = answer
            .get_or_init(|| self.ask(name, absolute))
            .await
            .clone();
        // The caller retries when resources are free.
        if found
            .as_ref()
            .is_err_and(|failure| failure.kind == FailureKind::ResourcesExhausted)
        {
            let mut answers = self.answers.lock();
            if answers
                .get(&key)
                .is_some_and(|kept| Arc::ptr_eq(kept, &answer))
            {
                answers.remove(&key);
            }
        }
        found
    }

    /// Forgets the answer to one name, so that it is asked again.
    pub(crate) fn forget(&self, name: &Arc<str>, absolute: bool) {
        self.answers.lock().remove(&(Arc::clone(name), absolute));
    }

    /// Forgets temporary failures, so that their names are asked again.
    pub(crate) fn forget_temporary_failures(&self) {
        let mut answers = self.answers.lock();
        let failed = |answer: &Resolution| answer.as_ref().is_err_and(is_temporary);
        answers.retain(|_, answer| !answer.get().is_some_and(failed));
    }

    async fn ask(&self, name: &str, absolute: bool) -> Resolution {
        match self.set_up().await {
            Ok(servers) => servers.ask(name, absolute).await,
            Err(error) => Err(failure(FailureKind::NoResolver, error.to_string())),
        }
    }
}
