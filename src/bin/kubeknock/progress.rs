//! The progress line on standard error, drawn only on a terminal.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kubeknock::model::Verdict;
use kubeknock::scan::{Progress, Watch};

/// How often the line is redrawn.
const REDRAW: Duration = Duration::from_millis(200);

/// A progress line that is shown until it is dropped.
pub(crate) struct ProgressLine {
    bar: ProgressBar,
    task: tokio::task::JoinHandle<()>,
}

impl ProgressLine {
    /// Shows the line, unless it is `hidden` or standard error is not a terminal.
    pub(crate) fn start(watch: Watch, hidden: bool) -> Self {
        let target = if hidden || !std::io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(watch.progress().targets), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} · {msg}") {
            bar.set_style(style);
        }
        let drawn = bar.clone();
        let task = tokio::spawn(async move {
            let mut tick = tokio::time::interval(REDRAW);
            while !drawn.is_hidden() {
                tick.tick().await;
                let now = watch.progress();
                drawn.set_position(now.done);
                drawn.set_message(message(&now));
            }
        });
        Self { bar, task }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}

fn message(now: &Progress) -> String {
    let mut parts = vec![format!("{:.0}/s", now.rate)];
    if let Some(eta) = now.eta {
        parts.push(format!("ETA {}", indicatif::HumanDuration(eta)));
    }
    parts.push(format!("{} in flight", now.in_flight));
    if now.level < 1.0 {
        parts.push(format!("slowed to {:.0}%", now.level * 100.0));
    }
    let counts = Verdict::ALL
        .into_iter()
        .zip(now.verdicts)
        .filter(|(_, count)| *count > 0);
    parts.extend(counts.map(|(verdict, count)| format!("{count} {verdict}")));
    if now.own_side_failures > 0 {
        parts.push(format!("{} not attempted", now.own_side_failures));
    }
    if now.to_retry > 0 {
        parts.push(format!("{} to retry", now.to_retry));
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_shows_rate_eta_and_counts() {
        let mut verdicts = [0; Verdict::ALL.len()];
        verdicts[Verdict::Exposed as usize] = 2;
        let now = Progress {
            targets: 100,
            done: 50,
            retried: 0,
            to_retry: 7,
            in_flight: 3,
            timeouts: 7,
            verdicts,
            own_side_failures: 4,
            elapsed: Duration::from_secs(5),
            rate: 10.2,
            level: 0.7,
            eta: Some(Duration::from_secs(9)),
        };
        assert_eq!(
            message(&now),
            "10/s · ETA 9 seconds · 3 in flight · slowed to 70% · 2 exposed · 4 not attempted · 7 to retry"
        );
    }
}
