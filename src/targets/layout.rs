//! The end of a draft: exclusions out, segments laid out in the order of the specifications.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use super::Expectation;
use super::draft::{Draft, MAX_PIECES, too_many_pieces};
use super::error::Kind;
use super::exclusions::Exclusions;
use super::intervals::Intervals;
use super::notes::Notes;
use super::runs::{Run, size};
use super::set::{Naming, Segment, TargetSet};
use super::span::{Space, Span};
use crate::model::{SpecId, Verdict, special, special_blocks};

/// A piece of a run that exclusions left over.
struct Piece {
    first: u128,
    last: u128,
    plane: u32,
    run: Run,
}

impl Draft {
    /// Takes the exclusions out and lays the segments out in the order of the specifications.
    pub(super) fn finish(
        mut self,
        exclusions: Exclusions,
        mut notes: Notes,
        idle_expectations: Vec<Expectation>,
    ) -> Result<TargetSet, Kind> {
        let mut pieces = Vec::with_capacity(self.runs.len());
        let mut excluded = 0u64;
        for ((number, first), run) in std::mem::take(&mut self.runs) {
            let plane = &self.planes.values[number as usize];
            let name = usize::try_from(first)
                .ok()
                .and_then(|name| self.names.values.get(name));
            let allowed = match (plane.space, name) {
                (Space::Name, Some(name)) if exclusions.excludes_name(name, plane.port) => {
                    Vec::new()
                }
                (Space::Name, _) => vec![(first, run.last)],
                (space, _) => exclusions.allowed(
                    Span {
                        space,
                        first,
                        last: run.last,
                    },
                    plane.port,
                ),
            };
            let kept = allowed
                .iter()
                .map(|(first, last)| size(*first, *last))
                .fold(0, u64::saturating_add);
            excluded = excluded.saturating_add(size(first, run.last).saturating_sub(kept));
            let piece = |(first, last)| Piece {
                first,
                last,
                plane: number,
                run: run.clone(),
            };
            pieces.extend(allowed.into_iter().map(piece));
            if pieces.len() > MAX_PIECES {
                return Err(too_many_pieces());
            }
        }
        let given = self.given(&pieces);
        pieces.sort_unstable_by_key(|piece| (piece.run.spec, piece.run.slot, piece.first));
        let mut segments: Vec<Segment> = Vec::with_capacity(pieces.len());
        let mut len = 0u64;
        for piece in pieces {
            let more = size(piece.first, piece.last);
            let naming = segments
                .last()
                .filter(|before| {
                    *before.naming.specs == [piece.run.spec] && piece.run.also.is_empty()
                })
                .map_or_else(
                    || self.naming(&piece.run),
                    |before| Arc::clone(&before.naming),
                );
            for id in naming.specs.iter() {
                let spec = &mut self.specs[id.0 as usize];
                spec.targets = spec.targets.saturating_add(more);
            }
            segments.push(Segment {
                start: len,
                first: piece.first,
                plane: piece.plane,
                naming,
            });
            len = len.saturating_add(more);
        }
        self.note_unused(&segments, &mut notes);
        Ok(TargetSet {
            len,
            excluded,
            segments,
            planes: self.planes.values,
            names: self.names.values,
            absolute: self.absolute,
            specs: self.specs,
            exclusions: Arc::new(exclusions),
            given,
            notes: notes.finish(),
            idle_expectations,
            plain: OnceLock::new(),
        })
    }

    /// The special addresses among the targets.
    fn given(&self, pieces: &[Piece]) -> Intervals<Space> {
        let blocks: Vec<(Span, Span)> = special_blocks()
            .map(|block| (Span::of(block.network()), Span::of(block.broadcast())))
            .collect();
        let mut given = Intervals::default();
        for piece in pieces {
            let space = self.planes.values[piece.plane as usize].space;
            for (low, high) in blocks.iter().filter(|(low, _)| low.space == space) {
                let (first, last) = (piece.first.max(low.first), piece.last.min(high.first));
                if first <= last {
                    given.insert(space, first, last);
                }
            }
            // Special by the IPv4 address inside it.
            let alone = (space == Space::V6 && piece.first == piece.last)
                .then(|| space.address(piece.first));
            if alone
                .flatten()
                .is_some_and(|address| special(address).is_some())
            {
                given.insert(space, piece.first, piece.first);
            }
        }
        given
    }

    /// Says of named targets what of their lines does not come to pass: all of it where they are
    /// excluded, or what an earlier line says otherwise.
    fn note_unused(&self, segments: &[Segment], notes: &mut Notes) {
        for spec in self
            .specs
            .iter()
            .filter(|spec| spec.named && spec.targets == 0)
        {
            let text = "it is excluded as a whole: not asked, and neither covered nor missing";
            notes.push(&spec.origin, text.to_owned(), false);
        }
        let mut said = HashSet::new();
        for naming in segments
            .iter()
            .map(|segment| &segment.naming)
            .filter(|naming| naming.specs.len() > 1)
        {
            let (label, expect) = (naming.label.as_deref(), naming.expect.map(Verdict::as_str));
            for id in naming.specs.iter() {
                let spec = self.spec(*id);
                let own = (spec.label.as_deref(), spec.expect.map(Verdict::as_str));
                for (key, own, first) in [("name=", own.0, label), ("expect=", own.1, expect)] {
                    let Some((own, first)) = own.zip(first).filter(|(own, first)| own != first)
                    else {
                        continue;
                    };
                    if !said.insert((*id, key)) {
                        continue;
                    }
                    let text = match key {
                        "name=" => {
                            format!(
                                "reports call this target {first}, as an earlier line does, not {own}"
                            )
                        }
                        _ => format!(
                            "it is expected to be {own} here and {first} by an earlier line: one fails"
                        ),
                    };
                    notes.push(&spec.origin, text, false);
                }
            }
        }
    }

    /// How a run is named: by its first specification, with what later ones give that it lacks.
    fn naming(&self, run: &Run) -> Arc<Naming> {
        let origin = Arc::clone(&self.spec(run.spec).origin);
        let specs: Arc<[SpecId]> = std::iter::once(run.spec)
            .chain(run.also.iter().copied())
            .collect();
        let mut naming = Naming {
            origin,
            specs,
            label: None,
            expect: None,
            named: false,
        };
        for spec in naming.specs.iter().map(|id| self.spec(*id)) {
            naming.named |= spec.named;
            naming.label = naming.label.or_else(|| spec.label.clone());
            naming.expect = naming.expect.or(spec.expect);
        }
        Arc::new(naming)
    }
}
