//! The scan itself: which program, how it was set, from where it looked.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

use super::coverage::Coverage;
use super::word::{Ms, Time};
use crate::config::{Family, InvalidShard, Order, Proxy, ProxyKind, ScanConfig};
use crate::model::{Request, ScanSummary};
use crate::record::SavedScan;

#[derive(Deserialize, Default)]
pub(super) struct Tool {
    #[serde(default)]
    version: String,
}

/// What the summary says of the records.
#[derive(Deserialize, Default)]
pub(super) struct Counts {
    endpoints: Option<u64>,
}

impl Counts {
    /// The problem, if the report does not have the records that it says it has.
    pub(super) fn check(&self, records: u64) -> Result<(), String> {
        match self.endpoints {
            Some(said) if said != records => Err(format!(
                "the summary says {said} endpoint records, and there are {records}: some are missing"
            )),
            _ => Ok(()),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Scan {
    started: Time,
    #[serde(default)]
    elapsed_ms: Ms,
    stopped: Option<String>,
    targets_digest: Option<String>,
    #[serde(default)]
    settings: Settings,
    #[serde(default)]
    vantage: Vantage,
}

impl Scan {
    pub(super) fn into_saved(self, tool: Tool, coverage: Coverage) -> SavedScan {
        SavedScan {
            tool_version: tool.version,
            config: self.settings.0,
            summary: ScanSummary {
                started: self.started.0,
                elapsed: self.elapsed_ms.0,
                stopped: self.stopped,
                sources: self.vantage.source_addresses,
                resolvers: self.vantage.resolvers,
                targets_digest: self.targets_digest,
                coverage: coverage.0,
            },
        }
    }
}

#[derive(Deserialize, Default)]
struct Vantage {
    #[serde(default)]
    source_addresses: Vec<IpAddr>,
    #[serde(default)]
    resolvers: Vec<SocketAddr>,
}

#[derive(Deserialize, Default)]
#[serde(try_from = "Wire")]
struct Settings(ScanConfig);

#[derive(Deserialize)]
struct Wire {
    connect_timeout_ms: Option<u64>,
    timeout_ms: Option<u64>,
    retries: Option<u32>,
    concurrency: Option<usize>,
    rate: Option<u32>,
    per_host: Option<usize>,
    per_network: Option<usize>,
    adaptive: Option<bool>,
    shard: Option<String>,
    max_body: Option<usize>,
    max_duration_ms: Option<u64>,
    second_look_pause_ms: Option<u64>,
    user_agent: Option<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    deep: bool,
    #[serde(default)]
    http2: bool,
    proxy: Option<String>,
    resolver: Option<SocketAddr>,
    #[serde(default)]
    allow_special: bool,
    family: Option<FamilyWord>,
    order: Option<OrderWord>,
    seed: Option<u64>,
    #[serde(default)]
    all: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum FamilyWord {
    Both,
    Ipv4,
    Ipv6,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum OrderWord {
    Seeded,
    Sequential,
}

impl TryFrom<Wire> for Settings {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let default = ScanConfig::default();
        let ms = |said: Option<u64>, default| said.map_or(default, Duration::from_millis);
        let request =
            |path: &String| Request::for_path(path).map_err(|error| format!("path: {error}"));
        Ok(Self(ScanConfig {
            connect_timeout: ms(wire.connect_timeout_ms, default.connect_timeout),
            timeout: ms(wire.timeout_ms, default.timeout),
            retries: wire.retries.unwrap_or(default.retries),
            concurrency: wire.concurrency.unwrap_or(default.concurrency),
            rate: wire.rate.unwrap_or(default.rate),
            per_host: wire.per_host.unwrap_or(default.per_host),
            per_network: wire.per_network.unwrap_or(default.per_network),
            adaptive: wire.adaptive.unwrap_or(default.adaptive),
            shard: wire
                .shard
                .as_deref()
                .map(str::parse)
                .transpose()
                .map_err(|error: InvalidShard| error.to_string())?
                .unwrap_or(default.shard),
            max_body: wire.max_body.unwrap_or(default.max_body),
            max_duration: wire.max_duration_ms.map(Duration::from_millis),
            user_agent: wire.user_agent.unwrap_or(default.user_agent),
            requests: wire.paths.iter().map(request).collect::<Result<_, _>>()?,
            deep: wire.deep,
            trusted_cas: default.trusted_cas,
            http2: wire.http2,
            proxy: wire.proxy.as_deref().map(proxy).transpose()?,
            family: match wire.family {
                None | Some(FamilyWord::Both) => Family::Both,
                Some(FamilyWord::Ipv4) => Family::V4,
                Some(FamilyWord::Ipv6) => Family::V6,
            },
            resolver: wire.resolver,
            allow_special: wire.allow_special,
            lookups: default.lookups,
            order: match (wire.order, wire.seed) {
                (Some(OrderWord::Seeded), Some(seed)) => Order::Seeded(seed),
                _ => Order::Sequential,
            },
            keep_all: wire.all,
            second_look_pause: ms(wire.second_look_pause_ms, default.second_look_pause),
        }))
    }
}

/// The opposite of what the writer says: `socks5://host:port`, `socks5h://…` or `http://…`.
fn proxy(url: &str) -> Result<Proxy, String> {
    let parsed = url.split_once("://").and_then(|(scheme, rest)| {
        let kind = match scheme {
            "socks5" => ProxyKind::Socks5,
            "socks5h" => ProxyKind::Socks5h,
            "http" => ProxyKind::HttpConnect,
            _ => return None,
        };
        let (host, port) = rest.rsplit_once(':')?;
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        Some(Proxy {
            kind,
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    });
    parsed.ok_or_else(|| {
        "this is no proxy: socks5://HOST:PORT, socks5h://HOST:PORT or http://HOST:PORT is expected".to_owned()
    })
}
