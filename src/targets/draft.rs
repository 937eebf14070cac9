//! A target set in the making: takes specifications in and finds what they share.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use super::error::Kind;
use super::host::is_absolute;
use super::notes::Notes;
use super::runs::{Added, Runs};
use super::set::{Plane, Spec};
use super::span::{Space, Span};
use super::spec::{Hosts, Specification};
use super::{Expectation, TargetOptions};
use crate::model::{Host, Origin, Scheme, SpecId};

/// The most addresses that one specification may name without `--allow-large`.
const LARGE: u128 = 1 << 24;
/// A set holds fewer targets than this.
const MAX_TARGETS: u64 = 1 << 63;
/// The most pieces (specifications × ports, cut by overlaps and exclusions) that a set is made of:
/// a bound on memory, at some 450 bytes a piece while the set is built.
pub(super) const MAX_PIECES: usize = if cfg!(test) { 1 << 18 } else { 1 << 22 };
/// The most bytes of specifications as they were written, which reports repeat.
const MAX_TEXT: usize = if cfg!(test) { 1 << 22 } else { 1 << 29 };

/// Values by number, each once.
#[derive(Debug)]
pub(super) struct Table<T> {
    numbers: HashMap<T, u32>,
    pub(super) values: Vec<T>,
}

impl<T: Clone + Eq + Hash> Table<T> {
    fn new() -> Self {
        Self {
            numbers: HashMap::new(),
            values: Vec::new(),
        }
    }

    /// The number of the value; `None` when there are too many.
    fn number(&mut self, value: T) -> Option<u32> {
        if let Some(number) = self.numbers.get(&value) {
            return Some(*number);
        }
        let number = u32::try_from(self.values.len()).ok()?;
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        Some(number)
    }
}

