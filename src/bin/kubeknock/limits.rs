//! The limit on open files: raises it, and lowers the concurrency if it is still too low.

use anyhow::bail;
use kubeknock::config::ScanConfig;

/// Descriptors that are neither connections nor lookups: standard streams, the runtime, reports,
/// checkpoint and temporary files.
const OTHER_FILES: u64 = 64;
/// Sockets of one lookup: two questions, each asked up to three times.
const SOCKETS: usize = 6;
/// Descriptors that every scan needs: for the runtime, which panics without them, one connection, a lookup
/// and a report.
const LEAST: usize = 12;
/// Assumed if the limit cannot be read: a low default of common systems.
const ASSUMED: u64 = 1024;

/// Raises the limit as far as possible. An error if even then too few files can be opened.
pub(crate) fn ensure_room() -> anyhow::Result<()> {
    // If this fails, the check below shows it.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let mut open = Vec::new();
    while open.len() * 2 < LEAST {
        match std::io::pipe() {
            Ok(ends) => open.push(ends),
            Err(error) => bail!(
                "only {} more files can be opened ({error}), at least {LEAST} are needed; raise the limit on open \
                 files (ulimit -n)",
                open.len() * 2
            ),
        }
    }
    Ok(())
}

/// Raises the soft limit on open files to the hard one. Returns the highest concurrency and number of
/// lookups, up to the configured ones, that fit. Lookups count only if there are `names`.
pub(crate) fn limits_for(config: &ScanConfig, names: bool) -> (usize, usize) {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(ASSUMED);
    limits_with(config, names, limit)
}

fn limits_with(config: &ScanConfig, names: bool, limit: u64) -> (usize, usize) {
    // At most half for other files, so that a low limit leaves room for connections.
    let rest = OTHER_FILES.min(limit / 2);
    let descriptors = usize::try_from(limit - rest).unwrap_or(usize::MAX);
    if !names {
        return (concurrency_for(config, descriptors), config.lookups);
    }
    let lookups = config.lookups.min(descriptors / 4 / SOCKETS).max(1);
    (
        concurrency_for(config, descriptors.saturating_sub(lookups * SOCKETS)),
        lookups,
    )
}

fn concurrency_for(config: &ScanConfig, connections: usize) -> usize {
    let probes = kubeknock::config::MAX_PROBES;
    // A scan needs concurrency + min(concurrency, MAX_PROBES) connections. This solves for the concurrency.
    let fit = (connections / 2).max(connections.saturating_sub(probes));
    config.concurrency.min(fit.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrency_is_the_highest_that_fits() {
        for connections in [2, 3, 32, 511, 512, 513, 600, 1000, 19_936] {
            let asked = ScanConfig::default().with(|config| config.concurrency = 65_536);
            let concurrency = concurrency_for(&asked, connections);
            let needs = |concurrency| {
                asked
                    .clone()
                    .with(|config| config.concurrency = concurrency)
                    .connections()
            };
            assert!(
                needs(concurrency) <= connections,
                "{connections}: {concurrency}"
            );
            assert!(
                needs(concurrency + 1) > connections,
                "{connections}: {concurrency}"
            );
        }
        let asked = ScanConfig::default().with(|config| config.concurrency = 10);
        assert_eq!(concurrency_for(&asked, 1000), 10);
        assert_eq!(concurrency_for(&asked, 1), 1);
    }

    #[test]
    fn lookups_take_at_most_a_quarter() {
        let config = ScanConfig::default();
        assert_eq!(
            limits_with(&config, true, 20_000),
            (config.concurrency, config.lookups)
        );
        for limit in [8, 64, 256, 1024, 4096] {
            let (concurrency, lookups) = limits_with(&config, true, limit);
            let fitted = config
                .clone()
                .with(|config| config.concurrency = concurrency);
            let descriptors = usize::try_from(limit - OTHER_FILES.min(limit / 2)).unwrap();
            assert!(
                lookups >= 1 && lookups < config.lookups,
                "{limit}: {lookups}"
            );
            assert!(
                lookups == 1 || lookups * SOCKETS <= descriptors / 4,
                "{limit}: {lookups}"
            );
            assert!(
                concurrency == 1 || fitted.connections() + lookups * SOCKETS <= descriptors,
                "{limit}: {concurrency} and {lookups}"
            );
            assert_eq!(
                limits_with(&config, false, limit).1,
                config.lookups,
                "without names"
            );
        }
    }
}
