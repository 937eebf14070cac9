//! The command line as typed. What the words mean is `settings`' business.

#![expect(
    clippy::doc_markdown,
    reason = "these doc comments are the help text that people read"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use kubeknock::config::Shard;
use kubeknock::policy::FailOn;
use kubeknock::report::Format;

use crate::units;

/// Knocks on Kubernetes API servers without credentials and tells, with proof, who opens.
///
/// Scan only what you are allowed to scan.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// No progress, no notes, no warnings: results, errors, and why the exit code is not 0
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Say more on standard error: -v for each endpoint, -vv for the libraries beneath
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The program as clap takes it. What stands where a number belongs is that number, also with a minus
/// before it: the parser says what the option takes, where clap would propose to make it a target.
pub(crate) fn program() -> clap::Command {
    const NUMBERS: [&str; 5] = ["NUMBER", "TIME", "SIZE", "PERCENT", "PORTS"];
    Cli::command().mut_subcommands(|command| {
        command.mut_args(|arg| {
            let names = arg.get_value_names().unwrap_or_default();
            let number = names.iter().any(|name| NUMBERS.contains(&name.as_str()));
            arg.allow_hyphen_values(number)
        })
    })
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Knock on API servers and sort each by what an anonymous caller may do there
    Scan(Box<ScanArgs>),
    /// Explain one server: what answers, whose it is, what it should answer, and what says so
    Identify(Box<IdentifyArgs>),
    /// Write saved reports again in other formats; several become one
    Report(ReportArgs),
    /// Tell what changed from one saved report to another
    Diff(DiffArgs),
    /// List the rules that findings come from, or explain some
    Rules(RulesArgs),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page; with --dir, write one for each command
    Man {
        /// Write kubeknock.1, kubeknock-scan.1 and the others into this folder
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
    /// Scan a small fleet of simulated API servers on this machine: no cluster needed
    #[cfg(feature = "simulator")]
    Demo(DemoArgs),
    /// Serve one simulated API server, to test a pipeline of your own
    #[cfg(feature = "simulator")]
    Simulate(SimulateArgs),
}

#[derive(Debug, Args)]
#[command(after_long_help = AFTER_SCAN)]
pub(crate) struct ScanArgs {
    /// What to knock on: address, address:port, CIDR, range, host name, host:port or URL
    ///
    /// 10.0.0.7, 10.0.0.7:6443, [2001:db8::7]:6443, 10.0.0.0/24, 10.0.0.10-40, api.example.com,
    /// https://rancher.example.com/k8s/clusters/c-1. Words behind it annotate it when quoted
    /// together: "10.0.0.7 name=prod expect=rejected".
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,

    /// Read targets from a file, one a line; - is standard input. Repeatable
    #[arg(short = 'f', long, value_name = "FILE", help_heading = "Targets")]
    pub(crate) targets_file: Vec<PathBuf>,

    /// Take in what another scanner found open: masscan-json, masscan-list, nmap-xml, zmap, naabu or
    /// httpx-json, and its file; - is standard input. Repeatable
    ///
    /// masscan -oJ, -oD or -oL, nmap -oX, what zmap writes (addresses, CSV, -O json), naabu's list or JSON,
    /// httpx -json. These are no named
    /// targets: an open port does not promise an API server. Where nmap -sV saw plain HTTP, a port is
    /// asked with TLS and without.
    #[arg(long, num_args = 2, value_names = ["FORMAT", "FILE"], help_heading = "Targets")]
    pub(crate) from: Vec<String>,

    /// Ports for targets that name none
    #[arg(
        short,
        long,
        value_name = "PORTS",
        default_value = "6443,443,8443",
        help_heading = "Targets"
    )]
    pub(crate) ports: String,

    /// Leave these out: address, CIDR, range or host name, with or without port. Repeatable
    ///
    /// Also holds for the addresses that a name resolves to, for the names that it is an alias of, and for
    /// IPv6 addresses that lead to an excluded IPv4 address (NAT64, 6to4).
    #[arg(long, value_name = "SPEC", help_heading = "Targets")]
    pub(crate) exclude: Vec<String>,

    /// Leave out what this file lists, one a line. Repeatable
    #[arg(long, value_name = "FILE", help_heading = "Targets")]
    pub(crate) exclude_file: Vec<PathBuf>,

    /// Allow one target of more than 2^24 addresses
    #[arg(long, help_heading = "Targets")]
    pub(crate) allow_large: bool,

    /// Has no effect: a port that shows no TLS is asked in plain HTTP by itself
    #[arg(long, hide = true, help_heading = "Targets")]
    pub(crate) plain_http: bool,

    /// Order of the targets: a permutation made from the seed, or as written
    #[arg(long, value_enum, default_value_t = OrderWord::Random, help_heading = "Targets")]
    pub(crate) order: OrderWord,

    /// Seed of the order; a fresh one is drawn, and reported, when none is given
    #[arg(long, value_name = "NUMBER", help_heading = "Targets", value_parser = units::whole::<u64>)]
    pub(crate) seed: Option<u64>,

    /// Do part K of N of the scan only
    ///
    /// The parts are disjoint, together complete and of equal size. All need the same targets and
    /// the same --seed. Coverage and expect= are for the merged report to judge: a part exits 1 for
    /// --fail-on alone, and never 3. In an Indexed Job of Kubernetes, job/N is the part of the pod.
    #[arg(long, value_name = "K/N", value_parser = shard, help_heading = "Targets")]
    pub(crate) shard: Option<Shard>,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    /// Note what is finished in this new file, so that a scan that is killed can go on
    #[arg(long, value_name = "FILE", help_heading = "Long scans")]
    pub(crate) checkpoint: Option<PathBuf>,

    /// Go on with the scan of this checkpoint: same targets, same options
    ///
    /// Nothing that was finished is asked again. Rate, concurrency and outputs may change. With
    /// --checkpoint and the same file, begin anew if there is none yet.
    #[arg(long, value_name = "FILE", help_heading = "Long scans")]
    pub(crate) resume: Option<PathBuf>,

    /// Print one JSON line about the progress this often, on standard error; SIGUSR1 prints one at once
    #[arg(long, value_name = "TIME", value_parser = units::duration, help_heading = "Long scans")]
    pub(crate) stats_interval: Option<Duration>,

    #[command(flatten)]
    pub(crate) requests: RequestArgs,

    /// Say what would be asked, where and over how many connections; send nothing
    #[arg(long, help_heading = "Requests")]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    /// Report refused and silent addresses of ranges too, not only count them
    #[arg(long, help_heading = "Output")]
    pub(crate) all: bool,

    /// Hold the findings against an earlier report (json or jsonl): new, unchanged or absent
    ///
    /// Also tells what changed: verdicts, who appeared or is gone, versions, certificates. A report made
    /// without --deep or --path knows nothing of these paths: make it anew when the options change.
    #[arg(long, value_name = "REPORT", help_heading = "Gate")]
    pub(crate) baseline: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) gate: GateArgs,
}

