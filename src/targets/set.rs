//! The target set: counted and read by index, never listed in memory.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use super::allowlist::Allowlist;
use super::exclusions::Exclusions;
use super::host_range::{HostKind, HostRange};
use super::intervals::Intervals;
use super::options::Expectation;
use super::warnings::Warning;
use crate::model::{
    ClusterNotAsked, Declared, Host, Identity, Origin, Scheme, Selection, Source, SpecId, Target,
    Verdict,
};

/// A target specification; its position in [`TargetSet::specs`] is its [`SpecId`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spec {
    /// Where it was written.
    pub origin: Arc<Origin>,
    /// Whether it is a named target: neither a CIDR nor a range.
    pub named: bool,
    /// Its `name=`.
    pub label: Option<Arc<str>>,
    /// Its `expect=`.
    pub expect: Option<Verdict>,
    /// What an inventory says about it.
    pub declared: Option<Arc<Declared>>,
    /// Whether an inventory declares that its networks do not contain the address from which it is asked.
    pub is_shut_out: bool,
    /// How many targets of the set list it in [`Target::specs`]. 0 if all are excluded, or if it is a
    /// CIDR or range that earlier specifications name in full.
    pub targets: u64,
    /// How many of its targets are outside of the allowlist, and therefore not in the set.
    pub outside_allow: u64,
}

impl Spec {
    /// Whether it counts as a miss of the coverage if it gets no verdict: a named target, unless an inventory declares
    /// that it need not answer.
    pub fn must_answer(&self) -> bool {
        self.named
            && !self.is_shut_out
            && self
                .declared
                .as_ref()
                .is_none_or(|declared| declared.must_answer())
    }
}

/// What identifies a target besides its host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Template {
    pub(super) kind: HostKind,
    pub(super) scheme: Scheme,
    pub(super) port: u16,
    pub(super) prefix: Arc<str>,
    pub(super) sni: Option<Arc<str>>,
}

/// The specifications that name consecutive targets, and what they say about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Naming {
    pub(super) origin: Arc<Origin>,
    pub(super) specs: Arc<[SpecId]>,
    pub(super) label: Option<Arc<str>>,
    pub(super) expect: Option<Verdict>,
    pub(super) declared: Option<Arc<Declared>>,
    pub(super) named: bool,
}

/// Consecutive targets, from `start` up to the start of the next segment.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// Index of the first target.
    pub(super) start: u64,
    /// Number of the first host.
    pub(super) first: u128,
    pub(super) template: u32,
    pub(super) naming: Arc<Naming>,
}

/// All targets of a scan: each identity (scheme, host, port, prefix, SNI) once; excluded targets are left out.
///
/// Indices follow the order of the specifications. Within a specification they go port by port, in
/// the order of its ports, and for each port by ascending address. The same input gives the same
/// indices.
#[derive(Debug)]
pub struct TargetSet {
    pub(super) len: u64,
    pub(super) excluded: u64,
    pub(super) outside_allow: u64,
    pub(super) segments: Vec<Segment>,
    pub(super) templates: Vec<Template>,
    pub(super) names: Vec<Arc<str>>,
    /// The positions of the names that are written with a dot at the end.
    pub(super) absolute: BTreeSet<u128>,
    pub(super) specs: Vec<Spec>,
    pub(super) exclusions: Arc<Exclusions>,
    pub(super) allowlist: Option<Arc<Allowlist>>,
    /// The special addresses among the targets.
    pub(super) special: Intervals<HostKind>,
    pub(super) not_asked: Vec<ClusterNotAsked>,
    pub(super) unread: Vec<Source>,
    pub(super) selection: Option<Selection>,
    pub(super) warnings: Vec<Warning>,
    pub(super) unused_expectations: Vec<Expectation>,
    /// The targets that are probed in plain HTTP; collected on first use.
    pub(super) plain_http: OnceLock<HashSet<Identity>>,
}

impl TargetSet {
    /// How many targets there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none: for a set from the builder, only if all are outside of the allowlist, if the
    /// inventories have no clusters or only such that are not asked, or if sources are not read.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What `--where` selected; `None` if nothing was to be selected.
    pub fn selection(&self) -> Option<&Selection> {
        self.selection.as_ref()
    }

