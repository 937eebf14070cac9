//! Several saved scans as one: shards of one list, sites of one company, a scan made again.
//!
//! What two scans both have counts once, as the later one saw it. That can be told of records only:
//! refused and silent range addresses are counted and not listed, so ranges that were scanned twice
//! are counted twice.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{SavedError, SavedScan};
use crate::model::{
    Coverage, Endpoint, EndpointReport, FailureKind, Identity, Origin, ScanSummary, SpecCoverage, Verdict,
};

/// Takes in scans with their records, the latest scan first.
#[derive(Debug, Default)]
pub struct Merge {
    parts: Vec<Part>,
    endpoints: HashSet<Endpoint>,
    targets: HashSet<Identity>,
    records: Vec<MergedRecord>,
    repeated: u64,
}

/// A record, and the scan it is from.
#[derive(Debug)]
pub struct MergedRecord {
    /// When that scan began.
    pub started: Timestamp,
    /// The record.
    pub report: EndpointReport,
    part: usize,
}

/// What scans came to together.
#[derive(Debug)]
pub struct Merged {
    /// The scans as one: settings and version are the latest one's.
    pub scan: SavedScan,
    /// The records in the order of the target sets, then by address.
    pub records: Vec<MergedRecord>,
    /// How many records a later scan had too.
    pub repeated: u64,
}

/// One scan, and what of its records was left out.
#[derive(Debug)]
struct Part {
    name: String,
    scan: SavedScan,
    repeated_targets: HashSet<Identity>,
    own_targets: HashSet<Identity>,
    repeated: u64,
    /// The verdicts of the records that were kept, by origin.
    kept: HashMap<Arc<Origin>, BTreeSet<Verdict>>,
    /// Origins of records that were left out: what was seen of them is what was kept.
    thinned: HashSet<Arc<Origin>>,
}

impl Merge {
    /// Begins with a scan; its records follow. Give the latest scan first.
    pub fn scan(&mut self, name: &str, scan: SavedScan) {
        // Only now do the targets of the scan before count as seen.
        if let Some(last) = self.parts.last_mut() {
            self.targets.extend(last.own_targets.drain());
        }
        self.parts.push(Part {
            name: name.to_owned(),
            scan,
            repeated_targets: HashSet::new(),
            own_targets: HashSet::new(),
            repeated: 0,
            kept: HashMap::new(),
            thinned: HashSet::new(),
        });
    }

    /// Takes in a record of the scan begun last.
    pub fn record(&mut self, report: EndpointReport) {
        let number = self.parts.len().saturating_sub(1);
        let Some(part) = self.parts.last_mut() else { return };
        let origin = Arc::clone(&report.target.origin);
        let identity = Identity::of_target(&report.target);
        let known_target = self.targets.contains(&identity);
        let repeated = match &report.endpoint {
            Some(endpoint) => self.endpoints.contains(endpoint),
            // A name that did not resolve: any later outcome of it says more.
            None => known_target,
        };
        if known_target {
            part.repeated_targets.insert(identity);
        } else {
            part.own_targets.insert(identity);
        }
        if repeated {
            part.repeated += 1;
            self.repeated += 1;
            part.forget(&report);
            part.thinned.insert(origin);
            return;
        }
        part.kept.entry(origin).or_default().insert(report.verdict);
        self.endpoints.extend(report.endpoint.clone());
        self.records.push(MergedRecord { started: part.scan.summary.started, report, part: number });
    }

    /// The scans as one.
    ///
    /// # Errors
    /// There is none, or the counts of one do not fit its records.
    pub fn finish(self) -> Result<Merged, SavedError> {
        let Self { parts, mut records, repeated, .. } = self;
        let several = parts.len() > 1;
        let scan = combine(parts)?;
        records.sort_by_key(|record| (record.report.order_key(), record.part));
        if several {
            renumber(&mut records);
        }
        Ok(Merged { scan, records, repeated })
    }
}

impl Part {
    /// Takes a record that a later scan has too out of the counts of verdicts.
    fn forget(&mut self, report: &EndpointReport) {
        let coverage = &mut self.scan.summary.coverage;
        let count = if report.verdict == Verdict::Unreachable {
            let kind = report.failure.as_ref().map_or(FailureKind::Closed, |failure| failure.kind);
            coverage.unreachable.get_mut(&kind)
        } else {
            coverage.verdicts.get_mut(&report.verdict)
        };
        if let Some(count) = count {
            *count = count.saturating_sub(1);
        }
    }

