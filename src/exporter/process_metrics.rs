//! The process of the exporter, under the names of Prometheus' own client libraries. Only Linux says more than its start.

use std::fs;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Ticks in a second, on every platform that has them in `/proc` and that Rust supports.
const TICKS: f64 = 100.0;

/// The metrics of now. Their names have no prefix.
pub(super) fn registry(began: SystemTime) -> Registry {
    let mut registry = Registry::default();
    let mut gauge = |name: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            let gauge: Gauge<f64, AtomicU64> = Gauge::default();
            gauge.set(value);
            registry.register(name, help, gauge);
        }
    };
    let began = began.duration_since(UNIX_EPOCH).ok();
    gauge(
        "process_start_time_seconds",
        "When the exporter began, in Unix time",
        began.map(|began| began.as_secs_f64()),
    );
    gauge("process_resident_memory_bytes", "Memory in use", memory());
    gauge("process_open_fds", "Open file descriptors", descriptors());
    if let Some(seconds) = cpu_seconds() {
        let counter: Counter<f64, AtomicU64> = Counter::default();
        counter.inc_by(seconds);
        registry.register("process_cpu_seconds", "Time on the processors", counter);
    }
    registry
}

fn memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let (_, from_size) = status.split_once("VmRSS:")?;
    let (kibibytes, _) = from_size.split_once("kB")?;
    Some(kibibytes.trim().parse::<f64>().ok()? * 1024.0)
}

fn descriptors() -> Option<f64> {
    // One of them is open to read the folder.
    let count = fs::read_dir("/proc/self/fd").ok()?.count().checked_sub(1)?;
    u32::try_from(count).ok().map(f64::from)
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program is in parentheses and may have any character. User and system time are the fields 14 and 15.
    let (_, from_third) = stat.rsplit_once(')')?;
    let mut times = from_third.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
    Some((user + system) / TICKS)
}
