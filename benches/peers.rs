//! The program beside other scanners: CPU time and peak memory of the same work in one run.
//!
//! ```text
//! cargo bench --profile dist --bench peers
//! ```
//!
//! Every figure is that of a child process: its CPU time (user and system) and its peak memory. The simulated servers
//! run in another process. The smallest of three repetitions counts, for the pace the mean of six. Scanners that are not
//! installed are skipped.
//!
//! | figure | limit |
//! |---|---|
//! | CPU of each scanner for 1,024 live servers, three paths each | ours is the lowest |
//! | CPU of each scanner for 65,536 refused addresses, also with 20 servers among them | ours is the lowest |
//! | peak memory of a scan of one server | 24 MiB |
//! | CPU of 65,536 refused addresses at 1,000 a second, over that of `--rate 0` | 1.2 |

mod support;

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubeknock::simulator;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use support::{myself, output_of, print_profile, runtime};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KUBEKNOCK: &str = env!("CARGO_BIN_EXE_kubeknock");
const REPETITIONS: u32 = 3;
/// Live servers: 127.1.0.0/22.
const LIVE: u32 = 1024;
const PATHS: [&str; 3] = ["/version", "/api", "/healthz"];
/// Refused addresses: 127.2.0.0/16, at a port where nothing listens (discard).
const REFUSED: u32 = 65_536;
const CLOSED: u16 = 9;
/// Servers among the addresses of 127.77.0.0/16.
const AMONG: u8 = 20;

fn main() -> ExitCode {
    let args = support::arguments();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve"] => serve(),
        ["run", program, args @ ..] => run(program, args),
        ["bare-loop", rate] => bare_loop(rate.parse().expect("a rate")),
        _ => return harness(),
    }
    ExitCode::SUCCESS
}

/// What a program used.
#[derive(Clone, Copy)]
struct Usage {
    seconds: f64,
    mib: f64,
}

fn harness() -> ExitCode {
    print_profile();
    let (servers, [port, among]) = start_servers();
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("a path in UTF-8").to_owned()
    };
    let each = (0..LIVE).flat_map(|host| PATHS.map(|path| (host, path)));
    let lines = each.map(|(host, path)| {
        let address = Ipv4Addr::from_bits(0x7f01_0000 + host);
        format!("url = \"https://{address}:{port}{path}\"\noutput = \"/dev/null\"")
    });
    let urls = file("urls", &lines.collect::<Vec<_>>().join("\n"));
    let grabs = PATHS.map(|path| {
        format!("[http]\nname=\"{path}\"\nport={port}\nuse-https=true\nendpoint=\"{path}\"\n")
    });
    let zgrab = [
        ["-c", &file("grabs.ini", &grabs.concat())],
        ["-f", &file("targets", "127.1.0.0/22\n")],
        ["-b", &file("nothing", "")],
        ["-o", "/dev/null"],
    ];
    let paths = PATHS.join(",");
    let mut holds = true;

    println!(
        "{:34} {:12} {:>10} {:>8} {:>9}",
        "", "", "CPU each", "ratio", "MiB"
    );
    let live = format!("127.1.0.0/22:{port}");
    holds &= compare(
        "1,024 servers, three paths",
        LIVE,
        &[
            (KUBEKNOCK, ours(&live, "0")),
            ("curl", words(&["-s", "-k", "-K", &urls])),
            (
                "httpx",
                words(&[
                    "-silent",
                    "-u",
                    "127.1.0.0/22",
                    "-p",
                    &port,
                    "-path",
                    &paths,
                ]),
            ),
            (
                "zgrab2",
                words(&[&["multiple"], zgrab.as_flattened()].concat()),
            ),
        ],
    );
    let closed = CLOSED.to_string();
    let connects = |net: &str, port: &str| {
        words(&[
            "-sT",
            "-n",
            "-Pn",
            "-T5",
            "--max-retries",
            "0",
            "-p",
            port,
            net,
        ])
    };
    holds &= compare(
        "65,536 refused addresses",
        REFUSED,
        &[
            (KUBEKNOCK, ours(&format!("127.2.0.0/16:{CLOSED}"), "0")),
            ("nmap", connects("127.2.0.0/16", &closed)),
        ],
    );
    holds &= compare(
        "the same with 20 servers among them",
        REFUSED,
        &[
            (KUBEKNOCK, ours(&format!("127.77.0.0/16:{among}"), "0")),
            ("nmap", connects("127.77.0.0/16", &among)),
        ],
    );
    holds &= memory_of_one(&port);
    holds &= pace();
    drop(servers);
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Compares the CPU time of scanners that do the same; the first one should need the least.
fn compare(what: &str, count: u32, scanners: &[(&str, Vec<String>)]) -> bool {
    let mut first = None;
    let mut holds = true;
    for (program, args) in scanners {
        let name = program.rsplit('/').next().unwrap_or_default();
        let Some(usage) = smallest(program, args, REPETITIONS) else {
            println!("{what:34} {name:12} not installed, or fails here");
            continue;
        };
        let floor = *first.get_or_insert(usage.seconds);
        holds &= floor <= usage.seconds;
        println!(
            "{what:34} {name:12} {:>7.1} us {:>8.2} {:>9.1}",
            usage.seconds * 1e6 / f64::from(count),
            usage.seconds / floor,
            usage.mib
        );
    }
    println!("{:34} {}", "", word(holds));
    holds
}

