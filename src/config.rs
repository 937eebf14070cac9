//! Every limit of a scan in one place, validated once. Defaults are public constants, so that the
//! program's help, the documentation and the tests say the same.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::error::Error;
use crate::model::Request;

/// TCP connect timeout.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Time for one look at an endpoint, from the open connection to the last answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Further passes over what timed out or was reset, at half the rate.
pub const RETRIES: u32 = 1;
/// Connections being opened at once.
pub const CONCURRENCY: usize = 512;
/// The most that [`ScanConfig::concurrency`] may ask for.
pub const MAX_CONCURRENCY: usize = 65_536;
/// Looks at once: a handshake costs this machine's processor, and a crowd of them would make
/// servers look slow.
pub const MAX_LOOKS: usize = 256;
/// New connections per second; 0 is unlimited.
pub const RATE: u32 = 1000;
/// Connections to one host at once.
pub const PER_HOST: usize = 16;
/// Connections to one network at once, a /24 or a /64.
pub const PER_NETWORK: usize = 256;
/// Bytes of a body that are read.
pub const MAX_BODY: usize = 64 * 1024;
/// The most that [`ScanConfig::max_body`] may ask for.
pub const MAX_MAX_BODY: usize = 16 * 1024 * 1024;
/// The pause before a second look at contradicting answers.
pub const SECOND_LOOK_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause that is waited for when a server asks for one with `Retry-After`. Who asks for a
/// longer one is not asked again.
pub const MAX_PAUSE: Duration = Duration::from_secs(5);
/// Addresses of one name that are asked.
pub const MAX_ADDRESSES: usize = 64;
/// Names that are looked up and asked at once, beside the addresses: a name server that does not
/// answer holds up names alone.
pub const LOOKUPS: usize = 512;

/// The default `User-Agent`: honest, with no invented address.
pub const USER_AGENT: &str = concat!(
    "kubeknock/",
    env!("CARGO_PKG_VERSION"),
    " (unauthenticated Kubernetes API check)"
);

/// In which order the targets are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// A permutation made from this seed: spreads the load over networks, and is repeatable.
    Seeded(u64),
    /// As written.
    Sequential,
}

/// One of several equal parts of a scan; all parts together are the scan, and no two overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// Everything.
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

    /// How many of `all` things fall to this part: the parts differ by one at most.
    pub fn share(self, all: u64) -> u64 {
        let (first, step) = (u64::from(self.number - 1), u64::from(self.of));
        all.saturating_sub(first).div_ceil(step)
    }

    /// The position in the whole scan of this part's position.
    pub fn position(self, own: u64) -> u64 {
        own.saturating_mul(u64::from(self.of))
            .saturating_add(u64::from(self.number - 1))
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.parse()
                .ok()
                .filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
        };
        text.split_once('/')
            .and_then(|(part, of)| Self::new(number(part)?, number(of)?))
            .ok_or_else(|| "no shard; write K/N, part K of N, from 1/N to N/N".to_owned())
    }
}

impl std::fmt::Display for Shard {
    /// `3/7`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// Which address families a name is resolved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// A and AAAA.
    #[default]
    Both,
    /// A only.
    V4,
    /// AAAA only.
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

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// SOCKS version 5 without authentication (RFC 1928).
    Socks5,
    /// The same, and the proxy resolves names.
    Socks5h,
    /// HTTP `CONNECT` (RFC 9110, section 9.3.6).
    HttpConnect,
}

/// A proxy that opens our connections. Names are resolved here and the proxy is given addresses, but for
/// one that resolves names itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub kind: ProxyKind,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Proxy {
    /// Whether it is given names: their addresses are not known here then.
    pub const fn resolves_names(&self) -> bool {
        matches!(self.kind, ProxyKind::Socks5h)
    }
}

