//! The record of the scan itself: its program, its settings and its place in the network.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::scan_info::{SavedScan, ScanInfo};
use crate::config::{
    Family, InvalidHeader, InvalidProxy, InvalidRunId, InvalidShard, Order, ScanConfig,
};
use crate::model::{Coverage, Ms, Request, ScanSummary, Selection, Time};

/// The program that scanned.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Tool<'a> {
    /// Always `kubeknock`.
    #[cfg_attr(test, schemars(extend("const" = "kubeknock")))]
    name: Cow<'a, str>,
    /// Its version.
    pub(super) version: Cow<'a, str>,
}

impl<'a> From<&ScanInfo<'a>> for Tool<'a> {
    fn from(info: &ScanInfo<'a>) -> Self {
        Self {
            name: "kubeknock".into(),
            version: info.tool_version.into(),
        }
    }
}

/// The scan itself.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Scan<'a> {
    /// When the scan started; of a resumed scan, when its first run did.
    started: Time,
    /// The time from start to end, in milliseconds; of a resumed scan, with the time between its runs.
    elapsed_ms: Ms,
    /// What stopped the scan before all targets were done; null if nothing did.
    stopped: Option<Cow<'a, str>>,
    /// SHA-256 of the targets and exclusions, in hexadecimal: scans with the same value had the same targets.
    /// Another version of kubeknock may compute another value. Null if merged scans had different targets.
    targets_digest: Option<Cow<'a, str>>,
    /// The part of the scan that this report is about, from `kubeknock report --where`; null for the whole scan.
    #[serde(default)]
    selection: Option<Cow<'a, Selection>>,
    /// The limits of the scan, and what it requested.
    settings: Settings<'a>,
    /// Where the scan came from: the answers of a server may depend on it.
    vantage: Vantage<'a>,
}

/// Where the scan came from.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Vantage<'a> {
    /// The addresses of this machine that were used.
    source_addresses: Cow<'a, [IpAddr]>,
    /// The name servers, as `address:port`; empty if there was no name to resolve.
    resolvers: Cow<'a, [SocketAddr]>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(info: &ScanInfo<'a>, summary: &'a ScanSummary) -> Self {
        Self {
            started: Time(summary.started),
            elapsed_ms: Ms(summary.elapsed),
            stopped: summary.stopped.as_deref().map(Cow::Borrowed),
            targets_digest: summary.targets_digest.as_deref().map(Cow::Borrowed),
            selection: summary.selection.as_ref().map(Cow::Borrowed),
            settings: info.config.into(),
            vantage: Vantage {
                source_addresses: (&*summary.sources).into(),
                resolvers: (&*summary.resolvers).into(),
            },
        }
    }

    /// The scan, without its coverage.
    ///
    /// # Errors
    /// A setting is invalid.
    pub(super) fn into_saved(self) -> Result<SavedScan, String> {
        Ok(SavedScan {
            tool_version: String::new(),
            config: self.settings.try_into()?,
            summary: ScanSummary {
                started: self.started.0,
                elapsed: self.elapsed_ms.0,
                stopped: self.stopped.map(Cow::into_owned),
                sources: self.vantage.source_addresses.into_owned(),
                resolvers: self.vantage.resolvers.into_owned(),
                targets_digest: self.targets_digest.map(Cow::into_owned),
                selection: self.selection.map(Cow::into_owned),
                coverage: Coverage::default(),
            },
        })
    }
}

/// The limits of the scan, and what it requested. Earlier versions lack keys: their values are the defaults.
#[derive(Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Settings<'a> {
    /// The name of the scan, from `--scan-name`; null without one. Null too if merged scans had different names.
    scan_name: Option<Cow<'a, str>>,
    /// The timeout of a TCP connect, in milliseconds.
    connect_timeout_ms: u64,
    /// The time for one probe of an endpoint, in milliseconds.
    timeout_ms: u64,
    /// Further attempts after a timeout or a reset.
    retries: u32,
    /// The largest number of connections being opened at the same time.
    #[cfg_attr(test, schemars(range(min = 1)))]
    concurrency: usize,
    /// The largest number of new connections per second; 0 for no limit.
    rate: u32,
    /// The largest number of connections to one host at the same time; 0 for no limit.
    per_host: usize,
    /// The largest number of connections to one /24 or /64 at the same time; 0 for no limit.
    per_network: usize,
    /// Whether the scan slows down while losses rise with its rate.
    adaptive: bool,
    /// The part of the scan, as K/N; null for the whole scan.
    shard: Option<String>,
    /// The largest number of bytes that are read of a body.
    max_body: usize,
    /// The time after which no further target is started, in milliseconds; null for no limit.
    max_duration_ms: Option<u64>,
    /// The pause before the recheck of contradicting answers, in milliseconds.
    second_look_pause_ms: u64,
    /// The id of this run, which its `User-Agent` has after the product; null without one. Null too if merged scans had
    /// different ids.
    run_id: Option<String>,
    /// Whether every request had an `Audit-ID` made from the id of the run (`--audit-id`).
    audit_id: bool,
    /// Whether every endpoint that looks like Kubernetes was asked for a path that no server has (`--audit-canary`).
    audit_canary: bool,
    /// The `User-Agent` of every request, without the id of the run.
    user_agent: Cow<'a, str>,
    /// The headers from `--header`, as `name: value`.
    headers: Vec<String>,
    /// The local addresses from `--source-address`.
    source_addresses: Cow<'a, [IpAddr]>,
    /// The public addresses of the scanning machine from `--egress-address`.
    egress_addresses: Cow<'a, [IpAddr]>,
    /// The network interface from `--interface`; null for any.
    interface: Option<Cow<'a, str>>,
    /// Paths requested beside /version, /api and /healthz, with their query.
    paths: Vec<Cow<'a, str>>,
    /// Whether resources and other sensitive paths were requested (`--deep`).
    deep: bool,
    /// Whether HTTP/2 was offered by ALPN.
    http2: bool,
    /// Whether every request waited for the answer to the one before it (`--one-at-a-time`).
    #[serde(default)]
    one_at_a_time: bool,
    /// The proxy that opened the connections, as a URL; null without one.
    proxy: Option<String>,
    /// The name server from `--resolver`, as `address:port`; null for the system's.
    resolver: Option<SocketAddr>,
    /// Whether special addresses of names (loopback, link-local, cloud metadata …) were requested.
    allow_special: bool,
    /// The address families to which names were resolved.
    family: Family,
    /// The order of targets: a permutation made from `seed`, or as given.
    order: OrderWord,
    /// The seed of the permutation, an unsigned 64-bit integer; null for `sequential`.
    seed: Option<u64>,
    /// Whether there are records of refused and silent range addresses too.
    all: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
