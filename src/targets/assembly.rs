//! The last step to a target set: removes exclusions and arranges the targets in the order of the
//! specifications.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use super::allowlist::Allowlist;
use super::collector::Collector;
use super::error::Problem;
use super::exclusions::Exclusions;
use super::host_range::{HostKind, HostRange};
use super::intervals::Intervals;
use super::limits::{MAX_PIECES, too_large};
use super::options::Expectation;
use super::set::{Naming, Segment, Spec, TargetSet};
use super::unique_hosts::{HostRun, size, total};
use super::warnings::Warnings;
use crate::model::{Declared, Origin, SpecId, Verdict, special, special_blocks};
use crate::wording::joined_at_most;

/// The places that a warning about several inventories names besides its own.
const MAX_PLACES: usize = 4;

/// A part of a run that may be asked.
struct Piece {
    first: u128,
    last: u128,
    template: u32,
    run: HostRun,
}

impl Collector {
    /// The target set of everything collected.
    pub(super) fn finish(
        mut self,
        exclusions: Exclusions,
        allowlist: Option<Allowlist>,
        mut warnings: Warnings,
        unused_expectations: Vec<Expectation>,
    ) -> Result<TargetSet, Problem> {
        let (mut pieces, excluded, outside_allow) = self.pieces(&exclusions, allowlist.as_ref())?;
        let special = self.special_addresses(&pieces);
        pieces.sort_unstable_by_key(|piece| (piece.run.spec, piece.run.port_position, piece.first));
        let mut segments: Vec<Segment> = Vec::with_capacity(pieces.len());
        let mut len = 0u64;
        for piece in pieces {
            let more = size(piece.first, piece.last);
            // Consecutive segments that only this specification names share their naming.
            let shared = segments
                .last()
                .map(|before| &before.naming)
                .filter(|before| *before.specs == [piece.run.spec] && piece.run.also.is_empty());
            let naming = shared.map_or_else(|| self.naming(&piece.run), Arc::clone);
            for id in naming.specs.iter() {
                let spec = &mut self.specs[id.0 as usize];
                spec.targets = spec.targets.saturating_add(more);
            }
            segments.push(Segment {
                start: len,
                first: piece.first,
                template: piece.template,
                naming,
            });
            len = len.saturating_add(more);
        }
        self.warn_of_excluded(&mut warnings);
        self.warn_of_contradictions(&segments, &mut warnings);
        Ok(TargetSet {
            len,
            excluded,
            outside_allow,
            segments,
            templates: self.templates.values,
            names: self.names.values,
            absolute: self.absolute,
            specs: self.specs,
            exclusions: Arc::new(exclusions),
            allowlist: allowlist.map(Arc::new),
            special,
            not_asked: Vec::new(),
            unread: Vec::new(),
            selection: None,
            warnings: warnings.finish(),
            unused_expectations,
            plain_http: OnceLock::new(),
        })
    }

    /// The parts of all runs that may be asked, the number of excluded targets, and the number of targets that are not
    /// excluded but outside of the allowlist.
    fn pieces(
        &mut self,
        exclusions: &Exclusions,
        allowlist: Option<&Allowlist>,
    ) -> Result<(Vec<Piece>, u64, u64), Problem> {
        let mut pieces = Vec::with_capacity(self.hosts.len());
        let (mut excluded, mut outside_allow) = (0u64, 0u64);
        for ((position, first), run) in std::mem::take(&mut self.hosts) {
            let template = &self.templates.values[position as usize];
            let name = usize::try_from(first)
                .ok()
                .and_then(|name| self.names.values.get(name));
            let allowed = match (template.kind, name) {
                (HostKind::Name, Some(name)) if exclusions.excludes_name(name, template.port) => {
                    Vec::new()
                }
                (HostKind::Name, _) => vec![(first, run.last)],
                (kind, _) => {
                    let last = run.last;
                    exclusions.allowed(HostRange { kind, first, last }, template.port)
                }
            };
            let kept = total(&allowed);
            excluded = excluded.saturating_add(size(first, run.last).saturating_sub(kept));
            let inside = match (allowlist, name.filter(|_| template.kind == HostKind::Name)) {
                (None, _) => allowed,
                (Some(list), Some(name)) if list.may_allow_name(name, template.port) => allowed,
                (Some(_), Some(_)) => Vec::new(),
                (Some(list), None) => {
                    let kind = template.kind;
                    let parts = allowed.into_iter().flat_map(|(first, last)| {
                        list.inside(HostRange { kind, first, last }, template.port)
                    });
                    parts.collect()
                }
            };
            let outside = kept.saturating_sub(total(&inside));
            if outside > 0 {
                outside_allow = outside_allow.saturating_add(outside);
                for id in std::iter::once(run.spec).chain(run.also.iter().copied()) {
                    let spec = &mut self.specs[id.0 as usize];
                    spec.outside_allow = spec.outside_allow.saturating_add(outside);
                }
            }
            pieces.extend(inside.into_iter().map(|(first, last)| Piece {
                first,
                last,
                template: position,
                run: run.clone(),
            }));
            if pieces.len() > MAX_PIECES {
                return Err(too_large());
            }
        }
        Ok((pieces, excluded, outside_allow))
    }

