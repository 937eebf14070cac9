//! After a scan: its report becomes the baseline of the next one, and receivers are told what changed.

use std::collections::HashSet;

use kubeknock::policy::{COULD_NOT_RUN, INTERRUPTED};
use kubeknock::record::Spool;
use kubeknock::report::notification::alertmanager::{OpenAlert, told};
use kubeknock::report::notification::{Before, Notification};
use kubeknock::report::{Format, RenderOptions, Results, render};

use super::message::Messages;
use super::notifier::{ATTEMPTS, Notifier};
use crate::baseline::Baseline;
use crate::evaluated_scan::EarlierScan;
use crate::kept::{Kept, Told};
use crate::{say, signals};

/// What it means that a receiver missed a message about what changed.
const LOST: &str = "only --baseline auto:DIR keeps notifications";
/// What it means that it missed one about what did not.
const TOLD_LATER: &str = "the next scan tells it again which alerts are open";

/// What is left to do after a scan.
#[derive(Default)]
pub(crate) struct Outbox {
    kept: Option<Kept>,
    /// Messages that no folder keeps.
    unkept: Messages,
    /// Why the folder does not have the report.
    problem: Option<anyhow::Error>,
}

impl Outbox {
    /// Makes the report the baseline of the next scan, together with the messages about it. The scan must have asked all that
    /// it could.
    pub(crate) fn of(
        notifier: Option<&Notifier>,
        baseline: Baseline,
        results: &Results<'_>,
        records: &mut Spool,
    ) -> anyhow::Result<Self> {
        let Baseline { earlier, mut kept } = baseline;
        let none = HashSet::new();
        let folder = (kept.as_ref()).map(|kept| kept.folder.display().to_string());
        let before = Before {
            findings: (earlier.as_ref()).map_or(&[][..], |old| &old.earlier.findings),
            carried: (earlier.as_ref()).map_or(&none, |old| &old.carried),
            folder: folder.as_deref(),
        };
        let notification = Notification::new(results, before);
        // Without a folder, the baseline shows which alerts are open.
        let mut open = match &kept {
            Some(kept) => kept.told()?,
            None => Told::default(),
        };
        let initial = match (&kept, &earlier) {
            (None, Some(old)) => alerts_of(old, notification.scan),
            _ => Vec::new(),
        };
        let mut unkept = match notifier {
            Some(notifier) => notifier.messages(&notification, results, &mut open, &initial),
            None => Messages::default(),
        };
        let mut problem = None;
        if let Some(kept) = &mut kept {
            let options = RenderOptions::default();
            let report = |out: &mut dyn std::io::Write| {
                render(Format::Json, out, results, records, &options)
            };
            match kept.keep(report, &open, &unkept.news) {
                Ok(()) => unkept.news.clear(),
                Err(error) => problem = Some(error),
            }
        }
        Ok(Self {
            kept,
            unkept,
            problem,
        })
    }

    /// Sends what is to be sent, and returns the exit code of a scan that would end with `code`.
    pub(crate) async fn deliver(self, notifier: Option<&Notifier>, code: u8) -> anyhow::Result<u8> {
        let sent = async {
            let Some(notifier) = notifier else {
                return Ok(true);
            };
            // A full disk must not keep anybody from being told.
            let mut away = (notifier.deliver(self.unkept.news.iter(), LOST)).await;
            if let Some(kept) = &self.kept {
                away.extend(notifier.deliver_waiting(kept, ATTEMPTS).await?);
            }
            let again = self.unkept.again.iter();
            let again = again.filter(|message| !away.contains(&message.receiver));
            let missed = notifier.deliver(again, TOLD_LATER).await;
            anyhow::Ok(away.is_empty() && missed.is_empty())
        };
        let all = tokio::select! {
            all = sent => all?,
            () = signals::next() => {
                say::reason("interrupted before every receiver was notified");
                return self.finished(INTERRUPTED);
            }
        };
        let is_required = notifier.is_some_and(|notifier| notifier.required);
        self.finished(if all || !is_required {
            code
        } else {
            COULD_NOT_RUN
        })
    }

    /// Returns the exit code of a scan that would end with `code` and has nobody to tell.
    pub(crate) fn finished(self, code: u8) -> anyhow::Result<u8> {
        self.problem.map_or(Ok(code), Err)
    }
}

fn alerts_of(old: &EarlierScan, scan: Option<&str>) -> Vec<OpenAlert> {
    told(&old.earlier.findings, scan, old.scan.summary.started)
}
