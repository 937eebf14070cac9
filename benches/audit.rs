//! What it costs to read a large audit log.
//!
//! ```text
//! cargo bench --profile dist --bench audit
//! cargo bench --profile dist --bench audit -- --mib 2048
//! ```
//!
//! | what | limit |
//! |---|---|
//! | speed, compared with parsing the same lines without using them | a third |
//! | peak memory | 64 MiB |
//!
//! It fails beyond a limit.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use kubeknock::audit::Matcher;
use kubeknock::audit::log::{Counts, Facts, read};
use kubeknock::config::ScanConfig;
use serde::de::IgnoredAny;

#[allow(dead_code, reason = "shared with the other benchmarks")]
mod support;
use support::{output_of, peak_kib, print_profile};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The size of the log without `--mib`.
const MIB: u64 = 64;
const LEAST_SHARE: f64 = 1.0 / 3.0;
const MAX_KIB: u64 = 64 * 1024;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    match &words[..] {
        [_, role, file, ..] if role == "parse" => parse(file),
        [_, role, file, ..] if role == "audit" => audit(file),
        _ => return compare(&words),
    }
    ExitCode::SUCCESS
}

fn compare(words: &[String]) -> ExitCode {
    print_profile();
    let given = words.iter().position(|word| word == "--mib");
    let given = given.and_then(|at| words.get(at + 1)?.parse().ok());
    let mib: u64 = given.unwrap_or(MIB);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("audit.log").display().to_string();
    write_log(&path, mib * 1024 * 1024);
    let cost = |role: &str| {
        let output = output_of(&[role, &path]);
        let mut words = output.split(' ');
        let seconds: f64 = words
            .next()
            .and_then(|word| word.parse().ok())
            .expect("seconds");
        let kib: u64 = words
            .next()
            .and_then(|word| word.parse().ok())
            .expect("KiB");
        (seconds, kib)
    };
    // The first reading of a file may wait for the disk.
    cost("parse");
    let (parsed, _) = cost("parse");
    let (audited, kib) = cost("audit");
    #[expect(clippy::cast_precision_loss, reason = "a size for people")]
    let speed = |seconds: f64| mib as f64 / seconds;
    let share = parsed / audited;
    println!(
        "{mib} MiB: parsed only {:.0} MiB/s, audited {:.0} MiB/s ({share:.2} of it), peak memory {kib} KiB",
        speed(parsed),
        speed(audited)
    );
    if share < LEAST_SHARE || kib > MAX_KIB {
        println!("FAILED: the limits are {LEAST_SHARE:.2} and {MAX_KIB} KiB");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn parse(file: &str) {
    let began = Instant::now();
    let mut input = BufReader::with_capacity(256 * 1024, File::open(file).expect("the log"));
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line).expect("the log") > 0 {
        let IgnoredAny = serde_json::from_slice(&line).expect("an event");
        line.clear();
    }
    println!("{} {}", began.elapsed().as_secs_f64(), peak_kib());
}

fn audit(file: &str) {
    let began = Instant::now();
    let mut matcher = Matcher::new(&ScanConfig::default(), Vec::new());
    let (mut counts, mut facts) = (Counts::default(), Facts::default());
    let mut input = File::open(file).expect("the log");
    read(&mut input, &mut counts, &mut facts, &mut |event| {
        matcher.event(event);
    })
    .expect("the log");
    assert_eq!(counts.left_out(), 0);
    let audit = matcher.finish(counts, &facts, None);
    assert!(audit.other_counts.forbidden > 0);
    println!("{} {}", began.elapsed().as_secs_f64(), peak_kib());
}

/// Writes events of nodes and controllers, and one in twenty of a caller without credentials.
fn write_log(path: &str, size: u64) {
    let mut out = BufWriter::new(File::create(path).expect("a file"));
    let (mut written, mut number) = (0, 0_u64);
    while written < size {
        number += 1;
        let (user, decision) = if number.is_multiple_of(20) {
            (
                r#"{"username":"system:anonymous","groups":["system:unauthenticated"]}"#.to_owned(),
                "forbid",
            )
        } else {
            let user = format!(
                "{{\"username\":\"system:node:worker-{}\",\"groups\":[\"system:nodes\",\"system:authenticated\"],\
                 \"extra\":{{\"authentication.kubernetes.io/credential-id\":[\"X509SHA256={number:064x}\"]}}}}",
                number % 500
            );
            (user, "allow")
        };
        let (second, milli) = (number / 1000 % 60, number % 1000);
        let line = format!(
            "{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\",\
             \"auditID\":\"{number:08x}-0000-4000-8000-000000000000\",\"stage\":\"ResponseComplete\",\
             \"requestURI\":\"/api/v1/namespaces/default/pods/web-{}/status?timeout=10s\",\"verb\":\"patch\",\
             \"user\":{user},\"sourceIPs\":[\"10.0.{}.7\"],\"userAgent\":\"kubelet/v1.37.2 (linux/amd64) \
             kubernetes/a1b2c3d\",\"objectRef\":{{\"resource\":\"pods\",\"namespace\":\"default\",\"name\":\"web\",\
             \"apiVersion\":\"v1\",\"subresource\":\"status\"}},\"responseStatus\":{{\"metadata\":{{}},\"code\":200}},\
             \"requestReceivedTimestamp\":\"2026-11-28T11:57:{second:02}.{milli:03}000Z\",\
             \"stageTimestamp\":\"2026-11-28T11:57:{second:02}.{milli:03}999Z\",\"annotations\":\
             {{\"authorization.k8s.io/decision\":\"{decision}\",\"authorization.k8s.io/reason\":\"\"}}}}\n",
            number % 5000,
            number % 250
        );
        out.write_all(line.as_bytes()).expect("a file");
        written += line.len() as u64;
    }
    out.flush().expect("a file");
}