    /// The special addresses among the targets.
    fn special_addresses(&self, pieces: &[Piece]) -> Intervals<HostKind> {
        let blocks: Vec<(HostRange, HostRange)> = special_blocks()
            .map(|block| {
                (
                    HostRange::of(block.network()),
                    HostRange::of(block.broadcast()),
                )
            })
            .collect();
        let mut addresses = Intervals::default();
        for piece in pieces {
            let kind = self.templates.values[piece.template as usize].kind;
            for (low, high) in blocks.iter().filter(|(low, _)| low.kind == kind) {
                let (first, last) = (piece.first.max(low.first), piece.last.min(high.first));
                if first <= last {
                    addresses.insert(kind, first, last);
                }
            }
            // An IPv6 address is special if the IPv4 address inside it is.
            let single = (kind == HostKind::V6 && piece.first == piece.last)
                .then(|| kind.address(piece.first));
            if single
                .flatten()
                .is_some_and(|address| special(address).is_some())
            {
                addresses.insert(kind, piece.first, piece.first);
            }
        }
        addresses
    }

    /// Warns of named targets that are excluded.
    fn warn_of_excluded(&self, warnings: &mut Warnings) {
        for spec in &self.specs {
            if spec.named && spec.targets == 0 && spec.outside_allow > 0 {
                warnings.push(
                    &spec.origin,
                    "outside of --allow: not asked, and not covered",
                );
            } else if spec.named && spec.targets == 0 {
                let text = "excluded on every port: not asked, and not part of the coverage";
                warnings.push(&spec.origin, text);
            }
        }
    }

    /// Warns of lines whose `name=` or `expect=` an earlier line contradicts.
    fn warn_of_contradictions(&self, segments: &[Segment], warnings: &mut Warnings) {
        let (mut warned, mut warned_of) = (HashSet::new(), HashSet::new());
        for naming in segments.iter().map(|segment| &segment.naming) {
            if naming.specs.len() == 1 {
                continue;
            }
            let declared = naming.declared.as_deref();
            let contradictions = declared.map_or(&[][..], |declared| &declared.contradictions);
            for one in contradictions {
                let mut origins: Vec<&Arc<Origin>> = (naming.specs.iter())
                    .map(|id| self.spec(*id))
                    .filter(|spec| spec.declared.as_ref().is_some_and(|own| own.says(one)))
                    .map(|spec| &spec.origin)
                    .collect();
                origins.sort_by_cached_key(|origin| (origin.source.to_string(), origin.line));
                let Some((last, others)) = origins.split_last() else {
                    continue;
                };
                let mut others: Vec<String> = others.iter().map(ToString::to_string).collect();
                others.dedup();
                others.retain(|other| *other != last.to_string());
                let others = match joined_at_most(MAX_PLACES, &others) {
                    none if none.is_empty() => String::new(),
                    some => format!("; see also {some}"),
                };
                let fact = one.fact.phrase();
                let text = format!("{fact}: {one}, so it counts as unknown{others}");
                if warned_of.insert((Arc::as_ptr(last), text.clone())) {
                    warnings.push(last, text);
                }
            }
            for id in naming.specs.iter() {
                let spec = self.spec(*id);
                if let Some((own, first)) = spec.label.as_ref().zip(naming.label.as_ref())
                    && own != first
                    && warned.insert((*id, "name="))
                {
                    let text = if spec.declared.is_some() {
                        format!(
                            "reports call this target {first}, as another entry does, and not {own}"
                        )
                    } else {
                        format!(
                            "reports call this target {first}, as an earlier line does, and not {own}"
                        )
                    };
                    warnings.push(&spec.origin, text);
                }
                if let Some((own, first)) = spec
                    .expect
                    .map(Verdict::as_str)
                    .zip(naming.expect.map(Verdict::as_str))
                    && own != first
                    && warned.insert((*id, "expect="))
                {
                    let text = format!(
                        "expect={own} contradicts expect={first} of an earlier line: both cannot hold"
                    );
                    warnings.push(&spec.origin, text);
                }
            }
        }
    }

    /// The specifications of a run. The first one takes precedence; later ones fill in what it does not set. Inventories
    /// come after what the user wrote, and in the order of their names and lines, so that it does not matter in which
    /// order they are given.
    fn naming(&self, run: &HostRun) -> Arc<Naming> {
        let ids = std::iter::once(run.spec).chain(run.also.iter().copied());
        let ids: Vec<SpecId> = ids.collect();
        let mut ordered: Vec<&Spec> = ids.iter().map(|id| self.spec(*id)).collect();
        ordered.sort_by_cached_key(|spec| {
            let is_inventoried = spec.declared.is_some();
            let (origin, label) = (&spec.origin, &spec.label);
            is_inventoried.then(|| {
                (
                    origin.source.to_string(),
                    origin.line,
                    label.clone(),
                    Arc::clone(&origin.text),
                )
            })
        });
        let origin = Arc::clone(&ordered[0].origin);
        let mut naming = Naming {
            origin,
            specs: ids.into(),
            label: None,
            expect: None,
            declared: None,
            named: false,
        };
        for spec in ordered {
            naming.named |= spec.named;
            naming.label = naming.label.or_else(|| spec.label.clone());
            naming.expect = naming.expect.or(spec.expect);
        }
        let declared = || {
            naming
                .specs
                .iter()
                .filter_map(|id| self.spec(*id).declared.as_ref())
        };
        naming.declared = if declared().nth(1).is_none() {
            declared().next().cloned()
        } else {
            let all: Vec<&Declared> = declared().map(|one| &**one).collect();
            Some(Arc::new(Declared::merged(&all)))
        };
        Arc::new(naming)
    }
}
