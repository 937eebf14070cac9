//! Several saved scans as one: shards of one list, sites of one company, a scan made again.
//!
//! What two scans both have counts once, as it was seen last. That can be told of records only: refused
//! and silent range addresses are counted and not listed, so they are counted twice. Two reports of one
//! scan, before and after it went on from its checkpoint, are one.
//!
//! Records go by twice: first [`Merge`] sees which of them count, holding some hundred bytes of each,
//! then [`Merged`] gives each its place.

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
use part::{Own, Part};

/// When and how the endpoints of one scan were last seen.
#[derive(Debug, Default)]
pub struct Sightings(HashMap<Endpoint, (Option<Timestamp>, Verdict)>);

impl Sightings {
    /// Takes in a record. What failed through the scanning machine itself was not seen.
    pub fn add(&mut self, report: &EndpointReport) {
        let (Some(endpoint), Some(verdict)) = (report.place(), report.seen()) else {
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

/// Takes in all scans, the latest first, and then their records in the same order.
#[derive(Debug, Default)]
pub struct Merge {
    parts: Vec<Part>,
    /// The numbers of all targets, in the order in which they came.
    numbers: HashMap<Identity, usize>,
    /// The last sighting of every endpoint, and what later scans than this one saw of targets.
    endpoints: HashMap<Endpoint, Sighting>,
    targets: HashMap<usize, BTreeSet<Verdict>>,
    /// By target: by which number of which scan it is named.
    named: HashMap<usize, BTreeSet<(usize, SpecId)>>,
    /// The scan whose records come.
    turn: usize,
    kept: Vec<Kept>,
    repeated: u64,
    superseded: u64,
}

/// Who saw an endpoint last.
#[derive(Debug)]
struct Sighting {
    at: Timestamp,
    verdict: Verdict,
    part: usize,
}

/// A record that counts.
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
    /// How many records another scan has of a later moment.
    pub repeated: u64,
    /// How many records are of an earlier report of a scan that has a later one.
    pub superseded: u64,
    /// By scan and record: the target's place in the whole, where the record counts.
    places: Vec<Vec<Option<u64>>>,
    /// By scan: where the whole has what that scan's list says.
    spec_maps: Vec<SpecMap>,
    /// By place: the specifications of the whole that name it, whichever list they are from.
    named: HashMap<u64, BTreeSet<SpecId>>,
}

impl Merged {
    /// A record as it stands in the whole; `None` if it does not count. Scans and their records are
    /// numbered from 0, in the order in which [`Merge`] was given them.
    pub fn place(
        &self,
        scan: usize,
        record: usize,
        mut report: EndpointReport,
    ) -> Option<EndpointReport> {
        report.target.index = (*self.places.get(scan)?.get(record)?)?;
        if self.places.len() > 1 {
            let SpecMap { origins, .. } = self.spec_maps.get(scan)?;
            // The numbers of one set's specifications mean nothing in another.
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
    /// Takes in a scan and what it saw. Give the latest scan first.
    pub fn scan(&mut self, name: &str, scan: SavedScan, sightings: Sightings) {
        let number = self.parts.len();
        let superseded = self.parts.iter().any(|later| later.supersedes(&scan));
        for (endpoint, (at, verdict)) in sightings.0.into_iter().filter(|_| !superseded) {
            // Whom nobody could send a request was seen at some moment of the scan: no answer that is
            // younger than its beginning is put aside for that.
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
            repeated: 0,
            kept: HashMap::new(),
            thinned: HashSet::new(),
        });
    }

    /// Takes in a record of this scan.
    pub fn record(&mut self, scan: usize, report: &EndpointReport) {
        while self.turn < scan {
            let own = self
                .parts
                .get(self.turn)
                .into_iter()
                .flat_map(|part| &part.targets);
            for (target, own) in own.filter(|(_, own)| own.kept > 0) {
                self.targets
                    .entry(*target)
                    .or_default()
                    .extend(&own.verdicts);
            }
            self.turn += 1;
        }
        let last = report
            .place()
            .and_then(|endpoint| self.endpoints.get(&endpoint));
        // Shards are one scan, and within a scan two targets may well lead to one endpoint.
        let by = last.and_then(|last| self.parts.get(last.part));
        let of_same_scan = by
            .zip(self.parts.get(scan))
            .is_some_and(|(by, own)| own.is_of_one_scan_with(by));
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
        let own = part.targets.entry(target).or_insert_with(|| Own {
            known: later.is_some(),
            kept: 0,
            verdicts: BTreeSet::new(),
        });
        let repeated: Option<Vec<Verdict>> = match &report.endpoint {
            Some(_) => last
                .filter(|last| last.part != scan && (!of_same_scan || own.known))
                .map(|last| vec![last.verdict]),
            // A name that did not resolve: any later outcome of it says more.
            None => later
                .filter(|verdicts| !verdicts.is_empty())
                .map(|verdicts| verdicts.iter().copied().collect()),
        };
        let seen = report.seen();
        let counts = repeated.as_deref().unwrap_or(seen.as_slice());
        for origin in &origins {
            part.kept
                .entry(Arc::clone(origin))
                .or_default()
                .extend(counts);
        }
        if repeated.is_some() {
            self.repeated += 1;
            part.repeated += 1;
            part.forget(report);
            part.thinned.extend(origins);
            return;
        }
        own.kept += 1;
        // What failed through the scanning machine itself puts no earlier scan's outcome aside.
        own.verdicts.extend(seen);
        self.kept.push(Kept {
            key: report.order_key(),
            part: scan,
            record,
            target,
        });
    }

    /// The scans as one.
    ///
    /// # Errors
    /// There is none, the counts of one do not fit its records, or of a scan's shards one is missing.
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
        let (places, indices) = places(&parts, kept);
        let (scan, spec_maps) = combine(parts)?;
        let in_whole = |(part, id): (usize, SpecId)| spec_maps.get(part)?.ids.get(&id).copied();
        let named = (named.into_iter())
            .filter_map(|(target, by)| {
                Some((
                    *indices.get(&target)?,
                    by.into_iter().filter_map(in_whole).collect(),
                ))
            })
            .collect();
        Ok(Merged {
            scan,
            repeated,
            superseded,
            places,
            spec_maps,
            named,
        })
    }
}

/// Places in one set, by record and by target: indices of different scans mean different targets.
fn places(parts: &[Part], mut kept: Vec<Kept>) -> (Vec<Vec<Option<u64>>>, HashMap<usize, u64>) {
    let mut places: Vec<Vec<Option<u64>>> =
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
        places[part][record] = Some(if parts.len() > 1 { index } else { own });
    }
    (places, indices)
}

#[cfg(test)]
mod tests;
