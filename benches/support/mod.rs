//! Shared helpers of the benchmarks: roles that run in separate processes, and their cost.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use kubeknock::targets::{TargetOptions, TargetSet, TargetSetBuilder};

/// A command that runs this benchmark again.
pub(crate) fn myself() -> Command {
    Command::new(std::env::current_exe().expect("the benchmark's own path"))
}

/// The arguments of this benchmark, without the one that cargo adds.
#[allow(dead_code, reason = "not every benchmark has arguments")]
pub(crate) fn arguments() -> Vec<String> {
    std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect()
}

/// Prints the cargo profile that this benchmark was built in, taken from the folder that cargo put it in:
/// `target/dist/deps/cost-…` is `dist`. Plain `cargo bench` builds in `target/release`.
pub(crate) fn print_profile() {
    let program = std::env::current_exe().expect("the benchmark's own path");
    let folder = program.ancestors().nth(2).and_then(Path::file_name);
    println!(
        "profile: {}",
        folder.map_or("unknown".into(), |name| name.to_string_lossy())
    );
}

/// The output of this benchmark in a role.
#[allow(dead_code, reason = "not every benchmark has a role with output")]
pub(crate) fn output_of(role: &[&str]) -> String {
    let output = myself()
        .args(role)
        .stderr(Stdio::inherit())
        .output()
        .expect("the benchmark runs itself");
    assert!(output.status.success(), "{role:?} failed");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A runtime like that of the program, with the highest limit for open files.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A target set of these specifications.
#[allow(dead_code, reason = "not every benchmark scans by itself")]
pub(crate) fn targets(specs: &[&str]) -> Arc<TargetSet> {
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    for spec in specs {
        builder.argument(spec);
    }
    Arc::new(builder.build().expect("a good specification"))
}

/// Peak resident memory of this process in KiB, as Linux counts it.
#[allow(dead_code, reason = "not every benchmark measures itself")]
pub(crate) fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("VmHWM");
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("a number")
}
