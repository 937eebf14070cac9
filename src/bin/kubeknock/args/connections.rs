//! Sections "Rate" and "Network": how fast connections are made, and how.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::Args;
use kubeknock::config::{self, Proxy};

use crate::units;

/// The heading of the second section.
const NETWORK: &str = "Network";

#[derive(Debug, Args)]
#[command(next_help_heading = "Rate")]
pub(crate) struct ConnectionArgs {
    /// Connections being opened at once
    #[arg(short, long, value_name = "NUMBER", default_value_t = config::CONCURRENCY, value_parser = units::whole::<usize>, hide_short_help = true)]
    pub(crate) concurrency: usize,

    /// Connections per second; 0 is unlimited
    #[arg(long, value_name = "NUMBER", default_value_t = config::RATE, value_parser = units::whole::<u32>)]
    pub(crate) rate: u32,

    /// Time limit of a TCP connect
    #[arg(long, value_name = "TIME", default_value = units::shown_time(config::CONNECT_TIMEOUT), value_parser = units::duration, hide_short_help = true)]
    pub(crate) connect_timeout: Duration,

    /// Time limit of a probe of one endpoint
    ///
    /// From the open connection to the last answer. Each request of --path and --deep adds a fifth of this time. A single request or a name
    /// lookup takes this long at most. Requests that are repeated one at a time, and a recheck of contradicting answers,
    /// may each take the same time again. Reports list the requests that were skipped for lack of time.
    #[arg(long, value_name = "TIME", default_value = units::shown_time(config::TIMEOUT), value_parser = units::duration, hide_short_help = true)]
    pub(crate) timeout: Duration,

    /// Connections to one host at once; 0 is no cap
    #[arg(long, value_name = "NUMBER", default_value_t = config::PER_HOST, value_parser = units::whole::<usize>, hide_short_help = true)]
    pub(crate) per_host: usize,

    /// Connections to one network at once, a /24 or a /64 of IPv6; 0 is no cap
    #[arg(long, value_name = "NUMBER", default_value_t = config::PER_NETWORK, value_parser = units::whole::<usize>, hide_short_help = true)]
    pub(crate) per_network: usize,

    /// Keep rate and concurrency even if connections get lost
    ///
    /// By default, a scan slows down while losses rise with its rate, and speeds up again when they do
    /// not.
    #[arg(long, hide_short_help = true)]
    pub(crate) no_adaptive: bool,

    /// Further passes, at half the rate, over targets that timed out or were reset
    #[arg(long, value_name = "NUMBER", default_value_t = config::RETRIES, value_parser = units::whole::<u32>, hide_short_help = true)]
    pub(crate) retries: u32,

    /// Start no target after this time; finish those in flight and report what is missing
    #[arg(long, value_name = "TIME", value_parser = units::duration, hide_short_help = true)]
    pub(crate) max_duration: Option<Duration>,

    /// Name server to use instead of the system's: ADDRESS or ADDRESS:PORT
    ///
    /// Names are looked up as written, without search domains and without the hosts file. By
    /// default, names resolve as in other programs on this machine.
    #[arg(long, value_name = "ADDRESS", value_parser = resolver, help_heading = NETWORK, hide_short_help = true)]
    pub(crate) resolver: Option<SocketAddr>,

    /// Also probe special addresses that a name server returns
    ///
    /// Special addresses are loopback, unspecified, link-local, multicast, broadcast and reserved ones,
    /// and cloud metadata services. They belong to this machine, its network or its cloud, not to the
    /// cluster behind the name. By default, they are probed only if the address is itself a target,
    /// for names in the hosts file, and for localhost.
    #[arg(long, help_heading = NETWORK, hide_short_help = true)]
    pub(crate) allow_special: bool,

    /// Resolve names to IPv4 addresses only
    #[arg(short = '4', long, conflicts_with = "ipv6", help_heading = NETWORK, hide_short_help = true)]
    pub(crate) ipv4: bool,

    /// Resolve names to IPv6 addresses only
    #[arg(short = '6', long, help_heading = NETWORK, hide_short_help = true)]
    pub(crate) ipv6: bool,

    /// Connect and ask name servers from this address of this machine; once for IPv4, once for IPv6
    ///
    /// Targets of a family without such an address are not attempted.
    #[arg(long, value_name = "ADDRESS", help_heading = NETWORK, hide_short_help = true)]
    pub(crate) source_address: Vec<IpAddr>,

    /// The public address from which servers see this machine; once for IPv4, once for IPv6
    ///
    /// Nothing is sent from it or to it. An inventory may say which networks reach an endpoint: this address tells
    /// whether the endpoint should answer.
    #[arg(long, value_name = "ADDRESS", help_heading = NETWORK, hide_short_help = true)]
    pub(crate) egress_address: Vec<IpAddr>,

    /// Connect and ask name servers through this network interface (Linux)
    #[arg(long, value_name = "NAME", help_heading = NETWORK, hide_short_help = true)]
    pub(crate) interface: Option<String>,

    /// Connect through a proxy: socks5://HOST:PORT, socks5h://HOST:PORT or http://HOST:PORT
    ///
    /// kubeknock resolves names and sends addresses to the proxy. With socks5h:// the proxy
    /// resolves names, so their addresses stay unknown and cannot be excluded. Environment
    /// variables never set a proxy.
    #[arg(long, value_name = "URL", help_heading = NETWORK, hide_short_help = true)]
    pub(crate) proxy: Option<Proxy>,
}

fn resolver(text: &str) -> Result<SocketAddr, &'static str> {
    const DNS_PORT: u16 = 53;
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    text.parse()
        .or_else(|_| Ok(SocketAddr::new(bare.parse()?, DNS_PORT)))
        .map_err(|_: std::net::AddrParseError| {
            "invalid address: expected one like 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53"
        })
}
