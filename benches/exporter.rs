//! The exporter with many targets: missed scrapes, memory, connections.
//!
//! ```text
//! cargo bench --profile dist --bench exporter
//! cargo bench --profile dist --bench exporter -- --targets 2000 --interval 60 --rounds 10
//! ```
//!
//! | figure | against | limit |
//! |---|---|---|
//! | scrapes without a verdict in time | all scrapes | 0 |
//! | connections at the servers | probes | equal |
//! | memory of the exporter after the last round | that after the second round | 1.10 |
//!
//! Scrapes are spread over the interval, as Prometheus spreads them, and each has ten seconds. The targets are addresses of
//! loopback, which one simulated server listens on. By default the benchmark is small: it takes twenty seconds.

mod support;

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use kubeknock::simulator;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use support::{print_profile, runtime};

const KUBEKNOCK: &str = env!("CARGO_BIN_EXE_kubeknock");
/// The time of a scrape, as Prometheus says it.
const TIMEOUT: u32 = 10;

fn main() -> ExitCode {
    print_profile();
    let targets = option("--targets").unwrap_or(200);
    let interval = option("--interval").unwrap_or(5);
    let rounds = option("--rounds").unwrap_or(4).max(3);
    runtime().block_on(run(targets, Duration::from_secs(interval.into()), rounds))
}

/// The number after a word of the command line.
fn option(name: &str) -> Option<u32> {
    let mut args = std::env::args().skip_while(|arg| arg != name);
    args.nth(1)?.parse().ok()
}

async fn run(targets: u32, interval: Duration, rounds: u32) -> ExitCode {
    let scenario = simulator::scenario("default").expect("a scenario");
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let server = simulator::start(scenario, any).await.expect("a free port");
    let port = server.address().port();
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("targets.txt");
    let first = u32::from(Ipv4Addr::new(127, 1, 0, 1));
    let lines = (0..targets)
        .map(|number| format!("{}:{port} name=n{number}\n", Ipv4Addr::from(first + number)));
    std::fs::write(&list, lines.collect::<String>()).expect("a list");
    let mut exporter = Command::new(KUBEKNOCK)
        .args([
            "exporter",
            "--listen=127.0.0.1:0",
            "--min-interval=1s",
            "-f",
        ])
        .arg(&list)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut said = String::new();
    let out = exporter.stdout.take().expect("a pipe");
    BufReader::new(out).read_line(&mut said).expect("a line");
    let address = said.trim().strip_prefix("listening on ");
    let address: SocketAddr = address
        .and_then(|address| address.parse().ok())
        .expect("an address");

    let (mut missed, mut slowest, mut memory) = (0, Duration::ZERO, Vec::new());
    for round in 1..=rounds {
        let began = Instant::now();
        let mut scrapes = JoinSet::new();
        for number in 0..targets {
            let moment = interval.mul_f64(f64::from(number) / f64::from(targets));
            scrapes.spawn(async move {
                tokio::time::sleep_until((began + moment).into()).await;
                let sent = Instant::now();
                (scrape(address, number).await, sent.elapsed())
            });
        }
        while let Some(scraped) = scrapes.join_next().await {
            let (has_verdict, took) = scraped.expect("no panic");
            missed += u32::from(!has_verdict);
            slowest = slowest.max(took);
        }
        tokio::time::sleep_until((began + interval).into()).await;
        memory.push(resident_kib(exporter.id()));
        println!(
            "round {round}: {missed} missed so far, {} KiB",
            memory.last().expect("one")
        );
    }
    let _ = exporter.kill();
    let _ = exporter.wait();
    let probes = u64::from(targets) * u64::from(rounds);
    let connections = server.stats().connections();
    println!(
        "{targets} targets every {} s, {rounds} times: {missed} missed, the slowest scrape {:.2} s, {connections} \
         connections for {probes} probes, {} KiB → {} KiB",
        interval.as_secs(),
        slowest.as_secs_f64(),
        memory[1],
        memory[memory.len() - 1],
    );
    let is_flat = memory[memory.len() - 1] * 10 <= memory[1] * 11;
    if missed == 0 && connections == probes && is_flat {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Whether a scrape gets a verdict in time.
async fn scrape(address: SocketAddr, number: u32) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!(
            "GET /probe?target=n{number} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             X-Prometheus-Scrape-Timeout-Seconds: {TIMEOUT}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(TIMEOUT.into()), asked).await;
    matches!(answer, Ok(Ok(answer)) if answer.contains("\nkubeknock_probe_success 1\n"))
}

/// Resident memory of a process, as Linux counts it.
fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("VmRSS")
}
