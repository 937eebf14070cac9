//! Several saved scans as one: shards of one list, sites of one company, a scan made again.
//!
//! What two scans both have counts once, as the later one saw it. That can be told of records only:
//! refused and silent range addresses are counted and not listed, so ranges that were scanned twice
//! are counted twice.
//!
//! Records go by twice: first [`Merge`] sees which of them count, holding some hundred bytes of each,
//! then [`Merged`] gives each its place.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::{SavedError, SavedScan};
use crate::config::{Order, Shard};
use crate::model::{
    Coverage, Endpoint, EndpointReport, FailureKind, Identity, Origin, ScanSummary, SpecCoverage, Verdict,
};

/// Takes in scans with their records, the latest scan first.
#[derive(Debug, Default)]
pub struct Merge {
    parts: Vec<Part>,
    /// The numbers of all targets, in the order in which they came.
    numbers: HashMap<Identity, usize>,
    /// What later scans saw, by endpoint and by target.
    endpoints: HashMap<Endpoint, (Verdict, Whole)>,
    targets: HashMap<usize, BTreeSet<Verdict>>,
    kept: Vec<Kept>,
    repeated: u64,
}

/// A record that no later scan has.
#[derive(Debug)]
struct Kept {
    /// What its own report sorts it by.
    key: (u64, Option<(IpAddr, u16)>),
    /// Of which scan it is, and which of its records.
    part: usize,
    record: usize,
    target: usize,
}

/// What scans came to together.
#[derive(Debug)]
pub struct Merged {
    /// The scans as one: settings and version are the latest one's.
    pub scan: SavedScan,
    /// How many records a later scan had too.
    pub repeated: u64,
    /// By scan and record: the target's place in the whole, where the record counts.
    places: Vec<Vec<Option<u64>>>,
}

impl Merged {
    /// A record as it stands in the whole; `None` if a later scan has it. Scans and their records are
    /// numbered from 0, in the order in which [`Merge`] was given them.
    pub fn place(&self, scan: usize, record: usize, mut report: EndpointReport) -> Option<EndpointReport> {
        report.target.index = (*self.places.get(scan)?.get(record)?)?;
        if self.places.len() > 1 {
            // The numbers of one set's specifications mean nothing in another.
            report.target.specs = [].into();
        }
        Some(report)
    }
}

/// What shards of one scan have in common: their order and how many they are; `None` for a scan that is
/// no shard.
type Whole = Option<(Order, u32)>;

/// One scan, and what of its records was left out.
#[derive(Debug)]
struct Part {
    name: String,
    scan: SavedScan,
    endpoints: HashMap<Endpoint, Verdict>,
    targets: HashMap<usize, Own>,
    records: usize,
    repeated: u64,
    /// The verdicts that count, by origin: of the records that were kept, and what later scans saw
    /// in place of the others.
    kept: HashMap<Arc<Origin>, BTreeSet<Verdict>>,
    /// Origins of records that were left out: what was seen of them is what counts.
    thinned: HashSet<Arc<Origin>>,
}

/// A target of one scan.
#[derive(Debug)]
struct Own {
    /// Whether a later scan has it too.
    known: bool,
    /// How many of its records were kept, and their verdicts.
    kept: u64,
    verdicts: BTreeSet<Verdict>,
}

impl Merge {
    /// Begins with a scan; its records follow. Give the latest scan first.
    pub fn scan(&mut self, name: &str, scan: SavedScan) {
        // Only now does the scan before count as a later one.
        if let Some(last) = self.parts.last_mut() {
            for (target, own) in &last.targets {
                self.targets.entry(*target).or_default().extend(&own.verdicts);
            }
            let whole = last.whole();
            for (endpoint, verdict) in last.endpoints.drain() {
                self.endpoints.entry(endpoint).or_insert((verdict, whole));
            }
        }
        self.parts.push(Part {
            name: name.to_owned(),
            scan,
            endpoints: HashMap::new(),
            targets: HashMap::new(),
            records: 0,
            repeated: 0,
            kept: HashMap::new(),
            thinned: HashSet::new(),
        });
    }

    /// Takes in a record of the scan begun last.
    pub fn record(&mut self, report: &EndpointReport) {
        let number = self.parts.len().saturating_sub(1);
        let Some(part) = self.parts.last_mut() else { return };
        let record = part.records;
        part.records += 1;
        let origin = Arc::clone(&report.target.origin);
        let next = self.numbers.len();
        let target = *self.numbers.entry(Identity::of_target(&report.target)).or_insert(next);
        let whole = part.whole();
        let later = self.targets.get(&target);
        let own = part.targets.entry(target).or_insert_with(|| Own {
            known: later.is_some(),
            kept: 0,
            verdicts: BTreeSet::new(),
        });
        let repeated: Option<Vec<Verdict>> = match &report.endpoint {
            // Shards are one scan, and within a scan two targets may well lead to one endpoint.
            Some(endpoint) => (self.endpoints.get(endpoint))
                .filter(|(_, by)| by.is_none() || *by != whole || own.known)
                .map(|(verdict, _)| vec![*verdict]),
            // A name that did not resolve: any later outcome of it says more.
            None => later
                .filter(|verdicts| !verdicts.is_empty())
                .map(|verdicts| verdicts.iter().copied().collect()),
        };
        let kept = part.kept.entry(Arc::clone(&origin)).or_default();
        if let Some(verdicts) = repeated {
            kept.extend(verdicts);
            self.repeated += 1;
            part.repeated += 1;
            part.forget(report);
            part.thinned.insert(origin);
            return;
        }
        own.kept += 1;
        // What failed through the scanning machine itself puts no earlier scan's outcome aside.
        if let Some(verdict) = report.seen() {
            kept.insert(verdict);
            own.verdicts.insert(verdict);
            part.endpoints.extend(report.endpoint.clone().map(|endpoint| (endpoint, verdict)));
        }
        self.kept.push(Kept { key: report.order_key(), part: number, record, target });
    }