/// What has been taken in so far.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) specs: Vec<Spec>,
    pub(super) names: Table<Arc<str>>,
    /// The numbers of the names that a specification writes as complete.
    pub(super) absolute: BTreeSet<u128>,
    pub(super) planes: Table<Plane>,
    pub(super) runs: Runs,
    /// The numbers of the expectations that are about a specification.
    heeded: HashSet<usize>,
    /// Targets in the runs.
    total: u64,
    /// Bytes of the specifications as they were written.
    text: usize,
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            specs: Vec::new(),
            names: Table::new(),
            absolute: BTreeSet::new(),
            planes: Table::new(),
            runs: Runs::default(),
            heeded: HashSet::new(),
            total: 0,
            text: 0,
        }
    }

    /// The expectations that are about nothing that was taken in.
    pub(super) fn idle(&self, expectations: Vec<Expectation>) -> Vec<Expectation> {
        let all = expectations.into_iter().enumerate();
        all.filter(|(at, _)| !self.heeded.contains(at))
            .map(|(_, expectation)| expectation)
            .collect()
    }

    /// Whether no specification was taken in.
    pub(super) fn is_empty(&self) -> bool {
        self.specs.is_empty()
    }

    /// Takes a specification in.
    pub(super) fn add(
        &mut self,
        spec: Specification<'_>,
        origin: Arc<Origin>,
        options: &TargetOptions,
        notes: &mut Notes,
    ) -> Result<(), Kind> {
        self.text = self.text.saturating_add(origin.text.len());
        // Before anything is kept of it: what is there twice makes no piece, and lists may be endless.
        if self.specs.len().max(self.runs.len()) > MAX_PIECES || self.text > MAX_TEXT {
            return Err(too_many_pieces());
        }
        let id = SpecId(u32::try_from(self.specs.len()).map_err(|_| too_many_pieces())?);
        let (named, span) = match spec.hosts {
            Hosts::One(Host::Ip(address)) => (!spec.imported, Span::of(address)),
            Hosts::One(Host::Name(name)) => {
                let number = u128::from(self.names.number(name).ok_or_else(too_many_pieces)?);
                if is_absolute(spec.text) {
                    self.absolute.insert(number);
                }
                (
                    !spec.imported,
                    Span {
                        space: Space::Name,
                        first: number,
                        last: number,
                    },
                )
            }
            Hosts::Many(span) => (false, span),
        };
        let ports = spec.ports.as_deref().unwrap_or(&options.ports);
        let targets = count(span, ports.len(), options.allow_large)?;
        if let Some(text) = spec.remark {
            notes.push(&origin, text, false);
        }
        let about = options.about(spec.text, spec.label.as_deref());
        let expect = spec
            .expect
            .or_else(|| about.last().map(|last| options.expectations[*last].verdict));
        self.heeded.extend(about);
        self.specs.push(Spec {
            origin,
            named,
            label: spec.label,
            expect,
            targets: 0,
        });
        let mut sum = Added {
            new: 0,
            before: None,
        };
        for (port, slot) in ports.iter().zip(0..=u16::MAX) {
            let plane = Plane {
                space: span.space,
                scheme: spec.scheme.unwrap_or(Scheme::Https),
                port: *port,
                prefix: Arc::clone(&spec.prefix),
                sni: spec.sni.clone(),
            };
            let plane = self.planes.number(plane).ok_or_else(too_many_pieces)?;
            let added = if named {
                self.runs.add_one(plane, span.first, id, slot)
            } else {
                self.runs.add_many(plane, span.first, span.last, id, slot)
            };
            sum.new = sum.new.saturating_add(added.new);
            sum.before = sum.before.or(added.before);
            if self.runs.len() > MAX_PIECES {
                return Err(too_many_pieces());
            }
        }
        self.total = self.total.saturating_add(sum.new);
        if self.total >= MAX_TARGETS {
            return Err("with this there are 2^63 targets or more; give fewer".into());
        }
        if let Some(before) = sum.before {
            self.note_overlap(spec.text, id, before, (targets - sum.new, targets), notes);
        }
        Ok(())
    }

    /// Says that some of a specification's targets were named before.
    fn note_overlap(
        &self,
        text: &str,
        id: SpecId,
        before: SpecId,
        (old, all): (u64, u64),
        notes: &mut Notes,
    ) {
        let (spec, before) = (self.spec(id), &self.spec(before).origin);
        let mut said = match spec.named {
            true if old == all => format!("{text} is already named at {before}"),
            true => format!("{old} of the {all} targets of {text} are already named at {before}"),
            false => format!(
                "{old} of the {all} targets of {text} are already named, the first at {before}"
            ),
        };
        said.push_str("; scanned once");
        // What a range expects is held against the targets that it is the first to name.
        let unheld = !spec.named && spec.expect.is_some();
        if unheld {
            said.push_str(", and the expect= of this line does not count for them");
        }
        notes.push(&spec.origin, said, !unheld);
    }

    pub(super) fn spec(&self, id: SpecId) -> &Spec {
        &self.specs[id.0 as usize]
    }
}

/// How many targets a specification names, if that many may be.
fn count(span: Span, ports: usize, allow_large: bool) -> Result<u64, Kind> {
    let addresses = span.count();
    let said = addresses.map_or_else(|| "2^128".to_owned(), |count| count.to_string());
    if !allow_large && addresses.is_none_or(|count| count > LARGE) {
        return Err(format!(
            "it names {said} addresses, more than {LARGE}; narrow it, or allow it with --allow-large"
        )
        .into());
    }
    u64::try_from(ports)
        .ok()
        .zip(addresses.and_then(|count| u64::try_from(count).ok()))
        .and_then(|(ports, addresses)| addresses.checked_mul(ports))
        .filter(|targets| *targets < MAX_TARGETS)
        .ok_or_else(|| {
            format!("it names {said} addresses on {ports} ports: 2^63 targets or more; narrow it")
                .into()
        })
}

pub(super) fn too_many_pieces() -> Kind {
    format!(
        "specifications × ports pass {MAX_PIECES}, or their words {} MiB; write CIDRs or ranges in place of single \
         addresses, or fewer ports",
        MAX_TEXT >> 20
    )
    .into()
}
