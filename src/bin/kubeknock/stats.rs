//! `--stats-interval` and SIGUSR1: the progress as one JSON line on standard error.

use std::time::Duration;

use kubeknock::scan::Watch;

use crate::say;

/// Prints a line at each interval and on each request. Runs until it is aborted.
pub(crate) async fn print(watch: Watch, interval: Option<Duration>, mut requests: Requests) {
    loop {
        let tick = async {
            match interval.filter(|interval| !interval.is_zero()) {
                Some(interval) => tokio::time::sleep(interval).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tick => {}
            () = requests.next() => {}
        }
        if let Ok(line) = serde_json::to_string(&watch.progress()) {
            say::line(&line);
        }
    }
}

/// Requests by SIGUSR1, on systems that have it. Without a handler the signal would end the program, so this
/// exists from the start of the program to its end.
pub(crate) struct Requests {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Requests {
    /// Listens for requests. Must be called within a runtime.
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::user_defined1())
                .ok(),
        }
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}
