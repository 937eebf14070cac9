//! What it costs to load a large inventory.
//!
//! ```text
//! cargo bench --profile dist --bench inventories
//! ```
//!
//! | what | limit |
//! |---|---|
//! | time for 10,000 clusters | 1 s |
//! | peak memory, more than with one cluster | 64 MiB |
//!
//! It fails above a limit.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use kubeknock::model::Source;
use kubeknock::targets::{ImportFormat, TargetOptions, TargetSetBuilder};

#[allow(dead_code, reason = "shared with the other benchmarks")]
mod support;
use support::{output_of, peak_kib, print_profile};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CLUSTERS: u32 = 10_000;
const MAX_SECONDS: f64 = 1.0;
const MAX_KIB: u64 = 64 * 1024;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    if let [_, role, file, ..] = &words[..]
        && role == "load"
    {
        load(file);
        return ExitCode::SUCCESS;
    }
    print_profile();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cost = |clusters: u32| {
        let path = folder.path().join(format!("{clusters}.json"));
        std::fs::write(&path, inventory(clusters)).expect("a file");
        let output = output_of(&["load", &path.display().to_string()]);
        let (seconds, kib) = output.split_once(' ').expect("two numbers");
        let kib: u64 = kib.parse().expect("a number");
        (seconds.parse::<f64>().expect("a number"), kib)
    };
    let (_, least) = cost(1);
    let (seconds, peak) = cost(CLUSTERS);
    let more = peak.saturating_sub(least);
    println!("{CLUSTERS} clusters: {seconds:.3} s, {more} KiB more than one cluster");
    if seconds <= MAX_SECONDS && more <= MAX_KIB {
        ExitCode::SUCCESS
    } else {
        println!("above the limit of {MAX_SECONDS} s or {MAX_KIB} KiB");
        ExitCode::FAILURE
    }
}

/// Loads an inventory, and prints the seconds that it took and the peak memory in KiB.
fn load(file: &str) {
    let begun = Instant::now();
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    let reader = std::fs::File::open(file).expect("a file");
    let source = Source::File(file.into());
    builder.import(ImportFormat::Auto, source, std::io::BufReader::new(reader));
    let set = builder.build().expect("a good inventory");
    let seconds = begun.elapsed().as_secs_f64();
    assert!(!set.is_empty(), "no target");
    println!("{seconds} {}", peak_kib());
}

/// A list of GKE clusters, each with what the service writes about it.
fn inventory(clusters: u32) -> String {
    let ca = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==".repeat(40);
    let filler = "\"https://www.googleapis.com/auth/devstorage.read_only\", ".repeat(40);
    let mut text = "[\n".to_owned();
    for number in 0..clusters {
        let comma = if number == 0 { "" } else { "," };
        let (high, low) = (number / 256, number % 256);
        let _ = writeln!(
            text,
            "{comma}{{\"addonsConfig\": {{}}, \"currentMasterVersion\": \"1.35.3-gke.1\", \"endpoint\": \
             \"198.18.{high}.{low}\", \"location\": \"europe-west1\", \"masterAuth\": {{\"clusterCaCertificate\": \
             \"{ca}\"}}, \"name\": \"cluster-{number}\", \"nodeConfig\": {{\"oauthScopes\": [{filler} \"x\"]}}, \
             \"resourceLabels\": {{\"env\": \"prod\", \"team\": \"team-{low}\"}}, \"selfLink\": \
             \"https://container.googleapis.com/v1/projects/p-{high}/zones/z/clusters/c\", \"status\": \"RUNNING\"}}"
        );
    }
    text.push(']');
    text
}
