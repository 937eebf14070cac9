//! The target set: counted, read by index, as large as its specifications and never as its
//! addresses.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use super::Expectation;
use super::exclusions::Exclusions;
use super::intervals::Intervals;
use super::notes::Note;
use super::span::{Space, Span};
use crate::model::{Host, Identity, Origin, Scheme, SpecId, Target, Verdict};

/// A target specification as it is counted; its place in [`TargetSet::specs`] is its [`SpecId`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Where it was written.
    pub origin: Arc<Origin>,
    /// Whether it is a named target: no CIDR and no range.
    pub named: bool,
    /// `name=` of it.
    pub label: Option<Arc<str>>,
    /// `expect=` of it.
    pub expect: Option<Verdict>,
    /// How many targets of the set list it in [`Target::specs`]; 0 when exclusions took all, or
    /// when it is a CIDR or range that earlier specifications name in full.
    pub targets: u64,
}

/// Everything but the host that makes a target what it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Plane {
    pub(super) space: Space,
    pub(super) scheme: Scheme,
    pub(super) port: u16,
    pub(super) prefix: Arc<str>,
    pub(super) sni: Option<Arc<str>>,
}

/// By whom and how a row of targets is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Naming {
    pub(super) origin: Arc<Origin>,
    pub(super) specs: Arc<[SpecId]>,
    pub(super) label: Option<Arc<str>>,
    pub(super) expect: Option<Verdict>,
    pub(super) named: bool,
}

/// Targets in a row: from `start` on, up to the next segment's.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// Index of its first target.
    pub(super) start: u64,
    /// Number of its first host.
    pub(super) first: u128,
    pub(super) plane: u32,
    pub(super) naming: Arc<Naming>,
}

/// All targets of a scan: each identity (scheme, host, port, prefix, SNI) once, exclusions taken
/// out.
///
/// Indices follow the order in which the specifications were written; within one they go port by
/// port, in the order of its ports, and for each port by ascending address. They are the same for
/// the same input.
#[derive(Debug)]
pub struct TargetSet {
    pub(super) len: u64,
    pub(super) excluded: u64,
    pub(super) segments: Vec<Segment>,
    pub(super) planes: Vec<Plane>,
    pub(super) names: Vec<Arc<str>>,
    /// The numbers of the names that are complete.
    pub(super) absolute: BTreeSet<u128>,
    pub(super) specs: Vec<Spec>,
    pub(super) exclusions: Arc<Exclusions>,
    /// The special addresses among the targets.
    pub(super) given: Intervals<Space>,
    pub(super) notes: Vec<Note>,
    pub(super) idle_expectations: Vec<Expectation>,
    /// The targets that are asked in plain HTTP, once somebody wants to know.
    pub(super) plain: OnceLock<HashSet<Identity>>,
}

impl TargetSet {
    /// How many targets there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none; a built set has some.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The target at this index; `None` from [`len`](Self::len) on.
    pub fn get(&self, index: u64) -> Option<Target> {
        if index >= self.len {
            return None;
        }
        let (
            Segment {
                start,
                first,
                naming,
                ..
            },
            plane,
        ) = self.plane_of(index)?;
        let number = first.checked_add(u128::from(index - start))?;
        let host = match plane.space.address(number) {
            Some(address) => Host::Ip(address),
            None => Host::Name(Arc::clone(self.names.get(usize::try_from(number).ok()?)?)),
        };
        Some(Target {
            index,
            scheme: plane.scheme,
            host,
            absolute: plane.space == Space::Name && self.absolute.contains(&number),
            port: plane.port,
            prefix: Arc::clone(&plane.prefix),
            sni: plane.sni.clone(),
            label: naming.label.clone(),
            expect: naming.expect,
            origin: Arc::clone(&naming.origin),
            specs: Arc::clone(&naming.specs),
            named: naming.named,
        })
    }

    /// Whether the set has the same target for plain HTTP too: a URL says so, or another scanner did.
    pub fn asks_in_plain_http(&self, target: &Target) -> bool {
        let of_http = |plane: &Plane| plane.scheme == Scheme::Http;
        if !self.planes.iter().any(of_http) {
            return false;
        }
        let plain = self.plain.get_or_init(|| {
            let ends = self
                .segments
                .iter()
                .skip(1)
                .map(|segment| segment.start)
                .chain([self.len]);
            let plain = self.segments.iter().zip(ends).filter(|(segment, _)| {
                usize::try_from(segment.plane)
                    .is_ok_and(|plane| self.planes.get(plane).is_some_and(of_http))
            });
            let indices = plain.flat_map(|(segment, end)| segment.start..end);
            indices
                .filter_map(|index| Some(Identity::of_target(&self.get(index)?)))
                .collect()
        });
        plain.contains(&Identity::of_target(&Target {
            scheme: Scheme::Http,
            ..target.clone()
        }))
    }

    /// How many targets exclusions took out.
    pub fn excluded(&self) -> u64 {
        self.excluded
    }

    /// Every specification in the order read: [`SpecId`] is the position here.
    pub fn specs(&self) -> &[Spec] {
        &self.specs
    }

    /// The exclusions, for what names resolve to.
    pub fn exclusions(&self) -> Arc<Exclusions> {
        Arc::clone(&self.exclusions)
    }

    /// Whether a special address ([`crate::model::special`]) is itself a target, on whatever port.
    pub fn gives(&self, address: IpAddr) -> bool {
        let Span { space, first, .. } = Span::of(address);
        self.given.contains(space, first)
    }

    /// What is worth saying about the list.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The expectations of the options that are about none of the specifications: a misspelt target,
    /// or another list's.
    pub fn idle_expectations(&self) -> &[Expectation] {
        &self.idle_expectations
    }

    /// Whether the target at this index is a name.
    pub fn is_name(&self, index: u64) -> bool {
        self.plane_of(index)
            .is_some_and(|(_, plane)| plane.space == Space::Name)
    }

    /// The segment that has this index, and its plane.
    fn plane_of(&self, index: u64) -> Option<(&Segment, &Plane)> {
        let after = self
            .segments
            .partition_point(|segment| segment.start <= index);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        Some((
            segment,
            self.planes.get(usize::try_from(segment.plane).ok()?)?,
        ))
    }

    /// Whether any target must be resolved.
    pub fn has_names(&self) -> bool {
        let is_name = |plane: &Plane| plane.space == Space::Name;
        self.segments.iter().any(|segment| {
            usize::try_from(segment.plane)
                .is_ok_and(|plane| self.planes.get(plane).is_some_and(is_name))
        })
    }
}
