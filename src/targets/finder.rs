//! Finds the targets of another scan in a target set.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::host_range::{HostKind, HostRange};
use super::set::{Segment, TargetSet, Template};
use crate::model::{EndpointReport, Host, Target};

/// Finds targets by their identity. Creating a finder costs time and memory for each segment of the set.
#[derive(Debug)]
pub struct TargetFinder<'a> {
    set: &'a TargetSet,
    templates: HashMap<&'a Template, u32>,
    names: HashMap<&'a str, u128>,
    /// The segments, each with the index after its last target, sorted by template and first host.
    segments: Vec<(&'a Segment, u64)>,
}

impl<'a> TargetFinder<'a> {
    /// A finder of the targets in this set.
    pub fn new(set: &'a TargetSet) -> Self {
        let ends = set.segments.iter().skip(1).map(|segment| segment.start);
        let mut segments: Vec<(&Segment, u64)> =
            set.segments.iter().zip(ends.chain([set.len])).collect();
        segments.sort_unstable_by_key(|(segment, _)| (segment.template, segment.first));
        Self {
            set,
            templates: set.templates.iter().zip(0..).collect(),
            names: (set.names.iter().map(|name| &**name)).zip(0..).collect(),
            segments,
        }
    }

    /// The target of this set that a record of another scan is about; `None` if the set has no such target, or excludes the
    /// address that the name had.
    pub fn find(&self, record: &EndpointReport) -> Option<Target> {
        let target = &record.target;
        let (kind, number) = match &target.host {
            Host::Ip(address) => {
                let HostRange { kind, first, .. } = HostRange::of(*address);
                (kind, first)
            }
            Host::Name(name) => (HostKind::Name, *self.names.get(&**name)?),
        };
        let template = self.templates.get(&Template {
            kind,
            scheme: target.scheme,
            port: target.port,
            prefix: Arc::clone(&target.prefix),
            sni: target.sni.clone(),
        })?;
        let after = self.segments.partition_point(|(segment, _)| {
            (segment.template, segment.first) <= (*template, number)
        });
        let (segment, end) = self.segments.get(after.checked_sub(1)?)?;
        let offset = u64::try_from(number.checked_sub(segment.first)?).ok()?;
        let index = segment.start.checked_add(offset)?;
        if segment.template != *template || index >= *end {
            return None;
        }
        let found = self.set.get(index)?;
        self.may_be_asked(record).then_some(found)
    }

    /// Whether nothing excludes the address and the aliases of a name.
    fn may_be_asked(&self, record: &EndpointReport) -> bool {
        let (target, exclusions) = (&record.target, self.set.exclusions());
        let is_kept = |address: SocketAddr| !exclusions.excludes_address(address.ip(), target.port);
        record.address().is_none_or(is_kept)
            && !(record.aliases.iter()).any(|alias| exclusions.excludes_name(alias, target.port))
    }
}
