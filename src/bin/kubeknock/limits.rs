//! Open files: raise the limit, and ask for no more than fits.

use anyhow::bail;
use kubeknock::config::ScanConfig;

/// Descriptors that are neither connections nor lookups: standard streams, the runtime, reports,
/// checkpoint and temporary files.
const OTHER_FILES: u64 = 64;
/// Sockets of one lookup: two questions, each asked three times before its time is over.
const SOCKETS: usize = 6;
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

/// Raises the soft limit on open files to the hard one and returns the highest concurrency and number
/// of lookups, up to those of the configuration, that fit. Lookups count where there are `names`.
pub(crate) fn that_fit(config: &ScanConfig, names: bool) -> (usize, usize) {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(ASSUMED);
    within(config, names, limit)
}

fn within(config: &ScanConfig, names: bool, limit: u64) -> (usize, usize) {
    // A half at most for the rest, so that a tiny limit still leaves room for connections.
    let rest = OTHER_FILES.min(limit / 2);
    let descriptors = usize::try_from(limit - rest).unwrap_or(usize::MAX);
    if !names {
        return (fitting(config, descriptors), config.lookups);
    }
    let lookups = config.lookups.min(descriptors / 4 / SOCKETS).max(1);
    (
        fitting(config, descriptors.saturating_sub(lookups * SOCKETS)),
        lookups,
    )
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
            let asked = ScanConfig {
                concurrency: 65_536,
                ..ScanConfig::default()
            };
            let concurrency = fitting(&asked, connections);
            let needs = |concurrency| {
                ScanConfig {
                    concurrency,
                    ..asked.clone()
                }
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
        let asked = ScanConfig {
            concurrency: 10,
            ..ScanConfig::default()
        };
        assert_eq!(fitting(&asked, 1000), 10);
        assert_eq!(fitting(&asked, 1), 1);
    }

    #[test]
    fn lookups_take_a_quarter_at_most() {
        let config = ScanConfig::default();
        assert_eq!(
            within(&config, true, 20_000),
            (config.concurrency, config.lookups)
        );
        for limit in [8, 64, 256, 1024, 4096] {
            let (concurrency, lookups) = within(&config, true, limit);
            let fitted = ScanConfig {
                concurrency,
                ..config.clone()
            };
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
                within(&config, false, limit).1,
                config.lookups,
                "without names"
            );
        }
    }
}
