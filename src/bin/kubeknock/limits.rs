//! Open files: raise the limit, and ask for no more than fits.

use anyhow::bail;
use kubeknock::config::ScanConfig;

/// Descriptors that are not connections: standard streams, the runtime, resolver sockets, reports,
/// checkpoint and temporary files.
const OTHER_FILES: u64 = 64;
/// Descriptors without which nothing can be done: the runtime, which panics where it gets none, one
/// connection, a lookup, a report.
const LEAST: usize = 12;
/// Without a limit to read, what systems grant at the least.
const ASSUMED: u64 = 1024;

/// Raises the limit as far as may be; an error where too few files may be opened to do anything.
pub(crate) fn ensure_room() -> anyhow::Result<()> {
    // Whether it could be raised shows below.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let mut open = Vec::new();
    while open.len() * 2 < LEAST {
        match std::io::pipe() {
            Ok(ends) => open.push(ends),
            Err(error) => bail!(
                "{} further files may be opened ({error}), and {LEAST} are needed at the least; raise the limit \
                 on open files (ulimit -n)",
                open.len() * 2
            ),
        }
    }
    Ok(())
}

/// Raises the soft limit on open files to the hard one and returns the highest concurrency up to
/// that of the configuration whose connections fit.
pub(crate) fn concurrency_that_fits(config: &ScanConfig) -> usize {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(ASSUMED);
    // A half at most for the rest, so that a tiny limit still leaves room for connections.
    let rest = OTHER_FILES.min(limit / 2);
    fitting(config, usize::try_from(limit - rest).unwrap_or(usize::MAX))
}

fn fitting(config: &ScanConfig, connections: usize) -> usize {
    let looks = kubeknock::config::MAX_LOOKS;
    // Every connection is being opened, or looked at: of the latter at most MAX_LOOKS.
    let fit = (connections / 2).max(connections.saturating_sub(looks));
    config.concurrency.min(fit.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_connections_fit_and_none_is_wasted() {
        for connections in [2, 3, 32, 511, 512, 513, 600, 1000, 19_936] {
            let asked = ScanConfig { concurrency: 65_536, ..ScanConfig::default() };
            let concurrency = fitting(&asked, connections);
            let needs = |concurrency| ScanConfig { concurrency, ..asked.clone() }.connections();
            assert!(needs(concurrency) <= connections, "{connections}: {concurrency}");
            assert!(needs(concurrency + 1) > connections, "{connections}: {concurrency}");
        }
        let asked = ScanConfig { concurrency: 10, ..ScanConfig::default() };
        assert_eq!(fitting(&asked, 1000), 10);
        assert_eq!(fitting(&asked, 1), 1);
    }
}
