//! Sets of several specifications and exclusions.

use std::sync::Arc;

use super::*;

fn ids(target: &Target) -> Vec<u32> {
    target.specs.iter().map(|spec| spec.0).collect()
}

fn warnings(set: &TargetSet) -> Vec<(u32, &str, bool)> {
    set.warnings()
        .iter()
        .map(|warning| (warning.origin.line, warning.text.as_str(), warning.verbose))
        .collect()
}

#[test]
fn a_named_target_in_an_earlier_range_keeps_its_annotations() {
    let lines = "192.0.2.0/29 ports=1\n192.0.2.3:1 name=a expect=rejected\n192.0.2.3:1 name=b expect=exposed\n";
    let set = set(lines);
    assert_eq!(set.len(), 8);
    for target in targets(&set) {
        let special = target.host == Host::Ip(ip("192.0.2.3"));
        assert_eq!(target.named, special);
        assert_eq!(target.origin.line, 1);
        assert_eq!(ids(&target), if special { vec![0, 1, 2] } else { vec![0] });
        assert_eq!(target.label.as_deref(), special.then_some("a"));
        assert_eq!(target.expect, special.then_some(Verdict::Rejected));
    }
    assert_eq!(
        set.specs()
            .iter()
            .map(|spec| spec.targets)
            .collect::<Vec<_>>(),
        [8, 1, 1]
    );
    // The address keeps its index in the range.
    assert_eq!(set.get(3).unwrap().host, Host::Ip(ip("192.0.2.3")));
    let again = "192.0.2.3:1 is already named at targets.txt:1; scanned once";
    assert_eq!(
        warnings(&set),
        [
            (2, again, true),
            (3, again, true),
            (
                3,
                "reports call this target a, as an earlier line does, and not b",
                false
            ),
            (
                3,
                "expect=exposed contradicts expect=rejected of an earlier line: both cannot hold",
                false
            ),
        ]
    );
}

#[test]
fn a_later_range_adds_only_new_targets() {
    let set = set("192.0.2.2 name=a ports=1,2\n192.0.2.0/30 name=net expect=rejected ports=1\n");
    assert_eq!(
        shown(&set),
        [
            "192.0.2.2:1",
            "192.0.2.2:2",
            "192.0.2.0:1",
            "192.0.2.1:1",
            "192.0.2.3:1"
        ]
    );
    assert_eq!(ids(&set.get(0).unwrap()), [0]);
    assert_eq!(set.get(0).unwrap().expect, None);
    assert_eq!(set.get(4).unwrap().expect, Some(Verdict::Rejected));
    assert_eq!(
        set.specs()
            .iter()
            .map(|spec| spec.targets)
            .collect::<Vec<_>>(),
        [2, 3]
    );
    let [warning] = set.warnings() else {
        panic!("{:?}", set.warnings())
    };
    assert_eq!(
        warning.text,
        "1 of the 4 targets of 192.0.2.0/30 are already named, the first at targets.txt:1; scanned once, \
         and the expect= of this line does not apply to them"
    );
    assert!(
        !warning.verbose,
        "an expectation without effect must be visible"
    );
}

#[test]
fn another_scheme_port_prefix_or_sni_makes_another_target() {
    let set = set("api.example:443\n\
                   https://api.example\n\
                   https://api.example/a\n\
                   https://api.example/a/\n\
                   http://api.example:443\n\
                   api.example:443 sni=other.example\n\
                   api.example:443 sni=API.example\n\
                   API.example.:443\n\
                   api.example:8443\n");
    let all = targets(&set);
    let summary: Vec<_> = all
        .iter()
        .map(|t| (t.to_string(), t.sni.as_deref(), ids(t)))
        .collect();
    let expected = [
        ("api.example:443", None, vec![0, 1, 6, 7]),
        ("https://api.example:443/a", None, vec![2, 3]),
        ("http://api.example:443", None, vec![4]),
        ("api.example:443", Some("other.example"), vec![5]),
        ("api.example:8443", None, vec![8]),
    ];
    assert_eq!(
        summary,
        expected.map(|(text, sni, specs)| (text.to_owned(), sni, specs))
    );
    assert!(set.has_names());
}

#[test]
fn partly_covered_named_targets_add_their_other_ports() {
    let set = set("192.0.2.0/30 ports=443\n192.0.2.1 ports=6443,443 name=a\n");
    assert_eq!(set.len(), 5);
    let last = set.get(4).unwrap();
    assert_eq!(
        (last.to_string().as_str(), ids(&last)),
        ("192.0.2.1:6443", vec![1])
    );
    assert_eq!(
        set.warnings()[0].text,
        "1 of the 2 targets of 192.0.2.1 are already named at targets.txt:1; scanned once"
    );
}