/// What makes the exit code other than 0.
#[derive(Debug, Args)]
#[command(next_help_heading = "Gate")]
pub(crate) struct GateArgs {
    /// Exit 1 on a finding this severe, an endpoint this open, or something new
    ///
    /// A severity (critical, high, medium, low, note), a verdict (exposed, forbidden, limited),
    /// new (low or worse) or new:SEVERITY against the baseline, or never. At a verdict a critical finding
    /// that nobody accepted fails too, such as an etcd that answers anybody. An expect= that is not met fails as well,
    /// unless this is never; with new, if the baseline did not have it. Coverage is a gate of its own: whoever
    /// wants no failure at all says --fail-on never --require-coverage 0.
    #[arg(long, value_name = "THRESHOLD", default_value = "exposed")]
    pub(crate) fail_on: FailOn,

    /// Exit 3 if less than this share of the named targets got a verdict
    ///
    /// A named target is one that is no CIDR and no range. It is covered when at least one of its
    /// ports and addresses got exposed, forbidden, limited or rejected, or the verdict it
    /// expects.
    #[arg(
        long, value_name = "PERCENT", default_value_t = 100, value_parser = units::percent
    )]
    pub(crate) require_coverage: u8,

    /// Settings file [default: kubeknock.toml of the repository, or of the working directory]
    ///
    /// Scan defaults, severities, accepted findings and expectations; docs/settings.md explains it.
    /// The command line beats it. A file that is not named is taken only if it is yours or root's and
    /// nobody else but its group may write it.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// How connections are made.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connections")]
