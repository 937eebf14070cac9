//! Merges saved scans: shards of one scan, scans of several sites, or repeated scans.
//!
//! An endpoint that two scans have counts once, with its latest record. Refused and silent addresses of ranges have
//! no records, so two scans of one range count them twice. Two reports of one scan, from before and after it
//! resumed from its checkpoint, are one scan.
//!
//! Merging reads all records twice. First [`Merge`] finds out which records count, and keeps some hundred bytes of
//! each. Then [`Merged`] gives each of them its position.

mod combine;
mod part;
mod shards;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::{SavedError, SavedScan};
use crate::model::{Endpoint, EndpointReport, Identity, Origin, SpecId, Verdict};
use combine::{SpecMap, combine};
use part::{Part, PartTarget};

/// When and how the endpoints of one scan were last seen.
#[derive(Debug, Default)]
pub struct Sightings(HashMap<Endpoint, (Option<Timestamp>, Verdict)>);

impl Sightings {
    /// Adds a record, unless our own side failed: then nothing was seen.
    pub fn add(&mut self, report: &EndpointReport) {
        let (Some(endpoint), Some(verdict)) = (report.endpoint_as_targeted(), report.seen()) else {
            return;
        };
        let at = report
            .requests
            .iter()
            .map(|request| request.exchange.at)
            .max();
        let known = self.0.entry(endpoint).or_insert((at, verdict));
        if at > known.0 {
            *known = (at, verdict);
        }
    }
}

/// Takes all scans, the latest first, and then their records in the same order.
#[derive(Debug, Default)]
pub struct Merge {
    parts: Vec<Part>,
    /// A number for each target, in the order of its first record.
    numbers: HashMap<Identity, usize>,
    /// The last sighting of every endpoint.
    endpoints: HashMap<Endpoint, Sighting>,
    /// By target: its verdicts in the scans whose records are already added. Those scans are later than the current one.
    targets: HashMap<usize, BTreeSet<Verdict>>,
    /// By target: the specifications that name it, each with its scan.
    named: HashMap<usize, BTreeSet<(usize, SpecId)>>,
    /// The scan whose records are being added.
    current_scan: usize,
    kept: Vec<Kept>,
    repeated: u64,
    superseded: u64,
}

/// The scan that saw an endpoint last.
#[derive(Debug)]
struct Sighting {
    at: Timestamp,
    verdict: Verdict,
    part: usize,
}

/// A record that counts.
#[derive(Debug)]
struct Kept {
    /// Its sort key in its own report.
    key: (u64, Option<(IpAddr, u16)>),
    /// Its scan, and its position among the records of that scan.
    part: usize,
    record: usize,
    target: usize,
}

/// The merged scan.
#[derive(Debug)]
pub struct Merged {
    /// The scan as a whole, with the settings and the version of the latest one.
    pub scan: SavedScan,
    /// The number of records that do not count because another scan has a later one.
    pub repeated: u64,
    /// The number of records that do not count because a later report of their scan was given.
    pub superseded: u64,
    /// By scan and record: the position of the target in the merged scan; `None` if the record does not count.
    positions: Vec<Vec<Option<u64>>>,
    /// By scan: the merged specifications for those of the scan.
    spec_maps: Vec<SpecMap>,
    /// By position of a target: the merged specifications that name it.
    named: HashMap<u64, BTreeSet<SpecId>>,
}

impl Merged {
    /// The record in the merged scan; `None` if it does not count. Scans and their records are numbered from 0,
    /// in the order in which [`Merge`] got them.
    pub fn merged_record(
        &self,
        scan: usize,
        record: usize,
        mut report: EndpointReport,
    ) -> Option<EndpointReport> {
        report.target.index = (*self.positions.get(scan)?.get(record)?)?;
        if self.positions.len() > 1 {
            let SpecMap { origins, .. } = self.spec_maps.get(scan)?;
            // Each scan numbers its specifications on its own.
            report.target.specs = self
                .named
                .get(&report.target.index)
                .into_iter()
                .flatten()
                .copied()
                .collect();
            if let Some(origin) = origins.get(&report.target.origin) {
                report.target.origin = Arc::clone(origin);
            }
        }
        Some(report)
    }
}

impl Merge {
    /// Adds a scan and its sightings. The latest scan comes first.
    pub fn scan(&mut self, name: &str, scan: SavedScan, sightings: Sightings) {
        let number = self.parts.len();
        let superseded = self.parts.iter().any(|later| later.supersedes(&scan));
        for (endpoint, (at, verdict)) in sightings.0.into_iter().filter(|_| !superseded) {
            // Without a request, the time is unknown. The start of the scan is early enough not to hide a later answer.
            let at = at.unwrap_or(scan.summary.started);
            if self
                .endpoints
                .get(&endpoint)
                .is_none_or(|known| known.at < at)
            {
                self.endpoints.insert(
                    endpoint,
                    Sighting {
                        at,
                        verdict,
                        part: number,
                    },
                );
            }
        }
        let specs = &scan.summary.coverage.specs;
        let specs = specs
            .iter()
            .filter_map(|spec| Some((spec.id?, Arc::clone(&spec.origin))))
            .collect();
        self.parts.push(Part {
            specs,
            name: name.to_owned(),
            scan,
            superseded,
            targets: HashMap::new(),
            records: 0,
            duplicate_records: 0,
            verdicts: HashMap::new(),
            reduced_origins: HashSet::new(),
        });
    }

