//! Names to addresses, through hickory-resolver: the hosts file and the servers and search domains of
//! this machine's configuration, or the one server the user names.
//!
//! A name is asked once, however many of its ports are targets: answers and refusals alike are
//! remembered, for [`REMEMBERED`] names at a time; what may pass is forgotten when [`Resolver::forget`]
//! says so. Addresses are sorted, so that the same answer gives the same order.

mod hosts;
mod servers;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::config::ScanConfig;
use crate::error::Error;
use crate::model::{Failure, FailureKind};
use servers::Servers;

/// Names whose answers are remembered; then the memory begins anew.
pub const REMEMBERED: usize = 4096;

/// What a name resolved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The addresses, sorted, IPv4-mapped ones as IPv4.
    pub addresses: Vec<IpAddr>,
    /// The names on the way to the addresses, in the order of the chain, in lower case: the name with
    /// a search domain, and what that is an alias of (CNAME).
    pub aliases: Arc<[Arc<str>]>,
    /// Whether this machine's own hosts file says so, or it is `localhost`: then nobody else decided
    /// where the name leads.
    pub given: bool,
    /// A question that failed beside one that was answered (`AAAA`), and how.
    pub failed: Option<(String, FailureKind)>,
}

/// A name, and whether it is absolute.
type Question = (Arc<str>, bool);
/// What a name came to.
type Answer = Result<Resolved, Failure>;

/// Resolves names. Set up on first use, so that a scan of addresses needs no resolver at all.
pub struct Resolver {
    config: ScanConfig,
    servers: OnceCell<Servers>,
    answers: Mutex<HashMap<Question, Arc<OnceCell<Answer>>>>,
}

impl Resolver {
    /// A resolver as configured; nothing is read or asked yet.
    pub fn new(config: &ScanConfig) -> Self {
        Self {
            config: config.clone(),
            servers: OnceCell::new(),
            answers: Mutex::default(),
        }
    }

    /// Sets up the name server that the user names, so that its errors show before the scan begins. What
    /// is wrong with this machine's own configuration keeps names from being asked, and nothing else.
    ///
    /// # Errors
    /// [`Error::Resolver`].
    pub async fn prepare(&self) -> Result<(), Error> {
        match self.set_up().await {
            Err(error @ Error::Resolver(..)) => Err(error),
            _ => Ok(()),
        }
    }

    /// The name servers that are asked; empty as long as none had to be.
    pub fn servers(&self) -> Vec<SocketAddr> {
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

    /// The addresses of a name, and what led to them. To one that is `absolute` no search domain is added.
    ///
    /// # Errors
    /// A [`Failure`] of stage `dns`: what the name server said, or that it did not answer within
    /// [`ScanConfig::timeout`].
    pub async fn addresses(&self, name: &Arc<str>, absolute: bool) -> Answer {
        let key = (Arc::clone(name), absolute);
        let answer = {
            let mut answers = self.answers.lock();
            if answers.len() >= REMEMBERED && !answers.contains_key(&key) {
                answers.clear();
            }
            Arc::clone(answers.entry(key.clone()).or_default())
        };
        let found = answer
            .get_or_init(|| self.ask(name, absolute))
            .await
            .clone();
        // Who is short of something asks again at once.
        if found
            .as_ref()
            .is_err_and(|failure| failure.kind == FailureKind::LocalShortage)
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

    /// Forgets what may have passed: a server that was silent is asked once more.
    pub fn forget(&self) {
        let mut answers = self.answers.lock();
        let passes = |answer: &Answer| answer.as_ref().is_err_and(servers::may_pass);
        answers.retain(|_, answer| !answer.get().is_some_and(passes));
    }

    async fn ask(&self, name: &str, absolute: bool) -> Answer {
        match self.set_up().await {
            Ok(servers) => servers.ask(name, absolute).await,
            Err(error) => Err(servers::failure(FailureKind::NoResolver, error.to_string())),
        }
    }
}