#[test]
fn exclusions_take_out_each_target_once() {
    let set = excluding(
        "192.0.2.0/29 ports=1,2\n192.0.2.1:1\napi.example ports=1,2\nhttps://api.example:1/x\n2001:db8::1 ports=1\n\
         192.0.2.100:1 sni=api.example\n",
        &["192.0.2.0-3", "192.0.2.2-4", "192.0.2.3:1", "192.0.2.7:2", "API.example.:1", "::ffff:192.0.2.6"],
    )
    .unwrap();
    assert_eq!(
        shown(&set),
        [
            "192.0.2.5:1",
            "192.0.2.7:1",
            "192.0.2.5:2",
            "api.example:2",
            "[2001:db8::1]:1",
            "192.0.2.100:1"
        ]
    );
    assert_eq!(set.excluded(), 12 + 1 + 2);
    assert_eq!(
        set.specs()
            .iter()
            .map(|spec| spec.targets)
            .collect::<Vec<_>>(),
        [3, 0, 1, 0, 1, 1]
    );
    let exclusions = set.exclusions();
    for (address, port, excluded) in [
        ("192.0.2.4", 9, true),
        ("192.0.2.5", 1, false),
        ("192.0.2.7", 1, false),
        ("192.0.2.7", 2, true),
        ("::ffff:192.0.2.4", 443, true),
        ("192.0.2.6", 443, true),
        ("2001:db8::1", 1, false),
    ] {
        assert_eq!(
            exclusions.excludes_address(ip(address), port),
            excluded,
            "{address} {port}"
        );
    }
    assert!(exclusions.excludes_name("api.example", 1));
    assert!(exclusions.excludes_name("Api.Example.", 1));
    assert!(!exclusions.excludes_name("api.example", 2));
    assert!(!exclusions.excludes_name("x.api.example", 1));
}

/// A named target that is not asked must not vanish silently.
#[test]
fn a_named_target_that_is_excluded_gets_a_warning() {
    let set = excluding(
        "192.0.2.0/30 ports=1\n192.0.2.9 ports=1,2 expect=rejected\napi.example:1\n192.0.2.8 ports=1,2\n",
        &["192.0.2.9", "API.example", "192.0.2.8:1", "192.0.2.0/30"],
    )
    .unwrap();
    let text = "excluded on every port: not asked, and not part of the coverage";
    assert_eq!(warnings(&set), [(2, text, false), (3, text, false)]);
}

#[test]
fn exclusions_may_be_large_and_need_not_be_hosts() {
    let set = excluding(
        "192.0.2.1:1",
        &[
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.0/4",
            "128.0.0.0/1",
            "2000::/3",
        ],
    );
    assert!(set.unwrap_err().contains("every target is excluded"));
    let set = excluding("192.0.2.1:1", &["0.0.0.0/1", "2000::/3", "255.255.255.255"]).unwrap();
    assert_eq!(set.len(), 1);
}

#[test]
fn a_large_range_costs_what_a_small_one_costs() {
    let segments = |lines: &str| set(lines).segments.len();
    assert_eq!(segments("192.0.2.1/32"), 3);
    assert_eq!(segments("10.0.0.0/8"), 3);
    assert_eq!(segments("10.0.0.0/8\n10.0.0.0/16\n10.9.0.0/9"), 3);
    assert_eq!(segments("10.0.0.0/8\n10.1.2.3:443"), 5);
    let set = excluding("10.0.0.0/8", &["10.1.0.0/16", "10.2.3.4"]).unwrap();
    assert_eq!(set.segments.len(), 9);
    assert_eq!(set.len(), 3 * ((1 << 24) - (1 << 16) - 1));
    assert_eq!(set.excluded(), 3 * ((1 << 16) + 1));
    // One attribution for the whole specification, whatever its ports.
    assert!(
        set.segments
            .windows(2)
            .all(|pair| Arc::ptr_eq(&pair[0].naming, &pair[1].naming))
    );
}

#[test]
fn many_lines_are_taken_in_without_quadratic_work() {
    // Every other address of a /15 alone, then ranges over all of them again and again: quadratic
    // work would be 65,536 × 20,000 steps.
    use std::fmt::Write as _;
    let mut lines = String::new();
    for n in 0..65_536u32 {
        let [_, b, c, d] = (n * 2).to_be_bytes();
        writeln!(lines, "10.{b}.{c}.{d}:6443").unwrap();
    }
    for _ in 0..20_000 {
        lines.push_str("10.0.0.0/15 ports=6443\n");
    }
    let set = set(&lines);
    assert_eq!(set.len(), 131_072);
    assert_eq!(set.segments.len(), 131_072);
    assert_eq!(set.get(65_536).unwrap().host, Host::Ip(ip("10.0.0.1")));
}

#[test]
fn warnings_are_limited_and_counted() {
    let mut lines = "192.0.2.1\n".repeat(1_500);
    lines.push_str(&"192.0.2.1/24 ports=1\n".repeat(1_100));
    let set = set(&lines);
    let (verbose, normal): (Vec<&Warning>, Vec<&Warning>) =
        set.warnings().iter().partition(|warning| warning.verbose);
    assert_eq!((verbose.len(), normal.len()), (1001, 1001));
    let last = |warnings: &[&Warning]| {
        warnings
            .last()
            .map(|warning| (warning.text.clone(), warning.origin.line))
            .unwrap()
    };
    assert_eq!(
        last(&normal),
        (
            "100 more warnings like these, the last for this line".into(),
            2600
        )
    );
    // 1,499 addresses and 1,099 CIDRs are duplicates.
    assert_eq!(
        last(&verbose),
        (
            "1598 more warnings like these, the last for this line".into(),
            2600
        )
    );
}

#[test]
fn indices_beyond_the_set_have_no_target() {
    let set = set("192.0.2.1:1");
    assert_eq!(
        (set.len(), set.is_empty(), set.has_names()),
        (1, false, false)
    );
    assert!(set.get(1).is_none() && set.get(u64::MAX).is_none());
    assert_eq!(set.get(0).unwrap().index, 0);
    assert_eq!(
        set.specs()[SpecId(0).0 as usize].origin,
        set.get(0).unwrap().origin
    );
}

#[test]
fn a_set_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<TargetSet>();
    shared::<Permutation>();
    shared::<Exclusions>();
}
