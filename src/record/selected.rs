//! The part of a saved scan whose targets have some labels.

use std::collections::BTreeSet;

use crate::model::{
    Coverage, EndpointReport, ScanSummary, Selection, Selector, SpecCoverage, SpecId, Verdict,
};

/// Selects records of a saved scan, and counts what is selected.
#[derive(Debug)]
pub struct Selected<'a> {
    selectors: &'a [Selector],
    targets: BTreeSet<u64>,
    specs: BTreeSet<SpecId>,
    coverage: Coverage,
    left_out: u64,
}

impl<'a> Selected<'a> {
    /// Selects the records whose targets have these labels.
    pub fn new(selectors: &'a [Selector]) -> Self {
        Self {
            selectors,
            targets: BTreeSet::new(),
            specs: BTreeSet::new(),
            coverage: Coverage::default(),
            left_out: 0,
        }
    }

    /// Whether a record is selected.
    pub fn has(&self, report: &EndpointReport) -> bool {
        let target = &report.target;
        let declared = target.declared.as_deref();
        Selector::all_select(self.selectors, target.label.as_deref(), declared)
    }

    /// Whether a record of the scan is selected. Counts it.
    pub fn add(&mut self, report: &EndpointReport) -> bool {
        if !self.has(report) {
            self.left_out += 1;
            return false;
        }
        self.targets.insert(report.target.index);
        self.specs.extend(report.target.specs.iter());
        let coverage = &mut self.coverage;
        let failure = report.failure.as_ref().map(|failure| failure.kind);
        let count = match (report.seen(), failure) {
            (Some(Verdict::Unreachable), Some(kind)) => {
                coverage.unreachable.entry(kind).or_default()
            }
            (Some(verdict), _) => coverage.verdicts.entry(verdict).or_default(),
            (None, failure) => {
                if let Some(kind) = failure.filter(|kind| kind.is_own_side()) {
                    *coverage.own_side_failures.entry(kind).or_default() += 1;
                }
                &mut coverage.not_attempted
            }
        };
        *count += 1;
        true
    }

    /// Leaves in the summary what the selected records and specifications count.
    pub fn finish(self, summary: &mut ScanSummary) {
        let Self {
            selectors,
            targets,
            specs,
            mut coverage,
            left_out,
        } = self;
        let whole = std::mem::take(&mut summary.coverage);
        // A specification without a record has no labels but its name.
        let is_selected = |spec: &SpecCoverage| {
            spec.id.is_some_and(|id| specs.contains(&id))
                || Selector::all_select(selectors, spec.label.as_deref(), None)
        };
        coverage.specs = whole.specs.into_iter().filter(is_selected).collect();
        coverage.clusters_not_asked = whole.clusters_not_asked;
        coverage.clusters_not_asked.retain(|cluster| {
            Selector::all_select(selectors, cluster.label.as_deref(), Some(&cluster.declared))
        });
        for left_out in coverage.specs.iter().flat_map(|spec| &spec.left_out) {
            *coverage.left_out.entry(left_out.why).or_default() += left_out.count;
        }
        // What is selected of targets, and all of it beyond the first of each: so the counts add up.
        let ends = coverage.outcomes() + coverage.left_out_addresses() + coverage.not_attempted;
        coverage.targets = (targets.len() as u64).min(ends);
        coverage.further_addresses = ends - coverage.targets;
        // What was selected before still holds.
        let before = summary.selection.take();
        let earlier = before.iter().flat_map(|one| one.labels.iter().cloned());
        let own = selectors.iter().map(ToString::to_string);
        let mut labels: Vec<String> = earlier.chain(own).collect();
        let mut seen = BTreeSet::new();
        labels.retain(|label| seen.insert(label.clone()));
        let [endpoints, targets] = before.as_ref().map_or([0, 0], |before| {
            [before.endpoints_left_out, before.targets_left_out]
        });
        let left_out_targets = whole.targets.saturating_sub(coverage.targets);
        summary.selection = Some(Selection {
            labels,
            endpoints_left_out: endpoints.saturating_add(left_out),
            targets_left_out: targets.saturating_add(left_out_targets),
            asked: before.is_some_and(|before| before.asked)
                && left_out == 0
                && left_out_targets == 0,
        });
        summary.coverage = coverage;
    }
}