pub(crate) struct ConnectionArgs {
    /// Connections being opened at once
    #[arg(short, long, value_name = "NUMBER", default_value_t = kubeknock::config::CONCURRENCY, value_parser = units::whole::<usize>)]
    pub(crate) concurrency: usize,

    /// New connections per second; 0 is unlimited
    #[arg(long, value_name = "NUMBER", default_value_t = kubeknock::config::RATE, value_parser = units::whole::<u32>)]
    pub(crate) rate: u32,

    /// How long a TCP connect may take
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = units::duration)]
    pub(crate) connect_timeout: Duration,

    /// How long one look at an endpoint may take, from the open connection to the last answer
    ///
    /// This is for the usual requests. Each further one (--path, --deep) adds a fifth of it, and none takes longer
    /// than this alone. What there was no time for is said. Contradicting answers get a second look after
    /// a pause; it may take as long again. A name may take as long to resolve.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration)]
    pub(crate) timeout: Duration,

    /// Connections to one host at once; 0 is no cap
    #[arg(long, value_name = "NUMBER", default_value_t = kubeknock::config::PER_HOST, value_parser = units::whole::<usize>)]
    pub(crate) per_host: usize,

    /// Connections to one network at once, a /24 or for IPv6 a /64; 0 is no cap
    #[arg(long, value_name = "NUMBER", default_value_t = kubeknock::config::PER_NETWORK, value_parser = units::whole::<usize>)]
    pub(crate) per_network: usize,

    /// Keep rate and concurrency where they are, whatever gets lost
    ///
    /// Otherwise a scan slows down while losses rise with its rate, and goes back to full speed
    /// when they do not.
    #[arg(long)]
    pub(crate) no_adaptive: bool,

    /// Further passes, at half the rate, over what timed out or was reset; an answer is never asked for again
    #[arg(long, value_name = "NUMBER", default_value_t = kubeknock::config::RETRIES, value_parser = units::whole::<u32>)]
    pub(crate) retries: u32,

    /// Start no target after this time; finish those begun, report, and say what is missing
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) max_duration: Option<Duration>,

    /// Name server to ask instead of the system's servers and hosts file: ADDRESS or ADDRESS:PORT
    ///
    /// It is asked for names as they are written. The system's servers are asked with the search domains
    /// of the system too, as other programs do.
    #[arg(long, value_name = "ADDRESS", value_parser = resolver)]
    pub(crate) resolver: Option<SocketAddr>,

    /// Ask special addresses that a name server gives for a name, too
    ///
    /// Loopback, unspecified, link-local, multicast, broadcast, reserved addresses and those of cloud
    /// metadata services: what answers there is this machine, its network or its cloud, and not the
    /// cluster that the name stands for. Without this they are asked only where the address itself is
    /// a target, or this machine's hosts file has the name. localhost is always this machine.
    #[arg(long)]
    pub(crate) allow_special: bool,

    /// Names: IPv4 addresses only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,

    /// Names: IPv6 addresses only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,

    /// Connect through a proxy: socks5://HOST:PORT, socks5h://HOST:PORT or http://HOST:PORT (CONNECT)
    ///
    /// Names are resolved here and the proxy is given addresses; with socks5h:// the proxy resolves names,
    /// their addresses are not known, and no addresses can be excluded. Never taken from the environment.
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,
}