    /// Its coverage without what was repeated: a target that a later scan has is no target of this
    /// one, and those of its addresses that only this one has are further addresses.
    fn coverage(&mut self) -> Option<Coverage> {
        let mut coverage = std::mem::take(&mut self.scan.summary.coverage);
        let targets = self.repeated_targets.len() as u64;
        coverage.targets = coverage.targets.checked_sub(targets)?;
        coverage.further_addresses = (coverage.further_addresses + targets).checked_sub(self.repeated)?;
        for spec in &mut coverage.specs {
            if self.thinned.contains(&spec.origin) {
                // Silent addresses of a range have no record.
                let counted = spec.seen.contains(&Verdict::Unreachable) && !spec.named;
                let silent = counted.then_some(Verdict::Unreachable);
                let kept = self.kept.get(&spec.origin).into_iter().flatten().copied();
                spec.seen = kept.chain(silent).collect();
            }
        }
        coverage.adds_up().then_some(coverage)
    }
}

/// The scans' own part: the latest one's setting, the time from the first beginning to the last end.
fn combine(mut parts: Vec<Part>) -> Result<SavedScan, SavedError> {
    let mut coverage = Coverage::default();
    let mut places = HashMap::new();
    for part in &mut parts {
        let own = part.coverage().ok_or_else(|| SavedError {
            place: part.name.clone(),
            problem: "its counts do not fit its records".to_owned(),
        })?;
        add(&mut coverage, &mut places, own);
    }
    let mut parts = parts.into_iter();
    let Some(Part { name, scan: latest, .. }) = parts.next() else {
        return Err(SavedError {
            place: "report".to_owned(),
            problem: "there is nothing to read".to_owned(),
        });
    };
    let SavedScan { tool_version, config, summary } = latest;
    let mut stopped: Vec<(String, String)> =
        summary.stopped.clone().map(|why| (name, why)).into_iter().collect();
    let alone = parts.len() == 0;
    let mut whole = ScanSummary { coverage, ..summary };
    let mut end = end_of(&whole);
    for Part { name, scan, .. } in parts {
        let SavedScan { summary, .. } = scan;
        end = end.max(end_of(&summary));
        whole.started = whole.started.min(summary.started);
        whole.sources.extend(summary.sources);
        whole.resolvers.extend(summary.resolvers);
        stopped.extend(summary.stopped.map(|why| (name, why)));
    }
    if !alone {
        whole.elapsed = end.duration_since(whole.started).unsigned_abs();
        whole.sources.sort_unstable();
        whole.sources.dedup();
        whole.resolvers.sort_unstable();
        whole.resolvers.dedup();
        let said: Vec<String> = stopped.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        whole.stopped = (!said.is_empty()).then(|| said.join("; "));
    }
    Ok(SavedScan { tool_version, config, summary: whole })
}

fn end_of(summary: &ScanSummary) -> Timestamp {
    summary.started.saturating_add(summary.elapsed).unwrap_or(summary.started)
}

/// `places` says where in the whole each specification stands.
fn add(whole: &mut Coverage, places: &mut HashMap<Arc<Origin>, usize>, part: Coverage) {
    whole.targets += part.targets;
    whole.excluded += part.excluded;
    whole.not_attempted += part.not_attempted;
    whole.excluded_addresses += part.excluded_addresses;
    whole.further_addresses += part.further_addresses;
    for (verdict, count) in part.verdicts {
        *whole.verdicts.entry(verdict).or_default() += count;
    }
    for (kind, count) in part.unreachable {
        *whole.unreachable.entry(kind).or_default() += count;
    }
    for spec in part.specs {
        let Some(known) = places.get(&spec.origin).and_then(|place| whole.specs.get_mut(*place)) else {
            places.insert(Arc::clone(&spec.origin), whole.specs.len());
            whole.specs.push(again(spec, BTreeSet::new()));
            continue;
        };
        let seen = known.seen.iter().copied().collect();
        let later = SpecCoverage { seen: spec.seen, ..known.clone() };
        *known = again(later, seen);
    }
}

/// A specification's coverage from all the verdicts seen.
fn again(spec: SpecCoverage, mut seen: BTreeSet<Verdict>) -> SpecCoverage {
    seen.extend(spec.seen);
    SpecCoverage::of(spec.origin, spec.named, spec.label, spec.expect, seen.into_iter().collect())
}

