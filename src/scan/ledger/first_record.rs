//! The first record of a checkpoint: which scan it belongs to.

use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::config::{Order, RunId, ScanConfig};
use crate::targets::TargetSet;

/// The first bytes of a checkpoint.
const MAGIC: &str = "kubeknock checkpoint 2";

/// Identifies the scan of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    magic: String,
    pub(super) version: String,
    /// `None` for sequential order.
    pub(super) seed: Option<u64>,
    shard: String,
    targets: [u8; 32],
    options: [u8; 32],
    /// Milliseconds of Unix time at which the first run began.
    pub(super) began: i64,
}

impl Header {
    fn new(config: &ScanConfig, targets: &TargetSet) -> Self {
        Self {
            magic: MAGIC.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed: match config.order {
                Order::Seeded(seed) => Some(seed),
                Order::Sequential => None,
            },
            shard: config.shard.to_string(),
            targets: targets.digest(),
            options: options_digest(config),
            began: Timestamp::now().as_millisecond(),
        }
    }
}

/// A short digest of each option, so that an error can name the options that differ.
type OptionDigests = Vec<(String, [u8; 4])>;

/// The first record of a checkpoint.
pub(super) struct FirstRecord {
    pub(super) header: Header,
    /// Written after the header. Earlier builds wrote none.
    options: OptionDigests,
    /// Written after the options. Earlier builds wrote none.
    run_id: Option<String>,
}

impl FirstRecord {
    /// The record of a scan that begins now.
    pub(super) fn new(config: &ScanConfig, targets: &TargetSet) -> Self {
        Self {
            header: Header::new(config, targets),
            options: option_digests(config),
            run_id: config.run_id.as_ref().map(ToString::to_string),
        }
    }

    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        postcard::to_stdvec(&(&self.header, &self.options, &self.run_id)).map_err(io::Error::other)
    }

    /// Reads the record; `None` if the file is not a checkpoint.
    pub(super) fn decode(record: &[u8]) -> Option<Self> {
        let (header, rest): (Header, &[u8]) = postcard::take_from_bytes(record).ok()?;
        let (options, rest) = if rest.is_empty() {
            (OptionDigests::new(), rest)
        } else {
            postcard::take_from_bytes(rest).ok()?
        };
        let run_id = if rest.is_empty() {
            None
        } else {
            postcard::from_bytes(rest).ok()?
        };
        (header.magic == MAGIC).then_some(Self {
            header,
            options,
            run_id,
        })
    }

    /// The order of the scan.
    pub(super) fn order(&self) -> Order {
        self.header.seed.map_or(Order::Sequential, Order::Seeded)
    }

    /// The id of the run, which a resumed scan keeps.
    pub(super) fn run_id(&self) -> Option<RunId> {
        self.run_id.as_deref()?.parse().ok()
    }

    /// Why the scan of `ours` cannot continue this one.
    pub(super) fn difference(&self, ours: &Self) -> Option<String> {
        let seed = |seed: Option<u64>| seed.map_or("none".to_owned(), |seed| seed.to_string());
        let (saved, own) = (&self.header, &ours.header);
        if saved.version != own.version {
            Some(format!(
                "written by version {}, this is {}",
                saved.version, own.version
            ))
        } else if saved.seed != own.seed {
            Some(format!(
                "its seed is {}, not {}",
                seed(saved.seed),
                seed(own.seed)
            ))
        } else if saved.shard != own.shard {
            Some(format!("its shard is {}, not {}", saved.shard, own.shard))
        } else if saved.targets != own.targets {
            Some("its targets or exclusions differ".to_owned())
        } else if saved.options != own.options {
            let names = self.differing_options(ours);
            Some(match names.as_slice() {
                [] => "its options differ".to_owned(),
                names => format!("its options differ: {}", names.join(", ")),
            })
        } else {
            None
        }
    }

    /// The names of the options that differ; empty if the checkpoint has no digests of options.
    fn differing_options<'a>(&self, ours: &'a Self) -> Vec<&'a str> {
        if self.options.is_empty() {
            return Vec::new();
        }
        let ours = ours.options.iter();
        ours.filter(|own| !self.options.contains(own))
            .map(|(name, _)| name.as_str())
            .collect()
    }
}

/// The options that affect results, each with its value as text. A resumed scan may run at another speed; seed and
/// shard have header fields of their own. The pattern names every option, so that a new one cannot be forgotten.
fn options(config: &ScanConfig) -> Vec<(&'static str, String)> {
    let ScanConfig {
        scan_name: _,
        connect_timeout,
        timeout,
        retries,
        concurrency: _,
        rate: _,
        per_host: _,
        per_network: _,
        adaptive: _,
        shard: _,
        max_body,
        max_duration: _,
        run_id: _,
        audit_id,
        audit_canary,
        user_agent,
        headers,
        source_addresses,
        egress_addresses,
        interface,
        requests,
        deep,
        trusted_cas,
        http2,
        one_at_a_time: _,
        proxy,
        family,
        resolver,
        allow_special,
        lookups: _,
        order: _,
        keep_all,
        keep_answers: _,
        recheck_pause,
    } = config;
    let mut options = vec![
        ("--connect-timeout", format!("{connect_timeout:?}")),
        ("--timeout", format!("{timeout:?}")),
        ("--retries", format!("{retries:?}")),
        ("--max-body", format!("{max_body:?}")),
        ("--user-agent or --contact", format!("{user_agent:?}")),
        ("--path", format!("{requests:?}")),
        ("--deep", format!("{deep:?}")),
        ("--ca-file", format!("{trusted_cas:?}")),
        ("--http2", format!("{http2:?}")),
        ("--proxy", format!("{proxy:?}")),
        ("--ipv4 or --ipv6", format!("{family:?}")),
        ("--resolver", format!("{resolver:?}")),
        ("--allow-special", format!("{allow_special:?}")),
        ("--all", format!("{keep_all:?}")),
        ("the pause before a recheck", format!("{recheck_pause:?}")),
    ];
    // Later options count only if they are given, so that earlier checkpoints stay usable.
    let later = [
        ("--header", format!("{headers:?}"), headers.is_empty()),
        (
            "--source-address",
            format!("{source_addresses:?}"),
            source_addresses.is_empty(),
        ),
        (
            "--egress-address",
            format!("{egress_addresses:?}"),
            egress_addresses.is_empty(),
        ),
        ("--interface", format!("{interface:?}"), interface.is_none()),
        ("--audit-id", format!("{audit_id:?}"), !audit_id),
        ("--audit-canary", format!("{audit_canary:?}"), !audit_canary),
    ];
    options.extend(
        later
            .into_iter()
            .filter(|(.., is_default)| !is_default)
            .map(|(name, value, _)| (name, value)),
    );
    options
}

/// How many options earlier builds hashed first, in a group of their own.
const FIRST_GROUP: usize = 8;

/// A digest of the options that affect results.
fn options_digest(config: &ScanConfig) -> [u8; 32] {
    let values: Vec<String> = options(config)
        .into_iter()
        .map(|(_, value)| value)
        .collect();
    let (first, second) = values.split_at(FIRST_GROUP);
    Sha256::digest(format!("({}) ({})", first.join(", "), second.join(", "))).into()
}

fn option_digests(config: &ScanConfig) -> OptionDigests {
    let short = |(name, value): (&str, String)| {
        let digest: [u8; 32] = Sha256::digest(value).into();
        (
            name.to_owned(),
            [digest[0], digest[1], digest[2], digest[3]],
        )
    };
    options(config).into_iter().map(short).collect()
}
