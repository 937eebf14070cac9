//! The end of a draft: exclusions out, segments laid out in the order of the specifications.

use std::sync::Arc;

use super::draft::{Draft, MAX_PIECES, too_many_pieces};
use super::exclusions::Exclusions;
use super::notes::Notes;
use super::runs::{Run, size};
use super::set::{Naming, Segment, TargetSet};
use super::span::{Space, Span};
use crate::model::SpecId;

/// A piece of a run that exclusions left over.
struct Piece {
    first: u128,
    last: u128,
    plane: u32,
    run: Run,
}

impl Draft {
    /// Takes the exclusions out and lays the segments out in the order of the specifications.
    pub(super) fn finish(mut self, exclusions: Exclusions, notes: Notes) -> Result<TargetSet, String> {
        let mut pieces = Vec::with_capacity(self.runs.len());
        let mut excluded = 0u64;
        for ((number, first), run) in std::mem::take(&mut self.runs) {
            let plane = &self.planes.values[number as usize];
            let name = usize::try_from(first).ok().and_then(|name| self.names.values.get(name));
            let allowed = match (plane.space, name) {
                (Space::Name, Some(name)) if exclusions.excludes_name(name, plane.port) => Vec::new(),
                (Space::Name, _) => vec![(first, run.last)],
                (space, _) => exclusions.allowed(Span { space, first, last: run.last }, plane.port),
            };
            let kept = allowed.iter().map(|(first, last)| size(*first, *last)).fold(0, u64::saturating_add);
            excluded = excluded.saturating_add(size(first, run.last).saturating_sub(kept));
            let piece = |(first, last)| Piece { first, last, plane: number, run: run.clone() };
            pieces.extend(allowed.into_iter().map(piece));
            if pieces.len() > MAX_PIECES {
                return Err(too_many_pieces());
            }
        }
        pieces.sort_unstable_by_key(|piece| (piece.run.spec, piece.run.slot, piece.first));
        let mut segments: Vec<Segment> = Vec::with_capacity(pieces.len());
        let mut len = 0u64;
        for piece in pieces {
            let more = size(piece.first, piece.last);
            let naming = segments
                .last()
                .filter(|before| *before.naming.specs == [piece.run.spec] && piece.run.also.is_empty())
                .map_or_else(|| self.naming(&piece.run), |before| Arc::clone(&before.naming));
            for id in naming.specs.iter() {
                let spec = &mut self.specs[id.0 as usize];
                spec.targets = spec.targets.saturating_add(more);
            }
            segments.push(Segment { start: len, first: piece.first, plane: piece.plane, naming });
            len = len.saturating_add(more);
        }
        Ok(TargetSet {
            len,
            excluded,
            segments,
            planes: self.planes.values,
            names: self.names.values,
            specs: self.specs,
            exclusions: Arc::new(exclusions),
            notes: notes.finish(),
        })
    }

    /// How a run is named: by its first specification, with what later ones give that it lacks.
    fn naming(&self, run: &Run) -> Arc<Naming> {
        let origin = Arc::clone(&self.spec(run.spec).origin);
        let specs: Arc<[SpecId]> = std::iter::once(run.spec).chain(run.also.iter().copied()).collect();
        let mut naming = Naming { origin, specs, label: None, expect: None, named: false };
        for spec in naming.specs.iter().map(|id| self.spec(*id)) {
            naming.named |= spec.named;
            naming.label = naming.label.or_else(|| spec.label.clone());
            naming.expect = naming.expect.or(spec.expect);
        }
        Arc::new(naming)
    }
}