enum OrderWord {
    Seeded,
    Sequential,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        static DEFAULT: LazyLock<ScanConfig> = LazyLock::new(|| ScanConfig {
            order: Order::Sequential,
            ..ScanConfig::default()
        });
        Settings::from(&*DEFAULT)
    }
}

impl<'a> From<&'a ScanConfig> for Settings<'a> {
    fn from(config: &'a ScanConfig) -> Self {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let (order, seed) = match config.order {
            Order::Seeded(seed) => (OrderWord::Seeded, Some(seed)),
            Order::Sequential => (OrderWord::Sequential, None),
        };
        Self {
            scan_name: config.scan_name.as_deref().map(Cow::Borrowed),
            connect_timeout_ms: ms(config.connect_timeout),
            timeout_ms: ms(config.timeout),
            retries: config.retries,
            concurrency: config.concurrency,
            rate: config.rate,
            per_host: config.per_host,
            per_network: config.per_network,
            adaptive: config.adaptive,
            shard: config.shard.is_part().then(|| config.shard.to_string()),
            max_body: config.max_body,
            max_duration_ms: config.max_duration.map(ms),
            second_look_pause_ms: ms(config.recheck_pause),
            run_id: config.run_id.as_ref().map(ToString::to_string),
            audit_id: config.audit_id,
            audit_canary: config.audit_canary,
            user_agent: config.user_agent.as_str().into(),
            headers: config.headers.iter().map(ToString::to_string).collect(),
            source_addresses: config.source_addresses.as_slice().into(),
            egress_addresses: config.egress_addresses.as_slice().into(),
            interface: config.interface.as_deref().map(Cow::Borrowed),
            paths: (config.requests.iter())
                .map(|request| request.path.as_str().into())
                .collect(),
            deep: config.deep,
            http2: config.http2,
            one_at_a_time: config.one_at_a_time,
            proxy: config.proxy.as_ref().map(ToString::to_string),
            resolver: config.resolver,
            allow_special: config.allow_special,
            family: config.family,
            order,
            seed,
            all: config.keep_all,
        }
    }
}

impl TryFrom<Settings<'_>> for ScanConfig {
    type Error = String;

    fn try_from(record: Settings<'_>) -> Result<Self, String> {
        let default = Self::default();
        let shard = record.shard.as_deref().map(str::parse).transpose();
        let proxy = record.proxy.as_deref().map(str::parse).transpose();
        Ok(Self {
            scan_name: record.scan_name.map(Cow::into_owned),
            connect_timeout: Duration::from_millis(record.connect_timeout_ms),
            timeout: Duration::from_millis(record.timeout_ms),
            retries: record.retries,
            concurrency: record.concurrency,
            rate: record.rate,
            per_host: record.per_host,
            per_network: record.per_network,
            adaptive: record.adaptive,
            shard: shard
                .map_err(|error: InvalidShard| error.to_string())?
                .unwrap_or(default.shard),
            max_body: record.max_body,
            max_duration: record.max_duration_ms.map(Duration::from_millis),
            run_id: (record.run_id.as_deref().map(str::parse).transpose())
                .map_err(|error: InvalidRunId| format!("run_id: {error}"))?,
            audit_id: record.audit_id,
            audit_canary: record.audit_canary,
            user_agent: record.user_agent.into_owned(),
            headers: (record.headers.iter())
                .map(|header| header.parse())
                .collect::<Result<_, InvalidHeader>>()
                .map_err(|error| format!("header: {error}"))?,
            source_addresses: record.source_addresses.into_owned(),
            egress_addresses: record.egress_addresses.into_owned(),
            interface: record.interface.map(Cow::into_owned),
            requests: (record.paths.iter())
                .map(|path| Request::for_path(path))
                .collect::<Result<_, _>>()
                .map_err(|error| format!("path: {error}"))?,
            deep: record.deep,
            trusted_cas: default.trusted_cas,
            http2: record.http2,
            one_at_a_time: record.one_at_a_time,
            proxy: proxy.map_err(|error: InvalidProxy| format!("proxy: {error}"))?,
            family: record.family,
            resolver: record.resolver,
            allow_special: record.allow_special,
            lookups: default.lookups,
            order: match (record.order, record.seed) {
                (OrderWord::Seeded, Some(seed)) => Order::Seeded(seed),
                _ => Order::Sequential,
            },
            keep_all: record.all,
            keep_answers: default.keep_answers,
            recheck_pause: Duration::from_millis(record.second_look_pause_ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_too_long_for_milliseconds_saturate() {
        let config = ScanConfig::default().with(|config| config.timeout = Duration::MAX);
        assert_eq!(Settings::from(&config).timeout_ms, u64::MAX);
    }
}
