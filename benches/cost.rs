//! The cost of a scan, compared with floors that are measured in the same run.
//!
//! ```text
//! cargo bench --profile dist --bench cost
//! ```
//!
//! Every figure is the CPU time (user and system) or the peak memory of a client process; the simulated servers
//! run in another process. Floor and kubeknock run in turns, and the ratio is the median of those of adjacent turns: a
//! shared machine changes its speed from minute to minute, which changes both sides of a turn alike. The times are medians of
//! their own, so their ratio may be another one.
//!
//! | figure | floor | limit |
//! |---|---|---|
//! | three requests on a live endpoint, identified | TCP connect + TLS handshake with signature check | 1.5 |
//! | a refused address | a bare non-blocking connect loop | 1.1 |
//! | connections and handshakes per live endpoint | | exactly 1 |
//! | memory per probe in flight | | 48 KiB |
//! | peak memory of 65,536 addresses over that of 16 | | 32 MiB |

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use kubeknock::config::{Order, ScanConfig};
use kubeknock::model::Verdict;
use kubeknock::scan::Scanner;
use kubeknock::simulator;
use support::{myself, output_of, peak_kib, print_profile, runtime, targets};

/// The allocator of the program, also for the floors.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REPETITIONS: usize = 15;
/// How much a live endpoint may cost, in handshakes.
const LIVE_LIMIT: f64 = 1.5;
/// How much a refused address may cost, in turns of the bare loop.
const REFUSED_LIMIT: f64 = 1.1;
/// Live endpoints per repetition: 127.1.0.0/20.
const LIVE: u32 = 4096;
/// Refused addresses per repetition: 127.2.0.0/16.
const REFUSED: u32 = 65_536;
/// How many connections are in flight, for floor and kubeknock.
const AT_ONCE: usize = 128;
/// A loopback port where nothing listens (discard).
const CLOSED: u16 = 9;

fn main() -> ExitCode {
    let args = support::arguments();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<usize>().unwrap_or_default();
    match words.as_slice() {
        ["serve", scenario] => serve(scenario),
        ["floor-live", port] => print_cpu(|| floor_live(number(port))),
        ["ours-live", port] => {
            print_cpu(|| ours(&format!("127.1.0.0/20 ports={port}"), Some(LIVE)));
        }
        ["floor-refused"] => print_cpu(floor_refused),
        ["ours-refused"] => print_cpu(|| ours(&format!("127.2.0.0/16 ports={CLOSED}"), None)),
        ["serve-fifty"] => serve_fifty(),
        ["memory", prefix, port] => {
            let found = ours_at(&format!("127.77.0.0/{prefix} ports={port}"), 4096);
            assert_eq!(
                found,
                if *prefix == "16" { 50 } else { 1 },
                "every live endpoint is found"
            );
            println!("{}", peak_kib());
        }
        ["in-flight", count, port] => in_flight(number(count), number(port)),
        _ => return harness(),
    }
    ExitCode::SUCCESS
}

// ---- the harness ----