fn memory_of_one(port: &str) -> bool {
    let args = ours(&format!("127.1.0.1:{port}"), "0");
    let mib = smallest(KUBEKNOCK, &args, REPETITIONS).map_or(f64::INFINITY, |usage| usage.mib);
    let holds = mib <= 24.0;
    println!("MiB of one server: {mib:.1}, limit 24: {}", word(holds));
    holds
}

/// What the default rate costs, for the program and for a bare loop. The loop shows what a processor costs that sleeps
/// after each group of connects: it wakes with cold caches.
fn pace() -> bool {
    let target = format!("127.2.0.0/16:{CLOSED}");
    let myself = std::env::current_exe().expect("a path");
    let myself = myself.to_str().expect("a path in UTF-8");
    let bare = pace_of("a bare loop", myself, |rate| words(&["bare-loop", rate]));
    let ratio = pace_of("65,536 refused addresses", KUBEKNOCK, |rate| {
        ours(&target, rate)
    });
    let holds = ratio <= 1.2;
    println!(
        "the default rate costs {ratio:.2} of --rate 0, limit 1.2: {}; that of a bare loop {bare:.2}",
        word(holds)
    );
    holds
}

/// The CPU time at 1,000 connects a second over that without a limit. The paced run takes a minute, in which the machine
/// is as busy as it is on average. So it is compared with the mean of several runs, half of them before and half after it.
fn pace_of(what: &str, program: &str, args: impl Fn(&str) -> Vec<String>) -> f64 {
    let once =
        |rate| smallest(program, &args(rate), 1).map_or(f64::INFINITY, |usage| usage.seconds);
    let of_several = || (0..REPETITIONS).map(|_| once("0")).sum::<f64>();
    let (before, paced, after) = (of_several(), once("1000"), of_several());
    let unlimited = (before + after) / f64::from(2 * REPETITIONS);
    println!("{what}: {paced:.2} s of CPU at 1,000 a second, {unlimited:.2} s without a limit");
    paced / unlimited
}

const fn word(holds: bool) -> &'static str {
    if holds { "holds" } else { "BROKEN" }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A scan that writes no report.
fn ours(target: &str, rate: &str) -> Vec<String> {
    let (net, port) = target.rsplit_once(':').expect("a port");
    words(&[
        "scan",
        "-q",
        net,
        "--ports",
        port,
        "--rate",
        rate,
        "--fail-on",
        "never",
        "-o",
        "jsonl=/dev/null",
    ])
}

/// The smallest usage of several runs of a program; `None` if it is not installed or fails.
fn smallest(program: &str, args: &[String], repetitions: u32) -> Option<Usage> {
    let role: Vec<&str> = ["run", program]
        .into_iter()
        .chain(args.iter().map(String::as_str))
        .collect();
    let usages: Option<Vec<Usage>> = (0..repetitions)
        .map(|_| {
            let output = output_of(&role);
            let (seconds, mib) = output.split_once(' ')?;
            Some(Usage {
                seconds: seconds.parse().ok()?,
                mib: mib.parse().ok()?,
            })
        })
        .collect();
    (usages?.into_iter()).min_by(|one, other| one.seconds.total_cmp(&other.seconds))
}

// ---- the roles ----

/// Runs a program and prints its CPU time in seconds and its peak memory in MiB; nothing if it fails.
fn run(program: &str, args: &[&str]) {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let status = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !status.is_ok_and(|status| status.success()) {
        return;
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the usage of a child");
    let seconds = [usage.user_time(), usage.system_time()]
        .map(|time| std::time::Duration::from_micros(time.num_microseconds().unsigned_abs()))
        .iter()
        .sum::<std::time::Duration>()
        .as_secs_f64();
    // In KiB on Linux.
    let kib = u32::try_from(usage.max_rss()).expect("less than 4 TiB");
    println!("{seconds} {}", f64::from(kib) / 1024.0);
}

/// Connects to every refused address, one after the other; at a rate in groups of 50 ms, as the program does.
fn bare_loop(rate: u32) {
    let began = Instant::now();
    for index in 0..REFUSED {
        if rate > 0 && index % (rate / 20) == 0 {
            let due = Duration::from_secs(1) * index / rate;
            std::thread::sleep(due.saturating_sub(began.elapsed()));
        }
        let address = Ipv4Addr::from_bits(0x7f02_0000 + index);
        assert!(
            TcpStream::connect((address, CLOSED)).is_err(),
            "nothing listens there"
        );
    }
}

/// Ends the servers when it is dropped.
struct Servers(Child);

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the servers in a process of their own. Returns the port of those on every address, and the port of those among
/// addresses that refuse.
fn start_servers() -> (Servers, [String; 2]) {
    let mut child = myself()
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the benchmark runs itself");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let ports: Vec<String> = lines.take(2).map(|line| line.expect("a port")).collect();
    let ports = ports.try_into().expect("two ports");
    (Servers(child), ports)
}

/// Serves until standard input ends.
fn serve() {
    runtime().block_on(async {
        let scenario = simulator::scenario("default").expect("a known scenario");
        let start = |address: SocketAddr| simulator::start(Arc::clone(&scenario), address);
        let everywhere = start(SocketAddr::from(([0, 0, 0, 0], 0)))
            .await
            .expect("a port");
        println!("{}", everywhere.address().port());
        let mut among = Vec::new();
        let mut port = 0;
        for index in 0..AMONG {
            let server = start(SocketAddr::from(([127, 77, index * 12, 1 + index], port)))
                .await
                .expect("a port");
            port = server.address().port();
            among.push(server);
        }
        println!("{port}");
        let _ = std::io::stdin().lock().lines().count();
    });
}
