//! Merges what scans say as a whole: settings, times and coverage.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::part::Part;
use crate::config::Shard;
use crate::model::{
    ClusterNotAsked, Coverage, Identity, Origin, ScanSummary, Selection, SpecCoverage, SpecId,
    Verdict,
};
use crate::record::{SavedError, SavedScan};

/// The merged scan, with the settings of the latest scan and the time from the first start to the last end. `parts` are
/// the scans, the latest first.
pub(super) fn combine(mut parts: Vec<Part>) -> Result<(SavedScan, Vec<SpecMap>), SavedError> {
    let mut coverage = Coverage::default();
    let (mut merged, mut spec_maps) = (MergedSpecs::new(), Vec::new());
    let alone = parts.len() == 1;
    let sibling_shards: Vec<bool> = parts
        .iter()
        .map(|part| {
            parts.first().is_some_and(|latest| {
                latest.is_shard_of_same_scan(part)
                    && latest.scan.config.shard != part.scan.config.shard
            })
        })
        .collect();
    for (part, is_sibling_shard) in parts.iter_mut().zip(sibling_shards) {
        let own = part.take_coverage().ok_or_else(|| SavedError {
            place: part.name.clone(),
            problem: "its counts do not fit its records".to_owned(),
        })?;
        // A single scan keeps its numbers.
        if alone {
            let specs = own.specs.iter().cloned();
            let renewed = |spec: SpecCoverage| SpecCoverage {
                id: spec.id,
                ..reassessed(spec, BTreeSet::new())
            };
            coverage = Coverage {
                specs: specs.map(renewed).collect(),
                ..own
            };
        } else {
            spec_maps.push(add(&mut coverage, &mut merged, own, is_sibling_shard));
        }
    }
    let mut parts = parts.into_iter();
    let Some(Part {
        name, scan: latest, ..
    }) = parts.next()
    else {
        return Err(SavedError {
            place: "report".to_owned(),
            problem: "there is nothing to read".to_owned(),
        });
    };
    let SavedScan {
        tool_version,
        mut config,
        summary,
    } = latest;
    let mut stopped: Vec<(String, String)> = summary
        .stopped
        .clone()
        .map(|why| (name, why))
        .into_iter()
        .collect();
    let mut whole = ScanSummary {
        coverage,
        ..summary
    };
    let mut end = end_of(&whole);
    for Part {
        name,
        scan,
        superseded,
        ..
    } in parts
    {
        let SavedScan {
            config: further,
            summary,
            ..
        } = scan;
        if superseded {
            continue;
        }
        // Scans with different names have no name together.
        if config.scan_name != further.scan_name {
            config.scan_name = None;
        }
        if config.run_id != further.run_id {
            config.run_id = None;
        }
        end = end.max(end_of(&summary));
        whole.started = whole.started.min(summary.started);
        if whole.targets_digest != summary.targets_digest {
            whole.targets_digest = None;
        }
        whole.selection = joint(whole.selection.take(), summary.selection);
        whole.sources.extend(summary.sources);
        whole.resolvers.extend(summary.resolvers);
        stopped.extend(summary.stopped.map(|why| (name, why)));
    }
    if !alone {
        // The merged scan is not a shard.
        config.shard = Shard::WHOLE;
        whole.elapsed = end.duration_since(whole.started).unsigned_abs();
        whole.sources.sort_unstable();
        whole.sources.dedup();
        whole.resolvers.sort_unstable();
        whole.resolvers.dedup();
        let said: Vec<String> = stopped
            .iter()
            .map(|(name, why)| format!("{name}: {why}"))
            .collect();
        whole.stopped = (!said.is_empty()).then(|| said.join("; "));
    }
    Ok((
        SavedScan {
            tool_version,
            config,
            summary: whole,
        },
        spec_maps,
    ))
}

/// What is selected of two scans together. A part of one of them makes the whole a part.
fn joint(one: Option<Selection>, other: Option<Selection>) -> Option<Selection> {
    let labels = |selection: &Option<Selection>| selection.as_ref().map(|one| one.labels.clone());
    let is_alike = labels(&one) == labels(&other);
    let mut parts = [one.clone(), other].into_iter().flatten();
    let part = parts.find(Selection::is_partial);
    part.or_else(|| one.filter(|_| is_alike))
}

fn end_of(summary: &ScanSummary) -> Timestamp {
    summary
        .started
        .saturating_add(summary.elapsed)
        .unwrap_or(summary.started)
}