/// Places in one set: indices of different scans mean different targets, and the numbers of their
/// specifications mean nothing any more.
fn renumber(records: &mut [MergedRecord]) {
    let mut indices: HashMap<Identity, u64> = HashMap::new();
    for MergedRecord { report, .. } in records.iter_mut() {
        let next = indices.len() as u64;
        let index = *indices.entry(Identity::of_target(&report.target)).or_insert(next);
        report.target.index = index;
        report.target.specs = [].into();
    }
    records.sort_by_key(|record| record.report.order_key());
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::{self, Sample};
    use super::*;
    use crate::model::{Host, Target};

    fn saved(sample: &Sample) -> SavedScan {
        SavedScan {
            tool_version: sample.tool_version.clone(),
            config: sample.config.clone(),
            summary: sample.summary.clone(),
        }
    }

    fn merged(samples: &[&Sample]) -> Merged {
        let mut merge = Merge::default();
        for (number, sample) in samples.iter().enumerate() {
            merge.scan(&format!("{number}.json"), saved(sample));
            for report in &sample.reports {
                merge.record(report.clone());
            }
        }
        merge.finish().unwrap()
    }

    fn as_sample(merged: Merged, like: &Sample) -> Sample {
        let SavedScan { tool_version, config, summary } = merged.scan;
        let reports = merged.records.into_iter().map(|record| record.report).collect();
        Sample { tool_version, config, reports, summary, findings: like.findings.clone(), changes: None }
    }

    #[test]
    fn one_scan_stays_as_it_is() {
        for sample in [sample::mixed(), sample::stopped(), sample::empty()] {
            let again = as_sample(merged(&[&sample]), &sample);
            assert_eq!(sample::json(&again), sample::json(&sample));
        }
    }

    #[test]
    fn the_same_scan_twice_is_that_scan() {
        let sample = sample::mixed();
        let twice = merged(&[&sample, &sample]);
        assert_eq!(twice.repeated, sample.reports.len() as u64);
        assert_eq!(twice.records.len(), sample.reports.len());
        let coverage = &twice.scan.summary.coverage;
        assert!(coverage.adds_up());
        for verdict in Verdict::ALL.into_iter().filter(|verdict| *verdict != Verdict::Unreachable) {
            assert_eq!(coverage.count(verdict), sample.summary.coverage.count(verdict), "{verdict}");
        }
        assert_eq!(coverage.specs, sample.summary.coverage.specs);
    }

    /// The sample's records with other hosts, as another site has them.
    fn elsewhere(mut sample: Sample) -> Sample {
        for report in &mut sample.reports {
            let Target { host, .. } = &mut report.target;
            *host = Host::Name(format!("site-2-{host}").into());
            if let Some(endpoint) = &mut report.endpoint {
                endpoint.name = Some("site-2".into());
            }
        }
        sample
    }

    #[test]
    fn two_sites_add_up() {
        let (one, two) = (sample::mixed(), elsewhere(sample::mixed()));
        let both = merged(&[&one, &two]);
        assert_eq!(both.repeated, 0);
        assert_eq!(both.records.len(), 2 * one.reports.len());
        let coverage = &both.scan.summary.coverage;
        assert!(coverage.adds_up());
        assert_eq!(coverage.targets, 2 * one.summary.coverage.targets);
        let indices: HashSet<u64> = both.records.iter().map(|record| record.report.target.index).collect();
        let targets: HashSet<Identity> =
            both.records.iter().map(|record| Identity::of_target(&record.report.target)).collect();
        assert_eq!(indices.len(), targets.len(), "each target has a place of its own");
    }

    #[test]
    fn the_later_scan_counts() {
        let (mut later, earlier) = (sample::mixed(), sample::mixed());
        // What was exposed is rejected now, and one address of a name is another.
        later.reports[0].verdict = Verdict::Rejected;
        later.reports[1].endpoint.as_mut().unwrap().address = "192.0.2.200:6443".parse().unwrap();
        let coverage = &mut later.summary.coverage;
        coverage.verdicts.remove(&Verdict::Exposed);
        *coverage.verdicts.get_mut(&Verdict::Rejected).unwrap() += 1;
        let spec = &mut coverage.specs[0];
        *spec = again(SpecCoverage { seen: vec![Verdict::Rejected], ..spec.clone() }, BTreeSet::new());
        let both = merged(&[&later, &earlier]);
        let coverage = &both.scan.summary.coverage;
        assert_eq!((coverage.count(Verdict::Exposed), coverage.count(Verdict::Forbidden)), (0, 3));
        assert!(coverage.adds_up());
        assert_eq!(
            (coverage.specs[0].seen.as_slice(), coverage.specs[0].met),
            (&[Verdict::Rejected][..], Some(true))
        );
    }
}
