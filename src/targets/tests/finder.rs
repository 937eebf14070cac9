//! Targets of another scan, found in a set.

use super::*;
use crate::model::EndpointReport;
use crate::report::sample;

/// The record of a target that had this address.
fn record(target: Target, address: &str) -> EndpointReport {
    sample::report(target, address, Verdict::Exposed, "")
}

const LINES: &str = "192.0.2.0/29 ports=1,2\n\
    192.0.2.3:1 name=a\n\
    2001:db8::/120 ports=1\n\
    api.example:6443 expect=unreachable\n\
    https://rancher.example/k8s/clusters/c-1\n\
    http://192.0.2.3:1\n\
    198.51.100.7 ports=1 sni=api.example\n\
    192.0.2.6-20 ports=2\n";

#[test]
fn every_target_of_a_set_is_found_in_it() {
    let set = set(LINES);
    let finder = TargetFinder::new(&set);
    for target in targets(&set) {
        let found = finder.find(&record(target.clone(), "203.0.113.9"));
        assert_eq!(found, Some(target));
    }
}

#[test]
fn nothing_else_is_found() {
    let (small, other) = (set("192.0.2.1-2 ports=1"), set(LINES));
    let finder = TargetFinder::new(&small);
    let found: Vec<String> = (targets(&other).into_iter())
        .filter_map(|target| finder.find(&record(target, "203.0.113.9")))
        .map(|target| target.to_string())
        .collect();
    assert_eq!(found, ["192.0.2.1:1", "192.0.2.2:1"]);
}

/// The present list decides, also about the address that a name had.
#[test]
fn what_the_list_excludes_is_not_found() {
    let whole = set("192.0.2.1-3 ports=1\napi.example ports=1\nwww.example ports=1");
    let excluding = excluding(
        "192.0.2.1-3 ports=1\napi.example ports=1",
        &["192.0.2.2", "203.0.113.9", "alias.example"],
    );
    let excluding = excluding.unwrap();
    let finder = TargetFinder::new(&excluding);
    let find = |index, address: &str, aliases: &[&str]| {
        let mut record = record(whole.get(index).unwrap(), address);
        record.aliases = aliases.iter().map(|alias| (*alias).into()).collect();
        finder.find(&record).is_some()
    };
    assert!(find(0, "192.0.2.1", &[]));
    assert!(!find(1, "192.0.2.2", &[]));
    assert!(find(3, "203.0.113.8", &[]));
    assert!(!find(3, "203.0.113.9", &[]));
    assert!(!find(3, "203.0.113.8", &["alias.example"]));
    assert!(!find(4, "203.0.113.8", &[]), "no such name");
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    builder.argument("api.example ports=1");
    builder.allow("203.0.113.0/29");
    let allowing = builder.build().unwrap();
    let finder = TargetFinder::new(&allowing);
    let name = whole.get(3).unwrap();
    assert!(finder.find(&record(name.clone(), "203.0.113.7")).is_some());
    // It is not asked, which does not mean that the name has left it.
    assert!(finder.find(&record(name, "203.0.113.8")).is_some());
}