fn harness() -> ExitCode {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    print_profile();
    let mut live = Server::start(&["serve", "default"]);
    let silent = Server::start(&["serve", "hangs-in-http"]);
    let fifty = Server::start(&["serve-fifty"]);
    let measure = |role: &[&str]| -> f64 { output_of(role).parse().expect("a number") };
    let cost = |role: &[&str]| -> [f64; 2] {
        let output = output_of(role);
        let (cpu, wall) = output.split_once(' ').expect("two numbers");
        [cpu, wall].map(|number| number.parse().expect("a number"))
    };
    // CPU time and wall-clock time of floor and kubeknock, measured in turns.
    let in_turns = |role: &[&str], other: &[&str]| {
        let pairs: Vec<[[f64; 2]; 2]> = (0..REPETITIONS)
            .map(|_| [cost(role), cost(other)])
            .collect();
        [0, 1].map(|kind| Compared {
            floor: median(pairs.iter().map(|pair| pair[0][kind])),
            ours: median(pairs.iter().map(|pair| pair[1][kind])),
            ratio: median(pairs.iter().map(|pair| pair[1][kind] / pair[0][kind])),
        })
    };
    let mut rows = Vec::new();

    let [cpu, live_clock] = in_turns(&["floor-live", &live.port], &["ours-live", &live.port]);
    rows.push(Row::ratio(
        "three requests on a live endpoint, identified",
        &cpu,
        LIVE,
        LIVE_LIMIT,
    ));
    let (connections, handshakes) = live.counts();
    let [cpu, refused_clock] = in_turns(&["floor-refused"], &["ours-refused"]);
    rows.push(Row::ratio(
        "a refused address",
        &cpu,
        REFUSED,
        REFUSED_LIMIT,
    ));
    rows.push(Row::speed("live endpoints a second", &live_clock, LIVE));
    rows.push(Row::speed(
        "refused addresses a second",
        &refused_clock,
        REFUSED,
    ));

    // Floor and kubeknock make one handshake per target and repetition each.
    let expected = u64::from(LIVE) * 2 * REPETITIONS as u64;
    rows.push(Row::exact(
        "connections of floor and ours together",
        connections,
        expected,
    ));
    rows.push(Row::exact(
        "handshakes of floor and ours together",
        handshakes,
        expected,
    ));

    let (few, many) = (
        measure(&["in-flight", "16", &silent.port]),
        measure(&["in-flight", "256", &silent.port]),
    );
    rows.push(Row::limit(
        "KiB per probe in flight",
        (many - few) / 240.0,
        48.0,
    ));
    let (small, large) = (
        measure(&["memory", "28", &fifty.port]),
        measure(&["memory", "16", &fifty.port]),
    );
    rows.push(Row::limit(
        "MiB of 65,536 addresses over 16",
        (large - small) / 1024.0,
        32.0,
    ));

    println!(
        "{:44} {:>12} {:>12} {:>8} {:>7}",
        "", "floor", "ours", "figure", "limit"
    );
    for row in &rows {
        println!("{row}");
    }
    if rows.iter().all(|row| row.holds) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Floor and kubeknock in seconds, and their ratio: medians of all turns.
struct Compared {
    floor: f64,
    ours: f64,
    ratio: f64,
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

struct Row {
    name: &'static str,
    floor: String,
    ours: String,
    figure: String,
    limit: String,
    holds: bool,
}

impl Row {
    fn ratio(name: &'static str, compared: &Compared, count: u32, limit: f64) -> Self {
        let each = |seconds: f64| format!("{:.1} us", seconds * 1e6 / f64::from(count));
        Self {
            name,
            floor: each(compared.floor),
            ours: each(compared.ours),
            figure: format!("{:.2}", compared.ratio),
            limit: format!("{limit:.2}"),
            holds: compared.ratio <= limit,
        }
    }

    /// A rate without a limit, because the floor runs on one core.
    fn speed(name: &'static str, compared: &Compared, count: u32) -> Self {
        let each = |seconds: f64| format!("{:.0}", f64::from(count) / seconds);
        Self {
            name,
            floor: each(compared.floor),
            ours: each(compared.ours),
            figure: format!("{:.2}", 1.0 / compared.ratio),
            limit: String::new(),
            holds: true,
        }
    }

    fn exact(name: &'static str, figure: u64, expected: u64) -> Self {
        Self {
            name,
            floor: String::new(),
            ours: String::new(),
            figure: figure.to_string(),
            limit: expected.to_string(),
            holds: figure == expected,
        }
    }

    fn limit(name: &'static str, figure: f64, limit: f64) -> Self {
        Self {
            name,
            floor: String::new(),
            ours: String::new(),
            figure: format!("{figure:.1}"),
            limit: format!("{limit}"),
            holds: figure <= limit,
        }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            floor,
            ours,
            figure,
            limit,
            holds,
        } = self;
        let word = if *holds { "holds" } else { "BROKEN" };
        write!(
            f,
            "{name:44} {floor:>12} {ours:>12} {figure:>8} {limit:>7}  {word}"
        )
    }
}

/// A simulated server in a separate process, on every loopback address.
struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    port: String,
}

