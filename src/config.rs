//! Every setting of a scan, validated once. Defaults are constants, and the program's help is made
//! from them.

mod proxy;
mod run_id;
mod scan_header;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::model::{Request, is_public};
pub use proxy::{InvalidProxy, Proxy, ProxyKind};
pub use run_id::{InvalidRunId, RunId};
pub use scan_header::{InvalidHeader, ScanHeader};

/// TCP connect timeout.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Time for one probe of an endpoint, from the open connection to the last answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Further passes over targets that timed out or were reset, at half the rate.
pub const RETRIES: u32 = 1;
/// Connections being opened at once.
pub const CONCURRENCY: usize = 512;
/// The most that [`ScanConfig::concurrency`] may ask for.
pub const MAX_CONCURRENCY: usize = 65_536;
/// The most probes at once. TLS handshakes cost this machine's processor; too many at once would make servers
/// look slow.
pub const MAX_PROBES: usize = 256;
/// New connections per second; 0 is unlimited.
pub const RATE: u32 = 1000;
/// Connections to one host at once.
pub const PER_HOST: usize = 16;
/// Connections to one network at once: a /24, or a /64 of IPv6.
pub const PER_NETWORK: usize = 256;
/// How many bytes of a body are read.
pub const MAX_BODY: usize = 64 * 1024;
/// The most that [`ScanConfig::max_body`] may ask for.
pub const MAX_MAX_BODY: usize = 16 * 1024 * 1024;
/// The pause before contradicting answers are checked again.
pub const RECHECK_PAUSE: Duration = Duration::from_secs(2);
/// The longest `Retry-After` that is obeyed. A server that asks for a longer pause gets no further request.
pub const MAX_PAUSE: Duration = Duration::from_secs(5);
/// How many addresses of one name are probed.
pub const MAX_ADDRESSES: usize = 64;
/// Names that are resolved and probed at once. Addresses do not count, so a silent name server delays
/// names only.
pub const LOOKUPS: usize = 512;

/// How many headers may be added to requests.
pub const MAX_HEADERS: usize = 8;
/// Characters of the name of a scan.
pub const MAX_SCAN_NAME: usize = 100;

/// The default `User-Agent`.
pub const USER_AGENT: &str = concat!(
    "kubeknock/",
    env!("CARGO_PKG_VERSION"),
    " (unauthenticated Kubernetes API check)"
);

/// The order in which targets are probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// A permutation made from this seed: it spreads the load over networks, and repeats.
    Seeded(u64),
    /// In the order of the list.
    Sequential,
}

/// One of several equal parts of a scan; all parts together are the scan, and no two overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// The whole scan.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Part `number` of `of`, counted from 1; `None` if there is no such part.
    pub const fn new(number: u32, of: u32) -> Option<Self> {
        if 1 <= number && number <= of {
            Some(Self { number, of })
        } else {
            None
        }
    }

    /// Whether it is one part of several.
    pub const fn is_part(self) -> bool {
        self.of > 1
    }

    /// How many parts there are.
    pub const fn count(self) -> u32 {
        self.of
    }

    /// This part and the others, in order.
    pub fn parts(self) -> impl Iterator<Item = Self> {
        (1..=self.of).map(move |number| Self { number, ..self })
    }

    /// How many of `all` targets belong to this part. The parts differ by one at most.
    pub fn share(self, all: u64) -> u64 {
        let (first, step) = (u64::from(self.number - 1), u64::from(self.of));
        all.saturating_sub(first).div_ceil(step)
    }

    /// Converts a position in this part into a position in the whole scan.
    pub fn position(self, own: u64) -> u64 {
        own.saturating_mul(u64::from(self.of))
            .saturating_add(u64::from(self.number - 1))
    }
}

/// The error for a text that is not a [`Shard`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid shard: expected K/N, part K of N, with K from 1 to N")]
#[non_exhaustive]
pub struct InvalidShard;

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, InvalidShard> {
        let number = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| digits)
        };
        text.split_once('/')
            .and_then(|(part, of)| Self::new(number(part)?, number(of)?))
            .ok_or(InvalidShard)
    }
}