    /// Adds a record of a scan.
    pub fn record(&mut self, scan: usize, report: &EndpointReport) {
        while self.current_scan < scan {
            let own = self
                .parts
                .get(self.current_scan)
                .into_iter()
                .flat_map(|part| &part.targets);
            for (target, own) in own.filter(|(_, own)| own.counted > 0) {
                self.targets
                    .entry(*target)
                    .or_default()
                    .extend(&own.verdicts);
            }
            self.current_scan += 1;
        }
        let last = report
            .endpoint_as_targeted()
            .and_then(|endpoint| self.endpoints.get(&endpoint));
        // Shards are one scan, and within one scan two targets may lead to one endpoint.
        let seen_last_by = last.and_then(|last| self.parts.get(last.part));
        let is_same_scan = seen_last_by
            .zip(self.parts.get(scan))
            .is_some_and(|(other, own)| own.is_shard_of_same_scan(other));
        let Some(part) = self.parts.get_mut(scan) else {
            return;
        };
        let record = part.records;
        part.records += 1;
        if part.superseded {
            self.superseded += 1;
            return;
        }
        // Several specifications may name one target.
        let mut origins: Vec<Arc<Origin>> = report
            .target
            .specs
            .iter()
            .filter_map(|id| part.specs.get(id).cloned())
            .collect();
        if !origins.contains(&report.target.origin) {
            origins.push(Arc::clone(&report.target.origin));
        }
        let next = self.numbers.len();
        let target = *self
            .numbers
            .entry(Identity::of_target(&report.target))
            .or_insert(next);
        self.named
            .entry(target)
            .or_default()
            .extend(report.target.specs.iter().map(|id| (scan, *id)));
        let later = self.targets.get(&target);
        let own = part.targets.entry(target).or_insert_with(|| PartTarget {
            in_later_scan: later.is_some(),
            counted: 0,
            verdicts: BTreeSet::new(),
        });
        let repeated: Option<Vec<Verdict>> = match &report.endpoint {
            Some(_) => last
                .filter(|last| last.part != scan && (!is_same_scan || own.in_later_scan))
                .map(|last| vec![last.verdict]),
            // A name that did not resolve: any later outcome counts instead.
            None => later
                .filter(|verdicts| !verdicts.is_empty())
                .map(|verdicts| verdicts.iter().copied().collect()),
        };
        let seen = report.seen();
        let counts = repeated.as_deref().unwrap_or(seen.as_slice());
        for origin in &origins {
            part.verdicts
                .entry(Arc::clone(origin))
                .or_default()
                .extend(counts);
        }
        if repeated.is_some() {
            self.repeated += 1;
            part.duplicate_records += 1;
            part.forget(report);
            part.reduced_origins.extend(origins);
            return;
        }
        own.counted += 1;
        // A failure of our own side does not replace the outcome of an earlier scan.
        own.verdicts.extend(seen);
        self.kept.push(Kept {
            key: report.order_key(),
            part: scan,
            record,
            target,
        });
    }

    /// The merged scan.
    ///
    /// # Errors
    /// There is no scan, the counts of a scan do not fit its records, or a shard is missing.
    pub fn finish(self) -> Result<Merged, SavedError> {
        let Self {
            parts,
            kept,
            repeated,
            superseded,
            named,
            ..
        } = self;
        if parts.len() > 1 {
            shards::are_complete(&parts)?;
        }
        let (positions, indices) = positions(&parts, kept);
        let (scan, spec_maps) = combine(parts)?;
        let merged_id = |(part, id): (usize, SpecId)| spec_maps.get(part)?.ids.get(&id).copied();
        let named = (named.into_iter())
            .filter_map(|(target, by)| {
                Some((
                    *indices.get(&target)?,
                    by.into_iter().filter_map(merged_id).collect(),
                ))
            })
            .collect();
        Ok(Merged {
            scan,
            repeated,
            superseded,
            positions,
            spec_maps,
            named,
        })
    }
}

/// The positions in the merged scan, by record and by target: each scan numbers its targets on its own.
fn positions(parts: &[Part], mut kept: Vec<Kept>) -> (Vec<Vec<Option<u64>>>, HashMap<usize, u64>) {
    let mut positions: Vec<Vec<Option<u64>>> =
        parts.iter().map(|part| vec![None; part.records]).collect();
    kept.sort_unstable_by_key(|kept| (kept.key, kept.part, kept.record));
    let mut indices: HashMap<usize, u64> = HashMap::new();
    for Kept {
        key: (own, _),
        part,
        record,
        target,
    } in kept
    {
        let next = indices.len() as u64;
        let index = *indices.entry(target).or_insert(next);
        positions[part][record] = Some(if parts.len() > 1 { index } else { own });
    }
    (positions, indices)
}

#[cfg(test)]
mod tests;