impl Server {
    fn start(role: &[&str]) -> Self {
        let mut child = myself()
            .args(role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the benchmark runs itself");
        let mut port = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        lines.read_line(&mut port).expect("the server's port");
        Self {
            child,
            lines,
            port: port.trim().to_owned(),
        }
    }

    /// Connections and handshakes so far.
    fn counts(&mut self) -> (u64, u64) {
        writeln!(self.child.stdin.as_mut().expect("piped"), "counts").expect("the server listens");
        let mut text = String::new();
        self.lines.read_line(&mut text).expect("the server answers");
        let mut numbers = text
            .trim()
            .split(' ')
            .map(|number| number.parse().expect("a count"));
        (
            numbers.next().expect("connections"),
            numbers.next().expect("handshakes"),
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// ---- the roles ----

fn print_cpu(work: impl FnOnce()) {
    let (began, clock) = (ProcessTime::now(), Instant::now());
    work();
    println!(
        "{} {}",
        began.elapsed().as_secs_f64(),
        clock.elapsed().as_secs_f64()
    );
}

/// Serves until standard input ends; each line of it requests the counts.
fn serve(name: &str) {
    runtime().block_on(async {
        let scenario = simulator::scenario(name).expect("a known scenario");
        let server = simulator::start(scenario, "0.0.0.0:0".parse().expect("an address"))
            .await
            .expect("a port");
        println!("{}", server.address().port());
        // Blocking is fine: the tasks of the server run on other threads.
        for _ in std::io::stdin().lock().lines() {
            println!(
                "{} {}",
                server.stats().connections(),
                server.stats().handshakes()
            );
        }
    });
}

/// Fifty servers spread over 127.77.0.0/16, one of them within its first sixteen addresses.
fn serve_fifty() {
    runtime().block_on(async {
        let scenario = simulator::scenario("default").expect("a known scenario");
        let mut servers = Vec::new();
        let mut port = 0;
        for index in 0..50_u8 {
            let address = format!("127.77.{}.{}:{port}", index * 5, 1 + index * 5);
            let address: SocketAddr = address.parse().expect("an address");
            let server = simulator::start(Arc::clone(&scenario), address)
                .await
                .expect("a port");
            port = server.address().port();
            servers.push(server);
        }
        println!("{port}");
        let _ = std::io::stdin().lock().lines().count();
    });
}

fn ours(spec: &str, live: Option<u32>) {
    let found = ours_at(spec, AT_ONCE);
    assert_eq!(found, live.unwrap_or(0), "every live endpoint is found");
}

/// Scans, and returns how many endpoints were forbidden.
fn ours_at(spec: &str, concurrency: usize) -> u32 {
    runtime().block_on(async {
        let config = ScanConfig::default().with(|config| {
            config.rate = 0;
            config.concurrency = concurrency;
            config.order = Order::Seeded(1);
        });
        let mut scan = Scanner::new(config)
            .expect("a good configuration")
            .scan(targets(&[spec]));
        // Kept in memory, as the program does for sorted reports.
        let mut records = Vec::new();
        while let Some(record) = scan.next().await {
            records.push(record);
        }
        assert!(scan.finish().coverage.adds_up());
        records
            .iter()
            .map(|record| u32::from(record.verdict == Verdict::Forbidden))
            .sum()
    })
}

/// The same number of workers. Each connects, performs the handshake and closes.
fn floor_live(port: usize) {
    let port = u16::try_from(port).expect("a port");
    runtime().block_on(async {
        let config = Arc::new(floor::config());
        let next = Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (config, next) = (Arc::clone(&config), Arc::clone(&next));
                tokio::spawn(async move {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Ok(index) = u32::try_from(index) else {
                            return;
                        };
                        if index >= LIVE {
                            return;
                        }
                        let ip = std::net::Ipv4Addr::from(0x7f01_0000 + index);
                        let stream = tokio::net::TcpStream::connect((ip, port))
                            .await
                            .expect("a live server");
                        let name = rustls::pki_types::ServerName::IpAddress(
                            std::net::IpAddr::V4(ip).into(),
                        );
                        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&config));
                        connector.connect(name, stream).await.expect("a handshake");
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.expect("a worker");
        }
    });
}

/// A bare loop of non-blocking connects, with as many in flight as kubeknock.
fn floor_refused() {
    let mut poll = mio::Poll::new().expect("a poll");
    let mut events = mio::Events::with_capacity(1024);
    let mut slots: Vec<Option<mio::net::TcpStream>> = (0..AT_ONCE).map(|_| None).collect();
    let mut free: Vec<usize> = (0..AT_ONCE).collect();
    let (mut next, mut done) = (0, 0);
    while done < REFUSED {
        while next < REFUSED {
            let Some(slot) = free.pop() else { break };
            let ip = std::net::Ipv4Addr::from(0x7f02_0000 + next);
            next += 1;
            if let Ok(mut stream) = mio::net::TcpStream::connect(SocketAddr::from((ip, CLOSED))) {
                poll.registry()
                    .register(&mut stream, mio::Token(slot), mio::Interest::WRITABLE)
                    .expect("registered");
                slots[slot] = Some(stream);
            } else {
                done += 1;
                free.push(slot);
            }
        }
        poll.poll(&mut events, Some(Duration::from_secs(1)))
            .expect("polled");
        for event in &events {
            let slot = event.token().0;
            if let Some(stream) = slots[slot].take() {
                assert!(
                    stream.take_error().expect("asked").is_some(),
                    "nothing listens there"
                );
                done += 1;
                free.push(slot);
            }
        }
    }
}

/// Prints the peak memory while this many probes wait for a response.
fn in_flight(count: usize, port: usize) {
    runtime().block_on(async {
        let config = ScanConfig::default().with(|config| {
            config.rate = 0;
            config.timeout = Duration::from_secs(3);
        });
        let scanner = Scanner::new(config).expect("a good configuration");
        let set = targets(&[&format!("127.1.0.0-127.1.0.{} ports={port}", count - 1)]);
        let mut scan = scanner.scan(set);
        while scan.next().await.is_some() {}
    });
    println!("{}", peak_kib());
}

/// The TLS client of the floor. Like kubeknock, it accepts any chain and checks the signature of the handshake.
mod floor {
    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{
        CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
    };
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    struct SignatureOnly(Arc<CryptoProvider>);

    impl ServerCertVerifier for SignatureOnly {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            leaf: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(
                message,
                leaf,
                signature,
                &self.0.signature_verification_algorithms,
            )
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            leaf: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(
                message,
                leaf,
                signature,
                &self.0.signature_verification_algorithms,
            )
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }

    pub(super) fn config() -> ClientConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(SignatureOnly(provider)))
            .with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }
}
