//! The signals that end a scan: what is in flight is finished, and reported.

/// Ctrl-C, a request to terminate, or the terminal's going away.
#[cfg(unix)]
pub(crate) async fn next() {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// Where it cannot be listened for, the others still can.
    async fn next_of(signal: Option<Signal>) {
        match signal {
            Some(mut signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }

    let terminate = signal(SignalKind::terminate()).ok();
    let hangup = if hangups_are_ignored() {
        None
    } else {
        signal(SignalKind::hangup()).ok()
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = next_of(terminate) => {}
        () = next_of(hangup) => {}
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
pub(crate) async fn next() {
    let _ = tokio::signal::ctrl_c().await;
}

/// Whether the program was begun under `nohup` or the like, and must outlive its terminal. Read where
/// it can be without unsafe code; elsewhere a hangup ends the scan.
#[cfg(unix)]
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignores_hangups(&status)
}

/// The mask of ignored signals; the lowest bit is SIGHUP's.
#[cfg(unix)]
fn ignores_hangups(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::ignores_hangups;

    #[test]
    fn the_mask_says_it() {
        assert!(ignores_hangups(
            "Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"
        ));
        assert!(!ignores_hangups("SigBlk:\t1\nSigIgn:\t0000000000001000\n"));
        assert!(!ignores_hangups(""));
    }
}
