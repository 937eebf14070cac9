use super::*;
use crate::model::{BaselineState, Change, Failure, FailureKind, Stage};

fn texts(changes: &[Change]) -> Vec<String> {
    let words = |change: &Change| {
        let host = change
            .about
            .as_str()
            .trim_start_matches("https://")
            .trim_end_matches(":6443");
        let [before, after] =
            [&change.before, &change.after].map(|text| text.as_deref().unwrap_or("-"));
        let opens = if change.opens { " opens" } else { "" };
        format!("{host} {}: {before} → {after}{opens}", change.kind.as_str())
    };
    changes.iter().map(words).collect()
}

#[test]
fn every_kind_of_change() {
    let at = |index: u64| {
        (
            target(index, &format!("192.0.2.{index}")),
            format!("192.0.2.{index}"),
        )
    };
    let make = |make: fn(Target, &str) -> EndpointReport, index| {
        let (target, address) = at(index);
        make(target, &address)
    };
    let mut renewed = make(rejecting, 5);
    renewed
        .tls
        .as_mut()
        .unwrap()
        .certificate
        .as_mut()
        .unwrap()
        .sha256 = "ff".to_owned();
    let mut upgraded = make(default_cluster, 6);
    upgraded.identification.as_mut().unwrap().version = Some("v1.35.0".to_owned());
    let old = [
        make(default_cluster, 1),
        make(rejecting, 2),
        make(silent, 3),
        make(rejecting, 4),
        make(rejecting, 5),
        make(default_cluster, 6),
        make(exposed, 7),
        make(default_cluster, 9),
    ];
    let new = [
        make(exposed, 1),
        make(default_cluster, 2),
        make(default_cluster, 3),
        make(silent, 4),
        renewed,
        upgraded,
        make(default_cluster, 7),
        make(rejecting, 8),
    ];
    assert_eq!(
        texts(&snapshot(&new).changes_since(&snapshot(&old))),
        [
            "192.0.2.1 verdict: forbidden → exposed opens",
            "192.0.2.2 verdict: rejected → forbidden opens",
            "192.0.2.3 appeared: unreachable → forbidden opens",
            "192.0.2.7 verdict: exposed → forbidden",
            "192.0.2.8 appeared: - → rejected",
            "192.0.2.4 gone: rejected → unreachable",
            "192.0.2.9 gone: forbidden → -",
            "192.0.2.6 version: v1.34.1 → v1.35.0",
            "192.0.2.5 certificate: CN=kube-apiserver (00…) → CN=kube-apiserver (ff…)",
        ]
    );
    assert!(snapshot(&old).changes_since(&snapshot(&old)).is_empty());
}

/// By name where there is one, or else by address.
#[test]
fn changes_of_one_kind_are_in_natural_order() {
    let named = |host: &str, label: Option<&str>| {
        let label = label.map(Into::into);
        let target = target(0, host);
        default_cluster(Target { label, ..target }, "192.0.2.1")
    };
    let new = [
        named("192.0.2.10", None),
        named("192.0.2.9", None),
        named("192.0.2.2", Some("n-100")),
        named("192.0.2.3", Some("n-9")),
        named("192.0.2.4", Some("n-10")),
    ];
    let changes = snapshot(&new).changes_since(&Snapshot::default());
    let order: Vec<&str> = (changes.iter())
        .map(|change| change.label.as_deref().unwrap_or(change.about.as_str()))
        .collect();
    assert_eq!(
        order,
        [
            "https://192.0.2.9:6443",
            "https://192.0.2.10:6443",
            "n-9",
            "n-10",
            "n-100"
        ]
    );
}

