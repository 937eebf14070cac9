//! How long a browser takes to load and filter the HTML report of 5,000 endpoints.
//!
//! ```text
//! cargo bench --profile dist --bench page
//! ```
//!
//! Scans simulated servers at 5,000 addresses of loopback, with the program, and opens the report in Chromium. The
//! median of five repetitions counts. It fails above a limit, and is skipped without Chromium.

#[path = "../tests/suite/devtools.rs"]
mod devtools;
#[allow(dead_code, reason = "other benchmarks use the rest")]
mod support;

use std::fmt::Write as _;
use std::process::{Command, ExitCode};

use devtools::Browser;
use kubeknock::simulator;

const ENDPOINTS: usize = 5_000;
const REPETITIONS: usize = 5;
/// Servers as an estate has them; the last one is exposed, once.
const SERVERS: [&str; 5] = ["default", "rejecting", "health-only", "k3s", "exposed"];
/// Types a text into the filter, and returns the milliseconds until the list is laid out and painted.
const FILTER: &str = "(async () => {
    const filter = document.getElementById('filter');
    const type = async (text) => {
        filter.value = text;
        const start = performance.now();
        filter.dispatchEvent(new Event('input'));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        return performance.now() - start;
    };
    const first = await type('cluster-4321');
    if (!document.getElementById('count').textContent.startsWith('1 of 5000')) throw new Error('not found');
    await type('');
    return first;
})()";

/// Writes the report and returns its size in bytes.
async fn report(folder: &std::path::Path) -> u64 {
    let mut servers = Vec::new();
    for name in SERVERS {
        let scenario = simulator::scenario(name).expect("a scenario");
        let any = "0.0.0.0:0".parse().expect("an address");
        servers.push(simulator::start(scenario, any).await.expect("a server"));
    }
    let mut targets = String::new();
    for index in 0..ENDPOINTS {
        let server = if index == ENDPOINTS / 2 {
            SERVERS.len() - 1
        } else {
            index % (SERVERS.len() - 1)
        };
        let port = servers[server].address().port();
        let (high, low) = (index / 250, 1 + index % 250);
        writeln!(targets, "127.60.{high}.{low}:{port} name=cluster-{index}").expect("a string");
    }
    let (list, page) = (folder.join("targets.txt"), folder.join("page.html"));
    std::fs::write(&list, targets).expect("a file");
    let mut scan = Command::new(env!("CARGO_BIN_EXE_kubeknock"));
    scan.args([
        "scan",
        "-q",
        "--rate=0",
        "--fail-on=never",
        "--require-coverage=0",
        "-f",
    ])
    .arg(list)
    .arg(format!("-ohtml={}", page.display()));
    let ended = tokio::task::spawn_blocking(move || scan.status()).await;
    assert!(ended.expect("a thread").expect("the program").success());
    std::fs::metadata(page).expect("a report").len()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> ExitCode {
    support::print_profile();
    let Some(mut browser) = Browser::start() else {
        println!("skipped: chromium is not installed");
        return ExitCode::SUCCESS;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let size = support::runtime().block_on(report(folder.path()));
    let page = folder.path().join("page.html");
    let (mut loads, mut filters) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        loads.push(browser.open(&page, 1440, "light"));
        let filtered = browser.evaluate(FILTER).as_f64();
        filters.push(filtered.expect("a time"));
    }
    assert!(browser.console.is_empty(), "{:?}", browser.console);
    println!(
        "{:40} {:>10} {:>8}",
        "HTML report of 5,000 endpoints", "ours", "limit"
    );
    let mut holds = true;
    #[allow(clippy::cast_precision_loss, reason = "a few megabytes")]
    let megabytes = size as f64 / 1e6;
    for (what, value, limit) in [
        ("megabytes", megabytes, 8.0),
        ("milliseconds to load", median(loads), 2_000.0),
        ("milliseconds to filter", median(filters), 200.0),
    ] {
        holds &= value <= limit;
        let verdict = if value <= limit { "holds" } else { "BROKEN" };
        println!("{what:40} {value:>10.1} {limit:>8} {verdict}");
    }
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
