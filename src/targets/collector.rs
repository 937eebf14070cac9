//! Collects specifications one by one, and finds targets that several of them name.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use super::error::Problem;
use super::host::is_absolute;
use super::host_range::{HostKind, HostRange};
use super::limits::{MAX_ADDRESSES, MAX_PIECES, MAX_TARGETS, MAX_TEXT, too_large};
use super::options::{Expectation, TargetOptions};
use super::set::{Spec, Template};
use super::specification::{Hosts, Specification};
use super::unique_hosts::UniqueHosts;
use super::warnings::Warnings;
use crate::model::{Host, Origin, Scheme, SpecId};

/// Distinct values, found by their position.
#[derive(Debug)]
pub(super) struct Distinct<T> {
    positions: HashMap<T, u32>,
    pub(super) values: Vec<T>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self {
            positions: HashMap::new(),
            values: Vec::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Distinct<T> {
    /// The position of the value, which is added if it is new.
    fn position(&mut self, value: T) -> Result<u32, Problem> {
        if let Some(position) = self.positions.get(&value) {
            return Ok(*position);
        }
        let position = u32::try_from(self.values.len()).map_err(|_| too_large())?;
        self.values.push(value.clone());
        self.positions.insert(value, position);
        Ok(position)
    }
}

/// The specifications so far.
#[derive(Debug, Default)]
pub(super) struct Collector {
    pub(super) specs: Vec<Spec>,
    pub(super) names: Distinct<Arc<str>>,
    /// The positions of the names that a specification writes with a dot at the end.
    pub(super) absolute: BTreeSet<u128>,
    pub(super) templates: Distinct<Template>,
    pub(super) hosts: UniqueHosts,
    /// The positions of the expectations that match a specification.
    matched_expectations: HashSet<usize>,
    /// How many targets there are.
    targets: u64,
    /// Bytes of the specifications as written.
    text: usize,
}

impl Collector {
    /// The expectations that match no specification.
    pub(super) fn unused(&self, expectations: Vec<Expectation>) -> Vec<Expectation> {
        expectations
            .into_iter()
            .enumerate()
            .filter(|(position, _)| !self.matched_expectations.contains(position))
            .map(|(_, expectation)| expectation)
            .collect()
    }

    /// Adds a specification.
    pub(super) fn add(
        &mut self,
        spec: Specification<'_>,
        origin: Arc<Origin>,
        options: &TargetOptions,
        warnings: &mut Warnings,
    ) -> Result<(), Problem> {
        self.text = self.text.saturating_add(origin.text.len());
        // Checked before anything is stored: duplicates add no piece, and a list may be endless.
        if self.specs.len().max(self.hosts.len()) > MAX_PIECES || self.text > MAX_TEXT {
            return Err(too_large());
        }
        let id = SpecId(u32::try_from(self.specs.len()).map_err(|_| too_large())?);
        let named = !spec.imported && matches!(spec.hosts, Hosts::One(_));
        let range = match spec.hosts {
            Hosts::One(Host::Ip(address)) => HostRange::of(address),
            Hosts::One(Host::Name(name)) => {
                let position = self.names.position(name)?.into();
                if is_absolute(spec.text) {
                    self.absolute.insert(position);
                }
                HostRange::single(HostKind::Name, position)
            }
            Hosts::Many(range) => range,
        };
        let ports = spec.ports.as_deref().unwrap_or(&options.ports);
        let targets = count(range, ports.len(), options.allow_large)?;
        if let Some(text) = spec.warning {
            warnings.push(&origin, text);
        }
        let matching = options.matching_expectations(spec.text, spec.label.as_deref());
        let expected = matching
            .last()
            .map(|last| options.expectations[*last].verdict);
        self.matched_expectations.extend(matching);
        self.specs.push(Spec {
            origin,
            named,
            label: spec.label,
            expect: spec.expect.or(expected),
            is_shut_out: (spec.declared.as_ref())
                .is_some_and(|declared| declared.shuts_out(&options.egress_addresses)),
            declared: spec.declared,
            targets: 0,
            outside_allow: 0,
        });
        let (mut new, mut already_named_by) = (0u64, None);
        for (port, port_position) in ports.iter().zip(0..=u16::MAX) {
            let template = self.templates.position(Template {
                kind: range.kind,
                scheme: spec.scheme.unwrap_or(Scheme::Https),
                port: *port,
                prefix: Arc::clone(&spec.prefix),
                sni: spec.sni.clone(),
            })?;
            let added = if named {
                self.hosts.add_one(template, range.first, id, port_position)
            } else {
                self.hosts
                    .add_many(template, range.first, range.last, id, port_position)
            };
            new = new.saturating_add(added.new);
            already_named_by = already_named_by.or(added.already_named_by);
            if self.hosts.len() > MAX_PIECES {
                return Err(too_large());
            }
        }
        self.targets = self.targets.saturating_add(new);
        if self.targets >= MAX_TARGETS {
            return Err("too many targets: 2^63 or more up to here; remove some".into());
        }
        if let Some(before) = already_named_by {
            self.warn_of_overlap(spec.text, id, before, (targets - new, targets), warnings);
        }
        Ok(())
    }

    /// Warns if earlier specifications already name some of the targets.
    fn warn_of_overlap(
        &self,
        text: &str,
        id: SpecId,
        before: SpecId,
        (repeated, all): (u64, u64),
        warnings: &mut Warnings,
    ) {
        let (spec, before) = (self.spec(id), &self.spec(before).origin);
        let repeats = if !spec.named {
            format!(
                "{repeated} of the {all} targets of {text} are already named, the first at {before}"
            )
        } else if repeated == all {
            format!("{text} is already named at {before}")
        } else {
            format!("{repeated} of the {all} targets of {text} are already named at {before}")
        };
        // The expect= of a range applies only to targets that no earlier line names.
        if !spec.named && spec.expect.is_some() {
            warnings.push(
                &spec.origin,
                format!(
                    "{repeats}; scanned once, and the expect= of this line does not apply to them"
                ),
            );
        } else {
            warnings.push_verbose(&spec.origin, format!("{repeats}; scanned once"));
        }
    }

    pub(super) fn spec(&self, id: SpecId) -> &Spec {
        &self.specs[id.0 as usize]
    }
}

/// How many targets a specification names; an error if they are too many.
fn count(range: HostRange, ports: usize, allow_large: bool) -> Result<u64, Problem> {
    let addresses = range.count();
    let shown = addresses.map_or_else(|| "2^128".to_owned(), |count| count.to_string());
    if !allow_large && addresses.is_none_or(|count| count > MAX_ADDRESSES) {
        return Err(format!(
            "too large: {shown} addresses, more than {MAX_ADDRESSES}; narrow it, or allow it with --allow-large"
        )
        .into());
    }
    addresses
        .and_then(|count| u64::try_from(count).ok())
        .and_then(|addresses| addresses.checked_mul(ports as u64))
        .filter(|targets| *targets < MAX_TARGETS)
        .ok_or_else(|| {
            format!(
                "too large: {shown} addresses on {ports} ports are 2^63 targets or more; narrow it"
            )
            .into()
        })
}