/// What is asked, and how it is judged.
#[derive(Debug, Args)]
#[command(next_help_heading = "Requests")]
pub(crate) struct RequestArgs {
    /// Ask this path too. Repeatable
    ///
    /// A list of resources (/api/v1/secrets) is asked as HEAD with limit=1: that shows whether
    /// anonymous may list without taking any data. Single objects and sub-resources are refused.
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Vec<String>,

    /// Ask what shows real exposure too, without taking data
    ///
    /// Discovery, health, metrics and OpenAPI (their first bytes), paths that products open by design,
    /// and for twenty kinds of resources HEAD with limit=1: that shows whether anonymous may list. With
    /// a name, one more handshake without it. Only servers that show Kubernetes are asked.
    #[arg(long)]
    pub(crate) deep: bool,

    /// Say whether serving certificates end at this CA: the right server, or something in between
    ///
    /// PEM, or its base64 as a kubeconfig has it (certificate-authority-data). Never a reason to stop.
    /// Repeatable.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Vec<PathBuf>,

    /// User-Agent to send [default: kubeknock/VERSION (unauthenticated Kubernetes API check)]
    #[arg(long, value_name = "TEXT")]
    pub(crate) user_agent: Option<String>,

    /// Whom to ask about this scan; added to the User-Agent
    #[arg(long, value_name = "TEXT")]
    pub(crate) contact: Option<String>,

    /// Bytes of an answer's body that are read
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = units::bytes)]
    pub(crate) max_body: usize,

    /// Offer HTTP/2
    ///
    /// API servers from 1.29 close an HTTP/2 connection after each anonymous answer, so this costs
    /// a connection for each request.
    #[arg(long)]
    pub(crate) http2: bool,
}

/// The long help of `--output`, which lists every format.
fn output_help() -> String {
    let formats =
        Format::ALL.map(|format| format!("  {:13} {}", format.as_str(), format.purpose()));
    format!(
        "Write a report, to standard output or to a file. Repeatable\n\n\
         FORMAT or FORMAT=PATH; auto chooses by the CI system. The formats:\n{}\n\n\
         Files appear whole or not at all, and keep owner and mode; links are followed, and pipes and devices \
         written to. [default: table]",
        formats.join("\n")
    )
}

/// What is written, and where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Write a report, to standard output or to a file. Repeatable
    #[arg(short, long, value_name = "FORMAT[=PATH]", long_help = output_help())]
    pub(crate) output: Vec<String>,

    /// Colours in the table; auto honours NO_COLOR and pipes
    #[arg(long, value_enum, default_value_t = ColorWord::Auto)]
    pub(crate) color: ColorWord,

    /// What tells this analysis from others of the same repository, for code scanning (sarif)
    #[arg(long, value_name = "TEXT")]
    pub(crate) category: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = AFTER_IDENTIFY)]
pub(crate) struct IdentifyArgs {
    /// Whom to explain: address, host name, with or without port, or URL
    ///
    /// Annotations as in scan, but not expect=: that is for scan to judge.
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,

    /// Ports for a target that names none
    #[arg(
        short,
        long,
        value_name = "PORTS",
        default_value = "6443,443,8443",
        help_heading = "Targets"
    )]
    pub(crate) ports: String,

    /// Has no effect: a port that shows no TLS is asked in plain HTTP by itself
    #[arg(long, hide = true, help_heading = "Targets")]
    pub(crate) plain_http: bool,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    #[command(flatten)]
    pub(crate) requests: RequestArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes:\n  That of a scan with these results.")]
pub(crate) struct ReportArgs {
    /// Formats (table, json=report.json) and the saved reports (json or jsonl) to write in them
    ///
    /// A word that names a format, alone or before =, is a format; every other one is a file, - is
    /// standard input. What several reports have counts once, as the latest scan saw it.
    #[arg(value_name = "FORMAT[=PATH]|REPORT", required = true)]
    pub(crate) words: Vec<String>,

    /// Colours in the table; auto honours NO_COLOR and pipes
    #[arg(long, value_enum, default_value_t = ColorWord::Auto, help_heading = "Output")]
    pub(crate) color: ColorWord,

    /// What tells this analysis from others of the same repository, for code scanning (sarif)
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    pub(crate) category: Option<String>,