/// Exposed and then forbidden is better only if what was open was asked again.
#[test]
fn a_better_verdict_counts_only_if_what_proved_the_old_one_was_asked_again() {
    let list = "/api/v1/secrets";
    let only_list = |asked: &[(&'static str, bool)]| {
        let closed = [("/api", Ok(forbidden())), ("/healthz", Ok(ok()))];
        let lists = asked.iter().map(|(path, open)| {
            let listed = reply(405, "application/json", "").marked();
            (*path, Ok(if *open { listed } else { forbidden() }))
        });
        let answers = [("/version", Ok(version()))].into_iter().chain(closed);
        let observation = failing(1, answers.chain(lists)).with_kubeadm_tls();
        [record(target(0, "192.0.2.1"), "192.0.2.1", observation)]
    };
    let changes = |now: &[EndpointReport]| {
        let open = snapshot(&only_list(&[(list, true)]));
        texts(&snapshot(now).changes_since(&open))
    };
    assert_eq!(
        changes(&only_list(&[])),
        ["192.0.2.1 not-asked-again: exposed (/api/v1/secrets) → -"]
    );
    assert_eq!(
        changes(&only_list(&[(list, false)])),
        ["192.0.2.1 verdict: exposed → forbidden"]
    );
    assert_eq!(
        changes(&[silent(target(0, "192.0.2.1"), "192.0.2.1")]),
        ["192.0.2.1 gone: exposed → unreachable"]
    );
    // Limited because of one path that is not always asked.
    let limited = |more: Option<Reply>| {
        let paths = ["/version", "/api", "/healthz", "/livez", "/readyz"];
        let answers = paths.map(|path| (path, Ok(unauthorized()))).into_iter();
        let more = more.map(|reply| ("/apis", Ok(reply)));
        let observation = failing(1, answers.chain(more)).with_kubeadm_tls();
        snapshot(&[record(target(0, "192.0.2.1"), "192.0.2.1", observation)])
    };
    let before = limited(Some(forbidden()));
    assert_eq!(
        texts(&limited(None).changes_since(&before)),
        ["192.0.2.1 not-asked-again: limited (/apis) → -"]
    );
    assert_eq!(
        texts(&limited(Some(unauthorized())).changes_since(&before)),
        ["192.0.2.1 verdict: limited → rejected"]
    );
}

/// Paths are compared if both scans asked them.
#[test]
fn opened_and_closed_paths_are_changes_if_the_verdict_stays() {
    let since = |before: &[(&'static str, bool)], now: &[(&'static str, bool)]| {
        texts(&snapshot(&[opening(now)]).changes_since(&snapshot(&[opening(before)])))
    };
    assert_eq!(
        since(&[("/apis", false)], &[("/apis", true)]),
        ["192.0.2.1 opened: - → /apis opens"]
    );
    assert_eq!(
        since(&[("/apis", true)], &[("/apis", false)]),
        ["192.0.2.1 closed: /apis → -"]
    );
    assert_eq!(
        since(
            &[("/apis", true), ("/metrics", false)],
            &[("/apis", false), ("/metrics", true)]
        ),
        [
            "192.0.2.1 opened: - → /metrics opens",
            "192.0.2.1 closed: /apis → -"
        ]
    );
    for silent in [
        (&[][..], &[("/apis", true)][..]),
        (&[("/apis", true)], &[]),
        (&[], &[("/apis", false)]),
    ] {
        assert_eq!(since(silent.0, silent.1), [""; 0], "{silent:?}");
    }
}

/// The baseline was scanned without `--deep` and `--path`, so nothing is known about its further paths.
#[test]
fn a_path_that_only_the_new_scan_asked_is_a_new_finding_but_no_change() {
    let (before, now) = ([opening(&[])], [opening(&[("/metrics", true)])]);
    let evaluation = since(&before, &now);
    assert_eq!(
        find(&evaluation, "anonymous-discovery-exposed").baseline,
        Some(BaselineState::New)
    );
    assert!(snapshot(&now).changes_since(&snapshot(&before)).is_empty());
}

/// Six paths are named. In alphabetical order, `events` would be named and `secrets` would not.
#[test]
fn the_most_sensitive_paths_are_named() {
    let lists = [
        "/api/v1/events",
        "/api/v1/nodes",
        "/api/v1/pods",
        "/api/v1/secrets",
        "/apis",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/metrics",
    ];
    let all = |open: bool| [opening(&lists.map(|path| (path, open)))];
    let (open, shut) = (snapshot(&all(true)), snapshot(&all(false)));
    let named = "/api/v1/secrets, /apis/rbac.authorization.k8s.io/v1/clusterroles, /api/v1/events, \
                 /api/v1/nodes, /api/v1/pods, /metrics and 1 more";
    assert_eq!(
        texts(&open.changes_since(&shut)),
        [format!("192.0.2.1 opened: - → {named} opens")]
    );
    assert_eq!(
        texts(&shut.changes_since(&open)),
        [format!("192.0.2.1 closed: {named} → -")]
    );
}

#[test]
fn a_name_with_other_addresses_is_unchanged() {
    let old = [
        default_cluster(target(0, "api.example"), "192.0.2.1"),
        default_cluster(target(0, "api.example"), "192.0.2.2"),
    ];
    let new = [default_cluster(target(0, "api.example"), "198.51.100.1")];
    assert!(snapshot(&new).changes_since(&snapshot(&old)).is_empty());
}

/// A shard or a stopped scan says nothing about targets that it did not ask.
#[test]
fn a_target_that_was_not_asked_is_not_gone() {
    let [one, two] = [1, 2].map(|index| {
        let address = format!("192.0.2.{index}");
        default_cluster(target(index, &address), &address)
    });
    let (both, mut part) = (
        snapshot(&[one.clone(), two.clone()]),
        snapshot(std::slice::from_ref(&one)),
    );
    assert_eq!(
        texts(&part.changes_since(&both)),
        ["192.0.2.2 gone: forbidden → -"]
    );
    assert_eq!(
        texts(&both.changes_since(&part)),
        ["192.0.2.2 appeared: - → forbidden opens"]
    );
    part.partial = true;
    assert!(part.changes_since(&both).is_empty() && both.changes_since(&part).is_empty());
    // A target that this machine could not ask is not gone either.
    let mut short = two;
    short.verdict = Verdict::Unreachable;
    short.failure = Some(Failure::new(
        Stage::Connect,
        FailureKind::ResourcesExhausted,
        "",
    ));
    let short = snapshot(&[one, short]);
    assert!(short.changes_since(&both).is_empty() && both.changes_since(&short).is_empty());
}

#[test]
fn half_of_the_named_targets_silent_is_an_outage() {
    let day = |silent_ones: u64, all: u64| {
        let reports: Vec<EndpointReport> = (0..all)
            .map(|index| {
                let address = format!("192.0.2.{index}");
                let make = if index < silent_ones {
                    silent
                } else {
                    rejecting
                };
                make(target(index, &address), &address)
            })
            .collect();
        reports
    };
    let outage = |before: &[EndpointReport], now: &[EndpointReport]| {
        let outage = snapshot(now).outage_since(&snapshot(before));
        outage.map(|outage| (outage.silent, outage.asked))
    };
    let before = day(0, 40);
    assert_eq!(outage(&before, &day(20, 40)), Some((20, 40)));
    assert_eq!(outage(&before, &day(40, 40)), Some((40, 40)));
    assert_eq!(outage(&before, &day(19, 40)), None, "fewer than half");
    assert_eq!(outage(&day(0, 9), &day(9, 9)), None, "fewer than ten");
    // Targets count that answered before and were asked now.
    assert_eq!(outage(&day(25, 40), &day(40, 40)), Some((15, 15)));
    assert_eq!(outage(&before, &day(30, 36)), Some((30, 36)));
    // An address of a range is silent for its own reasons, and a failure here is no silence there.
    let mut in_range = before;
    for report in &mut in_range {
        report.target.named = false;
    }
    assert_eq!(outage(&in_range, &day(40, 40)), None);
    let mut failed_here = day(40, 40);
    for report in &mut failed_here {
        report.failure = Some(Failure::new(
            Stage::Connect,
            FailureKind::ResourcesExhausted,
            "",
        ));
    }
    assert_eq!(outage(&day(0, 40), &failed_here), None);
}
