//! `/sd`: the list in the form of Prometheus' HTTP service discovery.

use std::collections::BTreeMap;

use serde::Serialize;

use super::target_list::{ListedTarget, TargetList};
use crate::model::Declared;

/// A target group of one target.
#[derive(Serialize)]
struct Group<'a> {
    targets: [&'a str; 1],
    labels: BTreeMap<String, &'a str>,
}

/// The list as JSON.
pub(super) fn json(list: &TargetList) -> serde_json::Result<Vec<u8>> {
    let groups: Vec<Group<'_>> = list.targets().map(|listed| group(listed)).collect();
    serde_json::to_vec(&groups)
}

fn group(listed: &ListedTarget) -> Group<'_> {
    let declared = listed.spec.declared.as_deref();
    let facts = declared.into_iter().flat_map(Declared::facts);
    let mut labels = BTreeMap::new();
    for (key, value) in facts {
        labels.entry(label(key)).or_insert(value);
    }
    labels.insert(label("target"), &*listed.spec.origin.text);
    if let Some(name) = &listed.spec.label {
        labels.insert(label("name"), &**name);
    }
    Group {
        targets: [&*listed.name],
        labels,
    }
}

/// `__meta_kubeknock_KEY`, with an underscore for each character that a label may not have.
fn label(key: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let key = key.chars().map(allowed);
    "__meta_kubeknock_".chars().chain(key).collect()
}
