//! The scan itself: which program, how it was set, from where it looked.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::{ms, time, whole_ms};
use crate::config::{Family, Order, ScanConfig};
use crate::model::ScanSummary;
use crate::record::ScanInfo;

#[derive(Serialize)]
pub(crate) struct Tool<'a> {
    name: &'static str,
    version: &'a str,
}

impl<'a> From<&ScanInfo<'a>> for Tool<'a> {
    fn from(info: &ScanInfo<'a>) -> Self {
        Self {
            name: "kubeknock",
            version: info.tool_version,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Scan<'a> {
    started: String,
    elapsed_ms: f64,
    stopped: Option<&'a str>,
    targets_digest: Option<&'a str>,
    settings: Settings<'a>,
    vantage: Vantage<'a>,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(info: &ScanInfo<'a>, summary: &'a ScanSummary) -> Self {
        Self {
            started: time(summary.started),
            elapsed_ms: ms(summary.elapsed),
            stopped: summary.stopped.as_deref(),
            targets_digest: summary.targets_digest.as_deref(),
            settings: info.config.into(),
            vantage: Vantage {
                source_addresses: &summary.sources,
                resolvers: &summary.resolvers,
            },
        }
    }
}

#[derive(Serialize)]
struct Vantage<'a> {
    source_addresses: &'a [IpAddr],
    resolvers: &'a [SocketAddr],
}

#[derive(Serialize)]
struct Settings<'a> {
    connect_timeout_ms: u64,
    timeout_ms: u64,
    retries: u32,
    concurrency: usize,
    rate: u32,
    per_host: usize,
    per_network: usize,
    adaptive: bool,
    shard: Option<String>,
    max_body: usize,
    max_duration_ms: Option<u64>,
    second_look_pause_ms: u64,
    user_agent: &'a str,
    paths: Vec<&'a str>,
    deep: bool,
    http2: bool,
    proxy: Option<String>,
    resolver: Option<SocketAddr>,
    allow_special: bool,
    family: &'static str,
    order: &'static str,
    seed: Option<u64>,
    all: bool,
}

impl<'a> From<&'a ScanConfig> for Settings<'a> {
    fn from(config: &'a ScanConfig) -> Self {
        let (order, seed) = match config.order {
            Order::Seeded(seed) => ("seeded", Some(seed)),
            Order::Sequential => ("sequential", None),
        };
        Self {
            connect_timeout_ms: whole_ms(config.connect_timeout),
            timeout_ms: whole_ms(config.timeout),
            retries: config.retries,
            concurrency: config.concurrency,
            rate: config.rate,
            per_host: config.per_host,
            per_network: config.per_network,
            adaptive: config.adaptive,
            shard: config.shard.is_part().then(|| config.shard.to_string()),
            max_body: config.max_body,
            max_duration_ms: config.max_duration.map(whole_ms),
            second_look_pause_ms: whole_ms(config.second_look_pause),
            user_agent: &config.user_agent,
            paths: config
                .requests
                .iter()
                .map(|request| request.path.as_str())
                .collect(),
            deep: config.deep,
            http2: config.http2,
            proxy: config.proxy.as_ref().map(ToString::to_string),
            resolver: config.resolver,
            allow_special: config.allow_special,
            family: match config.family {
                Family::Both => "both",
                Family::V4 => "ipv4",
                Family::V6 => "ipv6",
            },
            order,
            seed,
            all: config.keep_all,
        }
    }
}
