//! Section "Targets": what to scan, and in which order.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kubeknock::config::Shard;
use kubeknock::model::Selector;
use kubeknock::targets::DEFAULT_PORTS;

use crate::units::{self, Ports};

#[derive(Debug, Args)]
#[command(next_help_heading = "Targets")]
pub(crate) struct TargetArgs {
    /// Read targets from a file, one per line
    ///
    /// Repeatable. - is standard input.
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) targets_file: Vec<PathBuf>,

    /// Read an inventory of clusters or a scanner's results. Repeatable
    ///
    /// FILE may be - for standard input. FORMAT is auto, which recognises the others by their content; of inventories
    /// kubeconfig, aks (az aks list), gke (gcloud container clusters list), eks (aws eks describe-cluster), terraform
    /// (terraform show, state), shadowserver (scan_kubernetes), http-sd and file-sd (target groups of Prometheus),
    /// those of command-line tools as JSON; of scanners masscan-json (-oJ, -oD), masscan-list (-oL), nmap-xml (-oX),
    /// zmap (addresses, CSV or JSON), naabu (list or JSON) and httpx-json. For http-sd, FILE may be an https:// URL,
    /// which is fetched. No credential in a file is read. What scanners found does not count as named. A port where nmap -sV saw plain HTTP is probed with TLS and without.
    #[arg(long, num_args = 2, value_names = ["FORMAT", "FILE"], hide_short_help = true)]
    pub(crate) from: Vec<String>,

    #[command(flatten)]
    pub(crate) selectors: WhereArgs,

    #[command(flatten)]
    pub(crate) ports: PortArgs,

    /// Never ask this address, CIDR, range or name
    ///
    /// Repeatable. With or without port; @FILE has one per line. Also excludes the addresses that a name resolves
    /// to, the names that it is an alias of, and IPv6 addresses that lead to an excluded IPv4 address
    /// (NAT64, 6to4).
    #[arg(long, value_name = "SPEC|@FILE", value_parser = SpecOrFile::parse)]
    pub(crate) exclude: Vec<SpecOrFile>,

    /// Ask nothing else, whatever lists and names say. Repeatable
    ///
    /// An address, CIDR, range or name, with or without port; @FILE has one per line. A name that is allowed may
    /// be asked at all of its addresses, any other name only at allowed addresses. What is outside is counted
    /// and not covered. Exclusions hold as well.
    #[arg(long, value_name = "SPEC|@FILE", value_parser = SpecOrFile::parse, hide_short_help = true)]
    pub(crate) allow: Vec<SpecOrFile>,

    /// The earlier form of --exclude @FILE
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) exclude_file: Vec<PathBuf>,

    /// Allow a single target of more than 2^24 addresses
    #[arg(long, hide_short_help = true)]
    pub(crate) allow_large: bool,

    /// Order of the targets
    #[arg(long, value_enum, default_value_t = OrderWord::Random, hide_short_help = true)]
    pub(crate) order: OrderWord,

    /// Seed of the random order; by default a random number, which is reported
    #[arg(long, value_name = "NUMBER", value_parser = units::whole::<u64>, hide_short_help = true)]
    pub(crate) seed: Option<u64>,

    /// Scan only part K of N
    ///
    /// The parts have equal size and do not overlap. All need the same targets and the same --seed.
    /// Coverage and expect= are checked only in the merged report, so a part exits with 1 only for
    /// --fail-on, and never with 3. In a Kubernetes Indexed Job, job/N selects the part of the pod.
    #[arg(long, value_name = "K/N", value_parser = shard, hide_short_help = true)]
    pub(crate) shard: Option<Shard>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Targets")]
pub(crate) struct WhereArgs {
    /// Only targets with this label: provider=gke, region=eu-*, name=prod-*, a tag. Repeatable
    ///
    /// Labels come from inventories. * stands for any characters. Of several values for one key one must match, and
    /// every key must.
    #[arg(long = "where", value_name = "KEY=VALUE", hide_short_help = true)]
    pub(crate) selectors: Vec<Selector>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Targets")]
pub(crate) struct PortArgs {
    /// Ports if none is named
    #[arg(short, long, value_name = "PORTS", default_value = units::shown_ports(&DEFAULT_PORTS), value_parser = units::ports)]
    pub(crate) ports: Ports,

    /// Has no effect: a port without TLS is probed over plain HTTP anyway
    #[arg(long, hide = true)]
    pub(crate) plain_http: bool,
}

/// A specification, or `@FILE` with one per line.
#[derive(Debug, Clone)]
pub(crate) enum SpecOrFile {
    Spec(String),
    File(PathBuf),
}

impl SpecOrFile {
    /// Never fails: the target set checks a specification, together with all others.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "clap wants a parser that can fail"
    )]
    fn parse(text: &str) -> Result<Self, std::convert::Infallible> {
        Ok(match text.strip_prefix('@') {
            Some(file) => Self::File(file.into()),
            None => Self::Spec(text.to_owned()),
        })
    }

    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Spec(_) => None,
            Self::File(file) => Some(file),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderWord {
    /// A permutation made from the seed: spreads the load over networks
    Random,
    /// As written
    Sequential,
}

/// Parses `3/7`, or `job/7`, where Kubernetes sets the index of the part.
fn shard(text: &str) -> anyhow::Result<Shard> {
    const INDEX: &str = "JOB_COMPLETION_INDEX";
    let Some(of) = text.strip_prefix("job/") else {
        return Ok(text.parse()?);
    };
    let number = std::env::var(INDEX)
        .ok()
        .and_then(|index| index.parse::<u32>().ok()?.checked_add(1));
    match number {
        Some(number) => Ok(format!("{number}/{of}").parse()?),
        None => anyhow::bail!("job/N needs {INDEX}, which Kubernetes sets in an Indexed Job"),
    }
}
