//! The targets that may be probed, by name.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::known::Known;
use crate::model::{Declared, Identity, Origin, Target, Verdict};
use crate::targets::{Spec, TargetSet};

/// How many targets a list may have: hosts and ports.
const MAX_TARGETS: u64 = 100_000;

/// Why a set of targets is no list for the exporter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// A CIDR or range.
    #[error(
        "{0}: a CIDR or range has no place here: the exporter probes single servers, kubeknock scan ranges"
    )]
    Range(Arc<Origin>),
    /// Too many targets.
    #[error("{0} targets: the exporter takes at most {MAX_TARGETS}")]
    TooMany(u64),
}

/// Single servers, each with a name.
///
/// The name of a target is its `name=`. Without one, or if several have the same, it is the target as written.
#[derive(Debug)]
pub struct TargetList {
    pub(super) set: Arc<TargetSet>,
    by_name: BTreeMap<Arc<str>, Arc<ListedTarget>>,
}

/// One specification: a server on one port or several.
pub(super) struct ListedTarget {
    pub(super) name: Arc<str>,
    pub(super) spec: Spec,
    pub(super) targets: Vec<Target>,
    /// The whole list, whose exclusions hold.
    pub(super) set: Arc<TargetSet>,
    /// What is known from probes.
    pub(super) known: Arc<Known>,
}

impl std::fmt::Debug for ListedTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListedTarget")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl ListedTarget {
    /// Whether another list asks and expects the same under this name.
    fn is_same(&self, other: &Self) -> bool {
        let asked = |listed: &Self| -> Vec<Identity> {
            listed.targets.iter().map(Identity::of_target).collect()
        };
        let said = |listed: &Self| -> (Option<Verdict>, Option<Arc<Declared>>) {
            (listed.spec.expect, listed.spec.declared.clone())
        };
        asked(self) == asked(other) && said(self) == said(other)
    }
}

impl TargetList {
    /// The list of all targets of a set.
    ///
    /// # Errors
    /// The set has a CIDR or range of several addresses, or too many targets.
    pub fn new(set: TargetSet) -> Result<Self, ListError> {
        let set = Arc::new(set);
        let mut of_spec: HashMap<usize, Vec<Target>> = HashMap::new();
        // A range is the usual reason for too many, and the error about it names it.
        let looked_at = set.len().min(MAX_TARGETS + 1);
        for target in (0..looked_at).filter_map(|index| set.get(index)) {
            for spec in target.specs.iter() {
                of_spec
                    .entry(spec.0 as usize)
                    .or_default()
                    .push(target.clone());
            }
        }
        for (position, spec) in set.specs().iter().enumerate() {
            let targets = of_spec.get(&position).into_iter().flatten();
            let mut hosts = targets.map(|target| &target.host);
            let first = hosts.next();
            if hosts.any(|host| Some(host) != first) {
                return Err(ListError::Range(Arc::clone(&spec.origin)));
            }
        }
        if set.len() > MAX_TARGETS {
            return Err(ListError::TooMany(set.len()));
        }
        let mut uses: HashMap<Arc<str>, usize> = HashMap::new();
        for label in set.specs().iter().filter_map(|spec| spec.label.clone()) {
            *uses.entry(label).or_default() += 1;
        }
        // A name that is the text of another line would hide that one.
        let texts: HashSet<&str> = (set.specs().iter())
            .filter(|spec| spec.label.as_deref() != Some(&*spec.origin.text))
            .map(|spec| &*spec.origin.text)
            .collect();
        let mut by_name = BTreeMap::new();
        for (position, spec) in set.specs().iter().enumerate() {
            // All of its targets are excluded, or an earlier line has them.
            let Some(targets) = of_spec.remove(&position) else {
                continue;
            };
            let label = spec.label.clone();
            let label =
                label.filter(|label| uses.get(label) == Some(&1) && !texts.contains(&**label));
            let name = label.unwrap_or_else(|| Arc::clone(&spec.origin.text));
            let listed = ListedTarget {
                name: Arc::clone(&name),
                spec: spec.clone(),
                targets,
                set: Arc::clone(&set),
                known: Arc::default(),
            };
            by_name.entry(name).or_insert_with(|| Arc::new(listed));
        }
        Ok(Self { set, by_name })
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(|name| &**name)
    }

    /// How many names of this list another one lacks.
    pub fn missing_in(&self, other: &Self) -> usize {
        let missing = |name: &&Arc<str>| !other.by_name.contains_key(*name);
        self.by_name.keys().filter(missing).count()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Arc<ListedTarget>> {
        self.by_name.get(name)
    }

    pub(super) fn targets(&self) -> impl Iterator<Item = &Arc<ListedTarget>> {
        self.by_name.values()
    }

    /// Takes over what an earlier list knows of the same targets.
    pub(super) fn with_known_of(mut self, earlier: &Self) -> Self {
        for (name, listed) in &mut self.by_name {
            let (Some(before), Some(listed)) = (earlier.get(name), Arc::get_mut(listed)) else {
                continue;
            };
            if before.is_same(listed) {
                listed.known = Arc::clone(&before.known);
            } else if before.spec.expect == listed.spec.expect {
                listed.known = Arc::new(before.known.elsewhere());
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::{TargetOptions, TargetSetBuilder};

    fn list(lines: &[&str]) -> Result<TargetList, ListError> {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        for line in lines {
            builder.argument(line);
        }
        TargetList::new(builder.build().unwrap())
    }

    fn names(lines: &[&str]) -> Vec<String> {
        list(lines).unwrap().names().map(str::to_owned).collect()
    }

    #[test]
    fn a_name_stands_for_one_line() {
        assert_eq!(
            names(&[
                "10.0.0.1:6443",
                "10.0.0.2 name=prod",
                "api.example ports=6443 name=twice",
                "api.example:443 name=twice",
                "10.0.0.1:6443",
            ]),
            [
                "10.0.0.1:6443",
                "api.example ports=6443",
                "api.example:443",
                "prod"
            ]
        );
        let list = list(&["10.0.0.2 name=prod"]).unwrap();
        assert_eq!(list.get("prod").unwrap().targets.len(), 3, "three ports");
        assert!(list.get("10.0.0.2").is_none(), "its address is no name");
    }

    #[test]
    fn a_range_is_refused_and_named() {
        let error = list(&["10.0.0.1", "10.0.0.0/24"]).unwrap_err();
        assert!(
            error.to_string().starts_with("argument 2: a CIDR"),
            "{error}"
        );
        assert_eq!(names(&["10.0.0.7/32"]), ["10.0.0.7/32"]);
        let error = list(&["10.0.0.1", "10.0.0.0/8"]).unwrap_err();
        assert!(
            error.to_string().starts_with("argument 2: a CIDR"),
            "{error}"
        );
        let error = list(&["10.0.0.1 ports=1-65535", "10.0.0.2 ports=1-65535"]).unwrap_err();
        assert!(error.to_string().starts_with("131070 targets"), "{error}");
    }

    #[test]
    fn a_new_list_keeps_what_is_known_of_the_same_targets() {
        let old = list(&["10.0.0.1 name=a", "10.0.0.2 name=b", "10.0.0.3 name=c"]).unwrap();
        let new = list(&[
            "10.0.0.3 name=c expect=rejected",
            "10.0.0.9 name=b",
            "10.0.0.1 name=a",
        ]);
        let new = new.unwrap().with_known_of(&old);
        let same = |name| {
            let known = |list: &TargetList| Arc::clone(&list.get(name).unwrap().known);
            Arc::ptr_eq(&known(&old), &known(&new))
        };
        assert!(same("a") && !same("b") && !same("c"));
    }
}