    /// The scans as one.
    ///
    /// # Errors
    /// There is none, the counts of one do not fit its records, or of a scan's shards one is missing.
    pub fn finish(self) -> Result<Merged, SavedError> {
        let Self { parts, kept, repeated, .. } = self;
        if parts.len() > 1 {
            shards_are_complete(&parts)?;
        }
        let places = places(&parts, kept);
        Ok(Merged { scan: combine(parts)?, repeated, places })
    }
}

impl Part {
    fn whole(&self) -> Whole {
        let config = &self.scan.config;
        config.shard.is_part().then_some((config.order, config.shard.count()))
    }

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

    /// Its coverage without what was repeated. A target that a later scan has, or of which nothing
    /// is left, is no target of this one; what is left of its addresses are further addresses.
    fn coverage(&mut self) -> Option<Coverage> {
        let mut coverage = std::mem::take(&mut self.scan.summary.coverage);
        let gone = |own: &&Own| own.known || own.kept == 0;
        let targets = self.targets.values().filter(gone).count() as u64;
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

/// Without one of its shards the whole would pass for a smaller one. The search for what is missing
/// ends after as many shards as there are reports, whatever number they claim.
fn shards_are_complete(parts: &[Part]) -> Result<(), SavedError> {
    for Part { name, scan: SavedScan { config, .. }, .. } in parts {
        let given = |shard: &Shard| {
            let of = |part: &Part| (part.scan.config.order, part.scan.config.shard);
            parts.iter().any(|part| of(part) == (config.order, *shard))
        };
        if let Some(missing) = config.shard.parts().find(|shard| !given(shard)) {
            let shard = config.shard;
            let mut problem = format!("this is shard {shard} of a scan, and no report of {missing} is given");
            if let Some(other) = parts.iter().find(|part| part.scan.config.shard == missing) {
                let (own, others) = (seed(config.order), seed(other.scan.config.order));
                problem = format!("{problem}: {} is of a scan with {others}, not {own}", other.name);
            }
            return Err(SavedError { place: name.clone(), problem });
        }
    }
    Ok(())
}

fn seed(order: Order) -> String {
    match order {
        Order::Seeded(seed) => format!("--seed {seed}"),
        Order::Sequential => "--order sequential".to_owned(),
    }
}

/// The scans' own part: the latest one's setting, the time from the first beginning to the last end.
fn combine(mut parts: Vec<Part>) -> Result<SavedScan, SavedError> {
    let mut coverage = Coverage::default();
    let mut places = Places::new();
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
    let SavedScan { tool_version, mut config, summary } = latest;
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
        // Of whatever the latest was a shard, the whole is none.
        config.shard = Shard::WHOLE;
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

/// Where in the whole the specifications of one wording stand. Scans name the same in other lines, or
/// by other options: the wording is what tells that it is the same. One list may say it twice.
type Places = HashMap<Identity, Vec<usize>>;

fn add(whole: &mut Coverage, places: &mut Places, part: Coverage) {
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
    let mut said: HashMap<Identity, usize> = HashMap::new();
    for spec in part.specs {
        let wording = Identity::of_specification(&spec.origin);
        let times = said.entry(wording.clone()).or_default();
        let known = places.entry(wording).or_default();
        let place = known.get(*times).copied();
        *times += 1;
        let Some(known) = place.and_then(|place| whole.specs.get_mut(place)) else {
            known.push(whole.specs.len());
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

/// Places in one set: indices of different scans mean different targets.
fn places(parts: &[Part], mut kept: Vec<Kept>) -> Vec<Vec<Option<u64>>> {
    let mut places: Vec<Vec<Option<u64>>> = parts.iter().map(|part| vec![None; part.records]).collect();
    kept.sort_unstable_by_key(|kept| (kept.key, kept.part, kept.record));
    let mut indices: HashMap<usize, u64> = HashMap::new();
    for Kept { key: (own, _), part, record, target } in kept {
        let next = indices.len() as u64;
        let index = *indices.entry(target).or_insert(next);
        places[part][record] = Some(if parts.len() > 1 { index } else { own });
    }
    places
}

#[cfg(test)]
mod tests;
