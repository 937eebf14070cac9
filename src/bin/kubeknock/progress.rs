//! The progress line on standard error, drawn only on a terminal.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kubeknock::model::Verdict;
use kubeknock::scan::Tally;

/// How often the line is drawn anew.
const REDRAW: Duration = Duration::from_millis(200);

/// A progress line that follows a scan's counters until it is dropped.
pub(crate) struct Line {
    bar: ProgressBar,
    task: tokio::task::JoinHandle<()>,
}

impl Line {
    /// Begins to draw, unless `hidden` or standard error is no terminal.
    pub(crate) fn start(total: u64, tally: Arc<Tally>, hidden: bool) -> Self {
        let target = if hidden || !std::io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let template = "{bar:24} {pos}/{len} · {per_sec} · ETA {eta} · {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let drawn = bar.clone();
        let task = tokio::spawn(async move {
            let mut tick = tokio::time::interval(REDRAW);
            loop {
                tick.tick().await;
                let now = tally.progress();
                drawn.set_position(now.done);
                drawn.set_message(message(now.in_flight, &now.verdicts));
            }
        });
        Self { bar, task }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}

fn message(in_flight: u64, verdicts: &[u64]) -> String {
    let mut parts = vec![format!("{in_flight} in flight")];
    let counts = Verdict::ALL.into_iter().zip(verdicts).filter(|(_, count)| **count > 0);
    parts.extend(counts.map(|(verdict, count)| format!("{count} {verdict}")));
    parts.join(" · ")
}
