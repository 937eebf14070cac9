//! Scans hundreds of servers that misbehave at random, and 20 honest ones. Every honest server must get the right
//! verdict in every round, and neither memory nor open descriptors may grow.
//!
//! ```text
//! cargo bench --bench chaos                          20 seconds
//! KUBEKNOCK_CHAOS=30m cargo bench --bench chaos      30 minutes
//! ```
//!
//! | figure | limit |
//! |---|---|
//! | honest servers with the right verdict, over all rounds | all |
//! | misbehaving servers reported as exposed | none |
//! | peak memory at the end, compared with half-way | 1.10 |
//! | open descriptors after the last round, compared with the first | no more |
//!
//! The servers run in one process and the scans in another.

#[path = "../tests/chaos/mod.rs"]
mod chaos;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubeknock::config::{Order, ScanConfig};
use kubeknock::model::{Endpoint, FailureKind, Verdict};
use kubeknock::scan::Scanner;
use kubeknock::simulator;
use tokio::net::TcpListener;

use support::{myself, peak_kib, print_profile, runtime, targets};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The number of misbehaving servers.
const HOSTILE: u64 = 200;
/// The honest servers, four of each.
const HONEST: [&str; 5] = [
    "default",
    "rejecting",
    "exposed",
    "nginx-fronted",
    "kube-controller-manager",
];
const OF_EACH: u8 = 4;
/// The port of all servers.
const PORT: u16 = 26443;

fn main() -> ExitCode {
    let args = support::arguments();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["servers", seed] => servers(seed.parse().expect("a number")),
        ["scans", seconds] => {
            return scans(Duration::from_secs(seconds.parse().expect("a number")));
        }
        _ => return harness(),
    }
    ExitCode::SUCCESS
}

fn harness() -> ExitCode {
    let text = std::env::var("KUBEKNOCK_CHAOS").unwrap_or_else(|_| "20s".to_owned());
    let length: jiff::SignedDuration = text.parse().expect("KUBEKNOCK_CHAOS is a time, as 30m");
    let seed =
        std::env::var("KUBEKNOCK_CHAOS_SEED").unwrap_or_else(|_| std::process::id().to_string());
    print_profile();
    println!("chaos for {text}, seed {seed} (KUBEKNOCK_CHAOS_SEED)");
    let mut servers = myself()
        .args(["servers", &seed])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the benchmark runs itself");
    let mut said = BufReader::new(servers.stdout.take().expect("a pipe")).lines();
    assert_eq!(said.next().and_then(Result::ok).as_deref(), Some("ready"));
    let status = myself()
        .args(["scans", &length.as_secs().to_string()])
        .status()
        .expect("the benchmark runs itself");
    // At the end of their input the servers print their misbehaviour.
    drop(servers.stdin.take());
    let kinds = said.next().and_then(Result::ok).unwrap_or_default();
    println!("{:48} {kinds:>10}", "different misbehaviours");
    let _ = servers.wait();
    if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn hostile(number: u64) -> SocketAddr {
    let [.., high, low] = number.to_be_bytes();
    SocketAddr::from(([127, 88, high, low], PORT))
}

fn honest(kind: usize, number: u8) -> SocketAddr {
    SocketAddr::from((
        [127, 89, u8::try_from(kind).unwrap_or(u8::MAX), number],
        PORT,
    ))
}

/// Serves until its input ends, then prints how many kinds of misbehaviour there were.
fn servers(seed: u64) {
    runtime().block_on(async {
        let mut bad = Vec::new();
        for number in 0..HOSTILE {
            let listener = TcpListener::bind(hostile(number)).await.expect("a port");
            let server = chaos::chaos(seed.wrapping_add(number), listener);
            bad.push(server.expect("a certificate"));
        }
        let mut good = Vec::new();
        for (kind, name) in HONEST.into_iter().enumerate() {
            let scenario = simulator::scenario(name).expect("a known scenario");
            for number in 1..=OF_EACH {
                let server = simulator::start(Arc::clone(&scenario), honest(kind, number)).await;
                good.push(server.expect("a port"));
            }
        }
        println!("ready");
        let _ = tokio::task::spawn_blocking(|| {
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink())
        })
        .await;
        let kinds: BTreeSet<String> = bad
            .iter()
            .flat_map(chaos::ChaosServer::misbehaviours)
            .collect();
        println!("{}", kinds.len());
    });
}