    /// Hold the findings against an earlier report (json or jsonl): new, unchanged or absent
    #[arg(long, value_name = "REPORT", help_heading = "Gate")]
    pub(crate) baseline: Option<PathBuf>,

    /// Refuse reports of scans that began longer ago: what a shard left behind last week is no result of
    /// this week
    #[arg(long, value_name = "TIME", value_parser = units::duration, help_heading = "Gate")]
    pub(crate) max_age: Option<Duration>,

    #[command(flatten)]
    pub(crate) gate: GateArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes:\n  That of a scan with the results of NEW and OLD as its baseline."
)]
pub(crate) struct DiffArgs {
    /// The earlier report (json or jsonl)
    pub(crate) old: PathBuf,

    /// The later report (json or jsonl)
    pub(crate) new: PathBuf,

    /// How to say it, on standard output
    #[arg(long, value_enum, default_value_t = DiffFormat::Table, help_heading = "Output")]
    pub(crate) format: DiffFormat,

    /// Colours in the table; auto honours NO_COLOR and pipes
    #[arg(long, value_enum, default_value_t = ColorWord::Auto, help_heading = "Output")]
    pub(crate) color: ColorWord,

    #[command(flatten)]
    pub(crate) gate: GateArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RulesArgs {
    /// Explain these: what it means, how it was proven, how to mend it
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

#[cfg(feature = "simulator")]
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[cfg(feature = "simulator")]
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Which server to simulate; --list names them
    #[arg(long, value_name = "NAME", required_unless_present = "list")]
    pub(crate) profile: Option<String>,

    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:6443")]
    pub(crate) listen: SocketAddr,

    /// List the profiles: name, the verdict it must get, what it stands for; and the verdict with --deep,
    /// where it is another
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderWord {
    /// A permutation made from the seed: spreads the load over networks
    Random,
    /// As written
    Sequential,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    Table,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWord {
    Auto,
    Always,
    Never,
}

/// `3/7`, or `job/7` where Kubernetes says which.
fn shard(text: &str) -> Result<Shard, String> {
    const INDEX: &str = "JOB_COMPLETION_INDEX";
    let Some(of) = text.strip_prefix("job/") else {
        return text.parse();
    };
    let index = std::env::var(INDEX)
        .ok()
        .and_then(|index| index.parse::<u32>().ok());
    let number = index.and_then(|index| index.checked_add(1));
    let Some(number) = number else {
        return Err(format!(
            "job/N needs {INDEX}, which Kubernetes sets in the pods of an Indexed Job"
        ));
    };
    format!("{number}/{of}").parse()
}

fn resolver(text: &str) -> Result<SocketAddr, String> {
    const DNS_PORT: u16 = 53;
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    text.parse::<SocketAddr>()
        .or_else(|_| {
            bare.parse()
                .map(|address| SocketAddr::new(address, DNS_PORT))
        })
        .map_err(|_| {
            "no address; write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53".to_owned()
        })
}

const AFTER_IDENTIFY: &str = "\
Exit codes:
  0    something answered, whatever it was
  2    could not run: bad input or bad configuration, or nothing could be asked
  3    nothing answered";

const AFTER_SCAN: &str = "\
Verdicts:
  exposed         more than version and health is open to anonymous callers
  forbidden       403 as system:anonymous: anonymous is accepted, authorization stops it
  limited         anonymous is limited to some paths, usually health checks
  rejected        401 on every path asked
  inconclusive    cannot tell, and the reason says why
  not-api-server  something else answers
  unreachable     no HTTP answer
  not-attempted   no verdict: our own side failed (proxy, route, name server, descriptors)

Exit codes:
  0    nothing at or above --fail-on
  1    findings at or above --fail-on (critical ones where that is a verdict, too), or an
       expect= that is not met
  2    could not run: bad input or bad configuration, or nothing could be asked
  3    fewer named targets got a verdict than --require-coverage asks for
  130  interrupted
  Where several apply: 130, then 2, then 1, then 3.";
