//! The signals that stop a scan.

/// Waits for Ctrl-C, SIGTERM, or the hangup of the terminal.
#[cfg(unix)]
pub(crate) async fn next() {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// Waits forever if there is no handler for the signal.
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

/// Waits for Ctrl-C or SIGTERM, not for a hangup.
#[cfg(unix)]
pub(crate) async fn end() {
    use tokio::signal::unix::{SignalKind, signal};

    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

/// SIGHUP, by which servers are told to read their files again.
#[cfg(unix)]
pub(crate) struct Hangups(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Hangups {
    pub(crate) fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};

        Self(signal(SignalKind::hangup()).ok())
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub(crate) async fn end() {
    next().await;
}

/// There are no hangups.
#[cfg(not(unix))]
pub(crate) struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) async fn next(&mut self) {
        std::future::pending().await
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub(crate) async fn next() {
    let _ = tokio::signal::ctrl_c().await;
}

/// Whether the program was started under `nohup` or the like and must outlive its terminal. Without
/// unsafe code, this can be read only on Linux; elsewhere a hangup stops the scan.
#[cfg(unix)]
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignores_hangups(&status)
}

/// Whether the mask of ignored signals contains SIGHUP, its lowest bit.
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
    fn ignored_hangups_are_read_from_the_signal_mask() {
        assert!(ignores_hangups(
            "Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"
        ));
        assert!(!ignores_hangups("SigBlk:\t1\nSigIgn:\t0000000000001000\n"));
        assert!(!ignores_hangups(""));
    }
}
