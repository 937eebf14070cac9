//! Open files: raise the limit, and ask for no more than fits.

/// Descriptors that are not connections: standard streams, the runtime, resolver sockets, reports.
const OTHER_FILES: u64 = 64;
/// Without a limit to read, what systems grant at the least.
const ASSUMED: u64 = 1024;

/// Raises the soft limit on open files to the hard one and returns how many connections fit.
pub(crate) fn connections_that_fit() -> usize {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(ASSUMED);
    // A quarter at most for the rest, so that a tiny limit still leaves room for connections.
    let rest = OTHER_FILES.min(limit / 2);
    usize::try_from(limit - rest).unwrap_or(usize::MAX).max(1)
}