impl fmt::Display for Shard {
    /// `3/7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// Which address families a name is resolved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Family {
    /// A and AAAA.
    #[default]
    Both,
    /// A only.
    #[serde(rename = "ipv4")]
    V4,
    /// AAAA only.
    #[serde(rename = "ipv6")]
    V6,
}

impl Family {
    /// Whether an address is of this family.
    pub const fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Both => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// The limits and options of a scan.
///
/// ```
/// use kubeknock::config::ScanConfig;
///
/// let config = ScanConfig::default().with(|config| {
///     config.rate = 100;
///     config.deep = true;
/// });
/// assert!(config.validate().is_ok());
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScanConfig {
    /// The name of the scan, which tells its metrics from those of other scans: 1 to [`MAX_SCAN_NAME`] characters,
    /// and no control characters.
    pub scan_name: Option<String>,
    /// TCP connect timeout.
    pub connect_timeout: Duration,
    /// Time for one probe of an endpoint with the usual requests. Each further request
    /// ([`Self::requests`], [`Self::deep`]) adds a fifth of it. A single request, or resolving a name,
    /// takes this long at most.
    pub timeout: Duration,
    /// Further passes over targets that timed out or were reset. A target that answered is not probed again.
    pub retries: u32,
    /// Connections being opened at once.
    pub concurrency: usize,
    /// New connections per second; 0 is unlimited.
    pub rate: u32,
    /// Connections to one host at once; 0 is no cap.
    pub per_host: usize,
    /// Connections to one network at once, a /24 or a /64 of IPv6; 0 is no cap.
    pub per_network: usize,
    /// Slow down while losses rise with the rate.
    pub adaptive: bool,
    /// Which part of the scan to run.
    pub shard: Shard,
    /// How many bytes of a body are read.
    pub max_body: usize,
    /// Time for the whole scan. No target is started after it.
    pub max_duration: Option<Duration>,
    /// The id of this run, which [`Self::sent_user_agent`] has after the product.
    pub run_id: Option<RunId>,
    /// Send an `Audit-ID` with each request, made from [`Self::run_id`].
    pub audit_id: bool,
    /// Ask each endpoint that looks like Kubernetes for a path that no server has, to find it in the audit log.
    pub audit_canary: bool,
    /// The `User-Agent` header, without [`Self::run_id`].
    pub user_agent: String,
    /// Further headers of every request, at most [`MAX_HEADERS`].
    pub headers: Vec<ScanHeader>,
    /// Local addresses of connections and queries, one of each family; empty for any. Other families are not attempted.
    pub source_addresses: Vec<IpAddr>,
    /// The public addresses of this machine, as servers see them, at most one of each family; empty if they are not
    /// known. Inventories may restrict an endpoint to some networks; these addresses tell whether it should answer.
    pub egress_addresses: Vec<IpAddr>,
    /// The network interface that connections and queries use.
    pub interface: Option<String>,
    /// Requests after `/version`, `/api` and `/healthz`.
    pub requests: Vec<Request>,
    /// Also request paths that show real exposure, without reading data.
    pub deep: bool,
    /// DER certificates of CAs that serving certificates are checked against. A mismatch is a finding.
    pub trusted_cas: Vec<Vec<u8>>,
    /// Offer HTTP/2 by ALPN.
    pub http2: bool,
    /// Make each request only after the answer to the one before it.
    pub one_at_a_time: bool,
    /// Connect through this proxy.
    pub proxy: Option<Proxy>,
    /// Which address families a name is resolved to.
    pub family: Family,
    /// Use this name server instead of the system's.
    pub resolver: Option<SocketAddr>,
    /// Also probe special addresses (loopback, link-local, cloud metadata …) that a name server returns.
    pub allow_special: bool,
    /// Names that are resolved and probed at once; at most [`Self::concurrency`].
    pub lookups: usize,
    /// The order of the targets.
    pub order: Order,
    /// Report refused and silent addresses of ranges, too. Otherwise they are only counted.
    pub keep_all: bool,
    /// Keep every answer as it came ([`Reply::raw`](crate::model::Reply::raw)), except for the bodies of lists of
    /// resources. No report has them.
    pub keep_answers: bool,
    /// The pause before contradicting answers are checked again.
    pub recheck_pause: Duration,
}

impl Default for ScanConfig {
    fn default() -> Self {
        Self {
            scan_name: None,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: TIMEOUT,
            retries: RETRIES,
            concurrency: CONCURRENCY,
            rate: RATE,
            per_host: PER_HOST,
            per_network: PER_NETWORK,
            adaptive: true,
            shard: Shard::WHOLE,
            max_body: MAX_BODY,
            max_duration: None,
            run_id: None,
            audit_id: false,
            audit_canary: false,
            user_agent: USER_AGENT.to_owned(),
            headers: Vec::new(),
            source_addresses: Vec::new(),
            egress_addresses: Vec::new(),
            interface: None,
            requests: Vec::new(),
            deep: false,
            trusted_cas: Vec::new(),
            http2: false,
            one_at_a_time: false,
            proxy: None,
            family: Family::Both,
            resolver: None,
            allow_special: false,
            lookups: LOOKUPS,
            order: Order::Seeded(0),
            keep_all: false,
            keep_answers: false,
            recheck_pause: RECHECK_PAUSE,
        }
    }
}

impl ScanConfig {
    /// The configuration with some settings changed.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The `User-Agent` as it is sent.
    pub fn sent_user_agent(&self) -> String {
        self.run_id.as_ref().map_or_else(
            || self.user_agent.clone(),
            |run_id| run_id.in_user_agent(&self.user_agent),
        )
    }

