//! `--stats-interval` and SIGUSR1: the progress as one JSON line on standard error, for logs and for
//! whoever wants to know now.

use std::collections::BTreeMap;
use std::time::Duration;

use kubeknock::model::Verdict;
use kubeknock::scan::{Progress, Watch};
use serde::Serialize;

use crate::say;

/// What a line says; seconds and targets.
#[derive(Serialize)]
struct Line {
    record: &'static str,
    elapsed_s: f64,
    eta_s: Option<f64>,
    targets: u64,
    done: u64,
    again_done: u64,
    again_waiting: u64,
    in_flight: u64,
    per_s: f64,
    level: f64,
    timeouts: u64,
    verdicts: BTreeMap<&'static str, u64>,
    not_attempted: u64,
}

impl From<&Progress> for Line {
    fn from(now: &Progress) -> Self {
        let tenths = |number: f64| (number * 10.0).round() / 10.0;
        Self {
            record: "progress",
            elapsed_s: tenths(now.elapsed.as_secs_f64()),
            eta_s: now.eta.map(|eta| tenths(eta.as_secs_f64())),
            targets: now.total,
            done: now.done,
            again_done: now.again_done,
            again_waiting: now.again_waiting,
            in_flight: now.in_flight,
            per_s: tenths(now.rate),
            level: (now.level * 100.0).round() / 100.0,
            timeouts: now.timeouts,
            verdicts: Verdict::ALL
                .into_iter()
                .map(Verdict::as_str)
                .zip(now.verdicts)
                .collect(),
            not_attempted: now.failed_here,
        }
    }
}

/// Prints lines until it is aborted.
pub(crate) async fn print(watch: Watch, interval: Option<Duration>, mut asked: Asked) {
    loop {
        let tick = async {
            match interval.filter(|interval| !interval.is_zero()) {
                Some(interval) => tokio::time::sleep(interval).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tick => {}
            () = asked.next() => {}
        }
        if let Ok(line) = serde_json::to_string(&Line::from(&watch.progress())) {
            say::line(&line);
        }
    }
}

/// SIGUSR1, where there is one. Whoever asks before there is anything to tell, or after it, must not
/// end the program: this stands from its beginning on.
pub(crate) struct Asked {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Asked {
    /// To be made within a runtime.
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