/// The positions of the merged specifications in the coverage, by their wording. Scans may have a specification in
/// different lines or options; the same wording means the same specification. One scan may have it several times.
pub(super) type MergedSpecs = HashMap<Identity, Vec<usize>>;

/// The origins and numbers that the merged report gives to the specifications of one scan.
#[derive(Debug, Default)]
pub(super) struct SpecMap {
    pub(super) origins: HashMap<Arc<Origin>, Arc<Origin>>,
    pub(super) ids: HashMap<SpecId, SpecId>,
}

/// Adds the coverage of a part, and returns the merged specifications for its own. What shards of one scan left out of a
/// specification adds up. For other scans, only what the latest one left out counts.
pub(super) fn add(
    whole: &mut Coverage,
    merged: &mut MergedSpecs,
    part: Coverage,
    is_sibling_shard: bool,
) -> SpecMap {
    whole.targets += part.targets;
    whole.excluded += part.excluded;
    whole.not_attempted += part.not_attempted;
    for (kind, count) in part.own_side_failures {
        *whole.own_side_failures.entry(kind).or_default() += count;
    }
    for (why, count) in part.left_out {
        *whole.left_out.entry(why).or_default() += count;
    }
    whole.further_addresses += part.further_addresses;
    for (verdict, count) in part.verdicts {
        *whole.verdicts.entry(verdict).or_default() += count;
    }
    for (kind, count) in part.unreachable {
        *whole.unreachable.entry(kind).or_default() += count;
    }
    add_clusters(whole, part.clusters_not_asked);
    let (mut occurrences, mut map) = (HashMap::<Identity, usize>::new(), SpecMap::default());
    for spec in part.specs {
        let wording = Identity::of_specification(&spec.origin);
        let occurrence = occurrences.entry(wording.clone()).or_default();
        let known = merged.entry(wording).or_default();
        let position = known.get(*occurrence).copied();
        *occurrence += 1;
        let number = position.unwrap_or(whole.specs.len());
        let id = u32::try_from(number).ok().map(SpecId);
        map.ids.extend(spec.id.zip(id));
        let Some(known) = position.and_then(|position| whole.specs.get_mut(position)) else {
            known.push(whole.specs.len());
            whole.specs.push(SpecCoverage {
                id,
                ..reassessed(spec, BTreeSet::new())
            });
            continue;
        };
        map.origins
            .insert(Arc::clone(&spec.origin), Arc::clone(&known.origin));
        let seen = known.seen.iter().copied().collect();
        let mut later = SpecCoverage {
            seen: spec.seen,
            ..known.clone()
        };
        if is_sibling_shard || (known.seen.is_empty() && known.left_out.is_empty()) {
            for left_out in &spec.left_out {
                left_out.add_to(&mut later.left_out);
            }
        }
        *known = SpecCoverage {
            id,
            ..reassessed(later, seen)
        };
    }
    map
}

/// Adds the clusters that a part did not ask, without those that a later part lists, asked or not. The same name or the
/// same endpoint means the same cluster.
fn add_clusters(whole: &mut Coverage, mut clusters: Vec<ClusterNotAsked>) {
    let words = |label: &Option<Arc<str>>, origin: &Origin| {
        let endpoint = Some(Arc::clone(&origin.text)).filter(|text| !text.is_empty());
        label.clone().into_iter().chain(endpoint)
    };
    let asked = whole.specs.iter();
    let asked = asked.flat_map(|spec| words(&spec.label, &spec.origin));
    let others = whole.clusters_not_asked.iter();
    let others = others.flat_map(|cluster| words(&cluster.label, &cluster.origin));
    let later: HashSet<Arc<str>> = asked.chain(others).collect();
    clusters.retain(|cluster| {
        !words(&cluster.label, &cluster.origin).any(|word| later.contains(&word))
    });
    whole.clusters_not_asked.extend(clusters);
}

/// The coverage of a specification, with `covered` and `met` from its verdicts and from further ones.
pub(super) fn reassessed(spec: SpecCoverage, further_verdicts: BTreeSet<Verdict>) -> SpecCoverage {
    let mut seen = further_verdicts;
    seen.extend(spec.seen);
    let reassessed = SpecCoverage::of(
        spec.origin,
        spec.named,
        spec.label,
        spec.expect,
        seen.into_iter().collect(),
    );
    SpecCoverage {
        left_out: spec.left_out,
        ..reassessed
    }
}