/// What a scan may use and how it asks.
#[derive(Debug, Clone)]
pub struct ScanConfig {
    /// TCP connect timeout.
    pub connect_timeout: Duration,
    /// Time for one look at an endpoint, as far as everybody is asked. Each further request ([`Self::requests`],
    /// [`Self::deep`]) adds a fifth of it, and none takes longer than this alone. A name may take as long to
    /// resolve.
    pub timeout: Duration,
    /// Further passes over what timed out or was reset; an answer is never asked for again.
    pub retries: u32,
    /// Connections being opened at once.
    pub concurrency: usize,
    /// New connections per second; 0 is unlimited.
    pub rate: u32,
    /// Connections to one host at once; 0 is no cap.
    pub per_host: usize,
    /// Connections to one network at once, a /24 or a /64; 0 is no cap.
    pub per_network: usize,
    /// Go slower while losses rise with the rate.
    pub adaptive: bool,
    /// Which part of the scan to do.
    pub shard: Shard,
    /// Bytes of a body that are read.
    pub max_body: usize,
    /// Time for the whole scan: then no target is started any more.
    pub max_duration: Option<Duration>,
    /// `User-Agent`, sent as it is.
    pub user_agent: String,
    /// Requests beside `/version`, `/api` and `/healthz`, asked after them.
    pub requests: Vec<Request>,
    /// Ask what shows real exposure without taking data: [`crate::probe::deep`].
    pub deep: bool,
    /// CAs by which serving chains are judged: DER certificates. Never a reason to stop.
    pub trusted_cas: Vec<Vec<u8>>,
    /// Offer HTTP/2 by ALPN.
    pub http2: bool,
    /// Connect through this proxy.
    pub proxy: Option<Proxy>,
    /// Which address families a name is resolved to.
    pub family: Family,
    /// Ask this name server instead of the system's.
    pub resolver: Option<SocketAddr>,
    /// Ask special addresses (loopback, link-local, cloud metadata …) that a name server gives for
    /// a name, too.
    pub allow_special: bool,
    /// Names that are looked up and asked at once; no more than [`Self::concurrency`].
    pub lookups: usize,
    /// In which order the targets are asked.
    pub order: Order,
    /// Report refused and silent range addresses too, not only count them.
    pub keep_all: bool,
    /// The pause before a second look at contradicting answers.
    pub second_look_pause: Duration,
}

impl Default for ScanConfig {
    fn default() -> Self {
        Self {
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
            user_agent: USER_AGENT.to_owned(),
            requests: Vec::new(),
            deep: false,
            trusted_cas: Vec::new(),
            http2: false,
            proxy: None,
            family: Family::Both,
            resolver: None,
            allow_special: false,
            lookups: LOOKUPS,
            order: Order::Seeded(0),
            keep_all: false,
            second_look_pause: SECOND_LOOK_PAUSE,
        }
    }
}

impl ScanConfig {
    /// Looks at once, each with its connection.
    pub fn looks(&self) -> usize {
        self.concurrency.min(MAX_LOOKS)
    }

    /// Connections at once, being opened or looked at: what the limit on open files must admit.
    pub fn connections(&self) -> usize {
        self.concurrency + self.looks()
    }

    /// Checks every limit.
    ///
    /// # Errors
    /// [`Error::Config`] for the first setting that is out of range.
    pub fn validate(&self) -> Result<(), Error> {
        let wrong = |setting, problem: String| Err(Error::Config { setting, problem });
        if self.connect_timeout.is_zero() {
            return wrong(
                "connect-timeout",
                "must be more than nothing, for example 3s".into(),
            );
        }
        if self.timeout.is_zero() {
            return wrong(
                "timeout",
                "must be more than nothing, for example 10s".into(),
            );
        }
        if self.concurrency == 0 || self.concurrency > MAX_CONCURRENCY {
            return wrong("concurrency", format!("must be 1 to {MAX_CONCURRENCY}"));
        }
        if self.lookups == 0 {
            return wrong("lookups", "must be at least 1".into());
        }
        if self.retries > 10 {
            return wrong("retries", "must be 0 to 10".into());
        }
        if self.max_body < 1024 || self.max_body > MAX_MAX_BODY {
            return wrong("max-body", "must be 1KiB to 16MiB".into());
        }
        if http::HeaderValue::from_str(&self.user_agent).is_err()
            || self.user_agent.trim().is_empty()
        {
            return wrong(
                "user-agent",
                "must be one line of printable ASCII characters".into(),
            );
        }
        Ok(())
    }
}