/// The resources after one round.
struct Round {
    peak_kib: u64,
    descriptors: usize,
}

/// Scans everything, round after round.
fn scans(length: Duration) -> ExitCode {
    let expected: BTreeMap<SocketAddr, Verdict> = (HONEST.into_iter().enumerate())
        .flat_map(|(kind, name)| {
            let expect = simulator::scenario(name).expect("a known scenario").expect;
            (1..=OF_EACH).map(move |number| (honest(kind, number), expect))
        })
        .collect();
    let specs: Vec<String> = (0..HOSTILE)
        .map(hostile)
        .chain(expected.keys().copied())
        .map(|address| address.to_string())
        .collect();
    let targets = targets(&specs.iter().map(String::as_str).collect::<Vec<_>>());
    let runtime = runtime();
    let (began, mut rounds, mut right, mut wrong) =
        (Instant::now(), Vec::new(), 0_usize, Vec::new());
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    while began.elapsed() < length || rounds.len() < 4 {
        let config = ScanConfig::default().with(|config| {
            config.order = Order::Seeded(rounds.len() as u64);
            config.timeout = Duration::from_secs(3);
            config.recheck_pause = Duration::from_millis(200);
            config.deep = rounds.len() % 2 == 1;
            config.http2 = rounds.len() % 3 == 2;
        });
        runtime.block_on(async {
            let mut scan = Scanner::new(config)
                .expect("a good configuration")
                .scan(Arc::clone(&targets));
            while let Some(report) = scan.next().await {
                let address = report
                    .endpoint
                    .as_ref()
                    .and_then(Endpoint::address)
                    .expect("addresses alone");
                match expected.get(&address) {
                    Some(verdict) if *verdict == report.verdict => right += 1,
                    Some(verdict) => {
                        wrong.push(format!(
                            "{address}: {} for {verdict}: {}",
                            report.verdict, report.reason
                        ));
                    }
                    None if report.verdict == Verdict::Exposed => {
                        wrong.push(format!("{address}: exposed: {}", report.reason));
                    }
                    None if report
                        .failure
                        .as_ref()
                        .is_some_and(|failure| failure.kind == FailureKind::Panic) =>
                    {
                        wrong.push(format!("{address}: {}", report.reason));
                    }
                    None => *outcomes.entry(report.verdict.to_string()).or_default() += 1,
                }
            }
            let coverage = scan.finish().coverage;
            if !coverage.adds_up() || coverage.not_attempted > 0 {
                wrong.push(format!("{coverage:?}"));
            }
        });
        rounds.push(Round {
            peak_kib: peak_kib(),
            descriptors: descriptors(),
        });
    }
    let asked = rounds.len() * expected.len();
    for wrong in wrong.iter().take(20) {
        println!("WRONG {wrong}");
    }
    println!("{:48} {:>10}", "rounds", rounds.len());
    println!(
        "{:48} {:>10}",
        "verdicts on misbehaving servers",
        outcomes.values().sum::<u64>()
    );
    for (verdict, count) in &outcomes {
        println!("  {verdict:46} {count:>10}");
    }
    let mut table = Table { holds: true };
    table.row(
        "honest servers right",
        &format!("{right} of {asked}"),
        right == asked && wrong.is_empty(),
    );
    // The first half warms up the allocator and the table of products.
    let (half, whole) = (
        rounds[rounds.len() / 2].peak_kib,
        rounds[rounds.len() - 1].peak_kib,
    );
    table.row(
        "peak memory in KiB, half-way and at the end",
        &format!("{half}, {whole}"),
        whole * 10 <= half * 11,
    );
    let (first, last) = (rounds[0].descriptors, rounds[rounds.len() - 1].descriptors);
    table.row(
        "descriptors after the first round and the last",
        &format!("{first}, {last}"),
        last <= first,
    );
    if table.holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints rows as they come.
struct Table {
    holds: bool,
}

impl Table {
    fn row(&mut self, name: &str, figure: &str, holds: bool) {
        println!(
            "{name:48} {figure:>20}  {}",
            if holds { "holds" } else { "BROKEN" }
        );
        self.holds &= holds;
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux").count()
}
