//! Findings of every kind. Their rules are written by hand, because formats do not depend on the real rules.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{
    Acceptance, BaselineState, Change, ChangeKind, Confidence, Control, EndpointReport, Finding,
    Fingerprint, Identity, Remediation, Rule, Severity, Site, Step,
};

/// A remediation with everything that one can have.
pub(crate) fn remediation() -> Remediation {
    let step = |text: &'static str, command: Option<&'static str>| Step {
        text: text.into(),
        command: command.map(Into::into),
    };
    Remediation {
        summary: "Mend it & restart.".into(),
        steps: vec![
            step(
                "Mend it.",
                Some("kubectl mend --all | grep 'a*'\nset:\n  open: false"),
            ),
            step("Restart it.", None),
        ],
        breaks: Some("Probes of <it> fail.".into()),
        undo: Some("Set it as it was.".into()),
        reference: None,
    }
}

pub(super) const fn rule(
    id: &'static str,
    severity: Severity,
    score: &'static str,
    cwe: Option<u16>,
) -> Rule {
    Rule {
        id,
        title: "Anybody may do this",
        meaning: "It means something.",
        proof: "An answer proves it.",
        advice: |_| remediation(),
        anonymous_access: false,
        about_coverage: false,
        severity,
        score,
        page: "https://docs.example/",
        cwe,
        controls: &[Control {
            framework: "CIS Kubernetes Benchmark",
            id: "1.2.1",
            text: "Ensure that it is off",
        }],
    }
}

pub(crate) static RESOURCES: Rule = Rule {
    anonymous_access: true,
    ..rule("resources-exposed", Severity::Critical, "9.8", Some(306))
};
pub(crate) static ENABLED: Rule = Rule {
    anonymous_access: true,
    ..rule("anonymous-enabled", Severity::Medium, "5.3", Some(1188))
};
pub(crate) static VERSION: Rule = rule("version-disclosed", Severity::Low, "3.1", Some(497));
pub(crate) static HEALTH: Rule = rule("health-open", Severity::Note, "0.0", None);
pub(crate) static UNMET: Rule = rule("expectation-unmet", Severity::High, "7.0", None);
pub(crate) static INCONCLUSIVE: Rule = rule("inconclusive", Severity::Low, "2.0", None);
pub(crate) static RULES: [&Rule; 6] = [
    &RESOURCES,
    &ENABLED,
    &VERSION,
    &HEALTH,
    &UNMET,
    &INCONCLUSIVE,
];

/// A finding at one endpoint, proven by its first two requests.
pub(crate) fn finding(rule: &'static Rule, report: &EndpointReport, message: &str) -> Finding {
    let about = Identity::of_target(&report.target);
    Finding {
        rule,
        severity: rule.severity,
        confidence: Confidence::High,
        fingerprint: Fingerprint::of(rule.id, &about),
        about,
        index: Some(report.target.index),
        origin: Arc::clone(&report.target.origin),
        label: report.target.label.clone(),
        sites: (report.endpoint.iter())
            .map(|endpoint| {
                let requests = (0..report.requests.len()).take(2).collect();
                Site::of(
                    endpoint.clone(),
                    requests,
                    &report.requests,
                    &Arc::default(),
                )
            })
            .collect(),
        verdict: Some(report.verdict),
        expected: None,
        message: message.to_owned(),
        remediation: rule.remediation(),
        open: BTreeSet::new(),
        rests_on: BTreeSet::new(),
        needs: Vec::new(),
        baseline: None,
        acceptance: None,
        last_seen: None,
    }
}

/// Findings of the mixed scan, worst first: new, unchanged, absent, accepted, with an expired acceptance, with a
/// lower severity than the rule's, and one about a specification.
pub(crate) fn of(reports: &[EndpointReport]) -> Vec<Finding> {
    let (open, default, lab) = (&reports[0], &reports[1], &reports[5]);
    let state = |state, finding| Finding {
        baseline: Some(state),
        ..finding
    };
    let acceptance = |in_force, expires: &str| Acceptance {
        reason: "a lab, behind the VPN".to_owned(),
        owner: "platform@example.com".to_owned(),
        expires: expires.parse().unwrap(),
        in_force,
    };
    let gone = &reports[10];
    let about = Identity::of_specification(&gone.target.origin);
    vec![
        state(
            BaselineState::New,
            finding(
                &RESOURCES,
                open,
                "anonymous callers may list /api/v1/secrets",
            ),
        ),
        state(
            BaselineState::New,
            finding(&UNMET, open, "expected rejected, found exposed"),
        ),
        Finding {
            fingerprint: Fingerprint::of(UNMET.id, &about),
            about,
            index: None,
            sites: Vec::new(),
            confidence: Confidence::Medium,
            ..state(
                BaselineState::New,
                finding(&UNMET, gone, "expected rejected, found unreachable"),
            )
        },
        Finding {
            remediation: Remediation {
                summary: "Restrict the public endpoint.".into(),
                reference: Some("https://docs.example/versions".into()),
                ..Remediation::default()
            },
            ..state(
                BaselineState::Unchanged,
                finding(&ENABLED, default, "403 as system:anonymous"),
            )
        },
        Finding {
            acceptance: Some(acceptance(true, "2027-01-31")),
            ..state(
                BaselineState::Unchanged,
                finding(&ENABLED, lab, "403 as system:anonymous"),
            )
        },
        Finding {
            acceptance: Some(acceptance(false, "2026-09-30")),
            ..state(
                BaselineState::Unchanged,
                finding(&VERSION, default, "/version says v1.33.5-eks-1"),
            )
        },
        Finding {
            severity: Severity::Low,
            confidence: Confidence::Low,
            ..state(
                BaselineState::Absent,
                finding(&ENABLED, &reports[6], "403 as system:anonymous"),
            )
        },
        state(
            BaselineState::Unchanged,
            finding(&HEALTH, lab, "health is open to anybody: /healthz"),
        ),
    ]
}

/// A change of each kind.
pub(crate) fn changes(reports: &[EndpointReport]) -> Vec<Change> {
    let change =
        |report: &EndpointReport, kind, before: Option<&str>, after: Option<&str>| Change {
            about: Identity::of_target(&report.target),
            origin: Arc::clone(&report.target.origin),
            label: report.target.label.clone(),
            kind,
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
            opens: false,
        };
    vec![
        Change {
            opens: true,
            ..change(
                &reports[0],
                ChangeKind::Verdict,
                Some("forbidden"),
                Some("exposed"),
            )
        },
        Change {
            opens: true,
            ..change(&reports[1], ChangeKind::Appeared, None, Some("forbidden"))
        },
        Change {
            opens: true,
            ..change(
                &reports[0],
                ChangeKind::Opened,
                None,
                Some("/api/v1/secrets"),
            )
        },
        change(
            &reports[10],
            ChangeKind::Gone,
            Some("rejected"),
            Some("unreachable"),
        ),
        change(
            &reports[2],
            ChangeKind::NotAskedAgain,
            Some("exposed (/metrics)"),
            None,
        ),
        change(
            &reports[0],
            ChangeKind::Version,
            Some("v1.33.5"),
            Some("v1.34.1"),
        ),
        change(
            &reports[0],
            ChangeKind::Certificate,
            Some("CN=kube-apiserver, until 2026-10-01"),
            Some("CN=kube-apiserver, until 2027-01-01"),
        ),
        change(&reports[0], ChangeKind::Closed, Some("/metrics"), None),
    ]
}