    /// The target at this index; `None` from [`len`](Self::len) on.
    pub fn get(&self, index: u64) -> Option<Target> {
        if index >= self.len {
            return None;
        }
        let (segment, template) = self.segment_of(index)?;
        let number = segment
            .first
            .checked_add(u128::from(index - segment.start))?;
        let host = match template.kind.address(number) {
            Some(address) => Host::Ip(address),
            None => Host::Name(Arc::clone(self.names.get(usize::try_from(number).ok()?)?)),
        };
        let naming = &segment.naming;
        Some(Target {
            index,
            scheme: template.scheme,
            host,
            absolute: template.kind == HostKind::Name && self.absolute.contains(&number),
            port: template.port,
            prefix: Arc::clone(&template.prefix),
            sni: template.sni.clone(),
            label: naming.label.clone(),
            expect: naming.expect,
            declared: naming.declared.clone(),
            origin: Arc::clone(&naming.origin),
            specs: Arc::clone(&naming.specs),
            named: naming.named,
        })
    }

    /// Whether the set asks the same target in plain HTTP too, because of a URL or of what another
    /// scanner found.
    pub fn asks_in_plain_http(&self, target: &Target) -> bool {
        let plain_http = self.plain_http.get_or_init(|| {
            let ends = self.segments.iter().skip(1).map(|segment| segment.start);
            self.segments
                .iter()
                .zip(ends.chain([self.len]))
                .filter(|(segment, _)| {
                    self.template(segment)
                        .is_some_and(|template| template.scheme == Scheme::Http)
                })
                .flat_map(|(segment, end)| segment.start..end)
                .filter_map(|index| Some(Identity::of_target(&self.get(index)?)))
                .collect()
        });
        if plain_http.is_empty() {
            return false;
        }
        plain_http.contains(&Identity::of_target(&Target {
            scheme: Scheme::Http,
            ..target.clone()
        }))
    }

    /// How many targets are excluded.
    pub fn excluded(&self) -> u64 {
        self.excluded
    }

    /// How many targets are outside of the allowlist. They are not in the set.
    pub fn outside_allow(&self) -> u64 {
        self.outside_allow
    }

    /// The allowlist, which also limits the addresses that names resolve to; `None` without one.
    pub fn allowlist(&self) -> Option<&Allowlist> {
        self.allowlist.as_deref()
    }

    /// Whether the allowlist allows to ask this address of a target.
    pub fn allows(&self, target: &Target, address: IpAddr) -> bool {
        self.allowlist().is_none_or(|list| {
            let by_name =
                matches!(&target.host, Host::Name(name) if list.allows_name(name, target.port));
            by_name || list.allows_address(address, target.port)
        })
    }

    /// Every specification in the order read: [`SpecId`] is the position here.
    pub fn specs(&self) -> &[Spec] {
        &self.specs
    }

    /// The exclusions, for the addresses that names resolve to.
    pub fn exclusions(&self) -> Arc<Exclusions> {
        Arc::clone(&self.exclusions)
    }

    /// Whether a special address ([`crate::model::special`]) is itself a target, on any port.
    pub fn has_special_address(&self, address: IpAddr) -> bool {
        let HostRange { kind, first, .. } = HostRange::of(address);
        self.special.contains(kind, first)
    }

    /// The clusters of inventories that are not asked.
    pub fn not_asked(&self) -> &[ClusterNotAsked] {
        &self.not_asked
    }

    /// The sources that are not read. Their targets are not in the set.
    pub fn unread(&self) -> &[Source] {
        &self.unread
    }

    /// Warnings about the list.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The expectations of the options that match no specification: misspelt, or meant for another
    /// list.
    pub fn unused_expectations(&self) -> &[Expectation] {
        &self.unused_expectations
    }

    /// Whether the target at this index is a name.
    pub fn is_name(&self, index: u64) -> bool {
        self.segment_of(index)
            .is_some_and(|(_, template)| template.kind == HostKind::Name)
    }

    /// Whether more than so many targets may be at one address.
    pub(crate) fn may_share_an_address(&self, most: usize) -> bool {
        self.has_names() || self.templates.len() > most
    }

    /// Whether any target must be resolved.
    pub fn has_names(&self) -> bool {
        self.segments.iter().any(|segment| {
            self.template(segment)
                .is_some_and(|template| template.kind == HostKind::Name)
        })
    }

    /// The segment that has this index, and its template.
    fn segment_of(&self, index: u64) -> Option<(&Segment, &Template)> {
        let after = self
            .segments
            .partition_point(|segment| segment.start <= index);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        Some((segment, self.template(segment)?))
    }

    fn template(&self, segment: &Segment) -> Option<&Template> {
        self.templates.get(usize::try_from(segment.template).ok()?)
    }
}