    /// Probes at once, each with its connection.
    pub fn max_probes(&self) -> usize {
        self.concurrency.min(MAX_PROBES)
    }

    /// Connections at once, including those being opened. The limit on open files must allow as many.
    pub fn connections(&self) -> usize {
        self.concurrency + self.max_probes()
    }

    /// Checks every limit.
    ///
    /// # Errors
    /// [`Error::Config`] for the first setting that is out of range.
    pub fn validate(&self) -> Result<(), Error> {
        let problem = if self
            .scan_name
            .as_deref()
            .is_some_and(|name| !is_scan_name(name))
        {
            (
                "scan-name",
                "must be 1 to 100 characters, without control characters",
            )
        } else if self.connect_timeout.is_zero() {
            ("connect-timeout", "must be longer than 0, for example 3s")
        } else if self.timeout.is_zero() {
            ("timeout", "must be longer than 0, for example 10s")
        } else if !(1..=MAX_CONCURRENCY).contains(&self.concurrency) {
            ("concurrency", "must be 1 to 65536")
        } else if self.lookups == 0 {
            ("lookups", "must be at least 1")
        } else if self.retries > 10 {
            ("retries", "must be 0 to 10")
        } else if !(1024..=MAX_MAX_BODY).contains(&self.max_body) {
            ("max-body", "must be 1KiB to 16MiB")
        } else if self.headers.len() > MAX_HEADERS {
            ("header", "may be given 8 times")
        } else if !is_one_of_each_family(&self.source_addresses) {
            ("source-address", ONE_OF_EACH_FAMILY)
        } else if !is_one_of_each_family(&self.egress_addresses) {
            ("egress-address", ONE_OF_EACH_FAMILY)
        } else if !self.egress_addresses.iter().copied().all(is_public) {
            ("egress-address", "must be a public address")
        } else if self.run_id.is_none() && self.audit_id {
            ("audit-id", "needs a run ID")
        } else if self.run_id.is_none() && self.audit_canary {
            ("audit-canary", "needs a run ID")
        } else if http::HeaderValue::from_str(&self.user_agent).is_err()
            || self.user_agent.trim().is_empty()
        {
            (
                "user-agent",
                "must be one line of printable ASCII characters",
            )
        } else {
            return Ok(());
        };
        Err(Error::Config {
            setting: problem.0,
            problem: problem.1.to_owned(),
        })
    }
}

const ONE_OF_EACH_FAMILY: &str = "may be given once for IPv4 and once for IPv6";

fn is_one_of_each_family(addresses: &[IpAddr]) -> bool {
    let (v4, v6): (Vec<&IpAddr>, Vec<&IpAddr>) = addresses.iter().partition(|one| one.is_ipv4());
    v4.len() <= 1 && v6.len() <= 1
}

fn is_scan_name(name: &str) -> bool {
    !name.trim().is_empty()
        && name.chars().count() <= MAX_SCAN_NAME
        && !name.contains(char::is_control)
}
